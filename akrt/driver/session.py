"""A chip that holds one program: locked, programmed once, asked in batches, freed at the end."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from akrt.driver import discovery, locks
from akrt.driver.discovery import DeviceInfo
from akrt.driver.link import Link, check_seconds
from akrt.driver.mapping import Mapping, map_model, twin_device
from akrt.driver.power import Meter
from akrt.errors import AkrtError, DeviceError, DeviceLostError, UsageError
from akrt.forking import renew_after_fork
from akrt.model import Model, encoding

__all__ = ["CLOCK_MODES", "Proof", "Session", "Settings", "take_over"]

CLOCK_MODES = {"performance": "Performance", "economy": "Economy", "low_power": "LowPower"}
"""Our names of akida's `soc.ClockMode`s."""


_holders: WeakValueDictionary[str, Session] = WeakValueDictionary()
"""The session of this process that last took the lock of a device."""


@dataclass(frozen=True)
class Settings:
    """How a chip is used.

    Args:
        map_mode: one of `akrt.driver.mapping.MAP_MODES`.
        hybrid: whether akida may leave layers to its software.
        clock_mode: one of `CLOCK_MODES`, or None to leave it as it is.
        power: whether to measure power.
        deadline: seconds that a batch may take.
        start_seconds: seconds that finding and programming the chip may take, each.
        first_retry: seconds after a failure until the chip is tried again; doubles each time.
        last_retry: the most that these become.

    Raises:
        UsageError: an unknown clock mode, or a time that is none.
    """

    map_mode: str = "all_nps"
    hybrid: bool = False
    clock_mode: str | None = None
    power: bool = False
    deadline: float = 10.0
    start_seconds: float = discovery.PROBE_SECONDS
    first_retry: float = 0.5
    last_retry: float = 60.0

    def __post_init__(self) -> None:
        if self.clock_mode is not None and (
            not isinstance(self.clock_mode, str) or self.clock_mode not in CLOCK_MODES
        ):
            raise UsageError(
                f"clock_mode must be one of {', '.join(CLOCK_MODES)}, got {self.clock_mode!r}"
            )
        for name in ("deadline", "start_seconds", "first_retry", "last_retry"):
            check_seconds(name, getattr(self, name))


@dataclass(frozen=True)
class Proof:
    """An input whose output is known: a chip that answers it wrongly is not used."""

    inputs: npt.NDArray[np.uint8]
    outputs: npt.NDArray[Any]


