"""Activations by multiplication: constants for which that is exact, or the news that none are.

src_c/include/akrt/kernels.inc says what the C side makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.backends.native.activations import Scale
from akrt.kernels._kernels import FINE_SHIFT
from akrt.lowering.requantisation import Quotient, ShortQuotient, solve

__all__ = ["ShortScale", "find_scale", "find_short_scale"]

_INT32_MAX = (1 << 31) - 1


@dataclass(eq=False, repr=False)
class ShortScale:
    """Constants of akrt_matmul_u8s8_u8_short, and what they ask of the sums."""

    mul: npt.NDArray[np.uint16]
    shift: int
    top: int
    factor: npt.NDArray[np.int64]
    """What the sum of each filter, and its threshold, are multiplied by."""
    offset: npt.NDArray[np.int64]
    """What is added to the multiplied sum."""


def find_scale(levels: npt.NDArray[np.int64], step: npt.NDArray[np.int64]) -> Scale | None:
    """Constants with which ``(v * mul + (v * fine >> 12) + add) >> shift`` counts levels below v.

    Args:
        levels: int64 (2**bits - 1, F), ascending by channel from 0: distances from the threshold.
        step: int64 (F,), sixteenths from one level to the next.

    Returns:
        ``top`` int32, ``mul``, ``add`` and ``fine`` uint32, each (F,), and ``shift``, such that for
        every whole v in 0..top the result is exact and no term exceeds 32 bits; beyond top it is
        that of top. ``fine`` is None where the result is exact without, ``threshold`` always. None
        if there are none.
    """
    if np.any(np.diff(levels, axis=0) < 1):
        return None
    # no potential is further from its threshold than 32 bits hold
    top = np.minimum(levels[-1] + 1, _INT32_MAX)
    for fine_bits in (0, FINE_SHIFT):
        if fine_bits and top.max() >= 1 << (32 - fine_bits):
            return None
        form = Quotient(step, top, len(levels), fine_bits)
        found = solve(form, levels, np.zeros_like(top), top)
        if found is not None:
            fine = found.factors & ((1 << fine_bits) - 1)
            return Scale(
                threshold=None,
                top=top.astype(np.int32),
                mul=(found.factors >> fine_bits).astype(np.uint32),
                add=found.addend.astype(np.uint32),
                fine=fine.astype(np.uint32) if fine_bits else None,
                shift=found.setting[0],
            )
    return None


def find_short_scale(
    levels: npt.NDArray[np.int64],
    step: npt.NDArray[np.int64],
    most: npt.NDArray[np.int64],
    unit: int = 16,
) -> ShortScale | None:
    """Constants with which ``(v * factor + offset) * mul >> 16 >> shift`` counts levels below v.

    Args:
        levels: int64 (2**bits - 1, F), ascending by channel from 0: distances from the threshold.
        step: int64 (F,), from one level to the next, in parts of which `unit` make one.
        most: int64 (F,), the largest factor of each channel.
        unit: see `step`.

    Returns:
        Constants such that the result is exact for every whole v, where ``v * factor + offset`` is
        clipped to 16 bits first and the result to the number of levels; None if there are none.
    """
    if np.any(np.diff(levels, axis=0) < 1):
        return None
    form = ShortQuotient(step, most, len(levels), unit)
    found = solve(form, levels, np.zeros_like(most), levels[-1] + 1)
    if found is None:
        return None
    factor, mul = found.factors
    return ShortScale(
        mul=mul.astype(np.uint16),
        shift=found.setting[0],
        top=len(levels),
        factor=factor,
        offset=found.addend,
    )
