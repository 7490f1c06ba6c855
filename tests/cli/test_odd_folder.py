"""300 damaged and odd files: each is named with its outcome, nothing is lost, nothing is raised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

if os.name != "posix":
    pytest.skip("pipes, sockets and names of bytes are of POSIX systems", allow_module_level=True)

from in_process import run_akrt
from odd_folder import FAILED, HEARD, IGNORED, SKIPPED, build
from sound_files import RATE, wav

from akrt.cli import main

Outcomes = dict[str, tuple[str, str]]


def command(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    done = run_akrt(*arguments)
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    # old releases of rich end a progress bar that was never shown with an empty line
    for line in filter(None, done.stderr.decode().splitlines()):
        assert line.startswith("akrt: "), line  # no words of a library beside ours
        assert line.isprintable(), line
        assert "Error opening" not in line
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcomes]:
    home = tmp_path_factory.mktemp("odd")
    return home, build(home)


def told(facts: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    """Outcome by file; a file has one."""
    pairs = [(entry["file"], FAILED) for entry in facts["failed"]]
    pairs += [(entry["file"], SKIPPED) for entry in facts["skipped"]]
    pairs += [(entry["file"], HEARD) for entry in facts.get("results", [])]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_it_is_large_and_various(folder: tuple[Path, Outcomes]) -> None:
    _, outcomes = folder
    assert len(outcomes) >= 300
    assert len({kind for kind, _ in outcomes.values()}) >= 30


@pytest.mark.parametrize("deep", [True, False], ids=["folder", "files"])
def test_run(folder: tuple[Path, Outcomes], deep: bool) -> None:
    home, outcomes = folder
    paths = [home]
    if not deep:  # the same files, named one by one: none is skipped then
        paths = [Path(p) for p, (_, outcome) in outcomes.items() if outcome in (HEARD, FAILED)]
    done = command("run", "--json", *paths)
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    got = told(facts)
    for path, (kind, outcome) in outcomes.items():
        if deep or outcome in (HEARD, FAILED):
            if kind == "empty class":
                assert path not in got  # it is part of what was named
            elif outcome == IGNORED:
                assert path not in got, path
            else:
                assert got[path] in outcome, (path, got[path])
    assert set(got) <= set(outcomes)
    assert all(entry["error"] for entry in facts["failed"])
    assert all(entry["reason"] for entry in facts["skipped"])
    counts = Counter(got.values())
    assert f"{counts[FAILED]} of {counts[FAILED] + counts[HEARD]} files" in done.stderr.decode()


def test_run_as_a_table(folder: tuple[Path, Outcomes]) -> None:
    home, outcomes = folder
    done = command("run", home)
    assert done.returncode == 0
    text = done.stdout.decode()
    assert not any(c in text for c in "\x1b\u202e")
    for shown in (r"y\xff.wav", r"new\x0aline.wav", r"escape\x1b[2J.wav", "[red]x.wav"):
        assert shown in text
    error = done.stderr.decode()
    for path, (_, outcome) in outcomes.items():
        name = Path(path).name
        if outcome in (FAILED, SKIPPED) and name.isprintable() and name != "down":
            assert name in error, path


def test_eval(folder: tuple[Path, Outcomes]) -> None:
    home, outcomes = folder
    done = command("eval", home, "--json")
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    got = told(facts)
    for path, (_, outcome) in outcomes.items():
        if outcome in (FAILED, SKIPPED):
            assert got[path] == outcome, path
    ran = json.loads(command("run", home, "--json").stdout)["results"]
    assert facts["clips"] == len(ran)  # the same files were heard
    assert facts["classes"]["down"]["clips"] == 0
    assert command("eval", home).returncode == 0


def test_stream(
    folder: tuple[Path, Outcomes],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One file of every kind and outcome, in this process: there are many."""
    _, outcomes = folder
    chosen = {(kind, outcome): path for path, (kind, outcome) in outcomes.items()}
    for (kind, outcome), path in chosen.items():
        monkeypatch.setattr(sys, "argv", ["akrt", "stream", path])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        if outcome == HEARD:
            assert ended.value.code == 0, (kind, err)
            assert "words in" in out
        elif outcome == FAILED:
            assert ended.value.code == 3, (kind, out)
            assert err.startswith("akrt: ")
        else:
            assert ended.value.code in (0, 3), kind


def test_where_nothing_is_left_the_exit_status_is_3(
    folder: tuple[Path, Outcomes], tmp_path: Path
) -> None:
    home, _ = folder
    (tmp_path / "yes").mkdir()
    for name in ("empty.wav", "text.flac", "._a.wav"):
        (tmp_path / "yes" / name).write_text("" if name[0] == "e" else "text")
    for verb in ("run", "eval"):
        done = command(verb, tmp_path, "--json")
        assert done.returncode == 3
        assert not done.stdout
        for name in ("empty.wav", "text.flac", "._a.wav"):
            assert name in done.stderr.decode()
    alone = command("run", home / "no" / "nowhere.wav")
    assert alone.returncode == 3
    assert alone.stderr.decode().endswith("nowhere.wav' does not exist\n")


def test_a_file_that_vanishes_is_told(tmp_path: Path) -> None:
    """Listed, then gone: as a link to nothing is."""
    (tmp_path / "gone.wav").symlink_to("nowhere")
    done = command("run", tmp_path)
    assert done.returncode == 3
    assert "gone.wav': it is a link to 'nowhere', which is not there" in done.stderr.decode()


def test_arrays_and_sounds_together(folder: tuple[Path, Outcomes], tmp_path: Path) -> None:
    import numpy as np

    home, _ = folder
    np.save(tmp_path / "a.npy", np.zeros((2, 49, 10, 1), np.uint8))
    (tmp_path / "b.npy").write_bytes(b"no array")
    good = home / "yes" / "folder.wav" / "inside.wav"
    done = command("run", good, tmp_path / "a.npy", tmp_path / "b.npy", "--json")
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    assert [Path(r["file"]).name for r in facts["results"]] == ["inside.wav", "a.npy", "a.npy"]
    assert [Path(f["file"]).name for f in facts["failed"]] == ["b.npy"]
    assert "it is not a .npy file" in facts["failed"][0]["error"]
    table = command("run", good, tmp_path / "a.npy")
    assert table.returncode == 0
    assert table.stdout.count(b"a.npy") == 2
    assert b"inside.wav" in table.stdout


def test_prepare(folder: tuple[Path, Outcomes], tmp_path: Path) -> None:
    """Everything that is left out is named; the rest becomes features."""
    home, outcomes = folder
    for word in ("yes", "no", "up"):
        (tmp_path / word).symlink_to(home / word)
    (tmp_path / "_background_noise_").mkdir()
    noise = np.random.default_rng(0).normal(0, 0.05, 5 * RATE)
    (tmp_path / "_background_noise_" / "hiss.wav").write_bytes(wav(noise))
    words = ("--words", "yes,no,up", "--per-class", 30)
    done = command("kws", "prepare", tmp_path, "-o", tmp_path / "x.npz", *words)
    assert done.returncode == 0
    assert (tmp_path / "x.npz").is_file()
    error = done.stderr.decode()
    for path, (kind, outcome) in outcomes.items():
        name = Path(path).name
        if (
            outcome in (FAILED, SKIPPED)
            and name.isprintable()
            and kind not in ("circle", "empty class")
        ):
            assert name in error, path
