"""src_c/ref as a shared library of its own, built with the warnings the project forbids.

AKRT_SANITIZE=address,undefined adds those sanitizers.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

SOURCE = Path(__file__).parents[2] / "src_c"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def compiler() -> str:
    cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if cc is None:
        pytest.skip("no C compiler is installed")
    return cc


def build(folder: Path, *flags: str) -> ctypes.CDLL:
    target = folder / "kernels.so"
    sources = sorted(str(p) for p in (SOURCE / "ref").glob("*.c"))
    sanitizers = os.environ.get("AKRT_SANITIZE")
    if sanitizers:
        flags = (*flags, f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all")
    command = [compiler(), "-std=c99", "-O2", *WARNINGS, *flags, "-shared", "-fPIC"]
    subprocess.run(
        [*command, f"-I{SOURCE / 'include'}", *sources, "-o", str(target)],
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


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)
