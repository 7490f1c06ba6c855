"""`check`'s rules against akida's mapper, on random networks around every limit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from chip_networks import ChipNetworks
from conftest import need
from networks import placeholder

from akrt.driver.check import check
from akrt.driver.limits import violations
from akrt.driver.mapping import virtual_device
from akrt.importers.akida_model import to_akida
from akrt.model import (
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)

ONLY_THE_MAPPER_KNOWS = ("hardware components of type", "the number of neurons per NP / 8")
"""Refusals that hang on the whole mesh: no processors left, or how it split the filters."""


def refusal(model: Model, chip: str) -> str | None:
    """What akida's mapper says against a model, asked without our rules."""
    twin = to_akida(model)
    try:
        twin.map(virtual_device(chip), hw_only=True)
    except RuntimeError as error:
        return str(error)
    assert len(twin.sequences) == 1
    return None


@pytest.mark.parametrize(("chip", "count"), [("AKD1000", 500), ("AKD1500", 200)])
def test_check_and_mapper_agree_on_random_networks(chip: str, count: int) -> None:
    need("akida")
    verdicts: Counter[bool] = Counter()
    rules: Counter[str] = Counter()
    for seed in range(count):
        model = ChipNetworks(seed, wild=0.04 if seed % 4 else 0.2).draw()
        said = refusal(model, chip)
        found = violations(model, chip)
        where = f"seed {seed}: {[str(v) for v in found]}; the mapper: {said}\n{model.layer_text()}"
        report = check(model, chip)
        assert report.fits == (said is None), where
        assert (report.mapping is not None) == report.fits, where
        if said is None or not any(words in said for words in ONLY_THE_MAPPER_KNOWS):
            assert bool(found) == (said is not None), where
        if said is not None:
            assert any(f"'{v.layer}'" in said for v in report.violations), where
        verdicts[report.fits] += 1
        rules.update(v.rule.split(" (")[0] for v in found)
    assert min(verdicts.values()) > count // 5, verdicts
    assert len(rules) > 15, rules


def convolution(name: str, weights: np.ndarray, **changes: Any) -> Convolutional:
    settings = {"weights_bits": 4, "act_bits": 4, **placeholder(weights.shape[-1]), **changes}
    return Convolutional(name=name, weights=weights, **settings)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.int8)


def step(value: float) -> np.ndarray:
    return np.array([1, value], np.float32)


def threshold(value: int) -> np.ndarray:
    return np.array([0, value], np.int32)


def first(shape: tuple[int, int, int], weights: np.ndarray, **changes: Any) -> InputConvolutional:
    settings = {"weights_bits": 8, "act_bits": 4, **placeholder(weights.shape[-1]), **changes}
    return InputConvolutional(name="first", input_shape=shape, weights=weights, **settings)


def entrance(x: int, y: int, channels: int, bits: int = 4) -> InputData:
    return InputData("in", (x, y, channels), bits)


def dense(inputs: int, units: int = 2, **changes: Any) -> FullyConnected:
    settings = {"weights_bits": 4, "act_bits": None, **placeholder(units), **changes}
    return FullyConnected(name="dense", weights=ones(inputs, units), **settings)


def separable(c: int, f: int, kernel: tuple[int, int] = (3, 3), **changes: Any) -> Any:
    settings = {"weights_bits": 4, "act_bits": 4, **placeholder(f), **changes}
    depthwise = settings.pop("depthwise", ones(*kernel, c))
    return SeparableConvolutional(
        name="separable", depthwise=depthwise, pointwise=ones(c, f), **settings
    )


