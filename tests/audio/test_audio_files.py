"""Sound files: whatever comes in, samples or an AudioError come out."""

import io
import os
import shutil
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from akrt.audio import features, features_from_file, load_audio, quantise
from akrt.errors import AudioError, AudioWarning, UsageError
from akrt.model import Mfcc

RATES = (8000, 11025, 16000, 22050, 44100, 48000, 96000)


def tone(rate: int, seconds: float = 1.0, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def wav_bytes(samples: np.ndarray, rate: int = 16000, subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_any_rate_and_kind(tmp_path: Path, kind: str, rate: int) -> None:
    path = tmp_path / f"tone.{kind}"
    soundfile.write(path, tone(rate), rate)
    out = load_audio(path)
    assert out.dtype == np.float32
    assert out.ndim == 1
    assert abs(len(out) - 16000) <= 1
    middle = slice(1000, 15000)
    tolerance = 0.05 if kind == "ogg" else 2e-3
    np.testing.assert_allclose(out[middle], tone(16000)[middle], atol=tolerance)


def test_sixteen_bits_are_divided_by_32768(tmp_path: Path) -> None:
    values = np.array([-32768, -1, 0, 1, 32767], np.int16)
    soundfile.write(tmp_path / "a.wav", values, 16000)
    assert (load_audio(tmp_path / "a.wav") == values / np.float32(32768)).all()


@pytest.mark.parametrize("channels", [2, 3, 6])
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    rng = np.random.default_rng(channels)
    samples = rng.integers(-20000, 20000, (5000, channels)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16000)
    expected = (samples.astype(np.float64) / 32768).mean(1)
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), expected, atol=1e-6)


def test_features_from_file(tmp_path: Path) -> None:
    signal = np.random.default_rng(5).integers(-9000, 9000, 12345).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", signal, 16000)
    out = features_from_file(tmp_path / "a.flac", Mfcc())
    assert out.shape == (49, 10, 1)
    assert out.dtype == np.uint8
    assert (out == quantise(features(signal / np.float32(32768), Mfcc()), Mfcc())).all()


def test_a_longer_sound_is_not_cut_without_a_word(tmp_path: Path) -> None:
    signal = np.random.default_rng(8).integers(-9000, 9000, 40000).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", signal, 16000)

    def expected(first: int) -> np.ndarray:
        return quantise(features(signal[first:] / np.float32(32768), Mfcc()), Mfcc())

    with pytest.warns(AudioWarning, match=r"a.wav' is 2.50 s long: .* first 1 s.* start="):
        assert (features_from_file(tmp_path / "a.wav", Mfcc()) == expected(0)).all()
    for start in (0, 0.5, 2.25):  # the last is padded: no warning, it was asked for
        out = features_from_file(tmp_path / "a.wav", Mfcc(), start=start)
        assert (out == expected(int(start * 16000))).all()
    with pytest.raises(AudioError, match="2.50 s long: nothing is at 2.5 s"):
        features_from_file(tmp_path / "a.wav", Mfcc(), start=2.5)
    for start in (-1, float("nan"), float("inf"), 1e300, 10**400, "1"):
        with pytest.raises(UsageError, match="start must be a time"):
            features_from_file(tmp_path / "a.wav", Mfcc(), start=start)


def test_an_open_file(tmp_path: Path) -> None:
    content = wav_bytes(tone(16000))
    assert len(load_audio(io.BytesIO(content))) == 16000
    (tmp_path / "a.wav").write_bytes(content)
    with (tmp_path / "a.wav").open("rb") as file:
        assert len(load_audio(file)) == 16000
    with pytest.raises(AudioError, match="the sound' is empty"):
        load_audio(io.BytesIO())


def test_a_link_to_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to("gone.wav")
    with pytest.raises(AudioError, match="a link to 'gone.wav', which is not there"):
        load_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS.*git lfs pull"),
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"\n  <html lang='en'>", "a web page"),
        (b"\x00\x05\x16\x07" + bytes(200), "macOS"),
        (b"PK\x03\x04" + bytes(60), "ZIP"),
        (b"\0\0\0\x20ftypM4A " + bytes(60), "MP4 .*ffmpeg"),
        (b"\x1aE\xdf\xa3" + bytes(60), "WebM"),
        (bytes(900), "zero bytes"),
        ("Wörter, keine Töne".encode(), "text"),
        (b"\x93NUMPY\x01\0", ".npy"),
    ],
)
def test_what_a_file_is_instead(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match=f"a.wav' is not a sound file that can be read: .*{words}"):
        load_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_lengths_of_streaming_writers(tmp_path: Path, length: int) -> None:
    """espeak-ng writes 0x7ffff000 to a pipe, ffmpeg 0xffffffff; a recorder without power 0."""
    good = wav_bytes(tone(16000))
    position = good.index(b"data") + 4
    streamed = good[:position] + struct.pack("<I", length) + good[position + 4 :]
    path = tmp_path / "a.wav"
    path.write_bytes(streamed)
    with pytest.warns(AudioWarning, match="a.wav' does not say how long it is.* 1.00 s"):
        assert len(load_audio(path)) == 16000


