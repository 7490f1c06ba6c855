"""The float32 arithmetic by which QuantizeML makes integers of weights, biases and scales.

Formulas from the Apache-2.0 sources of quantizeml 1.2 (``layers/quantizers``, ``tensors``), as
TensorFlow computes them. A value between layers is ``integer * scale / 2**fraction``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "FloatArray",
    "NearPowerOfTwo",
    "Requantisation",
    "aligned",
    "ceil_log2",
    "requantisation",
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


class Requantisation(NamedTuple):
    """How an output quantiser scales: ``integer * scales * 2**shift``, `fraction` bits of it."""

    scales: FloatArray
    shift: FloatArray
    fraction: float


def ceil_log2(x: npt.ArrayLike) -> FloatArray:
    """The least integer e with x <= 2**e, as float32; -inf for zero.

    Raises:
        NearPowerOfTwo: the answer of TensorFlow depends on how it rounds.
    """
    value = np.atleast_1d(np.asarray(x, np.float32))
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


def weights(
    kernel: FloatArray, bits: int, per_filter: bool
) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Integers of a kernel and their scales: one of each filter (last axis), or one in all.

    TensorFlow multiplies by the rounded reciprocal of a constant instead of dividing.
    """
    top = (1 << (bits - 1)) - 1
    axes = tuple(range(kernel.ndim - 1)) if per_filter else None
    largest = np.abs(kernel).max(axis=axes).astype(np.float32)
    scale = np.maximum(largest * np.float32(1 / top), _SMALLEST_SCALE)
    integers = np.clip(np.rint(kernel / scale), -top - 1, top)
    return integers.astype(np.int8), scale


def aligned(
    x: FloatArray, bits: int, buffer_bits: int, scale: FloatArray, fraction: float
) -> npt.NDArray[np.int32]:
    """Integers of `x` in the units of an accumulator: ``x * 2**fraction / scale``, coarser.

    Args:
        x: float32, a bias of each filter or one value.
        bits: without the sign, in which the value is quantised before it is shifted to the units.
        buffer_bits: of the accumulator, without the sign; the value saturates there.
        scale, fraction: of the accumulator.
    """
    span = np.abs(x) if bits > 3 else np.abs(x).max()
    own = np.minimum(np.minimum(bits - ceil_log2(span / scale), np.float32(bits)), fraction)
    value = np.rint(x / scale * np.exp2(own).astype(np.float32))
    value = np.clip(value, -(2.0**bits), 2.0**bits - 1).astype(np.float64)
    shifted = value * np.exp2(fraction - own.astype(np.float64))
    saturated = np.clip(shifted, -(2.0**buffer_bits), 2.0**buffer_bits - 1)
    integers: npt.NDArray[np.int32] = saturated.astype(np.int32)
    return integers


def requantisation(
    scale: FloatArray, fraction: float, range_max: FloatArray, bits: int, scale_bits: int
) -> Requantisation:
    """The integer scales and the shift of an output quantiser that makes `bits` of value.

    Args:
        scale: of the accumulator, times the quantiser's rescaling rate.
        fraction: of the accumulator.
        range_max: float32 (), the largest output.
        bits, scale_bits: without a sign.
    """
    exponent = scale_bits - ceil_log2(scale)
    top = 2.0**scale_bits
    scales = np.clip(np.rint(scale * np.exp2(exponent).astype(np.float32)), -top, top - 1)
    output = float(min(bits - float(ceil_log2(range_max)), bits))
    return Requantisation(scales.astype(np.float32), output - (fraction + exponent), output)
