"""One multiply-add and a shift instead of comparisons, where that is exact for every potential."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.model import NeuralLayer

__all__ = ["BISECT_DISTANCE", "bisect_constants", "muladd_constants"]

Wide = npt.NDArray[np.int64]

BISECT_DISTANCE = 1 << 23
_BISECT_STEP = 1 << 27
_INT32_MAX = (1 << 31) - 1
_SHIFTS = range(8, 27)
_UNBOUNDED = 1 << 62


def bisect_constants(layer: NeuralLayer, reach: int) -> Wide | None:
    """(F, 2): threshold and step for bisection; None where 32 bits could overflow.

    Args:
        layer: with an activation.
        reach: bound of every |potential|.
    """
    assert layer.act_bits is not None
    threshold = layer.threshold.astype(np.int64)
    if reach + int(np.abs(threshold).max()) >= BISECT_DISTANCE:
        return None
    step = np.minimum(layer.step16 << (4 - layer.act_bits), _BISECT_STEP)
    return np.stack([threshold, step], axis=1)


def muladd_constants(layer: NeuralLayer, low: Wide, high: Wide) -> tuple[Wide, int] | None:
    """((F, 2) of factor and addend, shift), exact for every potential in ``low..high``.

    ``clip((P * factor + addend) >> shift, 0, top)`` never falls as P grows, so it equals the
    activation everywhere once it does so on both sides of every level: it must be at most n on
    the level n and at least n + 1 just above. That leaves an interval for the addend.

    Args:
        layer: with an activation.
        low: smallest potential of every filter, (F,).
        high: largest.

    Returns:
        The constants, or None if no shift serves all filters without leaving 32 bits.
    """
    assert layer.act_bits is not None
    levels = layer.firing_levels
    ideal = 16.0 / (layer.step16 << (4 - layer.act_bits)).astype(np.float64)
    for shift in _SHIFTS:
        centre = np.floor(ideal * (1 << shift)).astype(np.int64)
        chosen = np.zeros((layer.filters, 2), np.int64)
        open_filters = np.ones(layer.filters, bool)
        for factor in (centre, centre + 1, np.zeros_like(centre), centre - 1, centre + 2):
            addend, exact = _addend(levels, factor, shift, low, high)
            take = open_filters & exact
            chosen[take, 0], chosen[take, 1] = factor[take], addend[take]
            open_filters &= ~exact
        if not open_filters.any():
            return chosen, shift
    return None


def _addend(
    levels: Wide, factor: Wide, shift: int, low: Wide, high: Wide
) -> tuple[Wide, npt.NDArray[np.bool_]]:
    """An addend for each filter, and whether it is exact and stays within 32 bits."""
    above = (np.arange(1, len(levels) + 1, dtype=np.int64) << shift)[:, None]
    least = np.where(levels + 1 <= high, above - (levels + 1) * factor, -_UNBOUNDED)
    most = np.where(levels >= low, above - 1 - levels * factor, _UNBOUNDED)
    smallest, largest = least.max(0), most.min(0)
    # a filter that never fires has no lower bound, one that always fires no upper one
    smallest = np.where(smallest == -_UNBOUNDED, np.minimum(largest, -(factor * high)), smallest)
    fits = (
        (factor >= 0)
        & (smallest <= largest)
        & (np.abs(smallest) <= _INT32_MAX)
        & (factor <= _INT32_MAX)
        & (np.maximum(np.abs(low), np.abs(high)) * factor <= _INT32_MAX)
        & (np.abs(low * factor + smallest) <= _INT32_MAX)
        & (np.abs(high * factor + smallest) <= _INT32_MAX)
    )
    return smallest, fits
