"""A stream that keeps rows hears what one does that computes every window whole.

AKRT_STREAM_SECONDS: how long the recording is (default 60; 600 for the long run).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
from forked import forks, in_child
from typer.testing import CliRunner

import akrt
from akrt.audio import load_audio
from akrt.cli.commands import app
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.kws.splice import splice
from akrt.model import Mfcc
from akrt.runtime import bundled_model
from akrt.stream import stream_potentials

RATE = 16000
SECONDS = float(os.environ.get("AKRT_STREAM_SECONDS", "60"))


@pytest.fixture(scope="module")
def runtime() -> akrt.Runtime:
    return akrt.Runtime(backend="native", threads=1)


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    """The clips that ship, over hiss of any loudness, again and again."""
    with as_file(files("akrt") / "data" / "clips") as folder:
        paths = sorted(p for p in Path(folder).rglob("*.flac") if p.parent.name != "_silence_")
        clips = [(path.parent.name, load_audio(path)) for path in paths]
    hiss = np.random.default_rng(7).normal(0, 0.01, 5 * RATE).astype(np.float32)
    parts, seed = [], 0
    while sum(map(len, parts)) < SECONDS * RATE:
        parts.append(splice(clips, [hiss], (20.0, 5.0, float("inf"))[seed % 3], seed).samples)
        seed += 1
    return np.concatenate(parts)[: int(SECONDS * RATE)]


def settings(hop_ms: int, threshold: float = 0.25) -> StreamSettings:
    return StreamSettings(hop_ms=hop_ms, window_ms=4 * hop_ms, min_count=2, threshold=threshold)


def pieces(pcm: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Of any size: a few samples, about a hop, seconds."""
    rng, at = np.random.default_rng(seed), 0
    while at < len(pcm):
        size = int(rng.integers(1, rng.choice([40, 2000, 2000, 2000, 50_000])))
        yield pcm[at : at + size]
        at += size


@pytest.mark.parametrize(
    ("hop_ms", "kept"),
    [(40, True), (80, True), (200, True), (320, True), (20, False), (60, False), (960, False)],
)
def test_potentials_and_detections_are_the_same(
    runtime: akrt.Runtime, pcm: np.ndarray, hop_ms: int, kept: bool
) -> None:
    """The stream begins anew in the middle."""
    how = settings(hop_ms)
    potentials = stream_potentials(runtime, pcm, how, incremental=False)
    assert len(potentials) > SECONDS * 1000 / hop_ms - 2
    np.testing.assert_array_equal(stream_potentials(runtime, pcm, how), potentials)
    whole, stream = (akrt.Stream(runtime, how, incremental=on) for on in (False, True))
    assert (whole.incremental, stream.incremental) == (False, kept)
    words = 0
    for n, piece in enumerate(pieces(pcm, hop_ms)):
        if n == 50:
            whole.reset()
            stream.reset()
            assert stream.incremental == kept
        found = stream.push(piece)
        assert found == whole.push(piece)
        assert stream.leader == whole.leader
        words += len(found)
    assert words > SECONDS / 20 or hop_ms > 500


def test_streams_that_take_turns_do_not_disturb_each_other(
    runtime: akrt.Runtime, pcm: np.ndarray
) -> None:
    """On one runtime, of different hops, interleaved and from many threads."""
    sound = pcm[: 30 * RATE]
    how = [settings(hop_ms) for hop_ms in (40, 80, 80, 200, 60)]
    sounds = [np.roll(sound, -i * 7 * RATE) for i in range(len(how))]
    wanted = [
        akrt.Stream(runtime, one, incremental=False).push(each)
        for one, each in zip(how, sounds, strict=True)
    ]
    assert all(wanted)
    streams = [akrt.Stream(runtime, one) for one in how]
    found: list[list[akrt.Detection]] = [[] for _ in how]
    for at in range(0, len(sound), 1500):
        for i, stream in enumerate(streams):
            found[i] += stream.push(sounds[i][at : at + 1500])
    assert found == wanted

    def heard(i: int) -> list[akrt.Detection]:
        stream = akrt.Stream(runtime, how[i])
        return [d for piece in pieces(sounds[i], i) for d in stream.push(piece)]

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(heard, range(len(how)))) == wanted


@forks
def test_a_forked_child_and_its_parent_both_go_on(runtime: akrt.Runtime, pcm: np.ndarray) -> None:
    how = settings(80)
    first, second = pcm[: 10 * RATE], pcm[10 * RATE : 30 * RATE]
    whole = akrt.Stream(runtime, how, incremental=False)
    whole.push(first)
    wanted = [d.as_dict() for d in whole.push(second)]
    assert wanted
    stream = akrt.Stream(runtime, how)
    for piece in pieces(first, 1):
        stream.push(piece)

    def rest() -> list[dict[str, object]]:
        return [d.as_dict() for piece in pieces(second, 2) for d in stream.push(piece)]

    assert in_child(rest) == wanted
    assert rest() == wanted


def test_a_window_that_was_lost_is_a_gap(
    runtime: akrt.Runtime, pcm: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inference fails; those after it are what they are without rows kept."""
    how = settings(80)
    found, leaders = [], []
    for on in (False, True):
        stream = akrt.Stream(runtime, how, incremental=on)
        words = stream.push(pcm[: 9 * RATE])
        with monkeypatch.context() as patched:
            patched.setattr(runtime, "_run", _interrupted)
            with pytest.raises(KeyboardInterrupt):
                stream.push(pcm[9 * RATE : 9 * RATE + 3000])
        for piece in pieces(pcm[9 * RATE + 3000 : 30 * RATE], 3):
            words += stream.push(piece)
        found.append(words)
        leaders.append(stream.leader)
    assert found[0] == found[1] != []
    assert leaders[0] == leaders[1]


def _interrupted(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_backends_that_keep_nothing_compute_windows_whole() -> None:
    with akrt.Runtime(backend="reference") as other:
        assert not akrt.Stream(other).incremental
    changed = bundled_model().replace(preprocessing=Mfcc(scale=2.0))
    with akrt.Runtime(changed, backend="native") as other, pytest.raises(UsageError, match="front"):
        akrt.Stream(other)


@pytest.mark.parametrize("given", [None, 1, "whole"])
def test_what_is_no_choice_is_refused(runtime: akrt.Runtime, given: object) -> None:
    with pytest.raises(UsageError, match="incremental must be True or False"):
        akrt.Stream(runtime, incremental=given)


def test_the_command_says_and_switches_it(pcm: np.ndarray, tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "sound.wav"
    soundfile.write(path, pcm[: 20 * RATE], RATE)
    told = {}
    for way in ("--incremental", "--whole"):
        command = ["stream", str(path), "--backend", "native", "--threshold", "0.5", way]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        *told[way], last = done.stdout.splitlines()
        assert {"--incremental": "rows kept", "--whole": "windows whole"}[way] in last
    assert told["--incremental"] == told["--whole"] != []
