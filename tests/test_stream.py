"""Words in a stream: the rule, its independence of chunks and backends, bad input, cost."""

from __future__ import annotations

import os
import time
import tracemalloc
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import need
from hypothesis import given, settings
from hypothesis import strategies as st

import akrt
from akrt import measurement
from akrt.audio import integer_features, load_audio, to_pcm
from akrt.decision import DecisionRule, StreamSettings, decision_rule
from akrt.errors import DeviceLostError, InputError, UsageError
from akrt.kernels._frontend import Decision
from akrt.kws.splice import Spliced, splice
from akrt.model import Mfcc, Model
from akrt.runtime import bundled_model

EAGER = akrt.StreamSettings(threshold=0.5)
RATE = 16000


@pytest.fixture(scope="module")
def runtime() -> akrt.Runtime:
    return akrt.Runtime(backend="native")


@pytest.fixture(scope="module")
def words() -> Spliced:
    """The clips that ship, one after the other over a little hiss."""
    with as_file(files("akrt") / "data" / "clips") as folder:
        paths = sorted(p for p in Path(folder).rglob("*.flac") if p.parent.name != "_silence_")
        clips = [(path.parent.name, load_audio(path)) for path in paths[::3]]
    hiss = np.random.default_rng(0).normal(0, 0.01, 5 * RATE).astype(np.float32)
    return splice(clips, [hiss], 30.0, seed=1)


def detected(rule: DecisionRule, potentials: np.ndarray) -> list[tuple[int, int]]:
    """The rule as its description reads, in Python's integers: (inference, class)."""
    found: list[tuple[int, int]] = []
    rows: list[list[int]] = []
    held, last = None, None
    for i, row in enumerate(potentials.tolist()):
        logits = [
            max(-65535, min((p - int(t)) * int(f) >> rule.shift, 65535))
            for p, t, f in zip(row, rule.threshold, rule.factor, strict=True)
        ]
        margins = []
        for c, own in enumerate(logits):
            rest = logits[:c] + logits[c + 1 :]
            margins.append(max(-2048, min(own - max(rest), 2048)) if rest else 2048)
        rows = [*rows, margins][-rule.window :]
        sums = [sum(column) for column in zip(*rows, strict=True)]
        leader = sums.index(max(sums))
        led = (
            len(rows) >= rule.least
            and rule.is_word[leader]
            and sums[leader] >= rule.score * len(rows)
        )
        if held is not None and (leader != held or not led):
            held = None
        if led and held is None and (last is None or i - last >= rule.refractory):
            found.append((i, leader))
            held, last = leader, i
    return found


rules = st.builds(
    DecisionRule,
    threshold=st.just(np.array([5, -3, 0, 1 << 20], np.int32)),
    factor=st.just(np.array([256, 700, 1 << 20, 3], np.int32)),
    is_word=st.sampled_from([np.array(v, np.uint8) for v in ([0, 1, 1, 1], [1, 1, 1, 1])]),
    shift=st.integers(0, 20),
    window=st.integers(1, 9),
    least=st.integers(1, 9),
    score=st.integers(0, 900),
    refractory=st.integers(0, 12),
)


@given(rules, st.integers(0, 2**32 - 1), st.integers(0, 31), st.integers(1, 12))
@settings(max_examples=300)
def test_the_rule(rule: DecisionRule, seed: int, bits: int, stay: int) -> None:
    """Sums, ties, saturation and pauses; classes lead for `stay` inferences at a time."""
    rng = np.random.default_rng(seed)
    count = len(rule.threshold)
    potentials = np.repeat(rng.integers(-(2**bits), 2**bits, (12, count)), stay, axis=0)
    decision = Decision(**vars(rule))
    found = [(i, decision.step(row)) for i, row in enumerate(potentials.astype(np.int32))]
    assert [pair for pair in found if pair[1] >= 0] == detected(rule, potentials)


def test_logits_are_those_of_predict(runtime: akrt.Runtime, words: Spliced) -> None:
    rule = decision_rule(runtime.model, StreamSettings())
    x = np.stack([integer_features(words.samples[e.start : e.end]) for e in words.events])
    potentials = runtime.forward(x).reshape(len(x), -1).astype(np.int64)
    logits = (potentials - rule.threshold) * rule.factor.astype(np.int64) >> rule.shift
    floats = runtime.predict(x).reshape(len(x), -1)
    np.testing.assert_allclose(logits / 256, floats, atol=0.005)
    silent = [not word for word in rule.is_word]
    assert [runtime.model.labels[i] for i in np.flatnonzero(silent)] == ["_silence_"]


