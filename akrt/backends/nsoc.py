"""Akida chips: one or several of this machine, or a virtual one that says so.

Options of ``Runtime(backend="nsoc", ...)``:

* ``device``: an index of `akrt.devices()`, a PCI address, ``"all"``, None for the first usable
  chip; ``"virtual:akd1000"`` or ``"virtual:akd1500"`` maps on akida's virtual device as proof and
  computes in akida's software: results then carry ``simulated=True``. So do networks of Akida 2.0
  on ``"virtual:sixnodesipv2"`` and its like.
* ``fallback``: name of the backend that computes what the chips cannot, with the same result; None:
  `DeviceLostError` instead.
* ``require``: whether a usable chip must be there at the start in spite of a fallback.
* ``chunk``: most samples that a chip gets at a time, and that a failure can cost.
* the fields of `akrt.driver.session.Settings`: ``map_mode``, ``hybrid``, ``clock_mode``, ``power``,
  ``deadline``, ``start_seconds``, ``first_retry``, ``last_retry``.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from akrt.backends import registry
from akrt.backends.base import Backend, Output
from akrt.backends.native import NativeBackend
from akrt.backends.nsoc_job import Job
from akrt.errors import (
    DeviceError,
    DeviceLostError,
    DevicePermissionError,
    FallbackWarning,
    UsageError,
)
from akrt.forking import renew_after_fork
from akrt.model import Model, Node
from akrt.provenance import ComputedBy, Span, trace

if TYPE_CHECKING:
    from akrt.driver.discovery import DeviceInfo
    from akrt.driver.mapping import Mapping
    from akrt.driver.session import Proof, Session

__all__ = ["NsocBackend"]

_CHUNK = 256


class _Options:
    """Ours and the fields of `Settings`, whose module is loaded when they are asked for."""

    def __get__(self, instance: object, owner: type) -> frozenset[str]:
        from akrt.driver.session import Settings

        ours = ("device", "fallback", "require", "chunk")
        return frozenset([*ours, *(f.name for f in fields(Settings))])


class NsocBackend(Backend):
    """Runs a model on Akida chips. Calls from several threads take turns.

    The driver layer is imported when a chip is there or asked for, not with this module: `auto`
    looks at the class on every machine.
    """

    name = "nsoc"
    rank = 200
    options = _Options()
    optional_here = True

    @classmethod
    def probe(cls) -> str | None:
        if sys.platform != "linux":
            return "Akida chips have drivers for Linux alone"
        from akrt.driver.host import Host

        host = Host()
        chips = host.chips()
        if not chips:
            return "there is no Akida chip on the PCI bus: 'akrt doctor' says what to do"
        from akrt.driver.discovery import akida_present

        if not akida_present():
            from akrt.importers.akida_model import AKIDA_MISSING

            return AKIDA_MISSING
        nodes = [chip.node for chip in chips if chip.node is not None]
        if len(nodes) == len(chips) and all(map(host.shuts_out, nodes)):
            raise DevicePermissionError(
                f"this user may not open {' or '.join(nodes)}: 'akrt doctor' says what to do"
            )
        return None

    @classmethod
    def supports(cls, node: Node) -> str | None:
        from akrt.importers.akida_model import beyond_akida

        return beyond_akida(node.layer)

    @classmethod
    def unasked(cls, options: dict[str, Any]) -> dict[str, Any] | None:
        from akrt.driver.mapping import is_virtual

        if is_virtual(options.get("device")):
            return None  # a virtual chip is never chosen unasked
        return {"fallback": "native", "require": True, **options}

    def __init__(
        self,
        model: Model,
        device: int | str | None = None,
        fallback: str | None = None,
        require: bool = False,
        chunk: int = _CHUNK,
        **settings: Any,
    ) -> None:
        """Find the chips and program them.

        Raises:
            DeviceNotFoundError, DeviceBusyError, DevicePermissionError, DeviceLostError: there is
                no usable chip, and no fallback.
            UnsupportedLayerError, BackendUnavailableError: the network does not map on the chip.
            MissingExtraError: a virtual device, and akida is not installed.
            UsageError: an option that makes no sense.
        """
        from akrt.driver.chips import check_version
        from akrt.driver.mapping import MAP_MODES, virtual_chip
        from akrt.driver.session import Settings

        if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
            raise UsageError(f"chunk must be a positive number of samples, got {chunk!r}")
        if fallback in ("nsoc", "auto"):
            raise UsageError(f"'{fallback}' cannot be the fallback of 'nsoc': use 'native'")
        self._model, self._device, self._chunk = model, device, chunk
        self._settings = Settings(**settings)
        mode = self._settings.map_mode
        if not isinstance(mode, str) or mode not in MAP_MODES:
            raise UsageError(
                f"map_mode must be one of {', '.join(MAP_MODES)}, got {self._settings.map_mode!r}"
            )
        self._closed = self._kept = False
        self._sessions: list[Session] = []
        self._counts: dict[str, int] = {}
        self._fallback = None if fallback is None else registry.create(fallback, model, {})
        self._search_at = 0.0
        self._virtual = virtual_chip(device) if isinstance(device, str) else None
        check_version(model, self._virtual)
        self._twin: Any = None
        self._mapping: Mapping | None = None
        self.after_fork()
        renew_after_fork(self)
        if self._virtual is not None:
            self._simulate(self._virtual)
            return
        try:
            self._search(at_first=True)
        except DeviceError as error:
            if fallback is None or require:
                self.close()
                raise
            self._search_at = time.monotonic() + self._settings.first_retry
            warnings.warn(f"'{fallback}' computes: {error}", FallbackWarning, stacklevel=4)
        except BaseException:
            self.close()
            raise

    @property
    def mapping(self) -> Mapping | None:
        """Where the network is on the mesh; None before a chip was programmed, or in hybrid use."""
        mapped = [s.mapping for s in self._sessions if s.mapping is not None]
        return self._mapping or (mapped[0] if mapped else None)

    @property
    def exclusive(self) -> bool:  # type: ignore[override]
        """A chip has one owner; of virtual ones there are as many as are asked for."""
        return self._virtual is None

    def after_fork(self) -> None:
        """In a forked child: the thread that held the lock is not there."""
        self._turn = threading.Lock()

    def keep(self, wanted: bool) -> None:
        self._kept = wanted
        for session in self._sessions:
            session.kept = wanted

    def run(self, x: npt.NDArray[np.uint8]) -> Output:
        with self._turn:
            if self._closed:
                raise UsageError("this runtime is closed: make a new one")
            if self._virtual is None:
                return self._run(x)
            span = Span(0, len(x), f"virtual:{self._virtual.lower()}", True)
            answer = trace(self._twin.run(x), [span])
            self._count([span])
            return answer

    def _count(self, spans: Iterable[Span]) -> None:
        for span in spans:
            self._counts[span.where] = self._counts.get(span.where, 0) + span.stop - span.start

    def computed_by(self, samples: int) -> ComputedBy:
        ready = tuple(s.name for s in self._sessions if s.ready)
        places: tuple[str, ...] = ready or tuple(s.name for s in self._sessions)
        if self._virtual is not None:
            places = (f"virtual:{self._virtual.lower()}",)
        elif self._fallback is not None and not ready:
            places = (self._fallback.name,)
        return ComputedBy(
            self.name,
            simulated=self._virtual is not None,
            fallback=None if self._fallback is None else self._fallback.name,
            samples_by_place=dict(self._counts),
            places=places,
        )

    def describe(self) -> dict[str, str]:
        facts = {}
        if self._twin is not None:
            facts["device"] = f"{self._device}, simulated: akida's software computes"
        elif self._sessions:
            facts["device"] = ", ".join(s.name for s in self._sessions)
        else:
            facts["device"] = "none"
        if self.mapping is not None:
            facts["processors"] = " + ".join(f"{n} {t}" for t, n in self.mapping.counts.items())
            facts["program"] = f"{self.mapping.program_bytes} bytes"
        if self._fallback is not None:
            facts["fallback"] = self._fallback.name
        return facts

    def measurements(self) -> dict[str, Any]:
        return {
            "simulated": self._twin is not None,
            "samples_by_place": dict(self._counts),
            "devices": [session.facts() for session in self._sessions],
        }

    def close(self) -> None:
        with self._turn:
            self._closed = True
            for session in self._sessions:
                session.close()
            if self._fallback is not None:
                self._fallback.close()

    def _simulate(self, chip: str) -> None:
        from akrt.backends.simulator import SimulatorBackend
        from akrt.driver.mapping import map_model, virtual_device

        settings = self._settings
        target, name = virtual_device(chip), f"virtual:{chip.lower()}"
        self._mapping = map_model(self._model, target, name, settings.map_mode, settings.hybrid)
        self._twin = SimulatorBackend(self._model)

    def _wanted(self, at_first: bool) -> list[DeviceInfo]:
        """The chips to open; at first those of an equal runtime before this one too.

        Raises:
            DeviceError: there is none.
        """
        from akrt.driver import discovery
        from akrt.driver.session import take_over

        found = discovery.devices(seconds=self._settings.start_seconds)
        try:
            return _choose(self._device, found)
        except DeviceError:
            if not at_first:
                raise
            freed = _choose(self._device, [replace(info, usable=True) for info in found])
            if not take_over([info.name for info in freed], self._model):
                raise
        return _choose(self._device, discovery.devices(seconds=self._settings.start_seconds))

    def _search(self, at_first: bool = False) -> None:
        """Find the chips and open all that open.

        Raises:
            DeviceError: none does.
        """
        from akrt.driver.session import Session

        wanted = self._wanted(at_first)
        proof = _proof(self._model)
        failures: list[DeviceError] = []
        for info in wanted:
            session = Session(info, self._model, self._settings, proof)
            session.kept = self._kept
            self._sessions.append(session)
            try:
                session.open()
            except DeviceError as error:
                failures.append(error)
        if len(failures) == len(wanted):
            raise failures[0]
        for failure in failures:
            warnings.warn(f"going on without a chip: {failure}", FallbackWarning, stacklevel=5)

    def _search_again(self) -> None:
        """Look for chips that were not there at the start; a look at the bus comes first."""
        from akrt.driver.host import Host

        if self._sessions or time.monotonic() < self._search_at:
            return
        self._search_at = time.monotonic() + self._settings.last_retry
        if Host().chips():
            try:
                self._search()
            except DeviceError:
                return

    def _run(self, x: npt.NDArray[np.uint8]) -> Output:
        job = Job(x, self._chunk, np.empty((len(x), *self._model.output_shape), self._dtype))
        self._search_again()
        while job.waiting:
            ready = self._take_back()
            if ready:
                self._serve(job, ready)
            if job.waiting and not any(s.ready for s in self._sessions):
                if self._fallback is None:
                    raise self._lost(job)
                self._fall_back(job)
        for failure in job.failures:
            warnings.warn(f"computed elsewhere: {failure}", FallbackWarning, stacklevel=5)
        self._count(job.spans)
        return trace(job.outputs, sorted(job.spans, key=lambda span: span.start))

    def _take_back(self) -> list[Session]:
        """The sessions that are ready; lost ones are retried.

        A batch waits for that only where nothing else could compute it.
        """
        beside = self._fallback is not None or any(s.ready for s in self._sessions)
        for session in self._sessions:
            # the error of a chip that stays lost is told when nothing else is left
            with contextlib.suppress(DeviceError):
                session.retry(background=beside)
        return [session for session in self._sessions if session.ready]

    def _serve(self, job: Job, sessions: list[Session]) -> None:
        """Let the chips take chunks until none is left or none of them is ready."""
        if len(sessions) == 1:
            job.serve(sessions[0])
            return
        threads = [threading.Thread(target=job.serve, args=(s,)) for s in sessions]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:  # an interrupt: what is not begun is not wanted any more
            job.waiting.clear()
            raise
        if job.crash is not None:
            raise job.crash

    def _fall_back(self, job: Job) -> None:
        assert self._fallback is not None
        start, stop = job.waiting.popleft()
        job.finish(start, stop, self._fallback.run(job.inputs[start:stop]), self._fallback.name)

    def _lost(self, job: Job) -> DeviceLostError:
        spans = sorted(job.spans, key=lambda span: span.start)
        done = [np.arange(span.start, span.stop) for span in spans]
        reasons = [s.last_error for s in self._sessions if s.last_error] or ["no chip is left"]
        error = DeviceLostError(
            f"{'; '.join(reasons)}. {sum(map(len, done))} of {len(job.inputs)} samples were "
            f"finished ('finished' and 'outputs' of this error); fallback='native' goes on "
            f"without the chip"
        )
        error.finished = np.concatenate([np.zeros(0, np.int64), *done])
        error.outputs = job.outputs[error.finished]
        return error

    @property
    def _dtype(self) -> npt.DTypeLike:
        return self._model.output_dtype


def _choose(device: int | str | None, found: list[DeviceInfo]) -> list[DeviceInfo]:
    from akrt.driver import discovery

    if device == "all":
        return [info for info in found if info.usable] or [discovery.find(None, found)]
    return [discovery.find(device, found)]


def _proof(model: Model) -> Proof:
    """A sample that reaches over the whole input range, and what the CPU says to it."""
    from akrt.driver.session import Proof

    values = np.arange(np.prod(model.input_shape)) * 37 % (1 << model.input_bits)
    inputs = values.astype(np.uint8).reshape(1, *model.input_shape)
    return Proof(inputs, NativeBackend(model).run(inputs))
