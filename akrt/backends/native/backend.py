"""Any CPU: the project's own fixed-point kernels, one C call per forward."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from akrt.backends.base import Backend, Output, QuickCheck
from akrt.backends.native.arena import plan_network, why_not
from akrt.cpus import usable_cpus
from akrt.errors import BackendUnavailableError, UsageError
from akrt.forking import renew_after_fork
from akrt.kernels._kernels import Architecture, Hops, Network, architectures
from akrt.lowering.arithmetic import Memory
from akrt.model import Model, Node
from akrt.provenance import ComputedBy

if TYPE_CHECKING:
    from akrt.backends.native.hops import HopPlan, NativeHops

_log = logging.getLogger("akrt")

MAX_ARENA_BYTES = 1 << 31
"""Memory for one sample: a small file must not ask for all there is."""

_MACS_PER_THREAD = 5_000_000
"""Waking a thread costs as much as this much work."""
_MACS_AT_ONCE = 20_000_000
"""Of a batch, between two looks at whether the user interrupts: 0.02 s with slow kernels."""


class NativeBackend(Backend):
    """Runs a model with the C kernels. Safe to call from many threads.

    The kernels are those of the best architecture that this CPU has, or of the one that the
    environment variable AKRT_ARCH names; the integers are the same with all of them.

    Args:
        model: the network.
        threads: how many may share the samples of one batch; None: one for each CPU. A single
            sample takes one thread. The result does not depend on it.

    Raises:
        BackendUnavailableError: AKRT_ARCH names kernels that are not built in or not for this CPU,
            or the model needs too much memory.
        UsageError: `threads` is not a positive number.
    """

    name = "native"
    rank = 100
    options = frozenset({"threads"})

    @classmethod
    def supports(cls, node: Node) -> str | None:
        return why_not(node)

    def __init__(self, model: Model, threads: int | None = None) -> None:
        if threads is not None and (type(threads) is not int or threads < 1):
            raise UsageError(f"threads must be a positive number, got {threads!r}")
        self._threads = threads or usable_cpus()
        self._share = max(1, _MACS_PER_THREAD // max(model.macs, 1))
        self._piece = max(self._share, _MACS_AT_ONCE // max(model.macs, 1))
        self._small = self._piece if self._threads == 1 else 2 * self._share - 1
        self._closed = False
        self._pool: ThreadPoolExecutor | None = None
        self._starting = Lock()
        renew_after_fork(self)
        self._nodes = model.nodes
        arch = choose_arch(os.environ.get("AKRT_ARCH", ""))
        self._arch = arch.name
        _log.info("native kernels: %s", self._arch)
        self._plan = plan_network(model.nodes, arch)
        nodes, arena_bytes = self._plan.nodes, self._plan.arena_bytes
        self._index = {node.name: i for i, node in enumerate(nodes)}
        self._hops: dict[int, tuple[HopPlan, Hops] | None] = {}
        taken = arena_bytes + self._plan.memory_bytes
        if taken > MAX_ARENA_BYTES:
            raise BackendUnavailableError(
                f"'{model.name}' needs {taken:,} bytes of memory for one sample, the native "
                f"backend takes at most {MAX_ARENA_BYTES:,}"
            )
        self._network = Network(nodes, self._arch, arena_bytes) if nodes else None
        entry = model.entry
        self._checks_values = entry.dtype != "uint8" or entry.high < 255

    def run(self, x: npt.NDArray[Any]) -> Output:
        network = self._network
        if network is None:
            return x.copy()
        if self._plan.memory_bytes:
            return self.run_on(x, None)[0]
        if len(x) <= self._small:
            return network.run(x)
        parts = self._parts(len(x))
        y = network.empty(len(x))
        edges = [len(x) * i // parts for i in range(parts + 1)]
        stopped = Event()
        try:
            others = [
                self._submit(x[start:stop], y[start:stop], stopped)
                for start, stop in pairwise(edges[1:])
            ]
            self._run_pieces(x[: edges[1]], y[: edges[1]], stopped)
            for other in others:
                other.result()
        except BaseException:  # an interrupt: the pool's threads are not to go on for nobody
            stopped.set()
            raise
        return y

    def run_on(self, x: npt.NDArray[Any], memory: Memory | None) -> tuple[Output, Memory]:
        assert self._network is not None
        kept = self._network.memory()
        after = self._plan.remembered(kept)
        for layer, arrays in (memory or {}).items():
            for name, array in arrays.items():
                after[layer][name][...] = array
        y = self._network.empty(len(x))
        for start in range(0, len(x), self._piece):  # one after the other: steps in time
            stop = start + self._piece
            self._network.run(x[start:stop], y[start:stop], kept)
        return y, after

    def _run_pieces(self, x: npt.NDArray[Any], y: Output, stopped: Event) -> None:
        assert self._network is not None
        for start in range(0, len(x), self._piece):
            if stopped.is_set():
                return
            stop = start + self._piece
            self._network.run(x[start:stop], y[start:stop])

    def _submit(self, x: npt.NDArray[Any], y: Output, stopped: Event) -> Future[None]:
        """Let the pool compute a part; once it is closed, this thread does."""
        with self._starting:
            if self._pool is None and not self._closed:
                self._pool = ThreadPoolExecutor(self._threads - 1, "akrt-native")
            if self._pool is not None:
                # refused while the interpreter ends
                with contextlib.suppress(RuntimeError):
                    return self._pool.submit(self._run_pieces, x, y, stopped)
        done: Future[None] = Future()
        self._run_pieces(x, y, stopped)
        done.set_result(None)
        return done

    def after_fork(self) -> None:
        """In a forked child: the pool's threads are not there, nor the one that held the lock."""
        self._pool = None
        self._starting = Lock()

    def quick_check(self) -> QuickCheck | None:
        return None if self._network is None or self._checks_values else self._network.accepts

    def _parts(self, samples: int) -> int:
        """Threads that share so many samples."""
        if samples <= self._small:
            return 1
        return min(self._threads, samples // self._share)

    def hops(self, rows: int) -> NativeHops | None:
        if self._network is None:
            return None
        from akrt.backends.native.hops import NativeHops

        if rows not in self._hops:
            self._hops[rows] = self._planned_hops(self._network, rows)
        made = self._hops[rows]
        if made is None:
            return None
        return NativeHops(*made, self._network, self.run, self._parts, self._piece)

    def _planned_hops(self, network: Network, rows: int) -> tuple[HopPlan, Hops] | None:
        from akrt.backends.native.hops import plan_hops

        plan = plan_hops(self._nodes, self._plan, rows)
        if plan is None or plan.arena_bytes + plan.kept_bytes > MAX_ARENA_BYTES:
            return None
        _, y, channels = self._nodes[0].input_shape
        moved = y * channels * rows
        return plan, Hops(network, plan.nodes, plan.arena_bytes, plan.kept_bytes, moved)

    def close(self) -> None:
        with self._starting:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()  # what was handed to it is finished

    def layer_outputs(self, x: npt.NDArray[Any]) -> list[Output]:
        return [output for output, _ in self._walk(x)]

    def layer_times(self, x: npt.NDArray[Any]) -> list[int]:
        return [nanoseconds for _, nanoseconds in self._walk(x)]

    def _walk(self, x: npt.NDArray[Any]) -> list[tuple[Output, int]]:
        made: dict[str, Output] = {}
        outputs: list[tuple[Output, int]] = []
        for node in self._nodes:
            inputs = [made[name] for name in node.sources] or [x]
            index = self._index.get(node.layer.name)
            if index is None:  # what comes in goes out
                outputs.append((inputs[0], 0))
            else:
                assert self._network is not None
                start = time.perf_counter_ns()
                value = self._network.run_layer(index, *inputs)
                outputs.append((value, time.perf_counter_ns() - start))
            made[node.layer.name] = outputs[-1][0]
        return outputs

    def computed_by(self, samples: int) -> ComputedBy:
        return replace(super().computed_by(samples), detail=self._arch)

    def describe(self) -> dict[str, str]:
        arena = 0 if self._network is None else self._network.arena_bytes
        return {
            "kernels": self._arch,
            "threads": str(self._threads),
            "arena": f"{arena} bytes",
        }


def usable_archs() -> list[str]:
    """Names of the kernel sets that this CPU can run, best first."""
    return [arch.name for arch in architectures() if arch.usable]


def choose_arch(wanted: str) -> Architecture:
    """The kernel set `wanted`, or the best one here if it is empty."""
    for arch in architectures():
        if arch.usable and wanted in ("", arch.name):
            return arch
    names = ", ".join(usable_archs())
    raise BackendUnavailableError(f"AKRT_ARCH={wanted}: the kernels that run here are {names}")
