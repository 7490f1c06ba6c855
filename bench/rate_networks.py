"""Networks of one layer each, of many shapes, for every kernel: what rates are measured with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from run import half_zeros

from akrt.lowering.operations import Separable, operation
from akrt.model import (
    Add,
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)

__all__ = [
    "MIXED",
    "SATURATES",
    "general_networks",
    "level_networks",
    "mixed_networks",
    "rate_networks",
]

_AVERAGE = Pooling("average")
_MOST_PRODUCTS = 1_000_000
_CHANNELS = (1, 3, 8, 12, 16, 16, 24, 32, 32, 48, 64, 64, 96, 128, 128, 200, 256)
_KERNELS = ((1, 1), (3, 3), (3, 3), (3, 3), (5, 5), (7, 7), (3, 1), (1, 3))
SATURATES = "saturates"
"""Name of the networks whose last sum saturates, and no other, for large inputs."""
MIXED = "mixed"
"""Name of the networks of several layers."""
_BEYOND = 1 << 24
"""A threshold for which there is no form but a table of levels."""


class _Draws:
    """Random layers; the same every time."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def of(self, values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def weights(self, bits: int, *shape: int) -> np.ndarray:
        top = {1: 1, 2: 1, 4: 7, 8: 127}[bits]
        drawn = self.rng.integers(0 if bits == 1 else -top, top + 1, shape)
        return np.where(self.rng.random(shape) < 0.4, 0, drawn).astype(np.int8)

    def common(self, filters: int, act_bits: int | None = 4) -> dict[str, Any]:
        return {
            "name": "layer",
            "act_bits": act_bits,
            "threshold": np.zeros(filters, np.int32),
            "act_step": np.ones(filters, np.float32),
        }

    def convolution(
        self, channels: int, filters: int, kernel: tuple[int, int], stride: int, **more: Any
    ) -> Convolutional:
        bits = more.pop("bits", 4)
        act_bits = more.pop("act_bits", 4)
        weights = self.weights(bits, *kernel, channels, filters)
        return Convolutional(
            weights=weights, weights_bits=bits, stride=(stride, stride), **more,
            **self.common(filters, act_bits),
        )  # fmt: skip

    def first(
        self, shape: tuple[int, int, int], filters: int, kernel: tuple[int, int], stride: int,
        **more: Any,
    ) -> InputConvolutional:  # fmt: skip
        act_bits = more.pop("act_bits", 4)
        return InputConvolutional(
            input_shape=shape, weights=self.weights(8, *kernel, shape[2], filters),
            weights_bits=8, stride=(stride, stride), **more, **self.common(filters, act_bits),
        )  # fmt: skip

    def separable(
        self, channels: int, filters: int, kernel: int, stride: int, **more: Any
    ) -> SeparableConvolutional:
        bits = more.pop("bits", 4)
        act_bits = more.pop("act_bits", 4)
        return SeparableConvolutional(
            depthwise=self.weights(bits, kernel, kernel, channels),
            pointwise=self.weights(bits, channels, filters),
            weights_bits=bits, stride=(stride, stride), **more, **self.common(filters, act_bits),
        )  # fmt: skip

    def dense(self, inputs: int, units: int, **more: Any) -> FullyConnected:
        bits = more.pop("bits", 4)
        act_bits = more.pop("act_bits", 4)
        return FullyConnected(
            weights=self.weights(bits, inputs, units), weights_bits=bits,
            **self.common(units, act_bits),
        )  # fmt: skip


def rate_networks() -> list[Model]:
    """Calibrated networks, in the order of their kernels."""
    d = _Draws(15)
    found = [
        *_convolutions(d), *_firsts(d), *_separables(d), *_denses(d), *_others(d), *_rows(d),
    ]  # fmt: skip
    return [_calibrated(d, model, number) for number, model in enumerate(found)]


def mixed_networks() -> list[Model]:
    """Calibrated networks of several layers, as people have them."""
    d = _Draws(18)

    def first(shape: tuple[int, int, int], filters: int) -> AnyLayer:
        return d.first(shape, filters, (3, 3), 2)

    def last(channels: int) -> AnyLayer:
        return d.dense(channels, 10, act_bits=None)

    pooled: dict[str, Any] = {"pooling": Pooling("max", (2, 2), (2, 2))}
    summed: dict[str, Any] = {"pooling": _AVERAGE}
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
    for chain in chains:
        named = (replace(layer, name=f"layer_{i}") for i, layer in enumerate(chain))
        found.append(_calibrated(d, Model(tuple(named), name=MIXED), 0))
    return found


