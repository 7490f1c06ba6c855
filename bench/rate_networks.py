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
from akrt.runtime import bundled_model

__all__ = [
    "AVERAGE",
    "BEYOND",
    "MIXED",
    "SATURATES",
    "Draws",
    "calibrated",
    "chain",
    "general_networks",
    "rate_networks",
]

AVERAGE = Pooling("average")
_MOST_PRODUCTS = 1_000_000
_CHANNELS = (1, 3, 8, 12, 16, 16, 24, 32, 32, 48, 64, 64, 96, 128, 128, 200, 256)
_KERNELS = ((1, 1), (3, 3), (3, 3), (3, 3), (5, 5), (7, 7), (3, 1), (1, 3))
SATURATES = "saturates"
"""Name of the networks whose last sum saturates, and no other, for large inputs."""
MIXED = "mixed"
"""Name of the networks of several layers."""
BEYOND = 1 << 24
"""A threshold for which there is no form but a table of levels."""


class Draws:
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
    d = Draws(15)
    found = [
        *_convolutions(d), *_firsts(d), *_separables(d), *_denses(d), *_others(d), *_rows(d),
        *_few_words(Draws(20)), *_rows_of_lines(Draws(21)),
    ]  # fmt: skip
    made = [calibrated(d, model, number) for number, model in enumerate(found)]
    return [*made, *_trained()]


def _trained() -> list[Model]:
    """The separable layers of the shipped network: trained weights are larger than random ones, and
    fewer of their products fit a sum of 16 bits."""
    found = []
    for node in bundled_model().nodes:
        does = operation(node)
        if isinstance(does, Separable) and does.pool is None:
            found.append(Model((InputData("in", node.input_shape, 4), node.layer)))
    return found


def _heavy(layer: SeparableConvolutional, number: int) -> SeparableConvolutional:
    """With larger weights, so that fewer products fit a sum of 16 bits."""
    depthwise = np.where(layer.depthwise < 0, -7, 7).astype(np.int8)
    pointwise = np.clip(layer.pointwise * (1 + number % 3), -7, 7).astype(np.int8)
    return replace(layer, depthwise=depthwise, pointwise=pointwise)


def calibrated(d: Draws, model: Model, number: int) -> Model:
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
        threshold[0] = BEYOND
        done = done.replace(layers=(*done.layers[:-1], replace(last, threshold=threshold)))
    return done


def chain(shape: tuple[int, int, int], *layers: AnyLayer, bits: int = 4) -> Model:
    return Model((InputData("in", shape, bits), *layers))


def _height(kernel: int, stride: int, products: int) -> int:
    """Lines of the input for a few of the output."""
    lines = 5 if products < _MOST_PRODUCTS // 8 else 3
    return max(kernel, lines * stride + (kernel - 1) // 2)


def _act_bits(d: Draws) -> int | None:
    return d.of((4, 4, 4, 4, 4, 1, 2, None))


def _convolutions(d: Draws) -> list[Model]:
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
            more["pooling"] = AVERAGE
        elif number % 6 == 4 and more["act_bits"] is not None:
            size = d.of(((2, 2), (3, 3), (2, 2)))
            more["pooling"] = Pooling("max", size, d.of(((2, 2), (1, 1), size)))
        layer = d.convolution(
            channels, filters, kernel, stride, padding=d.of(("same", "same", "valid")), **more
        )
        width = max(width, kernel[1] + 2) if layer.padding == "valid" else width
        x = max(_height(kernel[0], stride, products), kernel[0] + 2 * stride)
        found.append(chain((x, width, channels), layer))
    return found


def _firsts(d: Draws) -> list[Model]:
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
            more["pooling"] = AVERAGE
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
        found.append(chain(shape, *lines, layer))
    return found


def _separables(d: Draws) -> list[Model]:
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
            more["pooling"] = AVERAGE
        elif number % 6 == 4 and more["act_bits"] is not None:
            more["pooling"] = Pooling("max", (2, 2), (2, 2))
        x = 4 * stride + (kernel - 1) // 2
        if width <= 5 and stride == 1 and kernel == 3:
            stride = 2  # else the layer is of rows
        layer = d.separable(channels, filters, kernel, stride, padding="same", **more)
        if number % 4 == 3 and not narrow:
            layer = _heavy(layer, number)
        found.append(chain((x, width, channels), layer))
    return found


def _few_words(d: Draws) -> list[Model]:
    """More separable layers, of every number of words a position and of every size of window."""
    found = []
    shapes = [
        (channels, kernel) for channels in (7, 12, 20, 24, 24, 40) for kernel in (3, 5, 7)
    ]  # fmt: skip
    for number, (channels, kernel) in enumerate(shapes):
        stride, width = d.of((1, 1, 2)), d.of((6, 7, 9, 11, 14, 16))
        filters, x = d.of((8, 16, 20, 33, 48)), 3 * stride + kernel // 2
        layer = d.separable(channels, filters, kernel, stride)
        layer = _heavy(layer, number) if number % 4 == 3 else layer
        found.append(chain((x, width, channels), layer))
    return found


def _denses(d: Draws) -> list[Model]:
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
        chain((1, 1, inputs), d.dense(inputs, units, act_bits=bits))
        for inputs, units, bits in shapes
    ]


