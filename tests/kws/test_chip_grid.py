"""A network on the chip's grid: Keras computes what its converted form computes."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import need

import akrt
from akrt.kws import network
from akrt.kws.chip_grid import move_to_chip_grid
from akrt.kws.network import EPISODES, Episode
from akrt.model import InputData

CLASSES = 7

Logits = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def x() -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(6)
    values = rng.normal(128, 40, (300, 1, 10, 1)) + rng.normal(0, 30, (300, 49, 10, 1))
    return values.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def float_model(x: npt.NDArray[np.uint8]) -> Any:
    """Random weights, normalised on `x`: no layer is dead or saturated."""
    for package in ("tensorflow", "tf_keras", "cnn2snn", "akida_models"):
        need(package)
    _, keras = network.keras_modules()
    keras.utils.set_random_seed(5)
    model = network.build(CLASSES, (49, 10, 1))
    rng = np.random.default_rng(5)
    for layer in model.layers:
        if "BN" in layer.name:
            values = keras.Model(model.input, layer.input).predict(x, verbose=0)
            values = values.reshape(-1, values.shape[-1])
            beta = rng.normal(0.5, 0.5, values.shape[1])
            layer.set_weights([np.ones_like(beta), beta, values.mean(0), values.var(0)])
    return model


@pytest.mark.parametrize("episode", [EPISODES[2], EPISODES[4], EPISODES[5]], ids=lambda e: e.name)
def test_keras_computes_what_is_converted(
    x: npt.NDArray[np.uint8], float_model: Any, episode: Episode, tmp_path: Path
) -> None:
    model = network.quantised(network.quantised(float_model, EPISODES[1]), EPISODES[2])
    if episode != EPISODES[2]:
        model = network.quantised(model, episode)
    keras, native, before = logits(model, x, tmp_path / "before.h5")
    assert native.std(0).min() > 0.05
    assert np.abs(keras - native).max() > 0.1

    move_to_chip_grid(model)
    keras, moved, after = logits(model, x, tmp_path / "after.h5")
    assert (moved.argmax(1) == native.argmax(1)).mean() > 0.9
    np.testing.assert_allclose(keras, moved, atol=0.01)
    for old, new in zip(before.layers, after.layers, strict=True):
        assert not isinstance(old, InputData)
        assert not isinstance(new, InputData)
        np.testing.assert_allclose(new.threshold, old.threshold, rtol=1e-5)
        np.testing.assert_allclose(new.act_step, old.act_step, atol=1 / 16, rtol=2.0**-12)
        if new.act_bits is not None:
            sixteenths = np.floor(16 * new.act_step).astype(np.int64)
            assert (sixteenths // (sixteenths & -sixteenths)).max() < 1 << 12


def logits(model: Any, x: npt.NDArray[np.uint8], path: Path) -> tuple[Logits, Logits, akrt.Model]:
    """float32 (N, CLASSES) of Keras and of the converted network, and that network."""
    network.save(model, path)
    converted = akrt.load(path)
    keras = network.logits_of(model).predict(x, verbose=0)
    native = akrt.Runtime(converted, backend="native").predict(x)
    return keras, native.reshape(keras.shape), converted
