"""``akrt stream``: recordings, pipes and microphones, good and bad."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import subprocess
import sys
import threading
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from in_process import run_akrt

import akrt
from akrt.audio import load_audio

RATE = 16000

MICROPHONE = """\
import os
import numpy as np

class PortAudioError(Exception):
    pass

KIND = os.environ["KIND"]
if KIND == "no library":
    raise OSError("PortAudio library not found")
RATE = 48000 if KIND == "48 kHz" else 16000

def query_devices(device, kind):
    if KIND == "absent":
        raise PortAudioError("Error querying device -1")
    if device not in (None, 2, "usb"):
        raise ValueError(f"No input device matching {device!r}")
    return {"default_samplerate": float(RATE)}

def check_input_settings(device, channels, dtype, samplerate):
    if samplerate != RATE:
        raise PortAudioError("Invalid sample rate")

class InputStream:
    def __init__(self, samplerate, device, channels, dtype):
        assert samplerate == RATE and channels == 1 and dtype == "int16"
        self.samples, self.at = np.load(os.environ["SOUND"]), 0
    def __enter__(self):
        return self
    def __exit__(self, *error):
        pass
    def read(self, count):
        if self.at >= len(self.samples):
            if KIND == "unplugged":
                raise PortAudioError("Unanticipated host error")
            raise KeyboardInterrupt
        part = self.samples[self.at : self.at + count, None]
        self.at += count
        return part, self.at == count and KIND == "slow"
