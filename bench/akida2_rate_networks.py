"""Networks of Akida 2.0 that rates are learned from: for bench/akida2_rates.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from akida2_builder import AVERAGE, HALVED, Akida2Builder

from akrt.lowering.operations import operation
from akrt.lowering.scaled_operations import Scaled
from akrt.model import Model, Pooling

__all__ = ["pushed", "rate_networks"]

_WIDTHS = (4, 6, 8, 12, 16, 17, 24, 32, 40, 10)
_OVERLAPPING = Pooling("max", (3, 3), (2, 2))
_DOUBLING = (5, 6)
"""Of the ways of `_general`, those that make a tensor four times as large."""
_NARROW = {"buffer_bits": 12}
"""Sums may saturate: for general kernels."""


def rate_networks() -> list[Model]:
    """Small calibrated networks of several layers, which between them have every kernel."""
    found = []
    for kind in (_separables, _convolutions, _residual, _given, _general):
        found += [kind(seed) for seed in range(_COUNTS[kind.__name__])]
    return found


_COUNTS = {"_separables": 16, "_convolutions": 24, "_residual": 8, "_given": 12, "_general": 20}


def _entered(seed: int, rng: np.random.Generator, bits: int = 8) -> Akida2Builder:
    b = Akida2Builder(seed, bits)
    size = int(rng.integers(9, 25))
    shape = (size, int(rng.integers(5, 25)), int(rng.choice([1, 3])))
    b.image(
        shape,
        int(rng.choice(_WIDTHS)),
        int(rng.choice([1, 2])),
        kernel=int(rng.choice([3, 5])),
        border=int(rng.choice([0, 128])),
        pooling=HALVED if rng.random() < 0.2 else None,
    )
    return b


def _ended(b: Akida2Builder, rng: np.random.Generator) -> Model:
    b.dense(int(rng.integers(2, 30)), 28)
    if rng.random() < 0.7:
        b.scores()
    return b.model("rates")


def _bits(seed: int) -> int:
    return 4 if seed % 3 == 2 else 8


def _separables(seed: int) -> Model:
    rng = np.random.default_rng(seed)
    b = _entered(seed, rng, _bits(seed))
    for _ in range(rng.integers(2, 6)):
        b.separable(int(rng.choice(_WIDTHS)), int(rng.choice([1, 1, 2])))
    if seed % 4:
        b.separable(int(rng.choice((*_WIDTHS, 64))), pooling=AVERAGE)
    return _ended(b, rng)


def _convolutions(seed: int) -> Model:
    rng = np.random.default_rng(100 + seed)
    b = _entered(100 + seed, rng, _bits(seed))
    shift = 0 if seed % 2 else 1
    for _ in range(rng.integers(2, 5)):
        kernel = int(rng.choice([1, 3, 3, 5]))
        stride = int(rng.choice([1, 2])) if kernel < 5 else 1
        pooling = [None, None, HALVED, _OVERLAPPING][rng.integers(4)]
        settings: dict[str, Any] = {"pooling": pooling, "shift": int(rng.random() < 0.9) * shift}
        b.conv(int(rng.choice(_WIDTHS)), kernel, stride, **settings)
    if seed % 3 == 0:
        b.conv(int(rng.choice(_WIDTHS)), int(rng.choice([1, 3])), pooling=AVERAGE, shift=shift)
    return _ended(b, rng)


def _residual(seed: int) -> Model:
    rng = np.random.default_rng(200 + seed)
    b = _entered(200 + seed, rng)
    way = b.last
    for _ in range(2):
        filters, stride = int(rng.choice(_WIDTHS)), int(rng.choice([1, 2]))
        b.last = way
        short = b.conv(filters, 1, stride, activation=None)
        b.last = way
        b.conv(filters, 3, stride)
        long = b.conv(filters, 3, activation=None)
        way = b.sum(long, short) if rng.random() < 0.6 else b.both(long, short)
    b.conv(int(rng.choice(_WIDTHS)), 1, pooling=AVERAGE)
    return _ended(b, rng)


def _given(seed: int) -> Model:
    """Networks without images, and some that give bytes."""
    rng = np.random.default_rng(300 + seed)
    b = Akida2Builder(300 + seed, 4 if seed % 4 == 1 else 8)
    shape = (int(rng.integers(4, 14)), int(rng.integers(4, 14)), int(rng.choice(_WIDTHS)))
    if seed % 3 == 0:
        b.floats(shape, first=bool(seed % 2))
    else:
        b.data(shape, 4 if seed % 4 == 1 else 8)
    if seed % 2:
        b.separable(int(rng.choice(_WIDTHS)))
        b.depthwise(5)
    b.conv(int(rng.choice(_WIDTHS)), 3, shift=seed % 2)
    b.dense(int(rng.integers(10, 60)))
    b.dense(int(rng.integers(10, 60)))
    return b.model("rates") if seed % 3 == 1 else _ended(b, rng)


def _general(seed: int) -> Model:
    """Layers that no fast kernel takes."""
    rng = np.random.default_rng(400 + seed)
    b = _entered(400 + seed, rng, _bits(seed))
    ways = [
        lambda: b.conv(width, 3, **_NARROW),
        lambda: b.conv(width, 3, pooling=HALVED, **_NARROW),
        lambda: b.conv(width, 3, activation="lut"),
        lambda: b.depthwise(3, **_NARROW),
        lambda: b.depthwise(3, pooling=HALVED),
        lambda: b.transposed(),
        lambda: b.transposed(width, 4),
        lambda: b.depthwise(3, shift=13),
        lambda: b.conv(width, 3, shift=13),
        lambda: b.conv(width, 1, 2, activation=None, **_NARROW),
    ]
    for number in range(4):
        width = int(rng.choice(_WIDTHS))
        way, positions = (number + seed) % len(ways), b.shape[0] * b.shape[1]
        if way in _DOUBLING and 150 < positions <= 500:
            continue
        ways[way]()
    if seed % 3 == 0:
        b.conv(8, 3, pooling=AVERAGE, **_NARROW)
    elif seed % 3 == 1:
        b.depthwise(3, pooling=AVERAGE, **_NARROW)
    b.dense(20, **_NARROW)
    return _ended(b, rng)


def pushed(model: Model, bias: int) -> Model:
    """The network with all biases at one end, so that outputs are clipped there."""
    layers = []
    for node in model.nodes:
        layer = node.layer
        if isinstance(does := operation(node), Scaled):
            layer = does.layer
            moved = np.minimum(layer.bias_shift + 4, 18).astype(np.uint8)
            layer = replace(layer, bias=np.full_like(layer.bias, bias), bias_shift=moved)
        layers.append(layer)
    return Model(tuple(layers), inputs=model.inputs, name=model.name)
