"""The process that touches a chip: ``python -m akrt.driver.worker SOURCE SECONDS``.

A chip that does not answer can hold a call for ever, and nothing in a process can end such a call
but the end of the process. So every call to a chip is made here, by request, and the process that
asked keeps the clock (`akrt.driver.link`). A request is a JSON header with a payload of bytes, the
reply too, and it carries the number of its request. The process ends when its input closes, and
the system ends it when a call takes longer than the request allows and nobody is left to end it.

SOURCE is ``module:function`` and returns the hardware devices: ``akida:devices``.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from akrt.driver.messages import Header, Reply, read_message, write_message
from akrt.system import end_process_after

__all__ = ["Worker", "main"]

_GRACE_SECONDS = 5.0


class Worker:
    """Answers requests about the devices of one source."""

    def __init__(self, source: Callable[[], list[Any]]) -> None:
        self._devices = source()
        self._device: Any = None
        self._mapped: Any = None
        """An akida.Model that akida itself spreads over chip and software: hybrid mapping."""
        self._holds_program = False

    def describe(self, header: Header, payload: bytes) -> Reply:
        """Facts of every device."""
        return {"devices": [_facts(device) for device in self._devices]}, b""

    def open(self, header: Header, payload: bytes) -> Reply:
        """Choose a device by its description and set its clock and power measurement."""
        found = {str(device.desc): device for device in self._devices}
        if header["desc"] not in found:
            raise LookupError(f"akida reports {list(found)}, not {header['desc']}")
        self._device = found[header["desc"]]
        soc = self._device.soc
        if header["clock_mode"] is not None:
            modes = importlib.import_module("akida").soc.ClockMode
            if soc is None:
                raise ValueError("this device has no clock modes")
            soc.clock_mode = getattr(modes, header["clock_mode"])
        if header["power"] and soc is not None:
            soc.power_measurement_enabled = True
        return _facts(self._device), b""

    def mesh(self, header: Header, payload: bytes) -> Reply:
        """The layout that a virtual twin of this device needs."""
        version, mesh = self._device.version, self._device.mesh
        return {
            "version": [
                version.vendor_id,
                version.product_id,
                version.major_rev,
                version.minor_rev,
            ],
            "dma_event": _ident(mesh.dma_event),
            "dma_conf": _ident(mesh.dma_conf),
            "hrc": None if mesh.hrc is None else bool(mesh.hrc.has_lut),
            "nps": [
                [_ident(np_.ident), sorted(t.name for t in np_.types), bool(np_.has_lut)]
                for np_ in mesh.nps
            ],
        }, b""

    def program(self, header: Header, payload: bytes) -> Reply:
        """Write a program and read it back."""
        self._holds_program = True
        self._device.program = payload
        held = self._device.program
        return {"sha256": hashlib.sha256(held or b"").hexdigest(), "bytes": len(held or b"")}, b""

    def map(self, header: Header, payload: bytes) -> Reply:
        """Let akida map a model (.akrt bytes) on the chip and its software together."""
        from akrt.driver.mapping import map_mode
        from akrt.importers.akida_model import to_akida
        from akrt.model import file as modelfile

        with tempfile.NamedTemporaryFile(suffix=".akrt") as file:
            file.write(payload)
            file.flush()
            twin = to_akida(modelfile.load(file.name))
        self._holds_program = True
        twin.map(self._device, hw_only=False, mode=map_mode(header["mode"]))
        self._mapped = twin
        return {}, b""

    def forward(self, header: Header, payload: bytes) -> Reply:
        """Run a batch; the metrics and power events of the run come along."""
        x = np.frombuffer(payload, np.uint8).reshape(header["shape"])
        runner = self._device if self._mapped is None else self._mapped
        y = np.ascontiguousarray(runner.forward(x))
        if y.dtype.kind not in "iuf":
            raise TypeError(f"the device answered with an array of {y.dtype}")
        reply = {"shape": y.shape, "dtype": y.dtype.str, **_measurements(self._device)}
        return reply, y.tobytes()

    def unprogram(self, header: Header, payload: bytes) -> Reply:
        """Give the device back its initial state."""
        self._mapped = None
        self._holds_program = False
        self._device.unprogram()
        return {}, b""

    def leave(self) -> None:
        """The asking process has gone: free the device."""
        if self._holds_program:
            self._device.unprogram()


def _facts(device: Any) -> Header:
    version, soc, program = device.version, device.soc, device.program
    return {
        "desc": str(device.desc),
        "product_id": int(version.product_id),
        "hw_version": str(version),
        "ip_version": device.ip_version.name,
        "memory": _integers(device.memory),
        "clock_mode": None if soc is None else soc.clock_mode.name,
        "program_bytes": len(program) if program else 0,
        "program_sha256": hashlib.sha256(program).hexdigest() if program else None,
    }


def _measurements(device: Any) -> Header:
    metrics = device.metrics
    soc = device.soc
    measured = soc is not None and soc.power_measurement_enabled
    events = device.inference_power_events if measured else []
    floor = soc.power_meter.floor if measured else None
    return {
        "metrics": {name: int(metrics[name]) for name in metrics.names},
        "power_mw": [[int(event.ts), float(event.power)] for event in events],
        "floor_mw": None if floor is None else float(floor),
    }


def _integers(value: Any) -> list[int]:
    try:
        return [int(v) for v in value]
    except TypeError:
        return [int(value)]


def _ident(ident: Any) -> list[int]:
    return [int(ident.col), int(ident.row), int(ident.id)]


def main(arguments: list[str]) -> None:
    """Serve requests until the input closes."""
    requests = sys.stdin.buffer
    # Whatever a library prints must not mix with the replies.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def read(count: int) -> bytes:
        data = requests.read(count)
        if len(data) < count:
            raise EOFError
        return data

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_process_after(float(arguments[1]) + _GRACE_SECONDS)
    module, _, function = arguments[0].partition(":")
    try:
        worker = Worker(getattr(importlib.import_module(module), function))
    except Exception as error:
        write_message(replies, {"number": 0, "error": f"{type(error).__name__}: {error}"})
        return
    write_message(replies, {"number": 0})
    while True:
        end_process_after(0)
        try:
            header, payload = read_message(read)
        except EOFError:
            end_process_after(_GRACE_SECONDS)
            worker.leave()
            return
        end_process_after(header["seconds"] + _GRACE_SECONDS)
        try:
            reply = getattr(worker, header["request"])(header, payload)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}, b""
        facts, data = reply
        write_message(replies, {**facts, "number": header["number"]}, data)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main(sys.argv[1:])
