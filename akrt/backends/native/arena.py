"""Where the tensors and scratch of a network lie while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from akrt.backends.native.pack import pack
from akrt.backends.native.plan import AdditionPlan, LayerPlan, NodePlan
from akrt.kernels._kernels import ALIGNMENT, CALLER, Architecture, scratch_bytes
from akrt.lowering.liveness import Job, plan_arena, scratch_name
from akrt.lowering.operations import Pass, akida_1_operation
from akrt.model import Node

__all__ = ["NetworkPlan", "arena_jobs", "plan_network"]


class NetworkPlan(NamedTuple):
    """All that a `Network` is made of."""

    nodes: list[NodePlan]
    """Of the nodes that do something, in their order."""
    arena_bytes: int


def plan_network(nodes: Sequence[Node], arch: Architecture) -> NetworkPlan:
    """The plan of a whole network.

    Args:
        nodes: each after those whose outputs it takes.
        arch: the kernels that will run it.
    """
    layers: dict[str, LayerPlan] = {}
    for node in nodes:
        does = akida_1_operation(node)
        if not isinstance(does, Pass):
            layers[node.layer.name] = pack(does, arch)
    jobs = arena_jobs(nodes, layers)
    arena = plan_arena(jobs, ALIGNMENT)

    def offset(name: str) -> int:
        return arena.offset(name) if name in arena else CALLER

    placed: list[NodePlan] = []
    for node in nodes:
        name = node.layer.name
        if name not in layers:
            continue
        first, *others = [offset(source) for source in node.sources] or [CALLER]
        placed.append(
            NodePlan(
                name=name,
                layer=layers[name],
                inputs=(first, others[0] if others else first),
                output=offset(name),
                scratch=arena.offset(scratch_name(len(placed))),
                input_shape=node.input_shape,
                output_shape=node.output_shape,
            )
        )
    return NetworkPlan(placed, arena.bytes)


def arena_jobs(nodes: Sequence[Node], layers: Mapping[str, LayerPlan]) -> list[Job]:
    """What the nodes that do something do to the arena.

    Args:
        nodes: each after those whose outputs it takes.
        layers: plans of those that do something, by name.
    """
    jobs = []
    for node in nodes:
        name = node.layer.name
        if name not in layers:
            continue
        jobs.append(
            Job(
                reads=tuple(source for source in node.sources if source in layers),
                writes=None if node is nodes[-1] else name,
                bytes=node.output.elements,
                scratch_bytes=scratch_bytes(layers[name]),
                in_place=isinstance(layers[name].operation, AdditionPlan),
            )
        )
    return jobs
