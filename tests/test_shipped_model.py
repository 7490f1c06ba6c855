"""The network and the clips that ship: right on most of them, equal on every backend."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from conftest import need

import akrt
from akrt.audio import features_from_file
from akrt.kws.words import TUTORIAL
from akrt.model import InputData, Mfcc, Model
from akrt.runtime import bundled_model

CLIPS = Path(str(files("akrt"))) / "data" / "clips"


@pytest.fixture(scope="module")
def model() -> Model:
    return bundled_model()


def features(paths: list[Path]) -> np.ndarray:
    return np.stack([features_from_file(path, Mfcc()) for path in paths])


def test_it_is_the_tutorials_network(model: Model) -> None:
    assert model.labels == TUTORIAL
    assert model.preprocessing == Mfcc()
    assert [layer.kind for layer in model.layers] == [
        "InputConvolutional",
        *["SeparableConvolutional"] * 4,
        "FullyConnected",
    ]
    assert [node.output_shape for node in model.nodes] == [
        *[(25, 5, 64)] * 4,
        (1, 1, 64),
        (1, 1, 33),
    ]
    biases = sum(len(layer.threshold) for layer in model.layers if not isinstance(layer, InputData))
    assert model.weights + biases == 22_753


def test_registers_of_the_chip_hold_its_thresholds_and_steps(model: Model) -> None:
    for i, layer in enumerate(model.layers):
        assert not isinstance(layer, InputData)
        threshold_bits, step_bits = (24, 20) if i == 0 else (20, 16)
        assert np.abs(layer.threshold.astype(np.int64)).max() < 1 << (threshold_bits - 1)
        assert layer.act_step.max() < 1 << step_bits


def test_every_class_has_a_clip_and_most_are_named_right(model: Model) -> None:
    paths = sorted(CLIPS.glob("*/*.flac"))
    assert len(paths) >= 40
    assert {path.parent.name for path in paths} == set(TUTORIAL)
    x = features(paths)
    truth = [TUTORIAL.index(path.parent.name) for path in paths]
    native = akrt.Runtime(model, backend="native")
    assert native.evaluate(x, truth) > 0.8
    outputs = akrt.Runtime(model, backend="reference").layer_outputs(x)
    for name, ours in native.layer_outputs(x).items():
        np.testing.assert_array_equal(ours, outputs[name])


def test_real_recordings_are_mostly_named_right_and_equal_akida(
    model: Model, recordings: Path
) -> None:
    need("akida")
    paths = [p for p in sorted((recordings / "test").glob("*/*.flac")) if p.parent.name in TUTORIAL]
    x = features(paths)
    truth = [TUTORIAL.index(path.parent.name) for path in paths]
    native, simulator = (akrt.Runtime(model, backend=b) for b in ("native", "simulator"))
    np.testing.assert_array_equal(native.predict(x), simulator.predict(x))
    assert native.evaluate(x, truth) > 0.85
