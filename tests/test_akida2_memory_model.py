"""Layers with memory as parts of a model: what is refused, files, tables, what runs them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from akida2_temporal_networks import networks_with_memory, recurrent_network
from hypothesis import given, settings
from test_akida2_model import CONV, DATA, constants

import akrt
from akrt.backends import registry
from akrt.backends.base import Backend
from akrt.driver.limits import violations
from akrt.errors import AkrtError, BackendUnavailableError, ModelError, UnsupportedLayerError
from akrt.model import (
    BufferTempConv,
    Conv2D,
    DepthwiseBufferTempConv,
    Dequantizer,
    InputData,
    Model,
    PicoPostProcessing,
    SignedInputData,
    StatefulRecurrent,
    encoding,
)
from akrt.model import file as modelfile
from akrt.peers.quantised import quantise

BUFFERED = BufferTempConv(
    name="t",
    weights=np.arange(-8, 10, dtype=np.int8).reshape(3, 2, 3),
    input_shift=np.zeros(2, np.uint8),
    **constants(3),
)
DEPTHWISE = DepthwiseBufferTempConv(
    name="dt",
    weights=np.arange(-7, 5, dtype=np.int8).reshape(4, 3),
    input_shift=np.zeros(3, np.uint8),
    **constants(3),
)
TURNING = StatefulRecurrent(
    name="r",
    in_proj=np.array([[90, -60, 33], [-20, 110, 70]], np.int8),
    weights=np.array([[90, -60], [33, 20], [-110, 70]], np.int8),
    a_real=np.array([15000, 9000, -11000], np.int16),
    a_imag=np.array([-5000, 13000, 8000], np.int16),
    new_state_scale=np.array([200, 100, 255], np.uint8),
    new_state_shift=np.array([2, 3, 1], np.int8),
    internal_state_outputs_shift=np.full(3, -14, np.int8),
    input_shift=np.zeros(2, np.uint8),
    output_bits=28,
    **constants(2, output_shift=np.zeros(2, np.int8)),
)
APART = PicoPostProcessing(
    name="p",
    input_scales=np.full(2, 9, np.uint16),
    input_shift=np.full(2, -8, np.int8),
    threshold=np.full(2, 900, np.uint16),
)
OUT = Dequantizer(name="out", scales=np.full(3, 0.5, np.float32))
TEMPORAL = Model((DATA, BUFFERED, DEPTHWISE, OUT), name="temporal", labels=("a", "b", "c"))
WAVE = SignedInputData("wave", (1, 6, 2), 16)
RECURRENT = Model((WAVE, TURNING), name="recurrent")
FRAMES = TEMPORAL.noise(np.random.default_rng(1), 12)
SIGNAL = RECURRENT.noise(np.random.default_rng(2), 12)


def shaped(*shape: int) -> np.ndarray:
    return np.ones(shape, np.int8)


@pytest.mark.parametrize(
    ("layer", "changes", "message"),
    [
        (BUFFERED, {"weights": shaped(1, 2, 3)}, "remembers 2 to 10 inputs"),
        (BUFFERED, {"weights": shaped(11, 2, 3)}, "remembers 2 to 10 inputs"),
        (BUFFERED, {"weights": shaped(0, 2, 3)}, "non-empty"),
        (BUFFERED, {"weights": shaped(1, 1, 6, 3)}, "3 dimensions"),
        (BUFFERED, {"weights": shaped(3, 2, 3), "weights_bits": 4}, "weights_bits must be 8"),
        (BUFFERED, {"input_shift": np.full(2, 32, np.uint8)}, r"input_shift must lie in 0\.\.31"),
        (BUFFERED, {"input_shift": np.zeros(6, np.uint8)}, r"input_shift must be uint8 \(2,\)"),
        (BUFFERED, {"bias_shift": np.full(3, 200, np.uint8)}, "bias_shift must lie in"),
        (BUFFERED, {"output_shift": np.full(3, -32, np.int8)}, "output_shift must lie in"),
        (DEPTHWISE, {"weights": shaped(70, 3)}, "remembers 2 to 10 inputs"),
        (DEPTHWISE, {"weights": shaped(4, 3, 1)}, "2 dimensions"),
        (TURNING, {"weights": shaped(3, 2), "weights_bits": 4}, "weights_bits must be 8"),
        (TURNING, {"in_proj": shaped(2, 4)}, r"in_proj must be int8 \(2, 3\)"),
        (TURNING, {"in_proj": shaped(0, 3)}, "in_proj must be int8"),
        (TURNING, {"a_real": np.zeros(4, np.int16)}, r"a_real must be int16 \(3,\)"),
        (TURNING, {"a_imag": np.zeros(3, np.int32)}, "a_imag must be int16"),
        (TURNING, {"new_state_scale": np.zeros(3, np.int8)}, "new_state_scale must be uint8"),
        (TURNING, {"new_state_shift": np.full(3, 32, np.int8)}, "new_state_shift must lie in"),
        (TURNING, {"internal_state_outputs_shift": np.full(3, -128, np.int8)},
         "internal_state_outputs_shift must lie in"),
        (TURNING, {"subsample": 0}, "subsample must be a positive integer"),
        (TURNING, {"subsample": True}, "subsample must be a positive integer"),
        (TURNING, {"internal_state_bits": 15}, "internal_state_bits must be 16 to 32"),
        (TURNING, {"internal_state_bits": 33}, "internal_state_bits must be 16 to 32"),
        (TURNING, {"post_op_buffer_bits": 15}, "at least internal_state_bits"),
        (APART, {"buffer_bits": 31}, "buffer_bits must be 32 to 44"),
        (APART, {"buffer_bits": 45}, "buffer_bits must be 32 to 44"),
        (APART, {"input_shift": np.ones(2, np.int8)}, r"input_shift must lie in -31\.\.0"),
        (APART, {"threshold": np.zeros(3, np.uint16)}, r"threshold must be uint16 \(2,\)"),
        (APART, {"input_scales": np.zeros((2, 1), np.uint16)}, "one dimension"),
    ],
)  # fmt: skip
def test_layers_that_are_refused(layer: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=message) as caught:
        replace(layer, **changes)
    assert caught.value.layer == layer.name


@pytest.mark.parametrize(
    ("layers", "inputs", "message"),
    [
        ((DATA, CONV, replace(BUFFERED, weights=shaped(3, 4, 1), input_shift=np.zeros(4, np.uint8),
                              **constants(1))), {}, "expects 4 input channels, but gets 2"),
        ((SignedInputData("in", (4096, 4096, 2)), BUFFERED), {}, "remembers 3 inputs of"),
        ((SignedInputData("in", (65536, 65536, 2)), BUFFERED), {}, "elements"),
        ((DATA, TURNING), {}, r"expects \(1, steps, 2\), but gets \(4, 4, 2\)"),
        ((WAVE, replace(TURNING, subsample=4)), {}, "every 4 steps, which do not divide the 6"),
        ((WAVE, replace(CONV, weights=shaped(1, 1, 2, 2))), {}, "gives values of more than 8"),
        ((WAVE, TURNING, BUFFERED), {}, r"'r' \(StatefulRecurrent\) is of Akida Pico, 't'"),
        ((InputData("in", (1, 6, 2), 4), TURNING), {}, r"Pico, 'in' \(InputData\) is not"),
        ((TURNING,), {}, "first layer must be"),
        ((WAVE, replace(TURNING, output_bits=16), APART), {"p": ("wave", "r")}, "of more than 16"),
        ((replace(WAVE, input_bits=12), TURNING, APART), {"p": ("wave", "r")}, "of more than 16"),
        ((WAVE, replace(TURNING, subsample=2), APART), {"p": ("r", "wave")}, "of one shape"),
        ((WAVE, TURNING, APART), {"p": ("r", "r")}, "of more than 16"),
        ((WAVE, TURNING, APART), {}, "takes 2 inputs, 1 are named"),
        ((WAVE, TURNING, WAVE), {}, "unique"),
        ((WAVE, TURNING), {"r": ("r",)}, "takes the output of 'r', which is no layer before it"),
        ((WAVE, TURNING), {"r": ()}, "takes 1 inputs, 0 are named"),
        ((DATA, BUFFERED), {"t": ("in", "in")}, "takes 1 inputs, 2 are named"),
        ((DATA, BUFFERED, replace(BUFFERED, name="u")), {"t": ("u",)}, "no layer before it"),
    ],
)  # fmt: skip
def test_layers_must_fit_together(layers: tuple[Any, ...], inputs: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Model(layers, inputs=inputs)


def test_any_graph_is_a_model_or_refused() -> None:
    """Settings, arrays and edges of random networks, put together at random."""
    rng = np.random.default_rng(5)
    parts = [
        DATA,
        WAVE,
        InputData("four", (1, 6, 2), 4),
        CONV,
        BUFFERED,
        DEPTHWISE,
        TURNING,
        APART,
        OUT,
    ]
    parts += recurrent_network(3)[0].layers
    seen = {"refused": 0, "made": 0}
    for _ in range(1500):
        try:
            layers = []
            for i in range(rng.integers(1, 5)):
                layer = parts[rng.integers(len(parts))]
                number = rng.integers(4) if rng.random() < 0.1 else i
                changes: dict[str, Any] = {"name": f"l{number}"}
                if rng.random() < 0.2 and layer.arrays:
                    name = str(rng.choice(sorted(layer.arrays)))
                    top = int(rng.choice([2, 32, 40, 127]))
                    array = rng.integers(0, top, layer.arrays[name].shape)
                    changes[name] = array.astype(layer.arrays[name].dtype)
                for name in ("subsample", "internal_state_bits", "output_bits", "buffer_bits"):
                    if rng.random() < 0.1 and hasattr(layer, name):
                        changes[name] = rng.choice([0, 1, 3, 8, 16, 17, 32, 33, 1 << 31]).item()
                if rng.random() < 0.1 and hasattr(layer, "input_shape"):
                    changes["input_shape"] = tuple(rng.choice([0, 1, 6, 4096, 65536], 3).tolist())
                layers.append(replace(layer, **changes))  # type: ignore[type-var]
            names = [layer.name for layer in layers]
            inputs = {}
            if rng.random() < 0.3:
                inputs[str(rng.choice(names))] = (str(rng.choice([*names, "none"])),)
            model = Model(tuple(layers), inputs=inputs)
            if sum(node.macs + node.output.elements for node in model.nodes) < 1_000_000:
                x, outputs = model.noise(rng, 2), []
                for backend in ("reference", "native"):
                    with akrt.Runtime(model, backend=backend) as runtime:
                        outputs.append(runtime.forward(x))
                np.testing.assert_array_equal(*outputs)
        except AkrtError:
            seen["refused"] += 1
        else:
            seen["made"] += 1
    assert min(seen.values()) > 50, seen


@settings(max_examples=30)
@given(networks_with_memory())
def test_files_hold_every_network(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    data = encoding.to_bytes(model)
    again = modelfile.from_bytes(data)
    assert encoding.to_bytes(again) == data
    assert again.stateful
    assert again.pico == model.pico
    assert encoding.describe(model)["format"] == 2
    backends = [akrt.Runtime(m, backend="reference").forward(x[:3]) for m in (model, again)]
    np.testing.assert_array_equal(*backends)


def test_every_constant_counts_in_the_hash() -> None:
    hashes = {encoding.content_hash(RECURRENT)}
    for name, array in TURNING.arrays.items():
        changed = array.copy()
        changed.reshape(-1)[0] += 1
        changed_layer = replace(TURNING, **{name: changed})
        hashes.add(encoding.content_hash(Model((WAVE, changed_layer))))
    for setting in ({"subsample": 2}, {"internal_state_bits": 17}):
        hashes.add(encoding.content_hash(Model((WAVE, replace(TURNING, **setting)))))
    assert len(hashes) == 1 + len(TURNING.arrays) + 2


def test_a_table_says_what_is_remembered() -> None:
    assert (TEMPORAL.stateful, TEMPORAL.pico, TEMPORAL.version) == (True, False, 2)
    assert (RECURRENT.stateful, RECURRENT.pico, RECURRENT.version) == (True, True, 2)
    assert not Model((DATA, CONV)).stateful
    text = TEMPORAL.layer_text()
    assert f"remembers {2 * 4 * 4 * 2 + 3 * 4 * 4 * 3} values from one sample for the next" in text
    assert "3x2x3" in text
    assert "recurrent: Akida 2.0, Pico" in RECURRENT.layer_text()
    assert "remembers" not in Model((DATA, CONV)).layer_text()


@pytest.mark.parametrize("model", [TEMPORAL, RECURRENT], ids=["temporal", "recurrent"])
def test_auto_takes_native(model: Model) -> None:
    with akrt.Runtime(model) as runtime:
        assert runtime.backend == "native"


def test_a_plugin_that_knows_no_memory_gets_no_such_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Plain(Backend):
        name = "plain"

        def __init__(self, model: Model) -> None: ...

        def run(self, x: np.ndarray) -> np.ndarray:
            return x

    monkeypatch.setattr(registry, "backend_class", lambda name: Plain)
    akrt.Runtime(Model((DATA, CONV)), backend="plain")
    with pytest.raises(BackendUnavailableError, match="with memory.*'native', 'reference'"):
        akrt.Runtime(TEMPORAL, backend="plain")


def test_other_runtimes_and_chips_refuse_by_name() -> None:
    for model in (TEMPORAL, RECURRENT):
        with pytest.raises(UnsupportedLayerError, match=r"Akida 2\.0"):
            quantise(model, np.zeros((1, *model.input_shape), np.uint8))
        assert [v.limit for v in violations(model)] == ["Akida 1.0"]


def test_conv_of_shape_one_is_still_one() -> None:
    """Not the time but the place: a 1x1 convolution remembers nothing."""
    layer = Conv2D(
        name="c", weights=shaped(1, 1, 2, 2), input_shift=np.zeros(2, np.uint8), **constants(2)
    )
    assert not Model((DATA, layer)).stateful
