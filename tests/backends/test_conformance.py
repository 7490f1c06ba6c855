"""Every backend gives Akida's integers: random networks over the whole layer space."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from conftest import need
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import extreme_networks, networks, placeholder, wide_dense_networks
from thorough import amount

import akrt
from akrt.backends.native import NativeBackend
from akrt.backends.reference import ReferenceBackend
from akrt.errors import UnsupportedLayerError
from akrt.kernels._kernels import architectures
from akrt.model import (
    WEIGHT_RANGES,
    Convolutional,
    FullyConnected,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)

NETWORKS = amount(250, 1500)
ARCHITECTURES = [arch.name for arch in architectures() if arch.usable]


def test_reference_and_native_equal_akida_on_random_networks() -> None:
    need("akida")
    from akrt.importers import to_akida

    seen: Counter[str] = Counter()

    @settings(max_examples=NETWORKS)
    @given(networks())
    def check(case: tuple[Model, np.ndarray]) -> None:
        model, x = case
        layers = ReferenceBackend(model).layer_outputs(x)
        count_ranges(model, layers, seen)
        theirs = to_akida(model)
        expected = theirs.forward(x)
        for ours in (layers[-1], *(native(model, arch).run(x) for arch in ARCHITECTURES)):
            assert ours.dtype == expected.dtype
            np.testing.assert_array_equal(ours, expected)
        if model.final_step is not None:
            seen["predicted"] += 1
            for backend in ("reference", "native"):
                ours = akrt.Runtime(model, backend=backend).predict(x)
                np.testing.assert_array_equal(ours, theirs.predict(x))

    check()
    assert seen["networks"] >= NETWORKS * 2 // 3
    assert seen["predicted"] >= NETWORKS // 8
    for what in ("InputConvolutional", "Convolutional", "SeparableConvolutional", "FullyConnected"):
        assert seen[what] >= NETWORKS // 15, f"hardly any {what} among the random networks"
    for what in ("max", "average", "same", "valid", "saturable"):
        assert seen[what] >= NETWORKS // 15, f"hardly any {what} among the random networks"
    # An output that never leaves zero proves nothing.
    assert seen["whole range"] >= 0.9 * seen["activated"]


def native(model: Model, arch: str) -> NativeBackend:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AKRT_ARCH", arch)
        return NativeBackend(model)


def count_ranges(model: Model, outputs: list[np.ndarray], seen: Counter[str]) -> None:
    seen["networks"] += 1
    for node, output in zip(model.nodes, outputs, strict=True):
        layer = node.layer
        seen[layer.kind] += 1
        if isinstance(layer, InputData):
            continue
        seen["saturable"] += node.max_potential > 524287
        if hasattr(layer, "padding"):
            seen[layer.padding] += 1
            seen[layer.pooling.kind if layer.pooling else "none"] += 1
        if node.output_max is not None and output.size > 100:
            seen["activated"] += 1
            seen["whole range"] += output.min() == 0 and output.max() == node.output_max


def test_thresholds_and_steps_at_the_ends_of_a_chip_equal_akida() -> None:
    need("akida")
    from akrt.importers import to_akida

    @settings(max_examples=amount(100, 400))
    @given(extreme_networks(of_a_chip=True))
    def check(case: tuple[Model, np.ndarray]) -> None:
        model, x = case
        theirs = to_akida(model)
        expected = theirs.forward(x)
        for ours in (ReferenceBackend(model), *(native(model, arch) for arch in ARCHITECTURES)):
            np.testing.assert_array_equal(ours.run(x), expected)
        if model.final_step is not None:
            np.testing.assert_array_equal(
                akrt.Runtime(model, backend="native").predict(x), theirs.predict(x)
            )

    check()


@settings(max_examples=amount(150, 600))
@given(extreme_networks())
def test_thresholds_and_steps_at_all_ends(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    expected = ReferenceBackend(model).run(x)
    for arch in ARCHITECTURES:
        np.testing.assert_array_equal(native(model, arch).run(x), expected, err_msg=arch)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("pooling", [None, Pooling("max", (2, 2), (2, 2)), Pooling("average")])
def test_every_end_of_threshold_and_step(bits: int, pooling: Pooling | None) -> None:
    """All filters at one end, so that a kernel of constants for all of them is tempting."""
    from networks import STEP_ENDS, THRESHOLD_ENDS

    rng = np.random.default_rng(bits)
    layer = Convolutional(
        name="c",
        weights=rng.integers(-128, 128, (3, 3, 4, 2)).astype(np.int8),
        weights_bits=8,
        act_bits=bits,
        pooling=pooling,
        **placeholder(2),
    )
    data = InputData("in", (6, 5, 4), 4)
    x = rng.integers(0, 16, (4, *data.input_shape)).astype(np.uint8)
    x[0] = 15
    x[1] = 15 * (layer.weights.sum((0, 1, 3)) > 0)
    seen = set()
    for threshold in THRESHOLD_ENDS:
        for step in STEP_ENDS:
            model = Model(
                (
                    data,
                    replace(
                        layer,
                        threshold=np.full(2, threshold, np.int32),
                        act_step=np.full(2, step, np.float32),
                    ),
                )
            )
            expected = exact_activations(model, x)
            seen |= set(np.unique(expected).tolist())
            for backend in (ReferenceBackend(model), *(native(model, a) for a in ARCHITECTURES)):
                np.testing.assert_array_equal(
                    backend.run(x), expected, err_msg=f"{backend} {threshold} {step}"
                )
    assert seen >= {0, 1, 2**bits - 1}


def exact_activations(model: Model, x: np.ndarray) -> np.ndarray:
    """The contract's formula on the raw potentials, in Python's integers."""
    layer = model.layers[-1]
    raw = ReferenceBackend(Model((*model.layers[:-1], replace(layer, act_bits=None)))).run(x)
    step = [math.floor(Fraction(float(s)) * 16) << (4 - layer.act_bits) for s in layer.act_step]
    top = (1 << layer.act_bits) - 1
    return np.array(
        [
            min(max(-(-16 * (int(p) - int(layer.threshold[c])) // step[c]), 0), top)
            for (*_, c), p in np.ndenumerate(raw)
        ],
        np.uint8,
    ).reshape(raw.shape)


@pytest.mark.parametrize("backend", ["reference", "native"])
def test_logits_of_thresholds_near_the_ends_of_32_bits(backend: str) -> None:
    limits = np.iinfo(np.int32)
    layer = FullyConnected(
        name="f",
        weights=np.array([[7, -7, 7, -7, 1]] * 8, np.int8),
        weights_bits=4,
        act_bits=None,
        threshold=np.array([limits.min, limits.max, limits.max, limits.min, 0], np.int32),
        act_step=np.ones(5, np.float32),
    )
    model = Model((InputData("in", (1, 1, 8), 4), layer))
    runtime = akrt.Runtime(model, backend=backend)
    x = np.full((1, 1, 1, 8), 15, np.uint8)
    exact = [p - int(t) for p, t in zip((840, -840, 840, -840, 120), layer.threshold, strict=True)]
    assert max(exact) > limits.max > limits.min > min(exact)
    assert runtime.predict(x).ravel().tolist() == np.array(exact, np.float32).tolist()
    assert runtime.predict_classes(x).tolist() == [0]


def test_a_step_that_ends_akidas_process_is_refused() -> None:
    need("akida")
    from akrt.importers import to_akida

    layer = FullyConnected(
        name="f",
        weights=np.ones((4, 1), np.int8),
        weights_bits=4,
        act_bits=4,
        threshold=np.zeros(1, np.int32),
        act_step=np.array([2.0**24], np.float32),
    )
    model = Model((InputData("in", (1, 1, 4), 4), layer))
    with pytest.raises(UnsupportedLayerError, match="16,777,216 ends the process"):
        to_akida(model)
    below = replace(layer, act_step=np.nextafter(layer.act_step, np.float32(0)))
    model = Model((model.layers[0], below))
    x = np.full((1, 1, 1, 4), 15, np.uint8)
    assert np.array_equal(to_akida(model).forward(x), ReferenceBackend(model).run(x))


@settings(max_examples=amount(200, 800))
@given(st.one_of(networks(), networks(), networks(), wide_dense_networks()))
def test_every_layer_of_native_equals_reference(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    reference = ReferenceBackend(model).layer_outputs(x)
    for arch in ARCHITECTURES:
        backend = native(model, arch)
        for node, ours, expected in zip(
            model.nodes, backend.layer_outputs(x), reference, strict=True
        ):
            assert ours.shape == (len(x), *node.output_shape)
            assert ours.dtype == expected.dtype
            np.testing.assert_array_equal(ours, expected, err_msg=f"{arch}: {node.layer.name}")
        np.testing.assert_array_equal(backend.run(x), reference[-1])


@settings(max_examples=amount(100, 400))
@given(networks())
def test_no_potential_exceeds_the_bound_that_kernels_rely_on(
    case: tuple[Model, np.ndarray],
) -> None:
    from networks import potentials

    model, x = case
    last = model.nodes[-1]
    if hasattr(last.layer, "padding"):
        assert np.abs(potentials(model, x)).max() <= last.max_potential


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_a_batch_is_its_samples(samples: int) -> None:
    @settings(max_examples=25)
    @given(networks())
    def check(case: tuple[Model, np.ndarray]) -> None:
        model, x = case
        x = np.resize(x, (samples, *model.input_shape))
        backend = NativeBackend(model)
        together = backend.run(x)
        for i in range(samples):
            np.testing.assert_array_equal(together[i], backend.run(x[i : i + 1])[0])

    check()


def test_average_pooling_saturates_also_where_its_sum_alone_would_not() -> None:
    """The sum ends within 20 bits, a partial sum does not: summing first would be wrong."""
    data = InputData("in", (8, 1, 32), 4)
    layer = SeparableConvolutional(
        name="s",
        depthwise=np.full((1, 1, 32), 7, np.int8),
        pointwise=np.repeat(np.array([[7], [-7]], np.int8), 16, axis=0),
        weights_bits=4,
        act_bits=None,
        pooling=Pooling("average"),
        **placeholder(1),
    )
    model = Model((data, layer))
    step = 16 * 15 * 49  # one position with the positive half lit
    up, down = [15] * 16 + [0] * 16, [0] * 16 + [15] * 16
    x = np.array([up] * 4 + [down] * 4, np.uint8).reshape(1, 8, 1, 32)
    assert 8 * step < 524287
    wide = replace(layer, depthwise=np.full((1, 1, 32), 127, np.int8), weights_bits=8)
    wide = replace(wide, pointwise=np.repeat(np.array([[127], [-127]], np.int8), 16, axis=0))
    for candidate, expected in ((model, 0), (Model((data, wide)), None)):
        truth = ReferenceBackend(candidate).run(x).item()
        assert expected is None or truth == expected
        assert expected is not None or truth != 0
        for arch in ARCHITECTURES:
            assert native(candidate, arch).run(x).item() == truth


@settings(max_examples=amount(150, 600))
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 4, 8]), st.integers(1, 40))
def test_average_pooling_near_the_limit(seed: int, bits: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = WEIGHT_RANGES[bits]
    layer = SeparableConvolutional(
        name="s",
        depthwise=rng.integers(low, high + 1, (3, 3, channels)).astype(np.int8),
        pointwise=rng.integers(low, high + 1, (channels, 5)).astype(np.int8),
        weights_bits=bits,
        act_bits=None,
        pooling=Pooling("average"),
        **placeholder(5),
    )
    model = Model((InputData("in", (9, 7, channels), 4), layer))
    x = rng.integers(0, 16, (4, 9, 7, channels)).astype(np.uint8)
    x[1] = np.sort(x[1], axis=0)
    expected = ReferenceBackend(model).run(x)
    for arch in ARCHITECTURES:
        np.testing.assert_array_equal(native(model, arch).run(x), expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_is_computed_in_pieces_whatever_its_size(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernels count the samples of a call in 32 bits: no call gets more than a piece."""
    layer = FullyConnected(
        name="f", weights=np.ones((1, 1), np.int8), weights_bits=1, act_bits=1, **placeholder(1)
    )
    model = Model((InputData("in", (1, 1, 1), 1), layer))
    x = (np.arange(1000) % 2).astype(np.uint8).reshape(-1, 1, 1, 1)
    monkeypatch.setattr("akrt.backends.native.backend._MACS_PER_THREAD", 50)
    monkeypatch.setattr("akrt.backends.native.backend._MACS_AT_ONCE", 70)
    backend = NativeBackend(model, threads=threads)
    calls: list[int] = []
    network = backend._network

    class Counting:
        empty = network.empty

        def run(self, x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
            calls.append(len(x))
            return network.run(x, y)

    monkeypatch.setattr(backend, "_network", Counting())
    np.testing.assert_array_equal(backend.run(x), ReferenceBackend(model).run(x))
    assert max(calls) <= 100
    assert sum(calls) == len(x)


def test_outputs_of_more_samples_than_32_bits_count() -> None:
    layer = FullyConnected(
        name="f", weights=np.ones((1, 1), np.int8), weights_bits=1, act_bits=1, **placeholder(1)
    )
    network = NativeBackend(Model((InputData("in", (1, 1, 1), 1), layer)))._network
    samples = (1 << 31) + 5
    try:
        y = network.empty(samples)  # no page of it is touched
        x = np.zeros((samples, 1, 1, 1), np.uint8)
    except MemoryError:
        pytest.skip("this system does not promise 4 GiB")
    assert y.shape == (samples, 1, 1, 1)
    with pytest.raises(ValueError, match="too many samples"):
        network.run(x, y)
