"""The rules for chips of Akida 2.0 against akida's mapper: random networks, each limit's edge."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from chip_networks_akida2 import (
    AVERAGE,
    Akida2ChipNetworks,
    addition,
    branched,
    conv,
    data,
    dense,
    depthwise,
    depthwise_transposed,
    floats,
    image,
    pool,
    transposed,
)
from conftest import need
from networks import placeholder
from test_limits import refusal

import akrt
from akrt.driver.check import check
from akrt.driver.chips import CHIPS_OF_2
from akrt.driver.limits import violations
from akrt.driver.limits_akida2 import broken_branches
from akrt.driver.mapping import VIRTUAL, map_model, virtual_device
from akrt.errors import BackendUnavailableError, UnsupportedLayerError
from akrt.model import AnyLayer, InputConvolutional, Model, Quantizer, ScaledLayer

COUNT = int(os.environ.get("AKRT_CHIP_NETWORKS", "40"))
CHIP = "SixNodesIPv2"
ONLY_THE_MAPPER_KNOWS = ("hardware components of type", "spatial split is impossible")


def test_check_and_mapper_agree_on_random_networks() -> None:
    need("akida")
    verdicts: Counter[bool] = Counter()
    for seed in range(COUNT):
        model = Akida2ChipNetworks(seed, wild=0.03 if seed % 4 else 0.2).draw()
        found = violations(model, CHIP)
        if any(broken_branches(model)):
            assert found  # and the mapper might end this process
            continue
        said = refusal(model, CHIP)
        where = f"seed {seed}: {[str(v) for v in found]}; the mapper: {said}\n{model.layer_text()}"
        if said is None or not any(words in said for words in ONLY_THE_MAPPER_KNOWS):
            assert bool(found) == (said is not None), where
            if said is not None:
                assert any(f"'{v.layer}'" in said for v in found), where
        verdicts[said is None] += 1
    assert min(verdicts.values()) > COUNT // 5, verdicts


def several(*layers: AnyLayer) -> Model:
    return Model(layers)


def wide(**changes: Any) -> Model:
    return several(data(), conv(**changes))


def lut(value: int) -> np.ndarray:
    return np.full(2048, value, np.int32)


def summed(**changes: Any) -> Model:
    return branched("z=data a=z b=z sum=a+b d=sum", addition(**changes))


NEXT = conv("next")
EDGES: list[tuple[str, Callable[[Any], Model], Any, Any]] = [
    # rule, network of a value, the last value that fits, one that does not
    ("input X", lambda v: several(image(x=v)), 5, 4),
    ("input Y", lambda v: several(image(y=v)), 5, 4),
    ("input Y", lambda v: several(image(y=v)), 384, 385),
    ("kernel", lambda v: several(image(kernel=v)), 3, 2),
    ("kernel", lambda v: several(image(kernel=v)), 7, 8),
    ("kernel", lambda v: several(image(kernel=v)), 5, 6),
    ("stride", lambda v: several(image(stride=v)), 3, 4),
    ("stride", lambda v: several(image(kernel=7, stride=v)), 6, 7),
    ("filters", lambda v: several(image(filters=v)), 512, 513),
    ("weight bits", lambda v: several(image(weights_bits=v)), 8, 4),
    ("activation", lambda v: several(image(activation=v)), "lut", None),
    ("output bits", lambda v: several(image(output_bits=v)), 4, 5),
    (
        "output bits of a look-up table",
        lambda v: several(image(activation="lut", output_bits=v)),
        8,
        4,
    ),
    ("weights", lambda v: several(image(weights=np.full((3, 3, 3, 4), v, np.int8))), 1, 0),
    ("max pooling", lambda v: several(image(pooling=v), NEXT), pool(3, 2), pool(3, 1)),
    ("max pooling", lambda v: several(image(pooling=v), NEXT), pool(2, 2), pool(2, 1)),
    (
        "the layer after max pooling",
        lambda v: several(image(pooling=pool(2, 2)), v),
        dense(64),
        floats(),
    ),
    (
        "activation before max pooling",
        lambda v: several(image(pooling=pool(2, 2), activation=v), NEXT),
        "relu",
        "lut",
    ),
    (
        "output bits with padding same_upper",
        lambda v: several(image(padding="same_upper", stride=2, output_bits=v)),
        8,
        4,
    ),
    ("lut_values", lambda v: several(image(activation="lut", lut_values=lut(v))), -8192, -8193),
    ("lut_values", lambda v: wide(activation="lut", lut_values=lut(v)), 8191, 8192),
    ("input bits", lambda v: several(data(bits=v), conv(weights_bits=4)), 4, 5),
    ("weight bits", lambda v: several(data(bits=4), conv(weights_bits=v)), 4, 8),
    ("input_shift", lambda v: wide(shift=v), 7, 8),
    ("kernel", lambda v: wide(kernel=v), 7, 9),
    ("kernel", lambda v: several(data(), depthwise(kernel=v)), 3, 1),
    ("padding", lambda v: wide(padding=v), "same", "valid"),
    *(
        (
            f"input channels ({k}x{k}, {bits}-bit weights)",
            lambda v, k=k, bits=bits: several(
                data(2, 2, v), conv(channels=v, kernel=k, weights_bits=bits)
            ),
            most,
            most + 1,
        )
        for k, bits, most in [(3, 4, 1365), (3, 8, 682), (5, 4, 512), (5, 8, 204), (7, 8, 73)]
    ),
    (
        "input channels (7x7, 4-bit weights)",
        lambda v: several(data(2, 2, v), conv(channels=v, kernel=7, weights_bits=4)),
        195,
        196,
    ),
    (
        "input channels",
        lambda v: several(data(2, 2, v), conv(channels=v, kernel=1)),
        2048,
        2049,
    ),
    *(
        (
            f"input channels ({k}x{k})",
            lambda v, k=k: several(data(2, 2, v), transposed(channels=v, kernel=k)),
            most,
            most + 1,
        )
        for k, most in [(3, 682), (4, 341)]
    ),
    ("filters", lambda v: several(data(2, 2), conv(filters=v, kernel=1)), 2048, 2049),
    ("output bits", lambda v: wide(output_bits=v), 4, 5),
    ("output bits without activation", lambda v: wide(activation=None, output_bits=v), 28, 32),
    ("output bits without activation", lambda v: wide(activation=None, output_bits=v), 8, 4),
    (
        "output bits of 4-bit weights",
        lambda v: wide(activation=None, weights_bits=4, output_bits=v),
        28,
        8,
    ),
    (
        "output bits of 4-bit weights",
        lambda v: several(data(), depthwise(weights_bits=4, output_bits=v)),
        4,
        8,
    ),
    ("output bits of a look-up table", lambda v: wide(activation="lut", output_bits=v), 8, 4),
    (
        "weight bits with padding same_upper",
        lambda v: wide(padding="same_upper", stride=2, weights_bits=v),
        8,
        4,
    ),
    ("stride of a layer that pools", lambda v: wide(stride=v, pooling=AVERAGE), 1, 2),
    (
        "input X of a global average",
        lambda v: several(data(v, 1), conv(pooling=AVERAGE)),
        64,
        65,
    ),
    (
        "input X times Y of a global average",
        lambda v: several(data(12, v), depthwise(pooling=AVERAGE)),
        12,
        13,
    ),
    (
        "output bits of a global average",
        lambda v: wide(pooling=AVERAGE, activation=None, output_bits=v),
        8,
        28,
    ),
    ("max pooling", lambda v: several(data(), conv(pooling=v), NEXT), pool(2, 1), pool(3, 1)),
    (
        "input of a max pooling",
        lambda v: several(data(v, 4), conv(pooling=pool(2, 1)), NEXT),
        2,
        1,
    ),
    (
        "the layer after max pooling",
        lambda v: several(data(), conv(pooling=pool(2, 2)), v),
        NEXT,
        dense(64),
    ),
    (
        "activation before max pooling",
        lambda v: several(data(), conv(pooling=pool(2, 2), activation=v), NEXT),
        "relu",
        "lut",
    ),
    ("input Y", lambda v: several(data(2, v), transposed()), 128, 129),
    ("output bits", lambda v: several(data(), transposed(output_bits=v)), 8, 4),
    ("weight bits", lambda v: several(data(), depthwise_transposed(weights_bits=v)), 8, 4),
    ("inputs", lambda v: several(data(1, 1, v), dense(v)), 2048, 2049),
    ("activation", lambda v: several(data(1, 1), dense(4, activation=v)), "relu", "lut"),
    (
        "output bits without activation",
        lambda v: several(data(1, 1), dense(4, output_bits=v)),
        32,
        31,
    ),
    (
        "output bits with activation",
        lambda v: several(data(1, 1), dense(4, activation="relu", output_bits=v)),
        4,
        28,
    ),
    (
        "output bits of 4-bit weights",
        lambda v: several(data(1, 1), dense(4, weights_bits=4, output_bits=v)),
        28,
        8,
    ),
    (
        "the layer after",
        lambda v: several(data(1, 1), dense(4, activation="relu"), v),
        dense(4, name="next"),
        NEXT,
    ),
    ("output bits", lambda v: summed(output_bits=v), 8, 7),
    ("difference of a_shift and b_shift", lambda v: summed(a_shift=v, output_shift=-16), 15, 16),
    (
        "output_shift plus the greater of a_shift and b_shift",
        lambda v: summed(b_shift=2, output_shift=v),
        1,
        2,
    ),
    (
        "output_shift plus the greater of a_shift and b_shift",
        lambda v: summed(output_shift=v),
        -4,
        -5,
    ),
    ("the layer before", lambda v: several(data(), *v, floats()), (NEXT,), ()),
]


def test_every_limit_holds_at_its_edge_and_breaks_beyond_it() -> None:
    need("akida")
    for rule, network, inside, beyond in EDGES:
        fits, breaks = network(inside), network(beyond)
        assert violations(fits, CHIP) == [], (rule, inside)
        assert refusal(fits, CHIP) is None, (rule, inside)
        found = violations(breaks, CHIP)
        ours = [v.rule for v in found if v.layer == found[0].layer]  # others may follow from it
        assert ours == [rule], (rule, beyond, [str(v) for v in found])
        said = refusal(breaks, CHIP)
        assert said is not None, (rule, beyond)
        assert f"'{found[0].layer}'" in said, (rule, beyond, said)


@pytest.mark.parametrize(
    "text",
    [
        "z=data a=z sum=z+a d=sum",
        "z=data a=z sum=a+z b=sum c=b t=sum+c d=t",
        "z=data a=z sum=z+a b=sum c=sum t=b+c d=t",
        "z=data a=z b=a c=a sum=b+c e=sum f=z t=e+f d=t",
    ],
)
def test_nested_branches_fit(text: str) -> None:
    need("akida")
    model = branched(text)
    assert violations(model, CHIP) == []
    assert refusal(model, CHIP) is None


@pytest.mark.parametrize(
    ("text", "layer", "rule", "akida_says"),
    [
        # akida's mapper ends the process on those without words
        ("a=data b=data sum=a+b d=sum", "data", "layers that take the output", None),
        ("z=data a=z b=z c=z sum=a+b t=sum+c d=t", "z", "layers that take the output", None),
        ("z=data a=z b=a sum=z+a t=sum+b d=t", "z", "the branches that begin here", None),
        ("z=data a=z b=z c=a e=a sum=c+e t=sum+b d=t", "sum", "the layer after", None),
        (
            "z=data a=z sum=z+a b=sum t=sum+b d=t",
            "sum",
            "a branch after a merge",
            "directly to one skip dma",
        ),
        ("z=data sum=z+z d=sum", "sum", "the layers before", "must come from different layers"),
        ("z=data a=z sum=z+a", "sum", "the layer after", "Must be followed by a merge layer"),
    ],
)
def test_other_branches_are_refused_before_akida_maps_them(
    text: str, layer: str, rule: str, akida_says: str | None
) -> None:
    model = branched(text)
    assert (layer, rule) in [(v.layer, v.rule) for v in violations(model, CHIP)]
    need("akida")
    if akida_says is not None:
        said = refusal(model, CHIP)
        assert said is not None
        assert akida_says in said
        return
    with pytest.raises(UnsupportedLayerError, match=rule):
        map_model(model, virtual_device(CHIP), "x")
    report = check(model, CHIP)
    assert not report.fits
    assert report.mapping is None


def test_many_ladders_of_branches_take_no_time() -> None:
    rungs = " ".join(f"a{i}=m{i - 1} b{i}=m{i - 1} m{i}=a{i}+b{i}" for i in range(1, 150))
    model = branched(f"m0=data {rungs} d=m149")
    assert [v.rule for v in violations(model, CHIP)] == []
    text = "z=data a0=z b0=z " + " ".join(
        f"a{i}=a{i - 1}+b{i - 1} b{i}=b{i - 1}+a{i - 1}" for i in range(1, 100)
    )
    found = violations(branched(f"{text} d=a99+b99 e=d"), CHIP)
    assert "the branches that begin here" in {v.rule for v in found}


MANY = several(
    image(4, 400, 600, 8, activation=None, weights_bits=4),
    conv("c", 600, 8, 9, shift=9),
    dense(4 * 400 * 8, 3, output_bits=9),
)


def test_many_violations_are_found_at_once_each_with_its_layer() -> None:
    found: dict[str, list[str]] = {}
    for v in violations(MANY, CHIP):
        found.setdefault(v.layer, []).append(v.rule)
    assert found == {
        "image": ["input X", "input Y", "kernel", "filters", "weight bits", "activation"],
        "c": ["input_shift", "kernel"],
        "dense": ["inputs", "output bits without activation"],
    }


def test_the_mesh_is_the_mappers_to_judge() -> None:
    need("akida")
    model = several(data(1400, 2), conv())
    assert violations(model, CHIP) == []
    verdicts = {chip: check(model, chip) for chip in CHIPS_OF_2}
    assert [r.fits for r in verdicts.values()] == [False, False, True, True]
    assert [(v.layer, v.rule) for v in verdicts["TwoNodesIPv2"].violations] == [("conv", "place")]
    assert verdicts[CHIP].mapping is not None


OF_2 = several(
    image(filters=8), conv("c", 8, 4, pooling=AVERAGE), dense(4, 3, output_bits=28), floats(3)
)
OF_1 = Model(
    (
        InputConvolutional(
            name="first",
            input_shape=(8, 8, 1),
            weights=np.ones((3, 3, 1, 2), np.int8),
            weights_bits=4,
            act_bits=4,
            **placeholder(2),
        ),
    )
)


@pytest.mark.parametrize(("model", "chip"), [(OF_2, "AKD1000"), (OF_1, CHIP)], ids=["2", "1"])
def test_the_other_version_is_one_violation(model: Model, chip: str) -> None:
    (found,) = violations(model, chip)
    assert (found.kind, found.rule) == ("network", "version")
    assert found.limit == f"Akida {3 - model.version}.0"
    assert found.value.startswith(f"Akida {model.version}.0: for ")
    need("akida")
    assert check(model, chip).violations == (found,)
    words = rf"of Akida {model.version}\.0, which .*: choose (akd1000|twonodesipv2)"
    with pytest.raises(BackendUnavailableError, match=words):
        map_model(model, virtual_device(chip), "x")
    with pytest.raises(BackendUnavailableError, match="Akida"):
        akrt.Runtime(model, backend="nsoc", device=f"virtual:{chip.lower()}")


@pytest.mark.parametrize("device", [name for name in VIRTUAL if "v2" in name])
def test_a_virtual_device_runs_what_the_reference_runs(device: str) -> None:
    need("akida")
    quantised = Quantizer(
        name="given",
        input_shape=(8, 8, 3),
        scales=np.full(3, 3.5, np.float32),
        zero_points=np.array([0, 7, 255], np.uint8),
        output_bits=8,
        output_signed=False,
    )
    rng = np.random.default_rng(1)
    drawn = [
        replace(
            layer,
            weights=rng.integers(-128, 128, layer.weights.shape).astype(np.int8),
            output_shift=np.full(layer.filters, shift, np.int8),
        )
        for layer, shift in zip(OF_2.layers, (-9, -15, 0), strict=False)
        if isinstance(layer, ScaledLayer)
    ]
    for model in (
        several(*drawn, floats(3)),
        several(*drawn),
        several(quantised, *drawn, floats(3)),
    ):
        x = model.noise(rng, 3)
        with (
            akrt.Runtime(model, backend="nsoc", device=device) as rt,
            akrt.Runtime(model, backend="reference") as ours,
        ):
            result = rt.forward(x)
            np.testing.assert_array_equal(result, ours.forward(x))
            assert np.asarray(result).dtype == np.asarray(ours.forward(x)).dtype
            assert len(np.unique(result)) > 3
            if model.gives_floats:
                np.testing.assert_array_equal(rt.predict(x), ours.predict(x))
            assert rt.computed_by == f"nsoc {device} (simulated)"
