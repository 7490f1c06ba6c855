"""Stack of every kernel of an export on every core, under QEMU: firmware_export/stack_figures.py.

    python bench/firmware_stack.py > figures.py && mv figures.py firmware_export/stack_figures.py
    ruff format firmware_export/stack_figures.py

With --akida2 those of networks of Akida 2.0 are measured; the others stay as they are.

Small networks, of one layer and of a few, run on a painted stack, as in bench/firmware_size.py; a
kernel's figure is the most that <name>_run overwrote in any network that calls it, itself included.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from akida2_stack_networks import AKIDA2_LIGHT, akida2_networks
from firmware_size import CORES, NAME, STACK_PROGRAM, STACK_WORDS
from stream_cost import STACK_PROGRAM as STREAM_PROGRAM
from stream_cost import with_memory

import firmware_export
from akrt.decision import StreamSettings
from akrt.model import (
    Add,
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)
from akrt.runtime import bundled_model
from firmware_export.lowered import lower
from firmware_export.stack_figures import FRONT_ENDS, KERNELS, STREAM
from firmware_export.stream import c_front_end
from firmware_export.targets import TARGETS, Target
from firmware_export.toolchain import compile_program, need_program, run_program

FLAGS = ("-O2",)
LIGHT = (
    "akrt_pack_rows",
    "akrt_unpack_rows",
    "akrt_pack_line",
    "akrt_row_line",
    "akrt_unpack_line",
    "akrt_widen_line",
    "akrt_max_line",
    "akrt_sums_line",
)
"""Only networks with another kernel call them; they take less."""
POOLINGS = (None, Pooling("max", (2, 2), (2, 2)), Pooling("average"))
WIDE = Pooling("max", (5, 5), (5, 5))
"""More than the kernels of runs take."""


def networks() -> list[Model]:
    """A network for every kernel and every form of its activation."""
    rng = np.random.default_rng(1)
    bare = Model((InputData("in", (6, 5, 8), 3),))
    found = [bare]

    def weights(bits: int, *shape: int) -> np.ndarray:
        return rng.integers(-(1 << bits - 1) + 1, 1 << bits - 1, shape).astype(np.int8)

    def common(name: str, bits: int, act_bits: int | None, filters: int) -> dict[str, Any]:
        wide = act_bits == 1  # beyond bisection: levels in a table
        return {
            "name": name,
            "weights_bits": bits,
            "act_bits": act_bits,
            "threshold": np.full(filters, 1 << 24 if wide else 100, np.int32),
            "act_step": np.linspace(20, 90, filters, dtype=np.float32),
        }

    def add(*layers: AnyLayer, shape: tuple[int, int, int] | None = None) -> None:
        source = () if shape is None else (InputData("in", shape, 4),)
        found.append(Model((*source, *layers)))

    for pooling, bits, width in product((*POOLINGS, WIDE), (None, 1, 4), (4, 8)):
        plain = {"pooling": pooling, **common("conv", width, bits, 6)}
        add(Convolutional(weights=weights(width, 3, 3, 8, 6), **plain), shape=(6, 6, 8))
        both = {"pooling": pooling, **common("separable", width, bits, 6)}
        add(
            SeparableConvolutional(
                depthwise=weights(width, 3, 3, 8), pointwise=weights(width, 8, 6), **both
            ),
            shape=(6, 6, 8),
        )
    for pooling, bits in product((None, POOLINGS[2]), (None, 1, 4)):
        tall = {"pooling": pooling, **common("tall", 4, bits, 6)}  # more than lines are read
        add(Convolutional(weights=weights(4, 17, 1, 8, 6), **tall), shape=(18, 3, 8))
    for bits, width in product((None, 1, 4), (4, 8)):
        add(
            FullyConnected(weights=weights(width, 40, 6), **common("dense", width, bits, 6)),
            shape=(1, 1, 40),
        )
        lines = common("dense", width, bits, 6)
        add(FullyConnected(weights=weights(width, 72, 6), **lines), shape=(3, 3, 8))
        added = common("sum", 4, bits, 8)
        del added["weights_bits"]
        given = InputData("in", (4, 4, 8), 4)
        found.append(Model((given, Add(**added)), inputs={"sum": ("in", "in")}))
        general = SeparableConvolutional(
            depthwise=weights(8, 3, 3, 8),
            pointwise=weights(8, 8, 8),
            **common("general", 8, 4, 8),
        )
        inputs = {"sum": ("in", "general")}
        found.append(Model((given, general, Add(**added)), inputs=inputs))
    for kernel, stride in ((1, 1), (3, 1), (3, 2), (5, 1), (5, 2)):
        step = {"stride": (stride, stride)}
        add(
            InputConvolutional(
                input_shape=(6, 10, 3),
                weights=weights(8, kernel, kernel, 3, 16),
                **step,
                **common("first", 8, 4, 16),
            )
        )
        conv = Convolutional(
            weights=weights(4, kernel, kernel, 24, 16), **step, **common("conv", 4, 4, 16)
        )
        wide = Convolutional(weights=weights(8, 3, 3, 16, 8), **common("wide", 8, 4, 8))
        add(conv, shape=(6, 10, 24))
        add(conv, wide, shape=(6, 10, 24))
        separable = SeparableConvolutional(
            depthwise=weights(4, kernel, kernel, 40),
            pointwise=weights(4, 40, 24),
            pooling=POOLINGS[2],
            **step,
            **common("separable", 4, 4, 24),
        )
        add(separable, shape=(6, 10, 40))
    for channels, width, bits in ((32, 4, 4), (32, 4, 2), (64, 4, 4), (32, 2, 4), (30, 4, 4)):
        separable = SeparableConvolutional(
            depthwise=weights(width, 3, 3, channels),
            pointwise=weights(width, channels, 20),
            **common("rows", width, bits, 20),
        )
        add(separable, shape=(6, 5, channels))
        first = InputConvolutional(
            input_shape=(12, 10, 1),
            weights=weights(8, 5, 5, 1, channels),
            stride=(2, 2),
            **common("first", 8, bits, channels),
        )
        add(first, separable)
        pooled = SeparableConvolutional(
            depthwise=np.full((3, 3, 20), 7, np.int8),  # saturates: summed by position
            pointwise=np.full((20, 7), 7, np.int8),
            pooling=POOLINGS[2],
            **common("sum", 4, 4, 7),
        )
        general = Convolutional(weights=weights(4, 1, 1, 7, 5), **common("conv", 4, 4, 5))
        dense = FullyConnected(weights=weights(4, 5, 4), **common("dense", 4, None, 4))
        add(first, separable, pooled, general, dense)
    for bits in (None, 2, 4):
        add(
            SeparableConvolutional(
                depthwise=np.full((3, 3, 32), 7, np.int8),  # saturates: summed by position
                pointwise=np.full((32, 7), 7, np.int8),
                pooling=POOLINGS[2],
                **common("sum", 4, bits, 7),
            ),
            shape=(20, 5, 32),
        )
    return found


def stack_of(target: Target, export: Path, folder: Path, program: str = "") -> int:
    """Bytes of stack that an inference of the first vector takes, in steps of 8."""
    source, elf = folder / "stack.c", folder / "stack.elf"
    source.write_text(program or STACK_PROGRAM.format(words=STACK_WORDS))
    options = (*FLAGS, f"-I{export}", "-Wno-unused-function")
    compile_program(target, [source], elf, options)
    return run_program(target, elf) * 8


def figures(folder: Path, models: list[Model]) -> dict[str, dict[str, int]]:
    """By kernel and core."""
    found: dict[str, dict[str, int]] = {}
    for i, model in enumerate(models):
        export = folder / f"export{i}"
        top = np.full((1, *model.input_shape), min(model.entry.high, 255), model.entry.dtype)
        firmware_export.export(model, export, name=NAME, vectors=top)
        for core in CORES:
            stack = stack_of(TARGETS[core], export, folder)
            for kernel in deepest(model):
                row = found.setdefault(kernel, {})
                row[core_name(core)] = max(row.get(core_name(core), 0), stack)
    return found


def kernels_of(model: Model) -> set[str]:
    """All that an export calls."""
    return {work.kernel for step in lower(model, NAME).steps for work in step.works}


def deepest(model: Model) -> set[str]:
    """The kernels that a network's stack is put down to.

    Those of rows take more than others, and those of 8-bit weights than others of lines.
    """
    if model.version == 2:
        called = kernels_of(model)
        return called - set(AKIDA2_LIGHT) or called
    called = kernels_of(model) - set(LIGHT)
    rows = {kernel for kernel in called if kernel.endswith("_rows") or "_rows_" in kernel}
    if "akrt_wide_lines" in called:
        return {"akrt_wide_lines"}
    return rows or called - {"akrt_widen"} or called


def stream_figures(folder: Path) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """By core: what listening takes besides the inference, windows computed whole or not; by front
    end, where none is due."""
    model = bundled_model()
    ways = {False: folder / "whole", True: folder / "incremental"}
    for incremental, export in ways.items():
        firmware_export.export(
            model, export, name=NAME, stream=StreamSettings(), incremental=incremental
        )
    besides, alone = {}, {}
    for core in CORES:
        target, name = with_memory(core), core_name(core)
        both = [stack_of(target, e, folder, listening("NET_STREAM_EVERY")) for e in ways.values()]
        besides[name] = max(both) - stack_of(target, ways[False], folder)
        alone[name] = stack_of(target, ways[False], folder, listening("1"))
    return besides, {c_front_end(model).state: alone}


def listening(hops: str) -> str:
    """A program that hears so many hops of noise."""
    noise = np.random.default_rng(1).normal(0, 3000, 640).round().astype(int)
    return STREAM_PROGRAM.format(sound=", ".join(map(str, noise)), hops=hops)


def core_name(core: str) -> str:
    """As `TARGETS` has it."""
    return TARGETS[core].name


def compiler_of(core: str) -> str:
    """Compiler, version and flags."""
    target = TARGETS[core]
    compiler = need_program(target.compiler, target.package)
    done = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True)
    flags = [flag for flag in target.flags if flag.startswith(("-mcpu", "-march"))]
    return " ".join([Path(compiler).name, done.stdout.strip(), *FLAGS, *flags])


def main() -> None:
    """Measure and print the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--akida2", action="store_true", help="measure Akida 2.0 alone")
    arguments = parser.parse_args()
    kernels, stream, front_ends = dict(KERNELS), STREAM, FRONT_ENDS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if not arguments.akida2:
            kernels = figures(folder, networks())
            stream, front_ends = stream_figures(folder)
        kernels = kernels | figures(folder, akida2_networks())
    compilers = {core_name(core): compiler_of(core) for core in CORES}
    print('"""Stack of the kernels, measured: written by bench/firmware_stack.py."""\n')
    print("from __future__ import annotations\n")
    print('__all__ = ["FRONT_ENDS", "KERNELS", "MEASURED_WITH", "STREAM"]\n')
    print(f"MEASURED_WITH: dict[str, str] = {compilers}")
    print(f"KERNELS: dict[str, dict[str, int]] = {dict(sorted(kernels.items()))}")
    print('"""Bytes that <name>_run takes if it calls this kernel, by core."""')
    print(f"STREAM: dict[str, int] = {stream}")
    print('"""Bytes that <name>_stream_feed takes besides <name>_run."""')
    print(f"FRONT_ENDS: dict[str, dict[str, int]] = {front_ends}")
    print('"""Bytes that <name>_stream_feed takes where no inference is due, by core."""')


if __name__ == "__main__":
    main()
