"""A layer in its place in a network: shapes, and the integers it can meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from akrt.errors import ModelError, UnsupportedLayerError
from akrt.model.layers import (
    MAX_TENSOR_ELEMENTS,
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    AnyLayer,
    FullyConnected,
    InputConvolutional,
    InputData,
    IntArray,
    SeparableConvolutional,
    Shape,
)

__all__ = ["Node", "chain"]

INT32_MAX = (1 << 31) - 1


@dataclass(frozen=True)
class Node:
    """A layer in its place in a network: shapes, and the integers it can meet.

    ``max_depthwise`` and ``max_potential`` bound the magnitude of every value and every partial
    sum, whatever the order of the additions; ``max_depthwise`` is 0 where there is no depthwise.
    """

    layer: AnyLayer
    input_shape: Shape
    input_max: int
    output_shape: Shape
    output_max: int | None
    """Largest activation; None where the output is a potential."""
    conv_shape: Shape
    """Shape of the potentials before pooling."""
    max_depthwise: int
    max_potential: int
    macs: int
    """Multiply-accumulates for one sample."""

    @property
    def max_activated(self) -> int:
        """Bound of the magnitude of every potential that meets the activation.

        The sum of a global average reaches further than its terms, as far as it saturates.
        """
        layer = self.layer
        if isinstance(layer, (InputData, FullyConnected)) or layer.pooling is None:
            return self.max_potential
        if layer.pooling.kind == "max":
            return self.max_potential
        positions = self.conv_shape[0] * self.conv_shape[1]
        return max(self.max_potential, min(positions * self.max_potential, -POTENTIAL_MIN))

    @property
    def beyond_20_bits(self) -> bool:
        """Whether unpooled potentials can leave the chip's range.

        Pooled and fully connected potentials saturate there, on the chip and here alike. Others
        do not in akida's software backend, which is then no reference for the chip.
        """
        layer = self.layer
        if isinstance(layer, (InputData, FullyConnected)) or layer.pooling is not None:
            return False
        return self.max_potential > POTENTIAL_MAX


def chain(layers: tuple[AnyLayer, ...]) -> Iterator[Node]:
    shape: Shape = (0, 0, 0)
    value_max: int | None = 0
    for i, layer in enumerate(layers):
        if isinstance(layer, (InputData, InputConvolutional)):
            if i:
                raise ModelError(f"layer '{layer.name}' ({layer.kind}) must be the first")
            shape = layer.input_shape
            value_max = (1 << layer.input_bits) - 1 if isinstance(layer, InputData) else 255
        if value_max is None:
            raise ModelError(
                f"layer '{layers[i - 1].name}' has no activation but is followed by "
                f"'{layer.name}': only the last layer may output potentials"
            )
        node = _node(layer, shape, value_max)
        yield node
        shape, value_max = node.output_shape, node.output_max


def _node(layer: AnyLayer, shape: Shape, input_max: int) -> Node:
    if isinstance(layer, InputData):
        _check_size(layer, shape)
        return Node(layer, shape, input_max, shape, input_max, shape, 0, 0, 0)
    if input_max > 15 and not isinstance(layer, (InputConvolutional, FullyConnected)):
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"takes values of at most 4 bits, but its input reaches {input_max}",
        )
    x, y, channels = shape
    max_depthwise = 0
    if isinstance(layer, FullyConnected):
        if layer.weights.shape[0] != x * y * channels:
            raise ModelError(
                f"layer '{layer.name}' (FullyConnected) expects {layer.weights.shape[0]} inputs, "
                f"but gets {x}x{y}x{channels} = {x * y * channels}"
            )
        conv = layer.output_shape(shape)
        macs = layer.weights.size
        bound = input_max * _abs_sum(layer.weights, 0)
    else:
        if isinstance(layer, SeparableConvolutional):
            want = layer.depthwise.shape[2]
            per_channel = input_max * np.abs(layer.depthwise.astype(np.int64)).sum((0, 1))
            max_depthwise = int(per_channel.max())
            bound = int((per_channel @ np.abs(layer.pointwise.astype(np.int64))).max())
            macs = layer.depthwise.size + layer.pointwise.size
        else:
            want = layer.weights.shape[2]
            bound = input_max * _abs_sum(layer.weights, (0, 1, 2))
            macs = layer.weights.size
        if want != channels:
            raise ModelError(
                f"layer '{layer.name}' ({layer.kind}) expects {want} input channels, "
                f"but gets {channels}"
            )
        conv = layer.conv_shape(shape)
        macs *= conv[0] * conv[1]
    if max(bound, max_depthwise) > INT32_MAX - (1 << 20):
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"potentials can reach {max(bound, max_depthwise):,}, beyond 32 bits: use fewer "
            f"inputs or narrower weights",
        )
    output = layer.output_shape(shape)
    for tensor in (shape, conv, output):
        _check_size(layer, tensor)
    output_max = None if layer.act_bits is None else (1 << layer.act_bits) - 1
    return Node(layer, shape, input_max, output, output_max, conv, max_depthwise, bound, macs)


def _check_size(layer: AnyLayer, shape: Shape) -> None:
    if shape[0] * shape[1] * shape[2] > MAX_TENSOR_ELEMENTS:
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"a tensor of shape {shape} has more than {MAX_TENSOR_ELEMENTS:,} elements",
        )


def _abs_sum(weights: IntArray, axis: int | tuple[int, ...]) -> int:
    return int(np.abs(weights.astype(np.int64)).sum(axis).max())
