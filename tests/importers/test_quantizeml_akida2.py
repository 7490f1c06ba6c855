"""QuantizeML's files for Akida 2.0: the integers of cnn2snn.convert, without TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import akida2_architectures as networks
import numpy as np
import pytest
from conftest import need
from importers import quantizeml_file
from mutations import HOSTILE, edit, try_all
from thorough import THOROUGH, amount

import akrt
from akrt.errors import ModelFileError, UnsupportedLayerError, UsageError
from akrt.importers import load_fbz, load_h5, read_hdf5
from akrt.importers.keras_h5 import to_model

MODELS = int(os.environ.get("AKRT_TEST_QUANTIZEML_MODELS", amount(2, 10)))
KINDS = {
    "InputConv2D", "SignedInputData", "Quantizer", "Conv2D", "DepthwiseConv2D", "Conv2DTranspose",
    "DepthwiseConv2DTranspose", "Dense1D", "ShiftedAdd", "Concatenate", "Dequantizer",
}  # fmt: skip


def assert_same(model: akrt.Model, twin: akrt.Model) -> None:
    """Every setting and variable, and what feeds what; the entrance may have another name."""
    assert [layer.kind for layer in model.layers] == [layer.kind for layer in twin.layers]
    for ours, theirs in zip(model.layers, twin.layers, strict=True):
        for key, value in vars(ours).items():
            if key != "name":
                expected = getattr(theirs, key)
                np.testing.assert_array_equal(value, expected, f"{ours.name}.{key}")
                assert getattr(value, "dtype", None) == getattr(expected, "dtype", None)
    assert _edges(model) == _edges(twin)


def _edges(model: akrt.Model) -> list[list[int]]:
    places = {layer.name: i for i, layer in enumerate(model.layers)}
    return [[places[source] for source in node.sources] for node in model.nodes]


def test_random_models_equal_what_cnn2snn_makes(tmp_path: Path) -> None:
    """``AKRT_TEST_QUANTIZEML_MODELS=100`` for as many as a release tries."""
    need("quantizeml")
    need("akida")
    program = Path(__file__).parent / "quantizeml_models.py"
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), str(MODELS), "7", "2"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = set()
    for i in range(MODELS):
        model = load_h5(tmp_path / f"{i}.h5", akida_version=2)
        assert_same(model, load_fbz(tmp_path / f"{i}.fbz"))
        seen |= {layer.kind for layer in model.layers}
    print(f"{MODELS} models, {sorted(seen)}")
    assert seen <= KINDS
    assert MODELS < 50 or seen == KINDS


OTHERS = networks.OTHERS if "AKRT_TEST_QUANTIZEML_MODELS" in os.environ else ()


@pytest.mark.parametrize(
    "name", [*(networks.ARCHITECTURES if THOROUGH else networks.QUICK), *OTHERS]
)
def test_architectures_equal_what_cnn2snn_makes(name: str) -> None:
    """More in a thorough run, all with ``AKRT_TEST_QUANTIZEML_MODELS`` set."""
    path = networks.akida2_file(name)
    model = load_h5(path.with_suffix(".h5"))
    assert model.version == 2
    assert_same(model, load_fbz(path))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.h5"
    quantizeml_file.write(path)
    return path


def test_neither_tensorflow_nor_akida_is_loaded(small: Path) -> None:
    code = (
        "import sys, akrt; print(akrt.load(sys.argv[1]).version);"
        "print(sorted({'tensorflow', 'tf_keras', 'akida', 'quantizeml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(small)], capture_output=True, text=True)
    assert done.stdout.split() == ["2", "[]"], done.stderr


def test_the_network_of_a_file(small: Path) -> None:
    model = load_h5(small)
    assert [layer.kind for layer in model.layers] == [
        "Quantizer", "SignedInputData", "Conv2D", "DepthwiseConv2D", "ShiftedAdd", "Concatenate",
        "Conv2DTranspose", "Conv2D", "Dense1D", "Dequantizer",
    ]  # fmt: skip
    assert _edges(model)[4:7] == [[2, 3], [4, 3], [5]]
    assert model.notes["imported_from"] == "QuantizeML HDF5, Keras 2.19.0"
    x = model.noise(np.random.default_rng(0), 20)
    outputs = akrt.Runtime(model, backend="reference").predict(x)
    assert len(np.unique(outputs)) == outputs.size


def test_the_akida_of_a_file(small: Path, cases: Path) -> None:
    with pytest.raises(UnsupportedLayerError, match="only one branch is supported"):
        load_h5(small, akida_version=1)
    for version in (0, 3, "2", True):
        with pytest.raises(UsageError, match="akida_version is 1 or 2"):
            load_h5(small, akida_version=version)
    with pytest.raises(UsageError, match="of cnn2snn, which is for Akida 1.0"):
        load_h5(cases / "models" / "speech_commands_qat.h5", akida_version=1)
    model = akrt.load(small, akida_version=2)
    model.save(small.with_suffix(".akrt"))
    with pytest.raises(UsageError, match="akida_version is for .h5 files of QuantizeML"):
        akrt.load(small.with_suffix(".akrt"), akida_version=2)


Facts = dict[str, Any]


def edited(facts: Facts, changes: dict[str, dict[str, Any]]) -> Facts:
    config = json.loads(facts["config"])
    for entry in config["config"]["layers"]:
        for key, value in changes.get(entry["name"], {}).items():
            target = entry if key in ("class_name", "inbound_nodes") else entry["config"]
            *path, last = key.split("/")
            for part in path:
                target = target[part]
            target[last] = value
    return {**facts, "config": json.dumps(config)}


def inbound(*names: str) -> dict[str, Any]:
    return {"inbound_nodes": [[[name, 0, 0, {}] for name in names]]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv": {"class_name": "Custom>QuantizedSeparableConv2D"}}, "one branch"),
        ({"conv": {"class_name": "Custom>QuantizedStatefulRecurrent"}},
         "'conv'.*not supported by Akida 2.0: Akida 2.0 has QuantizedConv2D"),
        ({"conv": {"class_name": "Conv2D"}}, r"'conv' \(Conv2D\): is not supported"),
        ({"conv": {"strides": [1, 2]}}, "'conv'.*strides must be equal"),
        ({"conv": {"kernel_size": [3, 1]}}, "'conv'.*weights of shapes"),
        ({"conv": {"groups": 2}}, "'conv'.*groups must be 1"),
        ({"conv": {"padding_value": [1.0]}}, "'conv'.*pads with other than 0"),
        ({"conv": {"quant_config/weight_quantizer/axis": 0}}, "along axis 0"),
        ({"conv": {"quant_config/weight_quantizer/bitwidth": 2}}, "weights_bits must be 4 or 8"),
        ({"conv": {"quant_config": 1}}, "nothing of how it was quantised"),
        ({"pool": {"padding": "valid"}}, "'pool'.*same padding as 'conv'"),
        ({"pool": {"pool_size": [2, 3]}}, "'conv'.*square"),
        ({"relu": {"quant_config/output_quantizer": None}}, "follows 'relu', which has no output"),
        ({"relu": {"quant_config/output_quantizer/axis": "per-tensor"}}, "'relu'.*2 numbers are"),
        ({"relu": {"max_value": -6.0}}, "'relu'.*do not reach"),
        ({"depthwise": {"depth_multiplier": 2}}, "depth_multiplier must be 1"),
        ({"add": inbound("relu")}, "'add'.*has 1 inputs, Akida 2.0 takes 2"),
        ({"add": inbound("relu", "up")}, "in a circle"),
        ({"join": {"axis": 1}}, "'join'.*joins along axis 1"),
        ({"table": {"activation": "gelu"}}, r"'table'.*table of 'gelu'.*\.fbz"),
        ({"up": {"strides": [1, 1]}}, r"'up'.*strides \(2, 2\)"),
        ({"up": {"output_padding": [1, 1]}}, "'up'.*no output_padding"),
        ({"up": {"quant_config/output_quantizer/bitwidth": 12}}, "'table'.*needs 11 bits"),
        ({"average": inbound("table")}, "'average'.*does not follow a convolution"),
        ({"dense": inbound("table")}, "'dense'.*flatten it"),
        ({"entrance": {"bitwidth": 16}}, "'entrance'.*16 bits of a float input"),
        ({"entrance": {"signed": False}}, "'entrance'|unsigned input of 8 bits"),
    ],
)  # fmt: skip
def test_what_akida_2_has_not_is_named(
    changes: dict[str, dict[str, Any]], message: str, small: Path
) -> None:
    facts, arrays = read_hdf5.read(str(small))
    with pytest.raises((UnsupportedLayerError, ModelFileError), match=message):
        to_model(edited(facts, changes), arrays, "edited.h5")


def test_recorded_ranges(small: Path) -> None:
    facts, arrays = read_hdf5.read(str(small))
    relu = facts["weights"]["relu"][0]
    for wrong in (np.full(4, -1), np.full(4, np.nan), np.zeros(3), np.float32(1)):
        with pytest.raises(UnsupportedLayerError, match="'relu'"):
            to_model(facts, {**arrays, f"{relu}.0": np.asarray(wrong, np.float32)}, "m.h5")
    near = np.full(4, 2.0**20 + 0.25, np.float32)
    with pytest.raises(UnsupportedLayerError, match=r"TensorFlow's own rounding.*\.fbz"):
        to_model(facts, {**arrays, f"{relu}.0": near}, "m.h5")


def test_flattened_channels_of_different_units(small: Path) -> None:
    """What cnn2snn loses is refused; channels of one unit are flattened."""
    facts, arrays = read_hdf5.read(str(small))
    config = json.loads(facts["config"])
    layers = {entry["name"]: entry for entry in config["config"]["layers"]}
    flat = {"class_name": "Custom>QuantizedFlatten", "name": "flat", "config": {"name": "flat"}}
    config["config"]["layers"].append({**flat, **inbound("relu")})
    layers["dense"] |= inbound("flat")
    text = json.dumps(config)
    dense, relu = (facts["weights"][name][0] for name in ("dense", "relu"))
    weights = np.random.default_rng(0).normal(0, 1, (36, 3)).astype(np.float32)
    for edge, message in ((np.array([1, 1, 9, 1]), "per_tensor_activations"), (np.ones(4), "")):
        changed = {**arrays, f"{dense}.0": weights, f"{relu}.0": edge.astype(np.float32)}
        if message:
            with pytest.raises(UnsupportedLayerError, match=f"'dense'.*{message}"):
                to_model({**facts, "config": text}, changed, "m.h5")
            continue
        with pytest.raises(ModelFileError, match="output of 'last'"):  # a branch without an end
            to_model({**facts, "config": text}, changed, "m.h5")


def test_hostile_architectures(small: Path) -> None:
    """3,000 edits of the JSON with values that no layer expects."""
    facts, arrays = read_hdf5.read(str(small))
    whole = json.loads(facts["config"])
    elsewhere = [
        *HOSTILE, "Custom>QuantizedDense", "Custom>Dequantizer", "per-axis", "per-tensor", {}, 8,
        *inbound("relu").values(), *inbound("add", "join").values(), "relu", "swish",
    ]  # fmt: skip

    def attempt(i: int) -> str:
        config = edit(whole, i, elsewhere)
        try:
            to_model({**facts, "config": json.dumps(config)}, arrays, "edited.h5")
        except (ModelFileError, UnsupportedLayerError):
            return "refused"
        return "loaded"

    answers = try_all(attempt, 3000)
    assert set(answers) == {"refused", "loaded"}, answers
    assert min(answers.values()) > 300, answers
