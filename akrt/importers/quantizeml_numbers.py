"""The float32 arithmetic by which QuantizeML makes integers of weights, biases and scales.

Formulas from the Apache-2.0 sources of quantizeml 1.2 (``layers/quantizers``, ``tensors``), as
TensorFlow computes them. A value between layers is ``integer * scale / 2**fraction``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "Aligned",
    "FloatArray",
    "NearPowerOfTwo",
    "Requantisation",
    "Units",
    "aligned",
    "ceil_log2",
    "fraction_of",
    "requantisation",
    "table",
    "weights",
]

FloatArray = npt.NDArray[np.float32]

_SMALLEST_SCALE = np.float32(1e-6)
# Largest distance from 2**e, in units of the last place, at which TensorFlow's float32
# log(x) / log(2) was seen to round to another side than log2(x); by |e|.
_UNCERTAIN_ULPS = ((2, 0), (5, 1), (11, 2), (18, 7), (31, 15), (126, 24))
_EXACT_POWERS = 12


class NearPowerOfTwo(ValueError):
    """A value so near to a power of two that TensorFlow's own rounding decides."""


class Units(NamedTuple):
    """What integers between two layers stand for: ``integer * scale / 2**fraction``."""

    scale: FloatArray = np.ones((), np.float32)
    """float32 () or (C,)."""
    fraction: FloatArray = np.zeros((), np.float32)
    """The same: whole numbers."""


class Aligned(NamedTuple):
    """Values in the units of an accumulator: int64, multiples of ``2**shift``."""

    integers: npt.NDArray[np.int64]
    shift: FloatArray

    @property
    def own(self) -> npt.NDArray[np.int64]:
        """The multiples, rounded down where the accumulator saturated."""
        found: npt.NDArray[np.int64] = self.integers >> np.minimum(self.shift, 63).astype(np.int64)
        return found


class Requantisation(NamedTuple):
    """How an output quantiser scales: ``integer * scales * 2**shift``, `fraction` bits of it."""

    scales: FloatArray
    shift: FloatArray
    fraction: FloatArray


def ceil_log2(x: npt.ArrayLike) -> FloatArray:
    """The least integer e with x <= 2**e, as float32; -inf for zero.

    Raises:
        NearPowerOfTwo: the answer of TensorFlow depends on how it rounds, or there is none.
    """
    value = np.atleast_1d(np.asarray(x, np.float32))
    if not np.isfinite(value).all():
        raise NearPowerOfTwo
    mantissa, exponent = np.frexp(value)
    # distance to the nearest power of two: below it for mantissas towards 1
    nearest = np.where(mantissa > 0.75, exponent, exponent - 1)
    target = np.ldexp(np.float32(1), nearest).astype(np.float32)
    ulps = np.abs(value.view(np.int32).astype(np.int64) - target.view(np.int32))
    size = np.abs(nearest)
    limits = np.select([size <= top for top, _ in _UNCERTAIN_ULPS], [n for _, n in _UNCERTAIN_ULPS])
    if np.any((value > 0) & (ulps <= limits) & ((ulps > 0) | (size > _EXACT_POWERS))):
        raise NearPowerOfTwo
    bits = np.where(mantissa == 0.5, exponent - 1, exponent).astype(np.float32)
    return np.where(value == 0, np.float32(-np.inf), bits).reshape(np.shape(x))


def fraction_of(largest: FloatArray, bits: int) -> FloatArray:
    """Fractional bits of values up to `largest` in `bits` without a sign: `bits` at most."""
    return np.minimum(np.float32(bits) - ceil_log2(largest), np.float32(bits))


def weights(
    kernel: FloatArray, bits: int, channels: int | None
) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Integers of a kernel and their scales.

    TensorFlow multiplies by the rounded reciprocal of a constant instead of dividing.

    Args:
        kernel: float32.
        bits: 2 to 8.
        channels: the axis each of whose places has a scale of its own; None: one scale in all.
    """
    top = (1 << (bits - 1)) - 1
    axes = None if channels is None else tuple(i for i in range(kernel.ndim) if i != channels)
    largest = np.abs(kernel).max(axis=axes, keepdims=True).astype(np.float32)
    scale = np.maximum(largest * np.float32(1 / top), _SMALLEST_SCALE)
    integers = np.clip(np.rint(kernel / scale), -top - 1, top)
    return integers.astype(np.int8), scale.reshape(() if channels is None else -1)


def aligned(x: FloatArray, bits: int, buffer_bits: int, units: Units) -> Aligned:
    """`x` in the units of an accumulator, coarser.

    Args:
        x: float32, a bias of each filter or one value.
        bits: without the sign, in which the value is quantised before it is shifted to the units.
        buffer_bits: of the accumulator, without the sign; the value saturates there.
        units: of the accumulator.
    """
    span = np.abs(x) if bits > 3 else np.abs(x).max()
    own = np.minimum(fraction_of(span / units.scale, bits), units.fraction)
    value = np.rint(x / units.scale * np.exp2(own).astype(np.float32))
    value = np.clip(value, -(2.0**bits), 2.0**bits - 1).astype(np.float64)
    shift = units.fraction - own
    shifted = value * np.exp2(shift.astype(np.float64))
    saturated = np.clip(shifted, -(2.0**buffer_bits), 2.0**buffer_bits - 1)
    return Aligned(saturated.astype(np.int64), shift)


def requantisation(
    units: Units, range_max: FloatArray, bits: int, scale_bits: int
) -> Requantisation:
    """The integer scales and the shift of an output quantiser that makes `bits` of value.

    Args:
        units: of the accumulator, its scale times the quantiser's rescaling rate.
        range_max: float32 () or (F,), the largest output.
        bits, scale_bits: without a sign.
    """
    exponent = scale_bits - ceil_log2(units.scale)
    top = 2.0**scale_bits
    scales = np.clip(np.rint(units.scale * np.exp2(exponent).astype(np.float32)), -top, top - 1)
    output = fraction_of(range_max, bits)
    return Requantisation(scales.astype(np.float32), output - (units.fraction + exponent), output)


def table(activation: str, alpha: float, fraction: float, bits: int) -> tuple[FloatArray, Units]:
    """The whole numbers that stand for an activation of -1024 to 1023, and their units.

    Args:
        activation: swish, hard_silu or leaky_relu.
        alpha: the slope of a leaky ReLU below zero.
        fraction: fractional bits of what comes in, 10 at most.
        bits: of the table, without the sign.
    """
    x = (np.arange(-1024, 1024) / np.exp2(np.float64(fraction))).astype(np.float32)
    if activation == "leaky_relu":
        y = np.where(x > 0, x, x * np.float32(alpha))
    elif activation == "hard_silu":
        bounded = np.clip(x + np.float32(3), np.float32(0), np.float32(6))
        y = x * bounded * np.float32(1 / 6)
    else:
        # TensorFlow's and NumPy's exp differ in float32, where this is as TensorFlow's
        with np.errstate(over="ignore"):
            y = x * (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)
    scale = np.abs(y).max() * np.float32(1 / ((1 << bits) - 1))
    return np.rint(y / scale).astype(np.float32), Units(scale)
