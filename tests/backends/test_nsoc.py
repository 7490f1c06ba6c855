"""The NSoC backend: virtual devices, and chips played by the device double."""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import device_double
import numpy as np
import pytest
from conftest import need
from device_double import Bench
from machines import Machine
from networks import calibrate, placeholder, random_input, random_weights

import akrt
from akrt.driver import locks
from akrt.errors import (
    DeviceBusyError,
    DeviceLostError,
    DeviceNotFoundError,
    DevicePermissionError,
    FallbackWarning,
    UnsupportedLayerError,
    UsageError,
)
from akrt.model import Convolutional, FullyConnected, InputData, Model, SeparableConvolutional

pytestmark = pytest.mark.filterwarnings("ignore::akrt.errors.FallbackWarning")
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


def children() -> list[str]:
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


@pytest.fixture
def bench(machine: Machine, double: Path, tmp_path: Path) -> Any:
    """Plugs chips in: `bench(chips=[...], plans=..., ...)` returns the double's folder.

    Afterwards no process, no thread and no lock file may be left.
    """
    need("akida")
    MODEL.save(tmp_path / "tiny.akrt")

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
    assert children() == []
    assert [t.name for t in threading.enumerate() if t.name.startswith("akrt-")] == []
    assert list(tmp_path.glob("*.lock")) == []


def runtime(**options: Any) -> akrt.Runtime:
    return akrt.Runtime(MODEL, backend="nsoc", **{**FAST, **options})


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


def test_nothing_but_its_name_leads_to_a_virtual_device(machine: Machine, double: Path) -> None:
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
    with pytest.warns(FallbackWarning, match="using the CPU: .*keeps another program"):
        rt = akrt.Runtime(MODEL)
    assert rt.backend == "native"


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
    machine_host = machine.host
    from akrt.driver import discovery

    assert machine_host.may_open("/dev/akida0")  # we are its owner
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


# Failures

FAILURES = ["raises", "stalls", "vanishes", "dies", "short", "long", "floats"]


@pytest.mark.parametrize("failure", FAILURES)
def test_without_a_fallback_a_failure_raises_with_the_finished_part(bench, failure) -> None:
    # call 1 proves the chip; the 4th chunk fails
    bench(plans={"0": {"forward5": failure}})
    x = samples(100)
    with runtime(chunk=10, deadline=0.5) as rt:
        with pytest.raises(DeviceLostError, match="30 of 100 samples were finished") as caught:
            rt.forward(x)
        np.testing.assert_array_equal(caught.value.finished, np.arange(30))
        np.testing.assert_array_equal(caught.value.outputs, reference(x[:30]))
        # the next call tries the chip at once
        np.testing.assert_array_equal(rt.forward(x), reference(x))


def test_the_finished_part_reaches_over_batches(bench) -> None:
    bench(plans={"0": {"forward5": "raises"}})
    x = samples(100)
    with runtime(chunk=10) as rt:
        with pytest.raises(DeviceLostError) as caught:
            rt.forward(x, batch_size=20)
        np.testing.assert_array_equal(caught.value.finished, np.arange(30))
        np.testing.assert_array_equal(caught.value.outputs, reference(x[:30]))


@pytest.mark.parametrize("failure", FAILURES)
def test_with_a_fallback_a_failure_costs_nothing_but_time(bench, failure) -> None:
    bench(plans={"0": {"forward5": failure}})
    x = samples(100)
    with runtime(chunk=10, deadline=0.5, fallback="native") as rt:
        with pytest.warns(FallbackWarning, match=r"computed elsewhere: .*"):
            y = rt.forward(x)
        np.testing.assert_array_equal(y, reference(x))
        first = y.ran_on[0]
        assert (first.start, first.stop, first.where) == (0, 30, CHIP)
        assert (y.ran_on[1].start, y.ran_on[1].where) == (30, "native")
        assert y.ran_on[-1].stop == 100
        assert taken_back(rt)
        assert [s.where for s in rt.forward(x).ran_on] == [CHIP]


