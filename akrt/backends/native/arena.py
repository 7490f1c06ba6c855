"""Where the tensors and scratch of a network lie while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from akrt.backends.native.pack import pack
from akrt.backends.native.plan import LayerPlan, NodePlan
from akrt.backends.native.products import filled_up
from akrt.kernels._kernels import ALIGNMENT, CALLER, Architecture, scratch_bytes
from akrt.lowering.arithmetic import Memory
from akrt.lowering.liveness import Job, plan_arena, scratch_name
from akrt.lowering.operations import (
    Addition,
    Convolution,
    Dense,
    Operation,
    Pass,
    Separable,
    operation,
)
from akrt.lowering.scaled_operations import (
    Comparison,
    Concatenation,
    Dequantisation,
    Quantisation,
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledRecurrent,
    ScaledTemporal,
    ScaledTransposed,
    ShiftedAddition,
)
from akrt.model import Node

__all__ = ["NetworkPlan", "plan_network", "why_not"]


class NetworkPlan(NamedTuple):
    """All that a `Network` is made of."""

    nodes: list[NodePlan]
    """Of the nodes that do something, in their order."""
    arena_bytes: int
    jobs: list[Job]
    """What each node does to the arena."""

    @property
    def memory_bytes(self) -> int:
        """Of what all layers remember."""
        last = self.nodes[-1] if self.nodes else None
        return 0 if last is None else last.memory + last.memory_bytes

    def remembered(self, memory: npt.NDArray[np.uint8]) -> Memory:
        """What lies in `memory`, bytes of a network, as arrays over it."""
        found: Memory = {}
        for node in self.nodes:
            at = node.memory
            for name, kept in node.remembers.items():
                size = prod(kept.shape) * np.dtype(kept.dtype).itemsize
                array = memory[at : at + size].view(kept.dtype).reshape(kept.shape)
                found.setdefault(node.name, {})[name] = array
                at += size
        return found


def plan_network(nodes: Sequence[Node], arch: Architecture) -> NetworkPlan:
    """The plan of a whole network.

    Args:
        nodes: each after those whose outputs it takes.
        arch: the kernels that will run it.
    """
    layers: dict[str, LayerPlan] = {}
    jobs: list[Job] = []
    made_by: dict[str, str | None] = {}  # whose output it is; None: what the caller gives
    working: list[Node] = []
    for node in nodes:
        does = operation(node)
        name = node.layer.name
        if isinstance(does, Pass):
            made_by[name] = made_by[node.sources[0]] if node.sources else None
        else:
            made_by[name] = name
            layers[name] = _pack(does, arch)
            working.append(node)
    last = made_by[nodes[-1].layer.name]
    for node in working:
        name = node.layer.name
        item = np.dtype(node.output.dtype).itemsize
        read = (made_by[source] for source in node.sources)
        jobs.append(
            Job(
                reads=tuple(source for source in read if source is not None),
                writes=None if name == last else name,
                bytes=node.output.elements * item,
                scratch_bytes=scratch_bytes(layers[name]),
                in_place=isinstance(operation(node), Addition | ShiftedAddition) and item == 1,
            )
        )
    arena = plan_arena(jobs, ALIGNMENT)

    def offset(name: str | None) -> int:
        return arena.offset(name) if name is not None and name in arena else CALLER

    placed: list[NodePlan] = []
    remembered = 0  # bytes
    for i, node in enumerate(working):
        name = node.layer.name
        first, *others = [offset(made_by[source]) for source in node.sources] or [CALLER]
        placed.append(
            NodePlan(
                name=name,
                layer=layers[name],
                inputs=(first, others[0] if others else first),
                output=offset(name),
                scratch=arena.offset(scratch_name(i)) if scratch_name(i) in arena else 0,
                takes=node.inputs,
                gives=node.output,
                memory=remembered,
                remembers=node.memory,
            )
        )
        remembered += filled_up(placed[-1].memory_bytes, ALIGNMENT)
    return NetworkPlan(placed, arena.bytes, jobs)


def why_not(node: Node) -> str | None:
    """Why `node` cannot be planned; None: it can."""
    # what only resembles one of these, and does more, is not planned as if it were one
    if type(operation(node)) in _PLANNED:
        return None
    return "has no native kernels: the backends 'reference' and 'simulator' may run it"


_PLANNED = (
    *(Pass, Addition, Dense, Convolution, Separable),
    *(Quantisation, Dequantisation, Concatenation, ShiftedAddition),
    *(ScaledConvolution, ScaledDense, ScaledDepthwise, ScaledTransposed),
    *(ScaledTemporal, ScaledRecurrent, Comparison),
)


def _pack(does: Operation, arch: Architecture) -> LayerPlan:
    if isinstance(does, Addition | Dense | Convolution | Separable):
        return pack(does, arch)
    if isinstance(does, ScaledTemporal | ScaledRecurrent | Comparison):
        from akrt.backends.native.temporal_pack import pack_temporal

        return pack_temporal(does, arch)
    assert not isinstance(does, Pass)
    from akrt.backends.native.scaled_pack import pack_scaled

    return pack_scaled(does, arch)
