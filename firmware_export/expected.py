"""What every layer of a model gives: the expected values of an export's vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.lowering.arithmetic import Memory, run_nodes
from akrt.model import IntArray, Model

__all__ = ["FNV_OFFSET", "FNV_PRIME", "class_of", "layer_outputs", "tensor_hash"]

FNV_OFFSET, FNV_PRIME = 0x811C9DC5, 0x01000193


def layer_outputs(
    model: Model, sample: npt.NDArray[Any], memory: Memory | None = None
) -> list[IntArray]:
    """Output of every layer for one sample (X, Y, C): (X', Y', C') of the type of its values.

    `memory` as of `run_nodes`.
    """
    return [output[0] for output in run_nodes(model.nodes, sample[None], memory)]


def tensor_hash(values: IntArray, potentials: bool) -> int:
    """32-bit FNV-1a over the elements in memory order.

    A byte for an activation, four (the lowest first) for a potential or a float.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    if flat.dtype == np.float32:
        data = flat.astype("<f4").tobytes()
    else:
        data = flat.astype("<i4").tobytes() if potentials else flat.astype(np.uint8).tobytes()
    value = FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFFFFFF
    return value


def class_of(model: Model, potentials: IntArray) -> int | None:
    """Index of the largest logit, the first of equals; None if the last layer is activated."""
    final = model.final_step
    if final is None:
        return None
    threshold, act_step = final
    first = potentials.reshape(-1, potentials.shape[-1])[0]
    # in 32 bits the difference could wrap around
    logits: Any = (first.astype(np.int64) - threshold).astype(np.float32) / act_step
    return int(np.argmax(logits))
