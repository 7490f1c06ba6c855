"""Random networks around the limits of the chips: most properties legal, some not."""

from __future__ import annotations

from typing import Any

import numpy as np

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


class ChipNetworks:
    """Draws networks; `wild` is the probability that a property is drawn without its limit."""

    def __init__(self, seed: int, wild: float) -> None:
        self._rng = np.random.default_rng(seed)
        self._wild = wild

    def _is_wild(self) -> bool:
        return bool(self._rng.random() < self._wild)

    def _choose(self, legal: list[Any], others: list[Any]) -> Any:
        options = others if others and self._is_wild() else legal
        return options[self._rng.integers(len(options))]

    def _weights(self, bits: int, shape: tuple[int, ...]) -> np.ndarray:
        low, high = {1: (0, 1), 2: (-1, 1), 4: (-7, 7), 8: (-128, 127)}[bits]
        if self._rng.random() < self._wild / 8:
            return np.zeros(shape, np.int8)
        weights = self._rng.integers(low, high + 1, shape).astype(np.int8)
        weights.flat[0] = 1
        return weights

    def _registers(self, filters: int, first: bool) -> dict[str, Any]:
        threshold = self._rng.integers(-1000, 1000, filters).astype(np.int32)
        step = self._rng.uniform(1, 300, filters).astype(np.float32)
        if self._rng.random() < self._wild / 3:
            edge = 1 << (23 if first else 19)
            ends = [edge - 1, edge, -edge, -edge - 1]
            threshold[self._rng.integers(filters)] = ends[self._rng.integers(4)]
        if self._rng.random() < self._wild / 3:
            edge = 1 << (20 if first else 16)
            step[self._rng.integers(filters)] = [edge - 0.5, edge][self._rng.integers(2)]
        return {"threshold": threshold, "act_step": step}

    def draw(self) -> Model:
        while True:
            try:
                return self._draw()
            except ValueError:
                continue  # layers that do not fit together are no networks

    def _draw(self) -> Model:
        rng = self._rng
        layers: list[AnyLayer] = []
        if rng.random() < 0.5:
            shape = tuple(int(self._choose([5, 6, 9, 20, 49], [3, 4, 260])) for _ in range(2))
            layers.append(self._first(shape))
        else:
            sizes = [1, 2, 3, 8, 20, 32]
            x, y = int(self._choose(sizes, [33, 40])), int(self._choose(sizes, [33, 260]))
            channels = int(self._choose([1, 4, 16], [150, 449, 900, 2049]))
            bits = int(self._choose([1, 2, 4], [3]))
            layers.append(InputData("layer_0", (x, y, channels), bits))
        count = int(rng.integers(1, 5))
        for i in range(1, count + 1):
            layers.append(self._later(i, Model(tuple(layers)).output_shape, i == count))
        return Model(tuple(layers))

    def _first(self, shape: tuple[int, ...]) -> InputConvolutional:
        channels = int(self._rng.choice([1, 3]))
        kernel = int(self._choose([3, 5, 7], [1, 9]))
        most = {1: {3: 512, 5: 192, 7: 96}, 3: {3: 192, 5: 64, 7: 32}}[channels].get(kernel, 9)
        filters = int(self._choose([1, 8, most], [most + 1]))
        bits = int(self._rng.choice([1, 2, 4, 8]))
        height = kernel if not self._is_wild() else 3
        size = self._choose([None, (1, 2), (2, 1), (2, 2)], [(3, 3), (1, 3), "average"])
        stride = size if not self._is_wild() else (1, 1)
        pooling = None
        if size is not None:
            pooling = Pooling("average") if size == "average" else Pooling("max", size, stride)
        return InputConvolutional(
            name="layer_0",
            input_shape=(*shape, channels),
            weights=self._weights(bits, (kernel, height, channels, filters)),
            weights_bits=bits,
            act_bits=int(self._rng.choice([1, 2, 4])),
            padding="same" if self._rng.random() < 0.7 else "valid",
            stride=tuple(int(self._choose([1, 2, 3], [4])) for _ in range(2)),
            pooling=pooling,
            **self._registers(filters, first=True),
        )

    def _later(self, i: int, shape: tuple[int, ...], last: bool) -> AnyLayer:
        rng = self._rng
        kind = rng.choice(["conv", "separable", "dense"] if last else ["conv", "separable"])
        filters = int(self._choose([1, 8, 33], [2049] if shape[0] * shape[1] < 9 else []))
        common: dict[str, Any] = {
            "name": f"layer_{i}",
            "act_bits": None if last and rng.random() < 0.5 else int(rng.choice([1, 2, 4])),
            **self._registers(filters, first=False),
        }
        if kind == "dense":
            bits = int(self._choose([1, 2, 4], [8]))
            weights = self._weights(bits, (shape[0] * shape[1] * shape[2], filters))
            return FullyConnected(weights=weights, weights_bits=bits, **common)
        separable = kind == "separable"
        kernel = int(self._choose([3, 5, 7] if separable else [1, 3, 5, 7], [9, 1]))
        bits = int(self._choose([2, 4] if separable else [1, 2, 4], [8, 1]))
        stride = int(self._choose([1, 2] if kernel == 3 else [1], [2, 3]))
        height = kernel if rng.random() > self._wild / 2 else 3
        common |= {
            "weights_bits": bits,
            "stride": (stride, stride if rng.random() > self._wild / 3 else 1),
            "padding": "same" if not self._is_wild() or self._is_wild() else "valid",
            "pooling": self._pooling(last),
        }
        if separable:
            return SeparableConvolutional(
                depthwise=self._weights(bits, (kernel, height, shape[2])),
                pointwise=self._weights(bits, (shape[2], filters)),
                **common,
            )
        weights = self._weights(bits, (kernel, height, shape[2], filters))
        return Convolutional(weights=weights, **common)

    def _pooling(self, last: bool) -> Pooling | None:
        if self._rng.random() < 0.4:
            return None
        if self._rng.random() < 0.4:
            return Pooling("average")
        if last and not self._is_wild():
            return None
        size = self._choose([(2, 2)], [(1, 2), (2, 1), (3, 3), (4, 4)])
        stride = int(self._rng.integers(1, size[0] + 1))
        strides = (stride, stride) if not self._is_wild() else (1, size[1])
        return Pooling("max", size, strides)
