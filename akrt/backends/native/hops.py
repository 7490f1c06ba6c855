"""Windows of a stream: rows that one has in common with the next are not computed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from akrt.backends.base import Output
from akrt.backends.native.activations import Potentials
from akrt.backends.native.arena import NetworkPlan
from akrt.backends.native.plan import (
    AdditionPlan,
    Collapse,
    LayerPlan,
    NodePlan,
    SpatialPlan,
    SumPooling,
)
from akrt.backends.native.products import WindowPlan
from akrt.kernels._kernels import ALIGNMENT, CALLER, Hops, Network
from akrt.lowering.hops import MovedRows, kept_rows
from akrt.lowering.liveness import aligned, jobs_beside, plan_arena, scratch_name
from akrt.lowering.operations import beyond_akida_1, operation
from akrt.model import Node

__all__ = ["HopNode", "HopPlan", "Kept", "NativeHops", "plan_hops"]

_INT_BYTES = 4


@dataclass(eq=False, repr=False)
class Kept:
    """`akrt_kept`: what a node keeps; all 0: nothing."""

    rows: int = 0
    first: int = 0
    come: int = 0
    moved: int = 0
    row_bytes: int = 0
    at: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.come <= self.rows - self.moved or self.moved < 0:
            raise ValueError(f"rows {self.first}..{self.come} of {self.rows}, {self.moved} later")


@dataclass(eq=False, repr=False)
class HopNode:
    """`akrt_hop_node`: a layer in its place, and what it keeps."""

    node: NodePlan
    kept: Kept

    def __post_init__(self) -> None:
        kept, does = self.kept, self.node.layer.operation
        if not kept.rows:
            return
        fits = kept.at == self.node.output or _adds_up(self.node.layer)
        if isinstance(does, SpatialPlan):
            last = does.pooling if isinstance(does.pooling, WindowPlan) else does.window
            fits = fits and kept.rows == last.out_x and _computes_rows(self.node.layer)
        else:
            fits = fits and isinstance(does, AdditionPlan) and does.positions % kept.rows == 0
        if not fits or kept.row_bytes != _row_bytes(self.node.layer, kept.rows):
            raise ValueError(f"{kept.rows} rows of {kept.row_bytes} bytes are not the layer's")

    @property
    def output_bytes(self) -> int:
        """Of one sample."""
        return self.node.layer.output_elements * _item(self.node.layer)


@dataclass(eq=False, repr=False)
class HopPlan:
    """All that a `Hops` is made of."""

    nodes: list[HopNode]
    arena_bytes: int
    kept_bytes: int
    """Of one stream."""
    share: float
    """Of the multiplications of a whole window, about."""


def plan_hops(nodes: Sequence[Node], plan: NetworkPlan, moved: int) -> HopPlan | None:
    """How windows that move by `moved` rows of the input are computed; None: all of them whole.

    Args:
        nodes: the network.
        plan: how it is computed whole.
        moved: not negative.
    """
    if any(beyond_akida_1(node) for node in nodes):
        return None
    found = _all_kept(nodes, plan, moved)
    if not found:
        return None
    by_rows = {n.name for n in plan.nodes if n.name in found and not _adds_up(n.layer)}
    arena = plan_arena(jobs_beside(plan.jobs, by_rows), ALIGNMENT)
    beyond = ALIGNMENT  # a flag, and behind it the window before
    beyond += aligned(_elements(nodes[0].input_shape), ALIGNMENT)
    places: dict[str, int] = {}  # of what is kept
    for node in plan.nodes:
        if node.name in found:
            places[node.name] = arena.bytes + beyond
            count = found[node.name].rows
            beyond += aligned(count * _row_bytes(node.layer, count), ALIGNMENT)
    sources = {node.layer.name: node.sources for node in nodes}

    def offset(name: str) -> int:
        if name in by_rows:
            return places[name]
        return arena.offset(name) if name in arena else CALLER

    made = []
    for i, node in enumerate(plan.nodes):
        first, *others = [offset(source) for source in sources[node.name]] or [CALLER]
        kept = Kept()
        if node.name in found:
            rows = found[node.name]
            row_bytes, at = _row_bytes(node.layer, rows.rows), places[node.name]
            kept = Kept(rows.rows, rows.first, rows.come, rows.moved, row_bytes, at)
        placed = replace(
            node,
            inputs=(first, others[0] if others else first),
            output=offset(node.name),
            scratch=arena.offset(scratch_name(i)),
        )
        made.append(HopNode(placed, kept))
    return HopPlan(made, arena.bytes, beyond, _share(nodes, found))


class NativeHops:
    """The windows of one stream. Safe to call from many threads.

    Args:
        plan: what is kept.
        hops: made of it; may be those of many streams.
        network: what windows are computed with whole.
        whole: computes a batch of windows, whole, with as many threads as it wants.
        threads: how many it takes for a batch of so many.
        piece: windows between two looks at whether the user interrupts.
    """

    def __init__(
        self,
        plan: HopPlan,
        hops: Hops,
        network: Network,
        whole: Callable[[npt.NDArray[np.uint8]], Output],
        threads: Callable[[int], int],
        piece: int,
    ) -> None:
        self._plan, self._hops, self._network = plan, hops, network
        self._whole, self._threads, self._piece = whole, threads, piece
        self._kept: list[npt.NDArray[np.uint8]] = []  # empty while a call uses it

    def run(self, x: npt.NDArray[np.uint8]) -> Output:
        """As of the backend, with the same outputs for any windows.

        One that does not follow the one before it is computed whole. So are those of a batch that
        more threads share than that takes longer: a stream takes one.
        """
        if len(x) > 1 and self._threads(len(x)) * self._plan.share > 1:
            return self._whole(x)
        y = self._network.empty(len(x))
        try:
            kept = self._kept.pop()
        except IndexError:
            kept = self._hops.memory()
        for start in range(0, len(x), self._piece):
            stop = start + self._piece
            self._hops.run(x[start:stop], kept, y[start:stop])
        self._kept = [kept]
        return y


def _all_kept(nodes: Sequence[Node], plan: NetworkPlan, moved: int) -> Mapping[str, MovedRows]:
    """By the name of the layer, what it keeps."""
    layers = {node.name: node.layer for node in plan.nodes}
    known: dict[str, MovedRows] = {}  # rows of tensors
    found: dict[str, MovedRows] = {}
    rows = nodes[0].input_shape[0]
    for node in nodes:
        layer = layers.get(node.layer.name)
        given = MovedRows(rows, 0, rows, moved)
        if layer is None:  # what comes in goes out
            known[node.layer.name] = given
            continue
        sources = [known.get(name) for name in node.sources] or [given]
        one = kept_rows(operation(node), sources)
        if isinstance(one, str) or not _computes_rows(layer):
            continue
        found[node.layer.name] = one
        if not _adds_up(layer):
            known[node.layer.name] = one
    return found


def _computes_rows(layer: LayerPlan) -> bool:
    """Whether C can compute some of its rows. A collapsed sum costs little more than to read it."""
    does = layer.operation
    if isinstance(does, SpatialPlan):
        return not isinstance(does.pooling, Collapse)
    return isinstance(does, AdditionPlan)


def _adds_up(layer: LayerPlan) -> bool:
    """Whether its output is a sum over all positions; it keeps potentials."""
    does = layer.operation
    return isinstance(does, SpatialPlan) and isinstance(does.pooling, SumPooling)


def _row_bytes(layer: LayerPlan, rows: int) -> int:
    """Of each of `rows` rows that it keeps."""
    does = layer.operation
    if isinstance(does, SpatialPlan) and isinstance(does.pooling, SumPooling):
        return does.window.out_y * layer.filters * _INT_BYTES
    return layer.output_elements // rows * _item(layer)


def _item(layer: LayerPlan) -> int:
    """Bytes of an element of its output."""
    return _INT_BYTES if isinstance(layer.activation, Potentials) else 1


def _share(nodes: Sequence[Node], found: Mapping[str, MovedRows]) -> float:
    left = 0.0
    for node in nodes:
        rows = found.get(node.layer.name)
        left += node.macs * (1.0 if rows is None else rows.computed / rows.rows)
    return left / max(1, sum(node.macs for node in nodes))


def _elements(shape: tuple[int, int, int]) -> int:
    return shape[0] * shape[1] * shape[2]