def taken_back(rt: akrt.Runtime, seconds: float = 10.0) -> bool:
    """Waits until every chip is ready again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rt.forward(samples(1))
        if all(d["state"] == "ready" for d in rt.statistics.measured["devices"]):
            return True
        time.sleep(0.02)
    return False


def test_a_corrupted_program_is_not_run(bench) -> None:
    bench(plans={"0": {"program1": "corrupts"}})
    with pytest.raises(DeviceLostError, match="keeps another program"):
        runtime()
    folder = bench(plans={"0": {"program2": "corrupts"}})
    (folder / "events0").unlink()
    with runtime() as rt:
        rt.forward(samples(1))


def test_a_chip_that_answers_wrongly_is_not_used(bench, tmp_path) -> None:
    bench()
    layers = list(MODEL.layers)
    weights = layers[2].weights.copy()
    weights[0, 0] = -weights[0, 0] or 1
    other = {f: getattr(layers[2], f) for f in ("threshold", "act_step")}
    layers[2] = FullyConnected(name="out", weights=weights, weights_bits=4, act_bits=None, **other)
    Model(tuple(layers)).save(tmp_path / "tiny.akrt")
    with pytest.raises(DeviceLostError, match="answers a known sample wrongly"):
        runtime()


def test_retries_back_off(bench) -> None:
    folder = bench(plans={"0": {f"forward{i}": "raises" for i in range(2, 100)}})
    with runtime(fallback="native", first_retry=0.1, last_retry=10.0) as rt:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            np.testing.assert_array_equal(rt.forward(samples(2)), reference(samples(2)))
            time.sleep(0.005)
    # 0.1, 0.2, 0.4, 0.8 s apart, each of them with the start of a process
    assert 2 <= sum(e.startswith("program:") for e in device_double.events(folder)) <= 6


# Several chips


def test_all_chips_share_a_batch_in_order(bench) -> None:
    folder = bench(chips=["AKD1000", "AKD1500", "AKD1000"])
    x = samples(3000)
    with runtime(device="all", chunk=20) as rt:
        y = rt.forward(x)
        by_place = rt.statistics.measured["samples_by_place"]
    np.testing.assert_array_equal(y, reference(x))
    assert set(by_place) == {CHIP, "AKD1500 at 0000:02:00.0", "AKD1000 at 0000:03:00.0"}
    assert sum(by_place.values()) == 3000
    assert [s.start for s in y.ran_on[1:]] == [s.stop for s in y.ran_on[:-1]]
    assert all(device_double.events(folder, i)[-1] == "unprogram" for i in range(3))


def test_the_others_finish_what_one_chip_drops(bench) -> None:
    bench(chips=["AKD1000", "AKD1000"], plans={"1": {"forward3": "dies"}})
    x = samples(2000)
    with (
        pytest.warns(FallbackWarning, match="computed elsewhere"),
        runtime(device="all", chunk=20) as rt,
    ):
        y = rt.forward(x)
    np.testing.assert_array_equal(y, reference(x))


def test_a_chip_is_chosen_by_index_or_address(bench) -> None:
    bench(chips=["AKD1000", "AKD1500"])
    for device in (1, "1", "0000:02:00.0", "02:00.0"):
        with runtime(device=device) as rt:
            assert rt.forward(samples(2)).ran_on[0].where == "AKD1500 at 0000:02:00.0"
    with pytest.raises(DeviceNotFoundError, match="no device 5"):
        runtime(device=5)


# Everything at once


def test_a_hundred_thousand_samples_through_failing_chips(bench, tmp_path) -> None:
    rates = {
        "raises": 0.012,
        "stalls": 0.006,
        "vanishes": 0.006,
        "dies": 0.006,
        "short": 0.012,
        "long": 0.006,
        "floats": 0.006,
        "corrupts": 0.2,
    }
    folder = bench(chips=["AKD1000", "AKD1000"], rates=rates, absent_seconds=0.3, seed=11)
    x = samples(100_000, seed=3)
    expected = akrt.Runtime(MODEL, backend="native").forward(x)
    np.testing.assert_array_equal(expected[::97], reference(x[::97]))
    answers, places = [], Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        rt = runtime(device="all", fallback="native", chunk=100, deadline=0.3, start_seconds=5.0)
        with rt:
            for start in range(0, len(x), 500):
                y = rt.forward(x[start : start + 500])
                assert [s.start for s in y.ran_on] == [0, *(s.stop for s in y.ran_on[:-1])]
                assert y.ran_on[-1].stop == 500
                places.update({s.where: 0 for s in y.ran_on})
                for s in y.ran_on:
                    places[s.where] += s.stop - s.start
                answers.append(y)
                if not any(d["state"] == "ready" for d in rt.statistics.measured["devices"]):
                    time.sleep(0.15)
    np.testing.assert_array_equal(np.concatenate(answers), expected)
    assert sum(places.values()) == len(x)
    assert min(places["native"], places[CHIP], places["AKD1000 at 0000:02:00.0"]) > 2000, places
    happened = Counter(
        e.split(":")[1] for i in range(2) for e in device_double.events(folder, i) if ":" in e
    )
    assert set(rates) <= set(happened), happened
