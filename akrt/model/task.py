"""What the outputs of a model mean: the parameters of what is read from them.

How they are read is in `akrt.outputs`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar

from akrt.errors import ModelError
from akrt.model.value import Shape

__all__ = ["TASKS", "ClassTask", "FomoTask", "RawTask", "RegressionTask", "Task", "YoloTask"]


@dataclass(frozen=True)
class Task(ABC):
    """What outputs mean: a frozen dataclass of numbers and texts, as JSON has them.

    Raises:
        ModelError: parameters that make no sense.
    """

    kind: ClassVar[str]
    """What the file calls it."""
    decides: ClassVar[bool] = False
    """Whether it needs logits: a last layer without activation."""

    @abstractmethod
    def labels(self, shape: Shape) -> int:
        """How many labels outputs of this shape (X, Y, C) have.

        Raises:
            ModelError: the outputs cannot mean this.
        """

    @property
    @abstractmethod
    def text(self) -> str:
        """What people are told that the outputs mean: one line of ASCII."""


@dataclass(frozen=True)
class ClassTask(Task):
    """Classes: an output for each, of which the largest logit wins."""

    kind: ClassVar[str] = "classes"

    def labels(self, shape: Shape) -> int:
        """One for each channel."""
        return shape[2]

    @property
    def text(self) -> str:
        """One line."""
        return "classes, the largest wins"


@dataclass(frozen=True)
class FomoTask(Task):
    """Cells of a grid over the picture: the background, which is class 0, or the middle of an
    object. Neighbouring cells of a class are one object.
    """

    kind: ClassVar[str] = "fomo"
    decides: ClassVar[bool] = True

    threshold: float = 0.5
    """Softmax score from which a cell is an object."""

    def __post_init__(self) -> None:
        _check_share("threshold", self.threshold)

    def labels(self, shape: Shape) -> int:
        """One for each channel, that of the background first."""
        if shape[2] < 2:
            raise ModelError(
                f"task fomo needs an output for the background and one for each class, the "
                f"network has {shape[2]} at each position"
            )
        return shape[2]

    @property
    def text(self) -> str:
        """One line."""
        return f"fomo: cells, the background first, objects from a score of {self.threshold:g}"


@dataclass(frozen=True)
class YoloTask(Task):
    """Boxes as of YOLOv2: at each cell, for each anchor, x, y, width, height, objectness, classes.

    The centre is ``sigmoid(x)``, ``sigmoid(y)`` from the upper left corner of the cell; width and
    height are ``anchor * exp(.)``; the score of a class is ``sigmoid(objectness) * softmax``.
    """

    kind: ClassVar[str] = "yolo"
    decides: ClassVar[bool] = True

    anchors: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    """Width and height in cells."""
    threshold: float = 0.5
    """Score from which there is a box."""
    overlap: float = 0.5
    """Intersection over union from which the lesser of two boxes of a class is dropped."""

    def __post_init__(self) -> None:
        _check_share("threshold", self.threshold)
        _check_share("overlap", self.overlap)
        pairs = _pairs(self.anchors)
        if not 1 <= len(pairs) <= 64:
            raise ModelError(f"task yolo: needs 1 to 64 anchors, got {len(pairs)}")
        object.__setattr__(self, "anchors", pairs)

    def labels(self, shape: Shape) -> int:
        """One for each class of an anchor's outputs."""
        each, rest = divmod(shape[2], len(self.anchors))
        if rest or each < 6:
            raise ModelError(
                f"task yolo: {shape[2]} outputs at each position are no "
                f"{len(self.anchors)} anchors with 5 outputs and one for each class: "
                f"{len(self.anchors)} anchors with one class have {6 * len(self.anchors)}"
            )
        return each - 5

    @property
    def text(self) -> str:
        """One line."""
        return (
            f"yolo: boxes of {len(self.anchors)} anchors from a score of {self.threshold:g}, "
            f"overlapping by less than {self.overlap:g}"
        )


@dataclass(frozen=True)
class RegressionTask(Task):
    """Quantities: ``scale * output + offset``, of the output as a float."""

    kind: ClassVar[str] = "regression"
    decides: ClassVar[bool] = True

    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    """What they are counted in, such as "years"."""

    def __post_init__(self) -> None:
        for name in ("scale", "offset"):
            if not _is_number(getattr(self, name)):
                raise ModelError(f"task: {name} must be a number, got {getattr(self, name)!r:.80}")
        if not isinstance(self.unit, str) or not self.unit.isprintable():
            raise ModelError(f"task: unit must be a text, got {self.unit!r:.80}")

    def labels(self, shape: Shape) -> int:
        """A name for each quantity."""
        return shape[2]

    @property
    def text(self) -> str:
        """One line."""
        unit = f" {self.unit.encode('ascii', 'backslashreplace').decode()}" if self.unit else ""
        return f"quantities: {self.scale:g} * output + {self.offset:g}{unit}"


@dataclass(frozen=True)
class RawTask(Task):
    """Integers as the last layer gives them, or its floats."""

    kind: ClassVar[str] = "raw"

    def labels(self, shape: Shape) -> int:
        """A name for each channel."""
        return shape[2]

    @property
    def text(self) -> str:
        """One line."""
        return "raw, as the last layer gives them"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _check_share(name: str, value: Any) -> None:
    if not _is_number(value) or not 0.01 <= value <= 0.99:
        raise ModelError(f"task: {name} must be 0.01..0.99, got {value!r:.80}")


def _pairs(anchors: Any) -> tuple[tuple[float, float], ...]:
    if isinstance(anchors, str) or not isinstance(anchors, Iterable):
        raise ModelError(f"task yolo: anchors must be pairs of numbers, got {anchors!r:.80}")
    pairs = []
    for anchor in anchors:
        pair = tuple(anchor) if isinstance(anchor, (tuple, list)) else ()
        if len(pair) != 2 or not all(_is_number(v) and 0 < v <= 1024 for v in pair):
            raise ModelError(
                f"task yolo: an anchor must be its width and height in cells, up to 1024, got "
                f"{anchor!r:.80}"
            )
        pairs.append((float(pair[0]), float(pair[1])))
    return tuple(pairs)


TASKS: dict[str, type[Task]] = {
    cls.kind: cls for cls in (ClassTask, FomoTask, YoloTask, RegressionTask, RawTask)
}
"""The meanings that a file may hold, by their kind."""
