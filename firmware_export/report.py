"""The memory report: flash and RAM by layer, and where everything lies in the arena."""

from __future__ import annotations

from typing import Any

from firmware_export.budget import layer_budgets
from firmware_export.class_output import output_in_c
from firmware_export.hop_report import hop_lines
from firmware_export.lowered import Lowered
from firmware_export.stack_figures import FRONT_ENDS, KERNELS, MEASURED_WITH, STREAM
from firmware_export.stream import c_front_end

__all__ = ["memory_markdown", "memory_report", "stack_bytes", "stream_stack_bytes"]

_STACK_MARGIN = 64
"""For what a compiler keeps otherwise in other networks: 40 in those of the tests."""


def memory_report(lowered: Lowered) -> dict[str, Any]:
    """Facts about flash and RAM, as JSON types. Code size depends on the compiler."""
    layers = []
    for index, layer in enumerate(layer_budgets(lowered)):
        steps = [w for s in lowered.steps for w in s.works if w.layer == index]
        layers.append(
            {
                "name": layer.name,
                "type": layer.kind,
                "kernels": list(layer.kernels),
                "path": layer.path,
                "general_because": list(layer.general_because),
                "constant_bytes": layer.flash_bytes,
                "ram_bytes": layer.ram_bytes,
                "scratch_bytes": max((s.scratch_bytes for s in steps), default=0),
                "output_bytes": max((s.target.bytes for s in steps), default=0),
                **{key: value for s in steps for key, value in s.notes.items()},
            }
        )
    classes = output_in_c(lowered).constant_bytes
    return {
        "name": lowered.name,
        "arena_bytes": max(lowered.arena.bytes, 8),
        "constant_bytes": classes + sum(int(str(row["constant_bytes"])) for row in layers),
        "class_constant_bytes": classes,
        "stack_bytes": stack_bytes(lowered),
        "stack_measured_with": dict(MEASURED_WITH),
        "layers": layers,
        "arena": [
            {
                "what": " = ".join(block.names),
                "offset": block.offset,
                "bytes": block.bytes,
                "from_layer": lowered.steps[block.first].works[0].layer,
                "to_layer": lowered.steps[block.last].layer,
            }
            for block in lowered.arena.blocks
        ],
    }


def stack_bytes(lowered: Lowered) -> dict[str, int]:
    """Stack of ``<name>_run`` by target, measured kernel by kernel: the most of those it calls."""
    called = {work.kernel for step in lowered.steps for work in step.works}
    return {
        target: max((_measured(kernel, target) for kernel in called), default=0) + _STACK_MARGIN
        for target in MEASURED_WITH
    }


def _measured(kernel: str, target: str) -> int:
    """0 for a kernel that is new, until the figures are made again."""
    return KERNELS.get(kernel, {}).get(target, 0)


def stream_stack_bytes(lowered: Lowered) -> dict[str, int]:
    """Stack of ``<name>_stream_feed`` by target: of the front end, or of the inference if more."""
    alone = FRONT_ENDS.get(c_front_end(lowered.model).state, {})
    return {
        target: max(run + STREAM[target], alone.get(target, 0) + _STACK_MARGIN)
        for target, run in stack_bytes(lowered).items()
    }


def memory_markdown(memory: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"# Memory of {memory['name']}",
        "",
        f"Arena (RAM, the caller's): {memory['arena_bytes']} bytes. Constants (flash): "
        f"{memory['constant_bytes']} bytes. Writable static data: none.",
        "",
        "| layer | type | kernels | path | constants | scratch | output |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    for row in memory["layers"]:
        lines.append(
            f"| {row['name']} | {row['type']} | {', '.join(row['kernels']) or '-'} | "
            f"{_path(row)} | {row['constant_bytes']} | {row['scratch_bytes']} | "
            f"{row['output_bytes']} |"
        )
    lines += [
        "",
        "| in the arena | offset | bytes | from layer | to layer |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in memory["arena"]:
        lines.append(
            f"| {row['what']} | {row['offset']} | {row['bytes']} | {row['from_layer']} | "
            f"{row['to_layer']} |"
        )
    stream = memory.get("stream")
    lines += [
        "",
        "Stack beside the arena, measured on an emulated core, kernel by kernel; your compiler and "
        "flags may give other figures. Interrupts come on top.",
        "",
        f"| core | {memory['name']}_run |{_listening(stream, 'with the listener')} measured with |",
        f"|---|---:|{_listening(stream, '---:', '')}---|",
    ]
    for target, stack in memory["stack_bytes"].items():
        more = _listening(stream, str(stream["stack_bytes"][target]) if stream else "")
        lines.append(f"| {target} | {stack} |{more} {memory['stack_measured_with'][target]} |")
    if stream is not None:
        lines += [
            "",
            f"Whole spotter, sound to words: RAM {stream['ram_bytes']} bytes (state "
            f"{stream['state_bytes']}, arena {stream['arena_bytes']}, which features and network "
            f"take in turns); constants {stream['constant_bytes']} bytes besides the network's. An "
            f"inference every {stream['hop_ms']} ms.",
            "",
            *hop_lines(stream),
        ]
    return "\n".join(lines) + "\n"


def _listening(stream: dict[str, Any] | None, text: str, pad: str = " ") -> str:
    """A further cell of a row, where there is a listener."""
    return "" if stream is None else f"{pad}{text}{pad}|"


def _path(row: dict[str, Any]) -> str:
    reasons = "; ".join(row["general_because"])
    return f"{row['path']}: {reasons}" if reasons else str(row["path"])
