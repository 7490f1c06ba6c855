"""An AArch64 CPU under QEMU that runs functions of src_c for the tests on this machine.

`Machine.call` takes what a ctypes function takes; `call_server.c` has the protocol.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from akrt.backends.native.arena import plan_network
from akrt.kernels._kernels import LAYOUT, Architecture
from akrt.model import Model
from kernels.compiled import SOURCE, WARNINGS, Linked, Pointer, pointer

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
SERVER = Path(__file__).with_name("call_server.c")
CPUS = {"dotprod": "max", "neon": "cortex-a53", "generic": "cortex-a53"}
"""A CPU to try each architecture on; cortex-a53 has no dot products."""


def need_emulator() -> None:
    """Skip the test where compiler or emulator for AArch64 are absent."""
    for program, package in ((COMPILER, "gcc-aarch64-linux-gnu"), (EMULATOR, "qemu-user")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt install {package}")


def build_server(folder: Path, *flags: str) -> Path:
    """The program for AArch64, statically linked. Skips where compiler or emulator are absent."""
    need_emulator()
    target = folder / "call_server"
    sources = sorted(str(p) for room in ("core", "ref", "arm") for p in (SOURCE / room).glob("*.c"))
    if os.environ.get("AKRT_SANITIZE"):  # address would need the memory QEMU itself lives in
        flags = (*flags, "-fsanitize=undefined", "-fno-sanitize-recover=all")
    command = [COMPILER, "-std=c99", "-O2", "-static", *WARNINGS, *flags]
    done = subprocess.run(
        [*command, f"-I{SOURCE / 'include'}", f"-I{SOURCE}", *sources, str(SERVER), "-o", target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}q", *values)


class Structure:
    """Bytes of a C structure or array, with the pointers in it by offset."""

    def __init__(self, data: bytes, pointers: dict[int, Any]) -> None:
        self.data, self.pointers = data, pointers


class Machine:
    """One emulated CPU, with a process that answers calls."""

    def __init__(self, program: Path, cpu: str) -> None:
        command = [EMULATOR, "-cpu", cpu, str(program)]
        environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )

    def close(self) -> None:
        self.process.communicate(timeout=60)

    def call(self, name: str, *arguments: Any) -> int:
        """Calls and returns an int64; arrays given by `pointer` are updated."""
        request, arrays, sizes = self.request(name, *arguments)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(request)
        self.process.stdin.flush()
        answer = self.process.stdout.read(8 + sum(sizes))
        assert len(answer) == 8 + sum(sizes), f"{name} ended the process"
        at = 8
        for array, size in zip(arrays, sizes, strict=True):
            if array is not None and array.flags.writeable:
                np.copyto(
                    array, np.frombuffer(answer, array.dtype, array.size, at).reshape(array.shape)
                )
            at += size
        return int(struct.unpack_from("<q", answer)[0])

    @staticmethod
    def request(name: str, *arguments: Any) -> tuple[bytes, list[np.ndarray | None], list[int]]:
        """The bytes of a call, and the arrays (or None) and sizes of its buffers."""
        buffers: list[bytes] = []
        arrays: list[np.ndarray | None] = []
        sizes: list[int] = []

        def add(value: Any) -> int:
            index = len(buffers)
            buffers.append(b"")
            is_array = isinstance(value, np.ndarray)
            arrays.append(value if is_array else None)
            data = value.tobytes() if is_array else value.data
            sizes.append(len(data))
            pointers = {} if is_array else {o: add(v) for o, v in value.pointers.items()}
            places = [word for item in pointers.items() for word in item]
            buffers[index] = data + words(len(pointers), *places)
            return index

        values = []
        for argument in arguments:
            if isinstance(argument, Pointer):
                values.append((1, add(argument.array)))
            elif isinstance(argument, Structure):
                values.append((1, add(argument)))
            elif hasattr(argument, "_obj"):  # ctypes.byref
                values.append((1, add(structure(argument._obj))))
            else:
                value = getattr(argument, "value", argument)
                values.append((0, 0 if value is None else int(value)))
        head = words(len(name)) + name.encode() + words(len(buffers), *sizes)
        tail = words(len(values), *(word for value in values for word in value))
        return head + b"".join(buffers) + tail, arrays, sizes


def structure(value: ctypes.Structure) -> Structure:
    """A ctypes structure and the arrays it points to."""
    arrays = value.arrays if isinstance(value, Linked) else {}
    offsets = {getattr(type(value), name).offset: array for name, array in arrays.items()}
    return Structure(bytes(value), offsets)


class EmulatedKernels:
    """The kernels of one architecture, by stem, as `kernels.compiled.Kernels`."""

    def __init__(self, machine: Machine, arch: Architecture) -> None:
        self._machine, self.arch = machine, arch

    def __getattr__(self, stem: str) -> Callable[..., None]:
        if not stem.startswith("akrt_"):
            raise AttributeError(stem)
        return lambda *arguments: self._machine.call(f"{self.arch.name}:{stem}", *arguments)


def network(
    model: Model, arch_address: int, arch: Architecture
) -> tuple[Structure, np.ndarray, np.ndarray]:
    """The akrt_network of a model for one architecture, not prepared, its memory and its arena."""
    planned = plan_network(model.nodes, arch)
    nodes = planned.nodes
    data, pointers = b"", {}
    for node in nodes:
        image = LAYOUT.image("akrt_node", node)
        pointers |= {len(data) + offset: array for offset, array in image.arrays.items()}
        data += bytes(image.data)
    last = model.nodes[-1]
    facts = SimpleNamespace(
        nodes=None,
        count=len(nodes),
        input_bytes=nodes[0].input_bytes[0],
        output_bytes=last.output.elements * np.dtype(last.output.dtype).itemsize,
    )
    head = LAYOUT.image("akrt_network", facts).data
    at = LAYOUT.structs["akrt_network"].fields["nodes"].offset
    memory, arena = (
        np.zeros(size, np.uint8) for size in (planned.memory_bytes, planned.arena_bytes)
    )
    return Structure(bytes(head), {at: Structure(data, pointers)}), memory, arena


def arguments(model: Model, x: np.ndarray, address: int, arch: Architecture) -> tuple[Any, ...]:
    """Of the server's ``prepare_and_run``; the output is the array of the fourth."""
    planned, memory, arena = network(model, address, arch)
    last = model.nodes[-1].output
    out = np.zeros((len(x), *last.shape), last.dtype)
    tensors = planned, pointer(x), len(x), pointer(out)
    return *tensors, pointer(memory), pointer(arena), address


def run(machine: Machine, model: Model, x: np.ndarray, arch: str) -> np.ndarray:
    """Outputs of akrt_network_run, as `NativeBackend.run` gives them."""
    call = arguments(model, x, *architectures(machine)[arch])
    machine.call("prepare_and_run", *call)
    return call[3].array


def architectures(machine: Machine) -> dict[str, tuple[int, Architecture]]:
    """Address and facts of each kernel set, best first."""
    found: dict[str, tuple[int, Architecture]] = {}
    while address := machine.call("akrt_arch_at", len(found)):
        name, facts = np.zeros(16, np.uint8), np.zeros(LAYOUT.structs["akrt_arch"].size, np.uint8)
        machine.call("describe", address, pointer(name), pointer(facts))
        usable = bool(machine.call("akrt_arch_usable", address))
        text = bytes(name).split(b"\0")[0].decode()
        found[text] = address, Architecture.of(text, usable, facts.tobytes())
    return found
