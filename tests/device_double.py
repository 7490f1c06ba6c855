"""A stand-in for `akida.devices()` that behaves as `akida.HardwareDevice` is documented to.

The worker process imports it in akida's place. A folder, named by AKRT_DOUBLE, holds what the
chips are and how they fail (`Bench`), so that a failure outlives the process that met it.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

FAILURES = ("raises", "stalls", "vanishes", "dies", "short", "long", "corrupts", "floats")


@dataclass
class Bench:
    """What is plugged in, and how it fails.

    Args:
        chips: `AKD1000` or `AKD1500`, one each device.
        model: the .akrt file whose results a correctly programmed chip gives.
        rates: probability of each failure of FAILURES at a call.
        plans: failures at given calls: {device: {call number: failure}}; each counts from 1.
        stall_seconds: how long a stall lasts; an age to everybody else.
        absent_seconds: how long a vanished device stays away.
        hang: listing the devices never ends.
        frame_ms: akida's own clock: how long a frame takes.
        delay: seconds that every inference takes.
        power: powers in mW that the meter logs, one each millisecond.
    """

    chips: list[str] = field(default_factory=lambda: ["AKD1000"])
    model: str = ""
    rates: dict[str, float] = field(default_factory=dict)
    plans: dict[str, dict[str, str]] = field(default_factory=dict)
    seed: int = 0
    stall_seconds: float = 60.0
    absent_seconds: float = 0.0
    hang: bool = False
    frame_ms: float = 1.0
    power: list[float] = field(default_factory=list)
    soc: bool = True
    delay: float = 0.0

    def install(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.json").write_text(json.dumps(asdict(self)))
        return folder


def folder() -> Path:
    return Path(os.environ["AKRT_DOUBLE"])


def note(index: int, event: str) -> None:
    """What happened to a device, in order, over all processes."""
    with open(folder() / f"events{index}", "a") as file:
        file.write(f"{event}\n")


def events(where: Path, index: int = 0) -> list[str]:
    path = where / f"events{index}"
    return path.read_text().split() if path.exists() else []


def devices() -> list[DeviceDouble]:
    bench = Bench(**json.loads((folder() / "bench.json").read_text()))
    if bench.hang:
        time.sleep(bench.stall_seconds)
    found = [DeviceDouble(i, chip, bench) for i, chip in enumerate(bench.chips)]
    return [device for device in found if not device.away]


class DeviceDouble:
    """One chip: programmed with bytes, computes what a programmed chip computes."""

    def __init__(self, index: int, chip: str, bench: Bench) -> None:
        self.index, self.chip, self.bench = index, chip, bench
        calls = len(events(folder(), index))
        self._random = random.Random(f"{bench.seed}.{index}.{calls}")
        self._program: bytes | None = None
        self._corrupt = False
        self._gone = False
        """Once gone, only a new process finds the device again."""
        self._frames = 0
        self.memory = (0, 0)
        self._power_on = False
        self._clock = SimpleNamespace(name="Performance")
        self.inference_power_events: list[Any] = []

    @property
    def away(self) -> bool:
        path = folder() / f"away{self.index}"
        return path.exists() and time.time() < float(path.read_text())

    @property
    def desc(self) -> str:
        kind = "NSoC_v2" if self.chip == "AKD1000" else "AKD1500_v1"
        return f"PCIe/{kind}/{self.index}"

    @property
    def version(self) -> Any:
        product, text = (0, "BC.00.000.002") if self.chip == "AKD1000" else (161, "BC.A1.003.009")
        parts = {"vendor_id": 188, "product_id": product}
        parts |= dict(zip(("major_rev", "minor_rev"), map(int, text.split(".")[2:]), strict=True))
        return type("Version", (), {**parts, "__str__": lambda self: text})()

    ip_version = SimpleNamespace(name="v1")

    @property
    def mesh(self) -> Any:
        return getattr(importlib.import_module("akida"), self.chip)().mesh

    @property
    def soc(self) -> Any:
        return self if self.bench.soc else None

    @property
    def clock_mode(self) -> Any:
        return self._clock

    @clock_mode.setter
    def clock_mode(self, mode: Any) -> None:
        note(self.index, f"clock:{mode.name}")
        self._clock = mode

    @property
    def power_measurement_enabled(self) -> bool:
        return self._power_on

    @power_measurement_enabled.setter
    def power_measurement_enabled(self, on: bool) -> None:
        self._power_on = on

    power_meter = SimpleNamespace(floor=900.0)

    @property
    def program(self) -> bytes | None:
        if self._program and self._corrupt:
            return self._program[:-1] + bytes([self._program[-1] ^ 1])
        return self._program

    @program.setter
    def program(self, data: bytes) -> None:
        failure = self._fate("program", ("raises", "corrupts", "vanishes"))
        self._fail(failure)
        self._corrupt = failure == "corrupts"
        self._program = bytes(data)
        self.memory = (len(data), len(data))

    def unprogram(self) -> None:
        note(self.index, "unprogram")
        self._program = None
        self.memory = (0, self.memory[1])

    @cached_property
    def _network(self) -> Any:
        from akrt.backends.native import NativeBackend
        from akrt.model import file as modelfile

        return NativeBackend(modelfile.load(self.bench.model))

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        if self._program is None:
            raise RuntimeError("device is not programmed")
        failure = self._fate("forward", tuple(f for f in FAILURES if f != "corrupts"))
        self._fail(failure)
        time.sleep(self.bench.delay)
        outputs = self._network.run(inputs)
        self._frames = len(inputs)
        span = int(self._frames * self.bench.frame_ms)
        self.inference_power_events = [
            SimpleNamespace(ts=1000 + i, power=p)
            for i, p in enumerate(self.bench.power)
            if i <= span
        ]
        if failure == "short":
            return outputs[:-1]
        if failure == "long":
            return np.concatenate([outputs, outputs[:1]])
        if failure == "floats":
            return outputs.astype(np.float32) + 0.5
        return outputs

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return self.forward(inputs).astype(np.float32)

    @property
    def metrics(self) -> Any:
        values = {
            "inference_frames": self._frames,
            "inference_start": 1000,
            "inference_end": 1000 + int(self._frames * self.bench.frame_ms),
            "inference_clk": 300 * self._frames,
            "program_clk": 7,
        }
        return type(
            "Metrics", (), {"names": list(values), "__getitem__": lambda self, name: values[name]}
        )()

    def _fate(self, call: str, possible: tuple[str, ...]) -> str | None:
        if self._gone:
            raise RuntimeError("no such device")
        number = 1 + sum(e.startswith(f"{call}:") for e in events(folder(), self.index))
        planned = self.bench.plans.get(str(self.index), {}).get(f"{call}{number}")
        failure = planned
        if failure is None and self.bench.rates:
            dice = self._random.random()
            for name in possible:
                dice -= self.bench.rates.get(name, 0)
                if dice < 0:
                    failure = name
                    break
        note(self.index, f"{call}:{failure or 'ok'}")
        return failure

    def _fail(self, failure: str | None) -> None:
        if failure == "raises":
            raise RuntimeError("DMA wait completion timed out")
        if failure == "stalls":
            time.sleep(self.bench.stall_seconds)
        if failure == "vanishes":
            until = time.time() + self.bench.absent_seconds
            (folder() / f"away{self.index}").write_text(str(until))
            self._gone = True
            raise RuntimeError("the device is gone")
        if failure == "dies":
            os.kill(os.getpid(), 11)
