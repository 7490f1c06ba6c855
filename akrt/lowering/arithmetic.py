"""The numeric contract written out in NumPy, slow and obvious: int64, one layer at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import (
    Addition,
    Convolution,
    Dense,
    Neural,
    Pass,
    Separable,
    operation,
)
from akrt.lowering.scaled_arithmetic import run_akida_2
from akrt.lowering.windows import windows
from akrt.model import POTENTIAL_MAX, POTENTIAL_MIN, Node

__all__ = [
    "Memory",
    "Output",
    "Potentials",
    "activate",
    "blank_memory",
    "convolve",
    "pool",
    "run_node",
    "run_nodes",
    "windows",
]

Output: TypeAlias = npt.NDArray[Any]
Potentials: TypeAlias = npt.NDArray[np.int64]
Memory: TypeAlias = dict[str, dict[str, Output]]
"""What layers remember: arrays by name, by name of the layer."""


def run_nodes(nodes: Iterable[Node], x: Output, memory: Memory | None = None) -> Iterator[Output]:
    """The output of every node for `x`, what the caller gives, in turn.

    Args:
        nodes: all of a network.
        x: (N, X, Y, C); N steps in time where layers remember.
        memory: what the layers remember, by their names, and afterwards what they remember then;
            None: they begin with zeros.
    """
    nodes = list(nodes)
    memory = blank_memory(nodes) if memory is None else memory
    last = {name: i for i, node in enumerate(nodes) for name in node.sources}
    made: dict[str, Output] = {}
    for i, node in enumerate(nodes):
        given = [made[name] for name in node.sources] or [x]
        output = run_node(node, *given, memory=memory.get(node.layer.name))
        made[node.layer.name] = output
        for name in {*node.sources, node.layer.name}:
            if last.get(name, -1) <= i:
                del made[name]
        yield output


def blank_memory(nodes: Iterable[Node]) -> Memory:
    """What the layers remember before the first sample: zeros, by name of the layer."""
    return {
        node.layer.name: {
            name: np.zeros(kept.shape, kept.dtype) for name, kept in node.memory.items()
        }
        for node in nodes
        if node.memory
    }


def run_node(node: Node, *inputs: Output, memory: dict[str, Output] | None = None) -> Output:
    """One layer: (N, X, Y, C) of each input to the output, of the types of its values.

    `memory` is what a layer that remembers does, by name, and afterwards what it remembers then;
    without it begins with zeros.
    """
    does = operation(node)
    x = inputs[0]
    if isinstance(does, Pass):
        return x
    if not isinstance(does, Neural):
        kept = blank_memory([node]).get(node.layer.name) if memory is None else memory
        return run_akida_2(does, *inputs, memory=kept)
    if isinstance(does, Addition):
        potentials = x.astype(np.int64) + inputs[1]
    elif isinstance(does, Dense):
        potentials = x.reshape(len(x), -1).astype(np.int64) @ does.weights.astype(np.int64)
        potentials = np.clip(potentials, POTENTIAL_MIN, POTENTIAL_MAX)[:, None, None, :]
    else:
        potentials = pool(does, convolve(does, x))
    layer = does.layer
    if layer.act_bits is None:
        return potentials.astype(np.int32)
    return activate(potentials, layer.threshold, layer.step16, layer.act_bits)


def convolve(does: Convolution | Separable, x: Output) -> Potentials:
    """Potentials of a convolution before pooling, int64 (N, X', Y', F)."""
    # (N, X', Y', C, kx, ky)
    patches = windows(x.astype(np.int64), does.window, does.border)
    if isinstance(does, Separable):
        patches = np.einsum("nxycij,ijc->nxyc", patches, does.depthwise.astype(np.int64))
    else:
        patches = patches.transpose(0, 1, 2, 4, 5, 3)
        patches = patches.reshape(*patches.shape[:3], -1)
    product: Potentials = patches @ does.weights.astype(np.int64)
    return product


def pool(does: Convolution | Separable, potentials: Potentials) -> Potentials:
    """Saturated potentials, pooled; a sum is a running one, saturated at every step."""
    if does.pool is None:
        return potentials
    if does.pooling is None:
        n, _, _, f = potentials.shape
        total = np.zeros((n, f), np.int64)
        for step in potentials.reshape(n, -1, f).transpose(1, 0, 2):
            total = np.clip(total + step, POTENTIAL_MIN, POTENTIAL_MAX)
        return total[:, None, None, :]
    clipped = np.clip(potentials, POTENTIAL_MIN, POTENTIAL_MAX)
    lowest = int(np.iinfo(np.int64).min)
    result: Potentials = windows(clipped, does.pooling, lowest).max((4, 5))
    return result


def activate(
    potentials: Potentials,
    threshold: npt.NDArray[np.int32],
    step16: npt.NDArray[np.int64],
    bits: int,
) -> npt.NDArray[np.uint8]:
    """``clip(ceil(16 (P - threshold) / (s 2^(4-b))), 0, 2^b - 1)`` per channel."""
    numerator = 16 * (potentials - threshold.astype(np.int64))
    quotient = -(-numerator // (step16 << (4 - bits)))
    return np.clip(quotient, 0, (1 << bits) - 1).astype(np.uint8)
