"""Which integers a layer can meet, channel by channel, whatever its input."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Addition, NeuralOperation, Separable, Spatial
from akrt.model import POTENTIAL_MAX, POTENTIAL_MIN

__all__ = ["activated_range", "depthwise_range", "potential_range", "product_range"]

Wide: TypeAlias = npt.NDArray[np.int64]


def depthwise_range(does: Separable) -> tuple[Wide, Wide]:
    """Smallest and largest depthwise result of every channel, each (C,)."""
    return _dot_range(does.depthwise.reshape(does.window.taps, -1), does.node.input_max)


def product_range(does: Separable) -> tuple[Wide, Wide]:
    """The same of every pointwise product, each (C, F)."""
    low, high = depthwise_range(does)
    weights = does.weights.astype(np.int64)
    ends = weights * low[:, None], weights * high[:, None]
    return np.minimum(*ends), np.maximum(*ends)


def potential_range(does: NeuralOperation) -> tuple[Wide, Wide]:
    """Smallest and largest potential of every filter before pooling, each (F,).

    A first layer's border has values of the input's range too.
    """
    if isinstance(does, Addition):
        most = sum(value.high for value in does.node.inputs)
        return np.zeros(does.layer.filters, np.int64), np.full(does.layer.filters, most, np.int64)
    if isinstance(does, Separable):
        low, high = product_range(does)
        return low.sum(0), high.sum(0)
    return _dot_range(does.weights, does.node.input_max)


def activated_range(does: NeuralOperation) -> tuple[Wide, Wide]:
    """Smallest and largest potential of every filter that meets the activation, each (F,)."""
    low, high = potential_range(does)
    if isinstance(does, Spatial) and does.pool == "sum":
        # a sum that saturates on the way ends within what it would reach without
        low, high = low * does.window.positions, high * does.window.positions
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    if does.layer.saturates:
        low, high = low.clip(POTENTIAL_MIN, POTENTIAL_MAX), high.clip(POTENTIAL_MIN, POTENTIAL_MAX)
    return low, high


def _dot_range(weights: npt.NDArray[np.integer[Any]], input_max: int) -> tuple[Wide, Wide]:
    """Of weights (K, F) and inputs of 0..input_max."""
    wide = weights.astype(np.int64)
    low: Wide = input_max * np.minimum(wide, 0).sum(0)
    high: Wide = input_max * np.maximum(wide, 0).sum(0)
    return low, high
