"""Which files of a folder are recordings: one rule for every verb."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["SUFFIXES", "recordings_in"]

SUFFIXES = (
    *(".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".nist", ".sph", ".voc"),
)
"""Of sound files that people keep and libsndfile reads. A file that is named may have any suffix:
its content decides."""


def recordings_in(folder: Path, deep: bool = True) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The sound files of a folder, in order, and what looks like one but is none.

    Args:
        folder: is there and can be read.
        deep: folders inside it too.

    Returns:
        The files, and pairs of a path and why it is skipped: what macOS leaves beside files on
        foreign disks (``._yes.wav``), and folders whose name ends like a sound file's.

    Raises:
        OSError: the folder cannot be read.
    """
    found: list[Path] = []
    skipped: list[tuple[Path, str]] = []
    paths: Iterable[Path] = folder.rglob("*") if deep else folder.iterdir()
    for path in sorted(paths):
        if path.suffix.lower() not in SUFFIXES:
            continue
        if path.name.startswith("._"):
            skipped.append((path, "macOS keeps a file's attributes there, not sound"))
        elif path.is_dir():
            skipped.append((path, "it is a folder"))
        else:
            found.append(path)
    return found, skipped
