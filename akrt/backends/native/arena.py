"""Where the tensors and scratch of a network lie while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from akrt.backends.native.pack import pack
from akrt.backends.native.plan import LayerPlan, NodePlan
from akrt.kernels._kernels import ALIGNMENT, CALLER, Architecture, scratch_bytes
from akrt.lowering.liveness import Job, plan_arena, scratch_name
from akrt.lowering.operations import Addition, Pass, akida_1_operation
from akrt.model import Node

__all__ = ["NetworkPlan", "plan_network"]


class NetworkPlan(NamedTuple):
    """All that a `Network` is made of."""

    nodes: list[NodePlan]
    """Of the nodes that do something, in their order."""
    arena_bytes: int
    jobs: list[Job]
    """What each node does to the arena."""


def plan_network(nodes: Sequence[Node], arch: Architecture) -> NetworkPlan:
    """The plan of a whole network.

    Args:
        nodes: each after those whose outputs it takes.
        arch: the kernels that will run it.
    """
    layers: dict[str, LayerPlan] = {}
    jobs: list[Job] = []
    callers: set[str] = set()  # whose output is what the caller gives
    neural: list[Node] = []
    for node in nodes:
        does = akida_1_operation(node)
        name = node.layer.name
        if isinstance(does, Pass):
            callers.add(name)
            continue
        layers[name] = pack(does, arch)
        neural.append(node)
        jobs.append(
            Job(
                reads=tuple(source for source in node.sources if source not in callers),
                writes=None if node is nodes[-1] else name,
                bytes=node.output.elements,
                scratch_bytes=scratch_bytes(layers[name]),
                in_place=isinstance(does, Addition),
            )
        )
    arena = plan_arena(jobs, ALIGNMENT)

    def offset(name: str) -> int:
        return arena.offset(name) if name in arena else CALLER

    placed = []
    for i, node in enumerate(neural):
        name = node.layer.name
        first, *others = [offset(source) for source in node.sources] or [CALLER]
        placed.append(
            NodePlan(
                name=name,
                layer=layers[name],
                inputs=(first, others[0] if others else first),
                output=offset(name),
                scratch=arena.offset(scratch_name(i)),
                input_shape=node.input_shape,
                output_shape=node.output_shape,
            )
        )
    return NetworkPlan(placed, arena.bytes, jobs)