def _others(d: Draws) -> list[Model]:
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


def _rows_of_lines(d: Draws) -> list[Model]:
    """Layers of rows behind one of lines."""
    found = []
    for number, channels in enumerate((64, 32, 12, 20, 40, 64, 8, 28, 48, 4)):
        x, width = (5, 9)[number % 2], 1 + number % 5
        before = replace(d.convolution(channels, channels, (1, 1), 1), name="before")
        more = {"pooling": AVERAGE} if number % 5 == 4 else {}
        layer = d.separable(channels, d.of((8, 16, 33)), 3, 1, **more)
        found.append(chain((x, width, channels), before, layer))
    return found


def _rows(d: Draws) -> list[Model]:
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
        found.append(chain((rows, width, channels), layer))
        pooled = d.separable(
            channels, filters, 3, 1, pooling=AVERAGE, bits=bits, act_bits=d.of((4, 4, 1, None))
        )
        found.append(chain((rows, width, channels), pooled))
    for number, (channels, filters, width, rows) in enumerate(shapes[:16]):
        layer = d.separable(channels, filters, 3, 1, pooling=AVERAGE)
        depthwise, pointwise = np.full_like(layer.depthwise, 7), np.zeros_like(layer.pointwise)
        pointwise[d.rng.integers(0, channels, filters), np.arange(filters)] = 1
        pointwise[:, -1] = (7, 1, 4, 2)[number % 4]  # this one saturates
        layer = replace(layer, depthwise=depthwise, pointwise=pointwise)
        found.append(chain((max(rows, 25), width, channels), layer).replace(name=SATURATES))
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
    d = Draws(17)
    found: list[Model] = []
    poolings = (None, Pooling("max", (2, 2), (2, 2)), AVERAGE)
    shapes = ((8, 8, 6), (16, 20, 5), (30, 6, 8), (12, 24, 7), (20, 9, 6), (24, 16, 5))
    for pooling in poolings:
        for number, (channels, filters, width) in enumerate(shapes):
            bits, act_bits = (8, 4, 2, 1, 8, 4)[number], (4, 4, 4, 2, 1, None)[number]
            if pooling is not None and pooling.kind == "max" and act_bits is None:
                act_bits = 4
            more: dict[str, Any] = {"bits": bits, "act_bits": act_bits, "pooling": pooling}
            size = (3, 1, 3, 5, 3, 3)[number]
            found.append(
                chain((6, width, channels), d.separable(channels, filters, size, 1, **more))
            )
            layer = d.convolution(channels, filters, (size, size), 1, **more)
            found.append(chain((6, width, channels), layer))
        first = d.first((8, 8, 3), 6, (3, 3), 1, pooling=pooling, padding_value=7)
        found.append(Model((first,)))
    for number, (inputs, units) in enumerate(((64, 20), (128, 64), (300, 10), (40, 40), (512, 32))):
        for bits in (8, 4, 2, 1):
            act_bits = (4, None, 2, 1)[(number + bits) % 4]
            layer = d.dense(inputs, units, bits=bits, act_bits=act_bits)
            found.append(chain((1, 1, inputs), layer))
    return [calibrated(d, model, number) for number, model in enumerate([*found, *_others(d)])]