def _random_chain(d: _Draws) -> tuple[AnyLayer, ...]:
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
        layer = d.separable(shape[2], 12, 3, 1, pooling=_AVERAGE)
        layers.append(layer)
        shape = layer.output_shape(shape)
    if d.of((True, False)):
        layers.append(d.dense(int(np.prod(shape)), 12))
        shape = (1, 1, 12)
    return (*layers, d.dense(int(np.prod(shape)), 10, act_bits=None))


def level_networks() -> list[Model]:
    """Networks whose outputs all are of one level, that of every element of a constant input, for
    the forms of activations that take longer for some levels, and for sums that saturate."""
    d = _Draws(16)
    found = []
    for act_bits, table in ((4, False), (2, False), (1, False), (4, True), (2, True), (1, True)):
        for channels in (8, 256):
            layer = d.convolution(channels, 64, (1, 1), 1, act_bits=act_bits)
            found.append(_chain((4, 6, channels), _levelled(layer, table)))
    # steps that no factor of 32 bits divides by, so that 4 bits are bisected on every core
    layer = _levelled(d.convolution(256, 64, (1, 1), 1), False)
    odd = np.nextafter(layer.act_step, np.float32(0)) * np.linspace(1, 1.01, 64, dtype=np.float32)
    found.append(_chain((4, 6, 256), replace(layer, act_step=odd)))
    for sign in (7, -7):
        layer = d.convolution(256, 32, (1, 1), 1, act_bits=None, pooling=_AVERAGE)
        weights = np.full_like(layer.weights, sign)
        found.append(_chain((12, 6, 256), replace(layer, weights=weights)))
        layer = d.convolution(128, 8, (7, 7), 1, padding="valid", act_bits=4)
        layer = replace(layer, weights=np.full_like(layer.weights, sign))
        pooled = replace(layer, pooling=Pooling("max", (1, 1), (1, 1)))
        found.append(_chain((7, 12, 128), pooled))
    return found


