"""A recording in overlapping clips: each as `features` makes it, none of the sound left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from akrt.audio import clips, features, quantise
from akrt.model import Mfcc

STANDARD = Mfcc()
OTHER = replace(STANDARD, sample_rate=8000, clip=6000, window=320, stride=200, high_hz=3800.0)


@pytest.mark.parametrize("mfcc", [STANDARD, OTHER], ids=["standard", "other"])
@pytest.mark.parametrize("more", [-99999, -900, -1, 0, 1, 1279, 1280, 1281, 32000, 300_000])
def test_clips_are_those_of_features(mfcc: Mfcc, more: int) -> None:
    length = max(1, mfcc.clip + more)
    signal = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    batches = list(clips(signal, mfcc))
    starts = np.concatenate([s for s, _ in batches])
    x = np.concatenate([b for _, b in batches])
    hop = 4 * mfcc.stride
    assert (starts == np.arange(len(starts)) * hop).all()
    assert starts[-1] + mfcc.clip >= length  # the end is heard
    assert len(starts) == 1 or starts[-2] + mfcc.clip < length
    some = np.unique(np.linspace(0, len(starts) - 1, 20).astype(int))
    expected = np.stack([features(signal[s:], mfcc) for s in starts[some]])
    assert (x[some] == quantise(expected, mfcc)).all()
