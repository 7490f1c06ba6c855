"""Which files of a folder are recordings: one rule for every verb."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["SUFFIXES", "recordings_in"]

SUFFIXES = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".nist", ".sph", ".voc"),
)
"""Of sound files that people keep and libsndfile reads. A file that is named may have any suffix:
its content decides."""

UNREAD = (".m4a", ".aac", ".mp4", ".3gp", ".wma", ".amr", ".webm", ".mka", ".spx", ".ape", ".wv")
"""Of sound files that libsndfile does not read."""

Skipped = list[tuple[Path, str]]


def recordings_in(folder: Path, deep: bool = True) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The sound files of a folder, in order, and what looks like one but is none.

    Args:
        folder: is there and can be read.
        deep: folders inside it too, also those that are links.

    Returns:
        The files, and pairs of a path and why it is skipped: what macOS leaves beside files on
        foreign disks (``._yes.wav``), folders whose name ends like a sound file's (their files
        count), formats that are not read, folders inside it that cannot be read, and links back
        to a folder that they are in.

    Raises:
        OSError: the folder cannot be read.
    """
    skipped: Skipped = []
    found: list[Path] = []
    for path in _walk(folder, deep, skipped, ()):
        suffix = path.suffix.lower()
        if suffix in UNREAD:
            skipped.append(
                (path, f"{suffix} is not read: convert it with 'ffmpeg -i FILE out.wav'")
            )
        elif suffix in SUFFIXES:
            if path.name.startswith("._"):
                skipped.append((path, "macOS keeps a file's attributes there, not sound"))
            else:
                found.append(path)
    return sorted(found), sorted(skipped)


def _walk(
    folder: Path, deep: bool, skipped: Skipped, above: tuple[tuple[int, int], ...]
) -> Iterator[Path]:
    """Everything that is no folder. `above` are device and number of the folders it is in."""
    status = os.stat(folder)
    here = (*above, (status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        names = [(Path(entry.path), _is_folder(entry)) for entry in entries]
    for path, is_folder in names:
        if not is_folder:
            yield path
            continue
        if path.suffix.lower() in SUFFIXES:
            skipped.append((path, "it is a folder"))
        if not deep:
            continue
        try:
            inside = os.stat(path)
            if (inside.st_dev, inside.st_ino) in here:
                skipped.append((path, "it is a link to a folder that it is in"))
                continue
            yield from _walk(path, deep, skipped, here)
        except OSError as error:
            skipped.append((path, f"the folder cannot be read: {error.strerror or error}"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
