"""Files that were joined are read whole; damage inside one is told, as are samples that clip."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import pytest
from mutations import try_each
from sound_files import sound, without_length

from akrt.audio import load_audio, to_pcm
from akrt.audio.content import foreign_kind
from akrt.audio.full_scale import clipping
from akrt.errors import AudioError, AudioWarning

RATE = 16000
QUIET = np.zeros(RATE, np.float32)
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
JOINABLE = ["wav", "wav_float", "rifx", "flac", "ogg", "opus", "mp3"]


def read(content: bytes) -> tuple[np.ndarray, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        out = load_audio(io.BytesIO(content))
    assert all(w.category is AudioWarning for w in caught)
    return out, [str(w.message) for w in caught]


@pytest.mark.parametrize("kind", JOINABLE)
@pytest.mark.parametrize("count", [2, 3])
def test_files_that_were_joined_are_read_one_after_the_other(kind: str, count: int) -> None:
    whole = b"".join(sound(kind, TONE if i == count - 1 else QUIET) for i in range(count))
    out, told = read(whole)
    assert told == []
    assert count * RATE <= len(out) <= count * (RATE + 2400)
    last = out[-RATE:]
    assert np.abs(out[: (count - 1) * RATE - 2400]).max() < 0.05
    assert np.abs(last).max() > 0.3


@pytest.mark.parametrize("kind", ["ogg", "flac", "wav"])
def test_joined_files_of_two_rates(kind: str) -> None:
    out, _ = read(sound(kind, TONE) + sound(kind, TONE, 8000))
    assert len(out) == pytest.approx(3 * RATE, abs=50)


def test_mp3_files_with_tags_between_them() -> None:
    one = sound("mp3", QUIET)
    tag = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    end = b"TAG" + bytes(125)
    for between in (tag, end, end + tag, bytes(300), b""):
        out, _ = read(one + between + sound("mp3", TONE))
        assert len(out) >= 2 * RATE
        assert np.abs(out[-RATE:]).max() > 0.3
    for behind in (end, bytes(5000), tag):
        out, _ = read(sound("mp3", TONE) + behind)
        assert len(out) < RATE + 2400


def test_a_joined_file_that_is_cut_is_refused() -> None:
    for kind in JOINABLE:
        whole = sound(kind, QUIET) + sound(kind, TONE)
        with pytest.raises(AudioError, match="truncated|damaged"):
            load_audio(io.BytesIO(whole[: -len(whole) // 5]))


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_damage_inside_an_ogg_file_is_told(kind: str) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE).astype(np.float32)
    content = sound(kind, noise)
    rng = np.random.default_rng(2)
    for _ in range(100):
        damaged = bytearray(content)
        at = int(rng.integers(0, len(content) - 40))
        damaged[at : at + 40] = rng.bytes(40)
        with pytest.raises(AudioError, match="damaged|truncated|no.* sound file|not a sound"):
            load_audio(io.BytesIO(bytes(damaged)))
    pages = [i for i in range(len(content)) if content.startswith(b"OggS", i)]
    if len(pages) > 3:
        middle = content[: pages[-2]] + content[pages[-1] :]
        with pytest.raises(AudioError, match="pages are missing"):
            load_audio(io.BytesIO(middle))


def test_padding_behind_an_ogg_file_is_none_of_it() -> None:
    out, told = read(sound("ogg", TONE) + bytes(100))
    assert told == []
    assert len(out) >= RATE


@pytest.mark.parametrize("kind", ["wav", "rifx", "aiff", "w64", "caf", "au"])
@pytest.mark.parametrize("length", [2, 1000])
def test_a_length_that_was_written_too_early(kind: str, length: int) -> None:
    """A recorder lost power: all that is there is sound."""
    content = sound(kind, TONE)
    extra = {"caf": 4, "w64": 24, "aiff": 8}.get(kind, 0)
    out, told = read(without_length(kind, content, length + extra))
    assert len(told) == 1
    assert "does not say how long" in told[0]
    assert abs(len(out) - RATE) <= 16


def test_chunks_behind_a_short_sound_are_no_sound() -> None:
    content = sound("wav", TONE[:100])
    out, told = read(content + b"LIST" + struct.pack("<I", 9000) + bytes(9000))
    assert told == []
    assert len(out) == 100


def test_samples_that_clip_are_told_with_their_share_and_peak() -> None:
    loud = sound("wav_float", 5 * TONE)
    out, told = read(loud)
    assert np.abs(out).max() <= 1
    assert len(told) == 1
    assert "up to 2.5" in told[0]
    share = 100 * np.mean(np.abs(5 * TONE) > 1.001)
    assert f"{share:.1f} % of them" in told[0]
    _, told = read(sound("wav_float", 2 * TONE))
    assert told == []
    with pytest.warns(AudioWarning, match=r"the signal holds samples up to 2\.5"):
        to_pcm(5 * TONE)
    assert clipping([np.zeros(0)]) is None
    assert clipping([np.r_[np.zeros(999), 1.5]]) is None
    assert clipping([np.r_[np.zeros(998), 1.5, -2.0]]) is not None


def adts(count: int) -> bytes:
    return (b"\xff\xf1\x50\x80" + (23 << 5 | 31).to_bytes(2, "big") + b"\xfc" + bytes(16)) * count


def test_what_raw_samples_can_hardly_be() -> None:
    assert foreign_kind(b"\x1f\x8b\x08\x00" + bytes(60), surely=True) is not None
    assert foreign_kind(b"wvpk" + bytes(60), surely=True) is not None
    assert "AAC" in str(foreign_kind(adts(4), surely=True))
    assert foreign_kind(adts(1) + bytes(100), surely=True) is None
    assert foreign_kind(b"These are words, and no samples of any sound at all. " * 3, surely=True)
    rng = np.random.default_rng(0)
    for _ in range(2000):
        samples = rng.normal(0, 3000, 400).astype("<i2").tobytes()
        assert foreign_kind(samples, surely=True) is None
    assert foreign_kind(bytes(400), surely=True) is None


@pytest.mark.parametrize(
    "first", ["wav", "aiff", "au", "caf", "w64", "rf64", "nist", "voc", "8svx"]
)
@pytest.mark.parametrize("second", ["wav", "flac", "mp3"])
def test_joined_files_of_two_kinds(first: str, second: str) -> None:
    out, _ = read(sound(first, QUIET) + sound(second, TONE))
    assert 2 * RATE <= len(out) <= 2 * RATE + 2400
    assert np.abs(out[-RATE:]).max() > 0.3


@pytest.mark.parametrize("kind", ["caf", "w64", "nist", "voc", "rf64", "aiff", "au", "8svx"])
def test_a_second_file_of_the_same_kind_is_read_and_its_header_is_no_sound(kind: str) -> None:
    out, told = read(2 * sound(kind, TONE))
    assert told == []
    assert len(out) == 2 * RATE


def test_flac_and_mp3_before_others() -> None:
    for first in ("flac", "mp3"):
        out, _ = read(sound(first, QUIET) + sound("wav", TONE))
        assert 2 * RATE <= len(out) <= 2 * RATE + 2400
    tag = b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)
    assert len(read(2 * (tag + sound("flac", TONE)))[0]) == 2 * RATE
    many = tag[:6] + b"\0\x06\0\0" + bytes(6 << 14)
    assert len(read(tag + many + sound("mp3", TONE))[0]) >= RATE


def test_a_description_that_holds_another_file_is_no_joint() -> None:
    whole = sound("flac", TONE)
    inner = b"test" + whole[:42]
    block = b"\x02" + len(inner).to_bytes(3, "big") + inner
    out, told = read(whole[:42] + block + whole[42:])
    assert told == []
    assert len(out) == RATE


def test_chunks_between_two_wavs() -> None:
    chunk = b"LIST" + struct.pack("<I", 26) + bytes(26)
    assert len(read(sound("wav", TONE) + chunk + sound("wav", TONE))[0]) == 2 * RATE


def test_zeros_between_two_ogg_files() -> None:
    assert len(read(sound("ogg", TONE) + bytes(70_000) + sound("ogg", TONE))[0]) >= 2 * RATE


def test_lengths_of_64_bits_end_nothing() -> None:
    huge = struct.pack(">4sq", b"desc", (1 << 63) - 1)
    for content in (
        b"caff\0\1\0\0" + huge + bytes(64),
        sound("w64", TONE)[:40]
        + b"junk"
        + bytes(12)
        + struct.pack("<q", (1 << 63) - 1)
        + bytes(64),
    ):
        with pytest.raises(AudioError, match="truncated"):
            load_audio(io.BytesIO(content))


def hostile() -> dict[str, bytes]:
    """Small files whose reading once took minutes, gigabytes or the whole stack."""
    caf = sound("caf", TONE[:16])
    head = caf[: caf.index(b"data")]
    short = {
        kind: sound(kind, np.zeros(1152, np.float32)) for kind in ("wav", "flac", "opus", "mp3")
    }
    return {
        "chunks": head + (struct.pack(">4sq", b"data", 4) + bytes(4)) * 65_000,
        "tags": short["mp3"] + (b"TAG" + b"x" * 125 + b"\0") * 80_000,
        "id3": short["mp3"] + (b"ID3\x03\0\0\0\0\0\0" + bytes(10)) * 20_000,
        "wavs": short["wav"] * 2000,
        "flacs": short["flac"] * 20_000,
        "links": short["opus"] * 6000,
        "mp3s": (short["mp3"] + b"TAG" + b"x" * 125) * 6000,
    }


def test_many_small_parts_take_no_minutes() -> None:
    files = list(hostile().values())

    def attempt(i: int) -> tuple[str, str]:
        try:
            load_audio(io.BytesIO(files[i]))
        except AudioError:
            return "refused", ""
        return "read", ""

    answers = {tried.answer for tried in try_each(attempt, range(len(files)), seconds=20)}
    assert answers <= {"refused", "read"}, answers
