"""Networks of Akida 2.0 around the limits of its chips: layers for them, and random ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from akrt.model import (
    AnyLayer,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense1D,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    Dequantizer,
    InputConv2D,
    InputData,
    Model,
    Pooling,
    ShiftedAdd,
    SignedInputData,
)

AVERAGE = Pooling("average")


def pool(size: int, stride: int) -> Pooling:
    return Pooling("max", (size, size), (stride, stride))


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.int8)


def full(count: int, value: int) -> np.ndarray:
    return np.full(count, value, np.int8 if value < 0 else np.uint8)


def constants(filters: int, activation: str | None = "relu", **changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "bias": np.zeros(filters, np.int8),
        "bias_shift": full(filters, 0),
        "output_scales": full(filters, 1),
        "output_shift": np.zeros(filters, np.int8),
        "activation": activation,
        "buffer_bits": 28,
    }
    if activation == "relu":
        settings |= {"max_value": full(filters, 127), "max_value_shift": full(filters, 31)}
    elif activation == "lut":
        settings["activation_scales"] = full(filters, 1)
        settings["activation_shift"] = np.zeros(filters, np.int8)
        settings["lut_values"] = np.zeros(2048, np.int32)
    return settings | changes


def image(x: int = 8, y: int = 8, filters: int = 4, kernel: int = 3, **changes: Any) -> InputConv2D:
    return InputConv2D(
        name="image",
        input_shape=(x, y, 3),
        weights=changes.pop("weights", ones(kernel, kernel, 3, filters)),
        padding_value=full(3, 0),
        **constants(filters, **changes),
    )


def data(x: int = 8, y: int = 8, channels: int = 4, bits: int = 8) -> AnyLayer:
    kind = SignedInputData if bits > 4 else InputData
    return kind("data", (x, y, channels), bits)


def _shift(channels: int, changes: dict[str, Any]) -> np.ndarray:
    return full(channels, changes.pop("shift", 0))


def conv(
    name: str = "conv", channels: int = 4, filters: int = 4, kernel: int = 3, **changes: Any
) -> Conv2D:
    shift = _shift(channels, changes)
    weights = ones(kernel, kernel, channels, filters)
    return Conv2D(name=name, weights=weights, input_shift=shift, **constants(filters, **changes))


def depthwise(
    name: str = "conv", channels: int = 4, kernel: int = 3, **changes: Any
) -> DepthwiseConv2D:
    shift, weights = _shift(channels, changes), ones(kernel, kernel, channels)
    settings = constants(channels, **changes)
    return DepthwiseConv2D(name=name, weights=weights, input_shift=shift, **settings)


def transposed(
    name: str = "conv", channels: int = 4, filters: int = 4, kernel: int = 3, **changes: Any
) -> Conv2DTranspose:
    shift, weights = _shift(channels, changes), ones(kernel, kernel, channels, filters)
    settings = constants(filters, **changes)
    return Conv2DTranspose(name=name, weights=weights, input_shift=shift, **settings)


def depthwise_transposed(
    name: str = "conv", channels: int = 4, kernel: int = 3, **changes: Any
) -> DepthwiseConv2DTranspose:
    shift, weights = _shift(channels, changes), ones(kernel, kernel, channels)
    settings = constants(channels, **changes)
    return DepthwiseConv2DTranspose(name=name, weights=weights, input_shift=shift, **settings)


def dense(inputs: int, units: int = 4, name: str = "dense", **changes: Any) -> Dense1D:
    shift = _shift(inputs, changes)
    settings = constants(units, **{"activation": None, **changes})
    return Dense1D(name=name, weights=ones(inputs, units), input_shift=shift, **settings)


def addition(name: str = "sum", channels: int = 4, **changes: Any) -> ShiftedAdd:
    shifts = {what: full(channels, changes.pop(what, 0)) for what in ("a_shift", "b_shift")}
    out = np.full(channels, changes.pop("output_shift", 0), np.int8)
    return ShiftedAdd(name=name, output_shift=out, **shifts, **{"output_bits": 8, **changes})


def floats(channels: int = 4) -> Dequantizer:
    return Dequantizer(name="floats", scales=np.ones(channels, np.float32))


def branched(text: str, *others: AnyLayer) -> Model:
    """A network of ``name=source`` and ``name=one+other``: convolutions, sums, or `others`."""
    given = {layer.name: layer for layer in (data(), *others)}
    layers, inputs = [given["data"]], {}
    for part in text.split():
        name, _, sources = part.partition("=")
        inputs[name] = tuple(sources.split("+"))
        made: AnyLayer = addition(name) if "+" in sources else conv(name)
        layers.append(given.get(name, made))
    return Model(tuple(layers), inputs=inputs)


class Akida2ChipNetworks:
    """Draws networks; `wild` is the probability that a property is drawn without its limit."""

    def __init__(self, seed: int, wild: float) -> None:
        self._rng = np.random.default_rng(seed)
        self._wild = wild
        self._layers: list[AnyLayer] = []
        self._inputs: dict[str, tuple[str, ...]] = {}

    def _chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    def _choose(self, legal: list[Any], others: list[Any]) -> Any:
        options = others if others and self._chance(self._wild) else legal
        return options[self._rng.integers(len(options))]

    def draw(self) -> Model:
        while True:
            try:
                return self._draw()
            except ValueError:
                continue  # layers that do not fit together are no networks

    def _draw(self) -> Model:
        self._layers, self._inputs = [], {}
        if self._chance(0.5):
            x, y = (int(self._choose([5, 8, 12], [4, 385])) for _ in range(2))
            kernel = int(self._choose([3, 4, 5, 7], [1, 2, 8]))
            layer = image(
                x,
                y,
                int(self._choose([1, 4, 16], [513])),
                kernel,
                stride=int(self._choose([1, 2, 3], [4, 7])),
                **self._settings([8], [4, 8], [2, 5], True),
            )
            padding = self._choose(["same", "valid"], ["same_upper"])
            pooling = self._choose([None, pool(2, 2), pool(3, 2)], [pool(2, 1), pool(3, 3)])
            layer = replace(layer, padding=padding, pooling=pooling)
        else:
            x, y = (int(self._choose([1, 2, 4, 8, 12], [13, 65])) for _ in range(2))
            layer = data(x, y, int(self._choose([1, 4, 16], [2049])), self._choose([8], [4, 5, 3]))
        self._add(layer)
        for _ in range(self._rng.integers(1, 4)):
            draws = [self._conv, self._conv, self._depthwise, self._transposed, self._branches]
            draws[self._rng.integers(len(draws))]()
        if self._chance(0.4):
            self._dense()
        if self._chance(0.3):
            self._add(floats(self._shape()[2]))
        return Model(tuple(self._layers), inputs=self._inputs)

    def _shape(self) -> tuple[int, int, int]:
        return Model(tuple(self._layers), inputs=self._inputs).output_shape

    def _add(self, layer: AnyLayer, *sources: str) -> str:
        if sources:
            self._inputs[layer.name] = sources
        elif self._layers:
            self._inputs[layer.name] = (self._layers[-1].name,)
        self._layers.append(layer)
        return str(layer.name)

    def _name(self) -> str:
        return f"layer_{len(self._layers)}"

    def _settings(
        self, weights: list[int], bits: list[int], others: list[int], activated: bool = False
    ) -> dict[str, Any]:
        """Bits and activation; most of the combinations are legal."""
        kinds = ["relu", "relu", "relu", "lut"]
        activation = self._choose(kinds if activated else [*kinds, None], [None])
        width = self._choose(bits, others)
        if activation != "relu" and not self._chance(self._wild):
            width = 8
        settings = {
            "activation": activation,
            "output_bits": int(width),
            "weights_bits": int(self._choose(weights, [4])),
        }
        if activation == "lut":
            top = int(self._choose([8191], [8192]))
            settings["lut_values"] = np.full(2048, top, np.int32)
        return settings

    def _pooling(self, kinds: list[Pooling | None]) -> Pooling | None:
        return self._choose(kinds, [pool(3, 1), pool(2, 2)])  # type: ignore[no-any-return]

    def _conv(self) -> None:
        channels = self._shape()[2]
        kernel = int(self._choose([1, 3, 5, 7], [9]))
        layer = conv(
            self._name(),
            channels,
            int(self._choose([1, 4, 16], [73, 2049])),
            kernel,
            shift=int(self._choose([0, 7], [8])),
            **self._settings([8], [8], [4, 5, 28]),
        )
        stride = int(self._choose([1, 1, 2], [2])) if kernel < 5 else 1
        padding = self._choose(["same"], ["valid", "same_upper"])
        pooling = None
        if stride == 1 or self._chance(self._wild):
            pooling = self._pooling([None, None, AVERAGE, pool(2, 2), pool(2, 1)])
        self._add(replace(layer, stride=stride, padding=padding, pooling=pooling))

    def _depthwise(self) -> None:
        kernel = int(self._choose([3, 5, 7], [1, 9]))
        settings = self._settings([8], [8], [4, 5, 28])
        settings["shift"] = int(self._choose([0, 7], [8]))
        layer = depthwise(self._name(), self._shape()[2], kernel, **settings)
        stride = int(self._choose([1, 2], [2])) if kernel == 3 else 1
        padding = self._choose(["same"], ["valid", "same_upper"])
        pooling = None if stride == 2 else self._pooling([None, None, AVERAGE])
        self._add(replace(layer, stride=stride, padding=padding, pooling=pooling))

    def _transposed(self) -> None:
        kernel, channels = int(self._rng.integers(3, 5)), self._shape()[2]
        settings = self._settings([8], [8], [4, 5, 28])
        if self._chance(0.5):
            self._add(transposed(self._name(), channels, 4, kernel, **settings))
        else:
            self._add(depthwise_transposed(self._name(), channels, kernel, **settings))

    def _branches(self) -> None:
        """A sum or a joint of two branches of convolutions."""
        channels = self._shape()[2]
        begin = self._add(conv(self._name(), channels, 4))
        ends = []
        for count in self._choose([(1, 0), (2, 0), (1, 1), (0, 2)], [(3, 1)]):
            end = begin
            for _ in range(count):
                end = self._add(conv(self._name(), 4, 4, 1), end)
            ends.append(end)
        if self._chance(0.5):
            self._add(Concatenate(self._name()), *ends)
        else:
            shift = int(self._choose([0, 3], [4, 16]))
            out = int(self._choose([-4, -3], [1, -8]))
            bits = int(self._choose([8], [4, 7]))
            changes = {"a_shift": shift, "output_shift": out, "output_bits": bits}
            self._add(addition(self._name(), 4, **changes), *ends)
        if not self._chance(self._wild):
            self._add(conv(self._name(), self._shape()[2], 4))

    def _dense(self) -> None:
        x, y, channels = self._shape()
        settings = self._settings([8], [8], [4, 5, 28])
        if settings["activation"] == "lut" and not self._chance(self._wild):
            settings = {"activation": None, "output_bits": 28}
        self._add(dense(x * y * channels, int(self._choose([1, 10], [300])), "dense", **settings))