class Session:
    """One chip and one model. Threads that use it take turns.

    In a process forked from its owner a session is not ready and has neither lock nor process: a
    retry there finds the chip busy, or free once the owner has closed.

    Args:
        info: the chip.
        model: the network.
        settings: how to use it.
        proof: what the programmed chip must answer.
    """

    def __init__(self, info: DeviceInfo, model: Model, settings: Settings, proof: Proof) -> None:
        self.info = info
        self.meter = Meter(settings.power)
        self.mapping: Mapping | None = None
        self.last_error: str | None = None
        self._model, self._settings, self._proof = model, settings, proof
        self._lock: locks.DeviceLock | None = None
        self._link: Link | None = None
        self._ready = self._closed = False
        self._failures = 0
        self._retry_at = 0.0
        self._reopening: threading.Thread | None = None
        self.kept = False
        """Whether its runtime is in a ``with`` block."""
        self._turn = threading.RLock()
        self._inside = False
        renew_after_fork(self)

    @property
    def name(self) -> str:
        """What results call the chip."""
        return f"{self.info.model} at {self.info.name}"

    @property
    def ready(self) -> bool:
        """Whether the chip is programmed and has not failed since."""
        return self._ready

    @property
    def locked(self) -> bool:
        """Whether it holds the device's lock."""
        return self._lock is not None

    def open(self) -> None:
        """Lock, find, program and prove the chip; where it is ready, nothing is left to do.

        Raises:
            DeviceBusyError: another process owns it.
            DeviceLostError: it does not answer, or wrongly, or keeps another program.
            UnsupportedLayerError, BackendUnavailableError: the model does not map on it.
        """
        with self._using():
            if self._ready:
                return
            if self._closed:
                raise DeviceLostError(f"{self.name} has been closed")
            try:
                self._open()
            except AkrtError as error:
                self._failed(error)
                raise
            except BaseException:
                self._abandon()
                raise
            self._failures = 0
            self._ready = not self._closed

    def forward(self, x: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """The chip's answer to a batch.

        Args:
            x: C-contiguous uint8 (N, X, Y, C), N > 0, already checked against the model.

        Returns:
            int32 potentials or uint8 activations (N, X', Y', C').

        Raises:
            DeviceLostError: an error of the device, no answer within the deadline, or an answer
                of the wrong shape, type or range. The chip is not ready then.
        """
        with self._using():
            if not self._ready:
                raise DeviceLostError(self.last_error or f"{self.name} is not open")
            try:
                return self._forward(x)
            except DeviceError as error:
                self._failed(error)
                raise
            except BaseException:  # an interrupt, with an answer still under way
                self._abandon()
                raise

    def retry(self, background: bool) -> None:
        """Try to take a lost chip back: when its time has come in the background, else at once.

        Raises:
            DeviceError: it is still lost (not in the background).
        """
        if self._ready or self._closed:
            return
        if not background:
            self._join()
            if not self._ready:
                self.open()
            return
        if time.monotonic() < self._retry_at:
            return
        if self._reopening is not None and self._reopening.is_alive():
            return
        # where the one before was just done, the chip is ready, and opening it does nothing
        self._reopening = threading.Thread(target=self._reopen, name=f"akrt-{self.info.name}")
        self._reopening.start()

    def close(self) -> None:
        """Unprogram the chip and free it; calling it again does nothing."""
        self._closed = True
        self._ready = False
        self._join()
        with self._turn:
            if not self._inside:
                self._free()

    def gives_way_to(self, model: Model) -> bool:
        """Whether a runtime of `model`, made later in this process, may take the chip over."""
        if not self.locked or self.kept:
            return False
        return encoding.content_hash(self._model) == encoding.content_hash(model)

    def give_up(self, reason: str) -> None:
        """Free the chip once the batch under way is done; it can be taken back when it is free."""
        self._join()
        with self._turn:
            self._free()
            self._failed(DeviceLostError(f"{self.name} {reason}"))

    def after_fork(self) -> None:
        """In a forked child: the chip, its process and its lock are the parent's."""
        self._turn = threading.RLock()
        self._ready = self._inside = False
        self._reopening = None
        self._retry_at = 0.0
        self.last_error = f"{self.name} belongs to the process that this one was forked from"
        self._link = None  # which closes the child's copies of the pipes by itself
        if self._lock is not None:
            # a copy: the parent's stays, and so does the lock
            with contextlib.suppress(OSError):
                os.close(self._lock.fd)
            self._lock = None

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        """One thread at a time.

        That thread may collect its own dropped runtime as garbage, and close this session while it
        uses it: the chip is then freed when it is done.
        """
        with self._turn:
            self._inside = True
            try:
                yield
            finally:
                self._inside = False
                if self._closed:
                    self._free()

    def _free(self) -> None:
        self._ready = False
        self._unlink()  # the worker unprograms the chip when it is left
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def facts(self) -> dict[str, Any]:
        """What is known of the chip and its work, as plain types."""
        return {
            "device": self.name,
            "state": "ready" if self._ready else f"lost: {self.last_error}",
            "failures": self._failures,
            **self.meter.facts(),
        }

    def _open(self) -> None:
        if self._lock is None:
            self._lock = locks.DeviceLock(self.info.name)
            _holders[self.info.name] = self
        if self._link is not None and self._link.alive:
            try:
                self._link.ask("unprogram", self._settings.start_seconds)
                self._prepare(self._link)
            except DeviceError:
                pass  # a new process lets akida look for its devices afresh
            else:
                return
        self._unlink()
        settings = self._settings
        self._link = Link(settings.start_seconds, self._lock.fd)
        clock = None if settings.clock_mode is None else CLOCK_MODES[settings.clock_mode]
        self._link.ask(
            "open",
            settings.start_seconds,
            desc=self.info.desc,
            clock_mode=clock,
            power=settings.power,
        )
        self._prepare(self._link)

    def _prepare(self, link: Link) -> None:
        """Program the chip and let it answer a sample whose answer is known."""
        settings = self._settings
        if settings.hybrid:
            model = encoding.to_bytes(self._model)
            link.ask("map", settings.start_seconds, model, mode=settings.map_mode)
        else:
            self._program(link)
        answer = self._forward(self._proof.inputs, measure=False)
        if not np.array_equal(answer, self._proof.outputs):
            raise DeviceLostError(
                f"{self.name} answers a known sample wrongly: 'akrt doctor' looks at the device"
            )

    def _program(self, link: Link) -> None:
        if self.mapping is None:
            layout = link.ask("mesh", self._settings.start_seconds)[0]
            device = twin_device(layout)
            self.mapping = map_model(self._model, device, self.name, self._settings.map_mode)
        program = self.mapping.programs[0]
        held = link.ask("program", self._settings.start_seconds, program)[0]
        if held["sha256"] != hashlib.sha256(program).hexdigest():
            raise DeviceLostError(
                f"{self.name} keeps another program than it was given: {held['bytes']} of "
                f"{len(program)} bytes read back, or bytes altered"
            )

    def _forward(self, x: npt.NDArray[np.uint8], measure: bool = True) -> npt.NDArray[Any]:
        if self._link is None:
            raise DeviceLostError(f"{self.name} is not open")
        reply, data = self._link.ask("forward", self._settings.deadline, x.data, shape=x.shape)
        model = self._model
        expected = (len(x), *model.output_shape)
        if tuple(reply["shape"]) != expected:
            raise DeviceLostError(
                f"{self.name} answered with shape {tuple(reply['shape'])}, expected {expected}"
            )
        y = np.frombuffer(data, np.dtype(reply["dtype"])).reshape(expected)
        with np.errstate(invalid="ignore"):
            answer: npt.NDArray[Any] = y.astype(model.output_dtype)
        top = model.nodes[-1].output_max
        if not np.array_equal(answer, y) or (top is not None and answer.max() > top):
            raise DeviceLostError(
                f"{self.name} answered with {reply['dtype']} values that are no "
                f"{np.dtype(model.output_dtype).name} outputs of this network"
            )
        if measure:
            self.meter.record(reply, len(x))
        return answer

    def _failed(self, error: AkrtError) -> None:
        self._ready = False
        self.last_error = str(error)
        self._failures += 1
        settings = self._settings
        wait = min(settings.first_retry * 2.0 ** min(self._failures - 1, 30), settings.last_retry)
        self._retry_at = time.monotonic() + wait

    def _abandon(self) -> None:
        self._ready = False
        self._unlink()

    def _unlink(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _reopen(self) -> None:
        with contextlib.suppress(AkrtError):  # `last_error` has it
            self.open()

    def _join(self) -> None:
        thread, self._reopening = self._reopening, None
        # that thread itself comes here when it collects a dropped runtime as garbage
        if thread is not None and thread is not threading.current_thread():
            thread.join()


def take_over(names: Iterable[str], model: Model) -> bool:
    """Free devices of this process for a new runtime of `model`.

    What dropped runtimes still hold is collected. A session of an equal model gives its chip up,
    unless its runtime is in a ``with`` block: a notebook's cell that is run again makes its runtime
    while the one before still lives.

    Returns:
        Whether one of the devices called `names` was held by this process and is free now.
    """
    held = [name for name in names if (s := _holders.get(name)) is not None and s.locked]
    gc.collect()
    for name in held:
        session = _holders.get(name)
        if session is not None and session.gives_way_to(model):
            session.give_up("was taken over by an equal runtime that was made later")
    return any((s := _holders.get(name)) is None or not s.locked for name in held)
