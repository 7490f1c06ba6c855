"""The kinds of layers of Akida 2.0 without weights: entrances, joints, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from akrt.model.families import Extent, Layer, is_int
from akrt.model.scaled import MAX_SHIFT, shifted_bounds
from akrt.model.value import IntArray, Shape, Value

__all__ = ["Concatenate", "Dequantizer", "Quantizer", "ShiftedAdd", "SignedInputData"]

_LARGEST_QUANTIZED = float((1 << 31) - 128)
"""No product of a float and its scale may reach it: with a zero point it would leave 32 bits."""


@dataclass(frozen=True, eq=False)
class SignedInputData(Layer):
    """An entrance of signed values, which pass unchanged: ``-2**(b-1)`` to ``2**(b-1) - 1``."""

    kind: ClassVar[str] = "SignedInputData"
    version: ClassVar[int | None] = 2
    pico: ClassVar[bool | None] = None
    arity: ClassVar[int] = 0
    input_low: ClassVar[int] = -(1 << 15)
    input_high: ClassVar[int] = (1 << 15) - 1
    name: str
    input_shape: Shape
    input_bits: int = 8
    """5 to 16: fewer bits are unsigned, those of `InputData`. Beyond 8 only a `StatefulRecurrent`
    takes them."""

    def __post_init__(self) -> None:
        self._check_name()
        self._check_input_shape(self.input_shape)
        if not is_int(self.input_bits) or not 5 <= self.input_bits <= 16:
            raise self._fail(f"input_bits must be 5 to 16, got {self.input_bits!r}")

    @property
    def entry(self) -> Value:
        half = 1 << (self.input_bits - 1)
        dtype: Literal["int8", "int16"] = "int8" if self.input_bits <= 8 else "int16"
        return Value(self.input_shape, dtype, -half, half - 1)

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        return Extent(self.input_shape, self.input_shape)

    def output(self, extent: Extent) -> Value:
        return self.entry


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantizer(Layer):
    """An entrance of floats: ``clip(round(x * scale) + zero_point)``, halves away from zero."""

    kind: ClassVar[str] = "Quantizer"
    version: ClassVar[int | None] = None
    pico: ClassVar[bool | None] = None
    arity: ClassVar[int] = 0
    feeds_entrance: ClassVar[bool] = True
    input_low: ClassVar[int] = -(1 << 140)
    input_high: ClassVar[int] = 1 << 140
    array_names: ClassVar[tuple[str, ...]] = ("scales", "zero_points")
    name: str
    input_shape: Shape
    """(X, Y, C), or (C, X, Y) with `channels_first`, as the caller gives it."""
    scales: npt.NDArray[np.float32]
    """float32 (C,): positive."""
    zero_points: IntArray
    """uint8 (C,)."""
    output_bits: int = 8
    """4 or 8."""
    output_signed: bool = False
    channels_first: bool = False

    def __post_init__(self) -> None:
        self._check_name()
        self._check_input_shape(self.input_shape)
        for what in ("output_signed", "channels_first"):
            if not isinstance(getattr(self, what), bool):
                raise self._fail(f"{what} must be true or false, got {getattr(self, what)!r:.80}")
        if not is_int(self.output_bits) or self.output_bits not in (4, 8):
            raise self._fail(f"output_bits must be 4 or 8, got {self.output_bits!r}")
        channels = (self.input_shape[0 if self.channels_first else 2],)
        self._freeze("scales", np.float32, channels)
        self._freeze("zero_points", np.uint8, channels)
        if not np.all((self.scales >= 2.0**-100) & (self.scales <= 2.0**100)):
            raise self._fail("every scale must be a number from 2**-100 to 2**100")

    @property
    def entry(self) -> Value:
        most = int(np.ceil(_LARGEST_QUANTIZED / float(self.scales.min())))
        return Value(self.input_shape, "float32", -most, most)

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        shape = self.input_shape
        if self.channels_first:
            shape = (shape[1], shape[2], shape[0])
        return Extent(shape, shape)

    def output(self, extent: Extent) -> Value:
        if self.output_signed:
            half = 1 << (self.output_bits - 1)
            return Value(extent.output_shape, "int8", -half, half - 1)
        return Value.of_bits(extent.output_shape, self.output_bits)

    def refused(self, x: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """What is no number, or too large: akida's software gives anything for it."""
        with np.errstate(invalid="ignore", over="ignore"):
            refused: npt.NDArray[np.bool_] = ~(np.abs(x * self._by_channel) < _LARGEST_QUANTIZED)
        return refused

    def noise(self, rng: np.random.Generator, samples: int) -> npt.NDArray[Any]:
        made = self.output(self.extent(()))
        drawn = rng.uniform(made.low - 2, made.high + 2, (samples, *self.input_shape))
        zeros = self.zero_points.astype(np.float64)
        zeros = zeros[:, None, None] if self.channels_first else zeros
        return np.asarray((drawn - zeros) / self._by_channel, np.float32)

    @property
    def _by_channel(self) -> npt.NDArray[np.float32]:
        return self.scales[:, None, None] if self.channels_first else self.scales


