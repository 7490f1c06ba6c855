"""Activations by multiplication: constants for which that is exact, or the news that none are.

src_c/include/akrt/kernels.inc says what the C side makes of them.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt

__all__ = ["Scale", "ShortScale", "find_scale", "find_short_scale"]

_FINE_SHIFT = 12
_INT32_MAX = (1 << 31) - 1
_LARGEST_FACTOR = 40


class Scale(TypedDict):
    """Constants of akrt_act_s32_scale (src_c/include/akrt/kernels.h)."""

    top: npt.NDArray[np.int32]
    mul: npt.NDArray[np.uint32]
    add: npt.NDArray[np.uint32]
    fine: npt.NDArray[np.uint32] | None
    shift: int


class ShortScale(TypedDict):
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
        that of top. ``fine`` is None where the result is exact without. None if there are none.

    The result grows with v, so it is exact if it is n at level n and n + 1 one above it: an upper
    and a lower bound for ``add`` from every level.
    """
    n = np.arange(len(levels))[:, None, None]
    at = levels[:, None, :]
    # no potential is further from its threshold than 32 bits hold
    top = np.minimum(levels[-1] + 1, _INT32_MAX)
    if np.any(np.diff(levels, axis=0) < 1):
        return None
    for fine_bits in (0, _FINE_SHIFT):
        if fine_bits and top.max() >= 1 << (32 - fine_bits):
            return None
        for shift in range(28, 15, -1):
            one = 1 << shift
            # the quotient rounded down and up; one level a value is the most there can be
            factor = np.minimum(
                (one * 16 << fine_bits) // step + np.arange(2)[:, None], one << fine_bits
            )
            mul, fine = factor >> fine_bits, factor & ((1 << fine_bits) - 1)

            def scaled(
                v: npt.NDArray[np.int64],
                mul: npt.NDArray[np.int64] = mul,
                fine: npt.NDArray[np.int64] = fine,
            ) -> npt.NDArray[np.int64]:
                return v * mul + (v * fine >> _FINE_SHIFT)

            low = np.maximum(((n + 1) * one - scaled(at + 1)).max(0), 0)
            high = ((n + 1) * one - 1 - scaled(at)).min(0)
            high = np.minimum(high, (len(levels) + 1) * one - 1 - scaled(top))
            fits = (low <= high) & (scaled(top) + low < 1 << 32) & (mul < 1 << 32)
            if np.all(fits.any(0)):
                which = fits.argmax(0)[None]
                mul, low, fine = (
                    np.take_along_axis(values, which, 0)[0].astype(np.uint32)
                    for values in (mul, low, fine)
                )
                return {
                    "top": top.astype(np.int32),
                    "mul": mul,
                    "add": low,
                    "fine": fine if fine_bits else None,
                    "shift": shift,
                }
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

    The result grows with v, so it is exact if it is n at level n and n + 1 one above it. It becomes
    n + 1 at the edge ``ceil((n + 1) << 16 << shift / mul)``: a lower and an upper bound for the
    offset from every level.
    """
    count = len(levels)
    n = np.arange(1, count + 1)[:, None]
    if np.any(np.diff(levels, axis=0) < 1):
        return None
    for shift in range(12, 0, -1):
        one = 1 << (16 + shift)
        mul, factor, offset = (np.zeros(len(step), np.int64) for _ in range(3))
        for q in range(min(int(most.max()), _LARGEST_FACTOR), 0, -1):
            for up in (0, 1):
                open_ = np.flatnonzero((mul == 0) & (most >= q))
                m = one * unit // (step[open_] * q) + up
                open_, m = open_[(m > 0) & (m < 1 << 16)], m[(m > 0) & (m < 1 << 16)]
                edge = -(-n * one // m)
                low = (edge - q * (levels[:, open_] + 1)).max(0)
                high = (edge - 1 - q * levels[:, open_]).min(0)
                fits = (low <= high) & (edge[-1] < 1 << 16)
                found = open_[fits]
                mul[found], factor[found], offset[found] = m[fits], q, low[fits]
        if np.all(mul):
            return {
                "mul": mul.astype(np.uint16),
                "shift": shift,
                "top": count,
                "factor": factor,
                "offset": offset,
            }
    return None
