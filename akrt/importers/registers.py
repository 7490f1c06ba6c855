"""Fits thresholds and steps to the registers of the first-generation chips, as cnn2snn does.

Rules from the Apache-2.0 source of cnn2snn 2.19 (`transforms/act_step_equalization.py`), which
applies them to every converted network except for its last layer:

* an act_step larger than its register becomes the largest; what it was too large by divides the
  next layer's weights (of the depthwise kernel, if separable), rounded down, and the threshold
  follows the half step it contains;
* a threshold larger than its register becomes the largest, with a warning.

The first layer's registers take 20 bits of step and 24 of threshold (two's complement), the
others' 16 and 20.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from akrt.errors import UnsupportedLayerError
from akrt.model import (
    AnyLayer,
    FullyConnected,
    InputConvolutional,
    NeuralLayer,
    SeparableConvolutional,
)

__all__ = ["fit_registers"]


def fit_registers(layers: list[AnyLayer]) -> tuple[list[AnyLayer], list[str], list[str]]:
    """The layers with steps and thresholds that fit.

    Returns:
        The layers, the names of those whose steps were equalised, and of those whose thresholds
        were clipped.

    Raises:
        UnsupportedLayerError: a step is too large before a dense layer on spatial data, which
            cnn2snn cannot equalise either.
    """
    layers = list(layers)
    equalised, clipped = [], []
    for i in range(len(layers) - 1):
        layer = layers[i]
        if not isinstance(layer, NeuralLayer):
            continue
        limit = (1 << 20) - 1 if isinstance(layer, InputConvolutional) else (1 << 16) - 1
        following = layers[i + 1]
        if np.any(layer.act_step > limit) and isinstance(following, NeuralLayer):
            layers[i], layers[i + 1] = _equalise(layer, following, np.float32(limit))
            equalised.append(layer.name)
    for i, layer in enumerate(layers[:-1]):
        if not isinstance(layer, NeuralLayer):
            continue
        top = (1 << 23) - 1 if isinstance(layer, InputConvolutional) else (1 << 19) - 1
        if np.any(layer.threshold > top):
            layers[i] = replace(layer, threshold=np.minimum(layer.threshold, np.int32(top)))
            clipped.append(layer.name)
            warnings.warn(
                f"layer '{layer.name}' had thresholds beyond the chip's {top}; they were clipped, "
                f"as cnn2snn does, and accuracy may suffer",
                stacklevel=4,
            )
    return layers, equalised, clipped


def _equalise(
    layer: NeuralLayer, following: NeuralLayer, limit: np.float32
) -> tuple[NeuralLayer, NeuralLayer]:
    step = layer.act_step
    ratio = np.where(step > limit, step / limit, np.float32(1))
    fitted = np.where(step > limit, limit, step)
    changes: dict[str, Any] = {"act_step": fitted}
    if layer.act_bits is not None:
        shift = np.round(np.float32(0.5) * (fitted - step)) / np.float32(
            2.0 ** (layer.act_bits - 4)
        )
        threshold = layer.threshold + shift.astype(np.int64)
        changes["threshold"] = threshold.clip(-(1 << 31), (1 << 31) - 1).astype(np.int32)
    name = "depthwise" if isinstance(following, SeparableConvolutional) else "weights"
    weights = getattr(following, name)
    if isinstance(following, FullyConnected):
        if weights.shape[0] != ratio.shape[0] and ratio.shape[0] != 1:
            raise UnsupportedLayerError(
                layer.name,
                layer.kind,
                f"act_step exceeds the chip's {int(limit)} and the next layer, "
                f"'{following.name}', is dense on spatial data, where it cannot be equalised: "
                f"use a smaller range of weights or activations",
            )
        divided = weights // ratio[:, None]
    elif name == "depthwise":
        divided = weights // ratio
    else:
        divided = weights // ratio[:, None]
    next_layer: Any = replace(following, **{name: divided.astype(np.int8)})
    return replace(layer, **changes), next_layer
