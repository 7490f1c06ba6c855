"""akrt check --target mcu: kernels, flash and RAM of every layer, and all broken budgets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import calibrate, placeholder, random_input, random_weights
from typer.testing import CliRunner

import firmware_export
from akrt.cli.commands import app
from akrt.model import FullyConnected, InputData, Model, Pooling, SeparableConvolutional
from firmware_export.budget import budget
from firmware_export.lowered import lower

from .row_networks import row_network

MAX, WIDE = Pooling("max", (2, 2), (2, 2)), Pooling("max", (5, 5), (5, 5))


def separable(**changes: Any) -> SeparableConvolutional:
    rng = np.random.default_rng(0)
    kernel = changes.pop("kernel", (3, 3))
    fields = {
        "name": "layer",
        "depthwise": random_weights(rng, 4, (*kernel, 8)),
        "pointwise": random_weights(rng, 4, (8, 8)),
        "weights_bits": 4,
        "act_bits": 4,
        **placeholder(8),
        **changes,
    }
    return SeparableConvolutional(**fields)


def model_of(layer: SeparableConvolutional, shape: tuple[int, int, int] = (6, 4, 8)) -> Model:
    rng = np.random.default_rng(1)
    layers = [InputData("in", shape, 4), layer]
    inputs = random_input(rng, Model(tuple(layers)))
    return Model(tuple(calibrate(layers, rng, inputs)))


@pytest.mark.parametrize(
    ("layer", "shape", "kernel", "reason"),
    [
        (separable(), (6, 4, 8), "akrt_separable_rows", None),
        (separable(kernel=(5, 5)), (6, 4, 8), "akrt_separable_lines", None),
        (separable(stride=(2, 2)), (6, 4, 8), "akrt_separable_lines", None),
        (separable(padding="valid"), (6, 4, 8), "akrt_separable_lines", None),
        (separable(), (6, 6, 8), "akrt_separable_lines", None),
        (separable(act_bits=None), (6, 4, 8), "akrt_separable_lines", None),
        (separable(pooling=MAX), (6, 4, 8), "akrt_separable_lines", None),
        (separable(weights_bits=8), (6, 4, 8), "akrt_separable_potentials", "8-bit weights"),
        (separable(pooling=WIDE), (6, 6, 8), "akrt_max_line", None),
        (separable(pooling=MAX, act_bits=None), (6, 6, 8), "akrt_layer_max", "max pooling of"),
    ],
)
def test_the_path_and_its_reason(
    layer: SeparableConvolutional, shape: tuple[int, int, int], kernel: str, reason: str | None
) -> None:
    model = model_of(layer, shape)
    found = budget(model).layers[1]
    assert kernel in " ".join(lower(model, "net").kernels)
    assert (found.path == "fast") == (reason is None)
    assert bool(found.general_because) == (reason is not None)
    assert reason is None or found.general_because[0].startswith(reason)


def test_all_reasons_at_once() -> None:
    layer = separable(weights_bits=8, pooling=WIDE, act_bits=None)
    assert budget(model_of(layer, (7, 7, 8))).layers[1].general_because == (
        "8-bit weights, more than 4",
        "max pooling of potentials that stay potentials",
    )


def test_depthwise_results_beyond_16_bits_take_the_general_path() -> None:
    layer = separable(
        depthwise=np.full((19, 19, 8), 7, np.int8), pointwise=np.full((8, 8), 7, np.int8)
    )
    found = budget(model_of(layer, (3, 3, 8))).layers[1]
    assert found.general_because == (
        "windows of 19 on X, more than 16",
        "a depthwise result of more than 16 bits",
    )


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_those_of_the_export(seed: int, tmp_path: Path) -> None:
    model, _ = row_network(seed)
    report = budget(model)
    export = firmware_export.export(model, tmp_path / "net", name="net")
    assert report.arena_bytes == export.arena_bytes
    assert report.constant_bytes == export.constant_bytes
    assert max(layer.ram_bytes for layer in report.layers) <= report.arena_bytes
    memory = json.loads((tmp_path / "net" / "net_memory.json").read_text())
    assert [row["path"] for row in memory["layers"]] == [layer.path for layer in report.layers]


def test_every_broken_budget_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.akrt"
    dense = FullyConnected(
        name="dense",
        weights=random_weights(np.random.default_rng(2), 8, (8, 3)),
        weights_bits=8,
        act_bits=None,
        **placeholder(3),
    )
    pooled = separable(pooling=Pooling("average"), name="pooled")
    model = model_of(pooled)
    replace(model, layers=(*model.layers, dense)).save(path)
    told = run("check", str(path), "--target", "mcu", "--flash", "10", "--ram", "20", code=3)
    assert told["fits"] is False
    layers = [(v["layer"], v["rule"]) for v in told["violations"]]
    assert {("pooled", "flash"), ("pooled", "RAM"), ("dense", "flash")} <= set(layers)
    assert layers[-2:] == [("model", "flash in all"), ("model", "arena")]
    within = run("check", str(path), "--target", "mcu", "--flash", "9999", "--ram", "9999")
    assert within["fits"] is True
    assert within["violations"] == []
    text = CliRunner().invoke(app, ["check", str(path), "--target", "mcu", "--ram", "20"]).stdout
    assert "at most 20 bytes" in text
    assert "general; 8-bit weights, more than 4" in text


def test_a_budget_needs_the_target() -> None:
    result = CliRunner().invoke(app, ["check", "--ram", "8000"])
    assert result.exit_code != 0
    assert "--target mcu" in str(result.exception) + result.output


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)
