"""The C sources as a shared library of its own, built with the warnings the project forbids.

AKRT_SANITIZE=address,undefined adds those sanitizers.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from akrt.kernels._kernels import Architecture
from akrt.kernels.headers import declarations, enumerations

SOURCE = Path(__file__).parents[2] / "src_c"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def compiler() -> str:
    cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if cc is None:
        pytest.skip("no C compiler is installed")
    return cc


def build(folder: Path, *flags: str) -> Path:
    """The library, compiled into `folder`."""
    target = folder / "kernels.so"
    sources = sorted(str(p) for p in SOURCE.glob("*/*.c"))
    sanitizers = os.environ.get("AKRT_SANITIZE")
    if sanitizers:
        flags = (*flags, f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all")
    command = [compiler(), "-std=c99", "-O2", *WARNINGS, *flags, "-shared", "-fPIC"]
    subprocess.run(
        [*command, f"-I{SOURCE / 'include'}", f"-I{SOURCE}", *sources, "-o", str(target)],
        check=True,
        capture_output=True,
        text=True,
    )
    return target


class Pointer(ctypes.c_void_p):
    """The address of an array, and the array."""

    array: np.ndarray


def pointer(array: np.ndarray) -> Pointer:
    assert array.flags.c_contiguous
    address = Pointer(array.ctypes.data)
    address.array = array
    return address


class Linked(ctypes.Structure):
    """A structure that keeps the arrays it points to, by field."""

    def __init__(self, **fields: np.ndarray | int | None) -> None:
        self.arrays = {n: v for n, v in fields.items() if isinstance(v, np.ndarray)}
        addresses = {n: array.ctypes.data for n, array in self.arrays.items()}
        super().__init__(**{**fields, **addresses})


def structures() -> dict[str, type[Any]]:
    """Every structure and union of the headers as a ctypes class, by its name in C."""
    found: dict[str, type[Any]] = {}
    scalars: dict[str, Any] = dict.fromkeys(enumerations(SOURCE / "include"), ctypes.c_int)
    scalars |= {f"{kind}_t": getattr(ctypes, f"c_{kind}") for kind in ("int8", "int16", "int32")}
    scalars |= {f"u{kind}_t": getattr(ctypes, f"c_u{kind}") for kind in ("int8", "int16", "int32")}
    scalars["size_t"] = ctypes.c_size_t
    for name, declared in declarations(SOURCE / "include").items():
        fields = []
        for member in declared.members:
            kind = ctypes.c_void_p if member.pointer else found.get(member.kind)
            kind = kind or scalars[member.kind]
            fields.append((member.name, kind * member.length if member.length > 1 else kind))
        bases = (ctypes.Union,) if declared.union else (Linked,)
        found[name] = type(name, bases, {"_fields_": tuple(fields)})
    return found


STRUCTURES = structures()
Window = type("Window", (ctypes.Structure,), {"_fields_": STRUCTURES["akrt_window"]._fields_})
Scale, ShortScale = STRUCTURES["akrt_scale"], STRUCTURES["akrt_short_scale"]
Scaled = STRUCTURES["akrt_scaled"]
Lanes, Product = STRUCTURES["akrt_lanes"], STRUCTURES["akrt_product"]


class Kernels:
    """The kernels of one architecture, by stem."""

    def __init__(self, library: ctypes.CDLL, arch: Architecture) -> None:
        self._library, self.arch = library, arch
        self._suffix = "ref" if arch.name == "generic" else arch.name

    def __getattr__(self, stem: str) -> Callable[..., None]:
        return getattr(self._library, f"{stem}__{self._suffix}")
