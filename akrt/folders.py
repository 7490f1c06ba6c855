"""Which files of a folder are of a kind: one rule for every verb."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FileKind"]

Skipped = list[tuple[Path, str]]


@dataclass(frozen=True)
class FileKind:
    """Files of a kind, told by their names' ends in a folder; one that is named is told by what is
    in it."""

    name: str
    """What one is: "sound", "a picture"."""
    file: str
    """What people call one: "sound file", "picture"."""
    suffixes: tuple[str, ...]
    unread: Mapping[str, str]
    """By suffixes of the kind that are not read, what to do with the file."""

    def files(self, folder: Path, deep: bool = True) -> tuple[list[Path], Skipped]:
        """The files of a folder, in order, and what looks like one but is none.

        Args:
            folder: is there and can be read.
            deep: folders inside it too, also those that are links.

        Returns:
            The files, and pairs of a path and why it is skipped: what macOS leaves beside files on
            foreign disks (``._yes.wav``), folders whose name ends like such a file's (their files
            count), formats that are not read, folders inside it that cannot be read, and links
            back to a folder that they are in.

        Raises:
            OSError: the folder cannot be read.
        """
        skipped: Skipped = []
        found: list[Path] = []
        for path in self._walk(folder, deep, skipped, ()):
            suffix = path.suffix.lower()
            if suffix in self.unread:
                skipped.append((path, f"{suffix} is not read: {self.unread[suffix]}"))
            elif suffix in self.suffixes:
                if path.name.startswith("._"):
                    reason = f"macOS keeps a file's attributes there, not {self.name}"
                    skipped.append((path, reason))
                else:
                    found.append(path)
        return sorted(found), sorted(skipped)

    def _walk(
        self, folder: Path, deep: bool, skipped: Skipped, above: tuple[tuple[int, int], ...]
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
            if path.suffix.lower() in self.suffixes:
                skipped.append((path, "it is a folder"))
            if not deep:
                continue
            try:
                inside = os.stat(path)
                if (inside.st_dev, inside.st_ino) in here:
                    skipped.append((path, "it is a link to a folder that it is in"))
                    continue
                yield from self._walk(path, deep, skipped, here)
            except OSError as error:
                skipped.append((path, f"the folder cannot be read: {error.strerror or error}"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
