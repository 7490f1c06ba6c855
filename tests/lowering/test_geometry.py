"""Windows against the positions that they cover, counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from akrt.lowering.geometry import window
from akrt.lowering.operations import Convolution, Dense, Pass, operation
from akrt.model import InputData, Model, Pooling
from akrt.model.layers import FullyConnected


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9), st.sampled_from(["same", "valid"]))
def test_every_window_lies_in_the_bordered_tensor(
    n: int, size: int, stride: int, padding: str
) -> None:
    if padding == "valid" and size > n:
        return
    target = -(-n // stride) if padding == "same" else (n - size) // stride + 1
    moved = window((n, n, 1), (target, target, 1), (size, size), (stride, stride), padding)
    before, after = moved.before[0], moved.after[0]
    assert 0 <= after - before <= 1  # the smaller half first
    last = (target - 1) * stride + size
    assert last <= n + before + after
    if before + after:  # no more border than the last window needs
        assert last == n + before + after
    assert (before, after) == (moved.before[1], moved.after[1])
    if padding == "valid":
        assert before == after == 0


def test_windows_of_layers(conv_model: Model) -> None:
    data, conv, dense = map(operation, conv_model.nodes)
    assert isinstance(data, Pass)
    assert isinstance(conv, Convolution)
    assert isinstance(dense, Dense)
    moved = conv.window
    assert (moved.source, moved.target) == ((7, 6, 2), (4, 3, 3))
    assert (moved.size, moved.stride) == ((3, 3), (2, 2))
    assert (moved.before, moved.after) == ((1, 0), (1, 1))
    pooled = conv.pooling
    assert pooled is not None
    assert pooled.target == (2, 3, 3)
    assert (pooled.before, pooled.after) == ((0, 0), (0, 0))
    assert (conv.pool, conv.border, conv.weights.shape) == ("max", 0, (18, 3))
    assert dense.weights.shape == (18, 5)


@pytest.fixture
def conv_model() -> Model:
    from networks import placeholder

    from akrt.model import Convolutional

    conv = Convolutional(
        name="conv",
        weights=np.ones((3, 3, 2, 3), np.int8),
        weights_bits=4,
        act_bits=4,
        stride=(2, 2),
        pooling=Pooling("max", (2, 1), (2, 1)),
        **placeholder(3),
    )
    dense = FullyConnected(
        name="dense",
        weights=np.ones((18, 5), np.int8),
        weights_bits=4,
        act_bits=None,
        **placeholder(5),
    )
    return Model((InputData("in", (7, 6, 2), 4), conv, dense))


def test_rows_of_a_dense_layer_and_its_positions() -> None:
    x, y, c, units = 2, 3, 4, 5
    by_position = np.arange(x * y * c * units, dtype=np.int8).reshape(x, y, c, units)
    rows = FullyConnected.in_rows(by_position)
    for i, j, k in np.ndindex(x, y, c):
        np.testing.assert_array_equal(rows[(k * y + j) * x + i], by_position[i, j, k])
    layer = FullyConnected(
        name="dense",
        weights=rows,
        weights_bits=8,
        act_bits=None,
        threshold=np.zeros(units, np.int32),
        act_step=np.ones(units, np.float32),
    )
    np.testing.assert_array_equal(layer.by_position((x, y, c)), by_position)
