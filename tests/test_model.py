"""Layers and models: what is accepted, what is refused and how, and the derived integers."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from networks import placeholder

from akrt.errors import InputError, ModelError, UnsupportedLayerError
from akrt.model import (
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Mfcc,
    Model,
    Pooling,
    SeparableConvolutional,
)

CONV = Convolutional(
    name="c", weights=np.ones((3, 3, 2, 4), np.int8), weights_bits=4, act_bits=4, **placeholder(4)
)
DATA = InputData("in", (6, 5, 2), 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights_bits": 3}, "weights_bits must be 1, 2, 4 or 8, got 3"),
        ({"weights": np.full((3, 3, 2, 4), 8, np.int8)}, r"8..8, outside the -7..7 of 4-bit"),
        ({"weights": np.full((3, 3, 2, 4), -8, np.int8)}, r"-8..-8, outside the -7..7"),
        ({"weights": np.ones((3, 3, 2, 4), np.int16)}, "non-empty int8 array of 4 dimensions"),
        ({"weights": np.ones((3, 3, 2, 0), np.int8)}, "non-empty int8"),
        ({"weights": np.ones((2, 3, 2, 4), np.int8)}, r"kernel sizes must be odd, got \(2, 3\)"),
        ({"act_bits": 3}, "activations must have 1, 2 or 4 bits, got 3"),
        ({"threshold": np.zeros(3, np.int32)}, r"threshold must be int32 \(4,\), got int32 \(3,\)"),
        ({"threshold": np.zeros(4, np.int64)}, "threshold must be int32"),
        ({"act_step": np.full(4, 0.06, np.float32)}, "every act_step must be"),
        ({"act_step": np.full(4, np.nan, np.float32)}, "every act_step must be"),
        ({"act_step": np.full(4, np.inf, np.float32)}, "every act_step must be"),
        ({"padding": "full"}, "padding must be 'same' or 'valid', got 'full'"),
        ({"stride": (4, 1)}, r"stride \(4, 1\) must not exceed its window \(3, 3\)"),
        ({"stride": (0, 1)}, "stride must be two positive integers"),
        ({"stride": (True, 1)}, "stride must be two positive integers"),
        ({"pooling": Pooling("max", (2, 2), (3, 1))}, "pooling stride .* must not exceed"),
        ({"pooling": Pooling("max", (2, 2))}, "pooling stride must be two positive integers"),
        ({"pooling": Pooling("average", (2, 2), (1, 1))}, "or 'average' with neither"),
        ({"pooling": Pooling("min", (2, 2), (1, 1))}, "pooling must be"),  # type: ignore[arg-type]
    ],
)
def test_a_layer_refuses_what_akida_has_not(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=message) as caught:
        replace(CONV, **changes)
    assert "layer 'c' (Convolutional)" in str(caught.value)
    assert caught.value.layer == "c"


@pytest.mark.parametrize(
    ("bits", "low", "high"), [(1, 0, 1), (2, -1, 1), (4, -7, 7), (8, -128, 127)]
)
def test_weight_ranges(bits: int, low: int, high: int) -> None:
    for value in (low, high):
        replace(CONV, weights_bits=bits, weights=np.full((3, 3, 2, 4), value, np.int8))
    for value in (low - 1, high + 1):
        if -128 <= value <= 127:
            with pytest.raises(UnsupportedLayerError, match="outside"):
                replace(CONV, weights_bits=bits, weights=np.full((3, 3, 2, 4), value, np.int8))


def test_layers_cannot_be_changed_behind_the_models_back() -> None:
    weights = np.ones((3, 3, 2, 4), np.int8)
    layer = replace(CONV, weights=weights)
    weights[:] = 7
    assert (layer.weights == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0] = 0
    with pytest.raises(FrozenInstanceError):
        layer.act_bits = 2  # type: ignore[misc]


def test_only_the_first_layer_may_stride_beyond_its_kernel() -> None:
    assert Model((replace(FIRST, stride=(3, 4)),)).output_shape == (2, 2, 4)


def test_pooling_of_one_by_one_is_none() -> None:
    assert replace(CONV, pooling=Pooling("max", (1, 1), (1, 1))).pooling is None


def test_shapes_follow_stride_padding_and_pooling() -> None:
    def shape(**changes: Any) -> tuple[int, ...]:
        return Model((DATA, replace(CONV, **changes))).output_shape

    assert shape() == (6, 5, 4)
    assert shape(padding="valid") == (4, 3, 4)
    assert shape(stride=(2, 3)) == (3, 2, 4)
    assert shape(pooling=Pooling("max", (2, 2), (2, 1))) == (3, 5, 4)
    assert shape(padding="valid", pooling=Pooling("max", (2, 2), (2, 1))) == (2, 2, 4)
    assert shape(pooling=Pooling("average")) == (1, 1, 4)


def dense(inputs: int, units: int, **changes: Any) -> FullyConnected:
    base = {"name": "f", "weights_bits": 8, "act_bits": None, **placeholder(units)}
    return FullyConnected(weights=np.ones((inputs, units), np.int8), **{**base, **changes})


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "at least one layer"),
        ((CONV,), "must be InputData, InputConvolutional or Quantizer, got Convolutional 'c'"),
        ((DATA, DATA), "must be the first|unique"),
        ((DATA, CONV, CONV), "unique"),
        ((DATA, dense(61, 2)), "expects 61 inputs, but gets 6x5x2 = 60"),
        ((InputData("in", (6, 5, 3), 4), CONV), "expects 2 input channels, but gets 3"),
        ((DATA, replace(CONV, act_bits=None), dense(120, 2)), "has no activation but is followed"),
        ((InputData("in", (6, 5, 2), 5), CONV), "at most 4 bits, but its input reaches 31"),
        ((InputData("in", (6, 5, 2), 8), CONV), "at most 4 bits, but its input reaches 255"),
        (
            (InputData("in", (2, 2, 2), 4), replace(CONV, padding="valid")),
            r"a \(3, 3\) kernel does not fit an input of \(2, 2\)",
        ),
    ],
)
def test_layers_must_fit_together(layers: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Model(layers)


def test_a_network_beyond_32_bits_is_refused_by_name() -> None:
    wide = SeparableConvolutional(
        name="wide",
        depthwise=np.full((7, 7, 500), 127, np.int8),
        pointwise=np.full((500, 1), 127, np.int8),
        weights_bits=8,
        act_bits=4,
        **placeholder(1),
    )
    # 500 channels * 49 taps * 15 * 127 * 127
    with pytest.raises(UnsupportedLayerError, match=r"layer 'wide'.*5,927,407,500, beyond 32 bits"):
        Model((InputData("in", (9, 9, 500), 4), wide))


def test_bounds_and_work_of_a_node() -> None:
    layer = SeparableConvolutional(
        name="s",
        depthwise=np.array([[[2, -3]]], np.int8),
        pointwise=np.array([[1, 5], [10, -1]], np.int8),
        weights_bits=8,
        act_bits=4,
        **placeholder(2),
    )
    node = Model((InputData("in", (3, 2, 2), 2), layer)).nodes[1]
    assert (node.input_max, node.output_max) == (3, 15)
    assert node.max_depthwise == 3 * 3
    assert node.max_potential == 3 * max(2 * 1 + 3 * 10, 2 * 5 + 3 * 1)
    assert node.macs == 3 * 2 * (2 + 4)
    assert not node.beyond_20_bits


def test_potentials_beyond_20_bits_are_told() -> None:
    big = Convolutional(
        name="big",
        weights=np.full((1, 1, 300, 1), 127, np.int8),
        weights_bits=8,
        act_bits=4,
        **placeholder(1),
    )
    data = InputData("in", (1, 1, 300), 4)
    assert Model((data, big)).nodes[1].beyond_20_bits
    assert "20-bit range" in Model((data, big)).summary()
    pooled = Model((data, replace(big, pooling=Pooling("average"))))
    assert not pooled.nodes[1].beyond_20_bits
    assert "20-bit range" not in pooled.summary()


def test_labels_and_preprocessing_must_fit() -> None:
    with pytest.raises(ModelError, match="3 labels for 2 outputs"):
        Model((DATA, dense(60, 2)), labels=("a", "b", "c"))
    with pytest.raises(ModelError, match=r"preprocessing makes \(49, 10, 1\)"):
        Model((DATA, dense(60, 2)), preprocessing=Mfcc())


@pytest.mark.parametrize(
    "changes",
    [
        {"fft": 1000},
        {"fft": 512},
        {"window": 0},
        {"clip": 100},
        {"low_hz": 5000.0},
        {"high_hz": 8001.0},
        {"coefficients": 41},
        {"offset": 256},
        {"scale": float("nan")},
        {"mel_bins": "40"},
        {"stride": True},
    ],
)
def test_preprocessing_refuses_nonsense(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="preprocessing"):
        Mfcc(**changes)


FIRST = InputConvolutional(
    name="c",
    input_shape=(6, 5, 1),
    weights=np.ones((3, 3, 1, 4), np.int8),
    weights_bits=4,
    act_bits=None,
    **placeholder(4),
)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((6, 5, 1), np.uint8), r"shape \(N, 6, 5, 1\), got \(6, 5, 1\)"),
        (np.zeros((1, 5, 6, 1), np.uint8), r"shape \(N, 6, 5, 1\), got \(1, 5, 6, 1\)"),
        (np.zeros((1, 6, 5, 1), np.int8), "expected dtype uint8, got int8"),
        (np.zeros((1, 6, 5, 1), np.float32), "expected dtype uint8, got float32"),
        (np.zeros((1, 6, 5, 1), np.uint16), "expected dtype uint8, got uint16"),
        (np.zeros((1, 6, 5, 1), object), "expected dtype uint8, got object"),
        (np.zeros((1, 6, 5, 1), bool), "expected dtype uint8, got bool"),
        ("hello", r"got \(\)"),
        (None, r"got \(\)"),
        ([[1, 2], [3]], "not an array"),
    ],
)
def test_wrong_input_is_refused(x: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Model((FIRST,)).check_input(x)


def test_values_beyond_the_input_bits_are_refused_with_their_place() -> None:
    x = np.zeros((2, 6, 5, 2), np.uint8)
    x[1, 2, 3, 0] = 16
    with pytest.raises(
        InputError, match=r"value 16 at \(1, 2, 3, 0\) exceeds 15, the largest of 4-bit"
    ):
        Model((DATA,)).check_input(x)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": None}, "layers must be a sequence of layers, got None"),
        ({"layers": "abc"}, "layers must be a sequence of layers, one is 'a'"),
        ({"layers": [1]}, "layers must be a sequence of layers, one is 1"),
        ({"labels": 5}, "labels must be a sequence of texts, got 5"),
        ({"labels": "abcd"}, "labels must be a sequence of texts, got 'abcd'"),
        (
            {"preprocessing": "mfcc"},
            r"parameters of a front end \(Mfcc, Picture\), got 'mfcc'",
        ),
    ],
)
def test_parts_of_the_wrong_type_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Model(**{"layers": (DATA, replace(CONV, act_bits=None)), **changes})


def test_any_memory_layout_is_taken() -> None:
    model = Model((FIRST,))
    x = np.random.default_rng(0).integers(0, 256, (2, 6, 5, 1)).astype(np.uint8)
    layouts = [
        np.asfortranarray(x),
        np.repeat(x, 2, axis=1)[:, ::2],
        x[::-1][::-1],
        x.astype(">u1"),
        np.ma.masked_array(x),
        memoryview(x),
    ]
    for layout in layouts:
        checked = model.check_input(layout)
        assert checked.flags.c_contiguous
        assert type(checked) is np.ndarray
        np.testing.assert_array_equal(checked, x)
