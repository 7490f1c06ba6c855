"""What is written, and that nothing else is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from akrt.errors import OutputError, UsageError
from akrt.kws.reports import check_file, check_folder, check_report, write_report

FACTS = {"accuracy": 0.5, "word": "ja\u00df"}


def test_a_report_is_replaced_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    write_report(folder, FACTS, {"a.txt": b"1", "b.txt": b"2"})
    write_report(folder, FACTS, {"a.txt": b"3"})
    write_report(folder, FACTS, {"a.txt": b"4", "b.txt": b"5"})
    assert json.loads((folder / "report.json").read_text())["word"] == FACTS["word"]
    assert {p.name: p.read_bytes() for p in folder.glob("*.txt")} == {"a.txt": b"4", "b.txt": b"5"}


@pytest.mark.parametrize("name", ["a.txt", "report.json"])
@pytest.mark.parametrize("report", [False, True])
def test_what_is_not_ours_or_was_changed_stays(tmp_path: Path, name: str, report: bool) -> None:
    if report:
        write_report(tmp_path, FACTS, {"a.txt": b"1"})
    mine = (tmp_path / name).read_bytes() + b" " if report else b"{}"
    (tmp_path / name).write_bytes(mine)
    for work in (
        lambda: check_report(tmp_path, ["a.txt"]),
        lambda: write_report(tmp_path, FACTS, {"a.txt": b"2"}),
    ):
        with pytest.raises(UsageError, match=f"{name}' exists and is not what akrt wrote.*--force"):
            work()
    assert (tmp_path / name).read_bytes() == mine
    write_report(tmp_path, FACTS, {"a.txt": b"2"}, force=True)
    assert (tmp_path / "a.txt").read_bytes() == b"2"


def test_places_that_cannot_be_written_are_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="'.*file' is not a folder"):
        check_folder(tmp_path / "file" / "below")
    with pytest.raises(OutputError, match="it is a folder"):
        check_file(tmp_path, lambda _: True, force=True)
    with pytest.raises(OutputError, match="is not a folder"):
        check_file(tmp_path / "none" / "a", lambda _: True)
    with pytest.raises(UsageError, match="file' exists and is not what akrt wrote"):
        check_file(tmp_path / "file", lambda _: False)
    check_file(tmp_path / "file", lambda _: False, force=True)
    check_file(tmp_path / "new", lambda _: False)
    check_folder(tmp_path / "a" / "b")
