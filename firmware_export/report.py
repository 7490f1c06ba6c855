"""The memory report: flash and RAM by layer, and where everything lies in the arena."""

from __future__ import annotations

from typing import Any

from firmware_export.headers import class_constants_bytes
from firmware_export.program import Program

__all__ = ["memory_markdown", "memory_report"]


def memory_report(program: Program) -> dict[str, Any]:
    """Facts about flash and RAM, as JSON types. Code size depends on the compiler."""
    layers = []
    for index, layer in enumerate(program.model.layers):
        steps = [s for s in program.steps if s.layer == index]
        layers.append(
            {
                "name": layer.name,
                "type": layer.kind,
                "kernels": [s.kernel for s in steps],
                "constant_bytes": sum(c.bytes for s in steps for c in s.constants),
                "scratch_bytes": max((s.scratch_bytes for s in steps), default=0),
                "output_bytes": max((s.target.bytes for s in steps), default=0),
                **{key: value for s in steps for key, value in s.notes.items()},
            }
        )
    classes = class_constants_bytes(program)
    return {
        "name": program.name,
        "arena_bytes": max(program.plan.bytes, 8),
        "constant_bytes": classes + sum(int(str(row["constant_bytes"])) for row in layers),
        "class_constant_bytes": classes,
        "layers": layers,
        "arena": [
            {
                "what": " = ".join(block.names),
                "offset": block.offset,
                "bytes": block.bytes,
                "from_layer": program.steps[block.first].layer,
                "to_layer": program.steps[block.last].layer,
            }
            for block in program.plan.blocks
        ],
    }


def memory_markdown(memory: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"# Memory of {memory['name']}",
        "",
        f"Arena (RAM, the caller's): {memory['arena_bytes']} bytes. Constants (flash): "
        f"{memory['constant_bytes']} bytes. Writable static data: none.",
        "",
        "| layer | type | kernels | constants | scratch | output |",
        "|---|---|---|---:|---:|---:|",
    ]
    for row in memory["layers"]:
        lines.append(
            f"| {row['name']} | {row['type']} | {', '.join(row['kernels']) or '-'} | "
            f"{row['constant_bytes']} | {row['scratch_bytes']} | {row['output_bytes']} |"
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
    if (stream := memory.get("stream")) is not None:
        lines += [
            "",
            f"Whole spotter, sound to words: RAM {stream['ram_bytes']} bytes (state "
            f"{stream['state_bytes']}, arena {stream['arena_bytes']}, which features and network "
            f"take in turns); constants {stream['constant_bytes']} bytes besides the network's. An "
            f"inference every {stream['hop_ms']} ms.",
        ]
    return "\n".join(lines) + "\n"
