"""Damaged, hostile and unsuitable .h5 and .fbz files end in an error that helps."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import architectures
import h5py
import keras_file
import numpy as np
import pytest
from mutations import HOSTILE, edit, mutate, try_all

from akrt.errors import AkrtError, ModelFileError, UnsupportedLayerError
from akrt.importers import load_fbz, load_h5, quarantine, read_hdf5
from akrt.importers.akida_model import from_akida
from akrt.importers.keras_h5 import to_model


@pytest.fixture
def h5(tmp_path: Path) -> Path:
    path = tmp_path / "small.h5"
    keras_file.write(path)
    return path


def test_whole_file_loads(h5: Path) -> None:
    model = load_h5(h5)
    assert [layer.name for layer in model.layers] == ["conv", "dense"]
    assert model.output_shape == (1, 1, 3)


def test_mutated_h5_files(tmp_path: Path) -> None:
    """What the reader makes of 1,200 damaged files, and the importer of what it read."""
    path = tmp_path / "mutated.h5"
    keras_file.write(path)
    whole = path.read_bytes()

    def attempt(i: int) -> str:
        path.write_bytes(mutate(whole, i))
        try:
            facts, arrays = read_hdf5.read(str(path))
        except MemoryError:
            raise
        except Exception as error:
            assert read_hdf5.reason(error)
            return "unreadable"
        try:
            to_model(facts, arrays, str(path))
        except (ModelFileError, UnsupportedLayerError):
            return "refused"
        return "loaded"

    answers = try_all(attempt, 1200)
    # HDF5 itself may hang or crash: the quarantine turns both into an error, see below.
    assert set(answers) <= {"unreadable", "refused", "loaded", "hang", "crash"}, answers
    assert answers["hang"] + answers["crash"] < 30, answers
    assert answers["unreadable"] > 100, answers


def test_mutated_fbz_files(tmp_path: Path) -> None:
    pytest.importorskip("akida", reason="needs akida: pip install 'akrt[akida]'")
    from akrt.importers import akida_model, read_fbz

    whole = architectures.files("images")[1].read_bytes()
    path = tmp_path / "mutated.fbz"

    def attempt(i: int) -> str:
        path.write_bytes(mutate(whole, i))
        try:
            facts, arrays = read_fbz.read(str(path))
        except MemoryError:
            raise
        except Exception as error:
            assert read_fbz.reason(error)
            return "unreadable"
        try:
            akida_model._model(facts, arrays, "mutated")
        except AkrtError:
            return "refused"
        return "loaded"

    answers = try_all(attempt, 1000)
    assert set(answers) <= {"unreadable", "refused", "loaded", "hang", "crash"}, answers
    assert answers["crash"] > 0, "akida survives: the quarantine may no longer be needed"


@pytest.mark.parametrize("kind", ["h5", "fbz"])
def test_mutated_files_through_the_quarantine(kind: str, tmp_path: Path, h5: Path) -> None:
    """The public functions on 30 damaged files each: an error or a model, whatever the reader."""
    load = load_h5
    whole = h5.read_bytes()
    if kind == "fbz":
        pytest.importorskip("akida", reason="needs akida: pip install 'akrt[akida]'")
        load, whole = load_fbz, architectures.files("images")[1].read_bytes()
    answers: Counter[str] = Counter()
    for i in range(30):
        path = tmp_path / f"mutated.{kind}"
        path.write_bytes(mutate(whole, 1000 + i))
        try:
            load(path)
            answers["loaded"] += 1
        except (ModelFileError, UnsupportedLayerError) as error:
            assert str(path) in str(error) or "layer" in str(error)
            answers["refused"] += 1
    assert answers["refused"] > 5


EXPECTED_ELSEWHERE: list[Any] = [
    *HOSTILE, "QuantizedConv2D", "channels_first", "MaxQuantizer", "Dropout", "Sequential",
    [None, 8, 6, 3], [None, None, 6, 1],
]  # fmt: skip


def test_hostile_architectures(h5: Path) -> None:
    """4,000 edits of the JSON with values that no layer expects."""
    facts, arrays = read_hdf5.read(str(h5))
    whole = json.loads(facts["config"])

    def attempt(i: int) -> str:
        config = edit(whole, i, EXPECTED_ELSEWHERE)
        try:
            to_model({**facts, "config": json.dumps(config)}, arrays, "edited.h5")
        except (ModelFileError, UnsupportedLayerError):
            return "refused"
        return "loaded"

    answers = try_all(attempt, 4000)
    assert set(answers) == {"refused", "loaded"}, answers
    assert answers["refused"] > 2000


@pytest.mark.parametrize(
    "facts",
    [
        {"ip_version": "v1", "layers": [{}]},
        {"ip_version": "v1", "layers": [5]},
        {"ip_version": "v2", "layers": ["x"]},
        {"ip_version": "v1", "layers": [{"name": "a", "type": ["x"], "parameters": {}}]},
        {
            "ip_version": "v1",
            "layers": [
                {"name": "a", "type": "InputData", "inbounds": [], "variables": [],
                 "parameters": {}, "input_shape": [1, 2]},
            ],
        },
    ],
)  # fmt: skip
def test_contents_of_an_fbz_that_make_no_sense(
    facts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the reader of a damaged file may hand over."""
    pytest.importorskip("akida", reason="needs akida: pip install 'akrt[akida]'")
    monkeypatch.setattr(quarantine, "read", lambda *_: (facts, {}))
    with pytest.raises(ModelFileError, match="m.fbz: an akida model that makes no sense"):
        load_fbz(tmp_path / "m.fbz")


