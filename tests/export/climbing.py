"""Inputs that make sums of a global average saturate, or that take many instructions, found by
climbing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from akrt.backends.native.backend import NativeBackend
from akrt.lowering.operations import Separable, operation
from akrt.model import POTENTIAL_MAX, Model

AT_ONCE = 32
"""Changes that are tried in one step."""


def reach(model: Model, x: np.ndarray) -> np.ndarray:
    """(N,): what the certificate of the last separable layer adds up, as a share of what it may."""
    last = max(i for i, n in enumerate(model.nodes) if isinstance(operation(n), Separable))
    values = NativeBackend(Model(model.layers[:last])).run(x) if last else x
    does = operation(model.nodes[last])
    assert isinstance(does, Separable)
    before, after = does.window.before, does.window.after
    around = [(0, 0), *zip(before, after, strict=True), (0, 0)]
    padded = np.pad(values.astype(np.int64), around)
    width, height = does.window.target[:2]
    results = np.zeros((len(x), width, height, values.shape[3]), np.int64)
    for i in range(does.window.size[0]):
        for j in range(does.window.size[1]):
            results += padded[:, i : i + width, j : j + height] * does.depthwise[i, j]
    weights = does.weights.astype(np.int64)
    sizes = np.abs(results).sum((1, 2)) @ np.abs(weights)
    totals = np.abs(results.sum((1, 2)) @ weights)
    return np.asarray((sizes + totals).max(1) / (2 * POTENTIAL_MAX))


def climbed(model: Model, seed: int, steps: int = 100, enough: float = 1.01) -> np.ndarray:
    """An input (X, Y, C) for which that share is large: of changed rectangles the best stays."""
    rng = np.random.default_rng(seed)
    top = (1 << model.input_bits) - 1
    best = rng.integers(0, top + 1, model.input_shape).astype(np.uint8)
    height = 0.0
    for step in range(steps):
        tried = np.repeat(best[None], AT_ONCE, axis=0)
        for one in tried:
            corner = [rng.integers(size) for size in best.shape[:2]]
            most = [max(2, size >> (step * 4 // steps)) for size in best.shape[:2]]
            area = tuple(
                slice(c, c + rng.integers(1, m)) for c, m in zip(corner, most, strict=True)
            )
            shape = one[area].shape
            choices = (0, top, None)
            chosen = choices[rng.integers(3)]
            one[area] = rng.integers(0, top + 1, shape) if chosen is None else chosen
        heights = reach(model, tried)
        if heights.max() > height:
            best, height = tried[heights.argmax()], float(heights.max())
        if height > enough:
            break
    return best


def relatives(model: Model, x: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(N, X, Y, C): inputs like `x`, some of their values changed, that saturate too."""
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    while len(found) < count:
        tried = np.repeat(x[None], AT_ONCE, axis=0)
        changed = rng.random(tried.shape) < rng.choice([0.002, 0.01, 0.03], (AT_ONCE, 1, 1, 1))
        noise = rng.integers(0, 1 << model.input_bits, tried.shape).astype(np.uint8)
        tried = np.where(changed, noise, tried)
        found += list(tried[reach(model, tried) > 1])
    return np.stack(found[:count])


def dearest(
    model: Model,
    x: np.ndarray,
    counts: Callable[[np.ndarray], Sequence[int]],
    count: int,
    seed: int = 0,
) -> list[int]:
    """What `count` inputs take, made from `x` (X, Y, C): of changed rectangles the best stays."""
    rng = np.random.default_rng(seed)
    top = (1 << model.input_bits) - 1
    best, found = x, list(counts(x[None]))
    while len(found) < count:
        tried = np.repeat(best[None], AT_ONCE, axis=0)
        for one in tried:
            corner = [rng.integers(size) for size in x.shape[:2]]
            area = tuple(
                slice(c, c + rng.integers(1, max(2, size)))
                for c, size in zip(corner, x.shape[:2], strict=True)
            )
            noise = rng.integers(0, top + 1, one[area].shape)
            choices = (0, top, int(rng.integers(top + 1)), noise, one[area] * (noise > top // 2))
            one[area] = choices[rng.integers(len(choices))]
        taken = counts(tried)
        if max(taken) > max(found):
            best = tried[int(np.argmax(taken))]
        found += taken
    return found