def test_hears_the_words_that_ship(runtime: akrt.Runtime, words: Spliced) -> None:
    stream = akrt.Stream(runtime)
    found = stream.push(words.samples) + stream.finish()
    assert stream.seconds == words.seconds + 0.5
    hits = 0
    for event in words.events:
        hits += any(
            d.word == event.word and event.start <= d.sample <= event.end + RATE // 2 for d in found
        )
    assert hits > len(words.events) / 2
    assert all(d.score >= stream.settings.threshold for d in found)
    assert all(d.time == d.sample / RATE for d in found)
    assert all(runtime.model.labels[d.index] == d.word != "_silence_" for d in found)
    assert all(b.time - a.time >= 1 for a, b in pairwise(found))
    assert stream.leader is not None


@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
@settings(max_examples=8)
def test_chunks_do_not_matter(
    runtime: akrt.Runtime, words: Spliced, seed: int, magnitude: int
) -> None:
    pcm = words.samples[: 20 * RATE]
    whole = akrt.Stream(runtime, EAGER).push(pcm)
    assert len(whole) >= 4
    rng = np.random.default_rng(seed)
    stream, found, at = akrt.Stream(runtime, EAGER), [], 0
    while at < len(pcm):
        size = int(rng.integers(0, 40 * 10**magnitude))
        piece = pcm[at : at + size]
        found += stream.push(piece if rng.integers(2) else piece.astype(np.float32) / 32768)
        at += size
    assert found == whole


@pytest.mark.parametrize("backend", ["reference", "simulator", "nsoc"])
def test_backends_do_not_matter(runtime: akrt.Runtime, words: Spliced, backend: str) -> None:
    if backend != "reference":
        need("akida")
    pcm = words.samples[: (6 if backend == "reference" else 20) * RATE]
    expected = akrt.Stream(runtime, EAGER).push(pcm)
    assert expected
    options = {"device": "virtual:akd1000"} if backend == "nsoc" else {}
    with akrt.Runtime(backend=backend, **options) as other:
        assert akrt.Stream(other, EAGER).push(pcm) == expected


