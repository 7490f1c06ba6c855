"""Over how many channels a separable layer's products are added up in 16 bits, where two filters
share a multiplication of words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Separable
from akrt.lowering.ranges import product_range

__all__ = ["Grouping", "grouping"]

_MOST = 8 * 127
"""Channels of a group: a byte says how many quads."""


@dataclass(frozen=True)
class Grouping:
    """Of channels, filled up to a multiple of 8."""

    group: int
    """Channels of a group, a multiple of 8; 0: not even four products fit."""
    count: int
    """Of such groups."""
    halved: npt.NDArray[np.bool_]
    """By eight filters: whether theirs have half as many channels."""

    @property
    def starts(self) -> int:
        """How many groups a run's starts are kept for."""
        return self.count * (3 if self.halved.any() else 1)

    @property
    def sums(self) -> npt.NDArray[np.int64]:
        """Groups of every eight filters."""
        return np.where(self.halved, 2 * self.count, self.count)

    @property
    def table(self) -> npt.NDArray[np.int8]:
        """As the kernel reads it: quads of a group, how many groups there are if any is halved, a
        bit for each eight."""
        bits = np.packbits(self.halved, bitorder="little")
        count = self.count if self.halved.any() else 0
        return np.array([self.group // 4, count, *bits], np.uint8).view(np.int8)


def grouping(does: Separable) -> Grouping:
    """The one with which the fewest sums are begun."""
    least, most = product_range(does)
    channels, filters = least.shape
    filled = np.zeros((2, -(-channels // 8) * 8, -(-filters // 8) * 8), np.int64)
    filled[0, :channels, :filters], filled[1, :channels, :filters] = least, most
    octets = filled.shape[1] // 8
    eights = filled.shape[2] // 8
    best = Grouping(0, 0, np.zeros(eights, bool))
    for count in range(-(-filled.shape[1] // _MOST), octets + 1):
        group = 8 * -(-octets // count)
        groups = -(-octets * 8 // group)
        if not _fits(filled, group // 2).all():
            continue
        found = Grouping(group, groups, ~_fits(filled, group))
        if best.group == 0 or found.sums.sum() < best.sums.sum():
            best = found
    return best


def _fits(ends: npt.NDArray[np.int64], group: int) -> npt.NDArray[np.bool_]:
    """By eight filters: whether all sums over `group` channels have 16 bits."""
    starts = range(0, ends.shape[1], group)
    least = np.min([ends[0, s : s + group].sum(0) for s in starts], 0)
    most = np.max([ends[1, s : s + group].sum(0) for s in starts], 0)
    fits = (least >= -(1 << 15)) & (most < 1 << 15)
    return np.asarray(fits.reshape(-1, 8).all(1), bool)
