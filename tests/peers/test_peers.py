"""The network that other runtimes get is the same network: before its time is compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from networks import calibrate, networks, placeholder, random_weights

from akrt import benchmark, peers
from akrt.backends.reference import ReferenceBackend
from akrt.errors import UsageError
from akrt.model import (
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)
from akrt.runtime import bundled_model


@settings(max_examples=60)
@given(networks())
def test_the_network_in_floating_point(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    kept = 2 if isinstance(model.layers[0], InputData) else 1
    last = model.layers[kept - 1]
    assume(not isinstance(last, InputData))
    raw = Model((*model.layers[: kept - 1], replace(last, act_bits=None)))
    potentials = ReferenceBackend(raw).run(x).reshape(len(x), -1)
    assume(np.abs(potentials).max() < 1 << 18)  # nothing saturated on its way
    shape = raw.nodes[-1].output_shape
    step, threshold = (np.resize(a, np.prod(shape)) for a in (last.act_step, last.threshold))
    found = peers.run_float(raw, x)
    np.testing.assert_allclose(
        found, (potentials - threshold) / step, atol=1e-6 * np.abs(found).max()
    )


def image_network() -> tuple[Model, np.ndarray]:
    """A 3-channel image with a border of its own, both poolings, strides, a dense layer on top."""
    rng = np.random.default_rng(3)

    def w(*shape: int) -> np.ndarray:
        return random_weights(rng, 4, shape)

    bits = {"weights_bits": 4, "act_bits": 4}
    layers = [
        InputConvolutional(name="image", input_shape=(20, 18, 3), weights=w(5, 3, 3, 12),
            padding_value=100, stride=(2, 1), pooling=Pooling("max", (2, 2), (2, 2)), **bits,
            **placeholder(12)),
        Convolutional(name="plain", weights=w(3, 3, 12, 20), stride=(1, 2), **bits,
            **placeholder(20)),
        SeparableConvolutional(name="separable", depthwise=w(3, 5, 20), pointwise=w(20, 16),
            padding="valid", **bits, **placeholder(16)),
        FullyConnected(name="classes", weights=w(3 * 1 * 16, 10), weights_bits=4, act_bits=None,
            **placeholder(10)),
    ]  # fmt: skip
    x = rng.integers(0, 256, (16, 20, 18, 3)).astype(np.uint8)
    return Model(tuple(calibrate(layers, rng, x)), name="image"), x


def events_network() -> tuple[Model, np.ndarray]:
    """4-bit input, a mean, activations at the end."""
    rng = np.random.default_rng(4)
    layers = [
        InputData("events", (9, 11, 4), 4),
        SeparableConvolutional(name="separable", depthwise=random_weights(rng, 4, (5, 5, 4)),
            pointwise=random_weights(rng, 4, (4, 24)), weights_bits=4, act_bits=4,
            stride=(2, 2), **placeholder(24)),
        Convolutional(name="pooled", weights=random_weights(rng, 2, (3, 3, 24, 30)),
            weights_bits=2, act_bits=2, pooling=Pooling("average"), **placeholder(30)),
    ]  # fmt: skip
    x = rng.integers(0, 16, (16, 9, 11, 4)).astype(np.uint8)
    return Model(tuple(calibrate(layers, rng, x)), name="events"), x


def bundled_network() -> tuple[Model, np.ndarray]:
    model = bundled_model()
    return model, benchmark.samples(model, 16)


@pytest.mark.parametrize("name", peers.PEERS)
@pytest.mark.parametrize("case", [image_network, events_network, bundled_network])
def test_a_peer_runs_the_same_network(case, name: str) -> None:
    if peers.installed(name) is None:
        pytest.skip(f"{name} is not installed: pip install 'akrt[bench]'")
    model, x = case()
    network = peers.quantise(model, x)
    found = peers.to_real(network, peers.prepare(name, network, x)())
    expected = peers.run_float(model, x)
    assert found.shape == expected.shape
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.995
    one = peers.to_real(network, peers.prepare(name, network, x[5:6])())
    np.testing.assert_allclose(one[0], found[5], atol=2.01 * network.output.scale)


def test_floating_point_names_the_words_that_the_integers_name() -> None:
    model, x = bundled_network()
    integers = ReferenceBackend(model).run(x).reshape(len(x), -1)
    last = model.layers[-1]
    same = peers.run_float(model, x).argmax(1) == (
        (integers - last.threshold) / last.act_step
    ).argmax(1)
    assert same.mean() > 0.8


def test_an_unknown_peer_is_refused() -> None:
    model, x = bundled_network()
    with pytest.raises(UsageError, match="LiteRT int8"):
        peers.prepare("lite", peers.quantise(model, x), x)
