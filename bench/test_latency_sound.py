"""From sound to word: features alone, and a file to its class."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
import soundfile

import akrt
from akrt.audio import features, features_from_file, load_audio, quantise
from akrt.runtime import bundled_model


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A word of one second, 16 kHz, 16 bits."""
    with as_file(files("akrt") / "data" / "clips" / "yes" / "espeak_f5.flac") as clip:
        sound, rate = soundfile.read(clip)
    path = tmp_path_factory.mktemp("sound") / "yes.wav"
    soundfile.write(path, sound, rate, "PCM_16")
    return path


def test_features(benchmark, wav: Path) -> None:
    settings = bundled_model().preprocessing
    sound = load_audio(wav)
    benchmark(lambda: quantise(features(sound, settings), settings))


def test_file_to_features(benchmark, wav: Path) -> None:
    settings = bundled_model().preprocessing
    benchmark(features_from_file, wav, settings)


def test_file_to_word(benchmark, wav: Path) -> None:
    runtime = akrt.Runtime(backend="native", threads=1)
    settings, labels = runtime.model.preprocessing, runtime.model.labels

    def name() -> str:
        logits = runtime.predict(features_from_file(wav, settings)[None])
        return labels[int(np.argmax(logits))]

    assert benchmark(name) == "yes"
