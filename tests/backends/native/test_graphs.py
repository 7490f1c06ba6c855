"""Networks whose branches part and meet: the native backend against the reference."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from networks import placeholder, residual_networks

import akrt
from akrt.backends.native import NativeBackend, choose_arch, usable_archs
from akrt.backends.native.arena import plan_network
from akrt.backends.reference import ReferenceBackend
from akrt.benchmark import with_arch
from akrt.kernels._kernels import ALIGNMENT, CALLER, Network, scratch_bytes
from akrt.model import Add, Convolutional, InputData, Model

Case = tuple[Model, np.ndarray]


@pytest.mark.parametrize("arch", usable_archs())
@settings(max_examples=60)
@given(case=residual_networks())
def test_every_layer_equals_the_reference(arch: str, case: Case) -> None:
    model, x = case
    with with_arch(arch):
        native = NativeBackend(model)
    reference = ReferenceBackend(model)
    np.testing.assert_array_equal(native.run(x), reference.run(x))
    ours, theirs = native.layer_outputs(x), reference.layer_outputs(x)
    for layer, mine, expected in zip(model.layers, ours, theirs, strict=True):
        assert mine.dtype == expected.dtype
        np.testing.assert_array_equal(mine, expected, err_msg=layer.name)
    assert len(native.layer_times(x)) == len(model.layers)


@settings(max_examples=30)
@given(residual_networks())
def test_threads_and_batches_change_nothing(case: Case) -> None:
    model, x = case
    rng = np.random.default_rng(0)
    more = rng.integers(0, 1 << model.input_bits, (23, *model.input_shape)).astype(np.uint8)
    more[: len(x)] = x
    expected = ReferenceBackend(model).run(more)
    for size in (1, 2, 7, 23):
        np.testing.assert_array_equal(NativeBackend(model).run(more[:size]), expected[:size])
    for threads in (1, 3, 40):
        backend = NativeBackend(model, threads=threads)
        backend._share = 1  # these networks are too small to be shared otherwise
        np.testing.assert_array_equal(backend.run(more), expected)
        backend.close()


@settings(max_examples=20)
@given(residual_networks())
def test_many_threads_share_one_network(case: Case) -> None:
    model, x = case
    native, rng = NativeBackend(model), np.random.default_rng(1)
    inputs = [rng.integers(0, 1 << model.input_bits, x.shape).astype(np.uint8) for _ in range(12)]
    expected = [ReferenceBackend(model).run(each) for each in inputs]
    with ThreadPoolExecutor(6) as pool:
        for ours, theirs in zip(pool.map(native.run, inputs), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=60)
@given(residual_networks())
def test_what_is_still_needed_is_not_written_over(case: Case) -> None:
    """By the plan alone, acted out with the names of tensors in place of their bytes."""
    model, _ = case
    nodes, arena_bytes, _ = plan_network(model.nodes, choose_arch("generic"))
    neural = [node for node in model.nodes if node.layer.kind != "InputData"]
    memory = np.full(arena_bytes, "", object)
    for placed, node in zip(nodes, neural, strict=True):
        scratch = slice(placed.scratch, placed.scratch + scratch_bytes(placed.layer))
        memory[scratch] = used = f"scratch of {node.layer.name}"
        for at, source in zip(placed.inputs, node.sources, strict=False):
            if at == CALLER:
                assert source == model.layers[0].name
                continue
            assert set(memory[at : at + placed.layer.input_elements]) == {source}
        if placed.output == CALLER:
            assert node is model.nodes[-1]
            continue
        target = slice(placed.output, placed.output + placed.layer.output_elements)
        assert target.stop <= arena_bytes
        assert placed.output % ALIGNMENT == placed.scratch % ALIGNMENT == 0
        in_place = node.layer.kind == "Add" and placed.output in placed.inputs
        assert not set(memory[target]) & {used, *(() if in_place else node.sources)}
        memory[target] = node.layer.name


def block(filters: int = 8) -> Model:
    """An input, two convolutions, and their sum with the input."""
    rng = np.random.default_rng(0)
    layers = [
        Convolutional(
            name=name,
            weights=rng.integers(-7, 8, (3, 3, filters, filters)).astype(np.int8),
            weights_bits=4,
            act_bits=4,
            **{**placeholder(filters), "act_step": np.full(filters, 40, np.float32)},
        )
        for name in ("a", "b")
    ]
    steps = {**placeholder(filters), "act_step": np.full(filters, 2, np.float32)}
    add = Add(name="sum", act_bits=4, **steps)
    data = InputData("in", (6, 5, filters), 4)
    return Model((data, *layers, add), inputs={"sum": ("b", "in")})


def test_profile_and_table_tell_every_layer_of_a_graph() -> None:
    runtime = akrt.Runtime(block(), backend="native")
    x = np.random.default_rng(2).integers(0, 16, (3, 6, 5, 8)).astype(np.uint8)
    assert [row.name for row in runtime.profile(x)] == ["in", "a", "b", "sum"]
    outputs = runtime.layer_outputs(x)
    np.testing.assert_array_equal(outputs["in"], x)
    expected = -(-(outputs["b"].astype(int) + x) // 2)  # (P - 0) / 2, rounded up
    np.testing.assert_array_equal(outputs["sum"], expected.clip(0, 15))
    np.testing.assert_array_equal(runtime.forward(x), outputs["sum"])
    assert len(np.unique(outputs["sum"])) > 8


def test_only_an_addition_has_a_second_input() -> None:
    nodes, arena_bytes, _ = plan_network(block().nodes, choose_arch("generic"))
    network = Network(nodes, "generic", arena_bytes)
    x = np.zeros((2, 6, 5, 8), np.uint8)
    assert network.run_layer(2, x, x).shape == x.shape
    with pytest.raises(ValueError, match="only an addition has a second input"):
        network.run_layer(2, x)
    with pytest.raises(ValueError, match="only an addition has a second input"):
        network.run_layer(0, x, x)
    with pytest.raises(ValueError, match="as many samples of both inputs"):
        network.run_layer(2, x, x[:1])


def test_an_addition_larger_than_is_worked_on_at_once() -> None:
    add = Add(name="sum", act_bits=None, **placeholder(300))
    model = Model((InputData("in", (31, 7, 300), 4), add), inputs={"sum": ("in", "in")})
    x = np.random.default_rng(3).integers(0, 16, (2, 31, 7, 300)).astype(np.uint8)
    for arch in usable_archs():
        with with_arch(arch):
            np.testing.assert_array_equal(NativeBackend(model).run(x), 2 * x.astype(np.int32))
