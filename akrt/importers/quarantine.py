"""Runs the reader of an untrusted file in a process of its own.

The libraries that read HDF5 and .fbz files were made for whole files. On damaged ones HDF5 can loop
for ever and akida's parser kills its process, and neither can be stopped from within Python. So
`read` starts a small script on the file, gives it limited time and memory, and takes back nothing
but arrays: what happens to the script is an error here, never a crash.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from akrt.errors import ModelFileError

__all__ = ["MAX_FILE_BYTES", "Contents", "read"]

MAX_FILE_BYTES = 1 << 31
"""Larger files are refused unread: the networks that akrt runs have kilobytes to megabytes."""

CPU_SECONDS = 15
"""Computing time of a reader; a whole file takes well under a second."""

TIMEOUT_SECONDS = 120.0
"""By the clock: a starved machine may take its time."""

Contents: TypeAlias = tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]
"""What a reader script found: a JSON object and the arrays it refers to."""


def read(
    reader: str, path: str | os.PathLike[str], what: str, timeout: float = TIMEOUT_SECONDS
) -> Contents:
    """The contents of a model file, read by `reader` in another process.

    Args:
        reader: name of a module beside this one, with ``read(path)`` and ``reason(error)``.
        path: the file.
        what: what the file should be, for messages: "HDF5 file".
        timeout: seconds.

    Raises:
        ModelFileError: missing, empty, too large or unreadable file; the message says which.
    """
    source = Path(path)
    _check_regular(source)
    script = Path(__file__).with_name("reader_process.py")
    command = [sys.executable, str(script), reader, str(source), str(CPU_SECONDS)]
    if not sys.executable:
        raise ModelFileError(f"{source}: reading an {what} needs a Python interpreter to start")
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            env=_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelFileError(
            f"{source}: damaged: reading it did not end within {timeout:g} s"
        ) from None
    except OSError as error:
        raise ModelFileError(f"{source}: cannot start a process to read it: {error}") from error
    if done.returncode != 0:
        raise ModelFileError(f"{source}: not a readable {what}: {_reason(done)}")
    return _decode(done.stdout, source)


def _check_regular(path: Path) -> None:
    try:
        if not path.exists():
            raise ModelFileError(f"{path}: no such file")
        if not path.is_file():
            raise ModelFileError(f"{path}: not a file")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path}: cannot be read: {error}") from error
    if size == 0:
        raise ModelFileError(f"{path}: empty file")
    if size > MAX_FILE_BYTES:
        raise ModelFileError(f"{path}: {size:,} bytes, more than {MAX_FILE_BYTES:,}")


def _environment() -> dict[str, str]:
    """This process's, with its module path, one thread, and no preloaded sanitizer or plugin."""
    env = dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    env["OMP_NUM_THREADS"] = env["OPENBLAS_NUM_THREADS"] = "1"
    env["HDF5_PLUGIN_PRELOAD"] = "::"
    if "asan" in env.get("LD_PRELOAD", ""):
        del env["LD_PRELOAD"]
    return env


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        if -done.returncode in (signal.SIGXCPU, signal.SIGKILL):
            return "it is damaged: reading it found no end"
        try:
            name = signal.Signals(-done.returncode).name
        except ValueError:
            name = f"signal {-done.returncode}"
        return f"it is damaged or truncated: its reader was stopped by {name}"
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:500] if lines else f"its reader failed with status {done.returncode}"


def _decode(output: bytes, path: Path) -> Contents:
    try:
        with np.load(io.BytesIO(output), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts = json.loads(arrays.pop("facts").tobytes())
    except (BadZipFile, OSError, EOFError, ValueError, KeyError, RecursionError) as error:
        raise ModelFileError(f"{path}: damaged: its contents make no sense ({error})") from error
    if not isinstance(facts, dict):
        raise ModelFileError(f"{path}: damaged: its contents make no sense")
    return facts, arrays