"""


def command(
    *arguments: object, code: int = 0, data: bytes = b"", environment: dict[str, str] | None = None
) -> tuple[str, str]:
    if environment is None:
        done = run_akrt("stream", *arguments, data=data)
    else:  # another package is found, and interrupts
        done = subprocess.run(
            [sys.executable, "-m", "akrt", "stream", *map(str, arguments)],
            input=data,
            capture_output=True,
            check=False,
            timeout=120,
            env={**os.environ, **environment},
        )
    assert done.returncode == code, done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def clips() -> dict[str, np.ndarray]:
    """Three words and the shipped clips in which the network hears them most clearly."""
    heard: dict[str, tuple[float, np.ndarray]] = {}
    before = np.zeros(RATE // 2, np.float32)
    with as_file(files("akrt") / "data" / "clips") as folder, akrt.Runtime() as runtime:
        for path in sorted(Path(folder).rglob("*.flac"))[::3]:
            clip, word = np.concatenate([before, load_audio(path)]), path.parent.name
            stream = akrt.Stream(runtime)
            found = stream.push(clip) + stream.finish()
            if [d.word for d in found] == [word] and found[0].score > heard.get(word, (0,))[0]:
                heard[word] = found[0].score, clip
    best = sorted(heard, key=lambda word: heard[word][0])[-3:]
    return {word: heard[word][1] for word in best}


@pytest.fixture(scope="module")
def words(clips: dict[str, np.ndarray]) -> list[str]:
    return list(clips)


@pytest.fixture(scope="module")
def pcm(clips: dict[str, np.ndarray]) -> np.ndarray:
    """The three words, half a second of silence before each: int16 (n,)."""
    return np.rint(np.concatenate(list(clips.values())) * 32767).astype(np.int16)


@pytest.fixture(scope="module")
def folder(pcm: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("sounds")
    soundfile.write(home / "words.wav", pcm, RATE)
    soundfile.write(home / "stereo.flac", np.stack([pcm, pcm], 1), RATE)
    slow = soxr.resample(pcm.astype(np.float64) / 32768, RATE, 8000)
    soundfile.write(home / "8khz.wav", slow, 8000)
    (home / "truncated.wav").write_bytes((home / "words.wav").read_bytes()[:9000])
    (home / "empty.wav").touch()
    soundfile.write(home / "nothing.wav", np.zeros(RATE), RATE)
    np.save(home / "16000.npy", pcm)
    fast = soxr.resample(pcm.astype(np.float64) / 32768, RATE, 48000)
    np.save(home / "48000.npy", np.rint(fast * 32767).astype(np.int16))
    (home / "sounddevice.py").write_text(MICROPHONE)
    return home


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def heard(text: str) -> list[object]:
    return [line["word"] for line in lines(text)]


def test_a_recording(folder: Path, pcm: np.ndarray, words: list[str]) -> None:
    out, _ = command(folder / "words.wav")
    rows = [line.split() for line in out.splitlines()]
    assert [row[2] for row in rows[:-1]] == words
    assert all(row[1] == "s" and float(row[3]) > 1 for row in rows[:-1])
    assert rows[-1][:5] == ["3", "words", "in", f"{len(pcm) / RATE:.1f}", "s"]
    assert "\x1b" not in out


@pytest.mark.parametrize("name", ["stereo.flac", "8khz.wav"])
def test_other_rates_and_channels_are_converted(folder: Path, name: str, words: list[str]) -> None:
    out, _ = command(folder / name, "--json")
    assert heard(out) == words


def test_pipe_equals_file(folder: Path, pcm: np.ndarray, words: list[str]) -> None:
    out, _ = command(folder / "words.wav", "--json")
    assert heard(out) == words
    assert all(line["time"] == line["sample"] / RATE for line in lines(out))
    raw = pcm.astype("<i2").tobytes()
    other = command("-", "--json", "-b", "reference", data=raw)[0]
    assert {line["computed_by"] for line in lines(out)} == {"native"}
    assert {line["computed_by"] for line in lines(other)} == {"reference"}
    assert other.replace('"reference"', '"native"') == out


def test_words_are_told_while_the_pipe_is_open(pcm: np.ndarray, words: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "akrt", "stream", "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    limit = threading.Timer(60, process.kill)
    limit.start()
    process.stdin.write(pcm[: 2 * RATE].astype("<i2").tobytes() + b"\0")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["word"] == words[0]
    process.stdin.write(b"\0")
    process.stdin.close()
    assert process.wait(60) == 0
    limit.cancel()
    process.stdout.close()


CONTAINERS = ("WAV", "AIFF", "RF64", "W64", "CAF", "AU", "FLAC", "OGG", "MP3", "RIFX", "OPUS")


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_sound_file_on_standard_input(
    tmp_path: Path, pcm: np.ndarray, words: list[str], container: str
) -> None:
    """The words and times of the file itself; one that is cut is refused as such."""
    options = {"RIFX": {"format": "WAV", "endian": "BIG"}, "OPUS": {"format": "OGG"}}
    options["OPUS"]["subtype"] = "OPUS"
    path = tmp_path / "sound"
    soundfile.write(path, pcm, RATE, **options.get(container, {"format": container}))
    out, _ = command(path, "--json")
    content = path.read_bytes()
    assert command("-", "--json", data=content)[0] == out
    assert heard(out) == words
    _, error = command("-", "--json", data=content[: len(content) // 2], code=3)
    assert "truncated" in error


@pytest.mark.parametrize("length", [0x7FFFFFFF, None])
def test_words_of_a_wav_are_told_while_the_pipe_is_open(
    tmp_path: Path, pcm: np.ndarray, words: list[str], length: int | None
) -> None:
    """As `arecord` sends it: 16 bits, mono, 16 kHz need no end to be heard."""
    soundfile.write(tmp_path / "a.wav", pcm, RATE)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    if length is not None:
        at = content.index(b"data") + 4
        content[at : at + 4] = length.to_bytes(4, "little")
    process = subprocess.Popen(
        [sys.executable, "-m", "akrt", "stream", "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    limit = threading.Timer(60, process.kill)
    limit.start()
    process.stdin.write(content[: 4 * RATE])
    process.stdin.flush()
    first = process.stdout.readline()
    assert json.loads(first)["word"] == words[0]
    out, error = process.communicate(bytes(content[4 * RATE :]) + b"LIST\x04\0\0\0abcd", 60)
    limit.cancel()
    assert process.returncode == 0, error
    if length is None:
        assert (first + out).decode() == command(tmp_path / "a.wav", "--json")[0]


def test_standard_input_that_is_closed() -> None:
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m akrt stream - <&-"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert done.stderr == "akrt: standard input is closed: there is nothing to listen to\n"


@pytest.mark.parametrize("start", [b"\x1f\x8b", b"\xff\xd8\xff", b"\xff\xfb", b"RIFF", b"FORM"])
def test_raw_samples_may_begin_with_any_bytes(
    pcm: np.ndarray, words: list[str], start: bytes
) -> None:
    data = start + pcm.astype("<i2").tobytes()[len(start) :]
    assert heard(command("-", "--json", data=data)[0]) == words


def wav(pcm: np.ndarray) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, pcm, RATE, format="WAV", subtype="PCM_16")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(bytes(range(256)) * 200), "it is a gzip archive: unpack it"),
        (b"wvpk" + bytes(4000), "it is WavPack, which is not read"),
        (b"A letter, and not a sound of any kind; but long enough to be told. " * 9, "it is text"),
        (wav(np.zeros(RATE, np.int16)) * 2, "another sound file follows the first one"),
    ],
    ids=["gzip", "WavPack", "text", "two"],
)
def test_what_is_no_sound_is_not_listened_to(content: bytes, message: str) -> None:
    assert message in command("-", data=content, code=3)[1]


def test_a_wav_that_goes_on_behind_its_length() -> None:
    noise = np.random.default_rng(0).integers(-3000, 3000, RATE, dtype=np.int16)
    content = bytearray(wav(noise))
    content[40:44] = (1000).to_bytes(4, "little")
    error = command("-", data=bytes(content), code=3)[1]
    assert "goes on after the 1000 bytes" in error


def test_a_warning_is_a_line_of_ours(folder: Path, words: list[str]) -> None:
    content = (folder / "words.wav").read_bytes()
    at = content.index(b"data") + 4
    content = content[:at] + bytes(4) + content[at + 4 :]
    out, error = command("-", "--json", data=content)
    assert heard(out) == words
    assert error.startswith("akrt: warning: the header of 'standard input' does not say how long")
    assert error.count("\n") == 1


def test_a_terminal_shows_what_leads(folder: Path, words: list[str]) -> None:
    """The words above, and below them one line that changes and goes at the end."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "akrt", "stream", str(folder / "words.wav")],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux's way to say that the other end was closed
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert process.wait(60) == 0
    assert process.stderr is not None
    process.stderr.close()
    text = shown.decode()
    assert all(f" {word} " in text for word in words)
    assert re.search(r"\d\.\d\d s +\w+ +-?\d\.\d\d +#*\.*", text)
    assert "\x1b[2K" in text
    assert text.rstrip().splitlines()[-1].endswith("spent computing")


