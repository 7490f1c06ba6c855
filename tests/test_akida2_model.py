"""Networks of Akida 2.0 as models: what is refused, what the graph holds, inputs, files, tables."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from akida2_networks import akida2_networks
from hypothesis import given, settings
from networks import placeholder

import akrt
from akrt.errors import InputError, ModelError, UnsupportedLayerError, UsageError
from akrt.model import (
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Convolutional,
    Dense1D,
    DepthwiseConv2D,
    Dequantizer,
    FullyConnected,
    InputConv2D,
    InputConvolutional,
    InputData,
    Mfcc,
    Model,
    Pooling,
    Quantizer,
    ShiftedAdd,
    SignedInputData,
    encoding,
)
from akrt.model import file as modelfile
from akrt.runtime import bundled_model


def constants(filters: int, **others: Any) -> dict[str, Any]:
    return {
        "bias": np.zeros(filters, np.int8),
        "bias_shift": np.zeros(filters, np.uint8),
        "output_scales": np.ones(filters, np.uint8),
        "output_shift": np.full(filters, -4, np.int8),
        **others,
    }


DATA = SignedInputData("in", (4, 4, 2))
CONV = Conv2D(
    name="c",
    weights=np.ones((3, 3, 2, 2), np.int8),
    input_shift=np.zeros(2, np.uint8),
    **constants(2),
)
DEPTHWISE = DepthwiseConv2D(
    name="d",
    weights=np.ones((3, 3, 2), np.int8),
    input_shift=np.zeros(2, np.uint8),
    **constants(2),
)
DENSE = Dense1D(
    name="f",
    weights=np.ones((32, 3), np.int8),
    input_shift=np.zeros(32, np.uint8),
    **constants(3),
)
IMAGE = InputConv2D(
    name="image",
    input_shape=(4, 4, 1),
    weights=np.ones((3, 3, 1, 2), np.int8),
    padding_value=np.zeros(1, np.uint8),
    **constants(2),
)
UP = Conv2DTranspose(
    name="up",
    weights=np.ones((3, 3, 2, 2), np.int8),
    input_shift=np.zeros(2, np.uint8),
    **constants(2),
)
ADD = ShiftedAdd(
    name="add",
    a_shift=np.zeros(2, np.uint8),
    b_shift=np.zeros(2, np.uint8),
    output_shift=np.zeros(2, np.int8),
)
FLOATS = Quantizer(
    name="q",
    input_shape=(4, 4, 1),
    scales=np.full(1, 2, np.float32),
    zero_points=np.zeros(1, np.uint8),
)
OUT = Dequantizer(name="out", scales=np.full(3, 0.5, np.float32))


@pytest.mark.parametrize(
    ("layer", "changes", "message"),
    [
        (CONV, {"weights": np.ones((3, 3, 2, 2), np.int16)}, "weights must be a non-empty int8"),
        (CONV, {"weights": np.ones((3, 5, 2, 2), np.int8)}, "kernels must be square"),
        (CONV, {"weights": np.ones((2, 2, 2, 2), np.int8)}, "kernel sizes must be odd"),
        (CONV, {"weights": CONV.weights * 8, "weights_bits": 4}, r"weights must lie in -8\.\.7"),
        (CONV, {"weights_bits": 2}, "weights_bits must be 4 or 8"),
        (CONV, {"bias": np.zeros(3, np.int8)}, r"bias must be int8 \(2,\), got int8 \(3,\)"),
        (CONV, {"bias_shift": np.full(2, 32, np.uint8)}, r"bias_shift must lie in 0\.\.31"),
        (CONV, {"input_shift": np.full(2, 255, np.uint8)}, r"input_shift must lie in 0\.\.31"),
        (CONV, {"input_shift": np.zeros(3, np.uint8)}, r"input_shift must be uint8 \(2,\)"),
        (CONV, {"output_shift": np.full(2, -32, np.int8)}, r"output_shift must lie in -31\.\.31"),
        (CONV, {"output_scales": np.ones(2, np.int32)}, "output_scales must be uint8"),
        (CONV, {"output_bits": 33}, "output_bits must be 1 to 32, got 33"),
        (CONV, {"buffer_bits": 0}, "buffer_bits must be 1 to 32"),
        (CONV, {"post_op_buffer_bits": True}, "post_op_buffer_bits must be 1 to 32"),
        (CONV, {"activation": "tanh"}, "activation must be 'relu', 'lut' or None"),
        (CONV, {"activation": "relu"}, "max_value"),
        (CONV, {"max_value": np.zeros(2, np.uint8)}, "max_value belongs to the activation 'relu'"),
        (CONV, {"activation": "lut"}, "activation_scales"),
        (CONV, {"stride": 3}, "stride 3"),
        (CONV, {"padding": "full"}, "padding must be one of"),
        (CONV, {"padding": "same_upper"}, "needs stride 2"),
        (CONV, {"pooling": Pooling("max", (2, 3), (1, 1))}, "square"),
        (CONV, {"pooling": Pooling("max", (2, 2), (3, 3))}, "must not exceed its window"),
        (CONV, {"pooling": Pooling("average", (2, 2), (2, 2))}, "square"),
        (DEPTHWISE, {"weights": np.ones((5, 5, 2), np.int8), "stride": 2}, "stride 2"),
        (UP, {"weights": np.ones((5, 5, 2, 2), np.int8)}, r"kernels must be \(3, 3\) or \(4, 4\)"),
        (IMAGE, {"input_shape": (4, 4, 2)}, "needs 1 or 3 input channels"),
        (IMAGE, {"padding_value": np.zeros(3, np.uint8)}, "padding_value must be uint8"),
        (IMAGE, {"pooling": Pooling("average")}, "no average"),
        (DATA, {"input_bits": 4}, "input_bits must be 5 to 16"),
        (FLOATS, {"scales": np.zeros(1, np.float32)}, "every scale must be a number"),
        (FLOATS, {"scales": np.full(1, np.nan, np.float32)}, "every scale must be a number"),
        (FLOATS, {"output_bits": 7}, "output_bits must be 4 or 8"),
        (FLOATS, {"output_signed": 1}, "output_signed must be true or false"),
        (FLOATS, {"zero_points": np.ones(1, np.int8)}, "zero_points must be uint8"),
        (ADD, {"a_shift": np.full(2, 40, np.uint8)}, r"a_shift must lie in 0\.\.31"),
        (ADD, {"b_shift": np.zeros(3, np.uint8)}, "b_shift must be uint8"),
        (OUT, {"scales": np.full(3, np.inf, np.float32)}, "every scale must be a number"),
        (OUT, {"scales": np.ones((3, 1), np.float32)}, "one dimension"),
    ],
)
def test_layers_that_are_refused(layer: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=message) as caught:
        replace(layer, **changes)
    assert caught.value.layer == layer.name


V1 = Convolutional(
    name="v1", weights=np.ones((1, 1, 2, 2), np.int8), weights_bits=4, act_bits=4, **placeholder(2)
)
WIDE = replace(CONV, output_bits=16)


@pytest.mark.parametrize(
    ("layers", "inputs", "message"),
    [
        ((CONV,), {}, "first layer must be InputData, Quantizer, SignedInputData or InputConv2D"),
        ((DATA, CONV, V1), {}, r"'v1' \(Convolutional\) is of Akida 1\.0, 'in'.*of Akida 2\.0"),
        ((DATA, WIDE, replace(CONV, name="e")), {}, "gives values of more than 8 bits"),
        ((DATA, DENSE, OUT, replace(OUT, name="o")), {}, "gives floats but is followed"),
        ((DATA, IMAGE), {}, "'image'.*must be the first"),
        ((FLOATS, replace(IMAGE, input_shape=(4, 5, 1))), {}, r"8-bit unsigned \(4, 5, 1\), but"),
        ((FLOATS, SignedInputData("s", (4, 4, 1))), {}, "takes 8-bit signed .* 8-bit unsigned"),
        ((FLOATS, InputData("s", (4, 4, 1), 4)), {}, "takes 4-bit unsigned .* 8-bit unsigned"),
        ((InputData("in", (4, 4, 2), 8), CONV), {}, "its input reaches 255"),
        ((DATA, replace(CONV, weights=np.ones((3, 3, 1, 2), np.int8),
                        input_shift=np.zeros(1, np.uint8))), {}, "expects 1 input channels"),
        ((DATA, replace(DENSE, weights=np.ones((30, 3), np.int8),
                        input_shift=np.zeros(30, np.uint8))), {}, "expects 30 inputs"),
        ((DATA, replace(CONV, stride=2), ADD), {"add": ("in", "c")}, "adds tensors of one shape"),
        ((DATA, replace(CONV, stride=2), Concatenate("j")), {"j": ("in", "c")}, "of one size"),
        ((DATA, replace(CONV, output_bits=4), Concatenate("j")), {"j": ("in", "c")}, "of one type"),
        ((DATA, ADD), {}, "takes 2 inputs, 1 are named"),
        ((DATA, CONV, OUT), {}, "has scales of 3 channels, but gets 2"),
        ((InputData("in", (4, 4, 2), 4), replace(ADD, output_bits=32)), {"add": ("in", "in")},
         "1 to 31 where both inputs have at most 4"),
    ],
)  # fmt: skip
def test_layers_must_fit_together(layers: tuple[Any, ...], inputs: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Model(layers, inputs=inputs)


def test_a_model_says_its_version() -> None:
    model = Model((DATA, DENSE, OUT), name="net")
    assert model.version == 2
    assert bundled_model().version == 1
    assert Model((InputData("in", (1, 1, 1), 4),)).version == 1
    assert "net: Akida 2.0, 96 weights" in model.layer_text()
    assert model.weights == 96
    assert model.gives_floats
    assert model.output_dtype == np.float32
    row = model.layer_table()[1]
    assert (row["type"], row["weights_bits"], row["kernel"]) == ("Dense1D", 8, [32, 3])
    assert not row["beyond_20_bits"]


def test_kernels_of_akida_1_may_follow_floats() -> None:
    """A `Quantizer` belongs to both versions."""
    first = InputConvolutional(
        name="first",
        input_shape=(4, 4, 1),
        weights=np.ones((3, 3, 1, 2), np.int8),
        weights_bits=4,
        act_bits=4,
        **placeholder(2),
    )
    model = Model((FLOATS, first))
    assert model.version == 1
    x = model.noise(np.random.default_rng(0), 5)
    whole = np.clip(np.floor(np.abs(2 * x) + 0.5) * np.sign(x), 0, 255).astype(np.uint8)
    with akrt.Runtime(model, backend="reference") as runtime:
        given = runtime.forward(x)
    with akrt.Runtime(Model((first,)), backend="native") as runtime:
        np.testing.assert_array_equal(given, runtime.forward(whole))
    again = modelfile.from_bytes(encoding.to_bytes(model))
    assert again.nodes[1].sources == ("q",)


def test_inputs_are_checked_for_their_type_and_range() -> None:
    small = Model((SignedInputData("in", (1, 1, 2), 5),))
    right = np.array([[-16, 15]], np.int8)
    np.testing.assert_array_equal(small.check_input(right)[0, 0, 0], right[0])
    with pytest.raises(InputError, match=r"expected dtype int8, got uint8"):
        small.check_input(right.astype(np.uint8))
    with pytest.raises(InputError, match=r"value 16 at \(0, 0, 0, 1\) exceeds 15"):
        small.check_input(np.array([[0, 16]], np.int8))
    with pytest.raises(InputError, match=r"value -17 at \(0, 0, 0, 0\) is below -16"):
        small.check_input(np.array([[-17, 0]], np.int8))
    floats = Model((FLOATS,))
    x = np.zeros((2, 4, 4, 1), np.float32)
    floats.check_input(x)
    with pytest.raises(InputError, match=r"expected dtype float32, got float64"):
        floats.check_input(x.astype(np.float64))
    for bad in (np.nan, np.inf, -np.inf, 2.0**30, -(2.0**30)):
        x[1, 2, 3, 0] = bad
        with pytest.raises(InputError, match=r"at \(1, 2, 3, 0\) is no number, or too large"):
            floats.check_input(x)
    x[1, 2, 3, 0] = np.nextafter(np.float32(2**30), np.float32(0))
    with pytest.raises(InputError, match="too large"):
        floats.check_input(x)
    x[1, 2, 3, 0] = 2**30 - 128
    floats.check_input(x)


@settings(max_examples=60)
@given(akida2_networks())
def test_files_hold_every_network(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    data = encoding.to_bytes(model)
    again = modelfile.from_bytes(data)
    assert encoding.to_bytes(again) == data
    assert again.version == model.version
    assert encoding.describe(model)["format"] == (2 if model.version == 2 or model.inputs else 1)
    assert encoding.content_hash(pickle.loads(pickle.dumps(model))) == encoding.content_hash(model)
    backends = [akrt.Runtime(m, backend="reference").forward(x) for m in (model, again)]
    np.testing.assert_array_equal(*backends)


def test_every_constant_counts_in_the_hash() -> None:
    relu = {"max_value": np.ones(2, np.uint8), "max_value_shift": np.ones(2, np.uint8)}
    base = replace(CONV, activation="relu", **relu)
    hashes = {encoding.content_hash(Model((DATA, base)))}
    for name, array in base.arrays.items():
        changed = array.copy()
        changed.reshape(-1)[0] += 1
        hashes.add(encoding.content_hash(Model((DATA, replace(base, **{name: changed})))))
    for setting in ({"output_bits": 7}, {"buffer_bits": 30}, {"padding": "valid"}, {"stride": 2}):
        hashes.add(encoding.content_hash(Model((DATA, replace(base, **setting)))))
    assert len(hashes) == 1 + len(base.arrays) + 4


def test_arrays_of_a_layer_cannot_be_changed() -> None:
    for array in (*CONV.arrays.values(), *FLOATS.arrays.values(), *ADD.arrays.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1


def test_sound_features_are_unsigned() -> None:
    with pytest.raises(ModelError, match="first layer takes 8-bit signed"):
        Model((SignedInputData("in", (49, 10, 1)),), preprocessing=Mfcc())


def test_floats_come_out_of_forward_and_predict() -> None:
    model = Model((DATA, DENSE, OUT), labels=("a", "b", "c"))
    x = model.noise(np.random.default_rng(0), 6)
    with akrt.Runtime(model, backend="reference") as runtime:
        outputs = runtime.forward(x, batch_size=4)
        assert outputs.dtype == np.float32
        np.testing.assert_array_equal(runtime.predict(x), outputs)
        np.testing.assert_array_equal(runtime.predict_classes(x), outputs.argmax(-1).ravel())
        assert runtime.evaluate(x, outputs.argmax(-1).ravel()) == 1
        empty = runtime.forward(x[:0])
        assert (empty.dtype, empty.shape) == (np.float32, (0, 1, 1, 3))
        assert runtime.layer_outputs(x)["f"].dtype == np.int8
        assert len(runtime.profile(x, repeat=1)) == 3
    with akrt.Runtime(Model((DATA, DENSE)), backend="reference") as runtime:
        assert runtime.forward(x).dtype == np.int8
        with pytest.raises(UsageError, match="needs a Dequantizer as the last layer, but 'f'"):
            runtime.predict(x)


def test_dense_layers_of_akida_1_know_nothing_of_akida_2() -> None:
    dense = FullyConnected(
        name="f", weights=np.ones((32, 2), np.int8), weights_bits=4, act_bits=4, **placeholder(2)
    )
    with pytest.raises(ModelError, match="a network has layers of one version"):
        Model((DATA, dense))
