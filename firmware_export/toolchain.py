"""Compiles a program for a target and runs it there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from akrt.errors import UsageError
from firmware_export.targets import Target

__all__ = [
    "WARNINGS",
    "compile_program",
    "linker_script",
    "need_program",
    "run_compiler",
    "run_program",
]

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
_TIMEOUT = 120


def need_program(names: Sequence[str], package: str) -> str:
    """Path of the first of `names` that is installed.

    Raises:
        UsageError: none is; the message names the Debian packages.
    """
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise UsageError(f"{' or '.join(names)} is not installed: apt-get install {package}")


def compile_program(
    target: Target, sources: Sequence[Path], program: Path, flags: Sequence[str] = ("-O2",)
) -> None:
    """Compile and link `sources` for `target`; intermediate files go beside `program`.

    Raises:
        UsageError: the compiler is missing, or refuses the sources.
    """
    compiler = need_program(target.compiler, target.package)
    command = [compiler, "-std=c99", *target.flags, *flags]
    if target.startup is None:
        command += [*WARNINGS, *map(str, sources)]
    else:
        script = program.with_suffix(".ld")
        script.write_text(linker_script(target))
        startup = program.with_name(target.startup)
        startup.write_text(files("firmware_export").joinpath("startup", target.startup).read_text())
        own = program.with_suffix(".startup.o")
        run_compiler(
            [compiler, "-std=gnu99", *target.flags, "-O2", "-c", str(startup), "-o", str(own)]
        )
        command += [*WARNINGS, *map(str, sources), str(own), "-nostartfiles"]
        command += ["-Wl,--gc-sections", f"-T{script}"]
    run_compiler([*command, "-o", str(program)])


def run_program(target: Target, program: Path) -> int:
    """Exit status of `program` on `target`.

    Raises:
        UsageError: the emulator is missing, or does not end.
    """
    command = [*target.runner, str(program)]
    if target.runner:
        command[0] = need_program(target.runner[:1], target.package)
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise UsageError(f"the program did not end within {_TIMEOUT} s on {target.name}") from None
    except OSError as error:
        raise UsageError(f"cannot run '{command[0]}': {error.strerror or error}") from None
    return done.returncode


def linker_script(target: Target) -> str:
    """Code and constants in ROM, data and stack in RAM."""
    return f"""\
MEMORY {{
    ROM (rx) : ORIGIN = {target.rom[0]:#x}, LENGTH = {target.rom[1]:#x}
    RAM (rw) : ORIGIN = {target.ram[0]:#x}, LENGTH = {target.ram[1]:#x}
}}
ENTRY(akrt_reset)
SECTIONS {{
    .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.srodata*) . = ALIGN(8); }} > ROM
    akrt_data_from = LOADADDR(.data);
    .data : {{
        akrt_data_start = .; *(.data*) *(.sdata*) . = ALIGN(8); akrt_data_end = .;
    }} > RAM AT > ROM
    .bss (NOLOAD) : {{
        akrt_bss_start = .; *(.bss*) *(.sbss*) *(COMMON) . = ALIGN(8); akrt_bss_end = .;
    }} > RAM
    .tdata : {{ *(.tdata*) }} > ROM
    .tbss (NOLOAD) : {{ *(.tbss*) }} > RAM
    akrt_stack_top = ORIGIN(RAM) + LENGTH(RAM);
    /DISCARD/ : {{ *(.ARM.exidx*) *(.ARM.extab*) *(.eh_frame*) }}
}}
"""


def run_compiler(command: Sequence[str]) -> None:
    """Run a compiler.

    Raises:
        UsageError: it refuses the sources; the message is its own.
    """
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        error = UsageError(f"'{Path(command[0]).name}' cannot compile the export:")
        error.detail = done.stderr.strip()[:2000]
        raise error