@dataclass(frozen=True, eq=False, kw_only=True)
class ShiftedAdd(Layer):
    """Adds two tensors, each shifted to a common unit, and shifts the sum: Akida 2.0's ``Add``.

    What it gives is signed, whatever its bits.
    """

    kind: ClassVar[str] = "ShiftedAdd"
    version: ClassVar[int | None] = 2
    arity: ClassVar[int] = 2
    input_low: ClassVar[int] = -128
    input_high: ClassVar[int] = 127
    sums_wrap: ClassVar[bool] = True
    array_names: ClassVar[tuple[str, ...]] = ("a_shift", "b_shift", "output_shift")
    name: str
    a_shift: IntArray
    """uint8 (C,): 0 to 31, of the first input."""
    b_shift: IntArray
    """uint8 (C,): 0 to 31, of the second."""
    output_shift: IntArray
    """int8 (C,): -31 to 31."""
    output_bits: int = 8
    """1 to 32."""
    buffer_bits: int = 32
    """1 to 32: both inputs and the sum saturate at so many bits."""

    def __post_init__(self) -> None:
        self._check_name()
        self._check_bits("output_bits")
        self._check_bits("buffer_bits")
        array = self._as_array("a_shift")
        if array.ndim != 1 or not array.size:
            raise self._fail(f"a_shift must have one dimension, got the shape {array.shape}")
        self._freeze("a_shift", np.uint8, array.shape, 0, MAX_SHIFT)
        self._freeze("b_shift", np.uint8, array.shape, 0, MAX_SHIFT)
        self._freeze("output_shift", np.int8, array.shape, -MAX_SHIFT, MAX_SHIFT)

    @property
    def filters(self) -> int:
        """Number of channels."""
        return int(self.a_shift.shape[0])

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        first, second = inputs
        self._expect_one_shape(first, second, "shifts of", self.filters)
        if max(first.bits, second.bits) <= 4 and self.output_bits == 32:
            raise self._fail("output_bits must be 1 to 31 where both inputs have at most 4, got 32")
        reach = 0
        for value, shift in ((first, self.a_shift), (second, self.b_shift)):
            reach += int(
                max(np.abs(b).max() for b in shifted_bounds(value, shift, self.buffer_bits))
            )
        return Extent(first.shape, first.shape, max_potential=reach)

    def output(self, extent: Extent) -> Value:
        half = 1 << (self.output_bits - 1)
        dtype: Literal["int8", "int32"] = "int8" if self.output_bits <= 8 else "int32"
        return Value(extent.output_shape, dtype, -half, half - 1)


@dataclass(frozen=True, eq=False)
class Concatenate(Layer):
    """The channels of the first input, then those of the second."""

    kind: ClassVar[str] = "Concatenate"
    version: ClassVar[int | None] = 2
    arity: ClassVar[int] = 2
    input_low: ClassVar[int] = -128
    input_high: ClassVar[int] = 127
    name: str

    def __post_init__(self) -> None:
        self._check_name()

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        first, second = inputs
        if first.shape[:2] != second.shape[:2]:
            raise self._misfit(
                f"joins tensors of one size, but gets {first.shape[:2]} and {second.shape[:2]}"
            )
        if first.dtype != second.dtype:
            raise self._misfit(
                f"joins tensors of one type, but gets {first.dtype} and {second.dtype}"
            )
        shape = (*first.shape[:2], first.shape[2] + second.shape[2])
        ends = (min(first.low, second.low), max(first.high, second.high))
        return Extent(shape, shape, output_value=Value(shape, first.dtype, *ends))

    def output(self, extent: Extent) -> Value:
        assert extent.output_value is not None
        return extent.output_value


@dataclass(frozen=True, eq=False, kw_only=True)
class Dequantizer(Layer):
    """Integers to floats, ``x * scale``: the last layer, and the only one that gives floats."""

    kind: ClassVar[str] = "Dequantizer"
    version: ClassVar[int | None] = 2
    pico: ClassVar[bool | None] = None
    input_low: ClassVar[int] = -(1 << 31)
    input_high: ClassVar[int] = (1 << 31) - 1
    takes_potentials: ClassVar[bool] = True
    array_names: ClassVar[tuple[str, ...]] = ("scales",)
    name: str
    scales: npt.NDArray[np.float32]
    """float32 (C,)."""

    def __post_init__(self) -> None:
        self._check_name()
        array = self._as_array("scales")
        if array.ndim != 1 or not array.size:
            raise self._fail(f"scales must have one dimension, got the shape {array.shape}")
        self._freeze("scales", np.float32, array.shape)
        if not np.all(np.abs(self.scales) <= 2.0**90):
            raise self._fail("every scale must be a number from -2**90 to 2**90")

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        (value,) = inputs
        if value.shape[2] != self.scales.size:
            raise self._misfit(
                f"has scales of {self.scales.size} channels, but gets {value.shape[2]}"
            )
        ends = np.outer((value.low, value.high), self.scales.astype(np.float64))
        reach = float(np.abs(ends).max()) * 2.0**-22  # of two roundings
        low, high = int(np.floor(ends.min() - reach)), int(np.ceil(ends.max() + reach))
        made = Value(value.shape, "float32", low, high)
        return Extent(value.shape, value.shape, output_value=made)

    def output(self, extent: Extent) -> Value:
        assert extent.output_value is not None
        return extent.output_value
