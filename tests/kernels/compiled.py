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

import numpy as np
import pytest

from akrt.kernels._kernels import Architecture

SOURCE = Path(__file__).parents[2] / "src_c"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def compiler() -> str:
    cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if cc is None:
        pytest.skip("no C compiler is installed")
    return cc


def build(folder: Path, *flags: str) -> ctypes.CDLL:
    target = folder / "kernels.so"
    sources = sorted(str(p) for pattern in ("*.c", "*/*.c") for p in SOURCE.glob(pattern))
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
    return ctypes.CDLL(str(target))


class Window(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_int32)
        for name in (
            *("in_x", "in_y", "channels", "out_x", "out_y"),
            *("size_x", "size_y", "stride_x", "stride_y", "pad_x", "pad_y"),
        )
    )


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


class Scale(Linked):
    _fields_ = (
        ("threshold", ctypes.c_void_p),
        ("top", ctypes.c_void_p),
        ("mul", ctypes.c_void_p),
        ("add", ctypes.c_void_p),
        ("fine", ctypes.c_void_p),
        ("shift", ctypes.c_uint32),
    )


class ShortScale(Linked):
    _fields_ = (
        ("factor", ctypes.c_void_p),
        ("mul", ctypes.c_void_p),
        ("shift", ctypes.c_uint32),
        ("top", ctypes.c_uint8),
    )


class Lanes(Linked):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("weights", "start", "top")),
        *((name, ctypes.c_void_p) for name in ("factor", "offset", "mul")),
        ("unit", ctypes.c_uint16),
        *((name, ctypes.c_int32) for name in ("depth", "filters", "limit")),
        *((name, ctypes.c_void_p) for name in ("low_start", "step", "sixteenths")),
        ("count", ctypes.c_int16),
    )


class Product(Linked):
    _fields_ = (
        ("weights", ctypes.c_void_p),
        ("rest_weights", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("depth", ctypes.c_int32),
        ("filters", ctypes.c_int32),
        ("chain", ctypes.c_int32),
        ("window", ctypes.c_void_p),
    )


class Kernels:
    """The kernels of one architecture, by stem."""

    def __init__(self, library: ctypes.CDLL, arch: Architecture) -> None:
        self._library, self.arch = library, arch
        self._suffix = "ref" if arch.name == "generic" else arch.name

    def __getattr__(self, stem: str) -> Callable[..., None]:
        return getattr(self._library, f"{stem}__{self._suffix}")
