"""A kernel's work on a layer, and how its loops are counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window
from akrt.lowering.operations import NeuralOperation
from firmware_export.step import Stage, Step

__all__ = [
    "RUN",
    "Task",
    "Work",
    "add",
    "axis_cover",
    "covered",
    "form_of",
    "group_of",
    "run_lengths",
    "size_of",
]

Work = dict[str, float]
"""Counts by name."""

RUN = 6
_SHORT_MULTIPLY = ("cortex-m0",)
"""Cores without a long multiplication: some forms are others there."""
_GROUP = re.compile(r"\}, \d+, \d+, (\d+), AKRT_EMITS")
_FORM = re.compile(r"(?:AKRT_LONG_MULTIPLY \? AKRT_FORM_(\w+) : )?AKRT_FORM_(\w+), *\d+, *(\d+)")


FAMILIES = {"cortex-m0": "halves", "rv32": "halves", "m55": "vector"}
"""Of cores, but for those with a long multiply-accumulate."""


@dataclass(frozen=True)
class Task:
    """A kernel's work on a layer."""

    work: Step | Stage
    does: NeuralOperation | None
    """None: only the layout is changed."""
    nonzero: float
    """The share of its inputs that are not zero."""
    core: str
    exact: bool
    """Whether what large values take is done, as `kernel_work` says."""

    @property
    def family(self) -> str:
        """Of the core: ``long``, ``halves`` or ``vector``, by how kernels of lines multiply."""
        return FAMILIES.get(self.core, "long")

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


def add(told: Work, kind: str, /, **counts: float) -> None:
    """Add counts to those of a kind of loop."""
    for name, n in counts.items():
        told[f"{name}, {kind}"] = told.get(f"{name}, {kind}", 0) + n


def size_of(window: Window) -> str:
    """By which windows there may be a loop of their own for."""
    return f"{window.size[0]}x{window.size[1]} by {window.stride[1]}"


def group_of(task: Task) -> int:
    """Channels whose products with any filter are added up in 16 bits, as the kernel is told; 0:
    they are added up apart."""
    found = _GROUP.search(task.work.constants[-1].text)
    return int(found[1]) if found else 0


@lru_cache(maxsize=256)
def _form_in(text: str) -> re.Match[str] | None:
    """Searched for once, in constants of whole layers, and not for every core."""
    return _FORM.search(text)


def form_of(text: str, core: str) -> str:
    """The form of an activation, with its bits where it takes longer for more of them."""
    found = _form_in(text)
    if found is None:
        return "POTENTIALS"
    form = found[2] if core in _SHORT_MULTIPLY else found[1] or found[2]
    return form + (found[3] if form in ("BISECTION", "LEVELS") else "")
