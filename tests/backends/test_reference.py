"""The oracle, against numbers worked out by hand and against SciPy-free textbook definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import placeholder

from akrt.backends.reference import ReferenceBackend
from akrt.lowering.arithmetic import activate
from akrt.model import (
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)


def run(*layers: object, x: list) -> list:
    model = Model(tuple(layers))
    return ReferenceBackend(model).run(np.array(x, np.uint8).reshape(-1, *model.input_shape))


def conv(weights: list, **changes: object) -> Convolutional:
    array = np.array(weights, np.int8)
    base = {"name": "c", "weights_bits": 8, "act_bits": None, **placeholder(array.shape[3])}
    return Convolutional(weights=array, **{**base, **changes})


def column(values: list) -> list:
    """A (n, 1, 1, 1) kernel."""
    return np.array(values).reshape(-1, 1, 1, 1).tolist()


def test_convolution_is_cross_correlation_with_the_smaller_pad_first() -> None:
    data = InputData("i", (4, 1, 1), 4)
    # stride 2 on 4 elements: total pad max((2-1)*2+3-4, 0) = 1, so nothing before, one after
    y = run(data, conv(column([1, 10, 100]), stride=(2, 1)), x=[1, 2, 3, 4])
    assert y.ravel().tolist() == [1 + 20 + 300, 3 + 40]


def test_valid_padding_drops_the_border() -> None:
    data = InputData("i", (4, 1, 1), 4)
    y = run(data, conv(column([1, 10, 100]), padding="valid"), x=[1, 2, 3, 4])
    assert y.ravel().tolist() == [321, 432]


def test_border_of_the_first_layer_is_the_padding_value() -> None:
    first = InputConvolutional(
        name="c",
        input_shape=(2, 1, 1),
        weights=np.array(column([1, 10, 100]), np.int8),
        weights_bits=8,
        act_bits=None,
        padding_value=7,
        **placeholder(1),
    )
    assert run(first, x=[1, 2]).ravel().tolist() == [7 + 10 + 200, 1 + 20 + 700]


def test_separable_has_nothing_between_depthwise_and_pointwise() -> None:
    layer = SeparableConvolutional(
        name="s",
        depthwise=np.array([[[2, -3]]], np.int8),
        pointwise=np.array([[1, 5], [10, -1]], np.int8),
        weights_bits=8,
        act_bits=None,
        **placeholder(2),
    )
    y = run(InputData("i", (1, 1, 2), 4), layer, x=[4, 5])
    assert y.ravel().tolist() == [8 - 150, 40 + 15]


def test_max_pooling_saturates_before_it_compares_and_its_border_never_wins() -> None:
    data = InputData("i", (2, 1, 64), 4)
    weights = np.full((1, 1, 64, 1), -128, np.int8)
    big = conv(np.tile(weights, (9, 9, 1, 1)).tolist(), pooling=Pooling("max", (3, 1), (1, 1)))
    y = run(data, big, x=[15] * 128)
    assert y.ravel().tolist() == [-245760, -245760]
    wide = FullyConnected(
        name="f",
        weights=np.full((128, 1), -128, np.int8),
        weights_bits=8,
        act_bits=None,
        **placeholder(1),
    )
    assert run(data, wide, x=[15] * 128).ravel().tolist() == [-128 * 15 * 128]


def test_average_is_a_running_sum_that_saturates_after_every_addition() -> None:
    # +400000, +400000 (saturates at 524287), -400000: 124287 and not 400000
    data = InputData("i", (3, 1, 420), 4)
    weights = np.zeros((1, 1, 420, 1), np.int8)
    weights[0, 0, :210], weights[0, 0, 210:] = 127, -127
    layer = conv(weights.tolist(), pooling=Pooling("average"))
    up, down = [15] * 210 + [0] * 210, [0] * 210 + [15] * 210
    step = 210 * 15 * 127
    assert step == 400050
    y = run(data, layer, x=up + up + down)
    assert y.ravel().tolist() == [524287 - step]


def test_fully_connected_flattens_as_c_y_x_and_saturates() -> None:
    data = InputData("i", (2, 3, 2), 4)
    x = np.arange(12).reshape(2, 3, 2)
    weights = np.zeros((12, 1), np.int8)
    weights[1 * 6 + 2 * 2 + 0] = 100  # c = 1, y = 2, x = 0
    layer = FullyConnected(
        name="f", weights=weights, weights_bits=8, act_bits=None, **placeholder(1)
    )
    assert run(data, layer, x=x.tolist()).ravel().tolist() == [100 * x[0, 2, 1]]
    many = InputData("i", (1, 1, 4000), 4)
    for sign, limit in ((1, 524287), (-1, -524288)):
        full = replace(layer, weights=np.full((4000, 1), 127 * sign, np.int8))
        assert run(many, full, x=[15] * 4000).ravel().tolist() == [limit]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_activation_counts_the_steps_exceeded(bits: int) -> None:
    @given(
        st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=30),
        st.integers(-(2**20), 2**20),
        st.integers(1, 2**24),
    )
    def check(potentials: list, threshold: int, step16: int) -> None:
        p = np.array(potentials, np.int64)[:, None]
        got = activate(p, np.array([threshold], np.int32), np.array([step16]), bits)
        expected = [
            sum(16 * (v - threshold) > n * step16 * 2 ** (4 - bits) for n in range(2**bits - 1))
            for v in potentials
        ]
        assert got.ravel().tolist() == expected

    check()
