"""Augmentation does what its settings say, and only by the generator it is given."""

import numpy as np
import pytest

from akrt.errors import UsageError
from akrt.kws.augment import Augmentation, augment, silence, trim

NOTHING = Augmentation(shift=0, noise_share=0, noise_volume=0, speed=0, volume=0, reverb_share=0)
RNG = np.random.default_rng
SPEECH = RNG(0).uniform(-0.2, 0.2, 16000).astype(np.float32)
NOISE = RNG(1).uniform(-1, 1, 50000).astype(np.float32)


def test_nothing_changes_nothing() -> None:
    assert (augment(SPEECH, 16000, [NOISE], NOTHING, RNG(0)) == SPEECH).all()


def test_same_seed_same_copy() -> None:
    first = augment(SPEECH, 16000, [NOISE], Augmentation(), RNG(5))
    assert (augment(SPEECH, 16000, [NOISE], Augmentation(), RNG(5)) == first).all()
    assert (augment(SPEECH, 16000, [NOISE], Augmentation(), RNG(6)) != first).any()


def test_shift_moves_and_fills_with_zeros() -> None:
    starts = set()
    for seed in range(50):
        settings = Augmentation(**{**NOTHING.__dict__, "shift": 0.1})
        out = augment(SPEECH, 16000, [], settings, RNG(seed))
        position = int(np.argmax(np.correlate(out, SPEECH[4000:12000], "valid"))) - 4000
        assert abs(position) <= 1600
        if position > 0:
            assert not out[:position].any()
            assert (out[position:] == SPEECH[: 16000 - position]).all()
        elif position < 0:
            assert not out[position:].any()
            assert (out[:position] == SPEECH[-position:]).all()
        starts.add(position)
    assert len(starts) > 30
    assert min(starts) < -800
    assert max(starts) > 800


def test_noise_is_a_scaled_piece_of_the_background() -> None:
    settings = Augmentation(**{**NOTHING.__dict__, "noise_share": 1.0, "noise_volume": 0.1})
    added = augment(SPEECH, 16000, [NOISE], settings, RNG(3)) - SPEECH
    position = int(np.argmax(np.abs(np.correlate(NOISE, added[:2000], "valid"))))
    piece = NOISE[position : position + 16000]
    volume = float(added @ piece / (piece @ piece))
    assert 0 < volume <= 0.1
    np.testing.assert_allclose(added, volume * piece, atol=1e-6)


def test_noise_share() -> None:
    settings = Augmentation(**{**NOTHING.__dict__, "noise_share": 0.8, "noise_volume": 0.1})
    noisy = sum(
        bool((augment(SPEECH, 16000, [NOISE], settings, RNG(s)) != SPEECH).any())
        for s in range(300)
    )
    assert 0.72 < noisy / 300 < 0.88


def test_volume_range_in_decibels() -> None:
    settings = Augmentation(**{**NOTHING.__dict__, "volume": 6.0})
    gains = [
        20
        * np.log10(
            np.abs(augment(SPEECH, 16000, [], settings, RNG(s))).max() / np.abs(SPEECH).max()
        )
        for s in range(200)
    ]
    assert -6.001 < min(gains) < -5
    assert 5 < max(gains) < 6.001


def test_speed_moves_the_pitch() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    settings = Augmentation(**{**NOTHING.__dict__, "speed": 0.2})
    peaks = [
        float(np.abs(np.fft.rfft(augment(tone, 16000, [], settings, RNG(s))[:8000])).argmax()) * 2
        for s in range(80)
    ]
    assert 798 <= min(peaks) < 850
    assert 1150 < max(peaks) <= 1202


def test_anywhere_places_a_short_clip() -> None:
    clip = np.full(4000, 0.5, np.float32)
    starts = []
    for seed in range(100):
        out = augment(clip, 16000, [], NOTHING, RNG(seed), anywhere=True)
        assert np.count_nonzero(out) == 4000
        starts.append(int(np.flatnonzero(out)[0]))
    assert min(starts) < 1500
    assert max(starts) > 10500


@pytest.mark.parametrize("samples", [8000, 16000, 20000])
def test_length_range_and_type(samples: int) -> None:
    for seed in range(40):
        for out in (
            augment(SPEECH * 4, samples, [NOISE], Augmentation(volume=20), RNG(seed)),
            silence(samples, [NOISE], RNG(seed)),
            silence(samples, [], RNG(seed)),
        ):
            assert out.shape == (samples,)
            assert out.dtype == np.float32
            assert np.abs(out).max() <= 1


def test_trim_keeps_the_sound() -> None:
    clip = np.zeros(16000, np.float32)
    clip[5000:9000] = SPEECH[:4000]
    out = trim(clip, margin=100)
    assert 4150 <= len(out) <= 4200
    assert not trim(np.zeros(10, np.float32)).any()


@pytest.mark.parametrize("change", [{"shift": -0.1}, {"noise_share": 1.5}, {"speed": 0.9}])
def test_bad_settings(change: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        Augmentation(**change)
