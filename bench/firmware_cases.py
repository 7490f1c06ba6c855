"""Networks that firmware is measured with: those of the usual benchmarks, and the keyword spotter
with one property changed.

Weights are random, two in five of them zero, 4 bits but for first layers' 8; thresholds leave half
of the activations zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from run import half_zeros

from akrt.model import (
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)

__all__ = ["CHANGES", "NETWORKS", "network"]

_AVERAGE = Pooling("average")
_MAX = Pooling("max", (2, 2), (2, 2))


class _Builder:
    """Adds layers to a chain; all weights but the first layer's have 4 bits."""

    def __init__(self, shape: tuple[int, int, int], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._layers: list[AnyLayer] = []
        self._shape = shape

    def _common(self, filters: int, act_bits: int | None = 4) -> dict[str, Any]:
        return {
            "name": f"layer_{len(self._layers)}",
            "act_bits": act_bits,
            "threshold": np.zeros(filters, np.int32),
            "act_step": np.ones(filters, np.float32),
        }

    def _weights(self, *shape: int, bits: int = 4) -> np.ndarray:
        top = {1: 1, 2: 1, 4: 7, 8: 127}[bits]
        low = 0 if bits == 1 else -top
        weights = self._rng.integers(low, top + 1, shape)
        return np.where(self._rng.random(shape) < 0.4, 0, weights).astype(np.int8)

    def _add(self, layer: Any) -> None:
        self._layers.append(layer)
        self._shape = layer.output_shape(self._shape)

    def data(self, bits: int = 4) -> None:
        self._layers.append(InputData("layer_0", self._shape, bits))

    def first(
        self,
        filters: int,
        stride: int | tuple[int, int],
        pooling: Pooling | None = None,
        kernel: int = 3,
    ) -> None:
        weights = self._weights(kernel, kernel, self._shape[2], filters, bits=8)
        self._add(
            InputConvolutional(
                input_shape=self._shape,
                weights=weights,
                weights_bits=8,
                stride=stride if isinstance(stride, tuple) else (stride, stride),
                pooling=pooling,
                **self._common(filters),
            )
        )

    def conv(
        self, filters: int, stride: int = 1, pooling: Pooling | None = None, kernel: int = 3,
        bits: int = 4,
    ) -> None:  # fmt: skip
        self._add(
            Convolutional(
                weights=self._weights(kernel, kernel, self._shape[2], filters, bits=bits),
                weights_bits=bits,
                stride=(stride, stride),
                pooling=pooling,
                **self._common(filters),
            )
        )

    def separable(
        self, filters: int, stride: int = 1, pooling: Pooling | None = None, kernel: int = 3
    ) -> None:
        self._add(
            SeparableConvolutional(
                depthwise=self._weights(kernel, kernel, self._shape[2]),
                pointwise=self._weights(self._shape[2], filters),
                weights_bits=4,
                stride=(stride, stride),
                pooling=pooling,
                **self._common(filters),
            )
        )

    def dense(self, units: int, act_bits: int | None = None, bits: int = 4) -> None:
        inputs = self._shape[0] * self._shape[1] * self._shape[2]
        self._add(
            FullyConnected(
                weights=self._weights(inputs, units, bits=bits),
                weights_bits=bits,
                **self._common(units, act_bits),
            )
        )

    def model(self, name: str) -> Model:
        bare = Model(tuple(self._layers), name=name)
        top = (1 << bare.input_bits) - 1
        x = self._rng.integers(0, top + 1, (2, *bare.input_shape)).astype(np.uint8)
        return half_zeros(bare, x)


def _visual_wake_words() -> Model:
    b = _Builder((96, 96, 3), 1)
    b.first(8, 2)
    for filters, stride in (
        (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2),
    ):  # fmt: skip
        b.separable(filters, stride)
    b.separable(256, pooling=_AVERAGE)
    b.dense(2)
    return b.model("visual_wake_words")


def _resnet8_chain() -> Model:
    b = _Builder((32, 32, 3), 2)
    b.first(16, 1)
    for filters, stride in ((16, 1), (16, 1), (32, 2), (32, 1), (64, 2)):
        b.conv(filters, stride)
    b.conv(64, pooling=_AVERAGE)
    b.dense(10)
    return b.model("resnet8_chain")


def _vgg() -> Model:
    b = _Builder((32, 32, 3), 3)
    b.first(16, 1)
    b.conv(16, pooling=_MAX)
    b.conv(32, pooling=_MAX)
    b.conv(64, pooling=_AVERAGE)
    b.dense(10)
    return b.model("vgg")


def _anomaly_detection() -> Model:
    b = _Builder((1, 1, 640), 4)
    b.data()
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        b.dense(units, 4)
    b.dense(640)
    return b.model("anomaly_detection")


def _gxnor_mnist() -> Model:
    b = _Builder((28, 28, 1), 5)
    b.first(32, 1, _MAX)
    b.conv(64, pooling=_MAX, bits=2)
    b.dense(512, 1, bits=2)
    b.dense(10, bits=2)
    return b.model("gxnor_mnist")


def _akidanet() -> Model:
    b = _Builder((96, 96, 3), 6)
    b.first(8, 2)
    for filters, stride in ((16, 1), (32, 2), (32, 1)):
        b.conv(filters, stride)
    for filters, stride in ((64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2)):
        b.separable(filters, stride)
    b.separable(256, pooling=_AVERAGE)
    b.dense(10)
    return b.model("akidanet_0.25")


def _keywords(filters: int, coefficients: int) -> Callable[[], Model]:
    def build() -> Model:
        b = _Builder((49, coefficients, 1), 7)
        b.first(filters, 2)
        for _ in range(3):
            b.separable(filters)
        b.separable(filters, pooling=_AVERAGE)
        b.dense(33)
        return b.model(f"keywords_{filters}_{coefficients}")

    return build


def _changed(what: str) -> Callable[[], Model]:
    """The network of the shipped keyword spotter with one change."""

    def build() -> Model:
        shapes = {"12 coefficients": (49, 12, 1), "axes swapped": (10, 49, 1)}
        b = _Builder(shapes.get(what, (49, 10, 1)), 8)
        pooling = _MAX if what == "max pooling on the first layer" else None
        b.first(64, (2, 1) if what == "first stride 2x1" else 2, pooling, 5)
        for number in range(3):
            here = number == 0
            if here and what == "one 3x3 convolution":
                b.conv(64)
            elif here and what == "one 1x1 convolution":
                b.conv(64, kernel=1)
            else:
                stride = 2 if here and what == "one separable stride 2" else 1
                kernel = 5 if here and what == "one separable 5x5" else 3
                pooling = _MAX if here and what == "max pooling on a separable" else None
                b.separable(64, stride, pooling, kernel)
        b.separable(64, pooling=_AVERAGE)
        b.dense(33)
        return b.model("keywords_changed")

    return build


CHANGES: dict[str, Callable[[], Model]] = {
    what: _changed(what)
    for what in (
        "nothing",
        "12 coefficients",
        "axes swapped",
        "first stride 2x1",
        "one separable stride 2",
        "one separable 5x5",
        "one 3x3 convolution",
        "one 1x1 convolution",
        "max pooling on a separable",
        "max pooling on the first layer",
    )
}
"""The keyword spotter, by what is changed."""

NETWORKS: dict[str, Callable[[], Model]] = {
    "visual_wake_words": _visual_wake_words,
    "resnet8_chain": _resnet8_chain,
    "vgg": _vgg,
    "anomaly_detection": _anomaly_detection,
    "gxnor_mnist": _gxnor_mnist,
    "akidanet_0.25": _akidanet,
    "keywords_32_10": _keywords(32, 10),
    "keywords_172_10": _keywords(172, 10),
    "keywords_64_ten_columns": _changed("first stride 2x1"),
    "keywords_64_40": _keywords(64, 40),
}
"""By name."""


def network(name: str) -> Model:
    """One of `NETWORKS` or `CHANGES`, made anew; the same every time."""
    return (NETWORKS | CHANGES)[name]()
