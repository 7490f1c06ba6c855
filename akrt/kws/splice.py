"""Long recordings with words at known times: clips of a data set laid into background noise.

Every clip gets the same speech level, that of its loudest 300 ms, so that the signal-to-noise
ratio is that of each word. What a clip's own recording adds around the word stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.errors import DatasetError

__all__ = ["Event", "Spliced", "speech_level", "splice"]

Signal = npt.NDArray[np.float32]

SPEECH_LEVEL = 0.05
"""Root mean square of the loudest 300 ms of every word: -26 dB of full scale."""

GAP_SECONDS = (1.0, 3.0)
"""Of background between two clips."""

FADE_SECONDS = 0.01
NOISE_SECONDS = 15
"""How long one background lasts before the next."""


@dataclass(frozen=True)
class Event:
    """One word of a recording; times are samples from its start."""

    word: str
    start: int
    end: int
    """One past the last sample of the clip."""


@dataclass(frozen=True, eq=False)
class Spliced:
    """A recording and the words in it."""

    samples: npt.NDArray[np.int16]
    """int16 (n,)."""
    events: tuple[Event, ...]
    snr_db: float
    """Infinite: no background."""
    sample_rate: int = 16000

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.samples) / self.sample_rate


def speech_level(clip: Signal, sample_rate: int = 16000) -> float:
    """Root mean square of the loudest 300 ms of `clip` (n,), as a share of full scale."""
    length = min(len(clip), 3 * sample_rate // 10)
    power = np.cumsum(np.concatenate([[0.0], clip.astype(np.float64) ** 2]))
    loudest = float((power[length:] - power[:-length]).max()) if length else 0.0
    return float(np.sqrt(max(loudest, 0.0) / max(length, 1)))


def splice(
    clips: Sequence[tuple[str, Signal]],
    noises: Sequence[Signal],
    snr_db: float,
    seed: int,
    sample_rate: int = 16000,
) -> Spliced:
    """All `clips` in a chance order, one after the other, over backgrounds that take turns.

    Args:
        clips: word and samples (n,), full scale +-1, of each. Those without a sound are left out.
        noises: backgrounds (n,), any length.
        snr_db: speech level over the background's root mean square; infinite for none.
        seed: every chance comes from it; the order and the gaps do not depend on `snr_db`.
        sample_rate: of clips, noises and result.

    Raises:
        DatasetError: no clip or no background with a sound in it.
    """
    rng = np.random.default_rng(seed)
    loud = [(word, clip) for word, clip in clips if speech_level(clip, sample_rate) > 0]
    usable = [noise for noise in noises if float(np.abs(noise).max(initial=0)) > 0]
    if not loud or not (usable or np.isinf(snr_db)):
        raise DatasetError("there is no clip, or no background noise, with a sound in it")
    order = rng.permutation(len(loud))
    gaps = (rng.uniform(*GAP_SECONDS, len(loud) + 1) * sample_rate).astype(np.int64)
    fade = int(FADE_SECONDS * sample_rate)
    events, placed, at = [], [], int(gaps[0])
    for i, gap in zip(order, gaps[1:], strict=True):
        word, clip = loud[i]
        events.append(Event(word, at, at + len(clip)))
        placed.append(_faded(clip, fade) * (SPEECH_LEVEL / speech_level(clip, sample_rate)))
        at += len(clip) + int(gap)
    if np.isinf(snr_db):
        mixed = np.zeros(at, np.float32)
    else:
        level = SPEECH_LEVEL / 10 ** (snr_db / 20)
        mixed = _background(usable, at, level, rng, sample_rate)
    for event, clip in zip(events, placed, strict=True):
        mixed[event.start : event.end] += clip
    pcm = np.clip(np.rint(mixed * 32768), -32768, 32767).astype(np.int16)
    return Spliced(pcm, tuple(events), snr_db, sample_rate)


def _faded(clip: Signal, fade: int) -> Signal:
    """`clip` with ramps, or it would begin and end with a click."""
    ramp = np.minimum(np.arange(1, len(clip) + 1) / (fade + 1), 1).astype(np.float32)
    faded: Signal = clip * ramp * ramp[::-1]
    return faded


def _background(
    noises: Sequence[Signal], samples: int, level: float, rng: np.random.Generator, rate: int
) -> Signal:
    """Pieces of the noises in turn, each of the same root mean square."""
    parts, at, turn = [], 0, int(rng.integers(len(noises)))
    while at < samples:
        noise = noises[turn % len(noises)]
        length = min(NOISE_SECONDS * rate, samples - at)
        start = int(rng.integers(len(noise)))
        piece = np.take(noise, np.arange(start, start + length), mode="wrap").astype(np.float32)
        rms = float(np.sqrt(np.mean(piece.astype(np.float64) ** 2)))
        parts.append(piece * np.float32(level / rms) if rms > 0 else piece)
        at, turn = at + length, turn + 1
    return np.concatenate(parts)
