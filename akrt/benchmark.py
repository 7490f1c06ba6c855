"""The core of the latency suites: one network, every kernel set, other runtimes, side by side."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt import __version__, peers
from akrt.backends.native import usable_archs
from akrt.cpus import usable_cpus
from akrt.frontends import SoundFrontEnd, front_end
from akrt.model import Model
from akrt.runtime import Runtime
from akrt.timing import Timing, cpu_name, one_core, ratio, take_turns

__all__ = ["Comparison", "Row", "compare", "facts", "samples", "with_arch"]

CLIPS = 16
SLOW_SECONDS = 0.5
"""Backends that are slow by design are timed on their own, for this long."""


@dataclass(frozen=True)
class Row:
    """One configuration's time for one batch."""

    name: str
    batch: int
    threads: int
    timing: Timing
    computed_by: str
    """As of `Runtime.computed_by`; a peer's name."""

    @property
    def samples_per_s(self) -> float:
        """Samples a second."""
        return self.batch * 1e6 / self.timing.median

    def as_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return {
            "name": self.name,
            "batch": self.batch,
            "threads": self.threads,
            "computed_by": self.computed_by,
            "median_us": round(self.timing.median, 2),
            "p90_us": round(self.timing.p90, 2),
            "samples_per_s": round(self.samples_per_s, 1),
        }


@dataclass
class Comparison:
    """What `compare` measured.

    `ratios` are times divided by times, ours above a peer's or one arch above another: below 1 is
    faster. `absent` says why a peer is missing; `agreement` is the correlation of each peer's
    outputs with those of the network in floating point. `cpu_share` is the least share of the time
    of single-threaded turns that this process had a CPU: well below 1, others were using it.
    """

    model: str
    macs: int
    rows: list[Row] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)
    cpu_share: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return {
            "model": self.model,
            "macs": self.macs,
            "rows": [row.as_dict() for row in self.rows],
            "ratios": {name: round(value, 4) for name, value in self.ratios.items()},
            "absent": self.absent,
            "agreement": {name: round(value, 5) for name, value in self.agreement.items()},
            "cpu_share": round(self.cpu_share, 3),
        }


def facts() -> dict[str, Any]:
    """CPU and versions, for a result that others shall understand."""
    packages = ["numpy", *(needed[0] for needed in peers.PEERS.values())]
    return {
        "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"akrt": __version__, **_versions(packages)},
    }


def _versions(packages: Sequence[str]) -> dict[str, str]:
    """Of those that are installed."""
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def samples(model: Model, count: int) -> npt.NDArray[Any]:
    """(count, X, Y, C) of the model's type: words that ship for a network that hears, else noise.

    On noise a layer may have to take its slower, saturating path.
    """
    heard = None if model.preprocessing is None else front_end(model.preprocessing)
    if not isinstance(heard, SoundFrontEnd):
        x = model.noise(np.random.default_rng(1), min(count, CLIPS))
    else:
        with as_file(files("akrt") / "data" / "clips") as folder:
            clips = sorted(Path(folder).rglob("*.flac"))
            clips = clips[:: max(1, len(clips) // CLIPS)][: min(count, CLIPS)]
            x = np.stack([heard.from_file(clip, start=0) for clip in clips])
    return np.resize(x, (count, *x.shape[1:]))


@contextmanager
def with_arch(name: str) -> Iterator[None]:
    """Native backends made inside use the kernel set `name`."""
    before = os.environ.get("AKRT_ARCH")
    os.environ["AKRT_ARCH"] = name
    try:
        yield
    finally:
        del os.environ["AKRT_ARCH"]
        if before is not None:
            os.environ["AKRT_ARCH"] = before


def compare(
    model: Model,
    archs: Sequence[str] | None = None,
    against: Sequence[str] = tuple(peers.PEERS),
    also: Sequence[str] = (),
    batch: int = 256,
    seconds: float = 2.0,
    others: Mapping[str, Callable[[], Any]] | None = None,
) -> Comparison:
    """Times a model on the native kernel sets and on peers, one thread each, in turns on one core.

    Args:
        model: the network.
        archs: kernel sets; None: all that this CPU runs.
        against: names of `peers.PEERS`; those not installed are listed as absent.
        also: other backends of akrt, timed on their own for a single sample.
        batch: samples of a batch; 1: single samples only.
        seconds: for each configuration and batch.
        others: calls that run a single sample elsewhere, which take their turns too.
    """
    found = Comparison(model.name, model.macs)
    archs = usable_archs() if archs is None else list(archs)
    ours = {f"akrt {arch}": f"native ({arch})" for arch in archs}
    here = []
    for name in against:
        if model.version == 2:
            found.absent[name] = "runs networks of Akida 1.0 only, as akrt builds them"
        elif peers.installed(name) is None:
            found.absent[name] = "not installed: pip install 'akrt[bench]'"
        else:
            here.append(name)
    pool = samples(model, max(batch, CLIPS))
    network = peers.quantise(model, pool[:CLIPS]) if here else None
    with one_core():
        for size in sorted({1, batch}):
            x = np.ascontiguousarray(pool[:size])
            calls = {n: _native(model, a, 1, x) for n, a in zip(ours, archs, strict=True)}
            if network is not None:
                calls |= {name: peers.prepare(name, network, x) for name in here}
            if others is not None and size == 1:
                calls |= others
            wall, cpu = time.perf_counter(), time.process_time()
            timings = take_turns(calls, seconds)
            share = (time.process_time() - cpu) / (time.perf_counter() - wall)
            found.cpu_share = min(found.cpu_share, share)
            _record(found, timings, size, 1, ours)
        if network is not None:
            x = pool[:CLIPS]
            for name in here:
                real = peers.to_real(network, peers.prepare(name, network, x)())
                found.agreement[name] = _correlation(real, peers.run_float(model, x))
        for name in also:
            runtime = Runtime(model, backend=name)
            x = np.ascontiguousarray(pool[:1])
            timing = take_turns({name: partial(runtime.forward, x)}, SLOW_SECONDS)[name]
            found.rows.append(Row(name, 1, 1, timing, runtime.computed_by))
            runtime.close()
    if batch > 1 and archs and usable_cpus() > 1:
        calls = {str(n): _native(model, archs[0], n, pool[:batch]) for n in (1, 2)}
        timings = take_turns(calls, seconds)
        name, computed_by = next(iter(ours.items()))
        found.rows.append(Row(name, batch, 2, timings["2"], computed_by))
        found.ratios[f"{model.name}, batch {batch}: 2 threads / 1"] = ratio(
            timings["2"], timings["1"]
        )
    return found


def _native(model: Model, arch: str, threads: int, x: npt.NDArray[np.uint8]) -> Callable[[], Any]:
    with with_arch(arch):
        runtime = Runtime(model, backend="native", threads=threads)
    return partial(runtime.forward, x)


def _record(
    found: Comparison, timings: dict[str, Timing], batch: int, threads: int, ours: dict[str, str]
) -> None:
    """`ours`: names of akrt's own configurations, the best first, and what computes in them."""
    where = f"{found.model}, batch {batch}"
    best = next(iter(ours), None)
    for name, timing in timings.items():
        found.rows.append(Row(name, batch, threads, timing, ours.get(name, name)))
        if name in ours:
            rivals = [n for n in timings if n not in ours]
            rivals += [best] if best not in (None, name) else []
            for rival in rivals:
                found.ratios[f"{where}: {name} / {rival}"] = ratio(timing, timings[str(rival)])


def _correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
