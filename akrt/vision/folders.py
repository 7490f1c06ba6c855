"""Which files of a folder are pictures: one rule for every verb."""

from __future__ import annotations

from pathlib import Path

from akrt.folders import FileKind

__all__ = ["PICTURES", "pictures_in"]

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".avif", ".ico", ".pcx", ".qoi", ".mpo"),
)
"""Of picture files that people keep and Pillow reads. A file that is named may have any suffix: its
content decides."""

UNREAD = (".heic", ".heif", ".svg", ".psd", ".raw", ".dng", ".cr2", ".nef", ".arw", ".eps", ".pdf")
"""Of picture files that are not read."""

PICTURES = FileKind(
    "a picture", "picture", SUFFIXES, dict.fromkeys(UNREAD, "save it as PNG or JPEG")
)


def pictures_in(folder: Path, deep: bool = True) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The pictures of a folder, and what is skipped and why, as `FileKind.files`.

    Raises:
        OSError: the folder cannot be read.
    """
    return PICTURES.files(folder, deep)
