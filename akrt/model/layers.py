"""The kinds of layers as frozen dataclasses, integers only: here those of Akida 1.0.

Tensors are NHWC. Akida calls the first spatial axis X and the second Y, so every shape here is
``(X, Y, C)`` and every kernel ``(kernel_x, kernel_y, ...)``. All kernels are stored for
cross-correlation: importers flip the true convolutions of Akida once, on import.

A layer turns unsigned activations into integer *potentials* and, unless it has no activation,
potentials into activations of ``act_bits`` bits. With ``s = floor(16 * act_step)``::

    out = clip(ceil(16 * (P - threshold) / (s * 2**(4 - act_bits))), 0, 2**act_bits - 1)

which is the number of the ``2**act_bits - 1`` levels that ``P`` exceeds (`firing_levels`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from akrt.model.families import Extent, NeuralLayer, SpatialLayer, WeightedLayer, is_int
from akrt.model.families import Layer as AnyLayer
from akrt.model.joining_layers import (
    Concatenate,
    Dequantizer,
    Quantizer,
    ShiftedAdd,
    SignedInputData,
)
from akrt.model.scaled_layers import (
    Conv2D,
    Conv2DTranspose,
    Dense1D,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    InputConv2D,
)
from akrt.model.temporal_layers import (
    BufferTempConv,
    DepthwiseBufferTempConv,
    PicoPostProcessing,
    StatefulRecurrent,
)
from akrt.model.value import IntArray, Shape, Value

__all__ = [
    "KINDS",
    "Add",
    "AnyLayer",
    "BufferTempConv",
    "Concatenate",
    "Conv2D",
    "Conv2DTranspose",
    "Convolutional",
    "Dense1D",
    "DepthwiseBufferTempConv",
    "DepthwiseConv2D",
    "DepthwiseConv2DTranspose",
    "Dequantizer",
    "FullyConnected",
    "InputConv2D",
    "InputConvolutional",
    "InputData",
    "PicoPostProcessing",
    "Quantizer",
    "SeparableConvolutional",
    "ShiftedAdd",
    "SignedInputData",
    "StatefulRecurrent",
]


@dataclass(frozen=True, eq=False)
class InputData(AnyLayer):
    """The entrance of a network that does not start with a convolution: values pass unchanged."""

    kind: ClassVar[str] = "InputData"
    version: ClassVar[int | None] = None
    arity: ClassVar[int] = 0
    input_high: ClassVar[int] = 255
    name: str
    input_shape: Shape
    input_bits: int = 4

    def __post_init__(self) -> None:
        self._check_name()
        self._check_input_shape(self.input_shape)
        if not is_int(self.input_bits) or not 1 <= self.input_bits <= 8:
            raise self._fail(f"input_bits must be 1 to 8, got {self.input_bits!r}")

    @property
    def entry(self) -> Value:
        return Value.of_bits(self.input_shape, self.input_bits)

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        return Extent(self.input_shape, self.input_shape)

    def output(self, extent: Extent) -> Value:
        return self.entry


@dataclass(frozen=True, eq=False, kw_only=True)
class InputConvolutional(SpatialLayer):
    """First layer on 8-bit unsigned data of 1 or 3 channels; the border is `padding_value`."""

    kind: ClassVar[str] = "InputConvolutional"
    arity: ClassVar[int] = 0
    input_high: ClassVar[int] = 255
    strides_within_kernel: ClassVar[bool] = False
    input_shape: Shape
    weights: IntArray
    """int8 (kernel_x, kernel_y, C, F)."""
    padding_value: int = 0

    def __post_init__(self) -> None:
        self._check_input_shape(self.input_shape)
        self._freeze_weights("weights", 4)
        self._freeze_activation(self.weights.shape[3])
        self._check_geometry()
        if self.input_shape[2] not in (1, 3):
            raise self._fail(f"needs 1 or 3 input channels, got {self.input_shape[2]}")
        if not is_int(self.padding_value) or not 0 <= self.padding_value <= 255:
            raise self._fail(f"padding_value must be 0..255, got {self.padding_value!r}")

    @property
    def entry(self) -> Value:
        return Value.of_bits(self.input_shape, 8)


@dataclass(frozen=True, eq=False, kw_only=True)
class Convolutional(SpatialLayer):
    """Convolution of activations."""

    kind: ClassVar[str] = "Convolutional"
    weights: IntArray
    """int8 (kernel_x, kernel_y, C, F), flipped for cross-correlation."""

    def __post_init__(self) -> None:
        self._freeze_weights("weights", 4)
        self._freeze_activation(self.weights.shape[3])
        self._check_geometry()


@dataclass(frozen=True, eq=False, kw_only=True)
class SeparableConvolutional(SpatialLayer):
    """Depthwise then pointwise convolution; the value between them is a full integer."""

    kind: ClassVar[str] = "SeparableConvolutional"
    array_names: ClassVar[tuple[str, ...]] = ("depthwise", "pointwise", "threshold", "act_step")
    depthwise: IntArray
    """int8 (kernel_x, kernel_y, C), flipped for cross-correlation."""
    pointwise: IntArray
    """int8 (C, F)."""

    def __post_init__(self) -> None:
        self._freeze_weights("depthwise", 3)
        self._freeze_weights("pointwise", 2)
        if self.depthwise.shape[2] != self.pointwise.shape[0]:
            raise self._fail(
                f"depthwise has {self.depthwise.shape[2]} channels, "
                f"pointwise expects {self.pointwise.shape[0]}"
            )
        self._freeze_activation(self.pointwise.shape[1])
        self._check_geometry()

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        return (*self.kernel_size, *self.pointwise.shape)

    def _bounds(self, input_high: int) -> tuple[int, int]:
        by_channel = input_high * np.abs(self.depthwise.astype(np.int64)).sum((0, 1))
        potentials = by_channel @ np.abs(self.pointwise.astype(np.int64))
        return int(by_channel.max()), int(potentials.max())


@dataclass(frozen=True, eq=False, kw_only=True)
class FullyConnected(WeightedLayer):
    """Every output sees every input; a spatial input is flattened as (C, Y, X)."""

    kind: ClassVar[str] = "FullyConnected"
    input_high: ClassVar[int] = 255
    weights: IntArray
    """int8 (C * Y * X, units), rows in the order (C, Y, X)."""

    def __post_init__(self) -> None:
        self._freeze_weights("weights", 2)
        self._freeze_activation(self.weights.shape[1])

    @property
    def saturates(self) -> bool:
        return True

    def by_position(self, input_shape: Shape) -> IntArray:
        """The weights as int8 (X, Y, C, units) of an input of (X, Y, C)."""
        x, y, channels = input_shape
        return self.weights.reshape(channels, y, x, -1).transpose(2, 1, 0, 3)

    @staticmethod
    def in_rows(by_position: IntArray) -> IntArray:
        """(X, Y, C, units) to (C * Y * X, units), the order of `weights`."""
        rows = by_position.transpose(2, 1, 0, 3)
        return np.ascontiguousarray(rows.reshape(-1, by_position.shape[3]))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(1, 1, units), whatever the input."""
        return (1, 1, self.filters)

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        (value,) = inputs
        self._expect_inputs(value, len(self.weights))
        shape = self.output_shape(value.shape)
        bound = value.high * int(np.abs(self.weights.astype(np.int64)).sum(0).max())
        return Extent(shape, shape, max_potential=bound, macs=self.weights.size)


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(NeuralLayer):
    """The potential is the sum of two activations at the same place: where branches meet."""

    kind: ClassVar[str] = "Add"
    arity: ClassVar[int] = 2

    def __post_init__(self) -> None:
        self._check_name()
        self._freeze_activation(self._as_array("threshold").size)

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        first, second = inputs
        self._expect_one_shape(first, second, "thresholds for", self.filters)
        return Extent(first.shape, first.shape, max_potential=first.high + second.high)


KINDS: dict[str, type[AnyLayer]] = {
    cls.kind: cls
    for cls in (
        InputData,
        InputConvolutional,
        Convolutional,
        SeparableConvolutional,
        FullyConnected,
        Add,
        Quantizer,
        SignedInputData,
        InputConv2D,
        Conv2D,
        DepthwiseConv2D,
        Conv2DTranspose,
        DepthwiseConv2DTranspose,
        Dense1D,
        BufferTempConv,
        DepthwiseBufferTempConv,
        StatefulRecurrent,
        PicoPostProcessing,
        ShiftedAdd,
        Concatenate,
        Dequantizer,
    )
}
"""Every kind of layer by the name that files give it."""
