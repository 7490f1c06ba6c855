"""Sound files that went wrong once, from AKRT_TEST_CASES, with what is right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from in_process import run_akrt

CASES = Path(os.environ.get("AKRT_TEST_CASES", "nowhere"), "sound")
if not CASES.is_dir():
    pytest.skip("AKRT_TEST_CASES names no folder of cases", allow_module_level=True)

YES = ("base.wav", "a.aiff", "data_len_zero.wav", "vbr_noxing.mp3", "long_3s.wav")
REFUSED = {"rf64trunc.wav": "is truncated", "dot_underscore_yes.wav": "macOS"}


def command(*arguments: object, code: int, data: bytes = b"") -> tuple[str, str]:
    done = run_akrt(*arguments, data=data)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("name", YES)
def test_yes(name: str) -> None:
    out, error = command("run", CASES / name, code=0)
    assert out.splitlines()[1].split()[1] == "yes"
    assert ("warning" in error) == (name == "data_len_zero.wav")
    assert ("s of " in out) == (name in ("long_3s.wav", "vbr_noxing.mp3"))
    for source, data in ((CASES / name, b""), ("-", (CASES / name).read_bytes())):
        out, _ = command("stream", source, code=0, data=data)
        assert out.splitlines()[0].split()[2] == "yes"


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    assert REFUSED[name] in command("run", CASES / name, code=3)[1]
    assert REFUSED[name] in command("stream", CASES / name, code=3)[1]
    _, error = command("stream", "-", code=3, data=(CASES / name).read_bytes())
    assert REFUSED[name] in error


def test_the_folder(tmp_path: Path) -> None:
    for path in CASES.iterdir():
        (tmp_path / path.name.replace("dot_underscore_", "._")).write_bytes(path.read_bytes())
    out, error = command("run", tmp_path, code=0)
    assert all(name in out for name in YES)
    assert "1 skipped, 1 of 6 files could not be read" in error
