"""Instructions, flash and RAM of one exported inference on every core, under QEMU.

    python bench/firmware_size.py MODEL [--clips FEATURES.npy] [--out DIR]

Instructions are counted, per address, by a QEMU plugin (bench/instruction_counter.c): the
difference between a program that runs the inference twice and one that runs it once, for the same
clip: the given one, or a word that ships with akrt, or noise for networks that hear no words.
Instructions are not cycles.
Code is every function that the inference needs, constants the read-only arrays that it needs and
the arrays of classes and labels, stack what was overwritten of a painted stack.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import akrt
import firmware_export
from akrt.frontends import sound_front_end_of
from firmware_export.targets import TARGETS, Target
from firmware_export.toolchain import compile_program, need_program

WORD = Path(akrt.__file__).parent / "data" / "clips" / "yes" / "espeak_f5.flac"
CORES = ("m4", "cortex-m0", "m3", "m7", "m33", "m55", "rv32")
NAME = "net"
STACK_WORDS = 512
START_UP = ("main", "akrt_reset", "akrt_start", "fault", "leave")
COPYING = ("memcpy", "memset")
"""The start-up wants them; whether the inference does, its object tells."""

METHOD = """\
# One inference of the exported network

Instructions (not cycles) of one inference of one clip (the word that ships as
`clips/yes/espeak_f5.flac`), counted per address by a QEMU plugin: a program that runs it twice
minus one that runs it once. Code is the functions that the inference
needs, library functions included; constants are the arrays that are linked, and those of classes
and labels; stack is what an inference overwrote of a painted stack, rounded up to 8 bytes. Bytes
everywhere. A clip that could saturate a global sum takes the position-by-position path instead and
costs more: an input made for it does; noise, zeros and none of 1,631 recordings did.

