"""A word anywhere in a recording is heard, and where it was heard is told."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
import soundfile
from in_process import run_akrt

import akrt
from akrt.audio import features_from_file, load_audio

RATE = 16000


def command(*arguments: object, code: int = 0) -> tuple[str, str]:
    done = run_akrt(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def word() -> np.ndarray:
    """ "yes", one second."""
    with as_file(files("akrt") / "data" / "clips" / "yes" / "espeak_f5.flac") as path:
        return load_audio(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, word: np.ndarray) -> Path:
    """yes/ with the word alone, late in 3 s, late in 30 s; _silence_/ with 2 s of nothing."""
    home = tmp_path_factory.mktemp("long")
    (home / "yes").mkdir()
    (home / "_silence_").mkdir()
    soundfile.write(home / "yes" / "alone.wav", word, RATE)
    for name, before, after in (("late", 1.5, 0.5), ("later", 20.25, 8.75)):
        sound = [np.zeros(int(RATE * before)), word, np.zeros(int(RATE * after))]
        soundfile.write(home / "yes" / f"{name}.wav", np.concatenate(sound), RATE)
    soundfile.write(home / "_silence_" / "nothing.wav", np.zeros(2 * RATE), RATE)
    return home


def test_run_listens_to_the_whole_and_says_where(folder: Path) -> None:
    results = json.loads(command("run", folder / "yes", "--json")[0])["results"]
    alone, late, later = results
    assert [r["word"] for r in results] == ["yes"] * 3
    assert (alone["seconds"], alone["start"], alone["end"], alone["clips"]) == (1, 0, 1, 1)
    assert late["seconds"] == 3
    assert abs(late["start"] - 1.5) < 0.5
    assert late["end"] == pytest.approx(late["start"] + 1)
    assert later["seconds"] == 30
    assert abs(later["start"] - 20.25) < 0.5
    assert later["clips"] == 1 + -(-29000 // 80)
    out, _ = command("run", folder / "yes")
    assert f"{late['start']:.2f}..{late['end']:.2f} s of 3.00 s" in out
    assert "akrt stream" in out
    assert "heard in" not in command("run", folder / "yes" / "alone.wav")[0]


def test_the_clip_that_is_told_is_the_clip_that_was_heard(folder: Path) -> None:
    (late,) = json.loads(command("run", folder / "yes" / "late.wav", "--json")[0])["results"]
    runtime = akrt.Runtime()
    settings = runtime.model.preprocessing
    assert settings is not None
    x = features_from_file(late["file"], settings, start=late["start"])[None]
    logits = runtime.predict(x).reshape(-1).astype(np.float64)
    shares = np.exp(logits - logits.max())
    assert late["score"] == pytest.approx(shares.max() / shares.sum(), rel=1e-6)


def test_silence_all_along_is_silence(folder: Path) -> None:
    (found,) = json.loads(command("run", folder / "_silence_", "--json")[0])["results"]
    assert found["word"] == "_silence_"
    assert found["seconds"] == 2


def test_eval_listens_to_the_whole_and_says_so(folder: Path) -> None:
    facts = json.loads(command("eval", folder, "--json")[0])
    assert facts["classes"]["yes"] == {"clips": 3, "right": 3, "top3": 3}
    assert facts["longer_than_a_clip"] == 3
    out, _ = command("eval", folder)
    assert "3 recordings are longer than the network's clip" in out
