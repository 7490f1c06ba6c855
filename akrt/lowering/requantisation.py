"""Activations by multiplication: the one search for constants with which that is exact.

An activation counts the levels that a value exceeds. A form of arithmetic computes ``g(value) +
addend`` and counts how many edges that reaches; g never falls as the value grows, so the form is
exact everywhere once it is so on both sides of every level: on level n the sum must lie below edge
n, just above it the sum must reach it. That leaves an interval for the addend. Levels beyond the
values that can occur ask for nothing.

Forms are data: which settings all channels share, which factors to try in each, and what the sums
may not exceed. `solve` tries them in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.model import NeuralLayer

__all__ = [
    "Bisection",
    "Form",
    "MulAdd",
    "NarrowMulAdd",
    "Quotient",
    "ShortQuotient",
    "Solution",
    "bisection",
    "solve",
]

Wide: TypeAlias = npt.NDArray[np.int64]
Setting: TypeAlias = tuple[int, ...]

_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1
_INT32_MAX = (1 << 31) - 1
_UINT16_MAX = (1 << 16) - 1
_UNBOUNDED = 1 << 62
_LARGEST_SHORT_FACTOR = 40
_BISECT_DISTANCE = 1 << 23
_BISECT_STEP = 1 << 27


class Solution(NamedTuple):
    """Constants that are exact: of all channels, and (F,) or (n, F) of each."""

    setting: Setting
    factors: Wide
    addend: Wide


class Form(Protocol):
    """A form of arithmetic; channels are given by their indices `which`."""

    intervals_repeat: bool
    """Whether factors and edges depend on the first number of a setting alone."""

    @property
    def settings(self) -> Iterable[Setting]:
        """What all channels share, the best first."""

    def count(self, setting: Setting) -> int:
        """How many factors there are to try."""

    def factor(self, k: int, setting: Setting, which: Wide) -> Wide:
        """The k-th factor, (F,) or (n, F); one below zero is not tried."""

    def scaled(self, value: Wide, factor: Wide) -> Wide:
        """g of values (L, F) or (F,)."""

    def edges(self, n: Wide, setting: Setting, factor: Wide) -> Wide:
        """What the sum has to reach for n levels, (L, F) or (L, 1)."""

    def addend(
        self, setting: Setting, factor: Wide, which: Wide, smallest: Wide, largest: Wide
    ) -> tuple[Wide, npt.NDArray[np.bool_]]:
        """An addend of the interval, and where it is one that the form can hold.

        `smallest` is ``-2**62`` or less for a channel that never fires.
        """


def solve(form: Form, levels: Wide, low: Wide, high: Wide) -> Solution | None:
    """Constants of a form that count ``levels`` exactly for every value in ``low..high``.

    Args:
        form: the arithmetic.
        levels: int64 (L, F), ascending by channel.
        low: int64 (F,), smallest value.
        high: int64 (F,), largest.

    Returns:
        The first setting that serves all channels, and their constants; None if none does.
    """
    channels = levels.shape[1]
    reachable = _Reachable(levels, low, high)
    for setting in form.settings:
        if form.intervals_repeat and not reachable.serves(form, setting):
            continue
        factors: Wide | None = None
        addends = np.zeros(channels, np.int64)
        which: Wide = np.arange(channels, dtype=np.int64)
        for k in range(form.count(setting)):
            factor = form.factor(k, setting, which)
            tried = np.flatnonzero(factor.reshape(-1, len(which)).min(0) >= 0)
            if not len(tried):
                continue
            factor, now = factor[..., tried], which[tried]
            smallest, largest = reachable.interval(form, setting, k, factor, now)
            addend, exact = form.addend(setting, factor, now, smallest, largest)
            exact &= smallest <= largest
            if not exact.any():
                continue
            if factors is None:
                factors = np.zeros((*factor.shape[:-1], channels), np.int64)
            factors[..., now[exact]] = factor[..., exact]
            addends[now[exact]] = addend[exact]
            which = np.delete(which, tried[exact])
            if not len(which):
                return Solution(setting, factors, addends)
    return None


class _Reachable:
    """The levels on whose sides values can occur, and what they ask of an addend."""

    def __init__(self, levels: Wide, low: Wide, high: Wide) -> None:
        self._n = np.arange(1, len(levels) + 1, dtype=np.int64)[:, None]
        self._at, self._above = np.clip(levels, low, high), np.clip(levels + 1, low, high)
        self._asks_above, self._asks_at = levels + 1 <= high, levels >= low
        self._asks_all = bool(self._asks_above.all() and self._asks_at.all())
        self._asked: dict[tuple[int, int], tuple[Wide, Wide]] = {}
        self._served: dict[int, bool] = {}

    def serves(self, form: Form, setting: Setting) -> bool:
        """Whether every channel has a factor with an exact addend, of any size."""
        shift = setting[0]
        if shift not in self._served:
            every = np.arange(self._at.shape[1], dtype=np.int64)
            found = np.zeros(len(every), bool)
            for k in range(form.count(setting)):
                smallest, largest = self.interval(form, setting, k, np.empty(0, np.int64), every)
                found |= smallest <= largest
            self._served[shift] = bool(found.all())
        return self._served[shift]

    def interval(
        self, form: Form, setting: Setting, k: int, factor: Wide, which: Wide
    ) -> tuple[Wide, Wide]:
        """Smallest and largest exact addend of the channels `which`."""
        if not form.intervals_repeat:
            return self._interval(form, setting, factor, which)
        # settings of one shift ask the same: of all channels, once
        key = setting[0], k
        if key not in self._asked:
            every = np.arange(self._at.shape[1], dtype=np.int64)
            whole = np.maximum(form.factor(k, setting, every), 0)
            self._asked[key] = self._interval(form, setting, whole, every)
        smallest, largest = self._asked[key]
        return smallest[which], largest[which]

    def _interval(
        self, form: Form, setting: Setting, factor: Wide, which: Wide
    ) -> tuple[Wide, Wide]:
        edges = form.edges(self._n, setting, factor)
        least = edges - form.scaled(self._above[:, which], factor)
        most = edges - form.scaled(self._at[:, which], factor)
        if not self._asks_all:
            least = np.where(self._asks_above[:, which], least, -_UNBOUNDED)
            most = np.where(self._asks_at[:, which], most, _UNBOUNDED)
        return least.max(0), most.min(0) - 1


class Quotient:
    """``(v * factor + addend) >> shift`` without a sign, v being clipped to 0..top.

    With `fine` bits the factor has as many below its units, of which
    ``(v * (factor % 2**fine)) >> fine`` is added.
    """

    def __init__(self, step: Wide, top: Wide, levels: int, fine: int) -> None:
        """For steps in sixteenths, (F,), and the largest v of each channel."""
        self._step, self._top, self._levels, self._fine = step, top, levels, fine

    intervals_repeat = False
    settings = tuple((shift,) for shift in range(28, 15, -1))

    def count(self, setting: Setting) -> int:
        return 2

    def factor(self, k: int, setting: Setting, which: Wide) -> Wide:
        one = 1 << setting[0] << self._fine
        # the quotient rounded down and up; one level a value is the most there can be
        return np.minimum(one * 16 // self._step[which] + k, one)

    def scaled(self, value: Wide, factor: Wide) -> Wide:
        whole, rest = factor >> self._fine, factor & ((1 << self._fine) - 1)
        scaled: Wide = value * whole + (value * rest >> self._fine)
        return scaled

    def edges(self, n: Wide, setting: Setting, factor: Wide) -> Wide:
        return n << setting[0]

    def addend(
        self, setting: Setting, factor: Wide, which: Wide, smallest: Wide, largest: Wide
    ) -> tuple[Wide, npt.NDArray[np.bool_]]:
        at_top = self.scaled(self._top[which], factor)
        addend = np.maximum(smallest, 0)
        fits = addend <= np.minimum(largest, ((self._levels + 1) << setting[0]) - 1 - at_top)
        fits &= (at_top + addend < 1 << 32) & (factor >> self._fine < 1 << 32)
        return addend, fits


class ShortQuotient:
    """``(v * factor + addend) * mul >> 16 >> shift`` in 16 bits, the sum clipped to them.

    `factors` of a solution are (2, F): factor and mul.
    """

    def __init__(self, step: Wide, most: Wide, levels: int, unit: int) -> None:
        """For steps in parts of which `unit` make one, and the largest factor of each channel."""
        self._step, self._most, self._levels, self._unit = step, most, np.array(levels), unit
        self._first = min(int(most.max()), _LARGEST_SHORT_FACTOR)

    intervals_repeat = False
    settings = tuple((shift,) for shift in range(12, 0, -1))

    def count(self, setting: Setting) -> int:
        return 2 * self._first

    def factor(self, k: int, setting: Setting, which: Wide) -> Wide:
        q = self._first - k // 2
        mul = (self._unit << (16 + setting[0])) // (self._step[which] * q) + k % 2
        usable = (mul > 0) & (mul <= _UINT16_MAX) & (self._most[which] >= q)
        return np.stack([np.full_like(mul, q), np.where(usable, mul, -1)])

    def scaled(self, value: Wide, factor: Wide) -> Wide:
        scaled: Wide = value * factor[0]
        return scaled

    def edges(self, n: Wide, setting: Setting, factor: Wide) -> Wide:
        edges: Wide = -(-(n << (16 + setting[0])) // np.maximum(factor[1], 1))
        return edges

    def addend(
        self, setting: Setting, factor: Wide, which: Wide, smallest: Wide, largest: Wide
    ) -> tuple[Wide, npt.NDArray[np.bool_]]:
        return smallest, self.edges(self._levels, setting, factor) <= _UINT16_MAX


class MulAdd:
    """``((v << before) * factor >> after) + addend >> shift`` with signs, clipped, in 32 bits.

    `after` is 32 where only the high word of the product is taken, and 0 otherwise.
    """

    intervals_repeat = False

    def __init__(self, layer: NeuralLayer, low: Wide, high: Wide, high_word: bool = False) -> None:
        """For a layer's activation and the potentials (F,) that can occur."""
        self._step16, self._low, self._high = layer.step16, low, high
        self._before, self._after = (11, 32) if high_word else (0, 0)
        reach = max(int(-low.min()), int(high.max())) << self._before
        shifts = range(8, 27) if reach <= _INT32_MAX else range(0)
        self.settings: Sequence[Setting] = [(shift,) for shift in shifts]

    def count(self, setting: Setting) -> int:
        return 5

    def factor(self, k: int, setting: Setting, which: Wide) -> Wide:
        exponent = setting[0] + self._after - self._before
        ideal = np.floor(16.0 / self._step16[which] * 2.0**exponent)
        centre = np.minimum(ideal, _INT32_MAX).astype(np.int64)
        factor = (centre, centre + 1, np.zeros_like(centre), centre - 1, centre + 2)[k]
        return np.where(factor <= _INT32_MAX, factor, -1)

    def scaled(self, value: Wide, factor: Wide) -> Wide:
        scaled: Wide = (value << self._before) * factor >> self._after
        return scaled

    def edges(self, n: Wide, setting: Setting, factor: Wide) -> Wide:
        return n << setting[0]

    def addend(
        self, setting: Setting, factor: Wide, which: Wide, smallest: Wide, largest: Wide
    ) -> tuple[Wide, npt.NDArray[np.bool_]]:
        smallest = self._bounded(factor, which, smallest, largest)
        return smallest, self._within_32_bits(factor, which, smallest)

    def _bounded(self, factor: Wide, which: Wide, smallest: Wide, largest: Wide) -> Wide:
        """A channel that never fires has no lower bound: one that leaves 32 bits room."""
        silent = np.minimum(largest, -self.scaled(self._high[which], factor))
        return np.where(smallest == -_UNBOUNDED, silent, smallest)

    def _within_32_bits(self, factor: Wide, which: Wide, addend: Wide) -> npt.NDArray[np.bool_]:
        fits = np.abs(addend) <= _INT32_MAX
        for end in (self._low[which], self._high[which]):
            product = self.scaled(end, factor)
            fits &= (np.abs(product) <= _INT32_MAX) & (np.abs(product + addend) <= _INT32_MAX)
        return fits


