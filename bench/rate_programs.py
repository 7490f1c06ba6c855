"""Programs that run many networks, and what every inference takes: for bench/firmware_rates.py."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
from firmware_size import symbols
from rate_mixtures import level_networks, mixed_networks, row_chains
from rate_networks import general_networks, rate_networks

from akrt.model import Model
from firmware_export import headers, lowered
from firmware_export.lowered import Lowered
from firmware_export.targets import TARGETS, Target
from firmware_export.toolchain import compile_program

__all__ = [
    "FLAGS",
    "MOST",
    "NONE",
    "Case",
    "between_marks",
    "cases",
    "inference_counts",
    "machine",
    "measure_core",
    "run_program",
    "write_net",
]

FLAGS = ("-O2", "-ffunction-sections", "-fdata-sections")
MOST, RANDOM, SPARSE, NONE = range(4)
"""Kinds of inputs: all the largest, noise, noise half of which is zero, zeros; 4 + n: all n."""
_LEVELS = 16
_PROGRAM_BYTES = 300_000
"""Of constants: a program of these fits every machine."""

INCLUDED = """\
#define {upper}_IMPLEMENTATION
#include "{name}.h"
"""
PROGRAM = """\
static uint32_t arena[{arena} / 4 + 2];
static int32_t output[{outputs}];
static uint8_t input[{inputs}];
__attribute__((noinline)) static void mark(void) {{ __asm__ volatile(""); }}
__attribute__((noinline)) static void fill(int32_t kind, int32_t count, int32_t bits) {{
    uint32_t seed = 1;
    for (int32_t i = 0; i < count; i++) {{
        uint32_t value = (1u << bits) - 1;
        seed = seed * 1664525u + 1013904223u;
        if (kind == 1 || kind == 2) {{
            value &= seed >> 16;
        }}
        if (kind == 3 || (kind == 2 && (seed >> 31) != 0)) {{
            value = 0;
        }}
        input[i] = (uint8_t)(kind < 4 ? value : (uint32_t)kind - 4);
    }}
}}
int main(void) {{
{calls}    return 0;
}}
"""


@dataclass(frozen=True)
class Case:
    """A network, and the inputs that it is run on."""

    net: Lowered
    kinds: tuple[int, ...]
    levels: bool = False


def cases() -> list[Case]:
    """All networks, lowered."""
    found: list[Case] = []
    usual = [(model, False) for model in (*rate_networks(), *mixed_networks(), *row_chains())]
    forced = [(model, True) for model in general_networks()]
    for model, general in usual + forced:
        net = _lowered(model, f"n{len(found)}", general)
        typical = RANDOM if model.input_bits == 8 else SPARSE
        found.append(Case(net, (typical, MOST, NONE, RANDOM)))
    for model, general in [(m, g) for m in level_networks() for g in (False, True)]:
        net = _lowered(model, f"n{len(found)}", general)
        found.append(Case(net, (SPARSE, *range(4, 4 + _LEVELS)), levels=True))
    return found


def _lowered(model: Model, name: str, general: bool) -> Lowered:
    """A network; `general`: with the general kernels, wanted or not."""
    if not general:
        return lowered.lower(model, name)
    with patch.object(lowered, "line_obstacles", lambda does: ("measured",)):
        return lowered.lower(model, name)


def machine(core: str) -> Target:
    """Where the programs of a core run: those of a Cortex-M0 on a machine with more memory."""
    target = TARGETS[core]
    if core == "cortex-m0":
        larger = TARGETS["m3"]
        return replace(target, runner=larger.runner, rom=larger.rom, ram=larger.ram)
    return target


def programs(found: Sequence[Case]) -> list[list[int]]:
    """Numbers of the cases of every program: all kernels are in each."""
    total = sum(c.bytes for case in found for c in case.net.constants)
    count = -(-total // _PROGRAM_BYTES)
    return [list(range(start, len(found), count)) for start in range(count)]


def write_net(net: Lowered, folder: Path) -> None:
    """The C of a network."""
    texts = {
        f"{net.name}.h": headers.api_header(net, "0" * 64, "rates"),
        f"{net.name}_weights.h": headers.weights_header(net),
        f"{net.name}_kernels.h": headers.kernels_header(net, "rates"),
    }
    for path, text in texts.items():
        (folder / path).write_text(text)


def write_program(found: Sequence[Case], path: Path) -> None:
    """C that runs every case on its inputs, with a mark before and after."""
    text, calls = "", ""
    sizes = {"arena": 8, "outputs": 1, "inputs": 1}
    for case in found:
        name, model = case.net.name, case.net.model
        text += INCLUDED.format(name=name, upper=name.upper())
        inputs = int(np.prod(model.input_shape))
        for kind in case.kinds:
            calls += (
                f"    fill({kind}, {inputs}, {model.input_bits});\n    mark();\n"
                f"    if ({name}_run(input, output, arena) != 0) {{\n        return 1;\n    }}\n"
                f"    mark();\n"
            )
        sizes["arena"] = max(sizes["arena"], case.net.arena.bytes)
        sizes["outputs"] = max(sizes["outputs"], int(np.prod(model.output_shape)))
        sizes["inputs"] = max(sizes["inputs"], inputs)
    path.write_text(text + PROGRAM.format(calls=calls, **sizes))


def compiled(target: Target, source: Path, nets: Path, folder: Path) -> Path:
    """The program of a source."""
    program = folder / f"{source.stem}.elf"
    compile_program(target, [source], program, (*FLAGS, f"-I{nets}", "-Wno-unused-function"))
    return program


def marked(target: Target, program: Path, plugin: Path, whole: bool = False) -> list[np.ndarray]:
    """(addresses and executions, 2) of what runs between every other mark; `whole`: their sum."""
    parts = between_marks(target, program, plugin, whole)
    assert len(parts) % 2, "marks are in pairs"
    return parts[::2]


def between_marks(
    target: Target, program: Path, plugin: Path, whole: bool = False
) -> list[np.ndarray]:
    """The same between all marks that follow one another."""
    functions = symbols(target, program)
    (mark,) = (address for address, _, name in functions if name == "mark")
    end = max(address + size for address, size, _ in functions)
    out = program.with_suffix(".counts")
    options = f"{plugin},base={target.rom[0]},size={end - target.rom[0]},mark={mark},out={out}"
    options += f",sum={int(whole)}"
    command = [target.runner[0], "-plugin", options, *target.runner[1:], str(program)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    table = np.fromstring(out.read_text(), np.int64, sep=" ").reshape(-1, 2)
    marks = np.flatnonzero(table[:, 1] == 0)
    return [table[a + 1 : b] for a, b in pairwise(marks)]


def run_program(
    target: Target, source: Path, nets: Path, folder: Path, plugin: Path
) -> list[dict[str, int]]:
    """Instructions by function, of every inference of a program."""
    program = compiled(target, source, nets, folder)
    functions = symbols(target, program)
    starts = np.array([address for address, _, _ in functions])
    names = [name for _, _, name in functions]
    counted = []
    for part in marked(target, program, plugin):
        which = np.searchsorted(starts, part[:, 0], "right") - 1
        sums = np.bincount(which, part[:, 1], len(names))
        counted.append({names[i]: int(sums[i]) for i in np.flatnonzero(sums)})
        counted[-1].pop("mark", None)
    return counted


def measure_core(
    core: str, found: Sequence[Case], nets: Path, folder: Path, plugin: Path
) -> list[list[dict[str, int]]]:
    """Instructions by function of every run of every case."""
    target = machine(core)
    by_case: dict[int, list[dict[str, int]]] = {}
    own = folder / core
    own.mkdir()
    for number, chosen in enumerate(programs(found)):
        source = own / f"rates_{number}.c"
        write_program([found[i] for i in chosen], source)
        counted = run_program(target, source, nets, own, plugin)
        at = 0
        for i in chosen:
            by_case[i] = counted[at : at + len(found[i].kinds)]
            at += len(found[i].kinds)
    return [by_case[i] for i in range(len(found))]


RUNS_PROGRAM = """\
__asm__(".section .rodata.inputs; inputs: .incbin \\"{inputs}\\"; .text");
extern const uint8_t inputs[];
static uint32_t arena[{arena} / 4 + 2];
static int32_t output[{outputs}];
__attribute__((noinline)) static void mark(void) {{ __asm__ volatile(""); }}
int main(void) {{
    const uint8_t *input = inputs;
{loops}    return 0;
}}
"""
RUN_LOOP = """\
    for (int32_t i = 0; i < {count}; i++) {{
        mark();
        if ({name}_run(input, output, arena) != 0) {{
            return 1;
        }}
        mark();
        input += {upper}_INPUT_BYTES;
    }}
