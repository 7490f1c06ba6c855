"""What a network says to one input, by what its outputs mean: for tables, JSON and drawings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.outputs import Box, Classes, Fomo, Guess, Point, Regression, Yolo, output_of
from akrt.runtime import Runtime
from akrt.vision.drawing import Mark
from akrt.vision.fitting import Placement

__all__ = ["Answer", "Objects", "Outputs", "Quantities", "TopClasses", "answer"]


class Answer:
    """What was said of one input."""

    columns: tuple[str, ...]
    numeric: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        raise NotImplementedError

    def rows(self) -> list[list[str]]:
        """Cells below `columns`."""
        raise NotImplementedError

    @property
    def caption(self) -> str:
        """One line for a drawing; empty where marks say it."""
        return ""

    def marks(self) -> list[Mark]:
        """What is drawn where."""
        return []

    def placed(self, where: Placement, width: int, height: int) -> Answer:
        """The same with places in pixels of the picture instead of the input."""
        return self


@dataclass(frozen=True)
class TopClasses(Answer):
    """Classes, best first."""

    guesses: list[Guess]

    columns = ("class", "score", "then")
    numeric = (1,)

    def as_dict(self) -> dict[str, Any]:
        """The best, and all."""
        best = self.guesses[0]
        return {"word": best.word, "score": best.score, "top": [asdict(g) for g in self.guesses]}

    def rows(self) -> list[list[str]]:
        """One row."""
        first, *others = self.guesses
        then = ", ".join(f"{g.word} {g.score:.3f}" for g in others)
        return [[first.word, f"{first.score:.3f}", then]]

    @property
    def caption(self) -> str:
        """The best class."""
        return f"{self.guesses[0].word} {self.guesses[0].score:.2f}"


@dataclass(frozen=True)
class Objects(Answer):
    """Points or boxes, best first."""

    found: list[Point] | list[Box]
    names: tuple[str, ...]

    numeric = (1, 2, 3, 4, 5)

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """Middles of points, corners of boxes."""
        return ("object", "score", "x", "y", "width", "height")

    def as_dict(self) -> dict[str, Any]:
        """All of them."""
        return {"objects": [asdict(found) for found in self.found]}

    def rows(self) -> list[list[str]]:
        """One for each; where there is none one that says so."""
        rows = []
        for found in self.found:
            x, y = (found.x, found.y) if isinstance(found, Point) else (found.left, found.top)
            numbers = [x, y, found.right - found.left, found.bottom - found.top]
            rows.append([found.label, f"{found.score:.3f}", *(f"{n:.0f}" for n in numbers)])
        return rows or [["none", "", "", "", "", ""]]

    @property
    def caption(self) -> str:
        """That there is none."""
        return "" if self.found else "nothing found"

    def marks(self) -> list[Mark]:
        """A point or box for each."""
        return [
            Mark(
                text=f"{found.label} {found.score:.2f}",
                index=self.names.index(found.label),
                left=found.left,
                top=found.top,
                right=found.right,
                bottom=found.bottom,
                point=(found.x, found.y) if isinstance(found, Point) else None,
            )
            for found in self.found
        ]

    def placed(self, where: Placement, width: int, height: int) -> Objects:
        """In pixels of the picture, and within it."""
        moved: list[Any] = []
        for found in self.found:
            left, top = _within(where.in_picture(found.left, found.top), width, height)
            right, bottom = _within(where.in_picture(found.right, found.bottom), width, height)
            there = replace(found, left=left, top=top, right=right, bottom=bottom)
            if isinstance(there, Point):
                x, y = _within(where.in_picture(there.x, there.y), width, height)
                there = replace(there, x=x, y=y)
            moved.append(there)
        return Objects(moved, self.names)


@dataclass(frozen=True)
class Quantities(Answer):
    """Numbers that mean something."""

    values: list[tuple[str, float]]
    unit: str

    columns = ("quantity", "value", "unit")
    numeric = (1,)

    def as_dict(self) -> dict[str, Any]:
        """By name, and the unit."""
        return {"values": dict(self.values), "unit": self.unit}

    def rows(self) -> list[list[str]]:
        """One for each."""
        return [[name, f"{value:.4g}", self.unit] for name, value in self.values]

    @property
    def caption(self) -> str:
        """All of them."""
        unit = f" {self.unit}" if self.unit else ""
        return ", ".join(f"{name}: {value:.4g}{unit}" for name, value in self.values)


@dataclass(frozen=True)
class Outputs(Answer):
    """Numbers as they are."""

    values: npt.NDArray[Any]

    columns = ("outputs", "least", "largest")
    numeric = (1, 2)

    def as_dict(self) -> dict[str, Any]:
        """(X, Y, C) as lists."""
        return {"outputs": self.values.tolist()}

    def rows(self) -> list[list[str]]:
        """Shape and range."""
        shape = "x".join(map(str, self.values.shape))
        return [[shape, f"{self.values.min():g}", f"{self.values.max():g}"]]


def answer(runtime: Runtime, x: npt.NDArray[Any], top: int) -> list[Answer]:
    """What a network says to each of some inputs.

    Args:
        runtime: of the network.
        x: (N, X, Y, C).
        top: of classes, how many.

    Raises:
        InputError: wrong shape, dtype or range.
        UsageError: the outputs cannot be read so.
    """
    read = output_of(runtime.model)
    if isinstance(read, Classes):
        rows = runtime.predict(x)
        return [TopClasses(read.best(_surest(read, row), top)) for row in rows]
    if isinstance(read, (Fomo, Yolo)):
        return [Objects(read.read(np.asarray(y)), read.names) for y in runtime.forward(x)]
    if isinstance(read, Regression):
        return [_quantities(read, read.read(row)) for row in runtime.predict(x)]
    return [Outputs(np.asarray(y)) for y in runtime.forward(x)]


def _surest(classes: Classes, logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The logits of the position with the highest score."""
    rows = np.asarray(logits).reshape(-1, logits.shape[-1])
    surest: npt.NDArray[Any] = rows[classes.scores(rows).max(axis=1).argmax()]
    return surest


def _quantities(read: Regression, values: npt.NDArray[np.float64]) -> Quantities:
    one = values.shape[:2] == (1, 1)
    named = [
        (read.names[c] if one else f"{read.names[c]} at {x},{y}", float(value))
        for (x, y, c), value in np.ndenumerate(values)
    ]
    return Quantities(named, read.unit)


def _within(point: tuple[float, float], width: int, height: int) -> tuple[float, float]:
    return min(max(point[0], 0.0), float(width)), min(max(point[1], 0.0), float(height))
