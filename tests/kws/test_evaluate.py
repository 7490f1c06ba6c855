"""The forms of a network side by side: on features, on recordings, through the command."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import need
from test_akida2_memory_model import FRAMES, TEMPORAL
from typer.testing import CliRunner

import akrt
from akrt.cli.commands import app
from akrt.errors import DatasetError, MismatchError, UsageError
from akrt.kws.evaluate import (
    Clips,
    Form,
    backend_form,
    evaluate,
    keras_form,
    load_clips,
    program_form,
)
from akrt.kws.featureset import FeatureSet
from akrt.model import FullyConnected, InputConvolutional, Mfcc, Model, Pooling

WORDS = ("_silence_", "yes", "no")


def network(words: tuple[str, ...] = WORDS) -> Model:
    """A small network of random weights on the features of sounds."""
    rng = np.random.default_rng(0)
    first = InputConvolutional(
        name="conv",
        input_shape=(49, 10, 1),
        weights=rng.integers(-7, 8, (5, 5, 1, 16)).astype(np.int8),
        weights_bits=4,
        threshold=rng.integers(0, 60000, 16).astype(np.int32),
        act_step=np.full(16, 4000, np.float32),
        act_bits=4,
        stride=(2, 2),
        pooling=Pooling("average"),
    )
    last = FullyConnected(
        name="dense",
        weights=rng.integers(-7, 8, (16, len(words))).astype(np.int8),
        weights_bits=4,
        threshold=rng.integers(-20, 20, len(words)).astype(np.int32),
        act_step=rng.uniform(1, 9, len(words)).astype(np.float32),
        act_bits=None,
    )
    return Model((first, last), name="tiny", labels=words, preprocessing=Mfcc())


def features(count: int = 60) -> FeatureSet:
    """Rows of every split and source; each third row is an augmented copy."""
    rng = np.random.default_rng(1)
    i = np.arange(count)
    return FeatureSet(
        x=rng.integers(0, 256, (count, 49, 10, 1)).astype(np.uint8),
        y=(i % 3).astype(np.int64),
        split=np.where(i < 12, 0, 2).astype(np.uint8),
        source=np.where(i < 40, 0, np.where(i < 50, 1, 2)).astype(np.uint8),
        speaker=np.zeros(count, np.int32),
        copy=(i % 4 == 3).astype(np.int32),
        clip=(i // 2).astype(np.int32),
        words=WORDS,
        sources=("real", "noise", "synthetic"),
        speakers=("someone",),
    )


def test_sources_are_kept_apart_and_copies_left_out(tmp_path: Path) -> None:
    data = features()
    data.save(tmp_path / "f.npz")
    first, second = load_clips(tmp_path / "f.npz")
    clean = (data.copy == 0) & (data.split == 2)
    assert first.name == "real + noise"
    np.testing.assert_array_equal(first.x, data.x[clean & (data.source < 2)])
    np.testing.assert_array_equal(first.y, data.y[clean & (data.source < 2)])
    assert second.name == "synthetic"
    np.testing.assert_array_equal(second.x, data.x[clean & (data.source == 2)])
    with pytest.raises(DatasetError, match="no validation clips"):
        load_clips(tmp_path / "f.npz", split="validation")


def test_exact_forms_are_identical_and_counted_right() -> None:
    data = features()
    clips = Clips("real", data.x, data.y, WORDS)
    model = network()
    forms = [backend_form(model, name) for name in ("native", "reference")]
    told: list[tuple[str, int, int]] = []
    native, reference = evaluate(forms, clips, lambda *t: told.append(t))
    assert native.identical(reference)
    assert len(set(native.predicted.tolist())) > 1
    assert native.accuracy() == np.mean(native.predicted == data.y)
    assert told == [("native", 60, 60), ("reference", 60, 60)]


def test_simulator_equals_native() -> None:
    need("akida")
    data = features()
    clips = Clips("real", data.x, data.y, WORDS)
    forms = [backend_form(network(), name) for name in ("native", "simulator")]
    native, simulator = evaluate(forms, clips)
    assert simulator.name == "Akida simulator"
    assert native.identical(simulator)


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = features()
    clips = Clips("real", data.x, data.y, WORDS)
    form = Form("sum", lambda x: x.reshape(len(x), -1)[:, :3].astype(float))
    whole = evaluate([form], clips)[0]
    monkeypatch.setattr("akrt.kws.evaluate.BATCH", 7)
    np.testing.assert_array_equal(evaluate([form], clips)[0].outputs, whole.outputs)


def test_classes_are_matched_by_name() -> None:
    clips = Clips("real", np.zeros((3, 49, 10, 1), np.uint8), np.array([0, 1, 2]), WORDS)
    assert clips.relabelled(("no", "_silence_", "yes")).y.tolist() == [1, 2, 0]
    with pytest.raises(DatasetError, match="no class 'no'"):
        clips.relabelled(("_silence_", "yes", "stop"))
    assert clips.first(2).y.tolist() == [0, 2]


def test_program(tmp_path: Path) -> None:
    """A program that computes with our reference stands for exported C."""
    model = network()
    model.save(tmp_path / "m.akrt")
    program = tmp_path / "program"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nimport numpy as np\nimport akrt\n"
        f"x = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(-1, 49, 10, 1)\n"
        f"y = akrt.Runtime({str(tmp_path / 'm.akrt')!r}, backend='reference').forward(x)\n"
        f"sys.stdout.buffer.write(y.astype('<i4').tobytes())\n"
    )
    program.chmod(0o755)
    data = features(20)
    clips = Clips("real", data.x, data.y, WORDS)
    forms = [backend_form(model, "native"), program_form("exported C", program, model)]
    native, exported = evaluate(forms, clips)
    assert native.identical(exported)
    program.write_text("#!/bin/sh\necho oops >&2\nexit 3\n")
    with pytest.raises(MismatchError, match="status 3 after 0 of .* oops"):
        evaluate(forms[1:], clips)
    with pytest.raises(UsageError, match="cannot be run"):
        evaluate([program_form("exported C", tmp_path / "none", model)], clips)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A folder of noises named as words, and a folder that is no class."""
    rng = np.random.default_rng(2)
    for word in ("yes", "no", "_silence_", "elephant"):
        for i in range(3):
            path = tmp_path / "clips" / word / f"speaker{i}_nohash_0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, rng.normal(0, 0.1, 16000), 16000)
    return tmp_path / "clips"


