"""QuantizeML's files for Akida 1.0: the integers of cnn2snn.convert, without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import need
from hypothesis import given
from hypothesis import strategies as st
from mutations import HOSTILE, edit, try_all
from thorough import amount

import akrt
from akrt.errors import ModelFileError, UnsupportedLayerError, UsageError
from akrt.importers import load_fbz, load_h5, quantizeml_numbers, read_hdf5
from akrt.importers.keras_h5 import to_model
from akrt.model import encoding

Facts = dict[str, Any]
MODELS = amount(2, 4)


def assert_same(model: akrt.Model, twin: akrt.Model) -> None:
    assert [layer.kind for layer in model.layers] == [layer.kind for layer in twin.layers]
    for ours, theirs in zip(model.layers, twin.layers, strict=True):
        for key, value in vars(ours).items():
            if key != "name":
                np.testing.assert_array_equal(value, getattr(theirs, key), f"{ours.name}.{key}")


def test_random_models_equal_what_cnn2snn_makes(tmp_path: Path) -> None:
    need("quantizeml")
    need("akida")
    program = Path(__file__).parent / "quantizeml_models.py"
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), str(MODELS), "3", "1"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for i in range(MODELS):
        assert_same(load_h5(tmp_path / f"{i}.h5"), load_fbz(tmp_path / f"{i}.fbz"))


def test_a_float_input_that_passes_whole_numbers_on(cases: Path) -> None:
    need("akida")
    name = cases / "models" / "qml_v1_norescale_float"
    assert_same(load_h5(name.with_suffix(".h5")), load_fbz(name.with_suffix(".fbz")))


def test_neither_tensorflow_nor_akida_is_loaded(cases: Path) -> None:
    code = (
        "import sys, akrt; akrt.load(sys.argv[1]);"
        "print(sorted({'tensorflow', 'tf_keras', 'akida', 'quantizeml'} & set(sys.modules)))"
    )
    path = cases / "models" / "qml_v1_mlp.h5"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_dense_network_of_8_bit_inputs(cases: Path) -> None:
    """Akida 1.0 takes 4 bits there, so only akida's own backends refuse it."""
    path = cases / "models" / "qml_v1_mlp.h5"
    model = akrt.load(path)
    assert model.input_bits == 8
    assert [layer.kind for layer in model.layers[1:]] == ["FullyConnected"] * 2
    with h5py.File(path) as file:
        kernel = file["model_weights/dense_2/dense_2/kernel:0"][()]
    scale = np.abs(kernel).max(0) * np.float32(1 / 127)
    np.testing.assert_array_equal(model.layers[1].weights, np.rint(kernel / scale))
    x = np.random.default_rng(0).integers(0, 256, (50, *model.input_shape), dtype=np.uint8)
    expected = akrt.Runtime(model, backend="reference").forward(x)
    np.testing.assert_array_equal(akrt.Runtime(model, backend="native").forward(x), expected)
    need("akida")
    with pytest.raises(UnsupportedLayerError, match="'dense_2'.*more than 4 bits"):
        akrt.Runtime(model, backend="simulator")


