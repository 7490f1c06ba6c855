"""Files that are often taken for a model: told by their content, with the step that helps."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import akrt
from akrt import loading
from akrt.cli.commands import app
from akrt.errors import ModelFileError, UnsupportedLayerError
from akrt.importers.keras_config import refuse_code


def archive(*names: str, metadata: str | None = None) -> bytes:
    data = io.BytesIO()
    texts = dict.fromkeys(names, "{}") | ({"metadata.json": metadata} if metadata else {})
    with zipfile.ZipFile(data, "w") as file:
        for name, text in texts.items():
            file.writestr(zipfile.ZipInfo(name), text)  # of 1980: the names of tests hold the bytes
    return data.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


@pytest.mark.parametrize("suffix", [".akrt", ".h5", ".fbz", ".bin"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LFS, "Git LFS pointer, not the file: run 'git lfs pull'"),
        (b"\x1c\0\0\0TFL3" + bytes(64), "TensorFlow Lite model.*model.save"),
        (archive("config.json", "metadata.json", "model.weights.h5"), "a .keras model.*model.save"),
        (archive("config.json", metadata='{"keras_version": "3.5.0"}'), "Keras 3.*in tf_keras"),
        (b"\x08\x08\x12\x07pytorch:" + bytes(40), "ONNX model of floats.*onnx.load.*cnn2snn"),
        (b"\x08\x08\x12\x07pytorch" + b"QuantizeLinear", "that another tool quantised"),
        (
            b"\x08\x08\x12\x0aquantizeml" + bytes(5000) + b"com.brainchip",
            r"ONNX model that QuantizeML quantised.*cnn2snn.convert\(model\).save\('model.fbz'\)",
        ),
        (archive("archive/data.pkl", "archive/version"), "PyTorch model.*ONNX.*cnn2snn.convert"),
        (archive("x.npy"), "NumPy archive"),
        (archive("model.h5"), "zip archive: unpack it"),
        (b"PK\x03\x04" + bytes(40), "damaged zip archive"),
        (pickle.dumps({"a": 1}), "Python pickle, which is never loaded"),
        (b"\n<!DOCTYPE html><html>", "HTML page"),
        (b"\x1f\x8b\x08" + bytes(20), "gzip archive: unpack it"),
        (b"\x93NUMPY\x01\x00", "NumPy array: it is an input"),
        (b"RIFF\0\0\0\0WAVE", "sound file"),
        (json.dumps({"class_name": "Sequential"}).encode(), "JSON text.*model.save"),
        (b"\xef\xbb\xbf{}", "JSON text"),
        (b"yes\nno\n", "text file, not a model"),
    ],
)
def test_other_kinds_of_file(tmp_path: Path, suffix: str, content: bytes, message: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        akrt.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.onnx", "ONNX model.*cnn2snn.convert"),
        ("saved_model.pb", "SavedModel"),
        ("model.ckpt.index", "checkpoint, which holds weights only"),
        ("model.data-00000-of-00001", "checkpoint"),
        ("checkpoint", "checkpoint"),
    ],
)
def test_kinds_that_only_the_name_tells(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_bytes(b"\x08\x07\x12\0\xff" * 20)
    with pytest.raises(ModelFileError, match=message):
        akrt.load(tmp_path / name)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("saved_model.pb",), "TensorFlow SavedModel"),
        (("checkpoint",), "TensorFlow checkpoint"),
        (("config.json", "metadata.json"), "unpacked .keras model"),
        (("a.fbz",), "a folder: name the model file in it"),
    ],
)
def test_folders(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(ModelFileError, match=message):
        akrt.load(tmp_path)


@pytest.mark.parametrize(
    ("keras", "told"), [("2.15.0", "a model of"), ("3.5.0", "a Keras 3 model")]
)
def test_a_float_keras_model(tmp_path: Path, keras: str, told: str) -> None:
    """Whoever asks for a summary learns what to do next."""
    import h5py

    entries = [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 4]}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 2, "use_bias": False}},
    ]
    path = tmp_path / "float.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "m", "layers": entries}}
        )
        file.attrs["keras_version"] = keras
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    with pytest.raises(ModelFileError, match=rf"{told}.*quantizeml.models.quantize.*model.save"):
        akrt.load(path)
    refused = CliRunner().invoke(app, ["summary", str(path)]).exception
    assert isinstance(refused, ModelFileError)
    assert "quantizeml.models.quantize(model)" in str(refused)


def config(**entry: object) -> str:
    layer = {"class_name": "Dense", "config": {"name": "d"}, **entry}
    return json.dumps({"class_name": "Sequential", "config": {"layers": [layer]}})


def test_architectures_that_would_run_code_are_refused_by_name() -> None:
    refuse_code(config(), "m.h5")
    refuse_code(config(module="keras.layers"), "m.h5")
    for entry, message in (
        ({"class_name": "Lambda"}, "layer 'd'? ?.*Lambda.*Python code, which is not run"),
        ({"class_name": "Custom>Lambda"}, "Python code"),
        ({"class_name": "TFOpLambda"}, "Python code"),
        ({"config": {"name": "d", "activation": {"class_name": "__lambda__"}}}, "Python code"),
        ({"module": "os"}, "package 'os', which is not imported"),
    ):
        with pytest.raises(ModelFileError, match=message):
            refuse_code(config(**entry), "m.h5")


def test_a_network_that_keras_3_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from akrt.kws import network

    facts = {"config": '{"class_name": "Functional", "config": {}}', "keras": "3.5.0"}
    monkeypatch.setattr(network.quarantine, "read", lambda *_: (facts, {}))
    with pytest.raises(ModelFileError, match="Keras 3 saved it.*TF_USE_LEGACY_KERAS=1"):
        network.load(tmp_path / "m.h5")


def test_a_lambda_in_a_keras_file_does_not_run(tmp_path: Path) -> None:
    keras = pytest.importorskip("tf_keras", reason="needs tf_keras: pip install 'akrt[train]'")
    from akrt.kws import network

    trace = tmp_path / "ran"
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Lambda(
                lambda x, path=str(trace): (open(path, "w").close(), x)[1], name="evil"
            ),
        ]
    )
    trace.unlink()
    model.save(tmp_path / "m.h5", save_format="h5")
    with pytest.raises(ModelFileError, match=r"layer .*evil.* holds Python code"):
        network.load(tmp_path / "m.h5")
    assert not trace.exists()
    with pytest.raises(UnsupportedLayerError, match="'evil' .Lambda"):
        akrt.load(tmp_path / "m.h5")
    assert not trace.exists()


def test_akidas_files_under_another_name_need_akida(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.akrt").write_bytes(b"\x20\x00\x00\x00 no mark of ours")
    monkeypatch.setattr(loading, "find_spec", lambda _: None)
    with pytest.raises(ModelFileError, match="not an .akrt file.*pip install 'akrt.akida.'"):
        akrt.load(tmp_path / "m.akrt")
