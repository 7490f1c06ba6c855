"""Options of other people's compilers: levels, frame pointers, position-independent code, Thumb."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
from thorough import THOROUGH

import firmware_export
from akrt.runtime import bundled_model
from firmware_export.targets import TARGETS
from firmware_export.toolchain import compile_program, run_program

from .compiled_export import WARNINGS, tool

LEVELS = ("-O0", "-O1", "-Os", "-O3")
CODE = ("-fno-omit-frame-pointer", "-fPIC", "-fpic", "-ffixed-r9", "-flto", "-fshort-enums")

# A register that the whole build reserves holds its value across an inference.
RESERVED = """\
#include "kws.c"
#include "kws_vectors.h"
static uint32_t arena[KWS_ARENA_BYTES / 4];
static int32_t output[KWS_OUTPUTS];
int main(void) {
    uint32_t kept;
    int failed;
    __asm__ volatile("mov " REGISTER ", %0" : : "r"(0x1234567u));
    failed = kws_run(kws_vector_inputs, output, arena);
    __asm__ volatile("mov %0, " REGISTER : "=r"(kept));
    return failed != 0 || kept != 0x1234567u || memcmp(output, kws_vector_outputs, sizeof output);
}
"""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flags") / "kws"
    firmware_export.export(bundled_model(), folder, name="kws")
    return folder


def compiled(compiler: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [tool(compiler), "-std=c99", *WARNINGS, *map(str, arguments), "-c", "-o", "/dev/null"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(("turn", "name"), enumerate(["cortex-m0", "m4"]))
def test_every_level_with_every_option(turn: int, name: str, export: Path) -> None:
    # each core sees half of them, unless there is time for all
    tried = [*itertools.product(LEVELS, CODE)]
    for level, option in tried if THOROUGH else tried[turn::2]:
        flags = (*TARGETS[name].flags, level, option)
        done = compiled("arm-none-eabi-gcc", *flags, export / "kws.c")
        assert done.returncode == 0, f"{level} {option}: {done.stderr[:2000]}"


@pytest.mark.parametrize("name", ["cortex-m0", "m4"])
@pytest.mark.parametrize(
    "options", [("-O0", "-fno-omit-frame-pointer"), ("-Os", "-fPIC"), ("-O3", "-fpic")]
)
def test_the_integers_stay(
    name: str, options: tuple[str, ...], export: Path, tmp_path: Path
) -> None:
    target = TARGETS[name]
    tool(*target.compiler)
    tool(target.runner[0])
    program = tmp_path / "kws.elf"
    flags = (*options, "-DKWS_SELFTEST_MAIN")
    compile_program(target, [export / "kws_selftest.c"], program, flags)
    assert run_program(target, program) == 0


@pytest.mark.parametrize("name", ["cortex-m0", "m4", "m55"])
@pytest.mark.parametrize("register", ["r8", "r9", "r10", "r11"])
def test_portable_code_keeps_reserved_registers(
    name: str, register: str, export: Path, tmp_path: Path
) -> None:
    target = TARGETS[name]
    tool(*target.compiler)
    tool(target.runner[0])
    source, program = tmp_path / "reserved.c", tmp_path / "reserved.elf"
    source.write_text(RESERVED)
    flags = ("-O2", f"-I{export}", "-DAKRT_PORTABLE", f"-ffixed-{register}")
    compile_program(target, [source], program, (*flags, f'-DREGISTER="{register}"'))
    assert run_program(target, program) == 0


@pytest.mark.parametrize("level", LEVELS)
def test_what_portable_code_is_for(level: str, export: Path) -> None:
    """A static base in r9, and Thumb before ARMv6."""
    source = export / "kws.c"
    for flags in (
        ("-mcpu=cortex-m4", "-mthumb", "-fpic", "-msingle-pic-base"),
        ("-mcpu=arm7tdmi", "-mthumb"),
        ("-mcpu=arm926ej-s", "-mthumb"),
    ):
        done = compiled("arm-none-eabi-gcc", *flags, level, "-DAKRT_PORTABLE", source)
        assert done.returncode == 0, done.stderr[:2000]