def test_the_dense_network_answers_as_keras(cases: Path, tmp_path: Path) -> None:
    need("quantizeml")
    path = cases / "models" / "qml_v1_mlp.h5"
    x = np.random.default_rng(1).integers(0, 256, (200, 39)).astype(np.uint8)
    np.save(tmp_path / "x.npy", x)
    code = (
        "import os, sys; os.environ['TF_USE_LEGACY_KERAS'] = '1'\n"
        "import numpy as np, quantizeml\n"
        "model = quantizeml.load_model(sys.argv[1])\n"
        "np.save('y.npy', model.predict(np.load('x.npy').astype('float32'), verbose=0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    model = akrt.load(path)
    last = model.layers[-1]
    potentials = akrt.Runtime(model).forward(x.reshape(-1, *model.input_shape)).reshape(200, 4)
    answers = (potentials - last.threshold) / last.act_step
    keras = np.load(tmp_path / "y.npy").reshape(200, 4)
    # QuantizeML rounds a half of an activation up, Akida 1.0 down: a step of one input at most
    assert np.mean(np.isclose(answers, keras, atol=1e-5).all(1)) > 0.9
    assert np.array_equal(answers.argmax(1), keras.argmax(1))


@pytest.fixture
def spotter(cases: Path) -> tuple[Facts, dict[str, Any]]:
    """What the reader gives for a small convolutional network."""
    return read_hdf5.read(str(cases / "models" / "qml_v1_norescale_float.h5"))


def edited(facts: Facts, changes: dict[str, dict[str, Any]]) -> Facts:
    config = json.loads(facts["config"])
    for entry in config["config"]["layers"]:
        for key, value in changes.get(entry["config"]["name"], {}).items():
            target = entry if key == "class_name" else entry["config"]
            *path, last = key.split("/")
            for part in path:
                target = target[part]
            target[last] = value
    return {**facts, "config": json.dumps(config)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"re_lu_2": {"quant_config/output_quantizer/bitwidth": 8}},
         "'re_lu_2'.*8 unsigned bits.*for Akida 1.0: quantizeml.models.quantize"),
        ({"re_lu_2": {"quant_config/output_quantizer/signed": True}}, "'re_lu_2'.*4 signed bits"),
        ({"re_lu_2": {"quant_config/output_quantizer/axis": "per-axis"}}, "lists of 16 numbers"),
        ({"re_lu_2": {"quant_config/output_quantizer": None}}, "no output quantiser"),
        ({"re_lu_2": {"max_value": None}}, "unbounded"),
        ({"re_lu_2": {"class_name": "Custom>QuantizedActivation"}}, "not supported by Akida 1.0"),
        ({"re_lu_2": {"class_name": "Custom>QuantizedDropout"}}, "'conv2d_1'.*without a .*ReLU"),
        ({"conv2d_1": {"class_name": "Custom>QuantizedDepthwiseConv2D"}}, "not supported by"),
        ({"conv2d_1": {"class_name": "Conv2D"}}, "'conv2d_1'"),
        ({"conv2d_1": {"padding_value": [-1.0]}}, "pads with"),
        ({"conv2d_1": {"padding_value": "x"}}, "padding_value must be numbers"),
        ({"conv2d_1": {"quant_config/weight_quantizer/bitwidth": 3}}, "2, 4 or 8 bits, got 3"),
        ({"conv2d_1": {"quant_config/weight_quantizer/axis": 0}}, "along axis 0"),
        ({"conv2d_1": {"quant_config": []}}, "nothing of how it was quantised"),
        ({"separable_conv2d_1": {"quant_config/dw_weight_quantizer/bitwidth": 2}}, "differ in"),
        ({"input_quantizer": {"signed": True}}, "'input_quantizer'.*input_dtype='uint8'"),
        ({"input_quantizer": {"axis": "per-filter"}}, "'input_quantizer'"),
    ],
)  # fmt: skip
def test_what_akida_1_has_not_is_named_with_a_remedy(
    changes: dict[str, dict[str, Any]], message: str, spotter: tuple[Facts, dict[str, Any]]
) -> None:
    facts, arrays = spotter
    with pytest.raises(UnsupportedLayerError, match=message):
        to_model(edited(facts, changes), arrays, "edited.h5")


def test_recorded_ranges(spotter: tuple[Facts, dict[str, Any]]) -> None:
    facts, arrays = spotter
    index = {name: i for name, (i, _) in facts["weights"].items()}
    entrance, relu = index["input_quantizer"], index["re_lu_2"]
    for low, high, scale, zero in ((0, 100, 2, 0), (-1, 254, 1, 1), (-0.75, 0.25, 256, 192)):
        ranges = {f"{entrance}.0": np.float32(low), f"{entrance}.1": np.float32(high)}
        first = to_model(facts, {**arrays, **ranges}, "m.h5").layers[0]
        assert (first.kind, first.scales[0], first.zero_points[0]) == ("Quantizer", scale, zero)
    for low, high in ((2, 1), (1, 2), (0, np.nan), (-np.inf, 1)):
        ranges = {f"{entrance}.0": np.float32(low), f"{entrance}.1": np.float32(high)}
        with pytest.raises(UnsupportedLayerError, match="'input_quantizer'"):
            to_model(facts, {**arrays, **ranges}, "m.h5")
    for wrong in (np.float32(-1), np.float32(np.nan), np.zeros(3, np.float32)):
        with pytest.raises(UnsupportedLayerError, match="'re_lu_2'"):
            to_model(facts, {**arrays, f"{relu}.0": wrong}, "m.h5")
    near = np.float32(2.0**20) + np.float32(0.25)
    with pytest.raises(UnsupportedLayerError, match=r"TensorFlow's own rounding.*\.fbz"):
        to_model(facts, {**arrays, f"{relu}.0": near}, "m.h5")


