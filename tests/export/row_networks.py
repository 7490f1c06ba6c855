"""Random networks of the shapes that have fast kernels: narrow, separable, 3x3."""

from __future__ import annotations

from typing import Any

import numpy as np
from networks import calibrate, placeholder, random_input, random_weights

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


def row_network(seed: int) -> tuple[Model, np.ndarray]:
    """A calibrated network and inputs; every third one sums so much that 20 bits saturate."""
    rng = np.random.default_rng(seed)
    x, y = int(rng.integers(1, 12)), int(rng.integers(1, 6))
    layers: list[AnyLayer] = []
    channels = int(rng.integers(1, 40))
    if rng.integers(2):
        layers.append(InputData("in", (x, y, channels), int(rng.integers(1, 5))))
    else:
        stride = int(rng.integers(1, 3))
        shape = (x * stride, y * stride, int(rng.choice([1, 3])))
        kernel = (int(rng.choice([3, 5])), int(rng.choice([3, 5])))
        layers.append(
            InputConvolutional(
                name="first",
                input_shape=shape,
                weights=random_weights(rng, 8, (*kernel, shape[2], channels)),
                padding_value=int(rng.choice([0, 0, 17, 255])),
                stride=(stride, stride),
                **_common(rng, 8, channels),
            )
        )
    for i in range(int(rng.integers(1, 4))):
        filters = int(rng.integers(1, 70))
        layers.append(_separable(rng, f"separable_{i}", channels, filters))
        channels = filters
    ending = int(rng.integers(4))
    if ending == 1:
        layers.append(_separable(rng, "pooled", channels, 9, pooling=Pooling("average")))
    elif ending == 2:
        weights = random_weights(rng, 4, (1, 3, channels, 5))
        layers.append(Convolutional(name="general", weights=weights, **_common(rng, 4, 5)))
    elif ending == 3:
        sums = _separable(rng, "pooled", channels, 8, pooling=Pooling("average"))
        dense = FullyConnected(
            name="dense", weights=random_weights(rng, 4, (8, 6)), **_common(rng, 4, 6, None)
        )
        layers += [sums, dense]
    inputs = random_input(rng, Model(tuple(layers)))
    return Model(tuple(calibrate(layers, rng, inputs))), inputs


def saturating_network(seed: int) -> tuple[Model, np.ndarray]:
    """A global sum that leaves 20 bits on its way, in one direction and back."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(20, 60)), int(rng.integers(1, 6)), 32)
    depthwise = rng.integers(4, 8, (3, 3, 32)).astype(np.int8)
    pointwise = (rng.choice([-7, 7], (32, 1)) * rng.choice([1, 0], (32, 7), p=[0.7, 0.3])).astype(
        np.int8
    )
    bits = [None, 4][int(rng.integers(2))]
    layer = SeparableConvolutional(
        name="sum",
        depthwise=depthwise,
        pointwise=pointwise,
        pooling=Pooling("average"),
        **_common(rng, 4, 7, bits),
    )
    layers: list[AnyLayer] = [InputData("in", shape, 4), layer]
    inputs = rng.integers(0, 16, (4, *shape)).astype(np.uint8)
    half = shape[0] // 2
    negative = pointwise[:, 0] < 0
    inputs[0][:half, :, negative] = 0  # up first, then down
    inputs[0][half:, :, ~negative] = 0
    inputs[1] = inputs[0][::-1]
    inputs[3] //= 8  # stays within
    return Model(tuple(calibrate(layers, rng, inputs))), inputs


def _separable(
    rng: np.random.Generator, name: str, channels: int, filters: int, **more: Any
) -> SeparableConvolutional:
    bits = int(rng.choice([1, 2, 4, 4]))
    return SeparableConvolutional(
        name=name,
        depthwise=random_weights(rng, bits, (3, 3, channels)),
        pointwise=random_weights(rng, bits, (channels, filters)),
        **_common(rng, bits, filters),
        **more,
    )


def _common(
    rng: np.random.Generator, weights_bits: int, filters: int, act_bits: int | None = 0
) -> dict[str, Any]:
    bits = int(rng.choice([1, 2, 4, 4])) if act_bits == 0 else act_bits
    return {"weights_bits": weights_bits, "act_bits": bits, **placeholder(filters)}
