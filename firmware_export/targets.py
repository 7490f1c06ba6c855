"""The machines that an export can be proven on: compilers, flags, memory, and how to run."""

from __future__ import annotations

from dataclasses import dataclass

from akrt.errors import UsageError

__all__ = ["TARGETS", "Target", "find_target"]


@dataclass(frozen=True)
class Target:
    """A compiler and a machine, real or emulated."""

    name: str
    compiler: tuple[str, ...]
    """Program names, the first that is installed serves."""
    flags: tuple[str, ...]
    package: str
    """Debian packages that bring compiler and emulator."""
    runner: tuple[str, ...] = ()
    """The emulator; the program's path follows. Empty: the program runs as it is."""
    startup: str | None = None
    """File in firmware_export/startup; None: the program is hosted."""
    rom: tuple[int, int] = (0, 0)
    """Origin and length."""
    ram: tuple[int, int] = (0, 0)
    big_endian: bool = False
    avr_libc: bool = False
    """The C library starts the program and has the linker script, and the emulator's exit status
    says nothing: the program writes ``status N`` to its UART, which goes to standard error."""


def _cortex_m(
    core: str, machine: str, flags: tuple[str, ...], rom: tuple[int, int], ram: tuple[int, int]
) -> Target:
    return Target(
        name=f"cortex-{core}" if core == "m0" else core,
        compiler=("arm-none-eabi-gcc",),
        flags=(f"-mcpu=cortex-{core}", "-mthumb", *flags),
        package="gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm",
        runner=(
            *("qemu-system-arm", "-M", machine, "-display", "none", "-monitor", "none"),
            *("-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel"),
        ),
        startup="cortex_m.c",
        rom=rom,
        ram=ram,
    )


_MIB = 1 << 20
_MPS2 = ((0, 4 * _MIB), (0x20000000, 4 * _MIB))
_ALL = (
    Target("host", ("cc", "gcc", "clang"), (), "gcc"),
    _cortex_m("m0", "microbit", (), (0, 256 << 10), (0x20000000, 16 << 10)),
    _cortex_m("m3", "mps2-an385", (), *_MPS2),
    _cortex_m("m4", "mps2-an386", ("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"), *_MPS2),
    _cortex_m("m7", "mps2-an500", ("-mfloat-abi=hard", "-mfpu=fpv5-d16"), *_MPS2),
    _cortex_m(
        "m33",
        "mps2-an505",
        ("-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
        (0x10000000, 4 * _MIB),
        (0x38000000, 4 * _MIB),
    ),
    _cortex_m(
        "m55",
        "mps3-an547",
        ("-mfloat-abi=hard", "-mfpu=auto"),
        (0, 512 << 10),
        (0x20000000, 512 << 10),
    ),
    Target(
        name="rv32",
        compiler=("riscv64-unknown-elf-gcc",),
        flags=(
            *("-march=rv32imac", "-mabi=ilp32", "-mcmodel=medany"),
            "--specs=picolibc.specs",
        ),
        package="gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc",
        runner=(
            *("qemu-system-riscv32", "-M", "virt", "-bios", "none", "-display", "none"),
            *("-monitor", "none", "-serial", "none", "-kernel"),
        ),
        startup="rv32.c",
        rom=(0x80000000, 4 * _MIB),
        ram=(0x80400000, 4 * _MIB),
    ),
    Target(
        name="host-32",
        compiler=("i686-linux-gnu-gcc",),
        flags=("-static",),
        package="gcc-i686-linux-gnu qemu-user",
    ),
    Target(
        name="big-endian",
        compiler=("mips-linux-gnu-gcc",),
        flags=("-static",),
        package="gcc-mips-linux-gnu qemu-user",
        runner=("qemu-mips",),
        big_endian=True,
    ),
    # 8 bits, int of 16; constants lie in RAM, of which this one has the most
    Target(
        name="avr",
        compiler=("avr-gcc",),
        flags=("-mmcu=atmega1284p",),
        package="gcc-avr avr-libc simavr",
        runner=("simavr", "-m", "atmega1284p", "-f", "16000000"),
        startup="avr.c",
        rom=(0, 128 << 10),
        ram=(0x800100, 16 << 10),
        avr_libc=True,
    ),
)
TARGETS = {target.name: target for target in _ALL}
_ALIASES = {"cortex-m3": "m3", "cortex-m4": "m4", "cortex-m7": "m7", "m0": "cortex-m0"}
_ALIASES |= {"cortex-m33": "m33", "cortex-m55": "m55"}


def find_target(name: str) -> Target:
    """The target called `name`, with or without ``cortex-``.

    Raises:
        UsageError: there is none of that name.
    """
    target = TARGETS.get(_ALIASES.get(name, name))
    if target is None:
        raise UsageError(f"unknown target '{name}': choose one of {', '.join(TARGETS)}")
    return target
