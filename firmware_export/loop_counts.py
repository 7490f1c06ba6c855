"""A kernel's work on a layer, and how its loops are counted."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window
from akrt.lowering.operations import NeuralOperation
from firmware_export.step import Stage, Step

__all__ = [
    "RUN",
    "Task",
    "Work",
    "axis_cover",
    "covered",
    "form_of",
    "positions_of",
    "run_lengths",
    "times",
]

Work = dict[str, float]
"""Counts by name."""

RUN, _SHORT_RUN = 6, 4
_FORM = re.compile(r"(?:AKRT_LONG_MULTIPLY \? AKRT_FORM_(\w+) : )?AKRT_FORM_(\w+), *\d+, *(\d+)")
_IN_THREES, _IN_TWOS = (0, 0, 0, 1, 0, 1, 2), (0, 1, 1, 0, 2, 1, 0)
"""Three or two positions at once, of those of a run."""


@dataclass(frozen=True)
class Task:
    """A kernel's work on a layer."""

    work: Step | Stage
    does: NeuralOperation | None
    """None: only the layout is changed."""
    nonzero: float
    """The share of its inputs that are not zero."""
    long_multiply: bool
    """Of the core."""
    exact: bool
    """Whether the sums of a global average are computed once more, position by position."""

    @property
    def lines(self) -> int:
        """Lines of the output."""
        return self.work.lines.target if isinstance(self.work, Stage) else 1


def run_lengths(positions: int, most: int) -> list[int]:
    """Lengths of runs of about one length, as few as there can be."""
    runs = -(-positions // most)
    length = -(-positions // runs)
    return [min(length, positions - start) for start in range(0, positions, length)]


def covered(window: Window, axis: int) -> float:
    """Positions of the source that all windows along an axis cover, without those beyond it."""
    return float(axis_cover(window, axis).sum())


def axis_cover(window: Window, axis: int) -> npt.NDArray[np.float64]:
    """(positions of the target, of the source): whether the window of one covers the other."""
    starts = np.arange(window.target[axis]) * window.stride[axis] - window.before[axis]
    at = np.arange(window.source[axis]) - starts[:, None]
    return ((at >= 0) & (at < window.size[axis])).astype(np.float64)


def positions_of(y: int) -> Work:
    """How the positions of a line are grouped."""
    runs, short = run_lengths(y, RUN), run_lengths(y, _SHORT_RUN)
    return {
        "position": y,
        "pair": -(-y // 2),
        "four": -(-y // 4),
        "run": len(runs),
        "run pair": sum(-(-count // 2) for count in runs),
        "short run": len(short),
        "three": sum(_IN_THREES[count] for count in runs),
        "two": sum(_IN_TWOS[count] for count in runs),
    }


def times(lines: float, groups: Work, /, **counts: float) -> Work:
    """Every count at every group of positions."""
    return {
        f"{name}, {group}": lines * n * m
        for group, n in groups.items()
        for name, m in counts.items()
    }


def form_of(text: str, long_multiply: bool) -> str:
    """The form of an activation, with its bits where it takes longer for more of them."""
    found = _FORM.search(text)
    if found is None:
        return "POTENTIALS"
    form = (found[1] or found[2]) if long_multiply else found[2]
    return form + (found[3] if form in ("BISECTION", "LEVELS") else "")