MAX2 = Pooling("max", (2, 2), (2, 2))
PLANTED = [
    # layers, layer that breaks the rule, rule, limit, value
    ([first((4, 8, 1), ones(3, 3, 1, 2))], "first", "input X", "at least 5", "4"),
    ([first((8, 4, 1), ones(3, 3, 1, 2))], "first", "input Y", "at least 5", "4"),
    ([first((8, 257, 1), ones(3, 3, 1, 2))], "first", "input Y", "at most 256", "257"),
    ([first((6, 8, 1), ones(7, 7, 1, 2))], "first", "input X", "at least the kernel's 7", "6"),
    ([first((9, 9, 1), ones(1, 1, 1, 2))], "first", "kernel", "3x3, 5x5 or 7x7", "1x1"),
    ([first((9, 9, 1), ones(3, 5, 1, 2))], "first", "kernel", "3x3, 5x5 or 7x7", "3x5"),
    ([first((9, 9, 1), ones(5, 5, 1, 2), stride=(4, 1))], "first", "stride", "1, 2 or 3", "4x1"),
    *(
        (
            [first((9, 9, c), ones(k, k, c, most + 1))],
            "first",
            f"filters ({k}x{k}, {c} channels)",
            f"at most {most}",
            str(most + 1),
        )
        for c, k, most in [
            (1, 3, 512),
            (1, 5, 192),
            (1, 7, 96),
            (3, 3, 192),
            (3, 5, 64),
            (3, 7, 32),
        ]
    ),
    (
        [first((9, 9, 1), ones(3, 3, 1, 2), pooling=Pooling("max", (3, 3), (3, 3)))],
        "first",
        "pooling size",
        "1x1, 1x2, 2x1 or 2x2",
        "3x3",
    ),
    (
        [first((9, 9, 1), ones(3, 3, 1, 2), pooling=Pooling("max", (2, 2), (1, 1)))],
        "first",
        "pooling stride",
        "the pooling size 2x2",
        "1x1",
    ),
    (
        [first((9, 9, 1), ones(3, 3, 1, 2), pooling=Pooling("average"))],
        "first",
        "pooling",
        "max or none",
        "global average",
    ),
    (
        [first((9, 5, 1), ones(3, 3, 1, 2), stride=(1, 3), pooling=Pooling("max", (1, 2), (1, 2)))],
        "first",
        "output Y after max pooling",
        "at least 2",
        "1",
    ),
    (
        [first((9, 5, 1), ones(5, 5, 1, 2), padding="valid")],
        "first",
        "input Y without padding",
        "at least 6 (kernel + stride)",
        "5",
    ),
    (
        [first((9, 9, 1), ones(3, 3, 1, 2), act_bits=None)],
        "first",
        "activation",
        "present",
        "absent",
    ),
    ([first((9, 9, 1), 0 * ones(3, 3, 1, 2))], "first", "weights", "not all zero", "0"),
    (
        [first((9, 9, 1), ones(3, 3, 1, 2), threshold=threshold(1 << 23))],
        "first",
        "threshold",
        "-8388608..8388607 (24 bits)",
        "8388608",
    ),
    (
        [first((9, 9, 1), ones(3, 3, 1, 2), act_step=step(1 << 20))],
        "first",
        "act_step",
        "at most 1048575 (20 bits)",
        "1048576",
    ),
    (
        [entrance(8, 8, 4), convolution("c", ones(3, 3, 4, 2), padding="valid")],
        "c",
        "padding",
        "same",
        "valid",
    ),
    (
        [entrance(8, 8, 4), convolution("c", ones(9, 9, 4, 2))],
        "c",
        "kernel",
        "1x1 or 3x3 or 5x5 or 7x7",
        "9x9",
    ),
    (
        [entrance(8, 8, 4), separable(4, 2, (1, 1))],
        "separable",
        "kernel",
        "3x3 or 5x5 or 7x7",
        "1x1",
    ),
    (
        [entrance(8, 8, 4), convolution("c", ones(5, 5, 4, 2), stride=(2, 2))],
        "c",
        "kernel of a stride of 2",
        "3x3",
        "5x5",
    ),
    (
        [entrance(8, 8, 4), separable(4, 2, stride=(1, 2))],
        "separable",
        "stride",
        "1x1 or 2x2",
        "1x2",
    ),
    (
        [entrance(8, 8, 4), convolution("c", ones(3, 3, 4, 2), weights_bits=8)],
        "c",
        "weight bits",
        "1 or 2 or 4",
        "8",
    ),
    (
        [entrance(8, 8, 4), separable(4, 2, weights_bits=1)],
        "separable",
        "weight bits",
        "2 or 4",
        "1",
    ),
    (
        [entrance(8, 8, 2049), separable(2049, 2)],
        "separable",
        "input channels",
        "at most 2048",
        "2049",
    ),
    (
        [entrance(8, 8, 150), convolution("c", ones(7, 7, 150, 2))],
        "c",
        "input channels (7x7, 4-bit weights)",
        "at most 149",
        "150",
    ),
    (
        [entrance(8, 8, 4), convolution("c", ones(1, 1, 4, 2049))],
        "c",
        "filters",
        "at most 2048",
        "2049",
    ),
    (
        [entrance(8, 8, 4), separable(4, 2, depthwise=0 * ones(3, 3, 4))],
        "separable",
        "depthwise weights",
        "not all zero",
        "0",
    ),
    (
        [
            entrance(8, 8, 4),
            convolution("c", ones(3, 3, 4, 2), pooling=Pooling("max", (2, 2), (1, 2))),
            convolution("d", ones(1, 1, 2, 2)),
        ],
        "c",
        "pooling stride",
        "the same on X and Y",
        "1x2",
    ),
    (
        [
            entrance(8, 8, 4),
            convolution("c", ones(3, 3, 4, 2), pooling=Pooling("max", (3, 3), (2, 2))),
            convolution("d", ones(1, 1, 2, 2)),
        ],
        "c",
        "pooling size",
        "2x2",
        "3x3",
    ),
    (
        [
            entrance(1, 8, 4),
            convolution("c", ones(3, 3, 4, 2), pooling=MAX2),
            convolution("d", ones(1, 1, 2, 2)),
        ],
        "c",
        "input of a max pooling",
        "at least 2x2",
        "1x8",
    ),
    (
        [entrance(8, 8, 4), convolution("c", ones(3, 3, 4, 2), pooling=MAX2)],
        "c",
        "the layer after max pooling",
        "Convolutional or SeparableConvolutional",
        "nothing",
    ),
    (
        [entrance(8, 8, 4), convolution("c", ones(3, 3, 4, 2), pooling=MAX2), dense(32)],
        "c",
        "the layer after max pooling",
        "Convolutional or SeparableConvolutional",
        "FullyConnected",
    ),
    (
        [entrance(33, 8, 4), separable(4, 2, pooling=Pooling("average"))],
        "separable",
        "input X of a global average",
        "at most 32",
        "33",
    ),
    (
        [entrance(8, 2, 4), separable(4, 2, pooling=Pooling("average"))],
        "separable",
        "Y before a global average",
        "at least 3",
        "2",
    ),
    (
        [
            entrance(8, 8, 4),
            convolution("c", ones(3, 3, 4, 2), threshold=threshold(-(1 << 19) - 1)),
        ],
        "c",
        "threshold",
        "-524288..524287 (20 bits)",
        "-524289",
    ),
    (
        [entrance(8, 8, 4), convolution("c", ones(3, 3, 4, 2), act_step=step(1 << 16))],
        "c",
        "act_step",
        "at most 65535 (16 bits)",
        "65536",
    ),
    ([entrance(1, 1, 57335), dense(57335)], "dense", "inputs", "at most 57334", "57335"),
    ([entrance(1, 1, 4), dense(4, weights_bits=8)], "dense", "weight bits", "1, 2 or 4", "8"),
    ([entrance(1, 1, 4, 3), dense(4)], "dense", "input bits", "1, 2 or 4", "3"),
]


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: f"{case[2]}-{case[4]}".replace(" ", "_"))
def test_every_planted_violation_is_found_and_akida_refuses_it(case: tuple[Any, ...]) -> None:
    layers, layer, rule, limit, value = case
    model = Model(tuple(layers))
    found = [(v.layer, v.rule, v.limit, v.value) for v in violations(model)]
    assert found == [(layer, rule, limit, value)]
    need("akida")
    assert refusal(model, "AKD1000") is not None