def test_ranges_of_channels_are_taken_where_one_binary_point_serves_them(
    spotter: tuple[Facts, dict[str, Any]],
) -> None:
    facts, arrays = spotter
    relu, _ = facts["weights"]["re_lu_2"]
    own = edited(facts, {"re_lu_2": {"quant_config/output_quantizer/axis": "per-axis"}})
    high, rate = (np.full(16, arrays[f"{relu}.{i}"], np.float32) for i in (0, 1))
    same = to_model(own, {**arrays, f"{relu}.0": high, f"{relu}.1": rate}, "m.h5")
    expected = encoding.content_hash(to_model(facts, arrays, "m.h5"))
    assert encoding.content_hash(same) == expected
    rate[3] /= 2
    other = to_model(own, {**arrays, f"{relu}.0": high, f"{relu}.1": rate}, "m.h5")
    ratios = other.layers[0].act_step / same.layers[0].act_step
    assert ratios.tolist() == [1, 1, 1, 2] + [1] * 12
    high[3] /= 16
    with pytest.raises(UnsupportedLayerError, match="'re_lu_2'.*binary points.*per_tensor_act"):
        to_model(own, {**arrays, f"{relu}.0": high, f"{relu}.1": rate}, "m.h5")


def test_an_input_scaling_is_cnn2snns(cases: Path) -> None:
    with pytest.raises(UsageError, match="leave it out"):
        load_h5(cases / "models" / "qml_v1_norescale_float.h5", input_scaling=(255, 0))


def test_hostile_architectures(spotter: tuple[Facts, dict[str, Any]]) -> None:
    """3,000 edits of the JSON with values that no layer expects."""
    facts, arrays = spotter
    whole = json.loads(facts["config"])
    elsewhere = [*HOSTILE, "Custom>QuantizedDense", "Custom>Dequantizer", "per-axis", {}, 8, -1]

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


def test_the_twin_files_are_one_model(cases: Path) -> None:
    """Of 4-bit integers, which cnn2snn's own reader gives too."""
    need("akida")
    name = cases / "models" / "qml_v1_norescale_float"
    h5, fbz = (akrt.load(name.with_suffix(suffix)) for suffix in (".h5", ".fbz"))
    assert encoding.content_hash(h5) == encoding.content_hash(fbz)


@given(st.floats(2.0**-60, 2.0**60, width=32))
def test_ceil_log2(value: float) -> None:
    try:
        exponent = float(quantizeml_numbers.ceil_log2(np.float32(value)))
    except quantizeml_numbers.NearPowerOfTwo:
        nearest = 2.0 ** np.rint(np.log2(value))
        assert abs(value - nearest) < 30 * np.spacing(np.float32(nearest))
        return
    assert 2.0 ** (exponent - 1) < value <= 2.0**exponent


def test_ceil_log2_of_zero_and_of_powers() -> None:
    powers = np.exp2(np.arange(-12, 13)).astype(np.float32)
    np.testing.assert_array_equal(quantizeml_numbers.ceil_log2(powers), np.arange(-12, 13))
    assert quantizeml_numbers.ceil_log2(np.float32(0)) == -np.inf
    with pytest.raises(quantizeml_numbers.NearPowerOfTwo):
        quantizeml_numbers.ceil_log2(np.float32(2.0**30))
