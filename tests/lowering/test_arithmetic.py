"""The numeric contract of the package against a second writing of it."""

from __future__ import annotations

import numpy as np
import oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import extreme_networks, networks, residual_networks, wide_dense_networks

from akrt.lowering.arithmetic import run_nodes
from akrt.model import Model


@settings(max_examples=150)
@given(
    st.one_of(
        networks(), networks(), extreme_networks(), wide_dense_networks(), residual_networks()
    )
)
def test_every_layer_equals_a_second_writing(case: tuple[Model, np.ndarray]) -> None:
    model, x = case
    wanted = [oracle.layer_outputs(model, sample) for sample in x]
    for i, (node, value) in enumerate(zip(model.nodes, run_nodes(model.nodes, x), strict=True)):
        for n, outputs in enumerate(wanted):
            np.testing.assert_array_equal(value[n], outputs[i], node.layer.name)
