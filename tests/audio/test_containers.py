"""Containers of sound: what is complete is read, what is cut is refused, whatever it is."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import WRITTEN, sound, without_length, without_xing

from akrt.audio import load_audio
from akrt.audio.content import sound_kind
from akrt.errors import AudioError, AudioWarning

RATE = 16000
NOISE = (np.random.default_rng(3).normal(0, 0.1, RATE)).astype(np.float32)
LOSSY = {"ogg", "opus", "mp3", "wav_adpcm"}
"""Whose samples differ, or that end a little later."""
MADE = {kind: sound(kind, NOISE) for kind in WRITTEN}


def read(content: bytes, warned: bool = False) -> np.ndarray:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        out = load_audio(io.BytesIO(content))
    assert [w.category for w in caught] == ([AudioWarning] if warned else [])
    return out


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_complete_file_is_read(kind: str) -> None:
    out = read(MADE[kind])
    if kind in LOSSY:
        assert RATE <= len(out) <= RATE + 600
    else:
        assert len(out) == RATE
        coarse = 2e-2 if kind in ("wav_8", "wav_ulaw", "aifc") else 1e-4
        np.testing.assert_allclose(out, NOISE, atol=coarse)


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("keep", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_a_cut_file_is_refused(kind: str, keep: float) -> None:
    content = MADE[kind]
    with pytest.raises(AudioError, match="truncated"):
        load_audio(io.BytesIO(content[: int(len(content) * keep)]))


@pytest.mark.parametrize("kind", sorted(set(WRITTEN) - {"voc", "caf_alac", "wav_adpcm"}))
def test_a_file_that_lacks_two_bytes_is_refused(kind: str) -> None:
    with pytest.raises(AudioError, match="truncated"):
        load_audio(io.BytesIO(MADE[kind][:-2]))


NARROW, WIDE = (0, 0xFFFFFFFF, 0x7FFFF000), (0, (1 << 64) - 1, (1 << 63) - 1)
STREAMED = [
    *((kind, n) for kind in ("wav", "rifx", "aiff", "aifc", "au", "au_little") for n in NARROW),
    *((kind, n) for kind in ("rf64", "w64", "caf") for n in WIDE),
    ("flac", 0),
]


@pytest.mark.parametrize(("kind", "length"), STREAMED)
def test_a_length_that_was_not_known(kind: str, length: int) -> None:
    """All samples are read, with a warning: a pipe, or a recorder that lost power."""
    out = read(without_length(kind, MADE[kind], length), warned=True)
    assert len(out) == RATE
    np.testing.assert_allclose(out, NOISE, atol=2e-2)


def test_a_flac_without_a_length_that_is_cut() -> None:
    content = without_length("flac", MADE["flac"], 0)
    for cut in (1, 100, len(content) // 2):
        with pytest.raises(AudioError, match="does not end with a whole frame"):
            load_audio(io.BytesIO(content[:-cut]))


@pytest.mark.parametrize("kind", ["wav", "aiff", "caf", "au", "w64"])
def test_an_empty_recording_is_no_recording(kind: str) -> None:
    with pytest.raises(AudioError, match="holds no samples|truncated"):
        load_audio(io.BytesIO(sound(kind, np.zeros(0, np.float32))))


def chunk(name: bytes, body: bytes, order: str = "<") -> bytes:
    return name + struct.pack(f"{order}I", len(body)) + body + bytes(len(body) % 2)


PCM = np.rint(NOISE * 32767).astype("<i2").tobytes()
FORMAT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
LIST = chunk(b"LIST", b"INFOISFT\x05\0\0\0abcd\0")


@pytest.mark.parametrize(
    ("chunks", "samples"),
    [
        (FORMAT + chunk(b"data", PCM), RATE),
        (LIST + FORMAT + LIST + chunk(b"data", PCM) + LIST, RATE),
        (chunk(b"JUNK", bytes(27)) + FORMAT + chunk(b"data", PCM), RATE),
        (FORMAT + chunk(b"data", PCM) + b"rest", RATE),
        (FORMAT + chunk(b"data", PCM) + LIST[:-4], RATE),  # its last words are lost, no sound
        (FORMAT + chunk(b"data", b"") + LIST, None),
        (FORMAT, None),
    ],
)
def test_chunks_in_any_order(chunks: bytes, samples: int | None) -> None:
    content = b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks
    if samples is None:
        with pytest.raises(AudioError, match="holds no samples|not a sound file|begins as"):
            load_audio(io.BytesIO(content))
    else:
        assert len(read(content)) == samples


def test_a_length_of_zero_before_other_chunks_holds_no_sound_but_before_samples_it_does() -> None:
    head = FORMAT + b"data\0\0\0\0"
    content = b"RIFF\0\0\0\0WAVE" + head + PCM
    assert len(read(content, warned=True)) == RATE


def aiff(*chunks: bytes) -> bytes:
    body = b"AIFF" + b"".join(chunks)
    return b"FORM" + struct.pack(">I", len(body)) + body


def test_aiff_chunks_in_any_order() -> None:
    big = np.frombuffer(PCM, "<i2").astype(">i2").tobytes()
    rate = b"\x40\x0c\xfa" + bytes(7)  # 16000 in 80 bits
    common = chunk(b"COMM", struct.pack(">HIH", 1, RATE, 16) + rate, ">")
    sound_chunk = chunk(b"SSND", bytes(8) + big, ">")
    name = chunk(b"NAME", b"odd", ">")
    for order in ((common, sound_chunk), (name, common, name, sound_chunk, name)):
        assert len(read(aiff(*order))) == RATE


class TestMp3:
    """Files whose length libsndfile guesses from the first bit rates."""

    @staticmethod
    def make(seconds: int = 6, mode: str = "VARIABLE") -> bytes:
        """Noise, then all but silence: the bit rate of the beginning misleads."""
        rng = np.random.default_rng(4)
        loud, quiet = rng.normal(0, 0.2, RATE), np.zeros(RATE * (seconds - 1))
        buffer = io.BytesIO()
        with soundfile.SoundFile(
            buffer, "w", RATE, 1, format="MP3", bitrate_mode=mode, compression_level=0.3
        ) as file:
            file.write(np.concatenate([loud, quiet]))
        return buffer.getvalue()

    def test_without_a_header_all_of_it_is_read(self) -> None:
        content = self.make()
        assert abs(len(read(content)) - 6 * RATE) < 2000
        bare = without_xing(content)
        assert b"Xing" not in bare
        assert b"Info" not in bare
        assert abs(len(read(bare)) - 6 * RATE) < 2000

    @pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
    @pytest.mark.parametrize("tag", [b"", b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)])
    def test_cut(self, tag: bytes, mode: str) -> None:
        content = tag + self.make(mode=mode)
        for cut in (1, 50, 333):
            with pytest.raises(AudioError, match="truncated"):
                load_audio(io.BytesIO(content[:-cut]))

    def test_cut_between_two_frames_the_header_tells(self) -> None:
        content = self.make(mode="CONSTANT")
        step = len(without_xing(content)) - len(without_xing(without_xing(content)))
        with pytest.raises(AudioError, match="header promises"):
            load_audio(io.BytesIO(content[: -2 * step]))

    @pytest.mark.parametrize("tail", [b"TAG" + bytes(125), bytes(3000), b"APETAGEX" + bytes(90)])
    def test_what_follows_the_frames_is_no_sound(
        self, tail: bytes, capfd: pytest.CaptureFixture[str]
    ) -> None:
        for content in (self.make(), without_xing(self.make())):
            assert len(read(content + tail)) == len(read(content))
        assert not capfd.readouterr().err  # the decoder has nothing to complain of

    def test_damage_between_frames_is_passed_over(self, capfd: pytest.CaptureFixture[str]) -> None:
        content = self.make(mode="CONSTANT")
        step = len(without_xing(content)) - len(without_xing(without_xing(content)))
        at = len(content) - 20 * step
        for damaged in (b"junk" * 30 + content, content[:at] + b"junk" * 30 + content[at:]):
            tagged = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + damaged
            assert abs(len(read(tagged)) - 6 * RATE) < 2000
        with pytest.raises(AudioError, match="not a sound file"):
            load_audio(io.BytesIO(b"\xff\xe4" + np.random.default_rng(1).bytes(5000)))
        with pytest.raises(AudioError, match="not a sound file"):
            load_audio(io.BytesIO(b"\xff\xfb\x90\x64" + bytes(5000)))
        assert not capfd.readouterr().err


OLD = ["AVR", "HTK", "IRCAM", "MAT4", "MAT5", "MPC2K", "PAF", "PVF", "SDS", "WVE", "XI"]
CODING = dict.fromkeys(OLD, "PCM_16") | {"WVE": "ALAW", "XI": "DPCM_16"}
ORDERS = [
    (kind, order)
    for kind in OLD
    for order in ("BIG", "LITTLE", "FILE")
    if soundfile.check_format(kind, CODING[kind], order)
]


@pytest.mark.parametrize(("kind", "order"), ORDERS)
def test_formats_whose_length_is_not_checked_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, order: str
) -> None:
    """Whole or cut, with the step that helps, and without a word of libsndfile's own."""
    path = tmp_path / "sound.wav"
    rate = 8000 if kind == "WVE" else RATE
    soundfile.write(path, NOISE, rate, format=kind, subtype=CODING[kind], endian=order)
    content = path.read_bytes()
    told = {"MAT4": "MATLAB", "MAT5": "MATLAB"}.get(kind, kind)
    unnamed = kind in ("HTK", "MPC2K") or (kind == "MAT4" and order != "BIG")
    words = "not a sound file that can be read" if unnamed else f"{told}.*not read: convert it with"
    for length in (len(content), len(content) // 2, 2000):
        path.write_bytes(content[:length])
        with pytest.raises(AudioError, match=words):
            load_audio(path)
    assert not capfd.readouterr().err


def test_a_nist_header_without_a_length() -> None:
    content = MADE["nist"]
    line = next(line for line in content[:1024].split(b"\n") if line.startswith(b"sample_count"))
    out = read(content.replace(line, b";".ljust(len(line)), 1), warned=True)
    np.testing.assert_allclose(out, NOISE, atol=1e-4)


@pytest.mark.parametrize("kind", WRITTEN)
def test_every_container_is_told_by_its_first_bytes(kind: str) -> None:
    content = MADE[kind]
    assert sound_kind(content[:16384])
    for length in range(4):
        assert sound_kind(content[:length]) in ("", sound_kind(content[:16384]))


def test_raw_samples_are_no_container() -> None:
    rng = np.random.default_rng(5)
    for _ in range(500):
        pcm = rng.normal(0, 10 ** rng.uniform(0, 4), 9000).clip(-32768, 32767).astype("<i2")
        assert sound_kind(pcm.tobytes()) is None
    assert sound_kind(np.full(9000, -1, "<i2").tobytes()) is None
    for low in range(256):  # every sample that begins as a frame of MP3 does
        for high in range(0xE0, 0x100):
            assert sound_kind(bytes([0xFF, high, low, 0]) + bytes([0xFF, high]) * 8000) is None
    assert sound_kind(bytes(64)) is None
