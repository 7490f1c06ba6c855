"""Which integers a layer can meet, channel by channel, whatever its input."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.model import FullyConnected, InputData, Node, SeparableConvolutional

__all__ = ["depthwise_range", "potential_range", "product_range"]

Wide: TypeAlias = npt.NDArray[np.int64]


def depthwise_range(node: Node) -> tuple[Wide, Wide]:
    """Smallest and largest depthwise result of every channel of a separable layer, each (C,)."""
    layer = node.layer
    assert isinstance(layer, SeparableConvolutional)
    return _dot_range(layer.depthwise.reshape(-1, layer.depthwise.shape[2]), node.input_max)


def product_range(node: Node) -> tuple[Wide, Wide]:
    """The same of every pointwise product of a separable layer, each (C, F)."""
    layer = node.layer
    assert isinstance(layer, SeparableConvolutional)
    low, high = depthwise_range(node)
    weights = layer.pointwise.astype(np.int64)
    ends = weights * low[:, None], weights * high[:, None]
    return np.minimum(*ends), np.maximum(*ends)


def potential_range(node: Node) -> tuple[Wide, Wide]:
    """Smallest and largest potential of every filter before pooling, each (F,).

    A first layer's border has values of the input's range too.
    """
    layer = node.layer
    assert not isinstance(layer, InputData)
    if isinstance(layer, SeparableConvolutional):
        low, high = product_range(node)
        return low.sum(0), high.sum(0)
    weights = layer.weights
    if not isinstance(layer, FullyConnected):
        weights = weights.reshape(-1, layer.filters)
    return _dot_range(weights, node.input_max)


def _dot_range(weights: npt.NDArray[np.integer[Any]], input_max: int) -> tuple[Wide, Wide]:
    """Of weights (K, F) and inputs of 0..input_max."""
    wide = weights.astype(np.int64)
    low: Wide = input_max * np.minimum(wide, 0).sum(0)
    high: Wide = input_max * np.maximum(wide, 0).sum(0)
    return low, high
