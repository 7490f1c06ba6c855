"""Sound files to samples: any rate and channel count to mono float32 at one rate."""

from __future__ import annotations

import errno
import io
import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from akrt.audio.containers import Layout, mend, survey
from akrt.audio.content import ENOUGH, foreign_kind
from akrt.audio.full_scale import check_samples, clipping
from akrt.audio.mfcc import check_mfcc, features, quantise
from akrt.errors import AudioError, AudioWarning, InputError, UsageError
from akrt.files import MOST_BYTES, open_regular
from akrt.model import Mfcc

if TYPE_CHECKING:
    import soundfile

__all__ = ["StrPath", "clip_from_file", "features_from_file", "load_audio"]

StrPath = str | os.PathLike[str]
MAX_SECONDS = 3600
RATES = (1000, 768_000)
MAX_CHANNELS = 256
MAX_JOINED = 4096
BLOCK = 1 << 18
LARGEST = float(np.nextafter(np.float32(1), np.float32(0)))


def load_audio(path: StrPath | BinaryIO, sample_rate: int = 16000) -> npt.NDArray[np.float32]:
    """Samples of a sound file, mono, at `sample_rate`.

    WAV, RF64, W64, AIFF, CAF, AU, FLAC, OGG, Opus, MP3, NIST, VOC and 8SVX; the content decides,
    not the name. Channels are averaged. Another rate is converted by soxr at its high quality.

    Of damaged frames of MP3 libmpg123, which libsndfile decodes them with, may write lines of its
    own to descriptor 2. They are left: only the descriptor of the whole process could be turned
    away, and what other threads and child processes write there with it.

    Args:
        path: the file's name, or a binary file that can seek.
        sample_rate: of the result, in Hz.

    Returns:
        float32 (n,) in [-1, 1).

    Raises:
        AudioError: the file is missing, empty, truncated, not a sound file, longer than an hour,
            or holds samples that are not finite or far beyond full scale.

    Warns:
        AudioWarning: its header does not say how much sound there is, as when a recorder lost
            power: all that is there is read. Or more than a thousandth of it lies beyond full
            scale, and was clipped.
    """
    name, opened = _open(path)
    with opened as file:
        try:
            pieces = _pieces(name, file)
        except OSError as error:
            raise AudioError(f"cannot read '{name}': {error.strerror or error}") from None
    if any(piece.unknown for piece in pieces):
        seconds = sum(len(piece.samples) / piece.rate for piece in pieces)
        warnings.warn(
            f"the header of '{name}' does not say how long it is: all that is there was read, "
            f"{seconds:.2f} s",
            AudioWarning,
            stacklevel=2,
        )
    samples = np.concatenate([_resampled(name, piece, sample_rate) for piece in pieces])
    clipped = clipping([piece.samples for piece in pieces])
    if clipped:
        warnings.warn(f"'{name}' {clipped}", AudioWarning, stacklevel=2)
    return np.clip(samples, -1.0, LARGEST).astype(np.float32, copy=False)


def features_from_file(
    path: StrPath | BinaryIO, mfcc: Mfcc, start: float | None = None
) -> npt.NDArray[np.uint8]:
    """The network's input for one clip of a sound file, `mfcc.clip` samples long.

    A shorter sound is padded with zeros at its end. Of a longer one this is a part: say which by
    `start`, or take `akrt.audio.clips` for all of it.

    Args:
        path: a file that `load_audio` reads.
        mfcc: the preprocessing of the model.
        start: of the clip, in seconds; None is 0, with a warning where that leaves sound out.

    Returns:
        uint8 (frames, coefficients, 1).

    Raises:
        AudioError: as `load_audio`, or the sound ends before `start`.
        UsageError: `start` is no time, or `mfcc` no `Mfcc`.

    Warns:
        AudioWarning: as `load_audio`, or sound was left out and `start` is None.
    """
    check_mfcc(mfcc)
    return quantise(features(clip_from_file(path, mfcc.sample_rate, mfcc.clip, start), mfcc), mfcc)


def clip_from_file(
    path: StrPath | BinaryIO, sample_rate: int, clip: int, start: float | None
) -> npt.NDArray[np.float32]:
    """Samples of a sound file from `start` on, of which a front end takes the first `clip`.

    Args, Raises and Warns: as of `features_from_file`.

    Returns:
        float32 (n,), n > 0.
    """
    samples = load_audio(path, sample_rate)
    seconds, clip_seconds = len(samples) / sample_rate, clip / sample_rate
    if start is None:
        if len(samples) > clip:
            warnings.warn(
                f"'{_name(path)}' is {seconds:.2f} s long: the features are those of its first "
                f"{clip_seconds:g} s, the rest is left out; say which part with start=, or take "
                f"akrt.audio.clips for all of it",
                AudioWarning,
                stacklevel=3,
            )
        return samples
    if not isinstance(start, (int, float, np.number)) or not 0 <= start < 1e9:
        raise UsageError(f"start must be a time in seconds, 0 or more, got {start!r}")
    if (first := round(start * sample_rate)) >= len(samples):
        raise AudioError(f"'{_name(path)}' is {seconds:.2f} s long: nothing is at {start:g} s")
    return samples[first:]


class _Piece(NamedTuple):
    """A file, or one of those that were joined."""

    samples: npt.NDArray[np.float32]
    rate: int
    unknown: bool
    """Its header does not say how long it is."""


