"""Networks of several layers, and those whose outputs all are of one level: for
bench/firmware_rates.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from rate_networks import AVERAGE, BEYOND, MIXED, Draws, calibrated, chain

from akrt.model import AnyLayer, Convolutional, InputData, Model, Pooling

__all__ = ["level_networks", "mixed_networks", "row_chains"]


def mixed_networks() -> list[Model]:
    """Calibrated networks of several layers, as people have them."""
    d = Draws(18)

    def first(shape: tuple[int, int, int], filters: int) -> AnyLayer:
        return d.first(shape, filters, (3, 3), 2)

    def last(channels: int) -> AnyLayer:
        return d.dense(channels, 10, act_bits=None)

    pooled: dict[str, Any] = {"pooling": Pooling("max", (2, 2), (2, 2))}
    summed: dict[str, Any] = {"pooling": AVERAGE}
    chains: list[tuple[AnyLayer, ...]] = [
        (
            first((32, 32, 3), 16),
            d.convolution(16, 16, (3, 3), 1, **pooled),
            d.convolution(16, 32, (3, 3), 1),
            d.convolution(32, 32, (3, 3), 1, **summed),
            last(32),
        ),
        (first((32, 32, 3), 16), d.convolution(16, 24, (3, 3), 2), last(8 * 8 * 24)),
        (
            first((40, 40, 3), 8),
            d.separable(8, 16, 3, 1),
            d.separable(16, 32, 3, 2),
            d.separable(32, 32, 3, 1, **summed),
            last(32),
        ),
        (first((24, 24, 1), 16), d.separable(16, 16, 3, 1, **pooled), last(6 * 6 * 16)),
        (
            InputData("in", (1, 1, 200), 4),
            d.dense(200, 64),
            d.dense(64, 8),
            d.dense(8, 64),
            last(64),
        ),
        (
            first((26, 10, 1), 32),
            d.separable(32, 32, 3, 1),
            d.separable(32, 32, 3, 1),
            d.separable(32, 32, 3, 1, **summed),
            last(32),
        ),
        (
            first((20, 20, 3), 16),
            d.convolution(16, 16, (1, 1), 1),
            d.separable(16, 24, 3, 1),
            d.convolution(24, 16, (3, 3), 1, bits=8),
            last(10 * 10 * 16),
        ),
        (
            first((16, 10, 1), 16),
            d.separable(16, 16, 3, 1),
            d.convolution(16, 8, (3, 3), 1),
            last(320),
        ),
        (first((16, 16, 1), 16), d.separable(16, 16, 3, 1, bits=8), last(8 * 8 * 16)),
    ]
    chains += [_random_chain(d) for _ in range(16)]
    found = []
    for layers in chains:
        named = (replace(layer, name=f"layer_{i}") for i, layer in enumerate(layers))
        found.append(calibrated(d, Model(tuple(named), name=MIXED), 0))
    return found


def row_chains() -> list[Model]:
    """Calibrated networks of several layers of rows."""
    d = Draws(19)
    found = []
    for filters, count, act_bits in ((24, 2, 4), (64, 3, 4), (172, 3, 4), (128, 2, 4), (48, 3, 2)):
        first = d.first((26, 10, 1), filters, (3, 3), 2)
        last = d.separable(filters, filters, 3, 1, pooling=AVERAGE)
        rows = [d.separable(filters, filters, 3, 1, act_bits=act_bits) for _ in range(count)]
        whole = (*rows, last, d.dense(filters, 10, act_bits=None))
        for layers in ((first, *whole), (first, *rows)):
            named = (replace(layer, name=f"layer_{i}") for i, layer in enumerate(layers))
            found.append(calibrated(d, Model(tuple(named), name=MIXED), 0))
    return found


def _random_chain(d: Draws) -> tuple[AnyLayer, ...]:
    """Two to five layers and a dense one or two, of small tensors."""
    layers: list[AnyLayer] = []
    if d.of((True, False, False)):
        shape = (6, d.of((4, 6)), d.of((8, 16)))
        layers.append(InputData("in", shape, 4))
    else:
        given = (12, d.of((10, 12)), d.of((1, 3)))
        layers.append(d.first(given, d.of((8, 16)), (3, 3), 2))
        shape = layers[0].output_shape(given)
    for _ in range(int(d.rng.integers(1, 4))):
        kind = d.of(("conv", "conv", "separable", "separable", "rows", "wide", "general"))
        more: dict[str, Any] = {}
        if kind != "rows" and d.of((True, False, False)) and shape[0] > 3:
            more["pooling"] = Pooling("max", (2, 2), (2, 2))
        filters = d.of((8, 12, 16))
        if kind in ("conv", "wide"):
            bits = 4 if kind == "conv" else 8
            layer: Any = d.convolution(shape[2], filters, (3, 3), 1, bits=bits, **more)
        else:
            bits = 8 if kind == "general" else 4
            stride = 2 if kind == "separable" and not more and shape[0] > 3 else 1
            layer = d.separable(shape[2], filters, 3, stride, bits=bits, **more)
        layers.append(layer)
        shape = layer.output_shape(shape)
    if d.of((True, False)):
        layer = d.separable(shape[2], 12, 3, 1, pooling=AVERAGE)
        layers.append(layer)
        shape = layer.output_shape(shape)
    if d.of((True, False)):
        layers.append(d.dense(int(np.prod(shape)), 12))
        shape = (1, 1, 12)
    return (*layers, d.dense(int(np.prod(shape)), 10, act_bits=None))


def level_networks() -> list[Model]:
    """Networks whose outputs all are of one level, that of every element of a constant input, for
    the forms of activations that take longer for some levels, and for sums that saturate."""
    d = Draws(16)
    found = []
    for act_bits, table in ((4, False), (2, False), (1, False), (4, True), (2, True), (1, True)):
        for channels in (8, 256):
            layer = d.convolution(channels, 64, (1, 1), 1, act_bits=act_bits)
            found.append(chain((4, 6, channels), _levelled(layer, table)))
    # steps that no factor of 32 bits divides by, so that 4 bits are bisected on every core
    layer = _levelled(d.convolution(256, 64, (1, 1), 1), False)
    odd = np.nextafter(layer.act_step, np.float32(0)) * np.linspace(1, 1.01, 64, dtype=np.float32)
    found.append(chain((4, 6, 256), replace(layer, act_step=odd)))
    for sign in (7, -7):
        layer = d.convolution(256, 32, (1, 1), 1, act_bits=None, pooling=AVERAGE)
        weights = np.full_like(layer.weights, sign)
        found.append(chain((12, 6, 256), replace(layer, weights=weights)))
        layer = d.convolution(128, 8, (7, 7), 1, padding="valid", act_bits=4)
        layer = replace(layer, weights=np.full_like(layer.weights, sign))
        pooled = replace(layer, pooling=Pooling("max", (1, 1), (1, 1)))
        found.append(chain((7, 12, 128), pooled))
    return found


def _levelled(layer: Convolutional, table: bool) -> Convolutional:
    """With the same potentials for all filters, and levels that a constant input runs through."""
    channels, act_bits = layer.weights.shape[2], layer.act_bits
    assert act_bits is not None
    weight, top = (1 if channels == 8 else 7), (1 << act_bits) - 1
    most = weight * channels * 15
    threshold = np.full(64, 0 if top == 15 else most // 4, np.int32)
    if table:
        threshold[-1] = BEYOND
    return replace(
        layer,
        weights=np.full_like(layer.weights, weight),
        threshold=threshold,
        act_step=np.full(64, most / 16 * 15 / top, np.float32),
    )
