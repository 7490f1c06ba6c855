"""One network for each type and shape of layer: `LAYERS` by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from akrt.model import (
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from networks import calibrate, placeholder, random_weights

MAX, AVERAGE = Pooling("max", (2, 2), (2, 2)), Pooling("average")


def case(name: str) -> tuple[Model, np.ndarray]:
    """The network called `name` and one sample (1, X, Y, C) for it."""
    kind, shape, kernel, filters, options = LAYERS[name]
    rng = np.random.default_rng(1)
    common: dict[str, Any] = {"name": "layer", "weights_bits": 4, "act_bits": 4}
    common |= {**placeholder(filters), **options}
    layers: list[Any] = []
    if kind is not InputConvolutional:
        layers.append(InputData("input", shape, 4))
    else:
        common["input_shape"] = shape
    if kind is FullyConnected:
        weights = random_weights(rng, 4, (shape[0] * shape[1] * shape[2], filters))
        layers.append(FullyConnected(weights=weights, **common))
    elif kind is SeparableConvolutional:
        depthwise = random_weights(rng, 4, (*kernel, shape[2]))
        pointwise = random_weights(rng, 4, (shape[2], filters))
        layers.append(SeparableConvolutional(depthwise=depthwise, pointwise=pointwise, **common))
    else:
        weights = random_weights(rng, 4, (*kernel, shape[2], filters))
        layers.append(kind(weights=weights, **common))
    top = 1 << Model(tuple(layers)).input_bits
    # most activations of a trained network are zero
    x = rng.integers(0, top, (4, *shape)) * (rng.random((4, *shape)) < 0.5)
    x = x.astype(np.uint8)
    return Model(tuple(calibrate(layers, rng, x)), name=name), x[:1]


LAYERS: dict[str, tuple[Any, tuple[int, int, int], tuple[int, int], int, dict[str, Any]]] = {
    "input 3x3, 1 channel": (InputConvolutional, (49, 10, 1), (3, 3), 64, {"stride": (2, 2)}),
    "input 5x5, 3 channels": (InputConvolutional, (32, 32, 3), (5, 5), 32, {}),
    "input 7x7, 3 channels": (InputConvolutional, (48, 48, 3), (7, 7), 16, {"stride": (2, 2)}),
    "conv 1x1": (Convolutional, (16, 16, 64), (1, 1), 64, {}),
    "conv 3x3": (Convolutional, (24, 24, 32), (3, 3), 32, {}),
    "conv 3x3, max pooling": (Convolutional, (24, 24, 32), (3, 3), 32, {"pooling": MAX}),
    "conv 5x5": (Convolutional, (16, 16, 32), (5, 5), 32, {}),
    "conv 7x7": (Convolutional, (12, 12, 32), (7, 7), 32, {}),
    "separable 3x3": (SeparableConvolutional, (25, 5, 64), (3, 3), 64, {}),
    "separable 3x3, stride 2": (SeparableConvolutional, (24, 24, 64), (3, 3), 64,
        {"stride": (2, 2)}),
    "separable 3x3, average": (SeparableConvolutional, (25, 5, 64), (3, 3), 64,
        {"pooling": AVERAGE}),
    "separable 3x3, 256 channels": (SeparableConvolutional, (6, 6, 256), (3, 3), 256, {}),
    "separable 3x3, 512 channels": (SeparableConvolutional, (3, 3, 512), (3, 3), 512, {}),
    "separable 5x5": (SeparableConvolutional, (12, 12, 64), (5, 5), 64, {}),
    "separable 7x7": (SeparableConvolutional, (12, 12, 64), (7, 7), 64, {}),
    "dense, 4096 inputs": (FullyConnected, (8, 8, 64), (1, 1), 256, {}),
    "dense, 64 inputs": (FullyConnected, (1, 1, 64), (1, 1), 33, {}),
}  # fmt: skip
