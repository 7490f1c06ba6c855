"""Runtimes and streams beside other threads and processes: pickles, spawn, fork, close, Ctrl-C."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from conftest import need
from forked import forks, in_child
from nsoc_bench import MODEL, reference, runtime, samples

import akrt
from akrt.errors import AkrtError, BackendUnavailableError, UsageError
from akrt.kernels._frontend import Features
from akrt.model import FullyConnected, InputConvolutional, Model

RATE = 16000


def heavy() -> Model:
    """A network of 20 million multiply-accumulates a sample."""
    rng = np.random.default_rng(3)
    conv = InputConvolutional(
        name="conv",
        input_shape=(64, 64, 1),
        weights=rng.integers(-7, 8, (7, 7, 1, 96)).astype(np.int8),
        weights_bits=4,
        act_bits=4,
        threshold=np.zeros(96, np.int32),
        act_step=np.full(96, 50, np.float32),
    )
    dense = FullyConnected(
        name="out",
        weights=rng.integers(-7, 8, (64 * 64 * 96, 2)).astype(np.int8),
        weights_bits=4,
        act_bits=None,
        threshold=np.zeros(2, np.int32),
        act_step=np.ones(2, np.float32),
    )
    return Model((conv, dense))


# Pickles and copies


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("native", {"threads": 1}),
        ("auto", {}),
        ("reference", {}),
        ("simulator", {}),
        ("nsoc", {"device": "virtual:akd1000"}),
    ],
)
def test_a_copied_runtime_is_the_same_one_anew(machine, backend: str, options: Any) -> None:
    if backend in ("simulator", "nsoc"):
        need("akida")
    rt = akrt.Runtime(MODEL, backend=backend, **options)
    rt.forward(samples(3))
    for other in (pickle.loads(pickle.dumps(rt)), copy.copy(rt), copy.deepcopy(rt)):
        assert other.computed_by == rt.computed_by
        assert other.statistics.calls == 0
        np.testing.assert_array_equal(other.forward(samples(9)), reference(samples(9)))
        other.close()
    rt.close()
    with pytest.raises(UsageError, match="closed"):
        pickle.dumps(rt)


def _forward(rt: akrt.Runtime, x: np.ndarray) -> tuple[int, np.ndarray]:
    return os.getpid(), rt.forward(x)


def test_spawned_workers_take_a_runtime_and_send_results_back(machine) -> None:
    need("akida")
    x = samples(40)
    virtual = akrt.Runtime(MODEL, backend="nsoc", device="virtual:akd1000")
    native = akrt.Runtime(MODEL, backend="native")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        jobs = [(rt, part) for rt in (native, virtual) for part in (x[:20], x[20:])]
        answers = pool.starmap_async(_forward, jobs).get(120)
        with pytest.raises(UsageError, match=r"make akrt.Stream\(runtime\) there"):
            pool.apply(_forward, (akrt.Stream(akrt.Runtime(backend="native")), x))
    assert os.getpid() not in {pid for pid, _ in answers}
    for (_, y), part in zip(answers, [x[:20], x[20:]] * 2, strict=True):
        np.testing.assert_array_equal(y, reference(part))
    assert answers[2][1].simulated
    assert answers[2][1].ran_on[0].where == "virtual:akd1000"


def test_a_runtime_with_a_chip_cannot_be_copied(bench) -> None:
    bench()
    with runtime() as rt:
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(UsageError, match="has one owner.*in the process that is to use"):
                attempt(rt)


def test_a_stream_cannot_be_copied() -> None:
    stream = akrt.Stream(akrt.Runtime(backend="native"))
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(UsageError, match=r"send the Runtime, and make akrt.Stream\(runtime\)"):
            attempt(stream)


def test_models_and_facts_survive_a_pickle(tmp_path) -> None:
    rt = akrt.Runtime(MODEL, backend="native")
    rt.forward(samples(2))
    other = pickle.loads(pickle.dumps(rt.model))
    other.save(tmp_path / "other.akrt")
    MODEL.save(tmp_path / "model.akrt")
    assert (tmp_path / "other.akrt").read_bytes() == (tmp_path / "model.akrt").read_bytes()
    for thing in (rt.statistics, rt.profile(samples(1)), akrt.Detection(1.0, "yes", 3, 2.0, RATE)):
        assert pickle.loads(pickle.dumps(thing)) == thing


# Forks


@forks
@pytest.mark.parametrize("threads", [1, 3])
def test_a_forked_child_goes_on_with_native(threads: int) -> None:
    x = samples(200_000)
    rt = akrt.Runtime(MODEL, backend="native", threads=threads)
    expected = rt.forward(x)  # the pool's threads are there now
    if threads > 1:
        assert any(t.name.startswith("akrt-native") for t in threading.enumerate())
    child = in_child(lambda: (rt.forward(x), rt.statistics.samples, rt.computed_by))
    np.testing.assert_array_equal(child[0], expected)
    assert child[1:] == (400_000, rt.computed_by)
    np.testing.assert_array_equal(rt.forward(x), expected)
    rt.close()


@forks
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_a_fork_beside_busy_threads_leaves_no_lock_behind(backend: str) -> None:
    """What is held at the moment of the fork is held by a thread that the child does not have."""
    x = samples(30_000 if backend == "native" else 300)
    expected = reference(x)
    rt = akrt.Runtime(MODEL, backend=backend, **({"threads": 3} if backend == "native" else {}))
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            rt.forward(x)
            assert rt.statistics.calls

    busy = [threading.Thread(target=work) for _ in range(2)]
    for thread in busy:
        thread.start()
    try:
        for _ in range(6):
            answer = in_child(lambda: (rt.forward(x), str(rt.statistics))[0])
            np.testing.assert_array_equal(answer, expected)
    finally:
        stop.set()
        for thread in busy:
            thread.join()
    rt.close()


@forks
def test_akidas_software_says_that_it_does_not_survive_a_fork(machine) -> None:
    need("akida")
    for options in ({"backend": "simulator"}, {"backend": "nsoc", "device": "virtual:akd1000"}):
        rt = akrt.Runtime(MODEL, **options)
        rt.forward(samples(3))
        with pytest.raises(BackendUnavailableError, match="start processes with .*'spawn'"):
            in_child(lambda rt=rt: rt.forward(samples(3)))
        np.testing.assert_array_equal(rt.forward(samples(3)), reference(samples(3)))


@forks
def test_a_stream_that_was_torn_stays_so_in_a_grandchild() -> None:
    stream = akrt.Stream(akrt.Runtime(backend="native"))
    stream._turn.acquire()  # as a push of another thread would hold it
    for _ in range(2):  # a fork, and a fork of the child
        stream.after_fork()
        with pytest.raises(UsageError, match=r"forked while another thread.*reset\(\)"):
            stream.push(np.zeros(100, np.int16))


def test_a_stream_in_a_forked_child() -> None:
    rt = akrt.Runtime(backend="native")
    stream = akrt.Stream(rt)
    stream.push(np.zeros(RATE, np.int16))
    assert in_child(lambda: (stream.push(np.zeros(RATE)), stream.seconds)[1]) == 2
    assert stream.seconds == 1
    with stream._turn:  # as while another thread pushes
        with pytest.raises(UsageError, match=r"forked while another thread.*reset\(\)"):
            in_child(lambda: stream.push(np.zeros(9)))
        assert in_child(lambda: (stream.reset(), stream.push(np.zeros(RATE)), stream.seconds)[2])


# Threads


def test_threads_on_one_stream_take_turns() -> None:
    """Equal pieces from many threads are the same sound in whatever order they come."""
    rt = akrt.Runtime(backend="native")
    noise = np.random.default_rng(5).normal(0, 0.3, 1601).clip(-1, 1)
    stream, alone = (
        akrt.Stream(rt, akrt.StreamSettings(threshold=0.0)),
        akrt.Stream(rt, akrt.StreamSettings(threshold=0.0)),
    )
    with ThreadPoolExecutor(4) as pool:
        found = [d for part in pool.map(lambda _: stream.push(noise), range(600)) for d in part]
    expected = [d for _ in range(600) for d in alone.push(noise)]
    assert sorted(found, key=lambda d: d.sample) == expected
    assert stream.seconds == alone.seconds
    assert stream.leader == alone.leader


def test_features_refuse_a_second_thread_instead_of_overflowing() -> None:
    features = Features(1)
    long = np.zeros(200 * RATE, np.int16)
    refused, hops = [], []

    def push() -> None:
        try:
            hops.append(len(features.push(long)))
        except RuntimeError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hops) + len(refused) == 4
    assert set(hops) == {200 * 50}
    assert all("use a lock" in text for text in refused)
    assert len(features.push(np.zeros(640, np.int16))) == 2  # usable again


@pytest.mark.parametrize("backend", ["native", "reference", "simulator"])
def test_threads_on_one_runtime(backend: str) -> None:
    if backend == "simulator":
        need("akida")
    rt = akrt.Runtime(MODEL, backend=backend)
    batches = [samples(n, seed=n) for n in range(1, 60)]
    with ThreadPoolExecutor(4) as pool:
        for batch, y in zip(batches, pool.map(rt.forward, batches), strict=True):
            np.testing.assert_array_equal(y, reference(batch))
    assert rt.statistics.samples == sum(map(len, batches))


@pytest.mark.parametrize("threads", [1, 3])
def test_closing_beside_a_call_is_an_answer_or_an_error_of_ours(threads: int) -> None:
    x = samples(100_000)
    expected = akrt.Runtime(MODEL, backend="native").forward(x)
    for delay in np.linspace(0, 0.01, 15):
        rt = akrt.Runtime(MODEL, backend="native", threads=threads)
        with ThreadPoolExecutor(2) as callers:
            calls = [callers.submit(_forward_until_closed, rt, x, expected) for _ in range(2)]
            time.sleep(delay)
            rt.close()
            for call in calls:
                assert isinstance(call.exception(20), AkrtError)


def _forward_until_closed(rt: akrt.Runtime, x: np.ndarray, expected: np.ndarray) -> None:
    while True:
        np.testing.assert_array_equal(rt.forward(x), expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_is_answered_within_a_batch(threads: int) -> None:
    model = heavy()
    rt = akrt.Runtime(model, backend="native", threads=threads)
    x = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 1)).astype(np.uint8)
    started = time.perf_counter()
    expected = rt.forward(x)
    one = time.perf_counter() - started
    x = np.repeat(x, min(int(4 / one) + 1, 20_000), axis=0)  # seconds of work
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        rt.forward(x)
    late = time.perf_counter() - sent[0]
    assert late < max(0.2, 10 * one)
    np.testing.assert_array_equal(rt.forward(x[:2]), np.repeat(expected, 2, axis=0))
    rt.close()
    assert time.perf_counter() - sent[0] < 2  # nobody computes the rest for nobody
