"""Products that add up in lanes of 16 bits: the constants of `akrt_lanes` and why they are exact.

src_c/include/akrt/kernels.inc says what the C side makes of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.backends.native.activations import LANES_BLOCK, FusedLanes
from akrt.backends.native.products import filled_up
from akrt.backends.native.scales import ShortScale

_INT16_MAX = (1 << 15) - 1
_UINT16_MAX = (1 << 16) - 1
_HALF_BYTE, _BYTE_MIDDLE = 15, 128
_CHUNK = 64
"""Inputs that are halved or not together."""
_RARE = 16
"""Rows whose magnitudes sum up to more than this fraction of what they could, taken as rare."""

Ints = npt.NDArray[np.integer[Any]]


def short_lanes(
    rows: Ints,
    input_max: int,
    threshold: Ints,
    levels: npt.NDArray[np.int64],
    short: ShortScale,
) -> FusedLanes | None:
    """Constants of akrt_matmul_s16s16_u8, or None where it would be wrong or slow.

    Args:
        rows: weights (F, depth).
        input_max: largest magnitude that they multiply.
        threshold: (F,), where the levels start.
        levels: int64 (2**bits - 1, F), ascending by channel from 0: distances from the threshold.
        short: what `find_short_scale` gives for the levels.
    """
    largest = max(int(np.abs(rows.astype(np.int64)).max()), 1)
    limit = (_INT16_MAX - int(np.abs(threshold.astype(np.int64)).max())) // largest
    if rows.shape[1] * input_max > min(_UINT16_MAX, _RARE * limit):
        return None
    return _lanes(rows, -threshold.astype(np.int64), levels, short, limit)


def half_byte_lanes(
    rows: Ints,
    threshold: Ints,
    levels: npt.NDArray[np.int64],
    step: npt.NDArray[np.int64],
    short: ShortScale,
) -> FusedLanes | None:
    """Constants of akrt_matmul_u8s16_u8, or None where it would be wrong.

    Args:
        rows: weights (F, depth).
        threshold: (F,), where the levels start.
        levels: int64 (2**bits - 1, F), ascending by channel from 0: distances from the threshold.
        step: int64 (F,), sixteenths from one level to the next.
        short: what `find_short_scale` gives for the `coarse_levels`.
    """
    weights = rows.astype(np.int64)
    start = _BYTE_MIDDLE * weights.sum(1) - threshold
    magnitudes = np.abs(weights).sum(1)
    high = _BYTE_MIDDLE // 16 * magnitudes + np.abs(start >> 4)
    low = _HALF_BYTE * (magnitudes + 1)
    # v >> 4 is the sum of a high half and of a low one's sixteenth
    if (high + low // 16 + 1).max() > _INT16_MAX or low.max() > _INT16_MAX:
        return None
    if (step >> 4).max() > _INT16_MAX or (step >> 4).min() < 16:
        return None
    limit = 0
    if rows.shape[1] <= _CHUNK:
        # what is not halved is less than a whole sum of 16 bits, and so is its start
        limit = (_INT16_MAX - _HALF_BYTE) // max(int(np.abs(weights).max()), 1)
    made = _lanes(rows, start >> 4, coarse_levels(levels), short, limit)
    if made is None:
        return None
    return replace(
        made,
        low_start=_padded(start & 15, np.int16),
        step=_padded(step >> 4, np.uint16),
        sixteenths=_padded(step & 15, np.uint16),
    )


def pays(filters: int, depth: int, in_halves: bool) -> bool:
    """Whether lanes are faster than dot products, which deep products suit.

    Blocks of 64 filters are fast; the smaller ones that are left shall be few.
    """
    return 4 * (filters % 64) <= filters and depth <= (_CHUNK if in_halves else 2 * _CHUNK)


def coarse_levels(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What v >> 4 has to exceed for v to be certain to exceed the level."""
    return (levels + 1) >> 4


def _lanes(
    rows: Ints,
    start: npt.NDArray[np.int64],
    levels: npt.NDArray[np.int64],
    short: ShortScale,
    limit: int,
) -> FusedLanes | None:
    factor, offset, mul = short.factor, short.offset, short.mul.astype(np.int64)
    top = levels[-1] + 1
    scaled = top * factor + offset
    if top.max() > _INT16_MAX or offset.min() < 0 or scaled.max() > _UINT16_MAX:
        return None
    unit = 1 << (16 - short.shift)
    if np.any((scaled * mul >> 16) * unit >> 16 != len(levels)):
        return None
    return FusedLanes(
        weights=_packed(rows),
        start=_padded(start, np.int16),
        top=_padded(top, np.int16),
        factor=_padded(factor, np.uint16),
        offset=_padded(offset, np.uint16),
        mul=_padded(mul, np.uint16),
        unit=unit,
        depth=rows.shape[1],
        filters=rows.shape[0],
        limit=limit,
        low_start=None,
        step=None,
        sixteenths=None,
        count=len(levels),
    )


def _packed(rows: Ints) -> npt.NDArray[np.int16]:
    """(F, depth) to (depth, F), F filled up with zeros to whole blocks."""
    filters, depth = rows.shape
    packed = np.zeros((depth, filled_up(filters, LANES_BLOCK)), np.int16)
    packed[:, :filters] = rows.T
    return packed


def _padded(values: npt.NDArray[np.int64], kind: Any) -> npt.NDArray[Any]:
    whole = np.zeros(filled_up(len(values), LANES_BLOCK), kind)
    whole[: len(values)] = values
    return whole
