"""The reference gives the integers of akida on random networks of Akida 2.0, in every layer.

AKRT_TEST_AKIDA2_NETWORKS: how many networks; 150 where it is not set.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import akida2_oracle
import numpy as np
import pytest
from akida2_networks import akida2_network
from akida2_outputs import ending_in, outputs_by_layer
from conftest import need
from hypothesis import given, settings
from hypothesis import strategies as st
from test_akida2_model import ADD, CONV, DATA

import akrt
from akrt.model import Concatenate, Model, Node, ScaledLayer, ScaledSpatialLayer
from akrt.model.layer import Layer
from akrt.model.layers import KINDS

NETWORKS = int(os.environ.get("AKRT_TEST_AKIDA2_NETWORKS", "150"))
OF_2 = {
    kind
    for kind, cls in KINDS.items()
    if cls.version != 1 and not cls.pico and cls.memory is Layer.memory
}
"""Others are in `test_akida2_memory`."""
OPTIONS = (
    "same", "valid", "same_upper", "stride 1", "stride 2", "max", "average", "no pooling",
    "relu", "lut", "no activation", "4-bit weights", "8-bit weights", "uint8 out", "int8 out",
    "wide out", "narrow buffer", "after a Quantizer", "channels first", "predicted",
)  # fmt: skip


def test_the_reference_equals_akida_on_random_networks() -> None:
    need("akida")
    from akrt.importers import to_akida

    seen: Counter[str] = Counter()
    met: Counter[str] = Counter()

    @settings(max_examples=NETWORKS)
    @given(st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        model, x = akida2_network(seed)
        made = outputs_by_layer(model, model.check_input(x))
        seen["networks"] += 1
        for node in model.nodes:
            count(node, seen)
            if "InputData" in node.layer.kind:  # alone it is no network to akida
                continue
            ours = made[node.layer.name]
            theirs = to_akida(ending_in(model, node.layer.name)).forward(x)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs, err_msg=node.layer.name)
            seen["layers"] += 1
            seen["values"] += theirs.size
            seen["constant layers"] += theirs.size > 20 and np.ptp(theirs) == 0
        if model.nodes[-1].output.dtype == "float32":
            seen["predicted"] += 1
            with akrt.Runtime(model, backend="reference") as runtime:
                np.testing.assert_array_equal(runtime.predict(x), to_akida(model).predict(x))
        akida2_oracle.layer_outputs(model, x[1], met)

    check()
    print(f"\nseen {dict(seen)}\nmet {dict(met)}")
    if NETWORKS >= 100:
        for what in (*OF_2, *OPTIONS):
            assert seen[what] >= NETWORKS // 40, f"hardly any {what} among the random networks"
        for what in ("wrapped around", "halves", "beyond a ReLU"):
            assert met[what] >= NETWORKS, what
        for what in ("input", "bias", "buffer", "potential", "scaled", "output", "index", "sum"):
            assert met[f"{what} too low"] >= NETWORKS // 20, what
            assert met[f"{what} too high"] >= NETWORKS // 20, what
        assert seen["constant layers"] <= 0.15 * seen["layers"]


def count(node: Node, seen: Counter[str]) -> None:
    layer = node.layer
    seen[layer.kind] += 1
    seen["after a Quantizer"] += layer.arity == 0 and bool(node.sources)
    seen["channels first"] += bool(getattr(layer, "channels_first", False))
    if not isinstance(layer, ScaledLayer):
        return
    seen[layer.activation or "no activation"] += 1
    seen[f"{layer.weights_bits}-bit weights"] += 1
    wide = layer.output_bits > 8
    seen["wide out" if wide else f"{node.output.dtype} out"] += 1
    seen["narrow buffer"] += layer.buffer_bits < 28 or layer.post_op_buffer_bits < 32
    if isinstance(layer, ScaledSpatialLayer):
        seen[layer.padding] += 1
        seen[f"stride {layer.stride}"] += 1
        seen[layer.pooling.kind if layer.pooling else "no pooling"] += 1


def test_the_simulator_runs_what_the_reference_runs() -> None:
    need("akida")

    @settings(max_examples=20)
    @given(st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        model, x = akida2_network(seed)
        outputs = []
        for backend in ("reference", "simulator"):
            with akrt.Runtime(model, backend=backend) as runtime:
                outputs.append(np.asarray(runtime.forward(x, batch_size=2)))
        assert outputs[0].dtype == outputs[1].dtype
        np.testing.assert_array_equal(*outputs)

    check()


@pytest.mark.parametrize("last", [ADD, Concatenate("j")], ids=["add", "concatenate"])
@pytest.mark.parametrize("sources", [("c", "c"), ("in", "c"), ("c", "in")])
def test_a_joint_takes_layers_in_any_order(last: Any, sources: tuple[str, str]) -> None:
    need("akida")
    model = Model((DATA, CONV, last), inputs={last.name: sources})
    x = model.noise(np.random.default_rng(0), 3)
    outputs = [
        np.asarray(akrt.Runtime(model, backend=backend).forward(x))
        for backend in ("reference", "simulator")
    ]
    np.testing.assert_array_equal(*outputs)
    assert len(np.unique(outputs[0])) > 10


def test_a_network_of_akida_that_is_read_back_is_the_same() -> None:
    need("akida")
    from akrt.importers import from_akida, to_akida
    from akrt.model.encoding import content_hash

    @settings(max_examples=25)
    @given(st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        model = in_order(akida2_network(seed)[0])
        if any(layer.version == 2 for layer in model.layers):
            assert content_hash(from_akida(to_akida(model))) == content_hash(model)

    check()


def in_order(model: Model) -> Model:
    """The same network; akida may list the layers of branches in another order."""
    from akrt.importers import from_akida, to_akida

    names = [layer.name for layer in from_akida(to_akida(model)).layers]
    layers = sorted(model.layers, key=lambda layer: names.index(layer.name))
    return model.replace(
        layers=tuple(layers), inputs={n.layer.name: n.sources for n in model.nodes}
    )
