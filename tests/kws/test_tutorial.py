"""The example that walks the tutorial's five steps runs and prints what the tutorial prints."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import need

from akrt.audio import features_from_file
from akrt.kws.featureset import FeatureSet
from akrt.model import Mfcc

EXAMPLE = Path(__file__).parents[2] / "examples" / "kws_tutorial.py"


def run(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_runs_on_what_ships(tmp_path: Path) -> None:
    printed = run("--figure", tmp_path / "confusion.png")
    for heading in ("1. Data", "2. Float", "3. Quantised", "4. Akida", "5. Confusion"):
        assert heading in printed
    assert "'_silence_': 0" in printed
    layers = re.findall(r"^(conv_0|separable_\d|dense_5) ", printed, re.MULTILINE)
    assert layers == ["conv_0", *(f"separable_{i}" for i in range(1, 5)), "dense_5"]
    assert "25x5x64" in printed
    accuracy = re.search(r"Akida accuracy: (\S+)", printed)
    assert accuracy is not None
    assert float(accuracy[1]) > 0.5
    assert "identical: False" not in printed


def test_runs_on_keras_files(tmp_path: Path, starter_models: Path, recordings: Path) -> None:
    for package in ("tensorflow", "tf_keras", "cnn2snn", "akida_models", "akida"):
        need(package)
    index = json.loads((starter_models / "word_to_index.json").read_text())
    words = tuple(sorted(index, key=lambda word: index[word]))
    found = [
        (path, words.index(word))
        for word in ("one", "two", "seven")
        for path in sorted((recordings / "fsdd" / word).iterdir())[:15]
    ]
    x = np.stack([features_from_file(path, Mfcc()) for path, _ in found])
    y = np.array([label for _, label in found], np.int64)
    zeros = np.zeros(len(y), np.int32)
    FeatureSet(
        x, y, np.full(len(y), 2, np.uint8), zeros.astype(np.uint8), zeros, zeros, zeros,
        words, ("real",), ("someone",),
    ).save(tmp_path / "f.npz")  # fmt: skip
    printed = run(
        tmp_path / "f.npz",
        "--float",
        starter_models / "starter_float.h5",
        "--quantised",
        starter_models / "starter_quantised.h5",
        "--figure",
        tmp_path / "confusion.png",
    )
    assert "Total params: 23713" in printed.replace(",", "")
    assert "Total params: 22753" in printed.replace(",", "")
    assert len(re.findall(r"accuracy: [01]\.\d+", printed)) == 3
    assert "Outputs of Akida simulator identical: True" in printed
    if "Drawn to" in printed:
        assert (tmp_path / "confusion.png").stat().st_size > 10_000
    else:
        pytest.skip("matplotlib is not installed")
