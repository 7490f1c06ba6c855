"""Exports compiled, many networks to a program, and run: on inputs here, as self-tests anywhere."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import firmware_export
from akrt.model import Model
from firmware_export.lowered import Optimise
from firmware_export.targets import TARGETS, Target
from firmware_export.toolchain import compile_program, run_program

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def tool(*names: str) -> str:
    """The first of these programs that is installed; skips the test where none is."""
    for name in names:
        if (path := shutil.which(name)) is not None:
            return path
    pytest.skip(f"{' or '.join(names)} is not installed")


def build(source: Path, program: Path, *flags: str, compiler: str = "gcc") -> None:
    """Compile `source` to `program`; the test fails with the compiler's words."""
    command = [tool(compiler), *WARNINGS, *flags, str(source), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]


def with_memory(name: str) -> Target:
    """The target, on a machine that holds the networks: the board of the M0 has 16 KiB of RAM."""
    target = TARGETS[name]
    if name != "cortex-m0":
        return target
    board = TARGETS["m3"]
    return replace(target, runner=board.runner, rom=board.rom, ram=board.ram)


def self_test(
    target: Target, names: Sequence[str], folder: Path, *flags: str, into: Path | None = None
) -> None:
    """Run the self-tests of the exports `folder`/name/ in one program, which compiles every kernel
    once, in the folder `into`; the test fails with the name of the network that differs."""
    assert 0 < len(names) < 250  # what an exit status can tell
    lines = []
    for name in names:
        lines += [f"#define {name.upper()}_SELFTEST", f'#include "{name}/{name}_selftest.c"']
    calls = [f"    if ({name}_selftest() != 0) return {i};" for i, name in enumerate(names, 1)]
    main = (into or folder) / "selftests.c"
    main.write_text("\n".join([*lines, "int main(void) {", *calls, "    return 0;", "}", ""]))
    program = main.with_suffix(".elf")
    compile_program(target, [main], program, (*flags, f"-I{folder}"))
    status = run_program(target, program)
    assert status == 0, names[status - 1] if status <= len(names) else status


def driver(models: Sequence[Model], folder: Path, vectors: Sequence[np.ndarray]) -> Path:
    """A program that runs every model on inputs from stdin and writes its outputs to stdout.

    Every other model is exported for RAM. Inputs are given as a whole and line by line: the program
    ends with 13 where that differs. The arenas are allocated to the byte, so that a sanitizer sees
    a write beyond them. Inputs of a network with memory are steps in time, from the first on.
    """
    lines = ["#include <stdint.h>", "#include <stdio.h>", "#include <stdlib.h>"]
    lines += [
        "#include <string.h>",
        "typedef struct net {",
        "    int (*whole)(const void *, void *, void *, void *);",
        "    int (*begin)(void *);",
        "    int (*one)(void *, const void *);",
        "    int (*finish)(void *, void *, void *);",
        "    int (*reset)(void *);",
        "    size_t in, out, arena, lines, held, state;",
        "} net;",
    ]
    calls = []
    for i, (model, x) in enumerate(zip(models, vectors, strict=True)):
        name = f"net_{i}"
        optimise: Optimise = "ram" if i % 2 else "speed"
        firmware_export.export(model, folder / name, name=name, optimise=optimise)
        upper = name.upper()
        lines += [f"#define {upper}_IMPLEMENTATION", f'#include "{name}/{name}.h"']
        sizes = ("INPUT_BYTES", "OUTPUTS", "ARENA_BYTES", "LINES", "LINES_ARENA_BYTES")
        given = "float" if model.entry.dtype == "float32" else f"{model.entry.dtype}_t"
        made = "float" if model.gives_floats else "int32_t"
        state = "s, " if model.stateful else ""
        lines += [
            f"static int whole_{i}(const void *x, void *y, void *s, void *a) {{",
            "    (void)s;",
            f"    return {name}_run((const {given} *)x, ({made} *)y, {state}a);",
            "}",
            f"static int one_{i}(void *a, const void *x) {{",
            f"    return {name}_line(a, (const {given} *)x);",
            "}",
            f"static int finish_{i}(void *a, void *s, void *y) {{",
            "    (void)s;",
            f"    return {name}_finish(a, {state}({made} *)y);",
            "}",
        ]
        reset = f"{name}_reset" if model.stateful else "NULL"
        functions = (f"whole_{i}", f"{name}_begin", f"one_{i}", f"finish_{i}", reset)
        lines.append(
            f"static const net {name}_net = {{{', '.join(functions)}, "
            f"{', '.join(f'{upper}_{size}' for size in sizes)}, "
            f"{upper + '_STATE_BYTES' if model.stateful else '0'}}};"
        )
        calls.append(f"run(&{name}_net, {len(x)});")
    lines += [
        "static void run(const net *n, int samples) {",
        "    const size_t line = n->in / n->lines;",
        "    void *state = malloc(n->state), *other = malloc(n->state);",
        "    if (n->reset != NULL && (n->reset(state) != 0 || n->reset(other) != 0)) exit(14);",
        "    for (int s = 0; s < samples; s++) {",
        "        uint8_t *input = (uint8_t *)malloc(n->in), *one = (uint8_t *)malloc(line);",
        "        int32_t *output = (int32_t *)malloc(n->out * 4);",
        "        int32_t *again = (int32_t *)malloc(n->out * 4);",
        "        void *arena = malloc(n->arena), *held = malloc(n->held);",
        "        memset(arena, 0xA5, n->arena);",
        "        memset(held, 0xA5, n->held);",
        "        if (fread(input, 1, n->in, stdin) != n->in) exit(8);",
        "        if (n->whole(input, output, state, arena) != 0) exit(9);",
        "        if (n->begin(held) != 0) exit(10);",
        "        for (size_t x = 0; x < n->lines; x++) {",
        "            memcpy(one, input + x * line, line);",
        "            if (n->one(held, one) != 0) exit(11);",
        "        }",
        "        if (n->finish(held, other, again) != 0) exit(12);",
        "        if (memcmp(output, again, n->out * 4) != 0) exit(13);",
        "        fwrite(output, 4, n->out, stdout);",
        "        free(input); free(one); free(output); free(again); free(arena); free(held);",
        "    }",
        "    free(state); free(other);",
        "}",
        "int main(void) {",
        *calls,
        "    return 0;",
        "}",
    ]
    path = folder / "driver.c"
    path.write_text("\n".join(lines) + "\n")
    return path


def outputs(
    program: Sequence[str], models: Sequence[Model], vectors: Sequence[np.ndarray], order: str = "<"
) -> list[np.ndarray]:
    """What a driver program writes for `vectors`, as arrays (N, X, Y, C) of int32, or of float32
    where a network gives floats."""
    data = b"".join(np.ascontiguousarray(x).tobytes() for x in vectors)
    done = subprocess.run(program, input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[:4000]
    flat = np.frombuffer(done.stdout, f"{order}i4")
    results, at = [], 0
    for model, x in zip(models, vectors, strict=True):
        count = len(x) * math.prod(model.output_shape)
        found = flat[at : at + count].view(f"{order}f4" if model.gives_floats else f"{order}i4")
        results.append(found.reshape(len(x), *model.output_shape))
        at += count
    assert at == flat.size
    return results
