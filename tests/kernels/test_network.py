"""The compiled network as the native backend uses it: memory, threads, refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import active_count
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import calibrate, networks, placeholder

import akrt
from akrt.backends.native import NativeBackend, choose_arch, usable_archs
from akrt.backends.native.arena import NetworkPlan, plan_network
from akrt.backends.reference import ReferenceBackend
from akrt.benchmark import with_arch
from akrt.errors import BackendUnavailableError, UsageError
from akrt.kernels._kernels import Network, architectures
from akrt.model import (
    Convolutional,
    FullyConnected,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)

GENERIC = architectures()[-1]


def planned(model: Model) -> NetworkPlan:
    return plan_network(model.nodes, GENERIC)


@settings(max_examples=30)
@given(networks())
def test_what_is_accepted_unseen_is_what_run_takes(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    check = NativeBackend(model).quick_check()
    if check is None:
        assert model.input_bits < 8 or not planned(model).nodes
        return
    assert check(x)
    assert check(x[:1])
    wider = np.concatenate([x, x], axis=3)
    for bad in (
        *(x[:0], x[0], x[None], x[..., None], x.astype(np.int8), wider),
        *(np.resize(x, (6, *model.input_shape))[::2], x.tolist(), x.view(np.recarray), None),
    ):
        assert not check(bad)


@settings(max_examples=30)
@given(networks())
def test_many_threads_share_one_network(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    native = NativeBackend(model)
    rng = np.random.default_rng(0)
    top = 1 << model.input_bits
    inputs = [rng.integers(0, top, x.shape).astype(np.uint8) for _ in range(16)]
    expected = [ReferenceBackend(model).run(each) for each in inputs]
    with ThreadPoolExecutor(8) as pool:
        for ours, theirs in zip(pool.map(native.run, inputs), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=30)
@given(networks())
def test_the_input_is_left_alone_and_the_output_is_new(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    native, before = NativeBackend(model), x.copy()
    x.flags.writeable = False
    first = native.run(x)
    kept = first.copy()
    native.run(np.zeros_like(x))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(x, before)


@settings(max_examples=20)
@given(networks())
def test_wrong_arrays_are_refused_before_c_sees_them(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    nodes, arena, _ = planned(model)
    if not nodes:
        return
    network = Network(nodes, "generic", arena)
    for bad in (x.astype(np.int8), x[..., None], np.concatenate([x, x], axis=1), x.T.copy().T[:0]):
        if bad.size:
            with pytest.raises(ValueError, match="expected"):
                network.run(bad)
    with pytest.raises(IndexError):
        network.run_layer(len(nodes), x)
    with pytest.raises(ValueError, match="only an addition has a second input"):
        network.run_layer(0, x, x)
    with pytest.raises(ValueError, match=r"bytes at \d+ are not in 0"):
        Network(nodes, "generic", 0)
    with pytest.raises(ValueError, match="does not match the"):
        replace(nodes[0], gives=replace(nodes[0].gives, shape=(1, 1, 1 << 15)))


@settings(max_examples=20)
@given(networks())
def test_the_result_does_not_depend_on_the_threads(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    x = np.resize(x, (23, *model.input_shape))
    expected = NativeBackend(model, threads=1).run(x)
    for threads in (2, 3, 7, 40):
        backend = NativeBackend(model, threads=threads)
        backend._share = 1  # these networks are too small to be shared otherwise
        np.testing.assert_array_equal(backend.run(x), expected)
        backend.close()


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 12), st.integers(1, 70))
def test_global_sums_saturate_where_the_reference_does(seed: int, x: int, y: int, c: int) -> None:
    rng = np.random.default_rng(seed)
    size = rng.choice([1, 3, 5], 2)
    stride = np.minimum(size, rng.choice([1, 2], 2))
    signs = rng.choice([-1, 1], (*size, c)) if seed % 2 else np.ones((*size, c), int)
    layer = SeparableConvolutional(
        name="sum",
        depthwise=(rng.integers(0, 8, (*size, c)) * signs).astype(np.int8),
        pointwise=rng.integers(-7, 8, (c, 20)).astype(np.int8),
        weights_bits=4,
        act_bits=None,
        stride=tuple(map(int, stride)),
        padding=str(rng.choice(["same", "valid"])) if min(x, y) >= 5 else "same",
        pooling=Pooling("average"),
        **placeholder(20),
    )
    model = Model((InputData("in", (x, y, c), 4), layer))
    inputs = rng.integers(0, 16, (3, x, y, c)).astype(np.uint8)
    inputs[0] = 15
    expected = ReferenceBackend(model).run(inputs)
    for arch in architectures():
        if arch.usable:
            nodes, arena, _ = plan_network(model.nodes, arch)
            network = Network(nodes, arch.name, arena)
            np.testing.assert_array_equal(network.run(inputs), expected)


@settings(max_examples=60)
@given(networks())
def test_lanes_are_right_where_they_do_not_pay(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    with patch("akrt.backends.native.pack.pays", return_value=True):
        nodes, arena, _ = planned(model)
    if nodes:
        expected = ReferenceBackend(model).run(x)
        np.testing.assert_array_equal(Network(nodes, "generic", arena).run(x), expected)


def test_closing_ends_the_threads() -> None:
    before = active_count()
    runtime = akrt.Runtime(SMALL, threads=4)
    runtime._backend._share = runtime._backend._small = 1
    runtime.forward(np.zeros((64, 1, 1, 4), np.uint8))
    assert active_count() > before
    runtime.close()
    assert active_count() == before


def test_a_wrong_number_of_threads_is_refused() -> None:
    for threads in (0, -1, 2.0, True, "two"):
        with pytest.raises(UsageError, match="threads must be a positive number"):
            akrt.Runtime(SMALL, threads=threads)


def test_outputs_that_do_not_fit_are_refused() -> None:
    nodes, arena, _ = planned(SMALL)
    network = Network(nodes, "generic", arena)
    x = np.zeros((2, 1, 1, 4), np.uint8)
    for bad in (network.empty(1), network.empty(2).astype(np.int64), network.empty(4)[::2]):
        with pytest.raises(ValueError, match="expected int32"):
            network.run(x, bad)


@pytest.mark.parametrize("pooling", [None, Pooling("max", (2, 2), (2, 2)), Pooling("average")])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("bits", [4, None])
def test_a_convolution_larger_than_is_worked_on_at_once(
    pooling: Pooling | None, stride: int, bits: int | None
) -> None:
    rng = np.random.default_rng(stride)
    layer = Convolutional(
        name="conv",
        weights=rng.integers(-7, 8, (3, 5, 60, 20)).astype(np.int8),
        weights_bits=4,
        stride=(stride, stride),
        padding="same",
        pooling=pooling,
        act_bits=bits,
        **placeholder(20),
    )
    inputs = InputData("in", (33, 41, 60), 4)
    x = rng.integers(0, 16, (2, 33, 41, 60)).astype(np.uint8)
    model = Model(tuple(calibrate([inputs, layer], rng, x)))
    expected = ReferenceBackend(model).run(x)
    for arch in usable_archs():
        with with_arch(arch):
            np.testing.assert_array_equal(NativeBackend(model).run(x), expected)


def test_the_kernels_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    usable = [arch.name for arch in architectures() if arch.usable]
    assert choose_arch("").name == usable[0]
    for name in usable:
        monkeypatch.setenv("AKRT_ARCH", name)
        assert akrt.Runtime(SMALL).summary().count(f"kernels {name}") == 1
    monkeypatch.setenv("AKRT_ARCH", "sse9")
    with pytest.raises(BackendUnavailableError, match=r"AKRT_ARCH=sse9.*generic"):
        akrt.Runtime(SMALL)
    with pytest.raises(ValueError, match="no kernels 'sse9'"):
        Network(planned(SMALL).nodes, "sse9", 1 << 20)


@pytest.mark.parametrize("arch", usable_archs())
def test_a_separable_layer_of_many_channels(arch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many that the scale of its activations has to be small for 32-bit sums."""
    rng = np.random.default_rng(0)
    channels, filters = 1024, 16
    layer = SeparableConvolutional(
        name="many",
        depthwise=rng.integers(-7, 8, (3, 3, channels)).astype(np.int8),
        pointwise=rng.integers(-7, 8, (channels, filters)).astype(np.int8),
        weights_bits=4,
        threshold=rng.integers(-20_000, 20_000, filters).astype(np.int32),
        act_step=rng.uniform(1000, 3000, filters).astype(np.float32),
        act_bits=4,
        stride=(1, 1),
        padding="same",
        pooling=None,
    )
    model = Model((InputData("in", (5, 4, channels), 4), layer))
    x = rng.integers(0, 16, (2, 5, 4, channels)).astype(np.uint8)
    monkeypatch.setenv("AKRT_ARCH", arch)
    expected = ReferenceBackend(model).run(x)
    assert len(np.unique(expected)) == 16
    np.testing.assert_array_equal(NativeBackend(model).run(x), expected)


SMALL = Model(
    (
        InputData("in", (1, 1, 4), 4),
        FullyConnected(
            name="out",
            weights=np.ones((4, 2), np.int8),
            weights_bits=4,
            act_bits=None,
            **placeholder(2),
        ),
    )
)
