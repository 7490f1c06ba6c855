"""What layers of Akida 2.0 with weights have in common: integers are shifted, summed, bounded and
scaled.

With ``sat(v, n)``, which clips to signed ``n`` bits, and ``rshift(v, s)``, which multiplies by
``2**s`` and rounds halves up, a layer makes of sums of products ``P``::

    P = sat(sat(P, buffer_bits) + sat(bias << bias_shift, post_op_buffer_bits), ...)
    P = activation(max pooling(P))
    y = clip(rshift(sat(P * output_scales, post_op_buffer_bits), output_shift))

`docs/numeric_contract.md` says it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.model.families import (
    Extent,
    Layer,
    Padding,
    Pooling,
    Windowed,
    is_int,
)
from akrt.model.value import MAX_DIMENSION, IntArray, Pair, Value

__all__ = [
    "LUT_ENTRIES",
    "MAX_SHIFT",
    "Activation",
    "ScaledLayer",
    "ScaledSpatialLayer",
    "ShiftedInputLayer",
    "shifted_bounds",
]

Activation: TypeAlias = Literal["relu", "lut"]

SCALED_WEIGHT_RANGES: dict[int, Pair] = {4: (-8, 7), 8: (-128, 127)}
MAX_SHIFT = 31
"""Greatest of any shift: akida's software ends the process on a greater one."""
MAX_ROWS = 1 << 24
"""So many products of 32-bit values and weights add up exactly in 64 bits."""
LUT_ENTRIES = 2048
"""Of a look-up table: one for each value of 11 signed bits."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ScaledLayer(Layer):
    """A layer of Akida 2.0 with weights."""

    version: ClassVar[int | None] = 2
    input_low: ClassVar[int] = -128
    input_high: ClassVar[int] = 127
    sums_wrap: ClassVar[bool] = True
    array_names: ClassVar[tuple[str, ...]] = (
        "weights",
        "bias",
        "bias_shift",
        "max_value",
        "max_value_shift",
        "activation_scales",
        "activation_shift",
        "lut_values",
        "output_scales",
        "output_shift",
    )
    name: str
    weights: IntArray
    weights_bits: int = 8
    """4 or 8."""
    bias: IntArray
    """int8 (F,)."""
    bias_shift: IntArray
    """uint8 (F,): 0 to 31; `bias` counts in units of ``2**bias_shift``."""
    activation: Activation | None = None
    max_value: IntArray | None = None
    """uint8 (F,): the bound of a ReLU, in units of ``2**max_value_shift``."""
    max_value_shift: IntArray | None = None
    """uint8 (F,): 0 to 31."""
    activation_scales: IntArray | None = None
    """uint8 (F,): ``rshift(P * scale, activation_shift)`` finds the entry of a table."""
    activation_shift: IntArray | None = None
    """int8 (F,): -31 to 31."""
    lut_values: IntArray | None = None
    """int32 (2048,): the table, from -1024 on."""
    output_scales: IntArray
    """uint8 (F,)."""
    output_shift: IntArray
    """int8 (F,): -31 to 31."""
    output_bits: int = 8
    """1 to 32. Up to 4 the output is unsigned, beyond it is signed."""
    buffer_bits: int = 32
    """1 to 32: sums of products saturate at so many bits."""
    post_op_buffer_bits: int = 32
    """1 to 32: what comes after the sums saturates at so many bits."""

    @property
    def arrays(self) -> dict[str, IntArray]:
        """The layer's tensors by name: those of its activation alone."""
        return {
            name: getattr(self, name)
            for name in self.array_names
            if getattr(self, name) is not None
        }

    @property
    def filters(self) -> int:
        """Number of output channels."""
        return int(self.bias.shape[0])

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Shape of the weights."""
        return tuple(self.weights.shape)

    @property
    def weight_count(self) -> int:
        return int(self.weights.size)

    def output(self, extent: Extent) -> Value:
        value = Value.of_output(extent.output_shape, self.output_bits)
        if self.activation == "relu":  # scales are not negative
            return Value(value.shape, value.dtype, 0, value.high)
        return value

    def bounds(self, value: Value) -> tuple[IntArray, IntArray]:
        """int64 (C,): the least and greatest that the weights of each channel multiply."""
        channels = value.shape[2]
        return np.full(channels, value.low, np.int64), np.full(channels, value.high, np.int64)

    def _freeze_scaled(self, dimensions: int, filters_axis: int) -> None:
        self._check_name()
        if not is_int(self.weights_bits) or self.weights_bits not in SCALED_WEIGHT_RANGES:
            raise self._fail(f"weights_bits must be 4 or 8, got {self.weights_bits!r}")
        for what in ("output_bits", "buffer_bits", "post_op_buffer_bits"):
            self._check_bits(what)
        array = self._as_array("weights")
        if array.dtype != np.int8 or array.ndim != dimensions or 0 in array.shape:
            raise self._fail(
                f"weights must be a non-empty int8 array of {dimensions} dimensions, "
                f"got {array.dtype} {array.shape}"
            )
        self._freeze("weights", np.int8, array.shape, *SCALED_WEIGHT_RANGES[self.weights_bits])
        filters = (array.shape[filters_axis],)
        if array.size // filters[0] > MAX_ROWS:
            raise self._fail(f"adds up at most {MAX_ROWS:,} products, weights are {array.shape}")
        self._freeze("bias", np.int8, filters)
        self._freeze("bias_shift", np.uint8, filters, 0, MAX_SHIFT)
        self._freeze("output_scales", np.uint8, filters)
        self._freeze("output_shift", np.int8, filters, -MAX_SHIFT, MAX_SHIFT)
        self._freeze_activation(filters)

    def _freeze_activation(self, filters: tuple[int, ...]) -> None:
        needed: dict[str | None, tuple[str, ...]] = {
            None: (),
            "relu": ("max_value", "max_value_shift"),
            "lut": ("activation_scales", "activation_shift", "lut_values"),
        }
        if not isinstance(self.activation, str | None) or self.activation not in needed:
            raise self._fail(f"activation must be 'relu', 'lut' or None, got {self.activation!r}")
        for kind, names in needed.items():
            for name in names if kind != self.activation else ():
                if getattr(self, name) is not None:
                    raise self._fail(f"{name} belongs to the activation '{kind}', which it has not")
        if self.activation == "relu":
            self._freeze("max_value", np.uint8, filters)
            self._freeze("max_value_shift", np.uint8, filters, 0, MAX_SHIFT)
        elif self.activation == "lut":
            self._freeze("activation_scales", np.uint8, filters)
            self._freeze("activation_shift", np.int8, filters, -MAX_SHIFT, MAX_SHIFT)
            self._freeze("lut_values", np.int32, (LUT_ENTRIES,))


@dataclass(frozen=True, eq=False, kw_only=True)
class ShiftedInputLayer(ScaledLayer):
    """A layer of Akida 2.0 that shifts what it takes, so that all of it counts in one unit."""

    array_names: ClassVar[tuple[str, ...]] = (*ScaledLayer.array_names, "input_shift")
    input_shift: IntArray
    """uint8, 0 to 31, one for each input channel; of a dense layer one for each input."""

    def bounds(self, value: Value) -> tuple[IntArray, IntArray]:
        return shifted_bounds(value, self.input_shift, self.buffer_bits)

    def _freeze_input_shift(self, inputs: int) -> None:
        self._freeze("input_shift", np.uint8, (inputs,), 0, MAX_SHIFT)


@dataclass(frozen=True, eq=False, kw_only=True)
class ScaledSpatialLayer(ScaledLayer, Windowed):
    """A layer of Akida 2.0 whose kernel moves over a tensor."""

    paddings: ClassVar[tuple[str, ...]] = ("same", "valid", "same_upper")
    strided_kernels: ClassVar[dict[int, tuple[int, ...]]] = {}
    """Kernel sizes that akida takes by stride, where it does not take any."""
    upper_kernels: ClassVar[tuple[int, ...]] = (3,)
    """Kernel sizes of 'same_upper', which exists with stride 2 alone."""
    padding: Padding = "same"
    """'same' has the smaller half of the border in front; 'same_upper' has ``kernel // 2``."""
    stride: int = 1
    """On both axes."""
    pooling: Pooling | None = None
    """Windows and strides are square; 'average' is a sum that the scales divide."""

    @property
    def kernel_size(self) -> Pair:
        """(kernel_x, kernel_y)."""
        return (int(self.weights.shape[0]), int(self.weights.shape[1]))

    @property
    def strides(self) -> Pair:
        """The same of the kernel's steps."""
        return (self.stride, self.stride)

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        (value,) = inputs
        self._expect_channels(value, self.weights.shape[2])
        conv = self.conv_shape(value.shape)
        return Extent(
            output_shape=self.output_shape(value.shape),
            conv_shape=conv,
            max_potential=self._greatest_sum(value),
            macs=self.weights.size * conv[0] * conv[1],
        )

    def _greatest_sum(self, value: Value) -> int:
        reach = np.maximum(*map(np.abs, self.bounds(value)))
        return int(
            (np.abs(self.weights.astype(np.int64)).sum((0, 1)) * reach[:, None]).sum(0).max()
        )

    def _check_spatial(self) -> None:
        kernel = self.kernel_size
        if kernel[0] != kernel[1]:
            raise self._fail(f"kernels must be square, got {kernel}")
        if not isinstance(self.padding, str) or self.padding not in self.paddings:
            raise self._fail(
                f"padding must be one of {', '.join(self.paddings)}, got {self.padding!r}"
            )
        if not is_int(self.stride) or not 1 <= self.stride <= MAX_DIMENSION:
            raise self._fail(f"stride must be a positive integer, got {self.stride!r}")
        if self.strided_kernels:
            kernels = self.strided_kernels.get(self.stride, (0,))
            if kernels and kernel[0] not in kernels:
                raise self._fail(f"a {kernel} kernel with stride {self.stride} is none of Akida's")
            if not kernel[0] % 2:
                raise self._fail(f"kernel sizes must be odd, got {kernel}")
        if self.padding == "same_upper" and (
            self.stride != 2
            or kernel[0] not in self.upper_kernels
            or (self.pooling is not None and self.pooling.kind == "max")
        ):
            raise self._fail(
                f"padding 'same_upper' needs stride 2, a kernel of "
                f"{' or '.join(map(str, self.upper_kernels))} and no max pooling: elsewhere "
                f"akida's software is no reference"
            )
        self._check_pooling()

    def _check_pooling(self) -> None:
        pooling = self.pooling
        if pooling is None:
            return
        if not isinstance(pooling, Pooling):
            raise self._fail(f"pooling must be a Pooling or None, got {pooling!r:.80}")
        if pooling.kind == "average" and pooling.size is None and pooling.stride is None:
            return
        pairs = (pooling.size, pooling.stride)
        if pooling.kind != "max" or not all(map(_is_square, pairs)):
            raise self._fail(
                f"pooling must be 'max' with a square size and stride, or 'average' with neither, "
                f"got {pooling!r:.80}"
            )
        assert pooling.size is not None
        assert pooling.stride is not None
        if pooling.stride[0] > pooling.size[0]:
            raise self._fail(
                f"pooling stride {pooling.stride} must not exceed its window {pooling.size}"
            )
        if pooling.size == (1, 1):  # its only value is the largest
            object.__setattr__(self, "pooling", None)


def shifted_bounds(value: Value, shift: IntArray, bits: int) -> tuple[IntArray, IntArray]:
    """Bounds of ``sat(x << shift, bits)`` for each of `shift`, int64 of its shape."""
    least, greatest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    wide = shift.astype(np.int64)
    low: npt.NDArray[np.int64] = np.clip(value.low << wide, least, greatest)
    high: npt.NDArray[np.int64] = np.clip(value.high << wide, least, greatest)
    return low, high


def _is_square(pair: Pair | None) -> bool:
    return (
        isinstance(pair, tuple)
        and len(pair) == 2
        and all(is_int(v) and 1 <= v <= MAX_DIMENSION for v in pair)
        and pair[0] == pair[1]
    )
