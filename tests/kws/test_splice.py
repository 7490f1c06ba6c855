"""Spliced recordings: where the words are, and how loud against the background."""

from __future__ import annotations

import numpy as np
import pytest

from akrt.errors import DatasetError
from akrt.kws.splice import SPEECH_LEVEL, speech_level, splice

RATE = 16000


def tone(hz: float, seconds: float, level: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


CLIPS = [("low", tone(300, 1, 0.5)), ("high", tone(2000, 0.4, 0.001)), ("nothing", tone(1, 1, 0))]


def test_words_are_where_the_events_say() -> None:
    made = splice(CLIPS, [], float("inf"), seed=4)
    assert sorted(e.word for e in made.events) == ["high", "low"]
    heard = made.samples.astype(np.float64)
    silent = np.ones(len(heard), bool)
    for event in made.events:
        part = heard[event.start : event.end]
        spectrum = np.abs(np.fft.rfft(part))
        hz = spectrum.argmax() * RATE / len(part)
        assert hz == pytest.approx(300 if event.word == "low" else 2000, abs=3)
        middle = part[len(part) // 4 : -len(part) // 4]
        assert np.sqrt(np.mean(middle**2)) / 32768 == pytest.approx(SPEECH_LEVEL, rel=0.05)
        silent[event.start : event.end] = False
    assert not heard[silent].any()
    assert made.seconds == len(heard) / RATE
    gaps = np.diff(
        [0, *(x for e in sorted(made.events, key=lambda e: e.start) for x in (e.start, e.end))]
    )
    assert (gaps[::2] >= RATE).all()


@pytest.mark.parametrize("snr", [20.0, 0.0])
def test_signal_to_noise_ratio(snr: float) -> None:
    noises = [np.random.default_rng(0).normal(0, v, RATE).astype(np.float32) for v in (0.3, 1e-3)]
    made = splice(CLIPS * 10, noises, snr, seed=4)
    outside = np.ones(len(made.samples), bool)
    for event in made.events:
        outside[event.start : event.end] = False
    noise = made.samples[outside].astype(np.float64) / 32768
    level = np.sqrt(np.mean(noise**2))
    assert 20 * np.log10(SPEECH_LEVEL / level) == pytest.approx(snr, abs=0.3)


def test_the_seed_decides_and_the_noise_does_not_move_words() -> None:
    noise = [np.random.default_rng(0).normal(0, 0.1, 300).astype(np.float32)]
    a, b = (splice(CLIPS * 5, noise, snr, seed=7) for snr in (10.0, 0.0))
    assert a.events == b.events
    np.testing.assert_array_equal(a.samples, splice(CLIPS * 5, noise, 10.0, seed=7).samples)
    assert splice(CLIPS * 5, noise, 10.0, seed=8).events != a.events


def test_speech_level_is_that_of_the_loudest_part() -> None:
    quiet = np.concatenate([tone(500, 1, 0.01), tone(500, 0.3, 0.2), tone(500, 1, 0.01)])
    assert speech_level(quiet) == pytest.approx(0.2 / np.sqrt(2), rel=0.01)
    assert speech_level(np.zeros(0, np.float32)) == 0


def test_nothing_to_splice() -> None:
    with pytest.raises(DatasetError, match="no clip"):
        splice(CLIPS[2:], CLIPS[0][1:], 10.0, seed=1)
    with pytest.raises(DatasetError, match="no background"):
        splice(CLIPS, [np.zeros(100, np.float32)], 10.0, seed=1)