"""

PROGRAM = """\
#define NET_IMPLEMENTATION
#include "net.h"
#include "net_vectors.h"
static uint32_t arena[NET_ARENA_BYTES / 4];
static int32_t output[NET_OUTPUTS];
int main(void) {{
    for (int32_t i = 0; i < {runs}; i++) {{
        if (net_run(net_vector_inputs, (void *)output, arena) != 0) {{
            return 1;
        }}
    }}
    return 0;
}}
"""

STACK_PROGRAM = """\
#define NET_IMPLEMENTATION
#include "net.h"
#include "net_vectors.h"
static uint32_t arena[NET_ARENA_BYTES / 4];
static int32_t output[NET_OUTPUTS];
int main(void) {{
    __typeof__(net_run) *volatile run = net_run;
    volatile uint32_t here = 0;
    volatile uint32_t *low = (volatile uint32_t *)((uintptr_t)&here & ~(uintptr_t)3) - {words} - 8;
    int32_t used = {words};
    for (int32_t i = 0; i < {words}; i++) {{
        low[i] = 0xDEADBEEFu;
    }}
    if (run(net_vector_inputs, (void *)output, arena) != 0) {{
        return 255;
    }}
    while (used > 0 && low[{words} - used] == 0xDEADBEEFu) {{
        used--;
    }}
    return (int)((used + 8 + 1) / 2);
}}
"""


def build_counter(folder: Path) -> Path:
    """The plugin as a shared object."""
    plugin = folder / "instruction_counter.so"
    source = Path(__file__).with_name("instruction_counter.c")
    compiler = need_program(("gcc", "cc"), "gcc")
    command = [compiler, "-O2", "-shared", "-fPIC", str(source), "-o", str(plugin)]
    subprocess.run(command, check=True)
    return plugin


def counts(target: Target, program: Path, plugin: Path) -> dict[int, int]:
    """Executions of every address of `program`."""
    out = program.with_suffix(".counts")
    options = f"{plugin},base={target.rom[0]:#x},size={target.rom[1]:#x},out={out}"
    command = [target.runner[0], "-plugin", options, *target.runner[1:], str(program)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return {int(a): int(n) for a, n in (line.split() for line in out.read_text().splitlines())}


def symbols(target: Target, program: Path, kind: str = "FUNC") -> list[tuple[int, int, str]]:
    """(address, size, name) of every function or, if `kind` is OBJECT, variable."""
    nm = need_program((re.sub("gcc$", "nm", target.compiler[0]),), target.package)
    text = subprocess.run(
        [nm, "-f", "sysv", str(program)], capture_output=True, text=True, check=True
    )
    found = []
    for line in text.stdout.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7 and fields[3] == kind and fields[4]:
            found.append((int(fields[1], 16) & ~1, int(fields[4], 16), fields[0]))
    return sorted(found)


def undefined(target: Target, source: Path, options: tuple[str, ...]) -> set[str]:
    """What the object of `source` wants from libraries."""
    compiler = need_program(target.compiler, target.package)
    compiled = source.with_suffix(".o")
    command = [compiler, "-std=c99", *target.flags, *options, "-c", str(source), "-o"]
    subprocess.run([*command, str(compiled)], check=True)
    nm = need_program((re.sub("gcc$", "nm", target.compiler[0]),), target.package)
    text = subprocess.run([nm, "-u", str(compiled)], capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in text.stdout.splitlines()}


def measure(
    target: Target, export: Path, flags: tuple[str, ...], folder: Path, plugin: Path
) -> dict[str, Any]:
    """Figures of one core."""
    options = (*flags, f"-I{export}", "-ffunction-sections", "-fdata-sections")
    totals, program = [], folder / "twice.elf"
    for runs in (1, 2):
        source = folder / "bench.c"
        source.write_text(PROGRAM.format(runs=runs))
        program = folder / f"run{runs}.elf"
        compile_program(target, [source], program, options)
        totals.append(counts(target, program, plugin))
    once, twice = totals
    wanted = undefined(target, folder / "bench.c", options)
    by_function: dict[str, int] = {}
    code = 0
    for address, size, name in symbols(target, program):
        if name in START_UP or (name in COPYING and name not in wanted):
            continue
        code += size
        n = sum(v for a, v in twice.items() if address <= a < address + size)
        by_function[name] = n // 2
    # the input is an array of the program, and the start-up has the table of vectors
    constants = sum(
        size
        for address, size, name in symbols(target, program, "OBJECT")
        if target.rom[0] <= address < sum(target.rom)
        and name not in ("net_vector_inputs", "vectors")
    )
    stack = folder / "stack.c"
    stack.write_text(STACK_PROGRAM.format(words=STACK_WORDS))
    stack_program = folder / "stack.elf"
    compile_program(target, [stack], stack_program, options)
    done = subprocess.run([*target.runner, str(stack_program)], capture_output=True)
    return {
        "instructions": sum(twice.values()) - sum(once.values()),
        "code": code,
        "constants": constants,
        "stack": done.returncode * 8,
        "functions": dict(sorted(by_function.items(), key=lambda item: -item[1])),
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--clips", help="uint8 features (N, X, Y, C); the first is run")
    parser.add_argument("--out", type=Path, help="folder for firmware.json and firmware.md")
    parser.add_argument("--flags", default="-O2")
    parser.add_argument("--cores", default=",".join(CORES))
    parser.add_argument("--profile", action="store_true", help="also list functions")
    arguments = parser.parse_args()
    model = akrt.load(arguments.model)
    vectors = None if arguments.clips is None else np.load(arguments.clips)[:1]
    if vectors is None and model.preprocessing is not None:
        vectors = sound_front_end_of(model).from_file(WORD)[None]
    rows = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        report = firmware_export.export(model, folder / "export", name=NAME, vectors=vectors)
        plugin = build_counter(folder)
        for core in arguments.cores.split(","):
            flags = tuple(arguments.flags.split())
            rows[core] = measure(TARGETS[core], folder / "export", flags, folder, plugin)
            if arguments.profile:
                print(core, rows[core]["functions"])
            del rows[core]["functions"]
            rows[core]["constants"] += report.memory["class_constant_bytes"]
            rows[core]["arena"] = report.arena_bytes
    table = [
        "| core | instructions | code | constants | flash | arena | stack | RAM |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for core, row in rows.items():
        flash = row["code"] + row["constants"]
        ram = row["arena"] + row["stack"]
        table.append(
            f"| {core} | {row['instructions']:,} | {row['code']:,} | {row['constants']:,} | "
            f"{flash:,} | {row['arena']:,} | {row['stack']:,} | {ram:,} |"
        )
    print("\n".join(table))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "firmware.md").write_text(METHOD + "\n".join(table) + "\n")
        (arguments.out / "firmware.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
