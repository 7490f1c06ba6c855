"""The compiled network as the native backend uses it: memory, threads, refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from networks import networks

from akrt.backends.native import NativeBackend, pack
from akrt.backends.reference import ReferenceBackend
from akrt.kernels._kernels import Network
from akrt.model import InputData, Model


def neural(model: Model) -> list[dict]:
    return [pack(s) for s in model.stages if not isinstance(s.layer, InputData)]


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
    layers = neural(model)
    if not layers:
        return
    network = Network(layers)
    for bad in (x.astype(np.int8), x[..., None], np.concatenate([x, x], axis=1), x.T.copy().T[:0]):
        if bad.size:
            with pytest.raises(ValueError, match="expected"):
                network.run(bad)
    with pytest.raises(IndexError):
        network.run_layer(len(layers), x)
    damaged = dict(layers[0], weights=layers[0]["weights"][:, :-1])
    with pytest.raises(ValueError, match=r"expected int16|depth"):
        Network([damaged])
    wrong_shape = dict(layers[0], output_shape=(1, 1, 1 << 15))
    with pytest.raises(ValueError, match="output shape"):
        Network([wrong_shape])
