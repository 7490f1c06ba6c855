"""What a runtime measures while it works: latencies, rates, and where the time goes."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from akrt.forking import renew_after_fork
from akrt.provenance import ComputedBy

__all__ = ["LayerProfile", "Recorder", "Statistics"]

WINDOW = 10_000
"""Percentiles are over this many of the latest calls."""


@dataclass(frozen=True)
class Statistics:
    """Figures over the calls of one runtime. Latencies are of whole calls, in microseconds.

    `fps` is samples per second of time spent computing, not of time passed.
    """

    backend: str
    calls: int
    samples: int
    fps: float | None
    latency_us: dict[str, float]
    """``min``, ``p50``, ``p90``, ``p99``, ``max``; empty before the first call."""
    measured: dict[str, Any] = field(default_factory=dict)
    """What the backend measured of its own: where samples ran, clocks, energy per frame."""

    computed_by: ComputedBy | None = None
    """What computed the samples; None: `backend`."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        computed_by = self.computed_by or ComputedBy(self.backend)
        return {**asdict(self), "computed_by": computed_by.as_dict()}

    def __str__(self) -> str:
        who = self.computed_by or self.backend
        if not self.calls:
            return f"{who}: no calls yet"
        latency = ", ".join(f"{name} {value:.1f}" for name, value in self.latency_us.items())
        return (
            f"{who}: {self.samples} samples in {self.calls} calls, "
            f"{self.fps:,.0f} samples/s; latency of a call in us: {latency}"
        )


@dataclass(frozen=True)
class LayerProfile:
    """One layer's share of the work, for one sample.

    `time_us` is a median over repetitions; `sparsity` the fraction of outputs that are zero.
    """

    name: str
    kind: str
    output_shape: tuple[int, int, int]
    time_us: float
    macs: int
    sparsity: float

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return asdict(self)


class Recorder:
    """Collects the duration and size of every call; any number of threads may do so at once."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._latest: deque[int] = deque(maxlen=WINDOW)
        self._calls = self._samples = self._nanoseconds = 0
        self._new: deque[tuple[int, int]] = deque()
        self._adding = Lock()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """In a forked child: the thread that held the lock is not there."""
        self._adding = Lock()

    @property
    def samples(self) -> int:
        """Samples of all calls so far."""
        self._add_up()
        return self._samples

    def record(self, nanoseconds: int, samples: int) -> None:
        """Add one call."""
        new = self._new
        new.append((nanoseconds, samples))
        if len(new) >= WINDOW:
            self._add_up()

    def _add_up(self) -> None:
        """The new calls to the others: many at a time, as a call may take microseconds."""
        with self._adding:
            for _ in range(len(self._new)):
                nanoseconds, samples = self._new.popleft()
                self._latest.append(nanoseconds)
                self._calls += 1
                self._samples += samples
                self._nanoseconds += nanoseconds

    def statistics(self) -> Statistics:
        """Figures over all calls so far."""
        self._add_up()
        latency = {}
        if self._latest:
            points = np.percentile(np.array(self._latest) / 1e3, (0, 50, 90, 99, 100))
            names = ("min", "p50", "p90", "p99", "max")
            latency = {name: float(value) for name, value in zip(names, points, strict=True)}
        fps = self._samples / (self._nanoseconds / 1e9) if self._nanoseconds else None
        return Statistics(self._backend, self._calls, self._samples, fps, latency)
