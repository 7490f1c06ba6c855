"""What the outputs of a network can mean: one entry of the registry in `akrt.outputs`."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

from akrt.model import Model

__all__ = ["Box", "Output", "Point"]


class Output(ABC):
    """Reads the outputs of a model, by the task in its file.

    Args:
        model: the network.
    """

    kind: ClassVar[str]
    """That of the task."""

    def __init__(self, model: Model) -> None:
        self.model = model
        count = model.task.labels(model.output_shape)
        self.names = model.labels or tuple(str(i) for i in range(count))
        """Of the classes or quantities: the labels, or else numbers."""


@dataclass(frozen=True)
class Point:
    """The middle of an object, in pixels of the network's input from its upper left corner."""

    label: str
    score: float
    x: float
    y: float
    left: float
    top: float
    right: float
    bottom: float
    """Of the cells that it was found in."""
    cells: int


@dataclass(frozen=True)
class Box:
    """An object and its rectangle, in pixels of the network's input from its upper left corner."""

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float
