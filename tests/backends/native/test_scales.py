"""Activations by multiplication: exact for every potential, or refused."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from akrt.backends.native.scales import find_scale, find_short_scale

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.sampled_from([1, 2, 4]), st.integers(5, 16))
def test_find_scale_is_exact_for_every_value_or_gives_none(
    seed: int, bits: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    step = rng.integers(1, 2**exponent, 4)
    levels = np.floor_divide(np.arange(2**bits - 1)[:, None] * step, 16)
    constants = find_scale(levels, step)
    if constants is None:
        return
    v = np.arange(int(constants.top.max()) + 1, dtype=np.uint64)[:, None]
    v = np.minimum(v, constants.top.astype(np.uint64))
    product = v * constants.mul.astype(np.uint64) + constants.add.astype(np.uint64)
    if constants.fine is not None:
        more = v * constants.fine.astype(np.uint64)
        assert more.max() < 2**32
        product += more >> np.uint64(12)
    assert product.max() < 2**32
    counted = (v[None] > levels[:, None].astype(np.uint64)).sum(0)
    np.testing.assert_array_equal(product >> np.uint64(constants.shift), counted)


@given(seeds, st.sampled_from([1, 2, 4]), st.integers(16, 38))
def test_find_scale_is_exact_for_every_reachable_value_of_huge_steps(
    seed: int, bits: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    step = rng.integers(2 ** (exponent - 1), 2**exponent, 4)
    levels = np.floor_divide(np.arange(2**bits - 1)[:, None] * step, 16)
    constants = find_scale(levels, step)
    if constants is None:
        return
    assert constants.top.min() > 0
    near = (levels[:, None] + np.arange(-2, 3)[:, None]).reshape(-1, 4)
    near = np.concatenate([near, rng.integers(0, 1 << 24, (99, 4))]).clip(0, (1 << 24) - 1)
    for v in near:
        v = np.minimum(v, constants.top)
        fine = 0 if constants.fine is None else constants.fine.astype(np.int64)
        product = v * constants.mul.astype(np.int64) + (v * fine >> 12) + constants.add
        assert product.max() < 2**32
        np.testing.assert_array_equal(product >> constants.shift, (v > levels).sum(0))


def test_find_scale_serves_the_steps_of_trained_networks() -> None:
    step16 = np.array([32, 100, 200, 700, 1000]) * 16 + np.array([0, 3, 7, 11, 15])
    levels = np.floor_divide(np.arange(15)[:, None] * step16, 16)
    assert find_scale(levels, step16) is not None
    assert find_scale(levels, step16).fine is None


def test_find_scale_serves_the_wide_steps_of_first_layers() -> None:
    step16 = np.random.default_rng(0).integers(20_000, 100_000, 64)
    levels = np.floor_divide(np.arange(15)[:, None] * step16, 16)
    constants = find_scale(levels, step16)
    assert constants is not None
    assert constants.fine is not None


@given(seeds, st.sampled_from([1, 2, 4]), st.integers(5, 17))
def test_find_short_scale_is_exact_for_every_value_or_gives_none(
    seed: int, bits: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    step = rng.integers(1, 2**exponent, 4)
    levels = np.floor_divide(np.arange(2**bits - 1)[:, None] * step, 16)
    constants = find_short_scale(levels, step, rng.integers(1, 128, 4))
    if constants is None:
        return
    top = int(levels[-1].max()) + 2
    v = np.arange(-top, max(2 * top, 66_000))[:, None]
    scaled = (v * constants.factor + constants.offset).clip(0, 65535)
    counted = (scaled * constants.mul.astype(np.int64)) >> 16 >> constants.shift
    assert constants.top == len(levels)
    assert constants.shift >= 1
    expected = (v[None] > levels[:, None]).sum(0)
    np.testing.assert_array_equal(np.minimum(counted, len(levels)), expected)


def test_find_short_scale_serves_the_steps_of_trained_networks() -> None:
    step16 = np.random.default_rng(0).integers(1000, 5000, 64)
    levels = np.floor_divide(np.arange(15)[:, None] * step16, 16)
    constants = find_short_scale(levels, step16, np.full(64, 18))
    assert constants is not None
    assert constants.factor.max() <= 18