def test_goes_on_after_a_lost_device(words: Spliced, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of inferences is missing; the words after it are where they are without the loss."""
    pcm = words.samples[: 20 * RATE]
    with akrt.Runtime(backend="native") as runtime:
        expected = akrt.Stream(runtime, EAGER).push(pcm)
        stream = akrt.Stream(runtime, EAGER, incremental=False)
        with monkeypatch.context() as patched:
            patched.setattr(runtime, "forward", _lost)
            with pytest.raises(DeviceLostError):
                stream.push(pcm[:RATE])
        found = stream.push(pcm[RATE:])
    late = [d for d in expected if d.time > 3]
    assert len(late) >= 3
    assert [d for d in found if d.time > 3] == late


def _lost(*arguments: object) -> None:
    raise DeviceLostError("gone")


def test_silence_is_no_word(runtime: akrt.Runtime) -> None:
    rng = np.random.default_rng(0)
    for volume in (0, 1, 30):
        pcm = np.rint(rng.normal(0, volume, 10 * RATE)).astype(np.int16)
        assert akrt.Stream(runtime).push(pcm) == []


def test_any_samples_are_taken(runtime: akrt.Runtime) -> None:
    """Full scale, a little beyond it, constant, alternating: no error, no crash."""
    stream = akrt.Stream(runtime)
    square = np.tile(np.array([-32768, 32767], np.int16), RATE)
    for pcm in (square, np.full(RATE, -32768, np.int16), np.full(RATE, 8.0), np.zeros(0)):
        stream.push(pcm)
    assert stream.seconds == 4


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((100, 2), np.int16), r"one channel.*\(100, 2\): choose one, such as x\[:, 0\]"),
        (np.zeros((1, 100), np.int16), "one channel"),
        (np.zeros(100, np.int32), r"int16, or floats.*\(x >> 16\).astype\('int16'\)"),
        (np.zeros(100, np.int64), r"int16, or floats.*astype\('int16'\)"),
        (np.zeros(100, np.uint8), "8-bit samples become"),
        (np.float32([0, 12000, -9000]), r"up to 12000, far beyond.*scale its samples to -1\.\.1"),
        (np.array([0.0, 8.01]), "far beyond"),
        (np.array([0.0, np.nan]), "not finite"),
        ("sound", "int16, or floats"),
    ],
)
def test_bad_samples(runtime: akrt.Runtime, samples: object, message: str) -> None:
    stream = akrt.Stream(runtime)
    with pytest.raises(InputError, match=message):
        stream.push(samples)
    assert stream.seconds == 0


def test_a_small_overshoot_is_clipped(runtime: akrt.Runtime, words: Spliced) -> None:
    loud = words.samples[: 20 * RATE].astype(np.float32) / 32768 * 3
    clipped = akrt.Stream(runtime, EAGER).push(np.clip(loud, -1, 1))
    assert akrt.Stream(runtime, EAGER).push(loud) == clipped != []


def test_a_column_of_samples_is_one_channel(runtime: akrt.Runtime, words: Spliced) -> None:
    """As sounddevice records one channel."""
    pcm = words.samples[: 20 * RATE]
    expected = akrt.Stream(runtime, EAGER).push(pcm)
    assert akrt.Stream(runtime, EAGER).push(pcm[:, None]) == expected != []
    stereo = np.stack([pcm, pcm], axis=1)
    assert akrt.Stream(runtime, EAGER).push(stereo[:, :1]) == expected


def test_reset_is_a_new_stream(runtime: akrt.Runtime, words: Spliced) -> None:
    pcm = words.samples[: 20 * RATE]
    new = akrt.Stream(runtime, EAGER)
    expected = new.push(pcm)
    stream = akrt.Stream(runtime, EAGER)
    stream.push(pcm[::-1][: 7 * RATE + 123])
    stream.reset()
    assert (stream.seconds, stream.leader) == (0, None)
    assert stream.push(pcm) == expected != []
    assert (stream.seconds, stream.leader, stream.settings) == (20, new.leader, new.settings)


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -0.1, 1e300])
def test_what_is_no_length_of_silence_is_refused(runtime: akrt.Runtime, seconds: float) -> None:
    stream = akrt.Stream(runtime)
    with pytest.raises(UsageError, match="seconds must be 0..3600"):
        stream.finish(seconds)
    assert stream.seconds == 0


def test_what_is_no_runtime_is_refused() -> None:
    for thing in ("x", None, bundled_model(), 5):
        with pytest.raises(UsageError, match=rf"{type(thing).__name__}: akrt.Stream\(akrt.Runtime"):
            akrt.Stream(thing)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hop_ms": 30}, "multiple of 20"),
        ({"hop_ms": 0}, "multiple of 20"),
        ({"hop_ms": 80.0}, "must be an integer"),
        ({"window_ms": 40}, "window_ms must be 80"),
        ({"window_ms": 10**9}, "window_ms must be 80"),
        ({"min_count": 9}, r"min_count must be 1\.\.8"),
        ({"threshold": float("nan")}, r"threshold must be 0\.\.8"),
        ({"threshold": "high"}, "must be a number"),
        ({"refractory_ms": -1}, "refractory_ms must be"),
    ],
)
def test_bad_settings(runtime: akrt.Runtime, changed: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        akrt.StreamSettings(**changed)


def test_settings_are_one_object(runtime: akrt.Runtime) -> None:
    settings = akrt.StreamSettings(hop_ms=100, threshold=3)
    assert akrt.Stream(runtime, settings).settings is settings
    assert akrt.Stream(runtime).settings == akrt.StreamSettings()
    for thing in (80, {"hop_ms": 80}, "high"):
        with pytest.raises(UsageError, match=r"settings must be an akrt\.StreamSettings"):
            akrt.Stream(runtime, thing)


def test_networks_that_cannot_listen() -> None:
    bundled = bundled_model()
    headless = Model(bundled.layers[:-1], preprocessing=bundled.preprocessing)
    for model, message in (
        (bundled.replace(preprocessing=None), "does not say how sound becomes its input"),
        (bundled.replace(preprocessing=Mfcc(scale=2.0)), "fixed-point front end"),
        (headless, "does not end in one row of logits"),
    ):
        with (
            akrt.Runtime(model, backend="native") as runtime,
            pytest.raises(UsageError, match=message),
        ):
            akrt.Stream(runtime)


def test_ten_minutes_need_no_more_memory_than_one(
    words: Spliced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "WINDOW", 10)  # latencies that a runtime remembers
    stream = akrt.Stream(akrt.Runtime(backend="native"))
    minute = np.resize(words.samples, 60 * RATE)
    sizes = []
    for _ in range(10):
        for start in range(0, len(minute), 5000):
            stream.push(minute[start : start + 5000])
        if not sizes:
            tracemalloc.start()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert stream.seconds == 600
    # a pointer kept of each of 1,536 pushes would be more; Python 3.10 keeps frames of functions
    assert sizes[-1] - sizes[1] < 12_000


def test_fast_enough_to_listen_beside_other_work(runtime: akrt.Runtime) -> None:
    """A second of sound in 0.9 ms with AVX-512; the limit leaves room for slower kernels."""
    stream = akrt.Stream(runtime)
    pcm = to_pcm(np.random.default_rng(0).normal(0, 0.1, RATE))
    best = min(_seconds(lambda: stream.push(pcm)) for _ in range(60))
    assert best < (0.1 if os.environ.get("AKRT_SANITIZE") else 4e-3)


def _seconds(call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
