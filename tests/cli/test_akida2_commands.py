"""Networks of Akida 2.0 on the command line: run, eval, summary, convert, and what refuses them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from akida2_outputs import outputs_by_layer
from conftest import need
from test_akida2_memory_model import FRAMES, TEMPORAL
from test_akida2_model import constants
from test_commands import command

import akrt
from akrt.cli.recordings import hear
from akrt.frontends import mfcc
from akrt.frontends.mfcc import clips
from akrt.model import BufferTempConv, Dense1D, Dequantizer, InputConv2D, Mfcc, Model
from akrt.model import file as modelfile

RATE = 16000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two classes, loud and quiet, and recordings of both."""
    home = tmp_path_factory.mktemp("akida2")
    first = InputConv2D(
        name="coarse",
        input_shape=(49, 10, 1),
        weights=np.ones((1, 1, 1, 1), np.int8),
        padding_value=np.zeros(1, np.uint8),
        **constants(1, bias=np.array([-128], np.int8), output_shift=np.array([-1], np.int8)),
    )
    weights = np.zeros((490, 2), np.int8)
    weights[::10, 0], weights[::10, 1] = 1, -1  # rows are (X, Y, C): coefficient 0 of every frame
    last = Dense1D(
        name="decide",
        weights=weights,
        input_shift=np.zeros(490, np.uint8),
        output_bits=28,
        **constants(2, output_shift=np.zeros(2, np.int8)),
    )
    out = Dequantizer(name="floats", scales=np.full(2, 0.01, np.float32))
    model = Model((first, last, out), name="net", labels=("loud", "quiet"), preprocessing=Mfcc())
    model.save(home / "net.akrt")
    rng = np.random.default_rng(0)
    for word, loudness in (("loud", 0.5), ("quiet", 0.0)):
        (home / "clips" / word).mkdir(parents=True)
        for i in range(2):
            samples = loudness * rng.uniform(-1, 1, RATE)
            soundfile.write(home / "clips" / word / f"{i}.wav", samples, RATE)
    np.save(home / "x.npy", model.noise(rng, 3))
    return home


@pytest.mark.parametrize("backend", ["auto", "native", "reference", "simulator"])
def test_run_and_eval(folder: Path, backend: str) -> None:
    if backend == "simulator":
        need("akida")
    model = folder / "net.akrt"
    done = command("run", folder / "clips", "-m", model, "-b", backend)
    assert "4 of 4 clips in folders named after a word were named right" in done.stdout
    done = command("eval", folder / "clips", "-m", model, "-b", backend)
    assert "accuracy 100.00%" in done.stdout
    facts = json.loads(
        command("run", folder / "x.npy", "-m", model, "-b", backend, "--json").stdout
    )
    assert len(facts["results"]) == 3
    assert facts["akida_version"] == 2
    assert facts["backend"] == ("native" if backend == "auto" else backend)


def test_summary_says_the_version(folder: Path) -> None:
    text = command("summary", folder / "net.akrt").stdout
    assert "net: Akida 2.0, 981 weights" in text
    assert "input    49x10x1, 8-bit unsigned: MFCC" in text
    facts = json.loads(command("summary", folder / "net.akrt", "--json").stdout)
    assert (facts["akida_version"], facts["input_type"]) == (2, "uint8")
    assert [row["type"] for row in facts["layers"]] == ["InputConv2D", "Dense1D", "Dequantizer"]
    ours = json.loads(command("summary", "--json").stdout)
    assert ours["akida_version"] == 1


def test_the_samples_of_an_array_are_steps_in_time(tmp_path: Path) -> None:
    TEMPORAL.save(tmp_path / "net.akrt")
    np.save(tmp_path / "x.npy", FRAMES)
    model = ("-m", tmp_path / "net.akrt", "-b", "reference")
    facts = json.loads(command("run", tmp_path / "x.npy", *model, "--json").stdout)
    logits = outputs_by_layer(TEMPORAL, FRAMES)["out"].reshape(-1, 3)
    assert [r["word"] for r in facts["results"]] == ["abc"[row.argmax()] for row in logits]
    assert len({r["word"] for r in facts["results"]}) > 1
    text = command("summary", tmp_path / "net.akrt").stdout
    assert "from one sample for the next: a batch is steps in time" in text
    assert json.loads(command("summary", tmp_path / "net.akrt", "--json").stdout)["stateful"]
    native = command("run", tmp_path / "x.npy", "-m", tmp_path / "net.akrt", "--json")
    again = json.loads(native.stdout)
    assert (again["backend"], again["results"]) == ("native", facts["results"])


def test_a_network_with_memory_is_exported_and_verified(tmp_path: Path) -> None:
    TEMPORAL.save(tmp_path / "net.akrt")
    done = command("export", tmp_path / "net.akrt", "-o", tmp_path / "out")
    assert "state     288 bytes of RAM, what it remembers" in done.stdout
    assert "9 vectors" in command("verify", tmp_path / "out").stdout
    told = command("check", tmp_path / "net.akrt", "--target", "mcu").stdout
    assert "state 288 bytes of RAM: what it remembers" in told


