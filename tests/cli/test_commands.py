"""The akrt command as a user types it: output, exit codes, errors without tracebacks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from in_process import run_akrt

import akrt
from akrt.driver.mapping import MAP_MODES
from akrt.loading import load
from akrt.model import FullyConnected, InputConvolutional, Mfcc, Model
from akrt.runtime import bundled_model

RATE = 16000


def command(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    ran = run_akrt(*arguments)
    done = subprocess.CompletedProcess(
        ran.args, ran.returncode, ran.stdout.decode(), ran.stderr.decode()
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two classes, loud and quiet, and recordings of both."""
    home = tmp_path_factory.mktemp("cli")
    first = InputConvolutional(
        name="coarse",
        input_shape=(49, 10, 1),
        weights=np.ones((1, 1, 1, 1), np.int8),
        weights_bits=2,
        act_bits=4,
        threshold=np.array([128], np.int32),
        act_step=np.array([8.0], np.float32),
    )
    weights = np.zeros((490, 2), np.int8)
    weights[:49, 0], weights[:49, 1] = 1, -1  # rows are (C, Y, X): coefficient 0 of every frame
    last = FullyConnected(
        name="decide",
        weights=weights,
        weights_bits=2,
        act_bits=None,
        threshold=np.array([100, -100], np.int32),
        act_step=np.ones(2, np.float32),
    )
    model = Model((first, last), name="loudness", labels=("loud", "quiet"), preprocessing=Mfcc())
    model.save(home / "loudness.akrt")
    model.replace(preprocessing=None).save(home / "mute.akrt")
    model.replace(labels=None).save(home / "unlabelled.akrt")
    rng = np.random.default_rng(0)
    for word, volume in (("loud", 0.5), ("quiet", 1e-4)):
        (home / "clips" / word).mkdir(parents=True)
        for i in range(3):
            noise = rng.normal(0, volume, RATE).clip(-1, 1)
            soundfile.write(home / "clips" / word / f"{i}.wav", noise, RATE)
    (home / "clips" / "other").mkdir()
    soundfile.write(home / "clips" / "other" / "0.flac", np.zeros(RATE), RATE)
    (home / "empty").mkdir()
    (home / "text.wav").write_text("this is no sound")
    (home / "nothing.wav").touch()
    return home


def test_run_names_every_clip(folder: Path) -> None:
    done = command("run", folder / "clips", "-m", folder / "loudness.akrt")
    for word in ("loud", "quiet"):
        lines = [s for s in done.stdout.splitlines() if f"clips/{word}/" in s]
        assert len(lines) == 3
        assert all(word in line.split("wav")[1] for line in lines)
    assert "6 of 6 clips in folders named after a word were named right" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_run_as_json(folder: Path) -> None:
    done = command(
        "run", folder / "clips/loud/0.wav", "-m", folder / "loudness.akrt", "--json", "--top", "2"
    )
    facts = json.loads(done.stdout)
    assert facts["backend"] == "native"
    (heard,) = facts["results"]
    assert heard["word"] == "loud"
    assert [guess["word"] for guess in heard["top"]] == ["loud", "quiet"]
    assert sum(guess["score"] for guess in heard["top"]) == pytest.approx(1)
    assert heard["features_ms"] > 0
    assert heard["inference_ms"] > 0


def test_backends_agree(folder: Path) -> None:
    answers = set()
    for backend in ("native", "reference"):
        done = command(
            *("run", folder / "clips", "-m", folder / "loudness.akrt"),
            *("-b", backend, "--json", "--top", "2"),
        )
        results = json.loads(done.stdout)["results"]
        answers.add(json.dumps([(r["file"], r["top"]) for r in results]))
    assert len(answers) == 1


def test_a_device_implies_its_backend(folder: Path) -> None:
    command("run", folder / "clips/loud", "-m", folder / "loudness.akrt", "--device", "0", code=4)
    done = command(
        *("run", folder / "clips/loud", "-m", folder / "loudness.akrt", "--json"),
        *("--device", "0", "--fallback", "native"),
    )
    assert json.loads(done.stdout)["backend"] == "nsoc"
    assert {r["word"] for r in json.loads(done.stdout)["results"]} == {"loud"}
    assert "'native' computes" in done.stderr


def test_one_bad_file_does_not_lose_the_others(folder: Path) -> None:
    done = command(
        *("run", folder / "text.wav", folder / "clips/loud", folder / "nothing.wav"),
        *("-m", folder / "loudness.akrt"),
    )
    assert done.stdout.count("loud/") == 3
    assert "text.wav" in done.stderr
    assert "nothing.wav" in done.stderr
    assert "2 of 5 files could not be read" in done.stderr


