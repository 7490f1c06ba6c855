"""Sizes of the code of exports, by parts: for bench/firmware_rates.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from firmware_size import COPYING, START_UP, symbols, undefined
from nonnegative import nonnegative

from firmware_export.code_parts import code_parts
from firmware_export.lowered import Lowered
from firmware_export.targets import Target
from firmware_export.toolchain import compile_program

__all__ = ["code_bytes", "code_of", "code_rates", "code_samples"]

PROGRAM = """\
#define {upper}_IMPLEMENTATION
#include "{name}.h"
static uint32_t arena[{upper}_ARENA_BYTES / 4];
static int32_t output[{upper}_OUTPUTS];
static uint8_t input[{upper}_INPUT_BYTES];
int main(void) {{
    return {name}_run(input, output, arena);
}}
"""


def code_samples(nets: Sequence[Lowered]) -> list[Lowered]:
    """Of all networks those that are the first with their kernels, and the smallest mixtures."""
    found: dict[frozenset[str], Lowered] = {}
    for net in nets:
        found.setdefault(frozenset(code_parts(net)), net)
    return list(found.values())


def code_of(net: Lowered, target: Target, nets: Path, folder: Path, flags: tuple[str, ...]) -> int:
    """Bytes of the functions that an inference needs, linked."""
    source, program = folder / f"code_{net.name}.c", folder / f"code_{net.name}.elf"
    source.write_text(PROGRAM.format(name=net.name, upper=net.name.upper()))
    options = (*flags, f"-I{nets}")
    compile_program(target, [source], program, options)
    wanted = undefined(target, source, options)
    apart = {*START_UP, *(name for name in COPYING if name not in wanted)}
    return sum(size for _, size, name in symbols(target, program) if name not in apart)


def code_rates(nets: Sequence[Lowered], sizes: Sequence[int]) -> dict[str, float]:
    """Bytes by part."""
    parts = sorted({part for net in nets for part in code_parts(net)})
    matrix = np.array([[code_parts(net).get(part, 0) for part in parts] for net in nets], float)
    wanted = np.array(sizes, float)
    found = nonnegative(matrix / wanted[:, None], np.ones(len(nets)))
    return {part: float(size) for part, size in zip(parts, found, strict=True) if size > 0}


def code_bytes(rates: Mapping[str, float], net: Lowered) -> float:
    """By the rates."""
    return sum(rates.get(part, 0) * n for part, n in code_parts(net).items())
