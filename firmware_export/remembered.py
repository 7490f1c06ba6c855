"""What an exported network remembers: bytes of the caller's, and the C that hands them on."""

from __future__ import annotations

from math import prod

import numpy as np

from akrt.lowering.operations import operation
from akrt.lowering.scaled_operations import ScaledTemporal
from akrt.model import Model, Node, Shape
from firmware_export.step import Tensor

__all__ = [
    "is_state",
    "layer_state_bytes",
    "state_argument",
    "state_bytes",
    "state_parameter",
    "state_places",
    "state_tensor",
]

_ALIGNMENT = 8
_STATE = "state_bytes"
"""Of a C function: what the caller gave."""


def state_places(model: Model) -> dict[str, int]:
    """By name of the layers that remember, where that lies in the state: offsets in bytes."""
    places, end = {}, 0
    for node in model.nodes:
        if node.memory:
            places[node.layer.name] = end
            end += layer_state_bytes(node)
    return places


def state_bytes(model: Model) -> int:
    """Of all that a network remembers; 0: it has no memory."""
    return sum(layer_state_bytes(node) for node in model.nodes)


def layer_state_bytes(node: Node) -> int:
    """Of what one layer remembers."""
    size = sum(prod(kept.shape) * np.dtype(kept.dtype).itemsize for kept in node.memory.values())
    if isinstance(operation(node), ScaledTemporal):
        size += node.inputs[0].elements  # kernels find the input of now beside those before it
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def state_tensor(shape: Shape, place: int) -> Tensor:
    """Bytes at `place` of the state."""
    return Tensor(f"{_STATE} + {place}", shape, "bytes", external=True)


def is_state(tensor: Tensor) -> bool:
    """Whether it lies there."""
    return tensor.name.startswith(_STATE)


def state_parameter(model: Model) -> str:
    """Of a function that hands the state on, as C declares it, a comma behind it."""
    return "void *state, " if model.stateful else ""


def state_argument(model: Model, given: str = "state") -> str:
    """What such a function is called with, a comma behind it."""
    return f"{given}, " if model.stateful else ""