def test_a_recording_is_heard_in_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many clips are computed at once: what a network remembers goes on."""
    first = InputConv2D(
        name="coarse",
        input_shape=(49, 10, 1),
        weights=np.ones((10, 10, 1, 2), np.int8),
        padding="valid",
        padding_value=np.zeros(1, np.uint8),
        **constants(2, output_shift=np.full(2, -9, np.int8)),
    )
    past = BufferTempConv(
        name="past",
        weights=np.arange(20, dtype=np.int8).reshape(5, 2, 2) - 9,
        input_shift=np.zeros(2, np.uint8),
        **constants(2),
    )
    out = Dequantizer(name="floats", scales=np.full(2, 0.01, np.float32))
    model = Model((first, past, out), labels=("a", "b"), preprocessing=Mfcc())
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 6 * RATE) * np.linspace(0, 1, 6 * RATE)
    soundfile.write(tmp_path / "x.wav", samples, RATE)
    given = []

    def one_by_one(samples: np.ndarray, settings: Mfcc) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for starts, x in clips(samples, settings):
            for i in range(len(x)):
                given.append(i)
                yield starts[i : i + 1], x[i : i + 1]

    with akrt.Runtime(model, backend="reference") as runtime:
        whole = hear(runtime, str(tmp_path / "x.wav"), 2)
        monkeypatch.setattr(mfcc, "clips", one_by_one)
        parted = hear(runtime, str(tmp_path / "x.wav"), 2)
    assert len(given) > 5
    assert parted.top == whole.top
    assert (parted.start, parted.clips) == (whole.start, whole.clips)


def test_convert_to_akida_and_back(folder: Path, tmp_path: Path) -> None:
    need("akida")
    done = command("convert", folder / "net.akrt", tmp_path / "net.fbz")
    assert "net.fbz: Akida 2.0, 3 layers, 981 weights" in done.stdout
    command("convert", tmp_path / "net.fbz", tmp_path / "again.akrt")
    model, again = (modelfile.load(p) for p in (folder / "net.akrt", tmp_path / "again.akrt"))
    for layer, other in zip(model.layers, again.layers, strict=True):
        assert layer.kind == other.kind
        for name, array in layer.arrays.items():
            np.testing.assert_array_equal(array, other.arrays[name])


def test_bench_times_the_kernel_sets(folder: Path) -> None:
    done = command("bench", folder / "net.akrt", "--seconds", "0.1", "--batch", "2", "--json")
    facts = json.loads(done.stdout)
    assert any(row["name"].startswith("akrt ") for row in facts["rows"])
    assert set(facts["absent"].values()) == {"runs networks of Akida 1.0 only, as akrt builds them"}


def test_export_check_and_verify(folder: Path, tmp_path: Path) -> None:
    checked = command("check", folder / "net.akrt", "--target", "mcu").stdout
    assert "instructions, m4" in checked
    assert re.search(r"^rv32 .*\d,\d\d\d", checked, re.M)
    assert "coarse" in checked
    command("export", folder / "net.akrt", "-o", tmp_path, "--name", "net")
    assert "every layer as expected" in command("verify", tmp_path).stdout
    done = command("export", folder / "net.akrt", "-o", tmp_path / "heard", "--stream", code=2)
    assert "export this one without --stream" in done.stderr


def test_check_names_every_violation_and_the_other_version(folder: Path) -> None:
    done = command("check", folder / "net.akrt", code=3)
    assert "Akida 2.0: for twonodesipv2, fournodesipv2" in done.stdout
    assert "net, a network of Akida 2.0, does not fit an AKD1000: 1 violations" in done.stdout
    done = command("check", folder / "net.akrt", "--target", "sixnodesipv2", code=3)
    for rule in ("kernel", "activation"):
        assert rule in done.stdout
    assert "does not fit a SixNodesIPv2: 2 violations" in done.stdout


@pytest.fixture(scope="module")
def fitting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that chips of Akida 2.0 hold."""
    first = InputConv2D(
        name="first",
        input_shape=(5, 5, 1),
        weights=np.ones((5, 5, 1, 2), np.int8),
        padding="valid",
        padding_value=np.zeros(1, np.uint8),
        activation="relu",
        max_value=np.full(2, 127, np.uint8),
        max_value_shift=np.full(2, 31, np.uint8),
        **constants(2, output_shift=np.full(2, -4, np.int8)),
    )
    path = tmp_path_factory.mktemp("fitting") / "net.akrt"
    last = Dequantizer(name="floats", scales=np.ones(2, np.float32))
    model = Model((first, last), name="net")
    model.save(path)
    np.save(path.with_suffix(".npy"), model.noise(np.random.default_rng(0), 3))
    return path


def test_a_virtual_chip_of_akida_2(fitting: Path) -> None:
    need("akida")
    device = "virtual:sixnodesipv2"
    facts = json.loads(
        command("check", fitting, "--target", "sixnodesipv2", "--json").stdout,
    )
    assert (facts["akida_version"], facts["fits"], facts["unproven"]) == (2, True, None)
    assert facts["mapping"]["in_hardware"]
    done = command("summary", fitting, "--device", device)
    assert f"{device}, map mode all_nps: in hardware" in done.stdout
    given = ("run", fitting.with_suffix(".npy"), "-m", fitting, "-b", "nsoc")
    done = command(*given, "--device", device)
    assert f"net, a network of Akida 2.0: computed by nsoc {device} (simulated)" in done.stdout
