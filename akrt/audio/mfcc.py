"""MFCC features in NumPy, as TensorFlow's ``audio_spectrogram`` and ``mfcc`` ops compute them.

A frame of `window` samples is multiplied by a periodic Hann window, padded to `fft` samples and
transformed; the squared magnitude is rounded to float32, as it is between the two ops. Its square
root goes through triangular mel bands, the natural logarithm (floor 1e-12) and an orthonormal
DCT-II of which the first `coefficients` rows are kept, c0 included, without a lifter.

Mel scale: ``mel(f) = 1127 ln(1 + f / 700)`` (O'Shaughnessy 1987, as in HTK).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.audio.full_scale import check_samples
from akrt.errors import InputError, UsageError
from akrt.model import Mfcc

__all__ = ["check_mfcc", "features", "fit_length", "mfcc_frames", "quantise"]

FloatArray = npt.NDArray[np.floating[Any]]

LOG_FLOOR = 1e-12
CLIPS_AT_ONCE = 16
"""Clips transformed together: their spectra stay in the processor's cache."""


@lru_cache(maxsize=8)
def _hann(window: int) -> npt.NDArray[np.float64]:
    """float64 (window,): periodic Hann window."""
    hann: npt.NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return hann


def mel_slopes(mfcc: Mfcc) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The triangles as each spectrum bin sees them.

    Neighbouring triangles share each bin: what a bin does not give to the band above it goes to
    the band below. The direct-current bin is left out, as is everything beyond the limits.

    Returns:
        The first bin in use; for every bin in use, int64 (n,), the band whose rising slope it is
        on, `mel_bins` beyond the last; and the share of it, float64 (n,), that goes to the band
        below instead.
    """
    hz_per_bin = 0.5 * mfcc.sample_rate / (mfcc.fft // 2)
    first = int(1.5 + mfcc.low_hz / hz_per_bin)
    last = min(int(mfcc.high_hz / hz_per_bin), mfcc.fft // 2)
    if last < first:
        raise InputError(
            f"no spectrum bin lies between {mfcc.low_hz} and {mfcc.high_hz} Hz: "
            f"bins are {hz_per_bin} Hz apart"
        )
    mel_low, mel_high = (1127.0 * np.log1p(hz / 700.0) for hz in (mfcc.low_hz, mfcc.high_hz))
    spacing = (mel_high - mel_low) / (mfcc.mel_bins + 1)
    edges = mel_low + spacing * np.arange(mfcc.mel_bins + 2)
    mels = 1127.0 * np.log1p(np.arange(first, last + 1) * hz_per_bin / 700.0)
    # A bin between edges[k] and edges[k + 1] falls in band k (rising) and band k - 1 (falling).
    rising = np.clip(np.searchsorted(edges, mels, side="left") - 1, 0, mfcc.mel_bins)
    falling_share = (edges[rising + 1] - mels) / (edges[rising + 1] - edges[rising])
    return first, rising, falling_share


@lru_cache(maxsize=8)
def _mel_bands(mfcc: Mfcc) -> tuple[int, npt.NDArray[np.float64]]:
    """The first spectrum bin in use and the weights float64 (bins in use, mel_bins)."""
    first, rising, falling_share = mel_slopes(mfcc)
    weights = np.zeros((len(rising), mfcc.mel_bins))
    rows = np.arange(len(rising))
    below = rising > 0
    weights[rows[below], rising[below] - 1] = falling_share[below]
    above = rising < mfcc.mel_bins
    weights[rows[above], rising[above]] = 1.0 - falling_share[above]
    return first, weights


@lru_cache(maxsize=8)
def _dct(mel_bins: int, coefficients: int) -> npt.NDArray[np.float64]:
    """float64 (mel_bins, coefficients): DCT-II, every row scaled by sqrt(2 / mel_bins)."""
    angles = np.outer(np.arange(mel_bins) + 0.5, np.arange(coefficients)) * np.pi / mel_bins
    rows: npt.NDArray[np.float64] = np.sqrt(2.0 / mel_bins) * np.cos(angles)
    return rows


def fit_length(signal: FloatArray, samples: int) -> FloatArray:
    """`signal` (..., n) cut, or padded with zeros, at its end to (..., samples)."""
    length = signal.shape[-1]
    if length >= samples:
        return signal[..., :samples]
    return np.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, samples - length)])


def check_mfcc(mfcc: object) -> None:
    """Refuse what are no settings of a front end.

    Raises:
        UsageError: `mfcc` is no `Mfcc`.
    """
    if not isinstance(mfcc, Mfcc):
        raise UsageError(
            f"mfcc must be an Mfcc, such as model.preprocessing of a network that hears, got "
            f"{mfcc!r:.80}"
        )


def mfcc_frames(signal: FloatArray, mfcc: Mfcc) -> npt.NDArray[np.float32]:
    """MFCC of every whole frame of a signal of any length, without cutting or padding.

    Args:
        signal: float (..., n), full scale +-1, n >= mfcc.window.
        mfcc: the settings; `clip`, `scale` and `offset` are not used.

    Returns:
        float32 (..., (n - window) // stride + 1, coefficients).

    Raises:
        InputError: wrong dtype or shape, not finite, far beyond full scale, or too short.
        UsageError: `mfcc` is no `Mfcc`.
    """
    check_mfcc(mfcc)
    array = np.asarray(signal)
    if array.ndim < 1 or not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"expected a signal of floats in -1..1, got {array.dtype} of shape {array.shape}; "
            f"divide 16-bit samples by 32768"
        )
    if array.shape[-1] < mfcc.window:
        raise InputError(
            f"a signal of {array.shape[-1]} samples is shorter than one window of {mfcc.window}"
        )
    check_samples("the signal", array)
    flat = array.reshape(-1, array.shape[-1])
    count = (array.shape[-1] - mfcc.window) // mfcc.stride + 1
    out = np.empty((len(flat), count, mfcc.coefficients), np.float32)
    for start in range(0, len(flat), CLIPS_AT_ONCE):
        out[start : start + CLIPS_AT_ONCE] = _transform(flat[start : start + CLIPS_AT_ONCE], mfcc)
    return out.reshape(*array.shape[:-1], count, mfcc.coefficients)


def _transform(clips: FloatArray, mfcc: Mfcc) -> FloatArray:
    """MFCC float64 (clips, frames, coefficients) of clips (clips, n)."""
    first, bands = _mel_bands(mfcc)
    windows = np.lib.stride_tricks.sliding_window_view(clips, mfcc.window, axis=1)
    spectrum = np.fft.rfft(windows[:, :: mfcc.stride] * _hann(mfcc.window), mfcc.fft)
    used = spectrum[..., first : first + len(bands)]
    power = (used.real**2 + used.imag**2).astype(np.float32)
    mel = np.sqrt(power, dtype=np.float64) @ bands
    mels: FloatArray = np.log(np.maximum(mel, LOG_FLOOR)) @ _dct(mfcc.mel_bins, mfcc.coefficients)
    return mels


def features(signal: FloatArray, mfcc: Mfcc) -> npt.NDArray[np.float32]:
    """MFCC features of one clip, or of a batch of clips.

    Args:
        signal: float (..., n), full scale +-1; cut or padded with zeros at the end to `mfcc.clip`.
        mfcc: the settings.

    Returns:
        float32 (..., frames, coefficients).

    Raises:
        InputError: wrong dtype or shape, empty, not finite, or far beyond full scale.
        UsageError: `mfcc` is no `Mfcc`.
    """
    check_mfcc(mfcc)
    array = np.asarray(signal)
    if array.ndim < 1 or array.shape[-1] == 0:
        raise InputError(f"expected a signal of at least one sample, got shape {array.shape}")
    return mfcc_frames(fit_length(array, mfcc.clip), mfcc)


def quantise(mfcc_features: FloatArray, mfcc: Mfcc) -> npt.NDArray[np.uint8]:
    """The network's input: ``clip(round(scale * m) + offset, 0, 255)``, halves to even.

    Args:
        mfcc_features: float (..., frames, coefficients).
        mfcc: the settings.

    Returns:
        uint8 (..., frames, coefficients, 1).
    """
    check_mfcc(mfcc)
    levels = np.rint(np.asarray(mfcc_features, np.float32) * np.float32(mfcc.scale)) + mfcc.offset
    values: npt.NDArray[np.uint8] = np.clip(levels, 0, 255).astype(np.uint8)
    return values[..., None]
