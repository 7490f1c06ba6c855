"""Networks of Akida 2.0 from live models of akida: what is read, and what is refused beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import akrt
from akrt.errors import ModelError, UnsupportedLayerError
from akrt.importers import from_akida, load_fbz, read_fbz
from akrt.importers.akida2_layers import akida2_model

akida = pytest.importorskip("akida", reason="needs akida: pip install 'akrt[akida]'")


def network(*layers: Any) -> Any:
    """A live model; variables hold zeros and ones but for weights."""
    twin = akida.Model()
    rng = np.random.default_rng(0)
    for layer in layers:
        twin.add(layer)
        made = twin.layers[-1]
        if "weights" in made.variables.names:
            shape = made.variables["weights"].shape
            made.set_variable("weights", rng.integers(-8, 8, shape).astype(np.int8))
    return twin


def data(bits: int = 8) -> Any:
    return akida.InputData((6, 5, 2), input_bits=bits, name="in")


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: akida.Conv2D(filters=2, kernel_size=3, name="x",
                              padding=akida.Padding.SameUpper), "same_upper' needs stride 2"),
        (lambda: akida.Conv2D(filters=2, kernel_size=3, name="x", pool_size=2,
                              pool_type=akida.PoolType.Average), "average pooling of a window"),
    ],
)  # fmt: skip
def test_layers_that_are_not_run_are_named(layer: Any, words: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=rf"'x'.*{words}"):
        from_akida(network(data(), layer()))


def recurrent(bits: int = 16, **settings: Any) -> Any:
    return network(
        akida.InputData((1, 4, 2), input_bits=bits, name="in"),
        akida.StatefulRecurrent(stateful_channels=4, output_channels=2, name="x", **settings),
    )


@pytest.mark.parametrize(
    ("twin", "words"),
    [
        (lambda: recurrent(4), r"'x' \(StatefulRecurrent\) is of Akida Pico, 'in' .* is not"),
        (lambda: recurrent(internal_state_bits=8), "internal_state_bits must be 16 to 32, got 8"),
        (lambda: recurrent(internal_state_bits=40), "internal_state_bits must be 16 to 32"),
    ],
)
def test_recurrent_networks_that_are_refused(twin: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        from_akida(twin())


@pytest.mark.parametrize("first", [0, 1])
def test_post_processing_takes_its_inputs_in_either_order(first: int) -> None:
    twin = recurrent(output_bits=28)
    layers = [twin.layers[0], twin.layers[1]]
    twin.add(akida.PicoPostProcessing(name="p"), [layers[first], layers[1 - first]])
    twin.layers[2].set_variable("threshold", np.array([3, 20000], np.uint16))
    model = from_akida(twin)
    x = model.noise(np.random.default_rng(0), 30)
    x[::3] //= 8192
    with akrt.Runtime(model, backend="reference") as runtime:
        outputs = runtime.forward(x)
    np.testing.assert_array_equal(outputs, twin.forward(x))
    assert outputs.dtype == np.int8
    assert set(np.unique(outputs)) == {0, 1}


@pytest.mark.parametrize("value", [1, 31, 127, -32, -128])
def test_shifts_of_post_processing_are_checked(value: int) -> None:
    twin = recurrent(output_bits=28)
    twin.add(akida.PicoPostProcessing(name="p"), [twin.layers[1], twin.layers[0]])
    twin.layers[2].set_variable("input_shift", np.full(2, value, np.int8))
    with pytest.raises(UnsupportedLayerError, match=r"'p'.*: input_shift must lie in -31\.\.0"):
        from_akida(twin)


@pytest.mark.parametrize("variable", ["new_state_shift", "internal_state_outputs_shift"])
@pytest.mark.parametrize("value", [32, -32, -128, 127])
def test_shifts_of_recurrent_layers_are_checked(variable: str, value: int) -> None:
    twin = recurrent()
    twin.layers[1].set_variable(variable, np.full(4, value, np.int8))
    with pytest.raises(UnsupportedLayerError, match=rf"{variable} must lie in -31\.\.31"):
        from_akida(twin)


@pytest.mark.parametrize("bits", [5, 8, 9, 12, 15, 16])
def test_recurrent_networks_take_integers_of_many_widths(bits: int) -> None:
    twin = recurrent(bits, output_bits=28)
    rng = np.random.default_rng(bits)
    for name, high in (("in_proj", 127), ("out_proj", 127), ("A_real", 100)):
        shape = twin.layers[1].variables[name].shape
        dtype = twin.layers[1].variables[name].dtype
        twin.layers[1].set_variable(name, rng.integers(-high, high, shape).astype(dtype))
    model = from_akida(twin)
    assert (model.entry.text, model.entry.dtype) == (
        f"{bits}-bit signed", "int8" if bits <= 8 else "int16",
    )  # fmt: skip
    x = model.noise(rng, 20)
    with akrt.Runtime(model, backend="reference") as runtime:
        np.testing.assert_array_equal(runtime.forward(x), twin.forward(x))
        with pytest.raises(akrt.errors.InputError, match="expected dtype"):
            runtime.forward(x.astype(np.int32))
        if bits < 16 and bits != 8:
            with pytest.raises(akrt.errors.InputError, match="exceeds"):
                runtime.forward(np.full_like(x, model.entry.high + 1))


@pytest.mark.parametrize(
    ("name", "dtype", "value"),
    [
        ("input_shift", np.uint8, 32),
        ("bias_shift", np.uint8, 255),
        ("max_value_shift", np.uint8, 32),
        ("output_shift", np.int8, 32),
        ("output_shift", np.int8, -32),
        ("output_shift", np.int8, -128),
    ],
)
def test_shifts_that_would_end_the_process_are_refused(name: str, dtype: Any, value: int) -> None:
    twin = network(data(), akida.Conv2D(filters=2, kernel_size=3, name="x"))
    twin.layers[1].set_variable(name, np.full(2, value, dtype))
    with pytest.raises(UnsupportedLayerError, match=rf"'x' \(Conv2D\): {name} must lie in"):
        from_akida(twin)


@pytest.mark.parametrize("name", ["a_shift", "b_shift", "output_shift"])
def test_shifts_of_additions_are_checked(name: str) -> None:
    twin = network(data(), akida.Conv2D(filters=2, kernel_size=3, name="c"))
    twin.add(akida.Add(name="x"), [twin.layers[0], twin.layers[1]])
    assert [layer.kind for layer in from_akida(twin).layers][-1] == "ShiftedAdd"
    dtype = np.int8 if name == "output_shift" else np.uint8
    twin.layers[2].set_variable(name, np.full(2, 33, dtype))
    with pytest.raises(UnsupportedLayerError, match=rf"'x' \(ShiftedAdd\): {name} must lie in"):
        from_akida(twin)


@pytest.mark.parametrize("bits", range(1, 9))
def test_entrances_of_every_width(bits: int) -> None:
    twin = network(data(bits), akida.Conv2D(filters=2, kernel_size=3, name="c"))
    model = from_akida(twin)
    entry = model.entry
    assert entry.text == f"{bits}-bit {'signed' if bits > 4 else 'unsigned'}"
    x = model.noise(np.random.default_rng(0), 20)
    assert (x.min(), x.max()) == (entry.low, entry.high)
    with akrt.Runtime(model, backend="reference") as runtime:
        np.testing.assert_array_equal(runtime.forward(x), twin.forward(x))


@pytest.mark.parametrize("zero", [0, 3, 200])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [4, 8])
def test_quantizers_round_halves_away_from_zero(bits: int, signed: bool, zero: int) -> None:
    twin = network(akida.Quantizer((1, 8, 1), bits, signed, name="q"))
    twin.layers[0].set_variable("scales", np.ones(1, np.float32))
    twin.layers[0].set_variable("zero_points", np.full(1, zero, np.uint8))
    x = np.array([-300, -2.5, -0.5, 0.49999997, 0.5, 1.5, 7.5, 300], np.float32)
    x = x.reshape(1, 1, 8, 1)
    expected = twin.forward(x)
    whole = np.array([-300, -3, -1, 0, 1, 2, 8, 300]) + zero
    low = -(1 << (bits - 1)) if signed else 0
    assert expected.ravel().tolist() == np.clip(whole, low, low + (1 << bits) - 1).tolist()
    with akrt.Runtime(alone(twin), backend="reference") as runtime:
        outputs = runtime.forward(x)
    assert outputs.dtype == expected.dtype
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize("signed", [False, True])
def test_quantizers_at_the_ends_of_32_bits(signed: bool) -> None:
    twin = network(akida.Quantizer((1, 2, 1), 8, signed, name="q"))
    twin.layers[0].set_variable("scales", np.ones(1, np.float32))
    twin.layers[0].set_variable("zero_points", np.full(1, 255, np.uint8))
    x = np.array([2**31 - 256, -(2**31) + 256], np.float32).reshape(1, 1, 2, 1)
    with akrt.Runtime(alone(twin), backend="reference") as runtime:
        np.testing.assert_array_equal(runtime.forward(x), twin.forward(x))
        with pytest.raises(akrt.errors.InputError, match="too large"):
            runtime.forward(np.nextafter(x, 2 * x))


def alone(twin: Any) -> akrt.Model:
    """The entrance alone, which belongs to neither version."""
    facts, arrays = read_fbz.describe(twin)
    return akida2_model(facts["layers"], arrays, "alone")


def test_a_saved_network_is_read_from_its_file(tmp_path: Path) -> None:
    twin = network(data(), akida.Conv2D(filters=3, kernel_size=3, name="c"), akida.Dequantizer())
    twin.save(str(tmp_path / "net.fbz"))
    model = load_fbz(tmp_path / "net.fbz")
    assert (model.name, model.version) == ("net", 2)
    x = model.noise(np.random.default_rng(0), 4)
    with akrt.Runtime(tmp_path / "net.fbz", backend="simulator") as runtime:
        np.testing.assert_array_equal(runtime.predict(x), twin.predict(x))
