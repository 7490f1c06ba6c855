"""Sound on standard input: raw samples as they come, or a sound file."""

from __future__ import annotations

import io
import os
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.audio import load_audio
from akrt.audio.containers import PLACEHOLDER
from akrt.audio.content import ENOUGH, foreign_kind, sound_kind
from akrt.cli.output import print_error
from akrt.errors import AudioError, UsageError

__all__ = ["standard_input"]

MOST_BYTES = 1 << 30
"""Largest sound file that is kept in memory."""
PATIENCE = 3.0
"""Seconds after which a user is told that a sound file is listened to when it has ended."""
RAW = "16-bit little-endian mono samples at 16 kHz"

Pcm = npt.NDArray[Any]


def standard_input(rate: int, block: int) -> Iterator[Pcm]:
    """Blocks of what standard input brings.

    Raw samples, and those of a WAV that holds just such, are handed on at once. Any other sound
    file is read to its end first.

    Args:
        rate: of the samples, in Hz.
        block: samples handed on at a time, at most.

    Yields:
        int16 or float32 (n,).

    Raises:
        UsageError: it is a terminal.
        AudioError: it is closed, empty, truncated, or holds something else than sound.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise AudioError("standard input is closed: there is nothing to listen to")
    if sys.stdin.isatty():
        raise UsageError(f"standard input is a terminal: pipe a sound file or {RAW} into it")
    head = _read(2 * block)
    while (kind := sound_kind(head)) == "" and len(head) < ENOUGH and (more := _read(2 * block)):
        head += more
    if not head:
        raise AudioError("standard input is empty: nothing was heard")
    if kind is None or (kind == "" and len(head) < 4):
        if foreign := foreign_kind(head, surely=True):
            raise AudioError(f"standard input is no sound: it is {foreign}")
        yield from _samples(head, block, None)
    elif kind == "WAV" and (found := _live(head, rate, block)):
        head, length = found
        yield from _samples(head, block, length)
    else:
        samples = load_audio(_whole(head, block), rate)
        for start in range(0, len(samples), block):
            yield samples[start : start + block]


def _read(most: int) -> bytes:
    try:
        return os.read(sys.stdin.fileno(), most)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(f"standard input cannot be read: {reason}") from None


def _samples(data: bytes, block: int, length: int | None) -> Iterator[Pcm]:
    """Raw samples from `data` on, `length` bytes where that is known."""
    rest, total = b"", 0
    while data:
        behind = b""
        if length is not None:
            data, behind = data[: length - total], data[length - total :]
        total += len(data)
        data = rest + data
        whole = len(data) & ~1
        rest = data[whole:]
        for start in range(0, whole, 2 * block):
            yield np.frombuffer(data[start : min(start + 2 * block, whole)], "<i2")
        if length == total:
            _check_what_follows(behind, length)
            return
        data = _read(2 * block)
    if length is not None:
        raise AudioError(
            f"standard input is truncated: its header promises {length} bytes of sound, "
            f"{total} were there"
        )
    if rest:
        raise AudioError(
            f"standard input is truncated, or not 16-bit: it ended after {total} bytes, in the "
            f"middle of a sample"
        )


def _check_what_follows(behind: bytes, length: int) -> None:
    """Behind the samples of a WAV there may be chunks and zeros, but no sound.

    Raises:
        AudioError: there is, and it was not heard.
    """
    while len(behind) < 5 and (more := _read(1 << 16)):
        behind += more
    name = behind[length % 2 :][:4]
    if sound_kind(name.ljust(4)) == "":
        raise AudioError(
            f"another sound file follows the first one on standard input, of which {length} bytes "
            f"of sound were heard: pipe one at a time"
        )
    if any(name) and not all(32 <= byte < 127 for byte in name):
        raise AudioError(
            f"standard input goes on after the {length} bytes of sound that its header promises, "
            f"which were heard: write it to a file and name that, or pipe {RAW}"
        )


def _live(head: bytes, rate: int, block: int) -> tuple[bytes, int | None] | None:
    """Of a WAV with samples that need no conversion: those in `head`, and bytes of all if known.

    None where it is another WAV, or its samples are not in `head` yet.
    """
    at, plain = 12, False
    while at + 8 <= len(head):
        chunk, length = struct.unpack_from("<4sI", head, at)
        at += 8
        if chunk == b"fmt " and at + 16 <= len(head):
            coding, channels, hz, _, _, bits = struct.unpack_from("<HHIIHH", head, at)
            plain = (coding, channels, hz, bits) == (1, 1, rate, 16)
        if chunk == b"data":
            # a length of nothing is judged when all is there
            if not plain or length < 2 or at == len(head):
                return None
            return head[at:], None if length >= PLACEHOLDER else length
        at += length + length % 2
    return None


def _whole(head: bytes, block: int) -> io.BytesIO:
    """Standard input to its end, as a file."""
    data, began, told = bytearray(head), time.monotonic(), False
    while more := _read(1 << 16):
        data += more
        if len(data) > MOST_BYTES:
            raise AudioError(
                f"standard input is a sound file of more than {MOST_BYTES >> 30} GiB: name the "
                f"file, or pipe {RAW}"
            )
        if not told and time.monotonic() - began > PATIENCE:
            told = True
            print_error(
                f"a sound file comes in and is listened to when it has ended; sound that never "
                f"ends is heard at once as {RAW}: ffmpeg -i FILE -f s16le -ac 1 -ar 16000 -"
            )
    file = io.BytesIO(bytes(data))
    file.name = "standard input"
    return file
