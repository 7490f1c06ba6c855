"""Exports compiled for this machine, many networks to a program, and run on inputs."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import firmware_export
from akrt.model import Model

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


def driver(models: Sequence[Model], folder: Path, vectors: Sequence[np.ndarray]) -> Path:
    """A program that runs every model on inputs from stdin and writes int32 outputs to stdout.

    The arenas are allocated to the byte, so that a sanitizer sees a write beyond them.
    """
    lines = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>"]
    calls = []
    for i, (model, x) in enumerate(zip(models, vectors, strict=True)):
        name = f"net_{i}"
        firmware_export.export(model, folder / name, name=name)
        upper = name.upper()
        lines += [f"#define {upper}_IMPLEMENTATION", f'#include "{name}/{name}.h"']
        calls.append(
            f"run({name}_run, {len(x)}, {upper}_INPUT_BYTES, {upper}_OUTPUTS, {upper}_ARENA_BYTES);"
        )
    lines += [
        "static void run(int (*f)(const uint8_t *, int32_t *, void *), int samples, size_t in,",
        "                size_t out, size_t arena_bytes) {",
        "    for (int n = 0; n < samples; n++) {",
        "        uint8_t *input = (uint8_t *)malloc(in);",
        "        int32_t *output = (int32_t *)malloc(out * 4);",
        "        void *arena = malloc(arena_bytes);",
        "        memset(arena, 0xA5, arena_bytes);",
        "        if (fread(input, 1, in, stdin) != in || f(input, output, arena) != 0) exit(9);",
        "        fwrite(output, 4, out, stdout);",
        "        free(input); free(output); free(arena);",
        "    }",
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
    """What a driver program writes for `vectors`, as int32 arrays (N, X, Y, C)."""
    data = b"".join(np.ascontiguousarray(x).tobytes() for x in vectors)
    done = subprocess.run(program, input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[:4000]
    flat = np.frombuffer(done.stdout, f"{order}i4")
    results, at = [], 0
    for model, x in zip(models, vectors, strict=True):
        count = len(x) * math.prod(model.output_shape)
        results.append(flat[at : at + count].reshape(len(x), *model.output_shape))
        at += count
    assert at == flat.size
    return results
