"""Which chips are found, on made-up machines with the device double in akida's place."""

from __future__ import annotations

import json
import os
import time

import pytest
from device_double import Bench
from machines import children

from akrt.driver import locks
from akrt.driver.causes import Cause
from akrt.driver.discovery import DeviceInfo, devices, find
from akrt.errors import (
    DeviceBusyError,
    DeviceError,
    DeviceNotFoundError,
    DevicePermissionError,
    UsageError,
)


def test_a_machine_without_chips_has_no_devices(machine, double) -> None:
    assert devices() == []
    with pytest.raises(DeviceNotFoundError, match=r"1e7c:bca1 \(AKD1000\).*/dev/akida<N>"):
        find(None, [])


def test_chips_on_the_bus_are_joined_with_what_akida_reports(machine, double) -> None:
    machine.chip(address="0000:01:00.0", node="akida1")
    machine.chip(address="0000:02:00.0", node="akida0")
    machine.chip(0xA500, "0000:03:00.0", node="akd1500_0")
    machine.chip(0xA500, "0000:04:00.0", vendor=0x8086, node=None)
    Bench(chips=["AKD1000", "AKD1500", "AKD1000"]).install(double)
    found = devices()
    facts = [(d.index, d.model, d.address, d.node, d.driver, d.desc) for d in found]
    assert facts == [
        (0, "AKD1000", "0000:01:00.0", "/dev/akida1", "akida-pcie", "PCIe/NSoC_v2/2"),
        (1, "AKD1000", "0000:02:00.0", "/dev/akida0", "akida-pcie", "PCIe/NSoC_v2/0"),
        (2, "AKD1500", "0000:03:00.0", "/dev/akd1500_0", "akida-pcie", "PCIe/AKD1500_v1/1"),
    ]
    assert all(d.usable and d.problem is None for d in found)
    chip = found[2]
    assert (chip.hw_version, chip.ip_version, chip.clock_mode) == (
        "BC.A1.003.009",
        "v1",
        "Performance",
    )
    assert (chip.memory, chip.program_bytes, chip.program_sha256) == ((0, 0), 0, None)


def test_a_chip_that_akida_knows_but_the_bus_does_not_is_listed(machine, double) -> None:
    Bench(chips=["AKD1500"]).install(double)
    (info,) = devices()
    assert (info.model, info.address, info.name, info.usable) == (
        "AKD1500",
        None,
        "PCIe/AKD1500_v1/0",
        True,
    )


def test_a_stuck_chip_costs_the_timeout_and_no_more(machine, double) -> None:
    machine.chip()
    Bench(hang=True).install(double)
    before, start = set(children()), time.monotonic()
    (info,) = devices(seconds=1.0)
    assert time.monotonic() - start < 4
    assert not info.usable
    assert "does not answer" in info.problem
    assert not set(children()) - before, "the probe's process was left behind"


@pytest.mark.parametrize(
    ("changes", "problem", "cause"),
    [
        ({"driver": None, "node": None}, "no kernel driver", "driver-not-bound"),
        ({"node": None}, "made no node /dev/akida<N>", "no-node"),
        ({"mode": 0o600}, "no permission to open /dev/akida0", "no-permission"),
    ],
)
def test_what_keeps_a_chip_from_use_is_told(machine, double, changes, problem, cause) -> None:
    machine.chip(**changes)
    machine.uid = os.getuid() + 1
    (info,) = devices(machine.host)
    assert not info.usable
    assert problem in info.problem
    assert json.loads(json.dumps(info.as_dict()))["cause"] == cause
    with pytest.raises(DeviceError, match="not usable"):
        find(0, [info])


def test_a_locked_chip_is_in_use(machine, double) -> None:
    machine.chip()
    Bench().install(double)
    lock = locks.DeviceLock("0000:01:00.0")
    (info,) = devices()
    assert f"in use by process {os.getpid()}" in info.problem
    assert info.cause is Cause.BUSY
    lock.close()
    (info,) = devices()
    assert (info.usable, info.cause) == (True, None)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (Cause.BUSY, DeviceBusyError),
        (Cause.NO_PERMISSION, DevicePermissionError),
        (Cause.NOT_ANSWERING, DeviceNotFoundError),
    ],
)
@pytest.mark.parametrize("words", ["in use", "no permission", "andere Worte"])
def test_the_error_goes_by_the_cause_and_not_by_its_words(cause, kind, words) -> None:
    info = DeviceInfo(0, "AKD1000", "0000:01:00.0", None, None, False, words, cause)
    for wanted in (0, None):
        with pytest.raises(kind, match=words) as told:
            find(wanted, [info])
        assert type(told.value) is kind


def test_find_takes_an_index_or_an_address(machine, double) -> None:
    machine.chip(address="0000:01:00.0")
    machine.chip(address="0000:02:00.0", node="akida1")
    Bench(chips=["AKD1000", "AKD1000"]).install(double)
    found = devices()
    assert find(None, found) is found[0]
    for wanted in (1, "1", "0000:02:00.0", "02:00.0"):
        assert find(wanted, found) is found[1]
    for wanted in (2, "0000:09:00.0", -1):
        with pytest.raises(DeviceNotFoundError, match=r"here are 0 \(AKD1000 at 0000:01:00.0\)"):
            find(wanted, found)
    with pytest.raises(UsageError, match="got 1.5"):
        find(1.5, found)
