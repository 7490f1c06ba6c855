"""Which files of a folder are recordings, whatever else is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from akrt.audio import SUFFIXES, recordings_in


def names(found: list[Path], home: Path) -> list[str]:
    return [path.relative_to(home).as_posix() for path in found]


def test_every_suffix_in_either_case(tmp_path: Path) -> None:
    wanted = [f"{i:02}{s.upper() if i % 2 else s}" for i, s in enumerate(SUFFIXES)]
    for name in [*wanted, "notes.txt", "wav", ".wav"]:
        (tmp_path / name).touch()
    found, skipped = recordings_in(tmp_path)
    assert names(found, tmp_path) == wanted
    assert not skipped
    assert {".wav", ".flac", ".mp3", ".aif", ".aiff", ".opus", ".ogg", ".caf"} <= set(SUFFIXES)


def test_what_is_skipped_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.wav" / "deep").mkdir(parents=True)
    for name in ("a.wav/deep/b.wav", "._c.wav", "d.m4a"):
        (tmp_path / name).touch()
    found, skipped = recordings_in(tmp_path)
    assert names(found, tmp_path) == ["a.wav/deep/b.wav"]
    assert [(path.name, why.split(":")[0]) for path, why in skipped] == [
        ("._c.wav", "macOS keeps a file's attributes there, not sound"),
        ("a.wav", "it is a folder"),
        ("d.m4a", ".m4a is not read"),
    ]
    assert recordings_in(tmp_path, deep=False)[0] == []


def test_links(tmp_path: Path) -> None:
    """Folders that are links count; links round in a circle end; links to nothing are tried."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.wav").touch()
    (tmp_path / "also").symlink_to("real")
    (tmp_path / "real" / "up").symlink_to("..")
    (tmp_path / "self.wav").symlink_to("self.wav")
    (tmp_path / "gone.wav").symlink_to("nowhere.wav")
    found, skipped = recordings_in(tmp_path)
    assert names(found, tmp_path) == ["also/a.wav", "gone.wav", "real/a.wav", "self.wav"]
    assert names([path for path, _ in skipped], tmp_path) == ["also/up", "real/up"]


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX systems only")
def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/y\xff.wav")).touch()
    (tmp_path / "n\new.wav").touch()
    assert len(recordings_in(tmp_path)[0]) == 2


def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.wav").touch()
    scandir = os.scandir

    def refuse(path: object) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refuse)
    found, skipped = recordings_in(tmp_path)
    assert names(found, tmp_path) == ["a.wav"]
    assert skipped == [(tmp_path / "closed", "the folder cannot be read: Permission denied")]
    with pytest.raises(PermissionError):
        recordings_in(tmp_path / "closed")
