"""What a node does, as kernels see it: windows, and weights in the order of memory.

Backends, exporter and peers ask for the operation of a node and never for the kind of its layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.errors import UnsupportedLayerError
from akrt.lowering.geometry import Window, window
from akrt.lowering.scaled_operations import (
    Comparison,
    Concatenation,
    Dequantisation,
    Quantisation,
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledOperation,
    ScaledRecurrent,
    ScaledTemporal,
    ScaledTransposed,
    ShiftedAddition,
)
from akrt.model import (
    Add,
    BufferTempConv,
    Concatenate,
    Conv2DTranspose,
    Dense1D,
    DepthwiseBufferTempConv,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    Dequantizer,
    FullyConnected,
    InputConv2D,
    InputConvolutional,
    InputData,
    NeuralLayer,
    Node,
    PicoPostProcessing,
    Quantizer,
    ScaledLayer,
    ScaledSpatialLayer,
    SeparableConvolutional,
    ShiftedAdd,
    SignedInputData,
    SpatialLayer,
    StatefulRecurrent,
)
from akrt.model.families import WeightedLayer, Windowed

__all__ = [
    "Addition",
    "Akida1Operation",
    "Akida2Operation",
    "Convolution",
    "Dense",
    "Neural",
    "NeuralOperation",
    "Operation",
    "Pass",
    "Separable",
    "Spatial",
    "akida_1_operation",
    "beyond_akida_1",
    "neural_operation",
    "operation",
]

Weights: TypeAlias = npt.NDArray[np.int8]
Pool: TypeAlias = Literal["max", "sum"]


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
    pool: Pool | None
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
Akida1Operation: TypeAlias = Pass | NeuralOperation
Akida2Operation: TypeAlias = (
    Quantisation | ScaledOperation | ShiftedAddition | Concatenation | Comparison | Dequantisation
)
Operation: TypeAlias = Akida1Operation | Akida2Operation


def operation(node: Node) -> Operation:
    """What `node` does."""
    layer = node.layer
    if isinstance(layer, InputData | SignedInputData):
        return Pass(node)
    if isinstance(layer, Quantizer):
        return Quantisation(node, layer.scales, layer.zero_points, layer.channels_first)
    if isinstance(layer, Dequantizer):
        return Dequantisation(node, layer.scales)
    if isinstance(layer, Concatenate):
        return Concatenation(node)
    if isinstance(layer, PicoPostProcessing):
        return Comparison(node, layer, layer.prediction(node.inputs))
    if isinstance(layer, ShiftedAdd):
        return ShiftedAddition(node, layer)
    if isinstance(layer, ScaledLayer):
        return _scaled_operation(node, layer)
    if isinstance(layer, Add):
        return Addition(node, layer)
    if isinstance(layer, FullyConnected):
        weights = layer.by_position(node.input_shape).reshape(-1, layer.filters)
        return Dense(node, layer, np.ascontiguousarray(weights))
    assert isinstance(layer, SpatialLayer)
    moved, pool, pooling = _windows(node, layer)
    border = layer.padding_value if isinstance(layer, InputConvolutional) else 0
    if isinstance(layer, SeparableConvolutional):
        product = layer.pointwise
        return Separable(node, layer, moved, product, pool, pooling, border, layer.depthwise)
    product = layer.arrays["weights"].reshape(-1, layer.filters)
    return Convolution(node, layer, moved, product, pool, pooling, border)


def _scaled_operation(node: Node, layer: ScaledLayer) -> ScaledOperation:
    shift = layer.arrays.get("input_shift")
    if isinstance(layer, Dense1D):
        return ScaledDense(node, layer, layer.weights, shift)
    if isinstance(layer, Conv2DTranspose | DepthwiseConv2DTranspose):
        depthwise = isinstance(layer, DepthwiseConv2DTranspose)
        crop = (layer.weights.shape[0] - 2) // 2
        return ScaledTransposed(node, layer, layer.weights, shift, crop, depthwise)
    if isinstance(layer, BufferTempConv | DepthwiseBufferTempConv):
        depthwise = isinstance(layer, DepthwiseBufferTempConv)
        return ScaledTemporal(node, layer, layer.weights, shift, depthwise)
    if isinstance(layer, StatefulRecurrent):
        return ScaledRecurrent(node, layer, layer.weights, shift)
    assert isinstance(layer, ScaledSpatialLayer)
    moved, pool, pooling = _windows(node, layer)
    if isinstance(layer, DepthwiseConv2D):
        return ScaledDepthwise(node, layer, layer.weights, shift, moved, pool, pooling)
    product = layer.weights.reshape(-1, layer.filters)
    border = np.zeros(node.input_shape[2], np.uint8)
    first = isinstance(layer, InputConv2D)
    if isinstance(layer, InputConv2D):
        border = layer.padding_value
    return ScaledConvolution(
        node, layer, product, shift, moved, pool, pooling, border, bias_first=first
    )


def _windows(node: Node, layer: Windowed) -> tuple[Window, Pool | None, Window | None]:
    """The window of the kernel, what pools, and its window."""
    moved = window(
        node.input_shape, node.conv_shape, layer.kernel_size, layer.strides, layer.padding
    )
    pooling = layer.pooling
    if pooling is None:
        return moved, None, None
    pool = _POOLS[pooling.kind]
    if pooling.size is None or pooling.stride is None:
        return moved, pool, None
    pooled = window(node.conv_shape, node.output_shape, pooling.size, pooling.stride, layer.padding)
    return moved, pool, pooled


def beyond_akida_1(node: Node) -> str | None:
    """Why what runs layers of Akida 1.0 alone cannot run `node`; None: it can."""
    if node.layer.version != 2 and not node.layer.feeds_entrance:
        return None
    what = "a layer of Akida 2.0" if node.layer.version == 2 else "an entrance of floats"
    return f"{what}, which the backends 'native', 'reference' and 'simulator' run"


def akida_1_operation(node: Node) -> Akida1Operation:
    """What `node` of a network of Akida 1.0 does.

    Raises:
        UnsupportedLayerError: it is a layer of Akida 2.0, or an entrance of floats.
    """
    problem = beyond_akida_1(node)
    if problem is not None:
        raise UnsupportedLayerError(node.layer.name, node.layer.kind, problem)
    found = operation(node)
    assert isinstance(found, Pass | Addition | Dense | Convolution | Separable)
    return found


def neural_operation(node: Node) -> NeuralOperation:
    """What `node` does, where that is known to be more than to pass its input on."""
    found = akida_1_operation(node)
    assert not isinstance(found, Pass)
    return found


_POOLS: dict[str, Pool] = {"max": "max", "average": "sum"}