class _Window(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, end - start, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(self._size - self._at, 0)
        count = left if size is None or size < 0 else min(size, left)
        self._file.seek(self._start + self._at)
        data = self._file.read(count) if count else b""
        self._at += len(data)
        return data


def _pieces(name: str, file: BinaryIO) -> list[_Piece]:
    """What a file holds, or one after the other those that were joined."""
    size = file.seek(0, os.SEEK_END)
    pieces: list[_Piece] = []
    waiting, seconds = [(0, size)], 0.0
    while waiting:
        start, end = waiting.pop()
        whole = (start, end) == (0, size)
        part: Any = file if whole else _Window(file, start, end)
        layout = survey(part, name)
        if layout.parts:
            waiting += [(start + a, start + b) for a, b in reversed(layout.parts)]
            if len(pieces) + len(waiting) > MAX_JOINED:
                raise AudioError(
                    f"'{name}' is made of more than {MAX_JOINED:,} joined files: cut it into pieces"
                )
            continue
        if not whole:
            part.seek(0)
            part = io.BytesIO(part.read())
        samples, rate = _read_mono(name, part, layout)
        pieces.append(_Piece(samples, rate, layout.unknown))
        seconds += len(samples) / rate
        if seconds > MAX_SECONDS:
            raise _too_long(name)
    return pieces


def _resampled(name: str, piece: _Piece, sample_rate: int) -> npt.NDArray[np.float32]:
    if piece.rate == sample_rate:
        return piece.samples
    import soxr

    samples: npt.NDArray[np.float32] = soxr.resample(
        piece.samples, piece.rate, sample_rate, quality="HQ"
    )
    if not len(samples):
        raise AudioError(f"'{name}' is too short: nothing is left of it at {sample_rate} Hz")
    return samples


def _too_long(name: str) -> AudioError:
    return AudioError(f"'{name}' is longer than {MAX_SECONDS} s: cut it into pieces")


def _name(path: StrPath | BinaryIO) -> str:
    if isinstance(path, (str, os.PathLike)):
        return os.fsdecode(path)
    name = getattr(path, "name", None)
    return name if isinstance(name, str) else "the sound"


def _open(path: StrPath | BinaryIO) -> tuple[str, AbstractContextManager[BinaryIO]]:
    name = _name(path)
    if not isinstance(path, (str, os.PathLike)):
        return name, nullcontext(path)
    try:
        file = open_regular(path)
    except InputError as error:
        raise AudioError(str(error)) from None
    except FileNotFoundError as error:
        if os.path.islink(path):
            raise AudioError(
                f"cannot read '{name}': it is a link to '{os.readlink(path)}', which is not there"
            ) from None
        raise AudioError(f"cannot read '{name}': {error.strerror}") from None
    except OSError as error:
        # a socket cannot even be opened
        reason = "it is no file" if error.errno == errno.ENXIO else error.strerror or error
        raise AudioError(f"cannot read '{name}': {reason}") from None
    return name, file


def _source(name: str, file: BinaryIO, layout: Layout) -> Any:
    """What libsndfile is to read: the open file itself where it can, not its name, which would
    let a suffix decide what the content is.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if layout.edits:
        if size > MOST_BYTES:
            raise AudioError(f"'{name}' is too large to be read without a length in its header")
        return io.BytesIO(mend(file.read(size), layout.edits))
    try:
        handle = file.fileno()
        os.lseek(handle, 0, os.SEEK_SET)  # what was read ahead is not libsndfile's
        return handle
    except (OSError, AttributeError):
        return file


def _read_mono(name: str, file: BinaryIO, layout: Layout) -> tuple[npt.NDArray[np.float32], int]:
    import soundfile

    if layout.kind is None:  # libsndfile might know it, but nobody would see that it is cut
        raise _unreadable(name, file, layout)
    try:
        with soundfile.SoundFile(_source(name, file, layout), closefd=False) as sound:
            rate, channels = int(sound.samplerate), int(sound.channels)
            if not RATES[0] <= rate <= RATES[1] or channels > MAX_CHANNELS:
                raise AudioError(
                    f"'{name}' claims {channels} channels at {rate} Hz: "
                    f"up to {MAX_CHANNELS} at {RATES[0]} to {RATES[1]} Hz can be read"
                )
            samples = _read_blocks(name, sound, MAX_SECONDS * rate)
            promised = int(sound.frames)
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError):
        raise _unreadable(name, file, layout) from None
    if not len(samples):
        raise AudioError(f"'{name}' holds no samples")
    if len(samples) < promised < 1 << 40 and layout.kind != "MP3":
        raise AudioError(
            f"'{name}' is truncated or damaged: its header promises {promised} samples, "
            f"{len(samples)} could be read"
        )
    return samples, rate


def _unreadable(name: str, file: BinaryIO, layout: Layout) -> AudioError:
    """What to say of a file that libsndfile cannot read; its own words help nobody."""
    if layout.kind is not None:
        return AudioError(
            f"'{name}' begins as a sound file ({layout.kind}), but is truncated, damaged, or in "
            f"a coding that is not read: copy it again, or convert it with "
            f"'ffmpeg -i FILE out.wav'"
        )
    file.seek(0)
    looks_like = foreign_kind(file.read(ENOUGH))
    more = f": it is {looks_like}" if looks_like else ": it begins as none that is known"
    return AudioError(f"'{name}' is not a sound file that can be read{more}")


def _read_blocks(name: str, sound: soundfile.SoundFile, most: int) -> npt.NDArray[np.float32]:
    """Mono samples, read in blocks so that a header alone cannot ask for memory."""
    blocks: list[npt.NDArray[np.float32]] = []
    total = 0
    frames = max(1, BLOCK // int(sound.channels))
    while True:
        block = sound.read(frames, dtype="float32", always_2d=True)
        total += len(block)
        if total > most:
            raise _too_long(name)
        if len(block):
            check_samples(f"'{name}'", block, AudioError)
            blocks.append(block[:, 0] if block.shape[1] == 1 else block.mean(1, dtype=np.float32))
        if len(block) < frames:
            return np.concatenate(blocks) if blocks else np.empty(0, np.float32)
