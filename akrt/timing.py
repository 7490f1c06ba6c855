"""Times that can be compared: the candidates take turns, in one process, on one core."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from akrt.errors import UsageError
from akrt.system import affinity, set_affinity

__all__ = ["Timing", "cpu_name", "one_core", "ratio", "take_turns"]

TURN_NS = 4_000_000
"""A turn lasts about this long, or one call."""
MAX_CALLS = 200
MIN_ROUNDS = 7
MOST_SECONDS = 3600


@dataclass(frozen=True)
class Timing:
    """Microseconds of one call: over all calls, and the median of each turn."""

    median: float
    p90: float
    calls: int
    turns: tuple[float, ...]


def take_turns(
    candidates: Mapping[str, Callable[[], Any]], seconds: float = 2.0
) -> dict[str, Timing]:
    """Times calls of each candidate for about `seconds`, a few milliseconds at a time.

    A CPU's clock drifts by tens of percents within seconds; candidates that take short turns meet
    the same clocks, so the ratio of their times (`ratio`) is steadier than the times.

    Raises:
        UsageError: `seconds` is not above 0, or more than an hour.
    """
    if not 0 < seconds <= MOST_SECONDS:
        raise UsageError(f"seconds must be above 0 and up to {MOST_SECONDS:,}, got {seconds!r}")
    calls = {name: _calls(call) for name, call in candidates.items()}
    times: dict[str, list[list[int]]] = {name: [] for name in candidates}
    end = time.perf_counter() + seconds * len(candidates)
    rounds = 0
    while rounds < MIN_ROUNDS or time.perf_counter() < end:
        for name, call in candidates.items():
            call()  # what the others displaced from the caches comes back
            turn = []
            for _ in range(calls[name]):
                start = time.perf_counter_ns()
                call()
                turn.append(time.perf_counter_ns() - start)
            times[name].append(turn)
        rounds += 1
    return {name: _timing(turns) for name, turns in times.items()}


def _calls(call: Callable[[], Any]) -> int:
    call()
    start = time.perf_counter_ns()
    call()
    return max(1, min(MAX_CALLS, TURN_NS // max(time.perf_counter_ns() - start, 1)))


def _timing(turns: list[list[int]]) -> Timing:
    every = np.concatenate([np.asarray(turn) for turn in turns]) / 1e3
    medians = tuple(float(np.median(turn)) / 1e3 for turn in turns)
    return Timing(float(np.median(every)), float(np.percentile(every, 90)), len(every), medians)


def ratio(one: Timing, other: Timing) -> float:
    """How many times as long `one` takes as `other`: the median over turns side by side."""
    return float(np.median(np.asarray(one.turns) / np.asarray(other.turns)))


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and threads it starts, on one CPU where the system allows it."""
    before = affinity()
    if before is None:
        yield
        return
    set_affinity({min(before)})
    try:
        yield
    finally:
        set_affinity(before)


def cpu_name() -> str:
    """What the CPU calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
