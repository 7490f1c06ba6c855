"""Models that once went wrong: QuantizeML's, of other scalings, of other front ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import akrt
from akrt.errors import ModelFileError, UsageError
from akrt.importers import from_akida, load_fbz, load_h5
from akrt.model import encoding

akida = pytest.importorskip("akida", reason="needs akida: pip install 'akrt[akida]'")


def assert_runs_as_akida(model: akrt.Model, twin: object, x: np.ndarray) -> None:
    expected = twin.forward(x)
    for backend in ("native", "reference"):
        with akrt.Runtime(model, backend=backend) as runtime:
            np.testing.assert_array_equal(runtime.forward(x), expected)


def noise(model: akrt.Model, samples: int = 40) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 1 << model.input_bits, (samples, *model.input_shape)).astype(np.uint8)
    x[0], x[1] = 0, (1 << model.input_bits) - 1
    return x


def test_a_float_input_behind_an_identity_quantizer(cases: Path) -> None:
    path = cases / "models" / "qml_v1_norescale_float.fbz"
    model = akrt.load(path)
    assert [layer.kind for layer in model.layers] == [
        "InputConvolutional", "SeparableConvolutional", "FullyConnected",
    ]  # fmt: skip
    x = noise(model)
    twin = akida.Model(str(path))
    expected = twin.forward(x.astype(np.float32))
    for backend in ("native", "reference"):
        np.testing.assert_array_equal(akrt.Runtime(model, backend=backend).forward(x), expected)


def quantizer_network(scale: float, zero: int) -> object:
    """A live model with a `Quantizer` in front."""
    twin = akida.Model()
    twin.add(akida.Quantizer((8, 6, 1), output_bits=8, output_signed=False, name="entrance"))
    twin.layers[0].set_variable("scales", np.full(1, scale, np.float32))
    twin.layers[0].set_variable("zero_points", np.full(1, zero, np.uint8))
    twin.add(
        akida.InputConvolutional(
            input_shape=(8, 6, 1),
            filters=4,
            kernel_size=(3, 3),
            weights_bits=8,
            act_bits=4,
            name="first",
        )
    )
    return twin


@pytest.mark.parametrize(("scale", "zero"), [(1, 0), (0.25, 0), (1, 25), (37.5, 128)])
def test_a_quantizer_in_front_of_akida_1(scale: float, zero: int) -> None:
    """It is left out where it changes nothing; else floats come in."""
    twin = quantizer_network(scale, zero)
    rng = np.random.default_rng(0)
    twin.layers[1].set_variable("weights", rng.integers(-9, 9, (3, 3, 1, 4)).astype(np.int8))
    twin.layers[1].set_variable("act_step", np.full(4, 60, np.float32))
    model = from_akida(twin)
    names = ["first"] if (scale, zero) == (1, 0) else ["entrance", "first"]
    assert [layer.name for layer in model.layers] == names
    x = rng.uniform(-40, 300, (20, 8, 6, 1)).astype(np.float32)
    if len(names) == 1:
        x = np.clip(np.rint(x), 0, 255)
    expected = twin.forward(x)
    assert len(np.unique(expected)) > 8
    taken = x.astype(np.uint8) if len(names) == 1 else x
    for backend in ("reference", "simulator"):
        with akrt.Runtime(model, backend=backend) as runtime:
            np.testing.assert_array_equal(runtime.forward(taken), expected)


def test_conversion_with_an_input_scaling(cases: Path, capsys: pytest.CaptureFixture) -> None:
    h5 = cases / "models" / "no_rescaling_scaling_127.h5"
    fbz = cases / "models" / "no_rescaling_scaling_127.fbz"
    given = akrt.load(h5, input_scaling=(127.5, 127))
    assert encoding.content_hash(given) == encoding.content_hash(akrt.load(fbz))
    assert "as given" in given.notes["input_scaling"]
    assumed = akrt.load(h5)
    assert assumed.notes["input_scaling"] == "1, 0 (assumed: the file has no Rescaling)"
    assert encoding.content_hash(assumed) != encoding.content_hash(given)
    assert_runs_as_akida(given, akida.Model(str(fbz)), noise(given))


@pytest.mark.parametrize("scaling", [(0, 0), (-1, 0), (float("nan"), 0), (1, float("inf")), (1,)])
def test_input_scalings_that_make_no_sense(cases: Path, scaling: tuple) -> None:
    with pytest.raises(UsageError, match="input_scaling takes"):
        akrt.load(cases / "models" / "no_rescaling_scaling_127.h5", input_scaling=scaling)


def test_an_input_scaling_where_the_file_knows_its_own(cases: Path, starter_models: Path) -> None:
    with pytest.raises(UsageError, match="input_scaling is for .h5 files"):
        akrt.load(cases / "models" / "no_rescaling_scaling_127.fbz", input_scaling=(1, 0))
    with pytest.raises(UsageError, match="without a Rescaling"):
        load_h5(starter_models / "starter_quantised.h5", (1, 0))


def test_a_spotter_after_the_developer_hub(cases: Path) -> None:
    paths = [cases / "models" / f"speech_commands_qat.{kind}" for kind in ("h5", "fbz")]
    models = [akrt.load(path) for path in paths]
    assert encoding.content_hash(models[0]) == encoding.content_hash(models[1])
    assert_runs_as_akida(models[0], akida.Model(str(paths[1])), noise(models[0]))


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("qml_v2_q8_plain", "Quantizer InputConv2D Conv2D Dense1D Dequantizer"),
        ("qml_v2_q8_dw", "Quantizer InputConv2D DepthwiseConv2D Conv2D Dense1D Dequantizer"),
        ("qml_v2_add", "InputConv2D Conv2D ShiftedAdd"),
    ],
)
def test_networks_of_akida_2(cases: Path, tmp_path: Path, name: str, kinds: str) -> None:
    path = cases / "models" / f"{name}.fbz"
    model, twin = load_fbz(path), akida.Model(str(path))
    assert [layer.kind for layer in model.layers] == kinds.split()
    x = model.noise(np.random.default_rng(0), 60)
    expected = twin.forward(x)
    model.save(tmp_path / "m.akrt")
    for again in (model, akrt.load(tmp_path / "m.akrt")):
        with akrt.Runtime(again, backend="reference") as runtime:
            outputs = runtime.forward(x)
            assert outputs.dtype == expected.dtype
            np.testing.assert_array_equal(outputs, expected)
            if model.gives_floats:
                np.testing.assert_array_equal(runtime.predict(x), twin.predict(x))
    # the file with the addition has weights of zero only
    assert name == "qml_v2_add" or len(np.unique(expected)) > 500


def test_one_network_has_one_hash_whatever_the_file_is_called(cases: Path, tmp_path: Path) -> None:
    hashes = set()
    for name in ("a.fbz", "b c.fbz", "model"):
        shutil.copy(cases / "models" / "speech_commands_qat.fbz", tmp_path / name)
        hashes.add(encoding.content_hash(akrt.load(tmp_path / name)))
    assert len(hashes) == 1


@pytest.mark.parametrize("suffix", [".h5", ".bin", ""])
def test_akida_s_files_are_known_under_any_name(cases: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    shutil.copy(cases / "models" / "speech_commands_qat.fbz", path)
    assert len(akrt.load(path).layers) == len(
        akrt.load(cases / "models" / "speech_commands_qat.fbz").layers
    )
    path.write_bytes(b"\x01\x00\x02" * 300)
    with pytest.raises(ModelFileError, match="not an"):
        akrt.load(path)
