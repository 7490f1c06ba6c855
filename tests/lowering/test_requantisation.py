"""Every form that the solver finds, counted at every value that can occur."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from akrt.lowering.requantisation import (
    MulAdd,
    NarrowMulAdd,
    Quotient,
    ShortQuotient,
    bisection,
    solve,
)
from akrt.model.layers import FullyConnected

FILTERS = 4


def layer(threshold: np.ndarray, act_step: np.ndarray, bits: int = 4) -> FullyConnected:
    return FullyConnected(
        name="out",
        weights=np.ones((1, FILTERS), np.int8),
        weights_bits=4,
        act_bits=bits,
        threshold=threshold.astype(np.int32),
        act_step=act_step.astype(np.float32),
    )


def counted(levels: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (v[:, None] > levels).sum(1)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 400.0), st.sampled_from(["whole", "high", "16"]))
def test_multiply_and_add(seed: int, scale: float, kind: str) -> None:
    rng = np.random.default_rng(seed)
    reach = rng.integers(1, 4000, FILTERS)
    low, high = -rng.integers(0, reach + 1), reach
    one = layer(rng.integers(-4000, 4000, FILTERS), scale * rng.uniform(0.7, 1.4, FILTERS))
    form = NarrowMulAdd(one, low, high) if kind == "16" else MulAdd(one, low, high, kind == "high")
    found = solve(form, one.firing_levels, low, high)
    if found is None:
        assert kind != "whole"
        return
    v = np.arange(-4000, 4001)[:, None]
    addend = found.addend << (found.setting[1] if kind == "16" else 0)
    total = form.scaled(v, found.factors) + addend
    inside = (v >= low) & (v <= high)
    assert np.abs(total[inside]).max() < 2**31
    if kind == "16":
        assert found.factors.max() < 1 << 16
        assert found.addend.min() >= -(1 << 15)
        assert found.addend.max() < 1 << 15
    ours = np.clip(total >> found.setting[0], 0, 15)
    expected = counted(one.firing_levels, np.broadcast_to(v, inside.shape))
    np.testing.assert_array_equal(ours[inside], expected[inside])


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 4]), st.sampled_from([0, 12]))
def test_quotients_without_a_sign(seed: int, bits: int, fine: int) -> None:
    rng = np.random.default_rng(seed)
    step = rng.integers(16, 6000, FILTERS)
    levels = np.arange((1 << bits) - 1)[:, None] * step // 16
    top = levels[-1] + 1
    found = solve(Quotient(step, top, len(levels), fine), levels, np.zeros_like(top), top)
    assert found is not None
    v = np.minimum(np.arange(int(top.max()) + 50)[:, None], top)
    whole, rest = found.factors >> fine, found.factors & ((1 << fine) - 1)
    total = v * whole + (v * rest >> fine) + found.addend
    assert total.max() < 1 << 32
    np.testing.assert_array_equal(total >> found.setting[0], counted(levels, v))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 4]))
def test_short_quotients(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    step = rng.integers(16, 3000, FILTERS)
    levels = np.arange((1 << bits) - 1)[:, None] * step // 16
    most = rng.integers(1, 40, FILTERS)
    found = solve(
        ShortQuotient(step, most, len(levels), 16), levels, np.zeros_like(most), levels[-1] + 1
    )
    if found is None:
        return
    factor, mul = found.factors
    assert (factor <= most).all()
    v = np.arange(-100, int(levels.max()) + 200)[:, None] + np.zeros(FILTERS, np.int64)
    clipped = np.clip(v * factor + found.addend, 0, (1 << 16) - 1)
    ours = np.minimum(clipped * mul >> 16 >> found.setting[0], len(levels))
    np.testing.assert_array_equal(ours, counted(levels, v))


@pytest.mark.parametrize(("threshold", "fits"), [((1 << 23) - 101, True), ((1 << 23) - 100, False)])
def test_bisection_keeps_32_bits(threshold: int, fits: bool) -> None:
    one = layer(np.full(FILTERS, -threshold), np.full(FILTERS, 2.0**30))
    found = bisection(one, 100)
    assert (found is not None) == fits
    if found is not None:  # a step beyond what can be reached says as much as a larger one
        assert 15 * int(found.step.max()) < 1 << 31
        assert found.threshold.tolist() == [-threshold] * FILTERS