"""


def inference_counts(
    core: str, runs: Sequence[tuple[Lowered, np.ndarray]], folder: Path, plugin: Path
) -> list[list[int]]:
    """Instructions of inferences of networks, of each one of every input, uint8 (N, X, Y, C).

    Networks share a program where there is room.
    """
    target = machine(core)
    most = 3 * target.rom[1] // 4
    counted: list[list[int]] = [[] for _ in runs]
    parts: list[tuple[int, np.ndarray]] = []
    left = most
    for number, (net, inputs) in enumerate(runs):
        write_net(net, folder)
        constants = sum(constant.bytes for constant in net.constants)
        at = 0
        while at < len(inputs):
            room = (left - constants) // inputs[0].size
            if room < 1 and parts:
                _count(target, runs, parts, counted, folder, plugin)
                parts, left = [], most
                continue
            part = inputs[at : at + max(1, room)]
            parts.append((number, part))
            at += len(part)
            left -= constants + part.size
    _count(target, runs, parts, counted, folder, plugin)
    return counted


def _count(
    target: Target,
    runs: Sequence[tuple[Lowered, np.ndarray]],
    parts: Sequence[tuple[int, np.ndarray]],
    counted: list[list[int]],
    folder: Path,
    plugin: Path,
) -> None:
    """Add what the inferences of one program take."""
    nets = [runs[number][0] for number, _ in parts]
    data, source = folder / f"runs_{target.name}.bin", folder / f"runs_{target.name}.c"
    data.write_bytes(b"".join(inputs.tobytes() for _, inputs in parts))
    loops = ""
    for net, (_, inputs) in zip(nets, parts, strict=True):
        loops += RUN_LOOP.format(count=len(inputs), name=net.name, upper=net.name.upper())
    text = "".join(INCLUDED.format(name=net.name, upper=net.name.upper()) for net in nets)
    arena = max(net.arena.bytes for net in nets)
    outputs = max(int(np.prod(net.model.output_shape)) for net in nets)
    text += RUNS_PROGRAM.format(inputs=data, arena=arena, outputs=outputs, loops=loops)
    source.write_text(text)
    program = compiled(target, source, folder, folder)
    sums = [int(run[:, 1].sum()) for run in marked(target, program, plugin, whole=True)]
    for number, inputs in parts:
        counted[number] += sums[: len(inputs)]
        sums = sums[len(inputs) :]
