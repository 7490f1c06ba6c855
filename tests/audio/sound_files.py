"""Sound files of every container, made by soundfile, and damage done to them."""

from __future__ import annotations

import io
import struct
import tempfile
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000

WRITTEN = {
    "wav": ("WAV", "PCM_16", "FILE"),
    "wav_24": ("WAV", "PCM_24", "FILE"),
    "wav_8": ("WAV", "PCM_U8", "FILE"),
    "wav_float": ("WAV", "FLOAT", "FILE"),
    "wav_ulaw": ("WAV", "ULAW", "FILE"),
    "wav_adpcm": ("WAV", "IMA_ADPCM", "FILE"),
    "wavex": ("WAVEX", "PCM_16", "FILE"),
    "rifx": ("WAV", "PCM_16", "BIG"),
    "rf64": ("RF64", "PCM_16", "FILE"),
    "w64": ("W64", "PCM_16", "FILE"),
    "aiff": ("AIFF", "PCM_16", "FILE"),
    "aifc": ("AIFF", "ULAW", "FILE"),
    "aifc_float": ("AIFF", "FLOAT", "FILE"),
    "au": ("AU", "PCM_16", "FILE"),
    "au_little": ("AU", "PCM_16", "LITTLE"),
    "caf": ("CAF", "PCM_16", "FILE"),
    "caf_alac": ("CAF", "ALAC_16", "FILE"),
    "nist": ("NIST", "PCM_16", "FILE"),
    "voc": ("VOC", "PCM_16", "FILE"),
    "8svx": ("SVX", "PCM_16", "FILE"),
    "flac": ("FLAC", "PCM_16", "FILE"),
    "ogg": ("OGG", "VORBIS", "FILE"),
    "opus": ("OGG", "OPUS", "FILE"),
    "mp3": ("MP3", "MPEG_LAYER_III", "FILE"),
}
"""Name: container, coding and byte order."""


def sound(kind: str, samples: np.ndarray, rate: int = RATE) -> bytes:
    """The content of a file of a kind of `WRITTEN`."""
    container, coding, order = WRITTEN[kind]
    with tempfile.TemporaryDirectory() as folder:  # some containers cannot be written to memory
        path = Path(folder, "sound")
        soundfile.write(path, samples, rate, format=container, subtype=coding, endian=order)
        return path.read_bytes()


def without_length(kind: str, content: bytes, length: int) -> bytes:
    """`content` with `length` in the place of that of its samples, as a writer leaves it that
    cannot go back."""
    data = bytearray(content)
    if kind == "rf64":
        at = data.index(b"ds64") + 8
        wide = length if length in (0, (1 << 64) - 1) else (1 << 63) - 1
        struct.pack_into("<QQQ", data, at, wide, wide, wide & 0xFFFFFFFF)
    elif kind == "w64":
        struct.pack_into("<Q", data, data.index(b"data\xf3") + 16, length or 24)
    elif kind in ("aiff", "aifc", "aifc_float"):
        struct.pack_into(">I", data, data.index(b"SSND") + 4, length & 0xFFFFFFFF)
        struct.pack_into(">I", data, data.index(b"COMM") + 10, length & 0xFFFFFFFF)
    elif kind in ("au", "au_little"):
        struct.pack_into(">I" if kind == "au" else "<I", data, 8, length & 0xFFFFFFFF)
    elif kind == "caf":
        struct.pack_into(">Q", data, data.index(b"data") + 4, length)
    elif kind == "flac":
        data[21] &= 0xF0
        data[22:26] = bytes(4)
    else:
        order = ">I" if kind == "rifx" else "<I"
        struct.pack_into(order, data, data.index(b"data") + 4, length & 0xFFFFFFFF)
    return bytes(data)


def without_xing(content: bytes) -> bytes:
    """An MP3 without its first frame, which only says how many follow."""
    at = content.index(b"\xff", 4)
    while content[at + 1] != content[1] or content[at : at + 2] != content[:2]:
        at = content.index(b"\xff", at + 1)
    return content[at:]


def wav(samples: np.ndarray, rate: int = RATE, coding: str = "PCM_16") -> bytes:
    """A WAV file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype=coding)
    return buffer.getvalue()
