"""Networks of Akida 2.0 with every kernel set that runs here: the integers of the reference.

AKRT_TEST_AKIDA2_NETWORKS: how many networks; 40 where it is not set.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import akida2_oracle
import numpy as np
import pytest
from akida2_networks import akida2_network
from akida2_outputs import outputs_by_layer
from hypothesis import given, settings
from hypothesis import strategies as st
from test_akida2_model import DATA, DENSE, DEPTHWISE

import akrt
from akrt.backends.native import NativeBackend, usable_archs
from akrt.backends.native.arena import plan_network
from akrt.backends.native.plan import LayerPlan, SpatialPlan
from akrt.backends.reference import ReferenceBackend
from akrt.benchmark import with_arch
from akrt.errors import BackendUnavailableError
from akrt.kernels._kernels import Network, architectures
from akrt.lowering.operations import Operation, operation
from akrt.lowering.scaled_operations import ScaledDense
from akrt.model import Node

NETWORKS = int(os.environ.get("AKRT_TEST_AKIDA2_NETWORKS", "40"))
seeds = st.integers(0, 2**32 - 1)


def test_random_networks_layer_by_layer() -> None:
    met: Counter[str] = Counter()
    ways: Counter[str] = Counter()

    @settings(max_examples=NETWORKS)
    @given(seeds)
    def check(seed: int) -> None:
        model, x = akida2_network(seed)
        x = model.check_input(x)
        made = outputs_by_layer(model, x)
        for arch in architectures():
            if arch.usable:
                with with_arch(arch.name):
                    native = NativeBackend(model)
                outputs = native.layer_outputs(x)
                for node, ours in zip(model.nodes, outputs, strict=True):
                    expected = made[node.layer.name]
                    assert ours.dtype == expected.dtype
                    message = f"{arch.name}: {node.layer.name} ({node.layer.kind})"
                    np.testing.assert_array_equal(ours, expected, err_msg=message)
                whole = native.run(x)
                np.testing.assert_array_equal(whole, made[model.nodes[-1].layer.name])
                assert whole.dtype == model.nodes[-1].output.dtype
                for planned in plan_network(model.nodes, arch).nodes:
                    ways.update(ways_of(planned.layer))
        akida2_oracle.layer_outputs(model, x[1], met)

    check()
    print(f"\nmet {dict(met)}\nways {dict(ways)}")
    for what in ("wrapped around", "halves", "beyond a ReLU"):
        assert met[what] >= NETWORKS // 8, what
    for what in ("buffer", "potential", "scaled", "output", "index"):
        assert met[f"{what} too low"] + met[f"{what} too high"] >= NETWORKS // 8, what
    for what in ("Exact", "DepthwiseSums", "Scaled", "Finish", "flipped"):
        assert ways[what] >= NETWORKS // 8, f"hardly any {what}"
    if NETWORKS >= 300:  # what is rare
        assert met["sum too low"] + met["sum too high"] >= 20
        for what in ("ScaledSum", "FinishedSum", "MaxActivated", "MaxSums"):
            assert ways[what] >= 20, f"hardly any {what}"


def ways_of(layer: LayerPlan) -> list[str]:
    """What a plan chose."""
    does = layer.operation
    if not isinstance(does, SpatialPlan):
        return [type(does).__name__]
    chosen = [type(part).__name__ for part in (does.multiply, does.pooling, layer.activation)]
    prepared = {"flipped": does.flip, "lifted": does.lift is not None}
    return [*chosen, *(name for name, is_so in prepared.items() if is_so)]


@pytest.mark.parametrize("signed", [False, True])
def test_what_sixteen_bits_cannot_add_is_not_added_there(signed: bool) -> None:
    """The sum of two products of a depthwise layer, with bytes up to 255 where it is signed."""
    depthwise = replace(DEPTHWISE, weights=np.full((3, 3, 2), 127, np.int8))
    shape = (4, 4, 2)
    entry = akrt.SignedInputData("in", shape, 8) if signed else akrt.InputData("in", shape, 4)
    model = akrt.Model((entry, depthwise))
    x = np.full((2, *shape), 127 if signed else 15, np.int8 if signed else np.uint8)
    expected = ReferenceBackend(model).run(x)
    for arch in architectures():
        (*_, planned), _, _ = plan_network(model.nodes, arch)
        fused = "DepthwiseScaled" in ways_of(planned.layer)
        holds = arch.byte_pair != np.iinfo(np.int16).max or not signed
        assert fused == (bool(arch.scales) and holds), arch.name
        if arch.usable:
            with with_arch(arch.name):
                np.testing.assert_array_equal(NativeBackend(model).run(x), expected)


@settings(max_examples=15)
@given(seeds)
def test_any_number_of_samples_and_threads(seed: int) -> None:
    model, x = akida2_network(seed)
    many = np.resize(model.check_input(x), (23, *model.input_shape))
    expected = ReferenceBackend(model).run(many)
    for threads in (1, 3):
        native = NativeBackend(model, threads=threads)
        native._share = native._small = 1  # these networks are too small to be shared otherwise
        np.testing.assert_array_equal(native.run(many), expected)
        for count in (0, 1, 2):
            some = native.run(many[:count])
            assert some.shape == (count, *model.nodes[-1].output_shape)
            np.testing.assert_array_equal(some, expected[:count])
        native.close()


@settings(max_examples=10)
@given(seeds)
def test_many_threads_share_one_network(seed: int) -> None:
    model, _ = akida2_network(seed)
    native, rng = NativeBackend(model), np.random.default_rng(seed)
    inputs = [model.check_input(model.noise(rng, 2)) for _ in range(8)]
    expected = [ReferenceBackend(model).run(each) for each in inputs]
    with ThreadPoolExecutor(8) as pool:
        for ours, theirs in zip(pool.map(native.run, inputs), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=15)
@given(seeds)
def test_wrong_types_are_refused_before_c_sees_them(seed: int) -> None:
    model, x = akida2_network(seed)
    nodes, arena, _ = plan_network(model.nodes, architectures()[-1])
    if nodes:
        network = Network(nodes, "generic", arena)
        for bad in (x.astype(np.int64), x.astype(np.float64), np.concatenate([x, x], axis=1)):
            with pytest.raises(ValueError, match="expected"):
                network.run(bad)


@settings(max_examples=10)
@given(seeds)
def test_what_is_accepted_unseen_is_what_run_takes(seed: int) -> None:
    model, x = akida2_network(seed)
    check = NativeBackend(model).quick_check()
    if check is None:
        assert model.entry.dtype != "uint8" or model.entry.high < 255
    else:
        assert check(x)
        assert not check(x.astype(np.int8))


@pytest.mark.parametrize("arch", usable_archs())
def test_an_entrance_behind_a_quantizer_is_the_whole_network(arch: str) -> None:
    quantizer = akrt.Quantizer(
        name="floats",
        input_shape=(3, 2, 2),
        scales=np.array([10, 0.5], np.float32),
        zero_points=np.zeros(2, np.uint8),
        output_bits=8,
        output_signed=True,
    )
    model = akrt.Model((quantizer, akrt.SignedInputData("in", (3, 2, 2), 8)))
    x = np.array([0.05, -0.05, 0.15, -1, 1, 3, -3, 1e6, -1e6, 0, 5, -255], np.float32)
    x = x.reshape(1, 3, 2, 2)
    with with_arch(arch), akrt.Runtime(model, backend="native") as runtime:
        got = runtime.forward(x)
    # halves away from zero: 0.05 * 10 is above a half in float32, -0.05 * 0.5 below one
    expected = [1, 0, 2, -1, 10, 2, -30, 127, -128, 0, 50, -128]
    assert got.ravel().tolist() == expected


def test_a_layer_that_does_more_than_a_known_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Remembering(ScaledDense):
        """As one with memory might be defined."""

    def remembering(node: Node) -> Operation:
        does = operation(node)
        return Remembering(**vars(does)) if isinstance(does, ScaledDense) else does

    monkeypatch.setattr("akrt.backends.native.arena.operation", remembering)
    with pytest.raises(BackendUnavailableError, match=r"\(Dense1D\): has no native kernels"):
        akrt.Runtime(akrt.Model((DATA, DENSE)), backend="native")
