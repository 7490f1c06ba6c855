"""Chips beside threads, forked children and dropped runtimes: no answer is ever someone else's.

AKRT_TEST_SAMPLES sets how many samples go through the failing chips; 10 million take minutes.
"""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import device_double
import numpy as np
import pytest
from forked import Child, forks, in_child
from nsoc_bench import CHIP, MODEL, reference, runtime, samples, taken_back

import akrt
from akrt.driver import session as session_module
from akrt.driver.link import Link
from akrt.driver.session import Session
from akrt.errors import DeviceBusyError, DeviceLostError, UsageError

pytestmark = pytest.mark.filterwarnings("ignore::akrt.errors.FallbackWarning")

SAMPLES = int(os.environ.get("AKRT_TEST_SAMPLES", 60_000))


def programmed(folder: Any) -> int:
    return sum(e.startswith("program:") for e in device_double.events(folder))


def the_session(rt: akrt.Runtime) -> Session:
    (found,) = rt._backend._sessions
    return found


# Threads


def test_a_retry_leaves_a_chip_alone_that_has_become_ready(bench, monkeypatch) -> None:
    """Between the looks at `ready` and at the clock, another thread may have taken it back."""
    folder = bench(plans={"0": {"forward2": "raises"}})
    with runtime(fallback="native") as rt:
        rt.forward(samples(4))
        session = the_session(rt)
        assert not session.ready
        clock = time.monotonic

        def taken_back_meanwhile() -> float:
            if threading.current_thread() is threading.main_thread() and not session.ready:
                other = threading.Thread(target=session.open)
                other.start()
                other.join()
            return clock() + 60

        monkeypatch.setattr(session_module.time, "monotonic", taken_back_meanwhile)
        session.retry(background=True)
        monkeypatch.setattr(session_module.time, "monotonic", clock)
        count = programmed(folder)
        batches = [samples(n, seed=n) for n in range(1, 40)]
        for batch in batches:
            np.testing.assert_array_equal(session.forward(batch), reference(batch))
        session.close()
        assert programmed(folder) == count == 2


def test_threads_that_use_and_retry_one_session_each_get_their_own_answer(bench) -> None:
    bench(delay=0.001)
    with runtime() as rt:
        session = the_session(rt)
        stop = threading.Event()

        def disturb() -> None:
            while not stop.is_set():
                session._ready = False  # as after a failure
                session.retry(background=True)
                session.open()
                session.facts()
                time.sleep(0.002)

        def ask(seed: int) -> int:
            right = 0
            for i in range(2000):
                if right == 10:
                    break
                x = samples(1 + (seed + i) % 7, seed=100 * seed + i)
                try:
                    y = session.forward(x)
                except DeviceLostError:
                    time.sleep(0.005)
                    continue
                np.testing.assert_array_equal(y, reference(x))
                right += 1
            return right

        disturber = threading.Thread(target=disturb)
        disturber.start()
        with ThreadPoolExecutor(3) as pool:
            right = list(pool.map(ask, range(3)))
        stop.set()
        disturber.join()
        assert right == [10, 10, 10]


def test_an_answer_to_another_request_is_refused(double) -> None:
    device_double.Bench().install(double)
    link = Link(20.0)
    link.ask("describe", 5)
    receive = link._receive

    def late(deadline: float, words: str) -> Any:
        link._number += 1  # as if somebody else had asked meanwhile
        return receive(deadline, words)

    link._receive = late  # type: ignore[method-assign]
    with pytest.raises(DeviceLostError, match="answered another request"):
        link.ask("describe", 5)
    assert not link.alive
    link.close()