def test_deeply_nested_json() -> None:
    with pytest.raises(ModelFileError, match="not JSON"):
        to_model({"config": "[" * 100_000, "keras": "", "weights": {}}, {}, "deep.h5")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"conv": {"dilation_rate": [2, 2]}}, "layer 'conv'.*dilation_rate must be 1"),
        ({"conv": {"data_format": "channels_first"}}, "channels_first"),
        ({"conv": {"padding": "causal"}}, "padding must be 'same' or 'valid'"),
        ({"conv": {"class_name": "Conv2D"}}, "'conv' .Conv2D.*cnn2snn.quantize first"),
        ({"conv/relu": {"class_name": "ReLU"}}, "not quantised"),
        ({"conv/relu": {"bitwidth": 3}}, "'conv/relu'.*1, 2 or 4 bits, got 3.*quantize_layer"),
        ({"conv/relu": {"class_name": "LSTM"}}, "LSTM.*not supported"),
        ({"conv": {"quant_config": {}}}, "'flatten'.*is not quantised.*for Akida 1.0"),
        ({"dense": {"class_name": "Sequential", "layers": []}}, "model within a model"),
        ({"dense": {"units": 4}}, r"weights of shapes \[\(192, 4\)\].*file holds"),
        ({"flatten": {"class_name": "Reshape", "target_shape": [4, 4, 12]}}, "can only turn"),
        ({"conv/relu": {"class_name": "MaxPooling2D", "pool_size": [2, 2], "padding": "valid"}},
         "same padding as 'conv'|activation between"),
    ],
)  # fmt: skip
def test_unsupported_layers_are_named_with_a_remedy(
    edit: dict[str, dict[str, Any]], message: str, h5: Path
) -> None:
    facts, arrays = read_hdf5.read(str(h5))
    config = json.loads(facts["config"])
    for entry in config["config"]["layers"]:
        changes = dict(edit.get(entry["config"]["name"], {}))
        entry["class_name"] = changes.pop("class_name", entry["class_name"])
        entry["config"].update(changes)
    with pytest.raises(UnsupportedLayerError, match=message):
        to_model({**facts, "config": json.dumps(config)}, arrays, "edited.h5")


def test_branches_are_refused(h5: Path) -> None:
    facts, arrays = read_hdf5.read(str(h5))
    config = json.loads(facts["config"])
    config["class_name"] = "Functional"
    entries = config["config"]["layers"]
    for entry, before in zip(entries[1:], entries, strict=False):
        entry["inbound_nodes"] = [[[before["config"]["name"], 0, 0, {}]]]
    straight = to_model({**facts, "config": json.dumps(config)}, arrays, "functional.h5")
    assert [layer.name for layer in straight.layers] == ["conv", "dense"]
    entries[-1]["inbound_nodes"][0].append(["conv", 0, 0, {}])
    with pytest.raises(UnsupportedLayerError, match="'dense'.*2 inputs"):
        to_model({**facts, "config": json.dumps(config)}, arrays, "functional.h5")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "empty file"),
        (b"not a model" * 100, "HDF5 cannot open it"),
        (b"\x89HDF\r\n\x1a\n" + bytes(2000), "not a readable HDF5 file"),
    ],
)
def test_wrong_kinds_of_file(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message):
        load_h5(path)


