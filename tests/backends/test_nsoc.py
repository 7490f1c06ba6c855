"""The NSoC backend: virtual devices, and chips played by the device double."""

from __future__ import annotations

import os
import time
from collections import Counter

import device_double
import numpy as np
import pytest
from conftest import need
from machines import Machine
from networks import placeholder
from nsoc_bench import CHIP, MODEL, reference, runtime, samples

import akrt
from akrt.driver import discovery, locks
from akrt.errors import (
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    FallbackWarning,
    UnsupportedLayerError,
    UsageError,
)
from akrt.model import InputData, Model, SeparableConvolutional

pytestmark = pytest.mark.filterwarnings("ignore::akrt.errors.FallbackWarning")


# Virtual devices


@pytest.mark.parametrize("device", ["virtual:akd1000", "virtual:akd1500", "VIRTUAL:AKD1000"])
def test_a_virtual_device_maps_and_says_that_it_simulates(machine: Machine, device: str) -> None:
    need("akida")
    x = samples(20)
    with akrt.Runtime(MODEL, backend="nsoc", device=device) as rt:
        y = rt.forward(x, batch_size=7)
        assert y.simulated is True
        assert [(s.start, s.stop, s.where, s.simulated) for s in y.ran_on] == [
            (0, 20, device.lower(), True)
        ]
        assert rt.predict(x).simulated is True
        assert rt.predict_classes(x).simulated is True
        assert "simulated" in rt.summary()
        assert "(simulated)" in str(rt.statistics)
        assert rt.statistics.measured["simulated"] is True
    simulator = akrt.Runtime(MODEL, backend="simulator")
    np.testing.assert_array_equal(y, simulator.forward(x))
    np.testing.assert_array_equal(y, reference(x))


def test_a_network_that_does_not_map_is_not_simulated_either(machine: Machine) -> None:
    need("akida")
    layer = SeparableConvolutional(
        name="wide",
        depthwise=np.ones((9, 9, 2), np.int8),
        pointwise=np.ones((2, 3), np.int8),
        weights_bits=4,
        act_bits=4,
        **placeholder(3),
    )
    model = Model((InputData("in", (9, 9, 2), 4), layer))
    with pytest.raises(UnsupportedLayerError, match="'wide'.*cannot map on virtual:akd1000"):
        akrt.Runtime(model, backend="nsoc", device="virtual:akd1000")
    hybrid = akrt.Runtime(model, backend="nsoc", device="virtual:akd1000", hybrid=True)
    assert hybrid.forward(np.ones((1, 9, 9, 2), np.uint8)).simulated


def test_nothing_but_its_name_leads_to_a_virtual_device(machine, double) -> None:
    for device in (None, 0, "all", "0000:01:00.0"):
        with pytest.raises(DeviceNotFoundError):
            runtime(device=device)
    assert akrt.Runtime(MODEL).backend == "native"
    with pytest.raises(UsageError, match="virtual devices are virtual:akd1000, virtual:akd1500"):
        runtime(device="virtual:akd9000")


# Without a chip


def test_without_a_chip_the_error_names_what_was_looked_for(machine, double) -> None:
    with pytest.raises(DeviceNotFoundError, match=r"1e7c:bca1.*1e7c:a500.*akrt doctor") as caught:
        runtime()
    assert caught.value.exit_code == 4


def test_without_a_chip_the_fallback_computes_and_says_so(machine, double) -> None:
    with (
        pytest.warns(FallbackWarning, match="'native' computes: no Akida device"),
        runtime(fallback="native") as rt,
    ):
        y = rt.forward(samples(30))
    np.testing.assert_array_equal(y, reference(samples(30)))
    assert [(s.start, s.stop, s.where) for s in y.ran_on] == [(0, 30, "native")]
    assert y.simulated is False


def test_a_chip_that_is_plugged_in_later_is_taken(bench, double) -> None:
    rt = runtime(fallback="native")
    rt.forward(samples(5))
    bench()
    time.sleep(0.1)
    places = {s.where for _ in range(3) for s in rt.forward(samples(5)).ran_on}
    assert CHIP in places
    rt.close()


def test_auto_takes_a_chip_and_goes_on_without_it(bench) -> None:
    bench(plans={"0": {"forward3": "dies"}})
    with akrt.Runtime(MODEL) as rt:
        assert rt.backend == "nsoc"
        assert [s.where for s in rt.forward(samples(5)).ran_on] == [CHIP]
        np.testing.assert_array_equal(rt.forward(samples(9)), reference(samples(9)))


def test_auto_is_native_when_the_chip_does_not_answer(bench) -> None:
    bench(plans={"0": {f"program{i}": "corrupts" for i in range(1, 9)}})
    with pytest.warns(FallbackWarning, match="'native' computes: .*keeps another program"):
        rt = akrt.Runtime(MODEL)
    assert rt.backend == "native"