class NarrowMulAdd(MulAdd):
    """``(v * factor + (addend << bits)) >> shift``: a `MulAdd` whose constants have 16 bits.

    A setting is (shift, bits); the addends of a solution are those before the shift by `bits`.
    """

    intervals_repeat = True

    def __init__(self, layer: NeuralLayer, low: Wide, high: Wide) -> None:
        """For a layer's activation and the potentials (F,) that can occur."""
        super().__init__(layer, low, high)
        self.settings = [(shift, bits) for shift in range(8, 27) for bits in range(17)]

    def factor(self, k: int, setting: Setting, which: Wide) -> Wide:
        centre = np.floor(16.0 / self._step16[which] * 2.0 ** setting[0]).astype(np.int64)
        if k == 4:
            return np.zeros_like(centre)
        factor: Wide = np.clip(centre + (0, 1, -1, 2)[k], 0, _UINT16_MAX)
        return factor

    def addend(
        self, setting: Setting, factor: Wide, which: Wide, smallest: Wide, largest: Wide
    ) -> tuple[Wide, npt.NDArray[np.bool_]]:
        bits = setting[1]
        least = self._bounded(factor, which, smallest, largest)
        least = np.where(smallest == -_UNBOUNDED, least - (1 << bits), least)
        addend = -(-least >> bits)
        exact = (addend << bits <= largest) & (addend >= _INT16_MIN) & (addend <= _INT16_MAX)
        return addend, exact & self._within_32_bits(factor, which, addend << bits)


class Bisection(NamedTuple):
    """Constants of a comparison with the levels ``threshold + n * step / 16``, int64 (F,)."""

    threshold: Wide
    step: Wide


def bisection(layer: NeuralLayer, reach: int) -> Bisection | None:
    """The threshold and the step of every channel; None where 32 bits could overflow.

    Args:
        layer: with an activation.
        reach: bound of every |potential| that meets the activation.
    """
    assert layer.act_bits is not None
    threshold = layer.threshold.astype(np.int64)
    if reach + int(np.abs(threshold).max()) >= _BISECT_DISTANCE:
        return None
    step = layer.step16.astype(np.int64) << (4 - layer.act_bits)
    return Bisection(threshold, np.minimum(step, _BISECT_STEP))
