"""What the outputs of a network mean: one entry for each kind of task that a model's file names."""

from __future__ import annotations

from akrt.errors import UsageError
from akrt.model import Model
from akrt.outputs.base import Box, Output, Point
from akrt.outputs.classes import Classes, Guess
from akrt.outputs.fomo import Fomo
from akrt.outputs.raw import Raw
from akrt.outputs.regression import Regression
from akrt.outputs.yolo import Yolo

__all__ = [
    "OUTPUTS",
    "Box",
    "Classes",
    "Fomo",
    "Guess",
    "Output",
    "Point",
    "Raw",
    "Regression",
    "Yolo",
    "classes_of",
    "output_of",
]

OUTPUTS: dict[str, type[Output]] = {
    entry.kind: entry for entry in (Classes, Fomo, Yolo, Regression, Raw)
}
"""Every meaning of outputs, by its kind."""


def output_of(model: Model) -> Output:
    """What the outputs of a model mean."""
    return OUTPUTS[model.task.kind](model)


def classes_of(model: Model) -> Classes:
    """The classes of a model.

    Raises:
        UsageError: its outputs are none.
    """
    found = output_of(model)
    if not isinstance(found, Classes):
        raise UsageError(f"the outputs of '{model.name}' are no classes, but {model.task.text}")
    return found
