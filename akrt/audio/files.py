"""Sound files to samples: any rate and channel count to mono float32 at one rate."""

from __future__ import annotations

import io
import os
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from akrt.audio.mfcc import features, quantise
from akrt.errors import AudioError
from akrt.model import Mfcc

if TYPE_CHECKING:
    import soundfile

__all__ = ["features_from_file", "load_audio"]

MAX_SECONDS = 3600
RATES = (1000, 768_000)
MAX_CHANNELS = 256
MAX_PEAK = 8.0
"""Float files may overshoot full scale a little; more means another scale altogether."""

STREAM_LENGTH = 0x7F000000
"""Programs that write WAV to a pipe (espeak-ng, sox, ffmpeg) leave at least this as length."""

BLOCK = 1 << 18
LARGEST = float(np.nextafter(np.float32(1), np.float32(0)))


def load_audio(path: str | os.PathLike[str], sample_rate: int = 16000) -> npt.NDArray[np.float32]:
    """Samples of a WAV, FLAC or OGG file (whatever libsndfile reads), mono, at `sample_rate`.

    Channels are averaged. Another rate is converted by soxr at its high quality.

    Args:
        path: the file.
        sample_rate: of the result, in Hz.

    Returns:
        float32 (n,) in [-1, 1).

    Raises:
        AudioError: the file is missing, empty, truncated, not a sound file, longer than an hour,
            or holds samples that are not finite or far beyond full scale.
    """
    name = Path(path)
    with _open(name) as file:
        try:
            _check_wav_length(name, file)
            file.seek(0)
        except OSError as error:
            raise AudioError(f"cannot read '{name}': {error.strerror}") from None
        samples, rate = _read_mono(name, file)
    if rate != sample_rate:
        import soxr

        samples = soxr.resample(samples, rate, sample_rate, quality="HQ")
        if not len(samples):
            raise AudioError(f"'{name}' is too short: nothing is left of it at {sample_rate} Hz")
    return np.clip(samples, -1.0, LARGEST).astype(np.float32, copy=False)


def features_from_file(path: str | os.PathLike[str], mfcc: Mfcc) -> npt.NDArray[np.uint8]:
    """The network's input for the first `mfcc.clip` samples of a sound file.

    Args:
        path: a file that `load_audio` reads.
        mfcc: the preprocessing of the model.

    Returns:
        uint8 (frames, coefficients, 1).

    Raises:
        AudioError: as `load_audio`.
    """
    return quantise(features(load_audio(path, mfcc.sample_rate), mfcc), mfcc)


def _open(path: Path) -> io.FileIO:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"'{path}' is not a file")
        if not status.st_size:
            raise AudioError(f"'{path}' is empty")
        return io.FileIO(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(f"cannot read '{path}': {reason}") from None


def _check_wav_length(path: Path, file: io.FileIO) -> None:
    """Refuse a WAV whose data chunk promises more than the file holds.

    libsndfile would read what is there and say nothing. Lengths that streaming writers put
    in because they cannot know better are let through.
    """
    if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
        return
    position, size = 12, os.fstat(file.fileno()).st_size
    while len(header := file.read(8)) == 8:
        chunk, length = struct.unpack("<4sI", header)
        position += 8
        if chunk == b"data":
            if position + length > size and length < STREAM_LENGTH:
                raise AudioError(
                    f"'{path}' is truncated: its header promises {length} bytes of sound, "
                    f"{size - position} are there"
                )
            return
        position += length + length % 2
        if position > size:
            return
        file.seek(position)


def _read_mono(path: Path, file: io.FileIO) -> tuple[npt.NDArray[np.float32], int]:
    import soundfile

    try:
        # The open file, not its name: a suffix must not decide what the content is.
        with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
            rate, channels = int(sound.samplerate), int(sound.channels)
            if not RATES[0] <= rate <= RATES[1] or channels > MAX_CHANNELS:
                raise AudioError(
                    f"'{path}' claims {channels} channels at {rate} Hz: "
                    f"up to {MAX_CHANNELS} at {RATES[0]} to {RATES[1]} Hz can be read"
                )
            samples = _read_blocks(path, sound, MAX_SECONDS * rate)
            promised = int(sound.frames)
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError) as error:
        raise AudioError(f"'{path}' is not a sound file that can be read: {error}") from None
    if not len(samples):
        raise AudioError(f"'{path}' holds no samples")
    if len(samples) < promised < 1 << 40:
        raise AudioError(
            f"'{path}' is truncated or damaged: its header promises {promised} samples, "
            f"{len(samples)} could be read"
        )
    if not np.isfinite(samples).all():
        raise AudioError(f"'{path}' holds samples that are not finite (NaN or infinity)")
    peak = float(np.abs(samples).max())
    if peak > MAX_PEAK:
        raise AudioError(
            f"'{path}' holds samples up to {peak:g}, far beyond the full scale of 1: "
            f"scale its samples to -1..1"
        )
    return samples, rate


def _read_blocks(path: Path, sound: soundfile.SoundFile, most: int) -> npt.NDArray[np.float32]:
    """Mono samples, read in blocks so that a header alone cannot ask for memory."""
    blocks: list[npt.NDArray[np.float32]] = []
    total = 0
    frames = max(1, BLOCK // int(sound.channels))
    while True:
        block = sound.read(frames, dtype="float32", always_2d=True)
        total += len(block)
        if total > most:
            raise AudioError(f"'{path}' is longer than {MAX_SECONDS} s: cut it into pieces")
        if len(block):
            blocks.append(block[:, 0] if block.shape[1] == 1 else block.mean(1, dtype=np.float32))
        if len(block) < frames:
            return np.concatenate(blocks) if blocks else np.empty(0, np.float32)
