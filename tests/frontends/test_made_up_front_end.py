"""A front end that akrt does not have, registered for a test: everything takes it at once."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from export.compiled_export import SANITIZERS, build
from export.stream_program import hosted, hosted_detections
from made_up import HOP, ListeningRaw, Raw, RawFrontEnd, add_c, loudness
from typer.testing import CliRunner

import akrt
import firmware_export
from akrt.benchmark import samples
from akrt.cli.commands import app
from akrt.decision import StreamSettings
from akrt.errors import ModelError, ModelFileError, UsageError
from akrt.frontends import FRONT_ENDS, sound_front_end_of
from akrt.kws.evaluate import load_clips
from akrt.model import PREPROCESSING, Mfcc, encoding
from akrt.runtime import bundled_model
from akrt.stream import stream_potentials
from firmware_export import kernel_sources

SETTINGS = StreamSettings(hop_ms=40, window_ms=80, min_count=2, threshold=0.5, refractory_ms=200)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PREPROCESSING, "raw", Raw)
    monkeypatch.setitem(FRONT_ENDS, "raw", RawFrontEnd)


@pytest.fixture
def listening(registered: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FRONT_ENDS, "raw", ListeningRaw)


def sound(seconds: float) -> np.ndarray:
    """Noise that is loud for a quarter of a second, quiet for another."""
    rng = np.random.default_rng(4)
    pcm = rng.integers(20000, 32768, round(seconds * 16000)) * rng.choice([-1, 1])
    return np.where(np.arange(len(pcm)) // 4000 % 2 == 0, pcm // 64, pcm).astype(np.int16)


def invoke(*arguments: object) -> str:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False).stdout


def test_it_travels_in_the_file(registered: None, tmp_path: Path) -> None:
    loudness().save(tmp_path / "m.akrt")
    model = akrt.load(tmp_path / "m.akrt")
    assert model.preprocessing == Raw()
    assert encoding.describe(model)["preprocessing"] == {"kind": "raw", "bytes": 40}
    deaf = model.replace(preprocessing=None)
    assert encoding.content_hash(model) == encoding.content_hash(loudness())
    assert encoding.content_hash(model) != encoding.content_hash(deaf)
    with pytest.raises(ModelError, match=r"preprocessing makes \(44, 1, 1\)"):
        model.replace(preprocessing=Raw(44))
    with pytest.raises(ModelError, match=r"bytes must be 4\.\.200"):
        Raw(3)


def test_elsewhere_its_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as here:
        here.setitem(PREPROCESSING, "raw", Raw)
        model = loudness()
        model.save(tmp_path / "m.akrt")
        with pytest.raises(UsageError, match="of the kind 'raw', only mfcc, picture: upgrade"):
            sound_front_end_of(model)
    with pytest.raises(ModelFileError, match="unknown kind of preprocessing 'raw': upgrade akrt"):
        akrt.load(tmp_path / "m.akrt")
    with pytest.raises(ModelError, match=r"parameters of a front end \(Mfcc, Picture\), got Raw"):
        model.replace()


def test_commands_hear_through_it(registered: None, tmp_path: Path) -> None:
    loudness().save(tmp_path / "m.akrt")
    pcm = sound(1)
    for name, part in {"quiet": pcm[:3000], "loud": pcm[4000:7200], "long": pcm}.items():
        soundfile.write(tmp_path / f"{name}.wav", part, 16000)
    names = [tmp_path / f"{name}.wav" for name in ("quiet", "loud", "long")]
    told = invoke("run", *names, "-m", tmp_path / "m.akrt", "--backend", "native", "--json")
    results = json.loads(told)["results"]
    assert [r["word"] for r in results] == ["_quiet_", "loud", "loud"]
    assert results[2]["clips"] == 41
    assert 0.15 < results[2]["start"] < 0.35
    assert "40 magnitudes" in invoke("summary", tmp_path / "m.akrt")


def test_recordings_are_its_to_turn(registered: None, tmp_path: Path) -> None:
    model, pcm = loudness(), sound(1)
    for word in model.labels:
        (tmp_path / word).mkdir()
    soundfile.write(tmp_path / "loud" / "a_nohash_0.wav", pcm, 16000)
    (clips,) = load_clips(tmp_path, model.labels, preprocessing=model.preprocessing)
    assert clips.x.shape == (1, 40, 1, 1)
    assert clips.x.min() >= 20000 >> 11  # the loudest part
    assert samples(model, 5).shape == (5, 40, 1, 1)
    part = sound_front_end_of(model).from_file(tmp_path / "loud" / "a_nohash_0.wav", start=0.25)
    np.testing.assert_array_equal(part.ravel(), np.abs(pcm[4000:7200:80].astype(int)) >> 11)


def test_what_it_cannot_do_is_refused(registered: None, tmp_path: Path) -> None:
    model = loudness()
    with akrt.Runtime(model, backend="native") as runtime:
        with pytest.raises(UsageError, match="'raw' takes whole clips only: use 'akrt run'"):
            akrt.Stream(runtime)
        with pytest.raises(UsageError, match="'raw' takes whole clips only"):
            stream_potentials(runtime, sound(1))
    with pytest.raises(UsageError, match="'loudness' cannot be exported.*'raw' has no C.*--stream"):
        firmware_export.export(model, tmp_path / "out", stream=SETTINGS)
    assert not (tmp_path / "out").exists()
    firmware_export.export(model, tmp_path / "out", name="net")
    assert " * 40 magnitudes." in (tmp_path / "out" / "net.h").read_text()
    model.save(tmp_path / "m.akrt")
    with pytest.raises(UsageError, match="has no C"):
        invoke("export", tmp_path / "m.akrt", "-o", tmp_path / "new", "--stream")


def test_streams_hear_through_it(listening: None) -> None:
    pcm = sound(3)
    with akrt.Runtime(loudness(), backend="native") as runtime:
        stream = akrt.Stream(runtime, SETTINGS)
        found = [d for part in np.split(pcm, [7, 1000, 1001, 30000]) for d in stream.push(part)]
        potentials = stream_potentials(runtime, pcm, SETTINGS)
    assert [d.word for d in found] == ["loud"] * 6
    assert all(0 < d.sample % 8000 - 4000 <= 3200 and d.sample % (2 * HOP) == 0 for d in found)
    sums = [
        int((np.abs(heard[::80].astype(int)) >> 11).sum())
        for heard in (
            np.concatenate([np.zeros(3200, np.int16), pcm])[n * HOP :][:3200]
            for n in range(2, 3 * 50 + 1, 2)
        )
    ]
    assert potentials[:, 1].tolist() == sums


@pytest.mark.parametrize("compiler", ["gcc", "clang", "g++"])
def test_exports_hear_through_its_c(
    listening: None, compiler: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One C file and no word in the exporter: the detections are the host's."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    shutil.copytree(kernel_sources._folder(), tmp_path / "src_c")
    add_c(tmp_path / "src_c")
    monkeypatch.setattr(kernel_sources, "_folder", lambda: tmp_path / "src_c")
    export = tmp_path / "export"
    report = firmware_export.export(loudness(), export, name="kws", stream=SETTINGS)
    assert report.memory["stream"]["state_bytes"] < 200
    flags = ["-std=c++17", "-x", "c++"] if compiler == "g++" else ["-std=c99"]
    flags += ["-O1", f"-I{export}", *SANITIZERS]
    build(hosted(tmp_path), tmp_path / "program", *flags, compiler=compiler)
    pcm = sound(3)
    with akrt.Runtime(loudness(), backend="native") as runtime:
        wanted = [
            (d.index, round(d.score * 256), d.sample)
            for d in akrt.Stream(runtime, SETTINGS).push(pcm)
        ]
    assert len(wanted) == 6
    for chunk in (1, 77, 320, 100_000):
        assert hosted_detections([str(tmp_path / "program"), str(chunk)], pcm) == wanted
    flags.append("-DKWS_STREAM_SELFTEST_MAIN")
    build(export / "kws_stream_selftest.c", tmp_path / "selftest", *flags, compiler=compiler)
    assert subprocess.run([str(tmp_path / "selftest")]).returncode == 0


def test_exports_of_two_front_ends_meet_in_one_source_file(
    listening: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(kernel_sources._folder(), tmp_path / "src_c")
    add_c(tmp_path / "src_c")
    monkeypatch.setattr(kernel_sources, "_folder", lambda: tmp_path / "src_c")
    assert isinstance(bundled_model().preprocessing, Mfcc)
    for name, model in (("one", loudness()), ("two", bundled_model())):
        firmware_export.export(model, tmp_path / "out", name=name, stream=SETTINGS)
    (tmp_path / "both.c").write_text(
        '#include "one_stream.c"\n#include "two_stream.c"\n#include "one.c"\n#include "two.c"\n'
        "int main(void) { return 0; }\n"
    )
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{tmp_path / 'out'}"]
    build(tmp_path / "both.c", tmp_path / "program", *flags)
