"""Models that are no chain: what is accepted, what is refused, and what files and tables say."""

from __future__ import annotations

import copy
import json
import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import akida2_oracle
import numpy as np
import oracle
import pytest
from export.compiled_export import SANITIZERS, build, driver, outputs
from export.test_akida2_networks import residual as residual_of_akida_2
from export.test_lowered import fast_residual
from hypothesis import given, settings
from networks import placeholder, residual_networks
from safetensors import safe_open
from safetensors.numpy import load_file
from safetensors.numpy import save as save_tensors

import akrt
from akrt.errors import BackendUnavailableError, ModelError, ModelFileError, UnsupportedLayerError
from akrt.model import Add, Convolutional, InputData, Model, encoding

DATA = InputData("in", (4, 3, 2), 4)
ADD = Add(name="sum", act_bits=4, **placeholder(2))


def conv(name: str, **changes: Any) -> Convolutional:
    settings = {"weights_bits": 4, "act_bits": 4, **placeholder(2), **changes}
    return Convolutional(name=name, weights=np.ones((3, 3, 2, 2), np.int8), **settings)


def residual() -> Model:
    """A branch of two convolutions beside nothing."""
    return Model((DATA, conv("a"), conv("b"), ADD), inputs={"sum": ("b", "in")})


def test_what_a_node_takes_and_gives() -> None:
    model = residual()
    assert [node.sources for node in model.nodes] == [(), ("in",), ("a",), ("b", "in")]
    last = model.nodes[-1]
    assert [value.shape for value in last.inputs] == [(4, 3, 2)] * 2
    assert (last.max_potential, last.output_max, last.macs) == (30, 15, 0)
    assert [node.layer.name for node in model.takers("in")] == ["a", "sum"]
    assert (last.output.dtype, last.output.low, last.output.high) == ("uint8", 0, 15)


def test_an_addition_by_hand() -> None:
    add = replace(ADD, threshold=np.array([0, 4], np.int32), act_step=np.full(2, 2, np.float32))
    model = Model((InputData("in", (1, 1, 2), 4), add), inputs={"sum": ("in", "in")})
    x = np.array([[[[15, 6]]], [[[0, 2]]]], np.uint8)
    # (15 + 15 - 0) / 2 and (6 + 6 - 4) / 2; nothing below the threshold
    np.testing.assert_array_equal(
        akrt.Runtime(model, backend="reference").forward(x), [[[[15, 4]]], [[[0, 0]]]]
    )


def test_a_chain_needs_no_names_and_loses_those_it_has() -> None:
    layers = (DATA, conv("a"), conv("b"))
    named = Model(layers, inputs={"b": ("a",), "a": ["in"], "in": ()})  # type: ignore[dict-item]
    assert not named.inputs
    assert encoding.to_bytes(named) == encoding.to_bytes(Model(layers))
    assert encoding.describe(named)["format"] == 1
    with pytest.raises(TypeError):
        residual().inputs["sum"] = ("a", "b")  # type: ignore[index]


