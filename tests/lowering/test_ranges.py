"""Ranges are reached: there is an input that gives each end, and none gives more."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from networks import networks

from akrt.lowering.arithmetic import convolve
from akrt.lowering.operations import Pass, Separable, Spatial, neural_operation, operation
from akrt.lowering.ranges import depthwise_range, potential_range, product_range
from akrt.model import FullyConnected, InputData, Model, SeparableConvolutional


@settings(max_examples=150)
@given(networks())
def test_no_potential_leaves_its_range(case: tuple[Model, np.ndarray]) -> None:
    model, _ = case
    rng = np.random.default_rng(0)
    for node in model.nodes:
        does = operation(node)
        if isinstance(does, Pass):
            continue
        low, high = potential_range(does)
        assert low.shape == high.shape == (does.layer.filters,)
        assert max(-low.min(), high.max()) <= node.max_potential
        if isinstance(does, Separable):
            least, most = depthwise_range(does)
            assert max(-least.min(), most.max()) <= node.max_depthwise
            assert product_range(does)[0].shape == does.weights.shape
        if not isinstance(does, Spatial):
            continue
        x = rng.choice([0, node.input_max], (4, *node.input_shape)).astype(np.uint8)
        potentials = convolve(does, x)
        assert (potentials >= low).all()
        assert (potentials <= high).all()


def test_the_ends_are_reached_by_a_dense_layer() -> None:
    weights = np.array([[3, -2], [-5, -1], [7, 0]], np.int8)
    layer = FullyConnected(
        name="out",
        weights=weights,
        weights_bits=4,
        act_bits=None,
        threshold=np.zeros(2, np.int32),
        act_step=np.ones(2, np.float32),
    )
    does = neural_operation(Model((InputData("in", (1, 1, 3), 4), layer)).nodes[1])
    low, high = potential_range(does)
    assert low.tolist() == [-75, -45]
    assert high.tolist() == [150, 0]
    assert [int(v) for v in (np.array([0, 15, 0]) @ weights)] == [-75, -15]


def test_products_of_a_separable_layer() -> None:
    depthwise = np.array([1, -2, 0], np.int8).reshape(3, 1, 1)
    layer = SeparableConvolutional(
        name="out",
        depthwise=depthwise,
        pointwise=np.array([[3, -4]], np.int8),
        weights_bits=4,
        act_bits=None,
        threshold=np.zeros(2, np.int32),
        act_step=np.ones(2, np.float32),
    )
    does = operation(Model((InputData("in", (4, 4, 1), 2), layer)).nodes[1])
    assert isinstance(does, Separable)
    assert [v.tolist() for v in depthwise_range(does)] == [[-6], [3]]
    assert [v.tolist() for v in product_range(does)] == [[[-18, -12]], [[9, 24]]]
    assert [v.tolist() for v in potential_range(does)] == [[-18, -12], [9, 24]]
