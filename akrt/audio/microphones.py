"""A microphone as blocks of samples, through sounddevice (the extra ``mic``)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import AudioError, MissingExtraError

__all__ = ["microphone"]


def microphone(
    device: str | None = None, sample_rate: int = 16000, block: int = 1600
) -> Iterator[npt.NDArray[np.int16]]:
    """Blocks of samples, mono, without end.

    A microphone that cannot do `sample_rate` is opened at its own rate and converted by soxr.

    Args:
        device: name, part of it, or number of the microphone; None is the system's choice.
        sample_rate: of the result, in Hz.
        block: samples read at a time at that rate.

    Yields:
        int16 (n,).

    Raises:
        MissingExtraError: sounddevice is not installed.
        AudioError: PortAudio is not installed, there is no such microphone, or it went away.
    """
    sounddevice = _sounddevice()
    chosen: Any = int(device) if device is not None and device.isdecimal() else device
    which = "no microphone can be used" if device is None else f"microphone '{device}'"
    try:
        rate = _rate(sounddevice, chosen, sample_rate)
        resample = _resampler(rate, sample_rate)
        opened = sounddevice.InputStream(samplerate=rate, device=chosen, channels=1, dtype="int16")
        with opened as stream:
            which = "the microphone went away"
            while True:
                samples, overflowed = stream.read(max(1, block * rate // sample_rate))
                if overflowed:
                    print("akrt: samples were lost: the computer is too slow", file=sys.stderr)
                yield resample(np.ascontiguousarray(samples[:, 0]))
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(f"{which}: {error}; 'python -m sounddevice' lists what there is") from None


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise MissingExtraError("sounddevice", "mic", "listening to a microphone") from None
    except OSError as error:
        raise AudioError(
            f"a microphone needs the PortAudio library ({error}): apt-get install libportaudio2"
        ) from None
    return sounddevice


def _rate(sounddevice: Any, device: Any, sample_rate: int) -> int:
    """`sample_rate` where the microphone has it, else its own."""
    facts = sounddevice.query_devices(device, "input")
    try:
        sounddevice.check_input_settings(
            device=device, channels=1, dtype="int16", samplerate=sample_rate
        )
    except sounddevice.PortAudioError:
        return int(facts["default_samplerate"])
    return sample_rate


def _resampler(rate: int, wanted: int) -> Any:
    if rate == wanted:
        return lambda samples: samples
    import soxr

    return soxr.ResampleStream(rate, wanted, 1, dtype="int16").resample_chunk
