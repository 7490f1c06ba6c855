"""Standard output and error that are closed, full, or of a small alphabet: never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from akrt.model import InputData, Model

VERBS = [
    ("--help",),
    ("--version",),
    ("run", "--demo"),
    ("run", "--demo", "--json"),
    ("summary",),
    ("summary", "--json"),
    ("check", "--target", "mcu"),
    ("devices", "--json"),
    ("doctor",),
]


def shell(line: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, env={**os.environ, **env}, timeout=120
    )


def akrt(*arguments: str) -> str:
    return " ".join([sys.executable, "-m", "akrt", *arguments])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", VERBS, ids=" ".join)
@pytest.mark.parametrize("buffered", [True, False])
def test_a_full_disk_is_told_in_one_line(arguments: tuple[str, ...], buffered: bool) -> None:
    """A buffered output is written last, when the command has ended already."""
    how = "env -u PYTHONUNBUFFERED" if buffered else "env PYTHONUNBUFFERED=1"
    done = shell(f"{how} {akrt(*arguments)} >/dev/full")
    assert done.returncode in (3, 4)
    lines = done.stderr.decode().strip().splitlines()
    assert len(lines) == 1
    assert "No space left on device" in lines[0]
    assert lines[0].startswith("akrt: ")


@pytest.mark.parametrize("arguments", VERBS, ids=" ".join)
def test_a_closed_output_is_told_before_anything_is_done(arguments: tuple[str, ...]) -> None:
    done = shell(f"{akrt(*arguments)} >&-")
    assert done.returncode == 3
    assert done.stderr.decode() == (
        "akrt: standard output is closed: there is no place for the answer\n"
    )


def test_a_closed_error_output_loses_nothing() -> None:
    done = shell(f"{akrt('run', '--demo', '--json')} 2>&-")
    assert done.returncode == 0
    assert json.loads(done.stdout)["labelled"] >= 40
    assert shell(f"{akrt('run', 'none.wav')} 2>&-").returncode == 3
    assert shell(f"{akrt('run', '--demo')} <&-").returncode == 0


def test_a_reader_who_leaves_is_not_told() -> None:
    done = shell(f"set -o pipefail; {akrt('run', '--demo')} | head -n 1")
    assert done.stderr == b""
    assert done.returncode in (0, 1)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_alphabet(tmp_path: Path, encoding: str) -> None:
    """Labels, names and notes of any script, control characters and lone surrogates among them."""
    labels = ("größe", "日本語", "\x1b[31mred", "\ud800")
    Model(
        (InputData("in", (1, 1, 4), 4),),
        name="\x1b]0;title\x07",
        labels=labels,
        notes={"[bold]k[/bold]": "\u202enote"},
    ).save(tmp_path / "m.akrt")
    for arguments in (("summary",), ("summary", "--json")):
        done = shell(akrt(*arguments, *([str(tmp_path / "m.akrt")])), PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout
        assert b"\x07" not in done.stdout
        text = done.stdout.decode(encoding)
        if "--json" in arguments:
            assert tuple(json.loads(text)["labels"]) == labels
        else:
            assert "\\x1b[31mred" in text
            assert "[bold]k[/bold]" in text


def test_json_holds_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    labels = ("\x9b31m", "\u202eabc", "\u2028", "plain")
    Model((InputData("in", (1, 1, 4), 4),), labels=labels).save(tmp_path / "m.akrt")
    done = shell(akrt("summary", "--json", str(tmp_path / "m.akrt")), PYTHONIOENCODING="utf-8")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert tuple(json.loads(done.stdout)["labels"]) == labels


def test_warnings_are_one_line(tmp_path: Path) -> None:
    code = (
        "import sys, warnings; sys.argv = ['akrt', '--help']\n"
        "import akrt.cli, akrt.cli.commands as c\n"
        "before = c.app\n"
        "def app():\n    warnings.warn('a\\nb \\x1b[2J'); before()\n"
        "c.app = app\n"
        "akrt.cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == "akrt: warning: a b \\x1b[2J\n"
