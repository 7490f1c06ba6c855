"""What turns one recording into many: shift, speed, volume, reverberation, noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.audio import fit_length
from akrt.errors import UsageError

__all__ = ["Augmentation", "augment", "loudest_part", "silence", "trim"]

Signal = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """How far copies of a recording stray from it.

    Shift and background mixing are those of TensorFlow's speech_commands example (100 ms,
    80 % of the clips, volume up to 0.1); speed, volume and reverberation go beyond it.
    """

    shift: float = 0.1
    """Most by which a clip is moved, in seconds."""
    noise_share: float = 0.8
    """Share of the copies with background noise."""
    noise_volume: float = 0.1
    """Most by which the noise is multiplied."""
    speed: float = 0.12
    """Speed and pitch together, by a factor of 1 - speed to 1 + speed."""
    volume: float = 9.0
    """Gain, -volume to +volume, in dB."""
    reverb_share: float = 0.15
    """Share of the copies that sound as in a room."""

    def __post_init__(self) -> None:
        ranges = {
            "shift": 1.0,
            "noise_share": 1.0,
            "noise_volume": 1.0,
            "speed": 0.5,
            "volume": 60.0,
            "reverb_share": 1.0,
        }
        for name, most in ranges.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise UsageError(f"augmentation: {name} must be 0 to {most:g}, got {value!r}")


def augment(
    clip: Signal,
    samples: int,
    noises: Sequence[Signal],
    settings: Augmentation,
    rng: np.random.Generator,
    *,
    anywhere: bool = False,
    sample_rate: int = 16000,
) -> Signal:
    """One random copy of a clip.

    Args:
        clip: float32 (n,) in [-1, 1).
        samples: length of the result.
        noises: background noises, each longer than `samples`; may be empty.
        settings: how far to stray.
        rng: the only source of chance.
        anywhere: put a clip shorter than the result anywhere in it, instead of at the start;
            for speech that was cut tightly.
        sample_rate: in Hz.

    Returns:
        float32 (samples,) in [-1, 1].
    """
    out = clip
    if settings.speed:
        out = _change_speed(out, float(rng.uniform(1 - settings.speed, 1 + settings.speed)))
    if settings.reverb_share and rng.random() < settings.reverb_share:
        out = _reverberate(out, rng, sample_rate)
    shift = round(settings.shift * sample_rate)
    start = int(rng.integers(-shift, shift + 1)) if shift else 0
    if anywhere and len(out) < samples:
        start += int(rng.integers(0, samples - len(out) + 1))
    out = _place(out, start, samples)
    gain = 10 ** (rng.uniform(-settings.volume, settings.volume) / 20) if settings.volume else 1.0
    out = out * np.float32(gain)
    if noises and rng.random() < settings.noise_share:
        out = out + _piece(noises, samples, rng) * np.float32(rng.uniform(0, settings.noise_volume))
    return np.asarray(np.clip(out, -1.0, 1.0), np.float32)


def silence(samples: int, noises: Sequence[Signal], rng: np.random.Generator) -> Signal:
    """A clip without speech: background at any volume, now and then faint hiss or nothing.

    Returns:
        float32 (samples,) in [-1, 1].
    """
    kind = rng.random()
    if kind < 0.02:
        return np.zeros(samples, np.float32)
    if kind < 0.2 or not noises:
        level = 10 ** rng.uniform(-4.5, -1)
        hiss = np.asarray(rng.standard_normal(samples), np.float32)
        slope = int(rng.integers(1, 40))
        hiss = np.convolve(hiss, np.full(slope, 1 / slope, np.float32), mode="same")
        return np.asarray(np.clip(hiss * np.float32(level), -1.0, 1.0), np.float32)
    # Quiet rooms are commoner than loud ones: the volume is uniform in its square root.
    return _piece(noises, samples, rng) * np.float32(rng.random() ** 2)


def trim(clip: Signal, floor_db: float = -45.0, margin: int = 320) -> Signal:
    """A clip without the near-silence at its ends, `margin` samples kept on both sides.

    Args:
        clip: float32 (n,).
        floor_db: what counts as silence, relative to the peak.
        margin: in samples.
    """
    loud = np.flatnonzero(np.abs(clip) > np.abs(clip).max(initial=0) * 10 ** (floor_db / 20))
    if not len(loud):
        return clip
    return clip[max(0, loud[0] - margin) : loud[-1] + margin]


def loudest_part(clip: Signal, samples: int, sample_rate: int = 16000) -> Signal:
    """The `samples` of a longer recording that hold most of its sound; a shorter one as it is.

    Where several stretches hold nearly as much (a word between pauses), the middle one is taken.

    Args:
        clip: float32 (n,).
        samples: length of the result.
        sample_rate: in Hz.
    """
    if len(clip) <= samples:
        return clip
    step = max(1, sample_rate // 100)
    power = np.square(clip.astype(np.float64) - float(clip.mean(dtype=np.float64)))
    total = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, len(clip) - samples + 1, step)
    energy = total[starts + samples] - total[starts]
    most = np.flatnonzero(energy >= 0.99 * energy.max())
    first = int(energy.argmax())
    beside = np.arange(len(most)) - np.searchsorted(most, first)
    together = most[most - first == beside]
    start = int(starts[together[len(together) // 2]])
    return clip[start : start + samples]


def _change_speed(clip: Signal, factor: float) -> Signal:
    """Linear interpolation: good enough below 4 kHz, and what it loses above is not heard."""
    positions = np.arange(0, len(clip) - 1, factor)
    return np.interp(positions, np.arange(len(clip)), clip).astype(np.float32)


def _reverberate(clip: Signal, rng: np.random.Generator, sample_rate: int) -> Signal:
    """Convolution with decaying noise behind the direct sound, as in a small to middling room."""
    decay = rng.uniform(0.05, 0.3) * sample_rate
    length = int(decay)
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / decay)
    response = tail * (rng.uniform(0.2, 1.0) / np.sqrt((tail**2).sum()))
    response[0] = 1.0
    size = 1 << (len(clip) + length - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(clip, size) * np.fft.rfft(response, size), size)
    return wet[: len(clip) + length // 2].astype(np.float32)


def _place(clip: Signal, start: int, samples: int) -> Signal:
    """`clip` so that its first sample is at `start` of the result; what sticks out is cut."""
    if start < 0:
        return fit_length(clip[-start:], samples)
    return fit_length(np.concatenate([np.zeros(start, np.float32), clip]), samples)


def _piece(noises: Sequence[Signal], samples: int, rng: np.random.Generator) -> Signal:
    noise = noises[int(rng.integers(len(noises)))]
    start = int(rng.integers(0, max(1, len(noise) - samples)))
    return fit_length(noise[start : start + samples], samples)
