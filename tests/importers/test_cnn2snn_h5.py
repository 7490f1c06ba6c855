"""The .h5 importer gives what cnn2snn.convert gives, without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import architectures
import numpy as np
import pytest

from akrt.importers import from_akida, load_fbz, load_h5, to_akida
from akrt.importers.weight_quantizers import KINDS, Quantizer, integers
from akrt.model import Convolutional, InputConvolutional, InputData, Model, SeparableConvolutional

akida = pytest.importorskip("akida", reason="needs akida: pip install 'akrt[akida]'")

QUIET = pytest.mark.filterwarnings("ignore:layer 'loud")


def assert_same(model: Model, twin: object) -> None:
    """Every parameter and variable of `model` is that of an `akida.Model`, read directly."""
    assert len(model.layers) == len(twin.layers)
    for node, theirs in zip(model.nodes, twin.layers, strict=True):
        layer, p = node.layer, theirs.parameters
        assert layer.kind == p.layer_type.name
        assert list(node.output_shape) == list(theirs.output_dims)
        if isinstance(layer, InputData):
            assert layer.input_bits == p.input_bits
            continue
        assert layer.name == theirs.name
        assert layer.weights_bits == p.weights_bits
        assert layer.act_bits == (p.act_bits if p.activation else None)
        weights = theirs.variables["weights"]
        if isinstance(layer, (Convolutional, SeparableConvolutional)):
            weights = weights[::-1, ::-1]
        if isinstance(layer, SeparableConvolutional):
            np.testing.assert_array_equal(layer.depthwise, weights[..., 0])
            np.testing.assert_array_equal(layer.pointwise, theirs.variables["weights_pw"][0, 0])
        else:
            shape = layer.weights.shape
            np.testing.assert_array_equal(layer.weights, weights.reshape(shape))
        if isinstance(layer, InputConvolutional):
            assert layer.padding_value == p.padding_value
        for name in ("threshold", "act_step"):
            ours, expected = getattr(layer, name), theirs.variables[name]
            assert ours.dtype == expected.dtype
            np.testing.assert_array_equal(ours, expected, err_msg=f"{layer.name} {name}")


@QUIET
@pytest.mark.parametrize("name", architectures.HAND_MADE)
def test_small_network_equals_convert(name: str) -> None:
    h5, fbz = architectures.files(name)
    assert_same(load_h5(h5), akida.Model(str(fbz)))


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_architecture_equals_convert(name: str) -> None:
    h5, fbz = architectures.files(name)
    assert_same(load_h5(h5), akida.Model(str(fbz)))


def test_starter_equals_convert(starter_models: Path) -> None:
    model = load_h5(starter_models / "starter_quantised.h5")
    assert_same(model, akida.Model(str(starter_models / "starter.fbz")))
    assert [layer.kind for layer in model.layers] == [
        "InputConvolutional", *["SeparableConvolutional"] * 4, "FullyConnected",
    ]  # fmt: skip


def test_images_network_is_what_the_script_says() -> None:
    """Guards the comparison itself: the network has the properties it is there for."""
    model = load_h5(architectures.files("images")[0])
    first, second, last = model.layers
    assert isinstance(first, InputConvolutional)
    assert (first.padding_value, first.padding, first.stride) == (127, "valid", (2, 1))
    assert first.pooling is not None
    assert first.pooling.size == (2, 3)
    assert isinstance(second, SeparableConvolutional)
    assert second.pooling is not None
    assert second.pooling.kind == "average"
    assert [layer.weights_bits for layer in (first, second, last)] == [8, 4, 2]
    assert [layer.act_bits for layer in (first, second, last)] == [4, 1, None]


@pytest.mark.filterwarnings("ignore:layer 'loud")
def test_steps_and_thresholds_beyond_the_chip_are_fitted_with_a_warning() -> None:
    h5, _ = architectures.files("beyond_the_chip")
    with pytest.warns(UserWarning, match="loud_2.*clipped"):
        model = load_h5(h5)
    assert model.notes["act_step_equalised"] == "loud_0, loud_2, loud_4, loud_5"
    assert model.layers[0].act_step.max() == (1 << 20) - 1
    assert model.layers[0].threshold.max() == (1 << 23) - 1
    assert model.layers[2].act_step.max() == (1 << 16) - 1
    assert model.layers[2].threshold.max() == (1 << 19) - 1


@QUIET
@pytest.mark.parametrize("name", architectures.HAND_MADE)
def test_akida_round_trip(name: str) -> None:
    h5, fbz = architectures.files(name)
    twin = to_akida(load_h5(h5))
    assert_same(from_akida(twin), akida.Model(str(fbz)))
    assert_same(load_fbz(fbz), twin)


def test_converted_network_computes_the_same() -> None:
    """Flips and row orders: akida gives the same outputs for our twin as for cnn2snn's."""
    for name in ("images", "deviations", "events"):
        h5, fbz = architectures.files(name)
        model = load_h5(h5)
        x = np.random.default_rng(3).integers(
            0, 1 << model.input_bits, (5, *model.input_shape), dtype=np.uint8
        )
        theirs = akida.Model(str(fbz)).forward(x)
        np.testing.assert_array_equal(to_akida(model).forward(x), theirs)


def test_importing_loads_no_tensorflow() -> None:
    h5, _ = architectures.files("images")
    code = (
        "import sys, akrt; akrt.load(sys.argv[1]); "
        "print([m for m in ('tensorflow', 'tf_keras', 'keras', 'cnn2snn', 'akida') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(h5)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", KINDS)
def test_quantizer_on_values_worked_out_by_hand(kind: str) -> None:
    """Weights -2, -1, 1, 2 in each filter: max 2, sigma sqrt(2.5); 4 bits, kmax 7."""
    weights = np.array([[-2, 2], [-1, 1], [1, -1], [2, -2]], np.float32)
    whole, scale = integers(Quantizer(kind, 4, threshold=1.0), weights)
    if kind.startswith("Max"):  # scale 3.5: half to even
        assert whole[:, 0].tolist() == [-7, -4, 4, 7]
        assert np.all(scale == np.float32(3.5))
    else:  # scale 7 / 1.5811 = 4.4272: 8.85 is clipped to 7
        assert whole[:, 0].tolist() == [-7, -4, 4, 7]
        np.testing.assert_allclose(scale, 7 / np.sqrt(2.5), rtol=1e-6)
    assert scale.shape == ((2,) if "PerAxis" in kind else ())


def test_scale_is_limited() -> None:
    """Weights of zero, and tiny ones, get cnn2snn's largest scale of 1000."""
    for value in (0.0, 1e-6):
        _, scale = integers(Quantizer("MaxQuantizer", 8), np.full((3, 2), value, np.float32))
        assert scale == 1000
