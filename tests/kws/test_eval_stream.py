"""Hits, wrong words and false alarms, counted by hand; and the command that counts them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import need
from in_process import run_akrt
from typer.testing import CliRunner

import akrt
from akrt.audio import load_audio
from akrt.cli.kws import app
from akrt.decision import StreamSettings
from akrt.errors import AkrtError, DatasetError
from akrt.kws.eval_stream import evaluate_stream, judge, load_clips
from akrt.kws.splice import Event, Spliced, splice
from akrt.stream import Detection, detections, stream_potentials

RATE = 16000
WORDS = ("_silence_", "yes", "no")


def recording(events: Sequence[tuple[str, float]]) -> Spliced:
    """Half an hour; clips of a second at the times given."""
    found = tuple(Event(w, int(t * RATE), int((t + 1) * RATE)) for w, t in events)
    return Spliced(np.zeros(1800 * RATE, np.int16), found, 20.0)


def heard(*words: tuple[str, float]) -> list[Detection]:
    return [Detection(t, w, 1, 2.0, int(t * RATE)) for w, t in words]


EVENTS = [("yes", 1.0), ("no", 10.0), ("tree", 20.0)]


@pytest.mark.parametrize(
    ("found", "hits", "wrong", "false_alarms"),
    [
        ([], 0, 0, 0),
        ([("yes", 1.5), ("no", 11.7)], 2, 0, 0),
        ([("yes", 2.8)], 0, 0, 1),
        ([("yes", 0.5)], 0, 0, 1),
        ([("yes", 1.5), ("yes", 2.5)], 1, 0, 1),
        ([("no", 1.5)], 0, 1, 0),
        ([("no", 1.5), ("yes", 2.0)], 1, 1, 0),
        ([("yes", 20.5)], 0, 0, 1),
        ([("yes", 500.0), ("no", 600.0)], 0, 0, 2),
    ],
)
def test_counts(found: list[tuple[str, float]], hits: int, wrong: int, false_alarms: int) -> None:
    point = judge(recording(EVENTS), heard(*found), WORDS, 1.5)
    assert (point.hits, point.wrong_words, point.false_alarms) == (hits, wrong, false_alarms)
    assert point.words == 2
    assert point.hit_rate == hits / 2
    assert point.wrong_rate == wrong / 2
    assert point.false_alarms_per_hour == 2 * false_alarms


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shipped clips as a data set, one folder the network has no class for, and a noise."""
    home = tmp_path_factory.mktemp("data")
    with as_file(files("akrt") / "data" / "clips") as clips:
        for word in ("yes", "happy", "zero", "stop", "left", "six"):
            (home / word).mkdir()
            for path in sorted((Path(clips) / word).glob("*.flac")):
                (home / word / f"{path.stem}_nohash_0.flac").write_bytes(path.read_bytes())
        (home / "follow").mkdir()
        tone = 0.1 * np.sin(np.arange(RATE) / 7)
        soundfile.write(home / "follow" / "a_nohash_0.wav", tone, RATE)
    (home / "_background_noise_").mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * RATE)
    soundfile.write(home / "_background_noise_" / "hiss.wav", noise.clip(-1, 1), RATE)
    return home


def test_one_pass_for_all_thresholds_equals_streams(folder: Path) -> None:
    """Potentials computed once, decided upon many times, are what `Stream` does."""
    with akrt.Runtime(backend="native") as runtime:
        clips = load_clips(folder, runtime.model.labels or ())
        assert len(clips) > 15
        assert "follow" in [word for word, _ in clips]
        noises = [load_audio(folder / "_background_noise_" / "hiss.wav")]
        settings = StreamSettings(threshold=1.0)
        (made,) = evaluate_stream(runtime, clips, noises, [20.0], settings, seed=3)
        spliced = splice(clips, noises, 20.0, 3)
        own = None
        for threshold in (0.5, 1.0, 2.0):
            stream = akrt.Stream(runtime, akrt.StreamSettings(threshold=threshold))
            found = stream.push(spliced.samples)
            potentials = stream_potentials(runtime, spliced.samples)
            changed = StreamSettings(threshold=threshold)
            assert detections(runtime.model, changed, potentials) == found
            point = judge(spliced, found, runtime.model.labels or (), threshold)
            assert point in made.points
            own = point if threshold == 1.0 else own
        assert made.at == own
        assert made.at.hits > len(clips) / 2
        assert made.at.words == len(clips) - 1
        assert 0 < made.real_time_factor < 0.1
        hits = [point.hit_rate for point in made.points]
        assert hits[0] > hits[-1]