def test_folder_of_recordings(recorded: Path) -> None:
    (clips,) = load_clips(recorded, WORDS)
    assert sorted(clips.y.tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert clips.x.shape == (9, 49, 10, 1)
    (recorded / "yes" / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(DatasetError, match=r"broken\.wav"):
        load_clips(recorded, WORDS)
    failed: list[str] = []
    assert len(load_clips(recorded, WORDS, failed=failed)[0].y) == 9
    assert "broken.wav" in failed[0]


def test_command_leaves_out_what_cannot_be_read(recorded: Path, tmp_path: Path) -> None:
    """Everything odd is named, on standard error and in JSON; the others are evaluated."""
    network().save(tmp_path / "m.akrt")
    (recorded / "yes" / "broken.wav").write_bytes(b"RIFF")
    (recorded / "yes" / "._speaker0.wav").write_bytes(bytes(70))
    (recorded / "_silence_" / "folder.wav").mkdir()
    (recorded / "no" / "notes.txt").touch()
    sound = np.random.default_rng(0).normal(0, 0.1, 40000)
    soundfile.write(recorded / "no" / "long.wav", sound, 16000)
    (recorded / "nothing").mkdir()
    code = [sys.executable, "-m", "akrt", "kws", "eval", str(recorded), "-b", "native", "--json"]
    code += ["-m", str(tmp_path / "m.akrt"), "-o", str(tmp_path / "out"), "--no-figure"]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["origins"][0]["forms"][0]["clips"] == 10
    assert len(facts["failed"]) == 4
    assert any("1 of 10 recordings are longer than 1 s" in note for note in facts["notes"])
    assert any("elephant, nothing" in note for note in facts["notes"])
    for name in ("broken.wav", "._speaker0.wav", "folder.wav", "notes.txt", "4 files"):
        assert name in done.stderr
    for path in recorded.glob("*/*.wav"):
        if path.is_file():
            path.write_bytes(b"")
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "none of the 11 recordings" in done.stderr
    assert "broken.wav" in done.stderr


def test_of_a_long_recording_the_word_is_evaluated(tmp_path: Path) -> None:
    """Silence, then a clip, then silence: as the clip alone."""
    sound = np.random.default_rng(3).normal(0, 0.1, 16000).astype(np.float32)
    for name, before in (("a_nohash_0.wav", 0), ("b_nohash_0.wav", 24000)):
        (tmp_path / "yes").mkdir(exist_ok=True)
        whole = np.concatenate([np.zeros(before), sound, np.zeros(before)])
        soundfile.write(tmp_path / "yes" / name, whole, 16000)
    (clips,) = load_clips(tmp_path, WORDS)
    assert np.abs(clips.x[0].astype(int) - clips.x[1]).mean() < 1


def test_command_keeps_what_akrt_did_not_write(recorded: Path, tmp_path: Path) -> None:
    network().save(tmp_path / "m.akrt")
    out = tmp_path / "out"
    arguments = ["kws", "eval", str(recorded), "-m", str(tmp_path / "m.akrt"), "-b", "native"]
    arguments += ["--no-figure", "-o", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert CliRunner().invoke(app, arguments).exit_code == 0
    mine = out / "confusion_native.csv"
    mine.write_text("mine")
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, UsageError)
    assert "confusion_native.csv' exists" in str(refused.exception)
    assert mine.read_text() == "mine"
    assert CliRunner().invoke(app, [*arguments, "--force"]).exit_code == 0


def test_command_prints_and_writes(tmp_path: Path) -> None:
    need("matplotlib")
    network().save(tmp_path / "m.akrt")
    features().save(tmp_path / "f.npz")
    arguments = ["kws", "eval", str(tmp_path / "f.npz"), "-m", str(tmp_path / "m.akrt")]
    arguments += ["-b", "native", "-b", "reference", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "native, reference: outputs are identical to the last bit" in done.output
    assert "precision" in done.output
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"report.json", "confusion_native.png", "synthetic_confusion_native.csv"} <= names
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [o["origin"] for o in report["origins"]] == ["real + noise", "synthetic"]
    form = report["origins"][0]["forms"][0]
    confusion = np.array(form["confusion"])
    assert form["accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum())


def test_command_on_a_pickle_and_json(tmp_path: Path) -> None:
    network().save(tmp_path / "m.akrt")
    data = features(8)
    content = [data.x, data.y, data.x, data.y, None, None, {w: i for i, w in enumerate(WORDS)}, 0]
    (tmp_path / "kws.pkl").write_bytes(pickle.dumps(content))
    arguments = ["kws", "eval", str(tmp_path / "kws.pkl"), "-m", str(tmp_path / "m.akrt")]
    done = CliRunner().invoke(app, [*arguments, "-b", "native", "--split", "validation", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["origins"][0]["forms"][0]["clips"] == 8


def test_fetch_lists_and_refuses() -> None:
    listed = CliRunner().invoke(app, ["kws", "fetch"])
    assert listed.exit_code == 0
    assert "ds_cnn_kws_iq8_wq4_aq4_laq1.h5" in listed.output
    refused = CliRunner().invoke(app, ["kws", "fetch", "everything"])
    assert isinstance(refused.exception, UsageError)


def test_keras_forms(starter_models: Path, recordings: Path) -> None:
    """The starter files: Keras as it was trained and quantised, and its integers."""
    for package in ("tensorflow", "tf_keras", "cnn2snn", "akida_models"):
        need(package)
    from akrt.importers import load_h5

    words = json.loads((starter_models / "word_to_index.json").read_text())
    labels = tuple(sorted(words, key=lambda word: words[word]))
    (clips,) = load_clips(recordings / "fsdd", labels)
    clips = clips.first(150)
    model = load_h5(starter_models / "starter_quantised.h5")
    forms = [
        keras_form("float Keras", starter_models / "starter_float.h5"),
        keras_form("quantised Keras", starter_models / "starter_quantised.h5"),
        backend_form(model, "native"),
    ]
    float_keras, quantised, native = evaluate(forms, clips)
    assert float_keras.accuracy() > 0.5
    assert quantised.same_class(native) > 0.9
    assert float_keras.outputs.sum(axis=1) == pytest.approx(1, abs=1e-4)


def test_a_network_with_memory_hears_every_clip_anew() -> None:
    form = backend_form(TEMPORAL, "reference")
    whole = form.scores(FRAMES)
    for i, frame in enumerate(FRAMES):
        np.testing.assert_array_equal(whole[i], form.scores(frame[None])[0])
    with akrt.Runtime(TEMPORAL, backend="reference") as runtime:
        in_time = runtime.predict(FRAMES).reshape(len(FRAMES), -1)
    assert not np.array_equal(whole, in_time)
