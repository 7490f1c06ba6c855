"""The memory report: flash and RAM by layer, and where everything lies in the arena."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from firmware_export.budget import layer_budgets
from firmware_export.class_output import output_in_c
from firmware_export.estimate import estimate
from firmware_export.hop_report import hop_lines
from firmware_export.lowered import Lowered
from firmware_export.remembered import is_state, layer_state_bytes, state_bytes
from firmware_export.stack_figures import MEASURED_WITH
from firmware_export.stack_sizes import stack_bytes, stream_stack_bytes
from firmware_export.step import Stage, Step

__all__ = ["memory_markdown", "memory_report", "stack_bytes", "stream_stack_bytes"]


_NOT_ESTIMATED = "Instructions and code are not estimated: not all of its kernels were measured."
_NO_STACK = "Nor was the stack beside the arena measured for all of them."


def memory_report(lowered: Lowered) -> dict[str, Any]:
    """Facts about flash, RAM and instructions, as JSON types. Code depends on the compiler."""
    layers, costs = [], estimate(lowered)
    for index, layer in enumerate(layer_budgets(lowered, costs)):
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
                "output_bytes": max(_outputs(steps), default=0),
                "state_bytes": layer_state_bytes(lowered.model.nodes[index]),
                "instructions": {core: asdict(c) for core, c in layer.instructions.items()},
                "fast_instructions": layer.fast_instructions,
                **{key: value for s in steps for key, value in s.notes.items()},
            }
        )
    classes = output_in_c(lowered).constant_bytes
    return {
        "name": lowered.name,
        "arena_bytes": max(lowered.arena.bytes, 8),
        "state_bytes": state_bytes(lowered.model),
        "constant_bytes": classes + sum(int(str(row["constant_bytes"])) for row in layers),
        "class_constant_bytes": classes,
        "instructions": {core: asdict(costs.total(core)) for core in costs.call},
        "code_bytes": costs.code,
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


def _outputs(steps: list[Step | Stage]) -> list[int]:
    return [s.target.bytes for s in steps if not is_state(s.target)]


def _state(memory: dict[str, Any]) -> str:
    """What is remembered, if something is."""
    held = ", ".join(
        f"{r['name']} {r['state_bytes']}" for r in memory["layers"] if r["state_bytes"]
    )
    if not held:
        return ""
    return f" State (likewise): {memory['state_bytes']} bytes, of layers: {held}."


def memory_markdown(memory: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"# Memory of {memory['name']}",
        "",
        f"Arena (RAM, the caller's): {memory['arena_bytes']} bytes.{_state(memory)} "
        f"Constants (flash): {memory['constant_bytes']} bytes. Writable static data: none.",
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
    lines += _instruction_lines(memory) if memory["instructions"] else ["", _NOT_ESTIMATED]
    stream = memory.get("stream")
    stacks = memory["stack_bytes"].items()
    if not stacks:
        return "\n".join([*lines, "", _NO_STACK]) + "\n"
    lines += [
        "",
        "Stack beside the arena, measured on an emulated core, kernel by kernel; your compiler and "
        "flags may give other figures. Interrupts come on top.",
        "",
        f"| core | {memory['name']}_run |{_listening(stream, 'with the listener')} measured with |",
        f"|---|---:|{_listening(stream, '---:', '')}---|",
    ]
    for target, stack in stacks:
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


def _instruction_lines(memory: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "Instructions of one inference, and code, estimated from rates that were measured kernel "
        "by kernel on emulated cores. Instructions are not cycles. No input takes more than the "
        "column `at most`.",
        "",
        "| core | instructions | at most | code |",
        "|---|---:|---:|---:|",
    ]
    for core, cost in memory["instructions"].items():
        code = memory["code_bytes"][core]
        lines.append(f"| {core} | {cost['typical']} | {cost['worst']} | {code} |")
    lines += ["", f"| instructions | {' | '.join(memory['instructions'])} |"]
    lines.append("|---" + "|---:" * len(memory["instructions"]) + "|")
    for row in memory["layers"]:
        told = " | ".join(str(cost["typical"]) for cost in row["instructions"].values())
        lines.append(f"| {row['name']} | {told} |")
    return lines


def _listening(stream: dict[str, Any] | None, text: str, pad: str = " ") -> str:
    """A further cell of a row, where there is a listener."""
    return "" if stream is None else f"{pad}{text}{pad}|"


def _path(row: dict[str, Any]) -> str:
    reasons = "; ".join(row["general_because"])
    return f"{row['path']}: {reasons}" if reasons else str(row["path"])
