"""Linux, macOS and other Unix systems."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterable

__all__ = ["HAS_LOCKS", "affinity", "end_process_after", "lock", "set_affinity"]

HAS_LOCKS = True
"""Whether `lock` can work. An open file can be renamed and deleted on the same systems."""


def lock(handle: int, shared: bool = False, wait: bool = False) -> None:
    """Lock an open file or folder until it is closed or this process ends.

    Args:
        handle: its descriptor; the lock is the file's, whatever its name becomes.
        shared: with others that share it; otherwise alone.
        wait: for whoever has it.

    Raises:
        BlockingIOError: another has it, and `wait` is not asked for.
        OSError: this file system has no locks.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)


def affinity() -> set[int] | None:
    """The CPUs that this thread may use; None where the system does not tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def set_affinity(cpus: Iterable[int]) -> None:
    """Keep this thread, and threads it starts, on these CPUs, where `affinity` is known."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)


def end_process_after(seconds: float) -> None:
    """End this process when `seconds` have passed, whatever it is stuck in; 0: never.

    Each call replaces the one before.
    """
    # the default action of SIGALRM ends a process
    signal.setitimer(signal.ITIMER_REAL, seconds)
