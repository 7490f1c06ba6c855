"""Which files of a folder are recordings: one rule for every verb."""

from __future__ import annotations

from pathlib import Path

from akrt.folders import FileKind

__all__ = ["RECORDINGS", "SUFFIXES", "recordings_in"]

SUFFIXES = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".nist", ".sph", ".voc"),
)
"""Of sound files that people keep and libsndfile reads. A file that is named may have any suffix:
its content decides."""

UNREAD = (".m4a", ".aac", ".mp4", ".3gp", ".wma", ".amr", ".webm", ".mka", ".spx", ".ape", ".wv")
"""Of sound files that libsndfile does not read."""

RECORDINGS = FileKind(
    "sound",
    "sound file",
    SUFFIXES,
    dict.fromkeys(UNREAD, "convert it with 'ffmpeg -i FILE out.wav'"),
)


def recordings_in(folder: Path, deep: bool = True) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The sound files of a folder, and what is skipped and why, as `FileKind.files`.

    Raises:
        OSError: the folder cannot be read.
    """
    return RECORDINGS.files(folder, deep)
