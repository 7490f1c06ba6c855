"""The kinds of layers of Akida 2.0 that have weights.

All kernels are square and stored for cross-correlation, except those of transposed convolutions,
which are painted as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from akrt.model.families import Extent
from akrt.model.scaled import ScaledLayer, ScaledSpatialLayer, ShiftedInputLayer
from akrt.model.value import IntArray, Shape, Value

__all__ = [
    "Conv2D",
    "Conv2DTranspose",
    "Dense1D",
    "DepthwiseConv2D",
    "DepthwiseConv2DTranspose",
    "InputConv2D",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class InputConv2D(ScaledSpatialLayer):
    """First layer on 8-bit unsigned data of 1 or 3 channels; its bias joins the sums before they
    saturate.
    """

    kind: ClassVar[str] = "InputConv2D"
    arity: ClassVar[int] = 0
    input_low: ClassVar[int] = 0
    input_high: ClassVar[int] = 255
    upper_kernels: ClassVar[tuple[int, ...]] = (3, 5, 7)
    array_names: ClassVar[tuple[str, ...]] = (*ScaledLayer.array_names, "padding_value")
    input_shape: Shape
    """(X, Y, C)."""
    padding_value: IntArray
    """uint8 (C,): what is beyond the edges."""

    def __post_init__(self) -> None:
        self._check_name()
        self._check_input_shape(self.input_shape)
        if self.input_shape[2] not in (1, 3):
            raise self._fail(f"needs 1 or 3 input channels, got {self.input_shape[2]}")
        self._freeze_scaled(4, 3)
        self._freeze("padding_value", np.uint8, (self.input_shape[2],))
        self._check_spatial()
        if self.pooling is not None and self.pooling.kind == "average":
            raise self._fail("pooling must be 'max' or None: an InputConv2D has no average")

    @property
    def entry(self) -> Value:
        return Value.of_bits(self.input_shape, 8)

    def bounds(self, value: Value) -> tuple[IntArray, IntArray]:
        border = self.padding_value.astype(np.int64)
        return np.minimum(border, value.low), np.maximum(border, value.high)


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv2D(ScaledSpatialLayer, ShiftedInputLayer):
    """Convolution of activations."""

    kind: ClassVar[str] = "Conv2D"
    strided_kernels: ClassVar[dict[int, tuple[int, ...]]] = {1: (), 2: (1, 3)}

    def __post_init__(self) -> None:
        self._freeze_scaled(4, 3)
        self._freeze_input_shift(self.weights.shape[2])
        self._check_spatial()


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthwiseConv2D(ScaledSpatialLayer, ShiftedInputLayer):
    """Each channel is convolved with its own kernel, int8 (kernel_x, kernel_y, C)."""

    kind: ClassVar[str] = "DepthwiseConv2D"
    strided_kernels: ClassVar[dict[int, tuple[int, ...]]] = {1: (), 2: (3,)}

    def __post_init__(self) -> None:
        self._freeze_scaled(3, 2)
        self._freeze_input_shift(self.weights.shape[2])
        self._check_spatial()

    def _greatest_sum(self, value: Value) -> int:
        reach = np.maximum(*map(np.abs, self.bounds(value)))
        return int((np.abs(self.weights.astype(np.int64)).sum((0, 1)) * reach).max())


@dataclass(frozen=True, eq=False, kw_only=True)
class _Transposed(ShiftedInputLayer):
    """Paints a kernel of 3 or 4 for each input, two steps apart: the output is twice as large."""

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        (value,) = inputs
        self._expect_channels(value, self.weights.shape[2])
        x, y, _ = value.shape
        shape = (2 * x, 2 * y, self.filters)
        reach = np.maximum(*map(np.abs, self.bounds(value)))
        painted = np.abs(self.weights.astype(np.int64))
        # an output is met by every second row and column of the kernel
        met = [painted[i::2, j::2].sum((0, 1)) for i in (0, 1) for j in (0, 1)]
        sums = [self._across_channels(taps, reach) for taps in met]
        return Extent(shape, shape, max_potential=max(sums), macs=self.weights.size * x * y)

    @staticmethod
    def _across_channels(taps: IntArray, reach: IntArray) -> int:
        """The greatest sum of one output, from the weights that meet it."""
        return int((taps * reach[:, None]).sum(0).max())

    def _check_kernel(self) -> None:
        kernel = self.weights.shape[:2]
        if kernel not in ((3, 3), (4, 4)):
            raise self._fail(f"kernels must be (3, 3) or (4, 4), got {kernel}")


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv2DTranspose(_Transposed):
    """Transposed convolution with stride 2; kernels int8 (kernel_x, kernel_y, C, F)."""

    kind: ClassVar[str] = "Conv2DTranspose"

    def __post_init__(self) -> None:
        self._freeze_scaled(4, 3)
        self._freeze_input_shift(self.weights.shape[2])
        self._check_kernel()


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthwiseConv2DTranspose(_Transposed):
    """The same of each channel with its own kernel, int8 (kernel_x, kernel_y, C)."""

    kind: ClassVar[str] = "DepthwiseConv2DTranspose"

    def __post_init__(self) -> None:
        self._freeze_scaled(3, 2)
        self._freeze_input_shift(self.weights.shape[2])
        self._check_kernel()

    @staticmethod
    def _across_channels(taps: IntArray, reach: IntArray) -> int:
        return int((taps * reach).max())


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense1D(ShiftedInputLayer):
    """Every output sees every input; a spatial input is flattened as (X, Y, C)."""

    kind: ClassVar[str] = "Dense1D"

    def __post_init__(self) -> None:
        self._freeze_scaled(2, 1)
        self._freeze_input_shift(self.weights.shape[0])

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        (value,) = inputs
        self._expect_inputs(value, len(self.weights))
        shape = (1, 1, self.filters)
        reach = np.maximum(*map(np.abs, self.bounds(value)))
        bound = int((np.abs(self.weights.astype(np.int64)) * reach[:, None]).sum(0).max())
        return Extent(shape, shape, max_potential=bound, macs=self.weights.size)
