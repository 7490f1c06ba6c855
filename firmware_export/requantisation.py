"""One multiply-add and a shift instead of comparisons, where that is exact for every potential."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.model import NeuralLayer

__all__ = ["BISECT_DISTANCE", "bisect_constants", "muladd_constants", "narrow_constants"]

Wide = npt.NDArray[np.int64]

BISECT_DISTANCE = 1 << 23
_BISECT_STEP = 1 << 27
_INT32_MAX = (1 << 31) - 1
_UINT16_MAX = (1 << 16) - 1
_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1
_UNBOUNDED = 1 << 62


def bisect_constants(layer: NeuralLayer, reach: int) -> Wide | None:
    """(F, 2): threshold and step for bisection; None where 32 bits could overflow.

    Args:
        layer: with an activation.
        reach: bound of every |potential| that meets the activation.
    """
    assert layer.act_bits is not None
    threshold = layer.threshold.astype(np.int64)
    if reach + int(np.abs(threshold).max()) >= BISECT_DISTANCE:
        return None
    step = np.minimum(layer.step16 << (4 - layer.act_bits), _BISECT_STEP)
    constants: Wide = np.stack([threshold, step], axis=1)
    return constants


@dataclass(frozen=True)
class _Form:
    """How a potential is scaled before the addend: ``(P << before) * factor >> after``."""

    before: int
    after: int
    shifts: range
    code: int
    """Added to the shift, so that the C code can tell the forms apart."""

    def scaled(self, potential: Wide, factor: Wide) -> Wide:
        product: Wide = (potential << self.before) * factor
        return product >> self.after


_FORMS = (_Form(0, 0, range(8, 27), 0), _Form(11, 32, range(8, 27), 32))


def muladd_constants(
    layer: NeuralLayer, low: Wide, high: Wide, high_word: bool = False
) -> tuple[Wide, int] | None:
    """((F, 2) of factor and addend, shift), exact for every potential in ``low..high``.

    ``clip((scaled(P) + addend) >> shift, 0, 15)`` never falls as P grows, so it equals the
    activation everywhere once it does so on both sides of every level: it must be at most n on
    the level n and at least n + 1 just above. That leaves an interval for the addend.
    ``scaled(P)`` is ``P * factor``, or, with 32 added to the shift that is returned, the high word
    of ``(P << 11) * factor``.

    Args:
        layer: with an activation of 4 bits.
        low: smallest potential of every filter, (F,).
        high: largest.
        high_word: only the form with the high word is of use.

    Returns:
        The constants, or None if no shift serves all filters without leaving 32 bits.
    """
    assert layer.act_bits == 4
    levels = layer.firing_levels
    for form in _FORMS[1:] if high_word else _FORMS:
        if max(int(-low.min()), int(high.max())) << form.before > _INT32_MAX:
            continue
        for shift in form.shifts:
            ideal = 16.0 / layer.step16 * 2.0 ** (shift + form.after - form.before)
            centre = np.minimum(np.floor(ideal), _INT32_MAX).astype(np.int64)
            chosen = np.zeros((layer.filters, 2), np.int64)
            open_filters = np.ones(layer.filters, bool)
            for factor in (centre, centre + 1, np.zeros_like(centre), centre - 1, centre + 2):
                addend, exact = _addend(form, levels, factor, shift, low, high)
                take = open_filters & exact
                chosen[take, 0], chosen[take, 1] = factor[take], addend[take]
                open_filters &= ~exact
            if not open_filters.any():
                return chosen, shift + form.code
    return None


def narrow_constants(layer: NeuralLayer, low: Wide, high: Wide) -> tuple[Wide, int, int] | None:
    """`muladd_constants` of 16 bits: ((F, 2) of factor and addend, shift, bits), or None.

    The activation is ``(P * factor + (addend << bits)) >> shift``, clipped.
    """
    assert layer.act_bits == 4
    form, levels = _FORMS[0], layer.firing_levels
    for shift in form.shifts:
        centre = np.floor(16.0 / layer.step16 * 2.0**shift).astype(np.int64)
        factors = [np.clip(centre + n, 0, _UINT16_MAX) for n in (0, 1, -1, 2)]
        factors.append(np.zeros_like(centre))
        ends = [_interval(form, levels, factor, shift, low, high) for factor in factors]
        for bits in range(17):
            chosen = np.zeros((layer.filters, 2), np.int64)
            open_filters = np.ones(layer.filters, bool)
            for factor, (smallest, largest, silent) in zip(factors, ends, strict=True):
                least = np.where(silent, smallest - (1 << bits), smallest)
                addend = -(-least >> bits)
                exact = (addend << bits <= largest) & (addend >= _INT16_MIN)
                exact &= addend <= _INT16_MAX
                exact &= _within_32_bits(form, factor, addend << bits, low, high)
                take = open_filters & exact
                chosen[take, 0], chosen[take, 1] = factor[take], addend[take]
                open_filters &= ~exact
            if not open_filters.any():
                return chosen, shift, bits
    return None


def _addend(
    form: _Form, levels: Wide, factor: Wide, shift: int, low: Wide, high: Wide
) -> tuple[Wide, npt.NDArray[np.bool_]]:
    """An addend for each filter, and whether it is exact and stays within 32 bits."""
    possible = (factor >= 0) & (factor <= _INT32_MAX)
    factor = np.where(possible, factor, 0)
    smallest, largest, _ = _interval(form, levels, factor, shift, low, high)
    fits = possible & (smallest <= largest)
    return smallest, fits & _within_32_bits(form, factor, smallest, low, high)


def _interval(
    form: _Form, levels: Wide, factor: Wide, shift: int, low: Wide, high: Wide
) -> tuple[Wide, Wide, npt.NDArray[np.bool_]]:
    """Smallest and largest addend that is exact; and where any smaller one is so too."""
    # beyond the reachable potentials nothing is asked, and nothing may overflow here
    at, above = np.clip(levels, low, high), np.clip(levels + 1, low, high)
    steps = (np.arange(1, len(levels) + 1, dtype=np.int64) << shift)[:, None]
    least = np.where(levels + 1 <= high, steps - form.scaled(above, factor), -_UNBOUNDED)
    most = np.where(levels >= low, steps - 1 - form.scaled(at, factor), _UNBOUNDED)
    smallest, largest = least.max(0), most.min(0)
    # a filter that never fires has no lower bound
    silent = smallest == -_UNBOUNDED
    smallest = np.where(silent, np.minimum(largest, -form.scaled(high, factor)), smallest)
    return smallest, largest, silent


def _within_32_bits(
    form: _Form, factor: Wide, addend: Wide, low: Wide, high: Wide
) -> npt.NDArray[np.bool_]:
    fits = np.abs(addend) <= _INT32_MAX
    for end in (low, high):
        product = form.scaled(end, factor)
        fits &= (np.abs(product) <= _INT32_MAX) & (np.abs(product + addend) <= _INT32_MAX)
    return fits
