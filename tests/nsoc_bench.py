"""A tiny network on chips played by the device double: what the tests of the NSoC backend share."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device_double import Bench
from machines import Machine, children
from networks import calibrate, placeholder, random_input, random_weights

import akrt
from akrt.model import Convolutional, FullyConnected, InputData, Model

CHIP = "AKD1000 at 0000:01:00.0"
FAST = {"first_retry": 0.05, "last_retry": 0.2}


def tiny() -> Model:
    """A network that maps on a chip and takes microseconds on a CPU."""
    rng = np.random.default_rng(7)
    layers = [
        InputData("in", (3, 3, 2), 4),
        Convolutional(
            name="conv",
            weights=random_weights(rng, 4, (3, 3, 2, 4)),
            weights_bits=4,
            act_bits=4,
            **placeholder(4),
        ),
        FullyConnected(
            name="out",
            weights=random_weights(rng, 4, (36, 5)),
            weights_bits=4,
            act_bits=None,
            **placeholder(5),
        ),
    ]
    x = random_input(rng, Model(tuple(layers)), 16)
    return Model(tuple(calibrate(layers, rng, x)), name="tiny")


MODEL = tiny()


def samples(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 16, (count, 3, 3, 2)).astype(np.uint8)


def reference(x: np.ndarray) -> np.ndarray:
    return akrt.Runtime(MODEL, backend="reference").forward(x)


@pytest.fixture
def bench(machine: Machine, double: Path, tmp_path: Path) -> Iterator[Any]:
    """Plugs chips in: `bench(chips=[...], plans=..., ...)` returns the double's folder.

    Afterwards no process, no thread and no lock file may be left.
    """
    pytest.importorskip("akida")
    MODEL.save(tmp_path / "tiny.akrt")
    before = set(children())

    def plug_in(**settings: Any) -> Path:
        made = Bench(model=str(tmp_path / "tiny.akrt"), **settings)
        for i, chip in enumerate(made.chips):
            device, node = (0xBCA1, "akida") if chip == "AKD1000" else (0xA500, "akd1500_")
            address = f"0000:0{i + 1}:00.0"
            if not (machine.root / "sys/bus/pci/devices" / address).exists():
                machine.chip(device, address, f"{node}{i}")
        return made.install(double)

    yield plug_in
    gc.collect()
    assert not set(children()) - before
    assert [t.name for t in threading.enumerate() if t.name.startswith("akrt-")] == []
    assert list(tmp_path.glob("*.lock")) == []


def runtime(**options: Any) -> akrt.Runtime:
    return akrt.Runtime(MODEL, backend="nsoc", **{**FAST, **options})


def taken_back(rt: akrt.Runtime, seconds: float = 10.0) -> bool:
    """Waits until every chip is ready again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rt.forward(samples(1))
        if all(d["state"] == "ready" for d in rt.statistics.measured["devices"]):
            return True
        time.sleep(0.02)
    return False
