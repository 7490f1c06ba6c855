"""The keyword-spotting network on every core gives the host's integers on real clips."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from thorough import amount

import firmware_export
from akrt.backends.native import NativeBackend
from akrt.model import Model
from firmware_export.expected import layer_outputs
from firmware_export.targets import TARGETS
from firmware_export.toolchain import STACK, compile_program, linker_script, run_program
from firmware_export.verify import verify

from .compiled_export import driver, outputs, self_test, tool, with_memory
from .row_networks import row_network, saturating_network

ROW_SEEDS = (*range(12), 21, 27)
SMALL_ARENA = 10 << 10
LARGE = [name for name in TARGETS if name != "avr"]  # that one: test_sixteen_bits.py


@pytest.mark.parametrize("name", LARGE)
def test_real_clips_on_every_target(kws_export: Path, name: str) -> None:
    need(name)
    passed = verify(kws_export, name)
    assert passed.vectors >= 200


@pytest.fixture(scope="module")
def row_exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports of small arenas, saturating sums among them."""
    home = tmp_path_factory.mktemp("rows")
    samples = [row_network(seed) for seed in ROW_SEEDS]
    samples += [saturating_network(seed) for seed in range(4)]
    small_arenas = 0
    for i, (model, x) in enumerate(samples):
        report = firmware_export.export(model, home / f"n{i}", name=f"n{i}", vectors=x[:1])
        if report.arena_bytes < SMALL_ARENA:
            small_arenas += 1
        else:
            shutil.rmtree(home / f"n{i}")
    assert small_arenas > len(samples) // 2
    return home


@pytest.mark.parametrize("name", LARGE)
def test_row_networks_on_every_target(name: str, row_exports: Path, tmp_path: Path) -> None:
    """The kernels of every architecture against the reference."""
    need(name)
    names = sorted(path.name for path in row_exports.iterdir())
    self_test(with_memory(name), names, row_exports, "-O2", into=tmp_path)


def test_vectors_are_what_the_native_backend_gives(
    kws_model: Model, real_clips: np.ndarray
) -> None:
    wanted = NativeBackend(kws_model).run(real_clips)
    for sample, output in zip(real_clips, wanted, strict=True):
        np.testing.assert_array_equal(layer_outputs(kws_model, sample)[-1], output)


def test_outputs_of_a_big_endian_machine(tmp_path: Path) -> None:
    need("big-endian")
    samples = [row_network(seed) for seed in range(20, 26)]
    models, inputs = [m for m, _ in samples], [x for _, x in samples]
    source = driver(models, tmp_path, inputs)
    target = TARGETS["big-endian"]
    command = [target.compiler[0], "-std=c99", "-O2", *target.flags, str(source)]
    subprocess.run([*command, "-o", str(tmp_path / "driver")], check=True)
    results = outputs([*target.runner, str(tmp_path / "driver")], models, inputs, order=">")
    for model, x, result in zip(models, inputs, results, strict=True):
        np.testing.assert_array_equal(result, NativeBackend(model).run(x))


def test_soft_float_object_has_no_float_and_no_state(kws_export: Path, tmp_path: Path) -> None:
    compiler = tool("arm-none-eabi-gcc")
    target = tmp_path / "kws.o"
    command = [compiler, "-mcpu=cortex-m0", "-mthumb", "-O2", "-std=c99", "-fstack-usage", "-c"]
    subprocess.run([*command, str(kws_export / "kws.c"), "-o", str(target)], check=True)
    names = subprocess.run(
        [tool("arm-none-eabi-nm"), str(target)], capture_output=True, text=True, check=True
    ).stdout
    assert "kws_run" in names
    assert not re.search(r"__aeabi_[fd]|__(add|sub|mul|div)[sd]f3", names)
    assert not re.search(r"\b(malloc|free|calloc|printf)\b", names)
    assert not re.search(r"^\S+ [bBdD] ", names, re.MULTILINE)
    usage = target.with_suffix(".su").read_text().splitlines()
    rows = [line.split("\t") for line in usage]
    assert all(kind == "static" for _, _, kind in rows), "unbounded stack"
    assert max(int(size) for _, size, _ in rows) < 256


def test_arena_and_stack_leave_room_in_16_kib(kws_export: Path, tmp_path: Path) -> None:
    """The self-test program, arena and guards included, links into the M0's 16 KiB of RAM."""
    need("cortex-m0")
    assert TARGETS["cortex-m0"].ram[1] == 16 << 10
    assert f"LENGTH = {(16 << 10) - STACK:#x}" in linker_script(TARGETS["cortex-m0"])
    program = tmp_path / "kws.elf"
    options = ("-O2", "-DKWS_SELFTEST_MAIN")
    compile_program(TARGETS["cortex-m0"], [kws_export / "kws_selftest.c"], program, options)
    size = subprocess.run(
        [tool("arm-none-eabi-size"), str(program)], capture_output=True, text=True, check=True
    )
    data, bss = (int(n) for n in size.stdout.splitlines()[1].split()[1:3])
    assert data + bss + 1024 < 16 << 10


def need(name: str) -> None:
    target = TARGETS[name]
    tool(*target.compiler)
    if target.runner:
        tool(target.runner[0])


@pytest.mark.parametrize("name", ["cortex-m0", "m4", "m55"])
def test_portable_c_gives_the_same(
    kws_model: Model, real_clips: np.ndarray, tmp_path: Path, name: str
) -> None:
    """Without a line of assembly; -O0 and -Os too, where registers are few."""
    need(name)
    export = tmp_path / "export"
    firmware_export.export(kws_model, export, name="kws", vectors=real_clips[:: amount(8, 1)])
    for n, flags in enumerate((["-O2", "-DAKRT_PORTABLE"], ["-Os"], ["-O0"])):
        program = tmp_path / f"{n}.elf"
        options = (*flags, "-DKWS_SELFTEST_MAIN")
        compile_program(TARGETS[name], [export / "kws_selftest.c"], program, options)
        assert run_program(TARGETS[name], program) == 0, flags