def test_options_reach_the_rule(folder: Path, words: list[str]) -> None:
    strict, _ = command(folder / "words.wav", "--json", "--threshold", 8)
    assert len(heard(strict)) < len(words)
    assert all(json.loads(line)["score"] >= 8 for line in strict.splitlines())
    paused, _ = command(folder / "words.wav", "--json", "--refractory-ms", 60000)
    assert heard(paused) == words[:1]
    often, _ = command(
        *(folder / "words.wav", "--json", "--hop-ms", 20, "--window-ms", 320, "--min-count", 1)
    )
    assert set(words) <= set(heard(often))


def test_silence_holds_no_word(folder: Path) -> None:
    assert command(folder / "nothing.wav")[0].startswith("0 words in 1.0 s of sound")


@pytest.mark.parametrize(
    ("arguments", "data", "code", "message"),
    [
        (("{}/truncated.wav",), b"", 3, "is truncated"),
        (("{}/empty.wav",), b"", 3, "is empty"),
        (("{}/none.wav",), b"", 3, "none.wav': No such file"),
        (("-",), b"", 3, "standard input is empty"),
        (("-",), b"\0\0\0", 3, "in the middle of a sample"),
        (("-",), b"RIFF\0\0\0\0WAVE", 3, "standard input' is truncated: it ends before"),
        (("-",), b"FORM\0\0\0\0AIFF" + bytes(9), 3, "standard input' is truncated"),
        (("-",), b"\x1aE\xdf\xa3" + bytes(99), 3, "it is WebM or Matroska, which is not read"),
        (("-",), b"version https://git-lfs.github.com/spec/v1\noid", 3, "git lfs pull"),
        (("{}/words.wav", "--hop-ms", "30"), b"", 2, "multiple of 20"),
        (("{}/words.wav", "--input", "usb"), b"", 2, "goes with the source mic"),
        ((), b"", 2, "Missing argument"),
    ],
)
def test_bad_input(
    folder: Path, arguments: tuple[str, ...], data: bytes, code: int, message: str
) -> None:
    out, error = command(*(a.format(folder) for a in arguments), data=data, code=code)
    assert message in error
    assert not out


def microphone(
    folder: Path, kind: str, *options: object, rate: int = RATE, code: int = 0
) -> tuple[str, str]:
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    environment = {"PYTHONPATH": path, "KIND": kind, "SOUND": str(folder / f"{rate}.npy")}
    return command("mic", "--json", *options, code=code, environment=environment)


@pytest.mark.parametrize(("kind", "rate"), [("16 kHz", RATE), ("48 kHz", 48000), ("slow", RATE)])
def test_a_microphone_until_it_is_interrupted(
    folder: Path, kind: str, rate: int, words: list[str]
) -> None:
    out, error = microphone(folder, kind, "--input", "2", rate=rate)
    assert heard(out) == words
    assert ("samples were lost" in error) == (kind == "slow")


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("absent", (), "no microphone can be used: Error querying device -1"),
        ("16 kHz", ("--input", "wall"), "microphone 'wall': No input device matching"),
        ("unplugged", (), "the microphone went away: Unanticipated host error"),
        ("no library", (), "apt-get install libportaudio2"),
    ],
)
def test_a_microphone_that_fails(
    folder: Path, kind: str, options: tuple[str, ...], message: str, words: list[str]
) -> None:
    out, error = microphone(folder, kind, *options, code=3)
    assert message in error
    assert heard(out) == (words if kind == "unplugged" else [])


def test_without_sounddevice(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    _, error = command("mic", code=2, environment={"PYTHONPATH": path})
    assert "pip install 'akrt[mic]'" in error