@pytest.mark.parametrize(
    ("layers", "inputs", "message"),
    [
        ((DATA, ADD), {}, r"'sum' \(Add\) takes 2 inputs, 1 are named: Model\(..., inputs="),
        ((DATA, ADD), {"sum": ("in",)}, "takes 2 inputs, 1 are named"),
        ((DATA, ADD), {"sum": ("in", "in", "in")}, "takes 2 inputs, 3 are named"),
        ((DATA, conv("a")), {"a": ("in", "in")}, "takes 1 inputs, 2 are named"),
        ((DATA, ADD), {"sum": ("in", "gone")}, "output of 'gone', which is no layer before it"),
        ((DATA, ADD), {"sum": ("in", "sum")}, "output of 'sum', which is no layer before it"),
        ((DATA, conv("a"), conv("b")), {"a": ("b",)}, "output of 'b', which is no layer before"),
        ((DATA, conv("a"), conv("b")), {"b": ("in",)}, "no layer takes the output of 'a'"),
        ((DATA, conv("a")), {"in": ("a",)}, r"'in' \(InputData\) takes 0 inputs, 1 are named"),
        ((DATA, conv("a")), {"c": ("a",)}, "inputs are named for 'c', which is no layer"),
        ((DATA, ADD), {"sum": "in"}, "must be a sequence of names, got 'in'"),
        ((DATA, ADD), {"sum": (1, 2)}, r"must be names: \(1, 2\)"),
        ((DATA, ADD), {"sum": 5}, "must be a sequence of names, got 5"),
        ((DATA, ADD), [("sum", "in")], "inputs must be names of layers by layer"),
        (
            (DATA, conv("a", act_bits=None), ADD),
            {"sum": ("a", "in")},
            "'a' has no activation but is followed by 'sum'",
        ),
        (
            (DATA, conv("a", stride=(2, 1)), ADD),
            {"sum": ("a", "in")},
            r"'sum' \(Add\) adds tensors of one shape, but gets \(2, 3, 2\) and \(4, 3, 2\)",
        ),
        (
            (InputData("in", (4, 3, 5), 4), ADD),
            {"sum": ("in", "in")},
            "has thresholds for 2 channels, but gets 5",
        ),
        ((InputData("in", (4, 3, 2), 5), ADD), {"sum": ("in", "in")}, "at most 4 bits"),
    ],
)
def test_what_is_no_graph_is_refused(layers: Any, inputs: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Model(layers, inputs=inputs)


def test_an_addition_refuses_what_is_no_activation() -> None:
    for changes, message in (
        ({"act_bits": 3}, "1, 2 or 4 bits"),
        ({"name": ""}, "not empty"),
        ({"threshold": np.zeros(3, np.int32)}, r"act_step must be float32 \(3,\)"),
        ({"threshold": np.zeros((1, 2), np.int32)}, "threshold must be int32"),
        ({"threshold": [[1], [1, 2]]}, "threshold is no array"),
        ({"act_step": np.zeros(2, np.float32)}, "every act_step"),
    ):
        with pytest.raises(UnsupportedLayerError, match=message):
            replace(ADD, **changes)


def header(path: Path) -> dict[str, Any]:
    with safe_open(path, "numpy") as file:
        found: dict[str, Any] = json.loads(file.metadata()["akrt"])
    return found


def test_the_file_names_inputs(tmp_path: Path) -> None:
    path = tmp_path / "m.akrt"
    residual().save(path)
    written = header(path)
    assert written["format"] == 2
    assert [layer["inputs"] for layer in written["layers"]] == [[], ["in"], ["a"], ["b", "in"]]
    other = Model((DATA, conv("a"), conv("b"), ADD), inputs={"sum": ("b", "a")})
    assert encoding.content_hash(other) != encoding.content_hash(akrt.load(path))


def test_models_can_be_copied_and_sent_to_other_processes() -> None:
    for copied in (pickle.loads(pickle.dumps(residual())), copy.deepcopy(residual())):
        assert encoding.to_bytes(copied) == encoding.to_bytes(residual())
        with pytest.raises(TypeError):
            copied.inputs["sum"] = ()


@pytest.mark.parametrize("inputs", [None, 5, "in", [1], {}, ["in"], ["in", "later"]])
def test_nonsense_in_a_file_is_refused(tmp_path: Path, inputs: Any) -> None:
    path = tmp_path / "m.akrt"
    residual().save(path)
    written, tensors = header(path), load_file(path)
    del written["sha256"]
    written["layers"][-1]["inputs"] = inputs
    written["sha256"] = encoding.digest(written, tensors)
    path.write_bytes(save_tensors(tensors, {"akrt": encoding.canonical(written)}))
    with pytest.raises(ModelFileError):
        akrt.load(path)


def test_the_table_says_what_a_layer_takes() -> None:
    text = residual().layer_text()
    assert text.splitlines()[0].split()[:3] == ["layer", "takes", "type"]
    assert "b, in" in text
    assert "takes" not in Model((DATA, conv("a"))).layer_text()
    assert residual().layer_table()[-1]["inputs"] == ["b", "in"]


@pytest.mark.parametrize("version", [1, 2])
def test_two_branches_into_an_addition_go_all_the_way(version: int, tmp_path: Path) -> None:
    """Graph, file, reference, native and exported C give what a second writing gives."""
    model, x = fast_residual() if version == 1 else residual_of_akida_2(1)
    (add,) = (node for node in model.nodes if node.layer.kind in ("Add", "ShiftedAdd"))
    assert len({*add.sources} - {model.nodes[0].layer.name}) == 2
    model.save(tmp_path / "m.akrt")
    read = akrt.load(tmp_path / "m.akrt")
    assert encoding.to_bytes(read) == encoding.to_bytes(model)
    if version == 1:
        wanted = [oracle.layer_outputs(model, sample)[-1] for sample in x]
    else:
        wanted = [akida2_oracle.layer_outputs(model, sample, Counter())[-1] for sample in x]
    for backend in ("reference", "native"):
        made = akrt.Runtime(read, backend=backend).forward(x)
        np.testing.assert_array_equal(made, wanted, backend)
    program = tmp_path / "driver"
    build(driver([read], tmp_path, [x]), program, "-std=c99", "-O1", *SANITIZERS)
    (exported,) = outputs([str(program)], [read], [x])
    np.testing.assert_array_equal(exported, wanted)


@settings(max_examples=50)
@given(residual_networks())
def test_akidas_backends_refuse_branches_by_name(case: tuple[Model, np.ndarray]) -> None:
    model, _ = case
    (first, *_) = (layer.name for layer in model.layers if layer.kind == "Add")
    pytest.importorskip("akida", reason="the package 'akida' is not installed")
    with pytest.raises((UnsupportedLayerError, BackendUnavailableError), match=f"'{first}'"):
        akrt.Runtime(model, backend="simulator")
