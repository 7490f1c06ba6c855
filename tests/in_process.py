"""The ``akrt`` command in this process, as a process of its own would run it: no start each time.

What is of the process itself, pipes that close, signals, locales, is tried by tests that start one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import BinaryIO
from unittest import mock

from akrt.cli import main

__all__ = ["run_akrt"]

_SECONDS = 300


def run_akrt(
    *arguments: object,
    data: bytes = b"",
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """What ``akrt`` with these arguments returns and writes, what libraries write included.

    Standard input is a pipe with `data`. A run that does not end within some minutes raises
    TimeoutError.
    """
    command = ["akrt", *map(str, arguments)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with contextlib.ExitStack() as changed:
            changed.enter_context(_streams(data, out, err))
            changed.enter_context(mock.patch.object(sys, "argv", command))
            changed.enter_context(mock.patch.dict(os.environ, environment or {}))
            changed.enter_context(_warnings_of_a_new_process())
            changed.enter_context(_ended_in_time())
            if cwd is not None:
                changed.callback(os.chdir, os.getcwd())
                os.chdir(cwd)
            code = 0
            try:
                main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())


@contextlib.contextmanager
def _streams(data: bytes, out: BinaryIO, err: BinaryIO) -> Iterator[None]:
    """Descriptors 0 to 2 and Python's streams are a pipe and these files, then what they were."""
    python = sys.stdin, sys.stdout, sys.stderr
    for stream in python[1:]:
        stream.flush()
    saved = [os.dup(n) for n in range(3)]
    end, start = os.pipe()
    feeder = Thread(target=_feed, args=(start, data), daemon=True)
    feeder.start()
    try:
        for n, handle in enumerate((end, out.fileno(), err.fileno())):
            os.dup2(handle, n)
        os.close(end)
        with (
            open(0, closefd=False) as sys.stdin,
            open(1, "w", encoding="utf-8", closefd=False) as sys.stdout,
            open(2, "w", encoding="utf-8", buffering=1, closefd=False) as sys.stderr,
        ):
            yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = python
        for n, handle in enumerate(saved):
            os.dup2(handle, n)
            os.close(handle)
        feeder.join()


def _feed(pipe: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(pipe, "wb", buffering=0) as file:
        while data:
            data = data[file.write(data) :]


@contextlib.contextmanager
def _warnings_of_a_new_process() -> Iterator[None]:
    """Python's own filters; what was shown once is shown again."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
            warnings.simplefilter("ignore", category)
        yield


@contextlib.contextmanager
def _ended_in_time() -> Iterator[None]:
    if not hasattr(signal, "setitimer"):  # on Windows
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"it did not end within {_SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
