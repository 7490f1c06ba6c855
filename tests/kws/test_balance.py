"""Rescaling keeps what a network computes and moves its quantisers' levels to the values."""

import itertools
from typing import Any

import numpy as np
import pytest
from conftest import need


@pytest.fixture(scope="module")
def float_network() -> tuple[Any, np.ndarray]:
    for package in ("tensorflow", "tf_keras", "cnn2snn", "akida_models"):
        need(package)
    from akrt.kws import network

    _, keras = network.keras_modules()
    keras.utils.set_random_seed(4)
    x = np.random.default_rng(0).integers(0, 256, (200, 49, 10, 1)).astype(np.uint8)
    model = network.build(5, (49, 10, 1))
    for layer in model.layers:
        if layer.name.endswith("BN"):
            # Faint activations: most of a 4-bit quantiser's levels stay empty.
            layer.set_weights([0.4 * w if i == 0 else w for i, w in enumerate(layer.get_weights())])
            layer.momentum = 0.0
    model(x, training=True)
    return model, x


def test_a_factor_and_its_inverse_cancel(float_network: tuple[Any, np.ndarray]) -> None:
    from cnn2snn import quantize

    from akrt.kws import network
    from akrt.kws.balance import _rescale

    model, x = float_network
    with network.version_1():
        folded = quantize(model, weight_quantization=0, activ_quantization=8)
    layers = [layer for layer in folded.layers if layer.get_weights()]
    import tf_keras

    # The same layers without quantisers: plain ReLUs.
    exact = tf_keras.Sequential()
    exact.add(tf_keras.Input((49, 10, 1)))
    for layer in folded.layers:
        if layer.name.endswith("relu"):
            exact.add(tf_keras.layers.ReLU())
        else:
            exact.add(layer)
    before = exact.predict(x, verbose=0)
    for layer, following in itertools.pairwise(layers):
        _rescale(layer, following, 3.0)
    np.testing.assert_allclose(exact.predict(x, verbose=0), before, rtol=1e-4, atol=1e-5)


def test_brings_the_quantised_network_closer(float_network: tuple[Any, np.ndarray]) -> None:
    from akrt.kws import network
    from akrt.kws.balance import balance
    from akrt.kws.network import EPISODES, logits_of, quantised

    network.keras_modules()
    model, x = float_network
    plain, scaled = (quantised(model, EPISODES[1]) for _ in range(2))
    factors = balance(scaled, model, x)
    assert list(factors) == ["conv_0", "separable_1", "separable_2", "separable_3", "separable_4"]
    assert max(factors.values()) > 1.5
    wanted = logits_of(model).predict(x, verbose=0)
    errors = [np.abs(logits_of(m).predict(x, verbose=0) - wanted).mean() for m in (plain, scaled)]
    assert errors[1] < 0.95 * errors[0]


def test_last_only(float_network: tuple[Any, np.ndarray]) -> None:
    from akrt.kws.balance import balance
    from akrt.kws.network import EPISODES, quantised

    model, x = float_network
    assert list(balance(quantised(model, EPISODES[1]), model, x[:50], last_only=True)) == [
        "separable_4"
    ]
