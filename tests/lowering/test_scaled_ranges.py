"""Nothing that a layer of Akida 2.0 meets leaves the ranges that are proved, and they are met."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from akida2_networks import akida2_networks
from akida2_outputs import outputs_by_layer
from akida2_temporal_networks import networks_with_memory
from hypothesis import given, settings
from hypothesis import strategies as st

from akrt.lowering.arithmetic import blank_memory
from akrt.lowering.operations import operation
from akrt.lowering.scaled_arithmetic import sums_of_products
from akrt.lowering.scaled_operations import Scaled, ShiftedAddition
from akrt.lowering.scaled_ranges import Range, addition_ranges, scaled_ranges
from akrt.model import Dense1D, Model, SignedInputData


def lies_in(values: np.ndarray, span: Range) -> bool:
    flat = values.reshape(-1, values.shape[-1]).astype(np.int64)
    return bool((flat >= span.low).all() and (flat <= span.high).all())


def test_what_is_met_lies_in_the_ranges() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=190, derandomize=True, database=None)
    @given(st.one_of(akida2_networks(), networks_with_memory()))
    def check(case: tuple[Model, np.ndarray]) -> None:
        model, x = case
        x = x[:4]
        made = outputs_by_layer(model, x)
        for node in model.nodes:
            does, output = operation(node), made[node.layer.name]
            if isinstance(does, ShiftedAddition):
                assert lies_in(output, addition_ranges(does).outputs)
            elif isinstance(does, Scaled):
                ranges = scaled_ranges(does)  # type: ignore[arg-type]
                given_value = made[node.sources[0]] if node.sources else x
                memory = blank_memory([node]).get(node.layer.name)
                sums = sums_of_products(does, given_value, memory)  # type: ignore[arg-type]
                seen["wraps"] += ranges.wraps
                seen["cannot wrap"] += not ranges.wraps
                if not ranges.wraps:
                    assert lies_in(sums, ranges.sums)
                    assert int(np.abs(sums).max()) <= node.max_potential
                assert lies_in(output, ranges.outputs)
            if node.output.dtype != "float32":
                assert node.output.low <= output.min()
                assert output.max() <= node.output.high

    check()
    assert min(seen.values()) >= 10
    assert len(seen) == 2


def test_the_ends_of_a_range_are_met() -> None:
    rng = np.random.default_rng(0)
    weights = rng.integers(-128, 128, (40, 6)).astype(np.int8)
    layer = Dense1D(
        name="d",
        weights=weights,
        bias=rng.integers(-128, 128, 6).astype(np.int8),
        bias_shift=np.full(6, 3, np.uint8),
        input_shift=rng.integers(0, 3, 40).astype(np.uint8),
        output_scales=rng.integers(1, 256, 6).astype(np.uint8),
        output_shift=np.full(6, -3, np.int8),
        output_bits=32,
    )
    model = Model((SignedInputData("in", (1, 1, 40)), layer))
    ranges = scaled_ranges(operation(model.nodes[1]))  # type: ignore[arg-type]
    most = np.where(weights > 0, 127, -128).T.astype(np.int8)[:, None, None, :]
    least = np.where(weights > 0, -128, 127).T.astype(np.int8)[:, None, None, :]
    for x, ends in ((most, ranges.outputs.high), (least, ranges.outputs.low)):
        np.testing.assert_array_equal(outputs_by_layer(model, x)["d"][:, 0, 0].diagonal(), ends)
    relu = replace(
        layer,
        activation="relu",
        max_value=np.full(6, 9, np.uint8),
        max_value_shift=np.full(6, 2, np.uint8),
    )
    activated = scaled_ranges(operation(Model((model.layers[0], relu)).nodes[1])).activated  # type: ignore[arg-type]
    assert (activated.low == 0).all()
    assert (activated.high == 36).all()