def test_auto_never_simulates(bench) -> None:
    bench()
    with pytest.raises(UsageError, match="'native' has no option 'device'"):
        akrt.Runtime(MODEL, device="virtual:akd1000")


# One chip


def test_a_chip_is_programmed_once_and_answers_in_batches(bench) -> None:
    folder = bench()
    x = samples(1000)
    with runtime(chunk=64) as rt:
        for _ in range(3):
            y = rt.forward(x)
            np.testing.assert_array_equal(y, reference(x))
            assert [(s.start, s.stop, s.where) for s in y.ran_on] == [(0, 1000, CHIP)]
        assert y.dtype == np.int32
        assert not y.simulated
        assert rt.statistics.measured["samples_by_place"] == {CHIP: 3000}
        assert rt.statistics.fps > 0
        np.testing.assert_array_equal(
            rt.predict(x[:9]), akrt.Runtime(MODEL, backend="native").predict(x[:9])
        )
    calls = Counter(e.split(":")[0] for e in device_double.events(folder))
    assert calls["program"] == 1
    assert device_double.events(folder)[-1] == "unprogram"


def test_the_chip_is_freed_after_an_exception(bench, tmp_path) -> None:
    folder = bench()
    rt = runtime()

    def work() -> None:
        with rt:
            rt.forward(samples(3))
            assert list(tmp_path.glob("*.lock"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert device_double.events(folder)[-1] == "unprogram"


def test_a_chip_has_one_owner(bench) -> None:
    bench()
    with runtime() as rt:
        with pytest.raises(DeviceBusyError, match=f"in use by process {os.getpid()}"):
            runtime()
        rt.forward(samples(1))
    runtime().close()
    lock = locks.DeviceLock("0000:01:00.0")
    with runtime(fallback="native") as rt:
        assert [s.where for s in rt.forward(samples(4)).ran_on] == ["native"]
    lock.close()


def test_a_forbidden_chip_is_a_permission_error(machine, double) -> None:
    machine.chip(mode=0o600)
    assert machine.host.may_open("/dev/akida0")  # we are its owner
    machine.uid = os.getuid() + 1
    with pytest.raises(DevicePermissionError, match="no permission to open /dev/akida0"):
        discovery.find(None, discovery.devices(machine.host))


def test_clock_modes_and_bad_options(bench) -> None:
    folder = bench()
    runtime(clock_mode="low_power").close()
    assert "clock:LowPower" in device_double.events(folder)
    for options, message in [
        ({"clock_mode": "turbo"}, "clock_mode must be one of performance"),
        ({"deadline": 0}, "deadline must be a positive number"),
        ({"chunk": 0}, "chunk must be a positive number"),
        ({"map_mode": "most"}, "map_mode must be one of all_nps"),
        ({"map_mode": []}, "map_mode must be one of all_nps"),
        ({"clock_mode": []}, "clock_mode must be one of"),
        ({"fallback": "nsoc"}, "cannot be the fallback"),
        ({"colour": 1}, "no option 'colour'"),
    ]:
        with pytest.raises(UsageError, match=message):
            runtime(**options)


def test_energy_is_told_when_the_window_is_long_enough(bench) -> None:
    bench(power=[1000.0, 1100.0] * 400, frame_ms=2.0)
    with runtime(power=True, chunk=500) as rt:
        (facts,) = rt.statistics.measured["devices"]
        assert facts["energy_mj_per_frame"] == "n/a: nothing has been inferred yet"
        rt.forward(samples(20))
        (facts,) = rt.statistics.measured["devices"]
        assert facts["energy_mj_per_frame"].startswith("n/a: inference took 0.040 s")
        rt.forward(samples(380))
        (facts,) = rt.statistics.measured["devices"]
        # 2 ms a frame at 1050 mW are 2.1 mJ
        assert facts["energy_mj_per_frame"] == pytest.approx(2.1, rel=0.01)
        assert facts["power_mw"]["average"] == pytest.approx(1050, rel=0.01)
        assert (facts["power_mw"]["least"], facts["power_mw"]["most"]) == (1000, 1100)
        assert facts["power_mw"]["floor"] == 900
        assert facts["akida_fps"] == pytest.approx(500)
        assert facts["clocks_per_frame"] == pytest.approx(300)


def test_energy_is_not_told_without_a_meter(bench) -> None:
    bench(frame_ms=100.0, soc=False)
    with runtime(power=True) as rt:
        rt.forward(samples(20))
        (facts,) = rt.statistics.measured["devices"]
    assert facts["energy_mj_per_frame"] == "n/a: this device has no power meter"
    bench()
    with runtime() as rt:
        rt.forward(samples(2))
        (facts,) = rt.statistics.measured["devices"]
    assert facts["energy_mj_per_frame"].startswith("n/a: power measurement is off")
