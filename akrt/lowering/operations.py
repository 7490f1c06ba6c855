"""What a node does, as kernels see it: windows, and weights in the order of memory.

Backends, exporter and peers ask for the operation of a node and never for the kind of its layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window, window
from akrt.model import (
    Add,
    FullyConnected,
    InputConvolutional,
    InputData,
    NeuralLayer,
    Node,
    SeparableConvolutional,
    SpatialLayer,
)
from akrt.model.families import WeightedLayer

__all__ = [
    "Addition",
    "Convolution",
    "Dense",
    "Neural",
    "NeuralOperation",
    "Operation",
    "Pass",
    "Separable",
    "Spatial",
    "neural_operation",
    "operation",
]

Weights: TypeAlias = npt.NDArray[np.int8]


@dataclass(eq=False, repr=False)
class Pass:
    """What comes in goes out; nothing is to be done."""

    node: Node


@dataclass(eq=False, repr=False)
class Neural:
    """Potentials, which `layer` makes activations of."""

    node: Node
    layer: NeuralLayer


@dataclass(eq=False, repr=False)
class Addition(Neural):
    """Two tensors of one shape, element by element."""


@dataclass(eq=False, repr=False)
class Dense(Neural):
    """One product of all of the input; the sums saturate."""

    layer: WeightedLayer
    weights: Weights
    """(X * Y * C, F), rows in the order of the input in memory."""


@dataclass(eq=False, repr=False)
class Spatial(Neural):
    """A product at every position of a window, then pooling."""

    layer: SpatialLayer
    window: Window
    weights: Weights
    """(K, F) of the product."""
    pool: Literal["max", "sum"] | None
    pooling: Window | None
    """The window of `pool`; None for "sum", a sum over all positions that saturates in turn."""
    border: int
    """What is beyond the edges of the input."""


@dataclass(eq=False, repr=False)
class Convolution(Spatial):
    """Each window, (kernel_x, kernel_y, C), is a row of the product."""


@dataclass(eq=False, repr=False)
class Separable(Spatial):
    """Each channel is multiplied by its kernel first; `weights` are (C, F)."""

    depthwise: Weights
    """(kernel_x, kernel_y, C)."""


NeuralOperation: TypeAlias = Addition | Dense | Convolution | Separable
Operation: TypeAlias = Pass | NeuralOperation


def operation(node: Node) -> Operation:
    """What `node` does."""
    layer = node.layer
    if isinstance(layer, InputData):
        return Pass(node)
    if isinstance(layer, Add):
        return Addition(node, layer)
    if isinstance(layer, FullyConnected):
        weights = layer.by_position(node.input_shape).reshape(-1, layer.filters)
        return Dense(node, layer, np.ascontiguousarray(weights))
    assert isinstance(layer, SpatialLayer)
    pooling = None
    if layer.pooling is not None and layer.pooling.size and layer.pooling.stride:
        size, stride = layer.pooling.size, layer.pooling.stride
        pooling = window(node.conv_shape, node.output_shape, size, stride, layer.padding)
    moved = window(
        node.input_shape, node.conv_shape, layer.kernel_size, layer.stride, layer.padding
    )
    pool = None if layer.pooling is None else _POOLS[layer.pooling.kind]
    border = layer.padding_value if isinstance(layer, InputConvolutional) else 0
    if isinstance(layer, SeparableConvolutional):
        product = layer.pointwise
        return Separable(node, layer, moved, product, pool, pooling, border, layer.depthwise)
    product = layer.arrays["weights"].reshape(-1, layer.filters)
    return Convolution(node, layer, moved, product, pool, pooling, border)


def neural_operation(node: Node) -> NeuralOperation:
    """What `node` does, where that is known to be more than to pass its input on."""
    found = operation(node)
    assert not isinstance(found, Pass)
    return found


_POOLS: dict[str, Literal["max", "sum"]] = {"max": "max", "average": "sum"}
