"""Windows, and whatever else has no fcntl. What is asked of each is told in `akrt.system.posix`."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable

__all__ = ["HAS_LOCKS", "affinity", "end_process_after", "lock", "set_affinity"]

HAS_LOCKS = False
_end: list[threading.Timer] = []


def lock(handle: int, shared: bool = False, wait: bool = False) -> None:
    raise OSError(errno.ENOLCK, "this system has no file locks (fcntl)")


def affinity() -> set[int] | None:
    return None


def set_affinity(cpus: Iterable[int]) -> None:
    pass


def end_process_after(seconds: float) -> None:
    while _end:
        _end.pop().cancel()
    if seconds > 0:
        timer = threading.Timer(seconds, os._exit, (1,))
        timer.daemon = True
        timer.start()
        _end.append(timer)
