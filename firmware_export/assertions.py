"""Assertions of an export: a kernel of other sizes than were planned stops its compilation."""

from __future__ import annotations

from collections.abc import Mapping

from akrt.decision import StreamSettings
from akrt.frontends import CFrontEnd
from firmware_export.incremental import HopPlan
from firmware_export.lowered import Lowered
from firmware_export.sizes import (
    DECISION_RULE,
    Size,
    rows_tensor,
    stream_state,
)

__all__ = ["network_assertions", "stream_assertions"]


def network_assertions(lowered: Lowered) -> str:
    """C text: scratch, tensors and structs have the sizes that were planned, the arena holds them.

    It follows kernels and constants.
    """
    found: dict[Size, str] = {}
    for i, step in enumerate(lowered.steps):
        for what, size in step.sizes.items():
            found.setdefault(size, f"{lowered.name}_step_{i}_{what}")
        if step.target.layout == "rows":
            x, _, c = step.target.shape
            size = rows_tensor(x, c)
            found.setdefault(size, f"{lowered.name}_step_{i}_target")
    end = max((block.offset + block.bytes for block in lowered.arena.blocks), default=0)
    arena = f"{lowered.name.upper()}_ARENA_BYTES"
    return _text(found) + _assertion(f"{end} <= {arena}", f"{lowered.name}_arena_holds_{end}")


def stream_assertions(
    lowered: Lowered, front_end: CFrontEnd, settings: StreamSettings, hop: HopPlan | None
) -> str:
    """C text: the same of the listener's state, tables and arena."""
    name, classes = lowered.name, lowered.model.output_shape[2]
    scratch = Size(front_end.scratch_bytes, front_end.scratch_in_c)
    arena = f"{name.upper()}_STREAM_ARENA_BYTES"
    kept, by_hops = 0, ""
    if hop is not None:
        kept = hop.kept_bytes
        by_hops = _assertion(
            f"{name.upper()}_HOP_ARENA_BYTES <= {arena}", f"{name}_arena_holds_a_hop"
        )
    return (
        _text(
            {
                stream_state(name, front_end, classes, settings.window, kept): f"{name}_state",
                DECISION_RULE: f"{name}_decision_rule",
                Size(front_end.constant_bytes, front_end.constants_in_c): f"{name}_tables",
                scratch: f"{name}_front_end",
            }
        )
        + _assertion(f"{scratch.c} <= {arena}", f"{name}_arena_holds_the_front_end")
        + _assertion(f"{name.upper()}_ARENA_BYTES <= {arena}", f"{name}_arena_holds_the_network")
        + by_hops
    )


def _text(sizes: Mapping[Size, str]) -> str:
    text = ""
    for size, name in sizes.items():
        holds = f"{size.c} == {size.bytes}"
        if size.most:
            holds = f"{size.c} <= {size.bytes}"
        if size.pointers:
            holds = f"AKRT_COUNTED({size.c}, {size.bytes})"
        text += _assertion(holds, f"{name}_has_{size.bytes}_bytes")
    return text


def _assertion(holds: str, name: str) -> str:
    """The compiler's message shows `name`."""
    return f"AKRT_STATIC_ASSERT({holds}, {name});\n"