def test_a_file_without_a_length_takes_memory_for_itself(tmp_path: Path) -> None:
    good = wav_bytes(tone(16000))
    position = good.index(b"data") + 4
    (tmp_path / "a.wav").write_bytes(good[:position] + bytes(4) + good[position + 4 :])
    tracemalloc.start()
    with pytest.warns(AudioWarning):
        load_audio(tmp_path / "a.wav")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_espeak_pipe(tmp_path: Path) -> None:
    spoken = subprocess.run(["espeak-ng", "--stdout", "yes"], capture_output=True, check=True)
    (tmp_path / "a.wav").write_bytes(spoken.stdout)
    with pytest.warns(AudioWarning):
        out = load_audio(tmp_path / "a.wav")
    assert 3000 < len(out) < 32000
    assert np.abs(out).max() > 0.1


def _write(content: bytes):
    return lambda path: path.write_bytes(content)


STEREO = np.tile(np.array([[1, -1]], np.float32), (99, 1))
BAD = {
    "missing": (lambda path: None, "No such file"),
    "folder": (lambda path: path.mkdir(), "it is a folder, not a file"),
    "empty": (_write(b""), "is empty"),
    "text": (_write(b"# not a sound\n" * 50), "not a sound file"),
    "noise": (_write(bytes(range(256)) * 9), "not a sound file"),
    "header only": (_write(wav_bytes(np.zeros(0, np.int16))), "no samples"),
    "half a header": (_write(wav_bytes(tone(16000))[:30]), "truncated: it ends before its samples"),
    "truncated": (_write(wav_bytes(tone(16000))[:20000]), "is truncated"),
    "nan": (_write(wav_bytes(np.full(99, np.nan, np.float32), subtype="FLOAT")), "not finite"),
    "inf": (_write(wav_bytes(np.full(99, np.inf, np.float32), subtype="FLOAT")), "not finite"),
    "opposite": (_write(wav_bytes(STEREO * np.float32(np.inf), subtype="FLOAT")), "not finite"),
    "sum": (_write(wav_bytes(abs(STEREO) * np.float32(3e38), subtype="FLOAT")), "up to 3e\\+38"),
    "hidden": (_write(wav_bytes(STEREO * np.float32(2e4), subtype="FLOAT")), "full scale"),
    "scale": (_write(wav_bytes(np.full(99, 2e4, np.float32), subtype="FLOAT")), "full scale"),
    "rate 1": (_write(wav_bytes(tone(16000), rate=1)), "1 channels at 1 Hz"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", BAD)
def test_bad_files(tmp_path: Path, case: str) -> None:
    make, message = BAD[case]
    path = tmp_path / "bad.wav"
    make(path)
    with pytest.raises(AudioError, match=message) as caught:
        load_audio(path)
    assert "bad.wav" in str(caught.value)


def test_truncated_flac(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    noise = np.random.default_rng(6).integers(-9999, 9999, 60000).astype(np.int16)
    soundfile.write(path, noise, 16000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError):
        load_audio(path)


def test_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(tone(16000)))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(AudioError, match="Permission denied"):
        load_audio(path)


@pytest.mark.parametrize("name", ["a.raw", "a.txt", "a.au", "noextension"])
def test_the_content_decides_not_the_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(wav_bytes(tone(16000)))
    assert len(load_audio(path)) == 16000


def test_device_files_are_refused() -> None:
    with pytest.raises(AudioError, match="it is a device or a socket, not a file"):
        load_audio("/dev/zero")
    with pytest.raises(AudioError):
        load_audio("a\0b")


def test_overshoot_is_clipped(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(
        wav_bytes(np.array([-1.5, 1.5, 0.25], np.float32), subtype="FLOAT")
    )
    out = load_audio(tmp_path / "a.wav")
    assert out[0] == -1
    assert 1 - 1e-6 < out[1] < 1
    assert out[2] == 0.25


def _encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    samples = np.random.default_rng(7).integers(-9999, 9999, 3000).astype(np.int16)
    soundfile.write(buffer, samples, 16000, format=kind)
    return buffer.getvalue()


GOOD = {
    kind: _encoded(kind)
    for kind in ("WAV", "FLAC", "OGG", "AIFF", "CAF", "W64", "RF64", "AU", "MP3")
}


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.filterwarnings("ignore::akrt.errors.AudioWarning")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    """Flipped, cut and extended files: an AudioError or samples, never anything else."""
    content = bytearray(GOOD[kind])
    anywhere = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    header = st.tuples(st.integers(0, 79), st.integers(0, 255))
    for position, value in data.draw(st.lists(anywhere | header, max_size=6)):
        content[position] = value
    cut = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    path = tmp_path / "mutated"
    path.write_bytes(bytes(content[:cut]) + data.draw(st.binary(max_size=30)))
    try:
        out = load_audio(path)
    except AudioError as error:
        assert "mutated" in str(error)
    else:
        assert out.dtype == np.float32
        # A header may claim the slowest rate: sixteen times the samples.
        assert 0 < len(out) <= len(content) * 16 + 3000
        assert np.isfinite(out).all()
        assert out.min() >= -1
        assert out.max() < 1


def test_importing_is_light() -> None:
    """Naming the package must not load what only some of its functions need."""
    code = (
        "import sys, akrt.audio;"
        "heavy = {'scipy', 'soundfile', 'soxr', 'h5py', 'tensorflow', 'rich', 'typer'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
