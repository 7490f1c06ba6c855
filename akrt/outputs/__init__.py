"""What the outputs of a network mean: one entry for each kind.

A model's file names no kind yet: its outputs are classes.
"""

from __future__ import annotations

from akrt.model import Model
from akrt.outputs.classes import Classes, Guess

__all__ = ["OUTPUTS", "Classes", "Guess", "output_of"]

OUTPUTS: dict[str, type[Classes]] = {entry.kind: entry for entry in (Classes,)}
"""Every meaning of outputs, by its kind."""


def output_of(model: Model) -> Classes:
    """What the outputs of a model mean."""
    return OUTPUTS["classes"](model)
