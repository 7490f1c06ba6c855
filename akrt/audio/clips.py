"""A recording longer than a network's clip: all of it, clip after clip, overlapping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.audio.mfcc import check_mfcc, fit_length, mfcc_frames, quantise
from akrt.model import Mfcc

__all__ = ["HOP_FRAMES", "clips"]

HOP_FRAMES = 4
"""Frames from one clip to the next: 80 ms of the standard features."""
AT_ONCE = 128
"""Clips computed together: what bounds memory."""


def clips(
    samples: npt.NDArray[np.floating[Any]], mfcc: Mfcc
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]]:
    """The network's input for all of a recording, in clips that overlap.

    They begin every `HOP_FRAMES` frames; the last is the first that reaches the end of the sound,
    padded with zeros. A sound that is no longer than a clip makes one, as `features` makes it.

    Args:
        samples: float (n,), full scale +-1, n > 0.
        mfcc: the preprocessing of the model.

    Yields:
        Batches: int64 (m,), the sample at which every clip begins; uint8
        (m, frames, coefficients, 1).

    Raises:
        InputError: wrong dtype or shape, not finite, or far beyond full scale.
    """
    check_mfcc(mfcc)
    hop = HOP_FRAMES * mfcc.stride
    count = 1 + max(0, -(-(len(samples) - mfcc.clip) // hop))
    for first in range(0, count, AT_ONCE):
        starts = np.arange(first, min(first + AT_ONCE, count), dtype=np.int64) * hop
        length = int(starts[-1] - starts[0]) + mfcc.clip
        part = fit_length(samples[starts[0] : starts[0] + length], length)
        frames = mfcc_frames(part, mfcc)
        per_clip = (mfcc.clip - mfcc.window) // mfcc.stride + 1
        windows = np.lib.stride_tricks.sliding_window_view(frames, per_clip, axis=0)
        yield starts, quantise(windows[::HOP_FRAMES].transpose(0, 2, 1), mfcc)