def test_many_violations_are_found_at_once_each_with_its_layer() -> None:
    model = Model(
        (
            first((4, 300, 1), ones(9, 9, 1, 2), stride=(4, 4), act_step=step(1 << 21)),
            convolution("c", ones(5, 5, 2, 2), stride=(2, 2), weights_bits=8),
            separable(2, 2, (9, 9), threshold=threshold(1 << 20)),
        )
    )
    found = {}
    for v in violations(model):
        found.setdefault(v.layer, []).append(v.rule)
    assert found == {
        "first": ["input X", "input Y", "kernel", "stride", "act_step"],
        "c": ["kernel of a stride of 2", "weight bits"],
        "separable": ["kernel", "threshold"],
    }


def test_an_akd1500_pools_by_three() -> None:
    need("akida")
    layers = (
        entrance(8, 8, 4),
        convolution("c", ones(3, 3, 4, 2), pooling=Pooling("max", (3, 3), (3, 3))),
        convolution("d", ones(1, 1, 2, 2)),
    )
    assert check(Model(layers), "AKD1500").fits
    assert not check(Model(layers), "AKD1000").fits


def test_a_full_mesh_is_a_violation_of_the_layer_that_found_no_place() -> None:
    need("akida")
    layers = tuple(convolution(f"c{i}", ones(1, 1, 4, 4)) for i in range(80))
    report = check(Model((entrance(8, 8, 4), *layers)))
    assert [(v.layer, v.rule) for v in report.violations] == [("c78", "place")]
    assert "CNP1" in str(report.violations[0])


def test_potentials_beyond_20_bits_are_told_but_fit() -> None:
    weights = np.full((7, 7, 140, 2), 7, np.int8)
    layers = (entrance(8, 8, 140), convolution("wide", weights), convolution("c", ones(1, 1, 2, 2)))
    assert 7 * 7 * 140 * 7 * 15 > 1 << 19
    report = check(Model(layers))
    assert report.beyond_20_bits == ("wide",)
    assert report.violations == ()
