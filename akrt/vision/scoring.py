"""How well detections fit the objects that are there: precision, recall, F1, average precision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from akrt.vision.annotations import Truth

__all__ = ["LEAST_OVERLAP", "Counts", "Found", "average_precision", "matched", "overlap"]

LEAST_OVERLAP = 0.5
"""Intersection over union from which a box is the object's."""


class Found(Protocol):
    """A detection; its middle is where `x` and `y` are, if it has them."""

    @property
    def label(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def left(self) -> float: ...
    @property
    def top(self) -> float: ...
    @property
    def right(self) -> float: ...
    @property
    def bottom(self) -> float: ...


@dataclass
class Counts:
    """Of one class, or of all."""

    right: int = 0
    wrong: int = 0
    """Detections of nothing, and those of an object that another was counted for."""
    missed: int = 0

    def add(self, other: Counts) -> None:
        """Sums."""
        self.right += other.right
        self.wrong += other.wrong
        self.missed += other.missed

    @property
    def precision(self) -> float | None:
        """Share of the detections that are right; None: there is none."""
        return _share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float | None:
        """Share of the objects that were found; None: there is none."""
        return _share(self.right, self.right + self.missed)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both."""
        return _share(2 * self.right, 2 * self.right + self.wrong + self.missed)


def overlap(a: Found | Truth, b: Found | Truth) -> float:
    """Intersection over union; 0 of two that are empty."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (a, b)]
    union = sum(areas) - shared
    return shared / union if union > 0 else 0.0


def matched(found: Iterable[Found], truths: Sequence[Truth], label: str) -> list[bool | None]:
    """Which detections of a class in one picture are right, highest score first.

    A point is right within the box of an object that no better one was counted for, the one whose
    middle is nearest; a box where it overlaps the object by at least a half.

    Returns:
        For each, in that order: right or wrong; None where it lies in a crowd and does not count.
    """
    free = [t for t in truths if t.label == label and not t.crowd]
    crowds = [t for t in truths if t.label == label and t.crowd]
    results: list[bool | None] = []
    for one in sorted((f for f in found if f.label == label), key=lambda f: -f.score):
        fits = [(_fit(one, truth), i) for i, truth in enumerate(free)]
        best, index = max(fits, default=(0.0, -1), key=lambda fit: (fit[0], -fit[1]))
        if best > 0:
            del free[index]
            results.append(True)
        else:
            results.append(None if any(_inside(_middle(one), c) for c in crowds) else False)
    return results


def average_precision(scored: Iterable[tuple[float, bool]], objects: int) -> float:
    """Area below precision over recall, where precision is the best at that recall or beyond.

    Args:
        scored: score, and whether it is right, of all detections of a class in all pictures.
        objects: how many are there, > 0.
    """
    points, right = [], 0
    ordered = sorted(scored, key=lambda s: -s[0])
    for i, (_, is_right) in enumerate(ordered, 1):
        right += is_right
        points.append((right / objects, right / i))
    area = best = 0.0
    later = points[-1][0] if points else 0.0
    for recall, precision in reversed(points):
        area += (later - recall) * best
        best, later = max(best, precision), recall
    return area + later * best


def _fit(one: Found, truth: Truth) -> float:
    """How well a detection fits an object, 0 where it does not."""
    if hasattr(one, "x"):
        point = _middle(one)
        if not _inside(point, truth):
            return 0.0
        away = abs(point[0] - (truth.left + truth.right) / 2)
        away += abs(point[1] - (truth.top + truth.bottom) / 2)
        return 1 / (1 + away)
    share = overlap(one, truth)
    return share if share >= LEAST_OVERLAP else 0.0


def _middle(one: Found) -> tuple[float, float]:
    if hasattr(one, "x") and hasattr(one, "y"):
        return one.x, one.y
    return (one.left + one.right) / 2, (one.top + one.bottom) / 2


def _inside(point: tuple[float, float], box: Truth) -> bool:
    return box.left <= point[0] <= box.right and box.top <= point[1] <= box.bottom


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