def command(*arguments: object, code: int = 0) -> tuple[str, str]:
    done = run_akrt("kws", "eval-stream", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout.decode(), done.stderr.decode()


def test_command(folder: Path, tmp_path: Path) -> None:
    need("matplotlib")
    out, _ = command(folder, "--snr", "clean,10", "-o", tmp_path / "report")
    assert "10 dB, 0.0" in out
    assert f"words at threshold {StreamSettings.threshold:g}" in out
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [c["condition"] for c in report["conditions"]] == ["clean", "10 dB"]
    clean, noisy = (c["at"] for c in report["conditions"])
    assert clean["hits"] + clean["misses"] == clean["words"] == report["clips"] - 1
    assert clean["hits"] > noisy["hits"]
    assert [p["threshold"] for p in report["conditions"][0]["thresholds"]][:3] == [0, 0.25, 0.5]
    assert (tmp_path / "report" / "det.png").read_bytes()[:4] == b"\x89PNG"
    again = json.loads(command(folder, "--snr", "clean,10", "--json")[0])
    for one, other in zip(again["conditions"], report["conditions"], strict=True):
        assert one["thresholds"] == other["thresholds"]


def test_unreadable_recordings_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "yes").mkdir()
    clip = next((folder / "yes").iterdir())
    (tmp_path / "yes" / "a_nohash_0.flac").write_bytes(clip.read_bytes())
    (tmp_path / "yes" / "b_nohash_0.wav").write_text("no sound")
    out, error = command(tmp_path, "--snr", "clean", "--json")
    assert json.loads(out)["clips"] == 1
    assert "b_nohash_0.wav" in error
    with pytest.raises(DatasetError, match="no validation recording"):
        load_clips(folder, WORDS, "validation")


def test_a_report_replaces_a_report_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    arguments = (folder, "--snr", "clean", "--limit", 3, "--no-figure", "-o", tmp_path)
    (tmp_path / "report.json").write_text('{"mine": 1}')
    _, error = command(*arguments, code=2)
    assert "report.json' exists and is not what akrt wrote there" in error
    assert (tmp_path / "report.json").read_text() == '{"mine": 1}'
    command(*arguments, "--force")
    command(*arguments)


def test_odd_files_are_named_and_all_of_them_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "yes" / "folder.wav").mkdir(parents=True)
    (tmp_path / "no").mkdir()
    for name in ("._a.wav", "b.wav", "c.m4a"):
        (tmp_path / "yes" / name).touch()
    out, error = command(tmp_path, "--snr", "clean", "--json", code=3)
    assert not out
    for name in ("folder.wav", "._a.wav", "b.wav", "c.m4a", "4 files", "in the folder no "):
        assert name in error


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("{}/none",), 3, "is not a folder of recordings"),
        (("{}/_background_noise_",), 3, "named after a word"),
        (("{}", "--snr", "loud"), 2, "--snr takes clean or"),
        (("{}", "--snr", "nan"), 2, "--snr takes clean or"),
        (("{}", "--split", "some"), 2, "--split must be one of"),
        (("{}", "--noise", "{}/yes"), 3, "holds no noises"),
        (("{}", "--hop-ms", "30"), 2, "multiple of 20"),
    ],
)
def test_errors(folder: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = CliRunner().invoke(app, ["eval-stream", *(a.format(folder) for a in arguments)])
    assert isinstance(done.exception, AkrtError)
    assert message in str(done.exception)
    assert done.exception.exit_code == code
    assert not done.stdout
