"""Scores in integers: how near they are to those with reals, and what they never do."""

from __future__ import annotations

import numpy as np
from outputs.grids import grid_model

from akrt.model import ClassTask
from akrt.outputs.fixed import exponentials, fixed_logits, share, sigmoids, softmaxes

ALL = np.arange(-70000, 70001)


def test_exponentials() -> None:
    within = ALL[(ALL >= -12 * 256) & (ALL < 10 * 256)]
    found = exponentials(within)
    exact = 65536 * np.exp(within / 256)
    assert np.abs(found - exact).max() / exact.max() < 1e-4
    small = within < 0
    assert np.abs(found - exact)[small].max() < 3
    assert (np.diff(exponentials(ALL)) >= 0).all()
    assert exponentials(np.array([0])).tolist() == [65536]
    assert exponentials(ALL).max() < 1 << 31  # in C they are int32_t


def test_sigmoids() -> None:
    found = sigmoids(ALL)
    exact = 65536 / (1 + np.exp(-ALL / 256))
    assert np.abs(found - exact).max() < 3
    assert (np.diff(found) >= 0).all()
    assert sigmoids(np.array([0])).tolist() == [32768]
    np.testing.assert_array_equal(found + found[::-1], 65536)


def test_softmaxes() -> None:
    rng = np.random.default_rng(0)
    logits = rng.integers(-3000, 3000, (5000, 7))
    exact = np.exp((logits - logits.max(axis=1, keepdims=True)) / 256)
    exact /= exact.sum(axis=1, keepdims=True)
    assert np.abs(softmaxes(logits) - 65536 * exact).max() < 6
    np.testing.assert_array_equal(softmaxes(logits + 500), softmaxes(logits))
    assert softmaxes(np.array([[-65535, 65535]])).tolist() == [[0, 65536]]
    assert softmaxes(np.array([[7, 7]])).tolist() == [[32768, 32768]]
    assert share(0.5) == 32768


def test_logits_are_those_of_the_network() -> None:
    rng = np.random.default_rng(0)
    threshold = rng.integers(-(1 << 20), 1 << 20, 9).astype(np.int32)
    step = np.exp(rng.uniform(0, 6, 9)).astype(np.float32)
    model = grid_model(1, 1, ClassTask(), 9, threshold=threshold, act_step=step)
    above = (rng.uniform(-200, 200, (500, 9)) * step).astype(np.int64)
    found = fixed_logits(model, (above + threshold).astype(np.int32))
    assert np.abs(found - 256 * above / step.astype(np.float64)).max() <= 1.02
    far = fixed_logits(model, np.full((1, 9), 2**31 - 1, np.int32))
    assert np.abs(far).max() <= 65535
