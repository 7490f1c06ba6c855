"""The arithmetic of Akida 2.0 against its second writing, and at its ends by hand."""

from __future__ import annotations

from collections import Counter

import akida2_oracle
import numpy as np
import pytest
from akida2_networks import akida2_networks
from akida2_outputs import outputs_by_layer
from akida2_temporal_networks import networks_with_memory
from hypothesis import given, settings

from akrt.lowering.scaled_arithmetic import rounding_shift, saturate, wrap
from akrt.model import Model


def test_random_networks_equal_the_second_writing() -> None:
    met: Counter[str] = Counter()

    @settings(max_examples=60, derandomize=True, database=None)
    @given(akida2_networks())
    def check(case: tuple[Model, np.ndarray]) -> None:
        model, x = case
        ours = outputs_by_layer(model, model.check_input(x[1:2]))
        theirs = akida2_oracle.layer_outputs(model, x[1], met)
        for node, expected in zip(model.nodes, theirs, strict=True):
            output = ours[node.layer.name]
            assert output.dtype == node.output.dtype
            np.testing.assert_array_equal(output[0], expected.astype(output.dtype))

    check()
    for what in ("wrapped around", "halves", "beyond a ReLU"):
        assert met[what] >= 50, what
    for what in ("input", "bias", "buffer", "potential", "scaled", "output", "index"):
        assert met[f"{what} too low"] >= 20, what
        assert met[f"{what} too high"] >= 20, what


def test_networks_with_memory_equal_the_second_writing() -> None:
    met: Counter[str] = Counter()

    @settings(max_examples=60, derandomize=True, database=None)
    @given(networks_with_memory())
    def check(case: tuple[Model, np.ndarray]) -> None:
        model, x = case
        x, past = model.check_input(x[:3]), {}  # type: ignore[var-annotated]
        ours = outputs_by_layer(model, x)
        for i, sample in enumerate(x):
            theirs = akida2_oracle.layer_outputs(model, sample, met, past)
            for node, expected in zip(model.nodes, theirs, strict=True):
                output = ours[node.layer.name]
                np.testing.assert_array_equal(output[i], expected.astype(output.dtype))

    check()
    for what in ("step", "projection", "new", "turn", "number", "buffer", "bias"):
        assert met[f"{what} too low"] + met[f"{what} too high"] >= 20, what


def test_a_shift_to_the_right_rounds_halves_up() -> None:
    values = np.array([[-3], [-2], [-1], [0], [1], [2], [3]], np.int64)
    assert rounding_shift(values, np.array([-1], np.int8)).ravel().tolist() == [
        -1, -1, 0, 0, 1, 1, 2,
    ]  # fmt: skip
    assert rounding_shift(values, np.array([31], np.int8)).ravel()[0] == -3 << 31
    ends = np.array([[-(1 << 31)], [(1 << 31) - 1]], np.int64)
    assert rounding_shift(ends, np.array([-31], np.int8)).ravel().tolist() == [-1, 1]


@pytest.mark.parametrize("value", [0, 1, -1, 2**31 - 1, -(2**31), 2**31, 2**40 + 5, -(2**45) - 3])
def test_sums_wrap_around_as_32_bits_do(value: int) -> None:
    assert wrap(np.array([value], np.int64))[0] == (value + 2**31) % 2**32 - 2**31


@pytest.mark.parametrize("bits", [1, 2, 8, 28, 32])
def test_saturation_ends_at_its_bits(bits: int) -> None:
    far = np.array([-(1 << 40), 1 << 40], np.int64)
    assert saturate(far, bits).tolist() == [-(1 << (bits - 1)), (1 << (bits - 1)) - 1]
