"""A folder of some 300 damaged and odd files, and what is to become of each."""

from __future__ import annotations

import io
import os
import socket
import struct
import sys
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "audio"))

from sound_files import RATE, WRITTEN, sound, wav, without_length, without_xing

from akrt.audio import load_audio

HEARD, FAILED, SKIPPED, IGNORED = "heard", "failed", "skipped", "ignored"
SUFFIX = {
    "flac": ".flac", "ogg": ".ogg", "opus": ".opus", "mp3": ".mp3", "aiff": ".aiff",
    "aifc": ".aifc", "aifc_float": ".AIF", "au": ".au", "au_little": ".snd", "caf": ".caf",
    "caf_alac": ".caf", "w64": ".w64", "rf64": ".rf64", "nist": ".sph", "voc": ".voc",
}  # fmt: skip
Entry = tuple[str, str, bytes, str]
"""Kind, name, content and outcome."""


def _word() -> np.ndarray:
    with as_file(files("akrt") / "data" / "clips" / "yes" / "espeak_f5.flac") as path:
        return load_audio(path)


def _containers(word: np.ndarray) -> Iterator[Entry]:
    for kind in WRITTEN:
        content, suffix = sound(kind, word), SUFFIX.get(kind, ".wav")
        yield f"complete {kind}", f"{kind}{suffix}", content, HEARD
        yield f"complete {kind}", f"{kind}_named_wrongly.wav", content, HEARD
        yield f"complete {kind}", f"{kind}_in_capitals{suffix.upper()}", content, HEARD
        for share in (3, 20, 45, 70, 95):
            cut = content[: len(content) * share // 100]
            yield f"cut {kind}", f"{kind}_cut_at_{share}{suffix}", cut, FAILED
    for kind, wide in [*((k, False) for k in ("wav", "rifx", "aiff", "aifc", "au", "flac")),
                       *((k, True) for k in ("rf64", "w64", "caf"))]:  # fmt: skip
        content, suffix = sound(kind, word), SUFFIX.get(kind, ".wav")
        for length in (0, (1 << 64) - 1 if wide else 0xFFFFFFFF):
            name = f"{kind}_length_{length:x}{suffix}"
            yield f"no length {kind}", name, without_length(kind, content, length), HEARD
    yield "MP3 without Xing", "no_xing.mp3", without_xing(sound("mp3", word)), HEARD


def _samples(word: np.ndarray) -> Iterator[Entry]:
    for channels in (2, 6):
        yield "channels", f"{channels}_channels.wav", wav(np.stack([word] * channels, 1)), HEARD
    for rate in (8000, 11025, 44100, 96000, 192000):
        kept = np.resize(word, rate)
        yield "rates", f"{rate}_hz.wav", wav(kept, rate), HEARD
    yield "rates", "1_hz.wav", wav(word, 1), FAILED
    yield "one sample", "one.wav", wav(word[:1]), HEARD
    yield "no sample", "none.wav", wav(word[:0]), FAILED
    yield "longer", "3_seconds.wav", wav(np.concatenate([np.zeros(2 * RATE), word])), HEARD
    yield "longer", "1_second_and_a_sample.wav", wav(np.append(word, 0)), HEARD
    for value in (np.nan, np.inf, -np.inf, 2e4):
        broken = word.copy()
        broken[77] = value
        yield "not finite or huge", f"{value}.wav", wav(broken, coding="FLOAT"), FAILED
    yield "overshoot", "overshoot.wav", wav(1.5 * word, coding="FLOAT"), HEARD
    yield "silence", "silence.wav", wav(np.zeros(RATE)), HEARD
    for n in range(8):
        header = bytearray(wav(word))
        header[12 + 3 * n] ^= 0xFF
        # such a header may still be read, or not: only its outcome must be told
        yield "damaged header", f"damaged_{n}.wav", bytes(header), f"{HEARD} or {FAILED}"


def _others(word: np.ndarray) -> Iterator[Entry]:
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
    array = io.BytesIO()
    np.save(array, np.zeros((49, 10, 1), np.uint8))
    contents = {
        "empty": b"", "Git LFS pointer": lfs, "web page": b"<!DOCTYPE html>\n<html></html>",
        "text": b"a list of words\n" * 9, "ZIP": b"PK\x03\x04" + bytes(90),
        "MP4": b"\0\0\0\x20ftypM4A " + bytes(99), "WebM": b"\x1aE\xdf\xa3" + bytes(99),
        "zero bytes": bytes(4096), "noise": np.random.default_rng(1).bytes(5000),
        "NumPy array": array.getvalue(),
        "raw samples": np.rint(word * 9000).astype("<i2").tobytes(),
        "attributes of macOS": b"\0\5\x16\7" + bytes(200), "RIFF alone": b"RIFF",
        "video": b"RIFF" + struct.pack("<I", 400) + b"AVI LIST" + bytes(400),
    }  # fmt: skip
    for kind, content in contents.items():
        for suffix in (".wav", ".flac", ".mp3", ".aiff"):
            yield kind, f"{kind.replace(' ', '_')}{suffix}", content, FAILED
    for name in ("._yes.wav", "._no.mp3"):
        yield "macOS beside a file", name, contents["attributes of macOS"], SKIPPED
    for suffix in (".m4a", ".wma", ".webm"):
        yield "not read by libsndfile", f"sound{suffix}", b"\0\0\0\x20ftypM4A ", SKIPPED
    for name in ("notes.txt", "list.csv", "array.npy", "wav", ".hidden"):
        yield "no sound by its name", name, b"whatever", IGNORED
    good = wav(word)
    for name in ("new\nline.wav", "escape\x1b[2J.wav", "tab\t.wav", "\u202eright.wav", " .wav",
                 "-m.wav", "[red]x.wav", "日本語.wav", "a'b\"c.wav", os.fsdecode(b"y\xff.wav"),
                 os.fsdecode(b"\xc3\x28.wav")):  # fmt: skip
        yield "names", name, good, HEARD
    yield "names of bad files", os.fsdecode(b"bad\xff\x1b.wav"), b"text", FAILED


def build(home: Path) -> dict[str, tuple[str, str]]:
    """Fill the empty folder `home`; returns kind and outcome of every path in it."""
    word = _word()
    entries = [*_containers(word), *_samples(word), *_others(word)]
    told: dict[str, tuple[str, str]] = {}
    for number, (kind, name, content, outcome) in enumerate(entries):
        folder = home / ("yes", "no", "up")[number % 3]
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        told[str(folder / name)] = kind, outcome
    odd = home / "yes"

    def special(name: str, kind: str, outcome: str) -> Path:
        told[str(odd / name)] = kind, outcome
        return odd / name

    special("folder.wav", "folder", SKIPPED).mkdir()
    special("folder.wav/inside.wav", "in a folder", HEARD).write_bytes(wav(word))
    os.mkfifo(special("pipe.wav", "pipe", FAILED))
    with socket.socket(socket.AF_UNIX) as end:
        before = Path.cwd()
        os.chdir(odd)  # the path of a socket has a short limit
        end.bind(special("socket.wav", "socket", FAILED).name)
        os.chdir(before)
    special("gone.wav", "dangling link", FAILED).symlink_to("nowhere.wav")
    special("self.wav", "link to itself", FAILED).symlink_to("self.wav")
    special("link.wav", "link", HEARD).symlink_to("folder.wav/inside.wav")
    special("null.wav", "link to a device", FAILED).symlink_to("/dev/zero")
    special("round", "circle", SKIPPED).symlink_to("..")
    (home / "down").mkdir()
    told[str(home / "down")] = "empty class", SKIPPED
    return told
