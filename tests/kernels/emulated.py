"""An AArch64 CPU under QEMU that runs functions of src_c for the tests on this machine.

`Machine.call` takes what a ctypes function takes; `call_server.c` has the protocol.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from akrt.backends.native_plan import pack
from akrt.kernels._kernels import Architecture
from akrt.lowering.operations import Pass, operation
from akrt.model import Model
from kernels.compiled import (
    SOURCE,
    WARNINGS,
    Lanes,
    Linked,
    Pointer,
    Product,
    Scale,
    ShortScale,
    Window,
    pointer,
)

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
SERVER = Path(__file__).with_name("call_server.c")
CPUS = {"dotprod": "max", "neon": "cortex-a53", "generic": "cortex-a53"}
"""A CPU to try each architecture on; cortex-a53 has no dot products."""


def build_server(folder: Path, *flags: str) -> Path:
    """The program for AArch64, statically linked. Skips where compiler or emulator are absent."""
    for program, package in ((COMPILER, "gcc-aarch64-linux-gnu"), (EMULATOR, "qemu-user")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt install {package}")
    target = folder / "call_server"
    sources = sorted(str(p) for room in (".", "ref", "arm") for p in (SOURCE / room).glob("*.c"))
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


def _declared() -> tuple[list[tuple[str, Any]], dict[str, list[str]]]:
    """The fields of akrt_layer with ctypes types, and the enumerations, from network.h."""
    text = re.sub(r"/\*.*?\*/", "", (SOURCE / "include/akrt/network.h").read_text(), flags=re.S)
    enums = {
        name: [n.strip().rpartition("_")[2].lower() for n in names.split(",") if n.strip()]
        for names, name in re.findall(r"enum \w+ \{(.*?)\} (\w+);", text, re.S)
    }
    (body,) = re.findall(r"struct akrt_layer \{(.*?)\} akrt_layer;", text, re.S)
    known = {"int32_t": ctypes.c_int32, "int16_t": ctypes.c_int16}
    known |= {"akrt_window": Window, "akrt_scale": Scale, "akrt_product": Product}
    known |= {"akrt_short_scale": ShortScale, "akrt_lanes": Lanes}
    known |= {**dict.fromkeys(enums, ctypes.c_int)}
    fields: list[tuple[str, Any]] = []
    for declaration in body.split(";")[:-1]:
        kind, names = re.fullmatch(r"\s*(?:const )?(\w+)\s+(.*)", declaration, re.S).groups()
        for name in names.split(","):
            bare = name.strip().lstrip("*").strip()
            fields.append((bare, ctypes.c_void_p if "*" in name else known[kind]))
    return fields, enums


FIELDS, ENUMS = _declared()


class Layer(ctypes.Structure):
    _fields_ = tuple(FIELDS)


def _layer(packed: dict[str, Any], arch: int) -> tuple[Layer, dict[int, np.ndarray]]:
    """What akrt.kernels makes of a packed layer, and its arrays by offset."""
    layer, arrays = Layer(), {}
    packed = dict(packed)
    if packed["act"] == "short":
        packed["short_scale"] = packed.pop("scale")
    elif packed["act"] == "lanes":
        packed["lanes"] = {**packed.pop("scale"), "filters": packed["filters"]}
    elif packed.get("scale"):
        packed["scale"] = {**packed["scale"], "threshold": packed["threshold"]}
    if packed["bytes"]:
        made = packed["bytes"]
        sizes = {"depth": packed["depth"], "filters": packed["filters"]}
        packed["product"] = {**made, **sizes, "rest_weights": packed["weights"]}
        packed["byte_depthwise"], packed["offset"] = made.get("depthwise"), made.get("offset")
    packed["bytes"] = int(packed["bytes"] is not None)
    for name, kind in FIELDS:
        value = packed.get(name)
        if f"akrt_{name}" in ENUMS:
            setattr(layer, name, ENUMS[f"akrt_{name}"].index(value or "none"))
        elif kind in (Window, Scale, ShortScale, Lanes, Product) and value is not None:
            start = getattr(Layer, name).offset
            for field, _ in kind._fields_:
                inner = value.get(field)
                if isinstance(inner, np.ndarray):
                    arrays[start + getattr(kind, field).offset] = inner
                elif inner is not None:
                    setattr(getattr(layer, name), field, inner)
        elif isinstance(value, np.ndarray):
            arrays[getattr(Layer, name).offset] = value
        elif value is not None and kind is not ctypes.c_void_p:
            setattr(layer, name, value)
    layer.arch = arch
    return layer, arrays


def network(model: Model, arch_address: int, arch: Architecture) -> Structure:
    """The akrt_network of a model for one architecture."""
    data, pointers = b"", {}
    for node in model.nodes:
        does = operation(node)
        if not isinstance(does, Pass):
            layer, arrays = _layer(pack(does, arch), arch_address)
            pointers |= {len(data) + offset: array for offset, array in arrays.items()}
            data += bytes(layer)
    count = len(data) // ctypes.sizeof(Layer)
    return Structure(struct.pack("<qi4x", 0, count), {0: Structure(data, pointers)})


def run(machine: Machine, model: Model, x: np.ndarray, arch: str) -> np.ndarray:
    """Outputs of akrt_network_run, as `NativeBackend.run` gives them."""
    planned = network(model, *architectures(machine)[arch])
    arena = machine.call("akrt_network_arena_bytes", planned)
    last = model.nodes[-1]
    out = np.zeros((len(x), *last.output_shape), np.int32 if last.output_max is None else np.uint8)
    memory = np.zeros(arena, np.uint8)
    machine.call("akrt_network_run", planned, pointer(x), len(x), pointer(out), pointer(memory))
    return out


def architectures(machine: Machine) -> dict[str, tuple[int, Architecture]]:
    """Address and facts of each kernel set, best first."""
    found: dict[str, tuple[int, Architecture]] = {}
    while address := machine.call("akrt_arch_at", len(found)):
        name, numbers = np.zeros(16, np.uint8), np.zeros(5, np.int32)
        usable = machine.call("describe", address, pointer(name), pointer(numbers))
        text = bytes(name).split(b"\0")[0].decode()
        sizes, (lanes, walks) = map(int, numbers[:3]), map(bool, numbers[3:5])
        found[text] = address, Architecture(text, *sizes, lanes, walks, bool(usable))
    return found
