"""MFCC features: equal to TensorFlow's ops, fast, and strict about their input."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from akrt.audio import (
    clips,
    features,
    features_from_file,
    fit_length,
    integer_features,
    load_audio,
    mfcc_frames,
    quantise,
)
from akrt.errors import InputError, UsageError
from akrt.model import Mfcc

KWS = Mfcc()
SETTINGS = {
    "kws": KWS,
    "wide, 13 of 26": Mfcc(
        window=480, stride=160, fft=512, high_hz=8000.0, low_hz=0.0, mel_bins=26, coefficients=13
    ),
    "8 kHz, all 20": Mfcc(
        sample_rate=8000,
        clip=8000,
        window=256,
        stride=100,
        fft=256,
        low_hz=300.0,
        mel_bins=20,
        coefficients=20,
    ),
    "empty low bands": Mfcc(
        window=400, stride=160, fft=512, low_hz=133.3, high_hz=6855.0, mel_bins=80, coefficients=40
    ),
}


def signals() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    time_axis = np.arange(16000) / 16000
    return {
        "noise": rng.uniform(-1, 1, 16000).astype(np.float32),
        "faint noise": (1e-5 * rng.standard_normal(16000)).astype(np.float32),
        "silence": np.zeros(16000, np.float32),
        "full scale square": np.where(np.arange(16000) % 80 < 40, -1, 1).astype(np.float32),
        "chirp": np.sin(2 * np.pi * (100 + 3000 * time_axis) * time_axis).astype(np.float32),
        "short": rng.uniform(-1, 1, 9001).astype(np.float32),
        "long": rng.uniform(-1, 1, 20000).astype(np.float32),
        "click": np.eye(1, 16000, 8000, dtype=np.float32)[0],
    }


def tensorflow_features(signal: np.ndarray, mfcc: Mfcc) -> np.ndarray:
    pytest.importorskip("tensorflow", reason="TensorFlow, whose ops are the reference")
    from tensorflow.python.ops import gen_audio_ops

    clip = np.zeros(mfcc.clip, np.float32)
    clip[: len(signal)] = signal[: mfcc.clip]
    spectrogram = gen_audio_ops.audio_spectrogram(
        clip[:, None], window_size=mfcc.window, stride=mfcc.stride, magnitude_squared=True
    )
    return gen_audio_ops.mfcc(
        spectrogram,
        mfcc.sample_rate,
        upper_frequency_limit=mfcc.high_hz,
        lower_frequency_limit=mfcc.low_hz,
        filterbank_channel_count=mfcc.mel_bins,
        dct_coefficient_count=mfcc.coefficients,
    )[0].numpy()


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("signal", signals())
def test_equals_tensorflow(signal: str, settings: str) -> None:
    mfcc = SETTINGS[settings]
    ours = features(signals()[signal], mfcc)
    assert ours.shape == (mfcc.frames, mfcc.coefficients)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(
        ours, tensorflow_features(signals()[signal], mfcc), rtol=1e-6, atol=1e-5
    )


def test_equals_tensorflow_on_recordings(recordings: Path) -> None:
    paths = sorted((recordings / "train").glob("[a-z]*/*.flac"))[::200]
    assert len(paths) > 20
    for path in paths:
        signal = load_audio(path)
        expected = tensorflow_features(signal, KWS)
        np.testing.assert_allclose(features(signal, KWS), expected, rtol=1e-6, atol=1e-5)
        levels = np.clip(np.round(4.0 * expected) + 128, 0, 255)
        assert np.abs(quantise(features(signal, KWS), KWS)[..., 0] - levels).max() <= 1


def test_digital_silence_by_hand() -> None:
    """40 bands at ln(1e-12): the first coefficient is their sum times sqrt(2 / 40), others 0."""
    silent = features(np.zeros(16000, np.float32), KWS)
    assert silent[:, 0] == pytest.approx(40 * np.log(1e-12) * np.sqrt(2 / 40), rel=1e-6)
    assert np.abs(silent[:, 1:]).max() < 1e-10
    assert (quantise(silent, KWS)[:, 0] == 0).all()
    assert (quantise(silent, KWS)[:, 1:] == 128).all()


def test_batch_equals_single() -> None:
    batch = np.random.default_rng(1).uniform(-1, 1, (37, 16000)).astype(np.float32)
    whole = features(batch, KWS)
    assert whole.shape == (37, 49, 10)
    for row, one in zip(whole, batch, strict=True):
        np.testing.assert_allclose(row, features(one, KWS), atol=1e-6)


def test_frames_of_a_longer_signal_are_those_of_its_parts() -> None:
    signal = np.random.default_rng(2).uniform(-1, 1, 48000).astype(np.float32)
    frames = mfcc_frames(signal, KWS)
    assert frames.shape == ((48000 - 640) // 320 + 1, 10)
    np.testing.assert_allclose(frames[50:99], features(signal[16000:], KWS), atol=1e-6)


@pytest.mark.parametrize(("value", "level"), [(0.125, 0), (0.375, 2), (-0.125, 0), (-0.375, -2)])
def test_halves_round_to_even(value: float, level: int) -> None:
    assert quantise(np.array([[value]], np.float32), KWS).item() == 128 + level


def test_quantise_clips() -> None:
    out = quantise(np.array([[-1e9, -32.0, 31.75, 31.9, 1e9]], np.float32), KWS)
    assert out[0, :, 0].tolist() == [0, 0, 255, 255, 255]
    assert out.dtype == np.uint8


@given(st.integers(1, 40000))
def test_fit_length(length: int) -> None:
    signal = np.arange(1, length + 1, dtype=np.float32)
    out = fit_length(signal, 16000)
    assert len(out) == 16000
    assert (out[:length] == signal[:16000]).all()
    assert not out[length:].any()


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (np.zeros(16000, np.int16), "divide 16-bit samples by 32768"),
        (np.zeros(0, np.float32), "at least one sample"),
        (np.float32(0), "at least one sample"),
        (np.full(16000, np.nan, np.float32), "not finite"),
        (np.full(16000, np.inf, np.float32), "not finite"),
        (np.full(16000, 32767, np.float32), "up to 32767, far beyond the full scale"),
        (np.full(16000, 3e38, np.float32), "far beyond the full scale"),
        (np.full(16000, 1e300), "far beyond the full scale"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_bad_signal(signal: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        features(signal, KWS)


def test_too_short_for_a_frame() -> None:
    with pytest.raises(InputError, match="shorter than one window"):
        mfcc_frames(np.zeros(639, np.float32), KWS)


def test_no_bin_in_band() -> None:
    narrow = Mfcc(low_hz=20.0, high_hz=21.0)
    with pytest.raises(InputError, match="no spectrum bin"):
        features(np.zeros(16000, np.float32), narrow)


def test_other_memory_layouts() -> None:
    signal = np.random.default_rng(3).uniform(-1, 1, 32000).astype(np.float32)
    expected = features(signal[::2].copy(), KWS)
    assert (features(signal[::2], KWS) == expected).all()
    assert (features(signal[::2].astype(">f4"), KWS) == expected).all()
    assert features(signal[::2].astype(np.float64), KWS).dtype == np.float32


def test_fast() -> None:
    """Well under a millisecond a clip; the limit leaves room for a busy machine."""
    signal = np.random.default_rng(4).uniform(-1, 1, 16000).astype(np.float32)
    features(signal, KWS)
    best = min(_seconds(lambda: features(signal, KWS)) for _ in range(50))
    assert best < 2e-3


def _seconds(call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def test_what_is_no_front_end_is_refused() -> None:
    signal = np.zeros(16000, np.float32)
    for call in (
        lambda: features(signal, "x"),
        lambda: quantise(np.zeros((49, 10), np.float32), None),
        lambda: list(clips(signal, {"window": 640})),
        lambda: integer_features(signal, 5),
        lambda: features_from_file("yes.flac", "x"),
    ):
        with pytest.raises(UsageError, match="mfcc must be an Mfcc, such as model.preprocessing"):
            call()
