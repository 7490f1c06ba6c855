"""Chips that fail under the NSoC backend: every sample answered, or an error with what is done."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections import Counter

import device_double
import numpy as np
import pytest
from nsoc_bench import CHIP, MODEL, reference, runtime, samples, taken_back

import akrt
from akrt.errors import DeviceLostError, DeviceNotFoundError, FallbackWarning
from akrt.model import FullyConnected, Model

pytestmark = pytest.mark.filterwarnings("ignore::akrt.errors.FallbackWarning")

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


def test_an_interrupt_leaves_the_runtime_usable(bench) -> None:
    bench(plans={"0": {"forward2": "stalls"}})
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    with runtime(deadline=20.0) as rt:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            rt.forward(samples(4))
        np.testing.assert_array_equal(rt.forward(samples(4)), reference(samples(4)))


def test_closing_waits_for_a_retry_that_is_under_way(bench) -> None:
    bench(plans={"0": {"forward2": "dies"}})
    rt = runtime(fallback="native", start_seconds=4.0, first_retry=0.01)
    rt.forward(samples(4))
    bench(hang=True)
    time.sleep(0.05)
    rt.forward(samples(4))
    retries = [t for t in threading.enumerate() if t.name.startswith("akrt-")]
    assert len(retries) == 1
    rt.close()
    assert not retries[0].is_alive()


def test_nothing_stays_open(bench) -> None:
    bench(plans={"0": {"forward3": "dies"}})
    runtime().close()
    before = len(os.listdir("/proc/self/fd"))
    with runtime(fallback="native", chunk=5) as rt:
        rt.forward(samples(50))
        assert taken_back(rt)
    assert len(os.listdir("/proc/self/fd")) == before


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
    with runtime(fallback="native", first_retry=0.3, last_retry=10.0) as rt:
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            np.testing.assert_array_equal(rt.forward(samples(2)), reference(samples(2)))
            time.sleep(0.005)
    # once at the start, then after 0.3, 0.6 and 1.2 s: in the old process, then in a new one
    assert 2 <= sum(e.startswith("program:") for e in device_double.events(folder)) <= 7


# Several chips


def test_all_chips_share_a_batch_in_order(bench) -> None:
    folder = bench(chips=["AKD1000", "AKD1500", "AKD1000"], delay=0.005)
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
    bench(chips=["AKD1000", "AKD1000"], plans={"1": {"forward3": "dies"}}, delay=0.005)
    x = samples(2000)
    with (
        pytest.warns(FallbackWarning, match="computed elsewhere"),
        runtime(device="all", chunk=20) as rt,
    ):
        y = rt.forward(x)
    np.testing.assert_array_equal(y, reference(x))


def test_a_lost_chip_does_not_hold_up_the_others(bench) -> None:
    bench(chips=["AKD1000", "AKD1000"], plans={"1": {"forward3": "dies"}}, delay=0.005)
    with runtime(device="all", chunk=20, start_seconds=4.0, first_retry=0.01) as rt:
        bench(chips=["AKD1000", "AKD1000"], hang=True)  # finding it again takes for ever
        start = time.monotonic()
        for _ in range(2):
            np.testing.assert_array_equal(rt.forward(samples(1000)), reference(samples(1000)))
        assert time.monotonic() - start < 3


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