def test_a_request_that_was_interrupted_ends_the_conversation(double, monkeypatch) -> None:
    device_double.Bench().install(double)
    link = Link(20.0)

    def interrupted(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(link, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            link.ask("describe", 5)
    assert not link.alive
    with pytest.raises(DeviceLostError, match="has been ended"):
        link.ask("describe", 5)
    link.close()


def test_closing_beside_calls_is_an_answer_or_an_error_of_ours(bench) -> None:
    bench(delay=0.002)
    for options in ({}, {"fallback": "native"}):
        rt = runtime(**options, chunk=5)
        x = samples(60)
        expected = reference(x)

        def call(rt: akrt.Runtime = rt, x: Any = x, expected: Any = expected) -> None:
            while True:
                np.testing.assert_array_equal(rt.forward(x), expected)

        with ThreadPoolExecutor(3) as pool:
            calls = [pool.submit(call) for _ in range(3)]
            time.sleep(0.1)
            rt.close()
            for done in calls:
                assert isinstance(done.exception(20), UsageError | DeviceLostError)


# Forks


@forks
def test_a_forked_child_never_gets_the_parents_answers(bench) -> None:
    folder = bench(delay=0.001)
    parent = os.getpid()
    with runtime(chunk=4) as strict:
        x = samples(40)

        def ask() -> str:
            with pytest.raises(DeviceLostError) as caught:
                strict.forward(x)
            strict.close()  # of the parent's chip this must free nothing
            return str(caught.value)

        children = [Child(ask) for _ in range(3)]
        for seed in range(30):
            batch = samples(9, seed)
            np.testing.assert_array_equal(strict.forward(batch), reference(batch))
        for child in children:
            assert f"in use by process {parent}" in child.result()
        assert [s.where for s in strict.forward(x).ran_on] == [CHIP]
        with pytest.raises(DeviceBusyError, match=f"in use by process {parent}"):
            runtime()
        assert "unprogram" not in device_double.events(folder)


@forks
def test_a_forked_child_goes_on_with_its_fallback(bench) -> None:
    bench(delay=0.001)
    with runtime(fallback="native", chunk=4) as rt:
        x = samples(200)
        child = Child(lambda: (rt.forward(x), rt.computed_by))
        for _ in range(5):
            np.testing.assert_array_equal(rt.forward(x), reference(x))
        y, said = child.result()
        np.testing.assert_array_equal(y, reference(x))
        assert [s.where for s in y.ran_on] == ["native"]
        assert said == "native, as the fallback of nsoc"
        assert [s.where for s in rt.forward(x).ran_on] == [CHIP]


@forks
def test_a_child_that_lives_on_does_not_keep_the_chip(bench) -> None:
    """The worker ends with the parent's pipe, whatever a child has inherited of it."""
    folder = bench()
    rt = runtime()
    read, write = os.pipe()
    child = Child(lambda: os.read(read, 1))
    started = time.monotonic()
    rt.close()
    assert time.monotonic() - started < 4
    assert device_double.events(folder)[-1] == "unprogram"
    with runtime() as again:
        np.testing.assert_array_equal(again.forward(samples(4)), reference(samples(4)))
    os.write(write, b".")
    assert child.result() == b"."
    os.close(read)
    os.close(write)


@forks
def test_a_child_opens_its_own_once_the_parent_has_closed(bench) -> None:
    bench()
    rt = runtime()
    read, write = os.pipe()

    def wait_and_ask() -> Any:
        os.read(read, 1)
        with rt:
            return rt.forward(samples(7))

    child = Child(wait_and_ask)
    rt.close()
    os.write(write, b".")
    y = child.result()
    np.testing.assert_array_equal(y, reference(samples(7)))
    assert [s.where for s in y.ran_on] == [CHIP]
    os.close(read)
    os.close(write)


@forks
def test_a_fork_beside_calls_leaves_no_lock_behind(bench) -> None:
    bench(delay=0.002)
    x = samples(20)
    with runtime(fallback="native", chunk=5) as rt, ThreadPoolExecutor(2) as pool:
        stop = threading.Event()

        def call() -> None:
            while not stop.is_set():
                np.testing.assert_array_equal(rt.forward(x), reference(x))

        calls = [pool.submit(call) for _ in range(2)]
        for _ in range(5):
            answer = in_child(lambda: (rt.forward(x), rt.close())[0])
            np.testing.assert_array_equal(answer, reference(x))
        stop.set()
        for done in calls:
            done.result(20)


# Dropped and made again


def test_a_dropped_runtime_gives_its_chip_back(bench, tmp_path) -> None:
    folder = bench()

    def use() -> None:
        np.testing.assert_array_equal(runtime().forward(samples(3)), reference(samples(3)))

    for _ in range(2):
        use()
        assert device_double.events(folder)[-1] == "unprogram"
        assert list(tmp_path.glob("*.lock")) == []


def test_a_runtime_kept_by_a_cycle_gives_its_chip_to_the_next(bench) -> None:
    bench()
    rt = runtime()
    cycle: list[Any] = [rt]
    cycle.append(cycle)
    other = {"model": MODEL.replace(name="another")}
    gone = weakref.ref(rt)
    gc.disable()
    try:
        del rt, cycle
        assert gone() is not None
        with akrt.Runtime(**other, backend="nsoc") as again:
            np.testing.assert_array_equal(again.forward(samples(3)), reference(samples(3)))
    finally:
        gc.enable()


def test_a_cell_that_is_run_again_takes_the_chip_over(bench) -> None:
    bench()
    for _ in range(3):
        rt = runtime()  # the one before still lives while this one is made
        np.testing.assert_array_equal(rt.forward(samples(3)), reference(samples(3)))
    rt.close()


def test_the_runtime_before_says_who_has_its_chip(bench) -> None:
    bench()
    first = runtime()
    with runtime() as second:
        (facts,) = first.statistics.measured["devices"]
        assert "taken over by an equal runtime that was made later" in facts["state"]
        with pytest.raises(DeviceLostError, match=f"in use by process {os.getpid()}"):
            first.forward(samples(2))
        np.testing.assert_array_equal(second.forward(samples(2)), reference(samples(2)))
    np.testing.assert_array_equal(first.forward(samples(2)), reference(samples(2)))
    first.close()


def test_another_network_does_not_take_a_chip_over(bench) -> None:
    bench()
    first = runtime()
    other = MODEL.replace(labels=tuple(map(str, range(MODEL.output_shape[2]))))
    with pytest.raises(DeviceBusyError, match=f"in use by process {os.getpid()}"):
        akrt.Runtime(other, backend="nsoc")
    np.testing.assert_array_equal(first.forward(samples(2)), reference(samples(2)))
    first.close()


# Everything at once


@forks
def test_threads_and_a_forked_child_on_failing_chips(bench) -> None:
    rates = {"raises": 0.005, "stalls": 0.001, "dies": 0.002, "short": 0.003, "floats": 0.002}
    bench(chips=["AKD1000", "AKD1000"], rates=rates, seed=5)
    options = {"device": "all", "fallback": "native", "chunk": 50, "deadline": 0.3}
    x = samples(5_000, seed=9)
    expected = akrt.Runtime(MODEL, backend="native").forward(x)
    np.testing.assert_array_equal(expected[::53], reference(x[::53]))

    def work(rt: akrt.Runtime, seed: int) -> int:
        rng, right = np.random.default_rng(seed), 0
        while right < SAMPLES // 4:
            start = int(rng.integers(0, len(x) - 300))
            stop = start + int(rng.integers(1, 300))
            y = rt.forward(x[start:stop])
            np.testing.assert_array_equal(y, expected[start:stop])
            right += stop - start
        return right

    with runtime(**options) as rt, ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(work, rt, seed) for seed in range(3)]
        time.sleep(0.05)
        child = Child(lambda: work(rt, 3))
        right = [call.result() for call in calls] + [child.result(600 + SAMPLES / 1000)]
        assert sum(right) >= 4 * (SAMPLES // 4)
        places = rt.statistics.computed_by.samples_by_place
        assert len(places) == 3
        assert sum(n for place, n in places.items() if place != "native") > SAMPLES / 50, places
        assert taken_back(rt, 30)