def test_weights_without_a_model(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv"]
    with pytest.raises(ModelFileError, match="weights only.*model.save"):
        load_h5(path)


def _replace_kernel(path: Path, how: str) -> None:
    name = "model_weights/conv/conv/kernel:0"
    with h5py.File(path, "r+") as file:
        kernel = file[name][()]
        del file[name]
        if how == "external link":
            file[name] = h5py.ExternalLink("/etc/passwd", "/")
        elif how == "soft link":
            file["elsewhere"] = kernel
            file[name] = h5py.SoftLink("/elsewhere")
        elif how == "external storage":
            file.create_dataset(
                name, kernel.shape, "f4", external=[("/etc/passwd", 0, kernel.nbytes)]
            )
        elif how == "bomb":
            file.create_dataset(name, (1 << 20, 1 << 12), "f4", chunks=(1024, 64), compression=9)
        elif how == "huge":
            file.create_dataset(name, (1 << 30, 1 << 12), "f4", chunks=(1024, 64))
        elif how == "integers":
            file[name] = kernel.astype(np.int32)
        elif how == "group":
            file.create_group(name)
        elif how == "not finite":
            kernel[0, 0, 0, 0] = np.nan
            file[name] = kernel


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("external link", "link to another place"),
        ("soft link", "link to another place"),
        ("external storage", "lies in another file"),
        ("bomb", "too large"),
        ("huge", "too large"),
        ("integers", "expected float32"),
        ("group", "is not an array"),
        ("not finite", "not finite"),
        ("missing", "is missing"),
    ],
)
def test_hostile_weights(how: str, message: str, h5: Path) -> None:
    _replace_kernel(h5, how)
    with pytest.raises((ModelFileError, UnsupportedLayerError), match=message):
        load_h5(h5)


def test_a_reader_that_hangs_is_stopped(
    tmp_path: Path, h5: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reader_that_hangs.py").write_text("def read(path):\n    while True: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    start = time.monotonic()
    with pytest.raises(ModelFileError, match="did not end within 1 s"):
        quarantine.read("reader_that_hangs", h5, "HDF5 file", timeout=1)
    monkeypatch.setattr(quarantine, "CPU_SECONDS", 1)
    with pytest.raises(ModelFileError, match="found no end"):
        quarantine.read("reader_that_hangs", h5, "HDF5 file")
    assert time.monotonic() - start < 60


def test_a_reader_that_crashes_or_eats_memory_is_an_error(
    tmp_path: Path, h5: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reader_that_crashes.py").write_text(
        "import os, signal\ndef read(path):\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    (tmp_path / "reader_that_eats.py").write_text(
        "def read(path):\n    return bytearray(1 << 40)\n"
        "def reason(error):\n    return type(error).__name__\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelFileError, match="damaged.*SIGSEGV"):
        quarantine.read("reader_that_crashes", h5, "HDF5 file")
    with pytest.raises(ModelFileError, match="MemoryError"):
        quarantine.read("reader_that_eats", h5, "HDF5 file")


def test_edge_learning_layers_are_refused() -> None:
    akida = pytest.importorskip("akida", reason="needs akida: pip install 'akrt[akida]'")
    model = akida.Model()
    model.add(akida.InputData((1, 1, 8), input_bits=1, name="in"))
    model.add(akida.FullyConnected(4, weights_bits=1, activation=False, name="edge"))
    model.compile(akida.AkidaUnsupervised(num_weights=2))
    with pytest.raises(UnsupportedLayerError, match="'edge'.*edge learning"):
        from_akida(model)


def test_not_an_akida_model() -> None:
    with pytest.raises(AkrtError, match=r"expected an akida.Model, got dict"):
        from_akida({})
