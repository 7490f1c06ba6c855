"""The worker's requests, asked in this process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import need
from device_double import Bench, devices
from networks import placeholder

from akrt.driver.mapping import twin_device, virtual_device
from akrt.driver.worker import Worker
from akrt.model import FullyConnected, InputData, Model, encoding

MODEL = Model(
    (
        InputData("in", (1, 1, 2), 4),
        FullyConnected(
            name="out",
            weights=np.array([[1, 2], [3, 4]], np.int8),
            weights_bits=4,
            act_bits=None,
            **placeholder(2),
        ),
    )
)
OPEN = {"desc": "PCIe/NSoC_v2/0", "clock_mode": None, "power": True}


@pytest.fixture
def worker(double) -> Worker:
    Bench(power=[5.0]).install(double)
    made = Worker(devices)
    made.open(OPEN, b"")
    return made


@pytest.mark.parametrize("chip", ["AKD1000", "AKD1500"])
def test_a_chips_layout_makes_its_twin(double, chip: str) -> None:
    need("akida")
    Bench(chips=[chip]).install(double)
    made = Worker(devices)
    desc = made.describe({}, b"")[0]["devices"][0]["desc"]
    made.open({**OPEN, "desc": desc}, b"")
    twin, virtual = twin_device(made.mesh({}, b"")[0]), virtual_device(chip)
    assert str(twin.version) == str(virtual.version)
    assert repr(twin.mesh) == repr(virtual.mesh)


class Twin:
    """An akida.Model on a chip in hybrid use."""

    def __init__(self) -> None:
        self.mapped: list[Any] = []

    def map(self, device: Any, hw_only: bool, mode: Any) -> None:
        self.mapped += [device, hw_only, mode.name]

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.full((len(x), 1, 1, 2), 7, np.int32)


def test_hybrid_use_leaves_the_network_to_akidas_own_model(worker, monkeypatch) -> None:
    need("akida")
    twin = Twin()
    asked: list[Model] = []
    monkeypatch.setattr(
        "akrt.importers.akida_model.to_akida", lambda model: asked.append(model) or twin
    )
    worker.map({"mode": "minimal"}, encoding.to_bytes(MODEL))
    assert encoding.content_hash(asked[0]) == encoding.content_hash(MODEL)
    assert twin.mapped[0].desc == "PCIe/NSoC_v2/0"
    assert twin.mapped[1:] == [False, "Minimal"]
    reply, data = worker.forward({"shape": [3, 1, 1, 2]}, bytes(6))
    assert (reply["shape"], reply["dtype"]) == ((3, 1, 1, 2), "<i4")
    assert np.frombuffer(data, np.int32).tolist() == [7] * 6
    assert reply["floor_mw"] == 900.0
