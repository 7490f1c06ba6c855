"""Sizes of the code of exports, by parts: for bench/firmware_rates.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from firmware_size import COPYING, START_UP, symbols, undefined
from nonnegative import nonnegative

from firmware_export.code_parts import code_parts, kernel_parts, own_parts
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
    int (*volatile run)(const uint8_t *, int32_t *, void *) = {name}_run; /* is not put into main */
    return run(input, output, arena);
}}
"""


def code_samples(nets: Sequence[Lowered]) -> list[Lowered]:
    """Of all networks those that are the first with their kernels."""
    found: dict[frozenset[str], Lowered] = {}
    for net in nets:
        found.setdefault(frozenset(code_parts(net)), net)
    return list(found.values())


def code_of(
    net: Lowered, target: Target, nets: Path, folder: Path, flags: tuple[str, ...]
) -> tuple[int, int]:
    """Bytes of the functions that an inference needs, linked: the network's own, and others."""
    source, program = folder / f"code_{net.name}.c", folder / f"code_{net.name}.elf"
    source.write_text(PROGRAM.format(name=net.name, upper=net.name.upper()))
    options = (*flags, f"-I{nets}")
    compile_program(target, [source], program, options)
    wanted = undefined(target, source, options)
    apart = {*START_UP, *(name for name in COPYING if name not in wanted)}
    sizes = [(size, name) for _, size, name in symbols(target, program) if name not in apart]
    own = sum(size for size, name in sizes if name.startswith(f"{net.name}_"))
    return own, sum(size for size, _ in sizes) - own


def code_rates(nets: Sequence[Lowered], sizes: Sequence[tuple[int, int]]) -> dict[str, float]:
    """Bytes by part."""
    parts = sorted({part for net in nets for part in code_parts(net)})
    rows, wanted = [], []
    for net, (own, others) in zip(nets, sizes, strict=True):
        chosen = [(own_parts(net), own), (kernel_parts(net), others)]
        if any(kernel in _INLINE for kernel in net.kernels):  # they may be in the network's own
            chosen = [(code_parts(net), own + others)]
        for told, size in chosen:
            scale = max(own + others, _NOTABLE)
            rows.append([told.get(part, 0) / scale for part in parts])
            wanted.append(size / scale)
    found = nonnegative(np.array(rows), np.array(wanted))
    return {part: float(size) for part, size in zip(parts, found, strict=True) if size > 0}


_NOTABLE = 2000
"""Bytes: less is not worth a better fit."""
_INLINE = (
    "akrt_layer_add",
    "akrt_layer_dense",
    "akrt_pack_rows",
    "akrt_unpack_rows",
    "akrt_widen",
)


def code_bytes(rates: Mapping[str, float], net: Lowered) -> float:
    """By the rates."""
    return sum(rates.get(part, 0) * n for part, n in code_parts(net).items())