def _levelled(layer: Convolutional, table: bool) -> Convolutional:
    """With the same potentials for all filters, and levels that a constant input runs through."""
    channels, act_bits = layer.weights.shape[2], layer.act_bits
    assert act_bits is not None
    weight, top = (1 if channels == 8 else 7), (1 << act_bits) - 1
    most = weight * channels * 15
    threshold = np.full(64, 0 if top == 15 else most // 4, np.int32)
    if table:
        threshold[-1] = _BEYOND
    return replace(
        layer,
        weights=np.full_like(layer.weights, weight),
        threshold=threshold,
        act_step=np.full(64, most / 16 * 15 / top, np.float32),
    )


def _heavy(layer: SeparableConvolutional, number: int) -> SeparableConvolutional:
    """With larger weights, so that fewer products fit a sum of 16 bits."""
    depthwise = np.where(layer.depthwise < 0, -7, 7).astype(np.int8)
    pointwise = np.clip(layer.pointwise * (1 + number % 3), -7, 7).astype(np.int8)
    return replace(layer, depthwise=depthwise, pointwise=pointwise)


def _calibrated(d: _Draws, model: Model, number: int) -> Model:
    """Half of the activations are zero; `number` 7, 14, ...: with a table of levels."""
    layer = model.layers[-1]
    if model.inputs:
        return model
    x = d.rng.integers(0, 1 << model.input_bits, (2, *model.input_shape)).astype(np.uint8)
    if len(model.layers) > 1:
        x *= d.rng.integers(0, 2, x.shape, dtype=np.uint8)
    done = half_zeros(model, x)
    table = layer.name == "levels" or (layer.act_bits in (1, 2, 4) and number % 9 == 8)
    if table and not isinstance(operation(model.nodes[-1]), Separable):
        last: Any = done.layers[-1]
        threshold = last.threshold.copy()
        threshold[0] = _BEYOND
        done = done.replace(layers=(*done.layers[:-1], replace(last, threshold=threshold)))
    return done


def _chain(shape: tuple[int, int, int], *layers: AnyLayer, bits: int = 4) -> Model:
    return Model((InputData("in", shape, bits), *layers))


def _height(kernel: int, stride: int, products: int) -> int:
    """Lines of the input for a few of the output."""
    lines = 5 if products < _MOST_PRODUCTS // 8 else 3
    return max(kernel, lines * stride + (kernel - 1) // 2)


def _act_bits(d: _Draws) -> int | None:
    return d.of((4, 4, 4, 4, 4, 1, 2, None))


def _convolutions(d: _Draws) -> list[Model]:
    shapes = [
        (16, 16, (3, 3), 1, 32), (16, 32, (3, 3), 2, 32), (32, 32, (3, 3), 1, 16),
        (32, 64, (3, 3), 2, 16), (64, 64, (3, 3), 1, 8), (64, 64, (3, 3), 1, 6),
        (16, 32, (3, 3), 1, 16), (32, 64, (3, 3), 1, 8), (32, 64, (3, 3), 1, 14),
        (8, 16, (3, 3), 1, 48), (16, 32, (3, 3), 1, 24), (128, 128, (1, 1), 1, 5),
        (64, 64, (1, 1), 1, 5), (64, 64, (1, 1), 1, 10), (32, 32, (5, 5), 1, 10),
        (256, 64, (1, 1), 1, 3), (64, 128, (3, 3), 2, 12), (3, 16, (3, 3), 1, 20),
    ]  # fmt: skip
    while len(shapes) < 62:
        shape = (
            d.of(_CHANNELS), d.of(_CHANNELS), d.of(_KERNELS), d.of((1, 1, 1, 2, 3)),
            d.of((1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 16, 20, 24, 32)),
        )  # fmt: skip
        channels, filters, kernel, stride, width = shape
        stride = min(stride, *kernel)
        shape = (channels, filters, kernel, stride, width)
        if channels * filters * kernel[0] * kernel[1] * width // stride * 3 < _MOST_PRODUCTS:
            shapes.append(shape)
    found = []
    for number, (channels, filters, kernel, stride, width) in enumerate(shapes):
        products = channels * filters * kernel[0] * kernel[1] * width // stride
        more: dict[str, Any] = {"act_bits": 4 if number < 18 else _act_bits(d)}
        if number % 6 == 5:
            more["pooling"] = _AVERAGE
        elif number % 6 == 4 and more["act_bits"] is not None:
            size = d.of(((2, 2), (3, 3), (2, 2)))
            more["pooling"] = Pooling("max", size, d.of(((2, 2), (1, 1), size)))
        layer = d.convolution(
            channels, filters, kernel, stride, padding=d.of(("same", "same", "valid")), **more
        )
        width = max(width, kernel[1] + 2) if layer.padding == "valid" else width
        x = max(_height(kernel[0], stride, products), kernel[0] + 2 * stride)
        found.append(_chain((x, width, channels), layer))
    return found


def _firsts(d: _Draws) -> list[Model]:
    shapes = [
        (3, 8, (3, 3), 2, 96), (3, 16, (3, 3), 1, 32), (1, 32, (3, 3), 1, 28),
        (3, 8, (3, 3), 2, 48), (1, 64, (3, 3), 2, 40), (1, 64, (5, 5), 2, 10),
        (1, 32, (3, 3), 2, 10), (1, 172, (3, 3), 2, 10), (3, 16, (3, 3), 2, 64),
        (1, 64, (3, 3), 2, 20), (3, 32, (5, 5), 2, 32),
    ]  # fmt: skip
    while len(shapes) < 48:
        kernel = d.of(((3, 3), (3, 3), (5, 5), (7, 7), (1, 1), (5, 3)))
        filters, stride = d.of((5, 8, 12, 16, 24, 32, 64, 100)), min(d.of((1, 2, 2, 3)), *kernel)
        shapes.append((d.of((1, 3)), filters, kernel, stride, d.of((6, 9, 10, 12, 16, 20, 32, 49))))
    found = []
    for number, (channels, filters, kernel, stride, width) in enumerate(shapes):
        more: dict[str, Any] = {"act_bits": 4 if number < 11 else _act_bits(d)}
        if number % 5 == 4 and more["act_bits"] is not None:
            more["pooling"] = Pooling("max", (2, 2), (2, 2))
        elif number % 7 == 6:
            more["pooling"] = _AVERAGE
        shape = (kernel[0] + 4 * stride, width, channels)
        found.append(Model((d.first(shape, filters, kernel, stride, **more),)))
    for number in range(16):  # 8-bit weights on activations, as bytes or as lines
        channels, filters = d.of((3, 8, 16, 32)), d.of((5, 8, 16, 32))
        kernel = d.of(((1, 1), (3, 3), (5, 5)))
        bits = None if number == 9 else 4
        layer = d.convolution(
            channels, filters, kernel, min(d.of((1, 2)), *kernel), bits=8, act_bits=bits
        )
        shape = (6, d.of((5, 10, 16)), channels)
        before = d.convolution(channels, channels, (1, 1), 1)
        lines = () if number % 3 == 2 else (replace(before, name="before"),)
        found.append(_chain(shape, *lines, layer))
    return found


def _separables(d: _Draws) -> list[Model]:
    shapes = [
        (8, 16, 3, 1, 48), (16, 32, 3, 2, 48), (32, 32, 3, 1, 24), (32, 64, 3, 2, 24),
        (64, 64, 3, 1, 12), (64, 128, 3, 2, 12), (128, 128, 3, 1, 6), (128, 256, 3, 2, 6),
        (256, 256, 3, 1, 3), (64, 64, 3, 1, 10), (32, 32, 3, 1, 10), (64, 64, 3, 1, 20),
        (172, 172, 3, 1, 10), (64, 64, 5, 1, 5), (64, 64, 3, 2, 5), (128, 128, 3, 1, 5),
    ]  # fmt: skip
    while len(shapes) < 64:
        shape = (
            d.of(_CHANNELS), d.of(_CHANNELS), d.of((3, 3, 3, 5, 7)), d.of((1, 1, 2)),
            d.of((1, 2, 3, 4, 6, 7, 8, 10, 12, 13, 16, 24)),
        )  # fmt: skip
        if shape[0] * (shape[1] + shape[2] ** 2) * shape[4] * 3 < _MOST_PRODUCTS:
            shapes.append(shape)
    found = []
    for number, (channels, filters, kernel, stride, width) in enumerate(shapes):
        narrow = number >= 16 and number % 5 == 0
        more: dict[str, Any] = {"act_bits": 4 if number < 16 else _act_bits(d)}
        more["bits"] = d.of((1, 2)) if narrow else 4
        if number % 6 == 5:
            more["pooling"] = _AVERAGE
        elif number % 6 == 4 and more["act_bits"] is not None:
            more["pooling"] = Pooling("max", (2, 2), (2, 2))
        x = 4 * stride + (kernel - 1) // 2
        if width <= 5 and stride == 1 and kernel == 3:
            stride = 2  # else the layer is of rows
        layer = d.separable(channels, filters, kernel, stride, padding="same", **more)
        if number % 4 == 3 and not narrow:
            layer = _heavy(layer, number)
        found.append(_chain((x, width, channels), layer))
    return found


def _denses(d: _Draws) -> list[Model]:
    shapes = [
        (640, 128, 4), (128, 128, 4), (128, 8, 4), (8, 128, 4), (128, 640, None), (256, 2, None),
        (64, 10, None), (64, 33, None), (172, 33, None), (32, 33, None), (3136, 64, 1),
        (512, 10, None), (1024, 100, 4), (1000, 10, None), (20, 5, 4), (100, 30, 2), (300, 7, 4),
        (77, 77, 4), (400, 16, 1), (600, 12, 2), (40, 40, None), (2048, 20, 4),
    ]  # fmt: skip
    for _ in range(14):
        inputs, units = int(d.rng.integers(10, 900)), int(d.rng.integers(2, 90))
        shapes.append((inputs, units, d.of((4, 4, 4, 2, 1, None))))
    return [
        _chain((1, 1, inputs), d.dense(inputs, units, act_bits=bits))
        for inputs, units, bits in shapes
    ]


def _others(d: _Draws) -> list[Model]:
    found = []
    for channels, width, act_bits in (
        (8, 4, 4), (16, 16, 4), (32, 8, 4), (64, 8, 4), (20, 6, 4), (12, 5, 2), (40, 10, None),
        (33, 7, 1), (24, 9, 4), (48, 5, 2), (16, 3, 1), (32, 12, None), (10, 10, 4), (100, 2, 4),
    ):  # fmt: skip
        added = d.common(channels, act_bits)
        added["threshold"] += 6
        layers = (InputData("in", (6, width, channels), 4), Add(**added))
        found.append(Model(layers, inputs={"layer": ("in", "in")}))
    return found


def _rows(d: _Draws) -> list[Model]:
    found: list[Model] = []
    shapes = [(64, 64, 5, 25), (64, 64, 5, 12), (32, 32, 5, 25), (172, 172, 5, 6), (64, 64, 3, 12)]
    inputs = (4, 8, 12, 16, 20, 32, 48, 64, 96, 128)
    outputs = (4, 7, 16, 24, 32, 50, 64, 100, 128)
    while len(shapes) < 34:
        width, rows = d.of((1, 2, 3, 4, 5, 5)), d.of((2, 6, 9, 15))
        shapes.append((d.of(inputs), d.of(outputs), width, rows))
    for number, (channels, filters, width, rows) in enumerate(shapes):
        bits = 4 if number < 5 else d.of((4, 4, 4, 2, 1))
        act_bits = 4 if number < 5 else d.of((4, 4, 2, 1))
        layer = d.separable(channels, filters, 3, 1, bits=bits, act_bits=act_bits)
        if bits == 4 and number % 2:
            layer = _heavy(layer, number)
        found.append(_chain((rows, width, channels), layer))
        pooled = d.separable(
            channels, filters, 3, 1, pooling=_AVERAGE, bits=bits, act_bits=d.of((4, 4, 1, None))
        )
        found.append(_chain((rows, width, channels), pooled))
    for number, (channels, filters, width, rows) in enumerate(shapes[:16]):
        layer = d.separable(channels, filters, 3, 1, pooling=_AVERAGE)
        depthwise, pointwise = np.full_like(layer.depthwise, 7), np.zeros_like(layer.pointwise)
        pointwise[d.rng.integers(0, channels, filters), np.arange(filters)] = 1
        pointwise[:, -1] = (7, 1, 4, 2)[number % 4]  # this one saturates
        layer = replace(layer, depthwise=depthwise, pointwise=pointwise)
        found.append(_chain((max(rows, 25), width, channels), layer).replace(name=SATURATES))
    for number, (channels, _, width, rows) in enumerate(shapes[:14]):
        kernel = d.of(((3, 3), (5, 5), (3, 3), (5, 3)))
        shape = (2 * rows, 2 * width, d.of((1, 1, 3)))
        first = d.first(shape, channels, kernel, 2, act_bits=4 if number < 9 else 2)
        after = d.separable(channels, 8, 3, 1)
        first = replace(first, name="first")
        found.append(Model((first, after)))
    return found


def general_networks() -> list[Model]:
    """Calibrated networks that are to be lowered to the general kernels, although some need not."""
    d = _Draws(17)
    found: list[Model] = []
    poolings = (None, Pooling("max", (2, 2), (2, 2)), _AVERAGE)
    shapes = ((8, 8, 6), (16, 20, 5), (30, 6, 8), (12, 24, 7), (20, 9, 6), (24, 16, 5))
    for pooling in poolings:
        for number, (channels, filters, width) in enumerate(shapes):
            bits, act_bits = (8, 4, 2, 1, 8, 4)[number], (4, 4, 4, 2, 1, None)[number]
            if pooling is not None and pooling.kind == "max" and act_bits is None:
                act_bits = 4
            more: dict[str, Any] = {"bits": bits, "act_bits": act_bits, "pooling": pooling}
            size = (3, 1, 3, 5, 3, 3)[number]
            found.append(
                _chain((6, width, channels), d.separable(channels, filters, size, 1, **more))
            )
            layer = d.convolution(channels, filters, (size, size), 1, **more)
            found.append(_chain((6, width, channels), layer))
        first = d.first((8, 8, 3), 6, (3, 3), 1, pooling=pooling, padding_value=7)
        found.append(Model((first,)))
    for number, (inputs, units) in enumerate(((64, 20), (128, 64), (300, 10), (40, 40), (512, 32))):
        for bits in (8, 4, 2, 1):
            act_bits = (4, None, 2, 1)[(number + bits) % 4]
            layer = d.dense(inputs, units, bits=bits, act_bits=act_bits)
            found.append(_chain((1, 1, inputs), layer))
    return [_calibrated(d, model, number) for number, model in enumerate([*found, *_others(d)])]
