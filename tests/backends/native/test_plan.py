"""A plan that could make C read beyond an array, or leave out a decision, cannot be made."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import networks, placeholder, residual_networks, wide_dense_networks

from akrt.backends.native.activations import FusedLanes, FusedShort, Potentials
from akrt.backends.native.arena import plan_network
from akrt.backends.native.paths import Lines, Patches
from akrt.backends.native.plan import LayerPlan, MaxActivated, MaxPooling, SpatialPlan
from akrt.backends.native.products import ByteProduct
from akrt.kernels._kernels import Architecture, Network, architectures
from akrt.model import FullyConnected, InputConvolutional, InputData, Model

GENERIC = architectures()[-1]


def arrays(value: Any, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Where a plan has arrays, by names of fields."""
    found = []
    for field in fields(value):
        held = getattr(value, field.name)
        if isinstance(held, np.ndarray):
            found.append((*place, field.name))
        elif is_dataclass(held):
            found += arrays(held, (*place, field.name))
    return found


def without_last(value: Any, place: tuple[str, ...]) -> Any:
    """The plan with the array at `place` cut to nothing."""
    name, *rest = place
    held = getattr(value, name)
    return replace(value, **{name: without_last(held, tuple(rest)) if rest else held.ravel()[:0]})


@pytest.mark.parametrize("arch", architectures(), ids=lambda arch: arch.name)
@settings(max_examples=40)
@given(case=st.one_of(networks(), residual_networks(), wide_dense_networks()))
def test_an_array_that_is_too_short_is_refused(
    arch: Architecture, case: tuple[Model, np.ndarray]
) -> None:
    for node in plan_network(case[0].nodes, arch).nodes:
        for place in arrays(node.layer):
            with pytest.raises(ValueError, match=r"elements are read, there are 0"):
                without_last(node.layer, place)


@settings(max_examples=40)
@given(networks(), st.integers(1, 5))
def test_layers_of_other_filters_and_shapes_are_refused(
    case: tuple[Model, np.ndarray], more: int
) -> None:
    for node in plan_network(case[0].nodes, GENERIC).nodes:
        with pytest.raises(ValueError, match=r"elements are read|filters in a layer of"):
            replace(node.layer, filters=node.layer.filters + more)
        x, y, c = node.gives.shape
        with pytest.raises(ValueError, match="does not match the"):
            replace(node, gives=replace(node.gives, shape=(x, y, c + more)))
        wider = replace(node.takes[-1], shape=(x, y, 1 << 20))
        with pytest.raises(ValueError, match="does not match the"):
            replace(node, takes=(*node.takes[:-1], wider))


@settings(max_examples=60)
@given(networks())
def test_decisions_that_do_not_go_together_are_refused(case: tuple[Model, np.ndarray]) -> None:
    tried = 0
    for arch in architectures():
        for node in plan_network(case[0].nodes, arch).nodes:
            layer, does = node.layer, node.layer.operation
            if not isinstance(does, SpatialPlan):
                continue
            tried += 1
            if isinstance(layer.activation, FusedLanes):
                product = byte_path(does)
                with pytest.raises(ValueError, match="has no lanes"):
                    replace(layer, operation=replace(does, multiply=product))
            if layer.activation.fused and does.pooling is None:
                pooled = replace(does, pooling=MaxPooling(**pooled_window(layer)))
                with pytest.raises(ValueError, match="not pooled after it"):
                    replace(layer, operation=pooled)
            if does.pooling is None:
                early = replace(does, pooling=MaxActivated(**pooled_window(layer)))
                with pytest.raises(ValueError, match="only an activation can come before"):
                    LayerPlan(layer.filters, unfused(early), Potentials())
    assume(tried)


def pooled_window(layer: LayerPlan) -> dict[str, int]:
    """Of a max pooling that follows the layer's window."""
    w = layer.operation.window
    source = {"in_x": w.out_x, "in_y": w.out_y, "channels": layer.filters}
    return {**vars(w), **source}


def byte_path(does: SpatialPlan) -> Patches:
    w = does.window
    depth = -(-w.size_x * w.line // 4) * 4
    weights, start = np.zeros(depth * 64, np.int8), np.zeros(64, np.int32)
    return Patches(ByteProduct(weights, None, start, depth, 64, 1), 0)


def unfused(does: SpatialPlan) -> SpatialPlan:
    """The same with a path that takes any activation, of the same filters."""
    path = byte_path(does)
    filters = does.multiply.filters
    if filters is None:
        return replace(does, multiply=path)
    product = replace(
        path.product,
        filters=filters,
        weights=np.zeros(path.product.depth * filters, np.int8),
        start=np.zeros(filters, np.int32),
    )
    return replace(does, multiply=Patches(product, 0))


def test_only_products_filled_up_by_lines_walk() -> None:
    walking = next((arch for arch in architectures() if arch.walks), None)
    if walking is None:
        pytest.skip("no kernels that walk are built in")
    layer = InputConvolutional(
        name="conv",
        input_shape=(9, 9, 3),
        weights=np.ones((3, 3, 3, 16), np.int8),
        weights_bits=4,
        act_bits=4,
        **placeholder(16),
    )
    (node,) = plan_network(Model((layer,)).nodes, walking).nodes
    path = node.layer.operation.multiply
    assert isinstance(path, Lines)
    with pytest.raises(ValueError, match="do not walk windows"):
        Network([node], "generic", 1 << 20)
    shallow = replace(path, product=replace(path.product, depth=path.product.depth - 4))
    with pytest.raises(ValueError, match="filled up by lines walks windows"):
        replace(node.layer, operation=replace(node.layer.operation, multiply=shallow))


@settings(max_examples=40)
@given(networks())
def test_pooling_of_something_else_is_refused(case: tuple[Model, np.ndarray]) -> None:
    pooled = [
        node.layer
        for node in plan_network(case[0].nodes, GENERIC).nodes
        if isinstance(getattr(node.layer.operation, "pooling", None), MaxPooling | MaxActivated)
    ]
    for layer in pooled:
        does = layer.operation
        for name in ("in_x", "in_y", "channels"):
            longer = replace(does.pooling, **{name: getattr(does.pooling, name) + 1})
            with pytest.raises(ValueError, match="not the output of the window"):
                replace(layer, operation=replace(does, pooling=longer))


def test_dense_layers_activate_after_their_sums() -> None:
    layer = FullyConnected(
        name="f", weights=np.ones((4, 2), np.int8), weights_bits=4, act_bits=4, **placeholder(2)
    )
    model = Model((InputData("in", (1, 1, 4), 4), layer))
    (node,) = plan_network(model.nodes, GENERIC).nodes
    short = FusedShort(factor=None, mul=np.zeros(2, np.uint16), shift=1, top=15)
    with pytest.raises(ValueError, match="leaves its sums to the activation"):
        replace(node.layer, activation=short)