def test_run_on_arrays(folder: Path) -> None:
    loud, quiet = np.full((49, 10, 1), 255, np.uint8), np.zeros((49, 10, 1), np.uint8)
    np.save(folder / "batch.npy", np.stack([loud, quiet]))
    np.save(folder / "one.npy", quiet)
    done = command(
        "run", folder / "batch.npy", folder / "one.npy", "-m", folder / "mute.akrt", "--json"
    )
    assert [r["word"] for r in json.loads(done.stdout)["results"]] == ["loud", "quiet", "quiet"]
    np.save(folder / "wrong.npy", np.zeros((1, 10, 49, 1), np.uint8))
    done = command("run", folder / "wrong.npy", "-m", folder / "mute.akrt", code=3)
    assert "wrong.npy" in done.stderr
    assert "expected an array of shape (N, 49, 10, 1), got (1, 10, 49, 1)" in done.stderr
    np.save(folder / "objects.npy", np.array([{}], object), allow_pickle=True)
    done = command("run", folder / "objects.npy", "-m", folder / "mute.akrt", code=3)
    assert "objects.npy" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run",), 2, "name the files to run, or use --demo"),
        (("run", "{}/clips", "--demo"), 2, "--demo"),
        (("run", "{}/none.wav", "-m", "{}/loudness.akrt"), 3, "none.wav' does not exist"),
        (("run", "{}/empty", "-m", "{}/loudness.akrt"), 3, "no sound file in"),
        (("run", "{}/nothing.wav", "-m", "{}/loudness.akrt"), 3, "empty"),
        (("run", "{}/text.wav", "-m", "{}/loudness.akrt"), 3, "text.wav"),
        (("run", "{}/clips", "-m", "{}/none.akrt"), 3, "none.akrt': No such file"),
        (("run", "{}/clips", "-m", "{}/text.wav"), 3, "it is a text file, not a model"),
        (("run", "{}/clips", "-m", "{}/mute.akrt"), 2, "does not say how sound becomes its input"),
        (("run", "{}/clips", "-m", "{}/loudness.akrt", "-b", "gpu"), 2, "no backend 'gpu'"),
        (("run", "{}/clips", "--top", "0"), 2, "--top"),
        (("eval", "{}/text.wav", "-m", "{}/loudness.akrt"), 3, "is not a folder"),
        (("eval", "{}/empty", "-m", "{}/loudness.akrt"), 3, "named after a class"),
        (("eval", "{}/clips", "-m", "{}/unlabelled.akrt"), 3, "has no class names"),
        (("summary", "{}/nothing.wav"), 3, "is empty"),
        (("convert", "{}/loudness.akrt", "{}/out.txt"), 2, "OUT must end in .akrt or .fbz"),
        (("convert", "{}/loudness.akrt", "{}/none/out.akrt"), 3, "cannot write"),
        (("convert", "{}/loudness.akrt", "{}/o.akrt", "--labels", "{}/clips"), 3, "it is a folder"),
        (("fly",), 2, "No such command"),
    ],
)
def test_errors_say_what_to_do_and_set_the_exit_code(
    folder: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = command(*(a.format(folder) for a in arguments), code=code)
    assert message in done.stderr
    assert not done.stdout


def test_eval(folder: Path) -> None:
    done = command("eval", folder / "clips", "-m", folder / "loudness.akrt")
    assert "accuracy 100.00%, top-3 100.00% on 6 clips of 2 classes" in done.stdout
    assert "folders that are no class of the model: other" in done.stdout
    facts = json.loads(
        command("eval", folder / "clips", "-m", folder / "loudness.akrt", "--json").stdout
    )
    assert facts["accuracy"] == 1.0
    assert facts["classes"]["loud"] == {"clips": 3, "right": 3, "top3": 3}
    assert facts["statistics"]["samples"] == 6


def test_a_class_without_recordings_is_not_scored(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "loud").symlink_to(folder / "clips" / "loud")
    (tmp_path / "quiet").mkdir()
    done = command("eval", tmp_path, "-m", folder / "loudness.akrt")
    assert "on 3 clips of 1 classes" in done.stdout
    assert any(line.split() == ["quiet", "0", "-"] for line in done.stdout.splitlines())


def test_summary(folder: Path) -> None:
    text = command("summary", folder / "loudness.akrt").stdout
    for part in ("coarse", "InputConvolutional", "FullyConnected", "loud, quiet", "16000 Hz"):
        assert part in text
    facts = json.loads(command("summary", folder / "loudness.akrt", "--json").stdout)
    assert facts["labels"] == ["loud", "quiet"]
    assert facts["preprocessing"]["coefficients"] == 10
    assert [row["name"] for row in facts["layers"]] == ["coarse", "decide"]


def test_help_names_every_map_mode() -> None:
    for verb in ("summary", "check"):
        told = command(verb, "--help").stdout
        assert all(mode in told for mode in MAP_MODES)


def test_summary_tells_the_kernels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = json.loads(command("summary", folder / "loudness.akrt", "--json").stdout)["kernels"]
    assert kernels["chosen"] == kernels["usable"][0]
    monkeypatch.setenv("AKRT_ARCH", "generic")
    done = command("summary", folder / "loudness.akrt")
    assert f"kernels  generic of {', '.join(kernels['usable'])}" in done.stdout
    monkeypatch.setenv("AKRT_ARCH", "sse9")
    assert "AKRT_ARCH=sse9" in command("summary", folder / "loudness.akrt", code=2).stderr


@pytest.mark.parametrize(
    "text", ['["noisy", "calm"]', '{"calm": 1, "noisy": 0}', "noisy\n\ncalm\n"]
)
def test_convert_adds_labels_and_meaning(folder: Path, tmp_path: Path, text: str) -> None:
    labels, out = tmp_path / "labels", tmp_path / "out.akrt"
    labels.write_text(text)
    command(
        *("convert", folder / "mute.akrt", out, "--labels", labels, "--mfcc"),
        *("--scale", "2", "--offset", "100", "--name", "renamed"),
        *("--note", "licence=MIT", "--note", "source=a=b"),
    )
    model = akrt.load(out)
    assert model.notes == {"licence": "MIT", "source": "a=b"}
    refused = command("convert", folder / "mute.akrt", out, "--note", "licence", code=2)
    assert "KEY=TEXT" in refused.stderr
    assert model.name == "renamed"
    assert model.labels == ("noisy", "calm")
    assert model.preprocessing == Mfcc(scale=2.0, offset=100)


def test_convert_to_fbz_and_back(folder: Path, tmp_path: Path) -> None:
    from conftest import need

    need("akida")
    command("convert", folder / "loudness.akrt", tmp_path / "m.fbz")
    command("convert", tmp_path / "m.fbz", tmp_path / "m.akrt")
    before, after = akrt.load(folder / "loudness.akrt"), akrt.load(tmp_path / "m.akrt")
    for a, b in zip(before.layers, after.layers, strict=True):
        for name, array in a.arrays.items():
            np.testing.assert_array_equal(array, b.arrays[name])


def test_version_and_help() -> None:
    assert command("--version").stdout == f"akrt {akrt.__version__}\n"
    assert "summary" in command("--help").stdout


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    line = f"{sys.executable} -m akrt summary {folder / 'loudness.akrt'} --json | head -n 1"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "{\n"
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_page(folder: Path, tmp_path: Path) -> None:
    """A spotter of two classes as a web page, and what is said when it cannot be made."""
    if shutil.which("wasm-ld") is None or shutil.which("clang") is None:
        pytest.skip("clang or lld is not installed")
    page = tmp_path / "page.html"
    facts = json.loads(command("page", folder / "loudness.akrt", "-o", page, "--json").stdout)
    text = page.read_text()
    assert facts == {"file": str(page), "bytes": len(text.encode())}
    assert '["loud", "quiet"]' in text
    assert "{{" not in text
    assert "-o FILE.html" in command("page", code=2).stderr
    assert "--mfcc" in command("page", folder / "mute.akrt", "-o", page, code=2).stderr
    assert page.read_text() == text
    nowhere = tmp_path / "no" / "page.html"
    assert "No such file" in command("page", "-o", nowhere, code=3).stderr


def test_convert_overwrites_only_what_akrt_wrote(tmp_path: Path) -> None:
    first, out = tmp_path / "first.akrt", tmp_path / "out.akrt"
    bundled_model().save(first)

    def convert(*arguments: object) -> subprocess.CompletedProcess[bytes]:
        return run_akrt("convert", *arguments)

    for arguments in ((first, out), (first, out, "--name", "b"), (out, out, "--name", "c")):
        assert convert(*arguments).returncode == 0
    assert load(out).name == "c"
    out.write_bytes(out.read_bytes()[:-1])
    done = convert(first, out)
    assert done.returncode == 2
    assert b"not what akrt wrote" in done.stderr
    assert convert(first, out, "--force").returncode == 0
    (tmp_path / "a.fbz").write_bytes(b"mine")
    done = convert(tmp_path / "a.fbz", tmp_path / "a.fbz", "--force")
    assert done.returncode == 2
    assert b"IN and OUT are the same file" in done.stderr
    assert convert(first, tmp_path / "a.fbz").returncode == 2
    assert (tmp_path / "a.fbz").read_bytes() == b"mine"
