"""The kinds of layers of Akida 2.0 that remember: of their network the samples of a batch are steps
in time, in order. And what may follow a recurrent one.

What a layer remembers is no part of it: the caller has it (`akrt.State`), and begins with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from akrt.model.families import Extent, Layer, is_int
from akrt.model.scaled import MAX_SHIFT, ShiftedInputLayer
from akrt.model.value import MAX_DIMENSION, MAX_TENSOR_ELEMENTS, IntArray, Remembered, Value

__all__ = [
    "BufferTempConv",
    "DepthwiseBufferTempConv",
    "PicoPostProcessing",
    "StatefulRecurrent",
]

FIFO_SIZES = (2, 10)
WEIGHTS_BITS = 8
INT32 = (-(1 << 31), (1 << 31) - 1)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Remembering(ShiftedInputLayer):
    def _check_weights_bits(self) -> None:
        if self.weights_bits != WEIGHTS_BITS:
            raise self._fail(f"weights_bits must be {WEIGHTS_BITS}, got {self.weights_bits!r}")


@dataclass(frozen=True, eq=False, kw_only=True)
class _Buffered(_Remembering):
    """Each place is convolved with itself in time: over its last inputs, the oldest first."""

    @property
    def fifo_size(self) -> int:
        """How many samples it sees, that of now among them: 2 to 10."""
        return int(self.weights.shape[0])

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        (value,) = inputs
        channels = self.weights.shape[1]
        if channels != value.shape[2]:
            raise self._misfit(f"expects {channels} input channels, but gets {value.shape[2]}")
        if self.fifo_size * value.elements > MAX_TENSOR_ELEMENTS:
            raise self._fail(
                f"remembers {self.fifo_size} inputs of {value.shape}, more than "
                f"{MAX_TENSOR_ELEMENTS:,} elements"
            )
        x, y, _ = value.shape
        shape = (x, y, self.filters)
        reach = np.maximum(*map(np.abs, self.bounds(value)))
        taps = np.abs(self.weights.astype(np.int64)).sum(0)
        return Extent(
            shape,
            shape,
            max_potential=self._across_channels(taps, reach),
            macs=self.weights.size * x * y,
        )

    def memory(self, inputs: tuple[Value, ...]) -> dict[str, Remembered]:
        (value,) = inputs
        shape = (self.fifo_size - 1, *value.shape)
        ends = min(value.low, 0), max(value.high, 0)
        return {"fifo": Remembered(shape, value.dtype, *ends)}

    def bounds(self, value: Value) -> tuple[IntArray, IntArray]:
        low, high = super().bounds(value)
        return np.minimum(low, 0), np.maximum(high, 0)  # it begins with zeros

    @staticmethod
    def _across_channels(taps: IntArray, reach: IntArray) -> int:
        """The greatest sum, from the weights of all steps."""
        return int((taps * reach[:, None]).sum(0).max())

    def _check_buffered(self) -> None:
        least, most = FIFO_SIZES
        if not least <= self.fifo_size <= most:
            raise self._fail(
                f"remembers {least} to {most} inputs, its weights {self.weights.shape} are of "
                f"{self.fifo_size}"
            )
        self._check_weights_bits()
        self._freeze_input_shift(self.weights.shape[1])


@dataclass(frozen=True, eq=False, kw_only=True)
class BufferTempConv(_Buffered):
    """A convolution over time; weights int8 (T, C, F), the oldest step first."""

    kind: ClassVar[str] = "BufferTempConv"

    def __post_init__(self) -> None:
        self._freeze_scaled(3, 2)
        self._check_buffered()


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthwiseBufferTempConv(_Buffered):
    """The same of each channel with its own weights, int8 (T, C); sums saturate at every step."""

    kind: ClassVar[str] = "DepthwiseBufferTempConv"

    def __post_init__(self) -> None:
        self._freeze_scaled(2, 1)
        self._check_buffered()

    @staticmethod
    def _across_channels(taps: IntArray, reach: IntArray) -> int:
        return int((taps * reach).max())


@dataclass(frozen=True, eq=False, kw_only=True)
class StatefulRecurrent(_Remembering):
    """A linear recurrence of complex numbers between two products, over steps along Y.

    It takes (1, T, C); `weights`, int8 (S, F), make the output of the real parts of the S numbers.
    """

    kind: ClassVar[str] = "StatefulRecurrent"
    pico: ClassVar[bool | None] = True
    input_low: ClassVar[int] = INT32[0]
    input_high: ClassVar[int] = INT32[1]
    takes_potentials: ClassVar[bool] = True
    array_names: ClassVar[tuple[str, ...]] = (
        *ShiftedInputLayer.array_names,
        "in_proj",
        "a_real",
        "a_imag",
        "new_state_scale",
        "new_state_shift",
        "internal_state_outputs_shift",
    )
    in_proj: IntArray
    """int8 (C, S)."""
    a_real: IntArray
    """int16 (S,): what a number is multiplied with at every step, its real part."""
    a_imag: IntArray
    """int16 (S,): its imaginary part."""
    new_state_scale: IntArray
    """uint8 (S,): of what is new."""
    new_state_shift: IntArray
    """int8 (S,): -31 to 31."""
    internal_state_outputs_shift: IntArray
    """int8 (S,): -31 to 31, of the product and what is new."""
    subsample: int = 1
    """Of so many steps the last gives an output."""
    internal_state_bits: int = 16
    """16 to 32: both parts of a number saturate at so many bits."""

    def __post_init__(self) -> None:
        self._freeze_scaled(2, 1)
        self._check_weights_bits()
        states = (self.weights.shape[0],)
        projection = self._as_array("in_proj")
        if projection.ndim != 2 or 0 in projection.shape:
            raise self._fail(f"in_proj must be int8 (C, {states[0]}), got {projection.shape}")
        self._freeze("in_proj", np.int8, (projection.shape[0], *states))
        self._freeze_input_shift(projection.shape[0])
        self._freeze("a_real", np.int16, states)
        self._freeze("a_imag", np.int16, states)
        self._freeze("new_state_scale", np.uint8, states)
        for name in ("new_state_shift", "internal_state_outputs_shift"):
            self._freeze(name, np.int8, states, -MAX_SHIFT, MAX_SHIFT)
        if not is_int(self.subsample) or not 1 <= self.subsample <= MAX_DIMENSION:
            raise self._fail(f"subsample must be a positive integer, got {self.subsample!r:.80}")
        if not is_int(self.internal_state_bits) or not 16 <= self.internal_state_bits <= 32:
            raise self._fail(
                f"internal_state_bits must be 16 to 32, got {self.internal_state_bits!r:.80}: on "
                f"fewer akida's software ends the process"
            )
        if self.post_op_buffer_bits < self.internal_state_bits:
            raise self._fail(
                f"post_op_buffer_bits must be at least internal_state_bits, "
                f"{self.internal_state_bits}, got {self.post_op_buffer_bits}: elsewhere akida's "
                f"software is no reference"
            )

    @property
    def weight_count(self) -> int:
        return int(self.weights.size + self.in_proj.size + 2 * self.a_real.size)

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        (value,) = inputs
        x, steps, channels = value.shape
        if x != 1 or channels != len(self.in_proj):
            raise self._misfit(f"expects (1, steps, {len(self.in_proj)}), but gets {value.shape}")
        if steps % self.subsample:
            raise self._misfit(
                f"gives an output every {self.subsample} steps, which do not divide the {steps} "
                f"of a sample"
            )
        shape = (1, steps // self.subsample, self.filters)
        reach = np.maximum(*map(np.abs, self.bounds(value)))
        taken = np.abs(self.in_proj.astype(np.int64)) * reach[:, None]
        given = np.abs(self.weights.astype(np.int64)).sum(0).max() << (self.internal_state_bits - 1)
        return Extent(
            shape,
            shape,
            max_potential=max(int(taken.sum(0).max()), int(given)),
            macs=steps * (self.in_proj.size + 4 * self.a_real.size) + shape[1] * self.weights.size,
        )

    def memory(self, inputs: tuple[Value, ...]) -> dict[str, Remembered]:
        half = 1 << (self.internal_state_bits - 1)
        part = Remembered((len(self.weights),), "int32", -half, half - 1)
        return {"real": part, "imag": part}


@dataclass(frozen=True, eq=False, kw_only=True)
class PicoPostProcessing(Layer):
    """Tells, by channel, whether a prediction is further from its target than a threshold: 0 or 1.

    It takes a prediction of more than 16 bits, of a `StatefulRecurrent`, and what is predicted, the
    network's input of 16 bits, in either order. Their distance is a mean over time, rounded down.
    """

    kind: ClassVar[str] = "PicoPostProcessing"
    version: ClassVar[int | None] = 2
    pico: ClassVar[bool | None] = True
    arity: ClassVar[int] = 2
    input_low: ClassVar[int] = INT32[0]
    input_high: ClassVar[int] = INT32[1]
    takes_potentials: ClassVar[bool] = True
    sums_wrap: ClassVar[bool] = True
    array_names: ClassVar[tuple[str, ...]] = ("input_scales", "input_shift", "threshold")
    name: str
    input_scales: npt.NDArray[np.uint16]
    """uint16 (C,): of the prediction."""
    input_shift: IntArray
    """int8 (C,): -31 to 0, of the scaled prediction."""
    threshold: npt.NDArray[np.uint16]
    """uint16 (C,): the greatest distance that gives 0."""
    buffer_bits: int = 44
    """32 to 44: the scaled prediction saturates at so many bits."""

    def __post_init__(self) -> None:
        self._check_name()
        scales = self._as_array("input_scales")
        if scales.ndim != 1 or not scales.size:
            raise self._fail(f"input_scales must have one dimension, got the shape {scales.shape}")
        self._freeze("input_scales", np.uint16, scales.shape)
        self._freeze("input_shift", np.int8, scales.shape, -MAX_SHIFT, 0)
        self._freeze("threshold", np.uint16, scales.shape)
        if not is_int(self.buffer_bits) or not 32 <= self.buffer_bits <= 44:
            raise self._fail(f"buffer_bits must be 32 to 44, got {self.buffer_bits!r:.80}")

    def prediction(self, inputs: tuple[Value, ...]) -> int:
        """Which of the inputs it is, 0 or 1."""
        return 0 if inputs[1].dtype == "int16" else 1

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        at = self.prediction(inputs)
        predicted, target = inputs[at], inputs[1 - at]
        if target.dtype != "int16" or target.bits != 16 or predicted.high < 1 << 16:
            raise self._misfit(
                f"compares a prediction of more than 16 bits with an input of 16, but gets "
                f"{inputs[0].text} and {inputs[1].text}"
            )
        if predicted.shape != target.shape or target.shape[0] != 1:
            raise self._misfit(
                f"compares (1, steps, channels) of one shape, but gets {inputs[0].shape} and "
                f"{inputs[1].shape}"
            )
        channels = target.shape[2]
        if channels != self.threshold.size:
            raise self._misfit(
                f"has thresholds of {self.threshold.size} channels, but gets {channels}"
            )
        shape = (1, 1, channels)
        return Extent(shape, shape, max_potential=target.shape[1] << 16)

    def output(self, extent: Extent) -> Value:
        return Value(extent.output_shape, "int8", 0, 1)
