"""Every backend gives Akida's integers: random networks over the whole layer space."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from conftest import need
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks, placeholder

import akrt
from akrt.backends.native import NativeBackend
from akrt.backends.reference import ReferenceBackend
from akrt.kernels._kernels import architectures
from akrt.model import WEIGHT_RANGES, InputData, Model, Pooling, SeparableConvolutional

NETWORKS = 1500
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
    assert seen["networks"] >= 1000
    assert seen["predicted"] >= 200
    for what in ("InputConvolutional", "Convolutional", "SeparableConvolutional", "FullyConnected"):
        assert seen[what] >= 100, f"hardly any {what} among the random networks"
    for what in ("max", "average", "same", "valid", "saturable"):
        assert seen[what] >= 100, f"hardly any {what} among the random networks"
    # An output that never leaves zero proves nothing.
    assert seen["whole range"] >= 0.9 * seen["activated"]


def native(model: Model, arch: str) -> NativeBackend:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AKRT_ARCH", arch)
        return NativeBackend(model)


def count_ranges(model: Model, outputs: list[np.ndarray], seen: Counter[str]) -> None:
    seen["networks"] += 1
    for stage, output in zip(model.stages, outputs, strict=True):
        layer = stage.layer
        seen[layer.kind] += 1
        if isinstance(layer, InputData):
            continue
        seen["saturable"] += stage.max_potential > 524287
        if hasattr(layer, "padding"):
            seen[layer.padding] += 1
            seen[layer.pooling.kind if layer.pooling else "none"] += 1
        if stage.output_max is not None and output.size > 100:
            seen["activated"] += 1
            seen["whole range"] += output.min() == 0 and output.max() == stage.output_max


@settings(max_examples=400)
@given(networks())
def test_every_layer_of_native_equals_reference(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    reference = ReferenceBackend(model).layer_outputs(x)
    for arch in ARCHITECTURES:
        backend = native(model, arch)
        for stage, ours, expected in zip(
            model.stages, backend.layer_outputs(x), reference, strict=True
        ):
            assert ours.shape == (len(x), *stage.output_shape)
            assert ours.dtype == expected.dtype
            np.testing.assert_array_equal(ours, expected, err_msg=f"{arch}: {stage.layer.name}")
        np.testing.assert_array_equal(backend.run(x), reference[-1])


@settings(max_examples=200)
@given(networks())
def test_no_potential_exceeds_the_bound_that_kernels_rely_on(
    case: tuple[Model, np.ndarray],
) -> None:
    from networks import potentials

    model, x = case
    last = model.stages[-1]
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


@settings(max_examples=300)
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
