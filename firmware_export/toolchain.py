"""Compiles a program for a target and runs it there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from akrt.errors import ToolError, UsageError
from firmware_export.targets import Target

__all__ = [
    "STACK",
    "WARNINGS",
    "compile_program",
    "linker_script",
    "need_program",
    "run_compiler",
    "run_program",
]

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
STACK = 1024
"""Bytes of RAM that a program on a microcontroller keeps for its stack."""

_TIMEOUT = 120
_COMPILE_TIMEOUT = 600
_OVERFLOW = re.compile(r"region `(ROM|RAM|text|data)' overflowed by (\d+) bytes")
_BEYOND = re.compile(r"address 0x([0-9a-f]+) of .* is not within region `(text|data)'")
_STATUS = re.compile(r"status (\d{3})\.")
_FAULT = 255


def need_program(names: Sequence[str], package: str) -> str:
    """Path of the first of `names` that is installed.

    Raises:
        ToolError: none is; the message names the Debian packages.
    """
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise ToolError(f"{' or '.join(names)} is not installed: apt-get install {package}")


def compile_program(
    target: Target, sources: Sequence[Path], program: Path, flags: Sequence[str] = ("-O2",)
) -> None:
    """Compile and link `sources` for `target`; intermediate files go beside `program`.

    Raises:
        ToolError: the compiler is missing, or refuses the sources.
        UsageError: the program needs more memory than the target has.
    """
    compiler = need_program(target.compiler, target.package)
    command = [compiler, "-std=c99", *target.flags, *flags]
    if target.startup is None:
        command += [*WARNINGS, *map(str, sources)]
    else:
        script = program.with_suffix(".ld")
        if not target.avr_libc:
            script.write_text(linker_script(target))
        startup = program.with_name(target.startup)
        startup.write_text(files("firmware_export").joinpath("startup", target.startup).read_text())
        own = program.with_suffix(".startup.o")
        run_compiler(
            [compiler, "-std=gnu99", *target.flags, "-O2", "-c", str(startup), "-o", str(own)]
        )
        command += [*WARNINGS, *map(str, sources), str(own), "-Wl,--gc-sections"]
        if target.avr_libc:
            command.append(f"-Wl,--defsym=__DATA_REGION_LENGTH__={target.ram[1] - STACK}")
        else:
            command += ["-nostartfiles", f"-T{script}"]
    try:
        run_compiler([*command, "-o", str(program)])
    except ToolError as error:
        raise _too_big(target, error.detail) or error from None


def run_program(target: Target, program: Path) -> int:
    """Exit status of `program` on `target`.

    Raises:
        ToolError: the emulator is missing, or does not end.
    """
    command = [*target.runner, str(program)]
    if target.runner:
        command[0] = need_program(target.runner[:1], target.package)
    late = f"the program did not end within {{}} s on {target.name}"
    status, words = _run(command, _TIMEOUT, late)
    if target.avr_libc:
        told = _STATUS.search(words)
        return int(told[1]) if told else _FAULT
    return status


def linker_script(target: Target) -> str:
    """Code and constants in ROM, data in RAM, the stack in the last `STACK` bytes of it."""
    return f"""\
MEMORY {{
    ROM (rx) : ORIGIN = {target.rom[0]:#x}, LENGTH = {target.rom[1]:#x}
    RAM (rw) : ORIGIN = {target.ram[0]:#x}, LENGTH = {target.ram[1] - STACK:#x}
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
    akrt_stack_top = ORIGIN(RAM) + LENGTH(RAM) + {STACK};
    /DISCARD/ : {{ *(.ARM.exidx*) *(.ARM.extab*) *(.eh_frame*) }}
}}
"""


def run_compiler(command: Sequence[str]) -> None:
    """Run a compiler.

    Raises:
        ToolError: it refuses the sources, which its `detail` tells in the compiler's words, was
            killed, or does not end.
    """
    name = Path(command[0]).name
    status, words = _run(command, _COMPILE_TIMEOUT, f"'{name}' did not end within {{}} s")
    if status < 0:
        raise ToolError(
            f"'{name}' was killed by signal {-status}: is there enough memory for the export?"
        )
    if status:
        error = ToolError(f"'{name}' cannot compile the export:")
        error.detail = words[:2000]
        raise error


def _too_big(target: Target, words: str) -> UsageError | None:
    """What the linker says of a program that does not fit, in bytes; None: it says nothing."""
    memory = {"ROM": ("flash", target.rom[1]), "RAM": ("RAM", target.ram[1])}
    memory |= {"text": memory["ROM"], "data": memory["RAM"]}
    excess = {region: int(beyond) for region, beyond in _OVERFLOW.findall(words)}
    ends = {"text": sum(target.rom), "data": sum(target.ram) - STACK}
    for address, region in _BEYOND.findall(words):
        excess[region] = max(excess.get(region, 0), int(address, 16) - ends[region])
    needs = []
    for region, beyond in sorted(excess.items()):
        kind, there = memory[region]
        needs.append(f"{there + beyond:,} bytes of {kind}, {there:,} are there")
    if not needs:
        return None
    return UsageError(
        f"the test program is too big for {target.name} as it is tested here: it needs "
        f"{', and '.join(needs)}; the memory report of the export says what takes them"
    )


def _run(command: Sequence[str], seconds: float, late: str) -> tuple[int, str]:
    """Exit status, and the end of what was written to standard error.

    Raises:
        ToolError: it cannot be started; with the message `late` if it does not end: it is killed,
            and so are the programs that it started.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"cannot run '{command[0]}': {error.strerror or error}") from None
    with process:
        try:
            _, words = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ToolError(late.format(f"{seconds:g}")) from None
        finally:
            if process.poll() is None:
                _kill(process)
    return process.returncode, words.decode(errors="replace").strip()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
