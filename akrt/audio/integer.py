"""MFCC features in fixed point: the front end that firmware exports carry, on the host.

`akrt.audio.features` and `quantise` are its reference. A value differs by at most 1 from theirs on
recorded speech, and mostly not at all; whoever needs the host and the microcontroller to agree to
the last bit uses this one on both.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.audio.full_scale import check_samples, clipping
from akrt.audio.mfcc import check_mfcc, fit_length
from akrt.errors import AudioWarning, InputError, UsageError
from akrt.kernels import _frontend
from akrt.model import Mfcc

__all__ = ["check_settings", "clipped_pcm", "integer_features", "integer_frames", "to_pcm"]

_TO_16_BITS = {
    "int32": ": 32-bit samples become 16-bit ones by (x >> 16).astype('int16')",
    "uint8": ": 8-bit samples become 16-bit ones by (x.astype('int16') - 128) * 256",
    "int8": ": 8-bit samples become 16-bit ones by x.astype('int16') * 256",
    "uint16": ": unsigned samples become signed ones by (x ^ 0x8000).view('int16')",
    "int64": ": 16-bit samples in int64 become int16 by x.astype('int16')",
}
"""What to do with samples of another kind of integers."""


def to_pcm(signal: npt.ArrayLike) -> npt.NDArray[np.int16]:
    """Samples as 16-bit integers.

    Args:
        signal: int16, or floats of full scale +-1 that are rounded to the nearest of 1/32768. An
            overshoot, up to 8, is clipped to full scale.

    Returns:
        int16 of the same shape, contiguous.

    Raises:
        InputError: another dtype, or values that are not finite or far beyond full scale.

    Warns:
        AudioWarning: more than a thousandth of the samples were clipped.
    """
    pcm, clipped = clipped_pcm(signal)
    if clipped:
        warnings.warn(f"the signal {clipped}", AudioWarning, stacklevel=2)
    return pcm


def clipped_pcm(signal: npt.ArrayLike) -> tuple[npt.NDArray[np.int16], str | None]:
    """As `to_pcm`, without a warning: what is to be said of the samples that were clipped."""
    array = np.asarray(signal)
    if array.dtype.kind == "i" and array.dtype.itemsize == 2:
        return np.ascontiguousarray(array, np.int16), None
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"expected samples of int16, or floats in -1..1, got {array.dtype} of shape "
            f"{array.shape}{_TO_16_BITS.get(array.dtype.name, '')}"
        )
    peak = check_samples("the signal", array)
    scaled = np.rint(np.clip(array, -1.0, 1.0).astype(np.float64) * 32768.0)
    pcm: npt.NDArray[np.int16] = np.minimum(scaled, 32767.0).astype(np.int16)
    return pcm, clipping([array]) if peak > 1 else None


def check_settings(mfcc: Mfcc) -> None:
    """Refuse settings other than those that the constants of the front end are made for.

    Raises:
        UsageError: they differ.
    """
    check_mfcc(mfcc)
    if mfcc != Mfcc():
        differing = [name for name, value in vars(Mfcc()).items() if getattr(mfcc, name) != value]
        raise UsageError(
            f"the fixed-point front end computes {Mfcc()} only; this model has another "
            f"{', '.join(differing)}: use akrt.audio.features"
        )


def integer_frames(signal: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Every whole frame of a signal of any length, without cutting or padding.

    Args:
        signal: int16 or float (n,) at 16 kHz, as for `to_pcm`.

    Returns:
        uint8 ((n - 640) // 320 + 1, 10).

    Raises:
        InputError: wrong dtype or shape, not finite, or shorter than a frame.
    """
    array = to_pcm(signal)
    if array.ndim != 1 or len(array) < Mfcc.window:
        raise InputError(
            f"expected at least {Mfcc.window} samples of one channel, got shape {array.shape}"
        )
    return _frontend.mfcc_frames(array)


def integer_features(signal: npt.ArrayLike, mfcc: Mfcc | None = None) -> npt.NDArray[np.uint8]:
    """The network's input for one clip, or for a batch of clips.

    Args:
        signal: int16 or float (..., n) at 16 kHz; cut or padded with zeros at the end to a second.
        mfcc: the model's settings; None are the only ones that this front end computes.

    Returns:
        uint8 (..., 49, 10, 1), within 1 of ``quantise(features(signal))``.

    Raises:
        InputError: wrong dtype or shape, empty, or not finite.
        UsageError: other settings.
    """
    settings = mfcc or Mfcc()
    check_settings(settings)
    array: npt.NDArray[Any] = to_pcm(signal)
    if array.ndim < 1 or array.shape[-1] == 0:
        raise InputError(f"expected a signal of at least one sample, got shape {array.shape}")
    clips = np.ascontiguousarray(fit_length(array, settings.clip)).reshape(-1, settings.clip)
    frames = [_frontend.mfcc_frames(clip) for clip in clips]
    shape = (*array.shape[:-1], settings.frames, settings.coefficients, 1)
    return np.array(frames, np.uint8).reshape(shape)
