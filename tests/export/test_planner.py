"""The arena plan: blocks that live at the same time never overlap."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from networks import networks

from firmware_export.planner import ALIGNMENT, plan
from firmware_export.program import lower
from firmware_export.step import Step, Tensor

from .row_networks import row_network


def chain(sizes: list[int], scratches: list[int], in_place: list[bool]) -> list[Step]:
    tensors = [Tensor(f"t{i}", (n, 1, 1), "bytes") for i, n in enumerate(sizes)]
    ends = [Tensor("input", (1, 1, 1), "bytes", True), *tensors]
    return [
        Step(i, "k", ends[i], ends[i + 1], lambda a, b, c: "", (), (), s, p)
        for i, (s, p) in enumerate(zip(scratches, in_place, strict=True))
    ]


def check(steps: list[Step]) -> None:
    result = plan(steps)
    for block in result.blocks:
        assert block.offset % ALIGNMENT == 0
        assert block.offset + block.bytes <= result.bytes
    for a, b in combinations(result.blocks, 2):
        if a.meets(b):
            assert a.offset + a.bytes <= b.offset or b.offset + b.bytes <= a.offset
    for i, step in enumerate(steps):
        inside = {n: b for b in result.blocks for n in b.names}
        for tensor in (step.source, step.target):
            if not tensor.external:
                assert inside[tensor.name].first <= i <= inside[tensor.name].last
                assert inside[tensor.name].bytes >= tensor.bytes


@given(
    st.lists(
        st.tuples(st.integers(1, 999), st.integers(0, 99), st.booleans()), min_size=1, max_size=9
    )
)
def test_nothing_that_lives_together_overlaps(rows: list[tuple[int, int, bool]]) -> None:
    check(chain(*map(list, zip(*rows, strict=True))))


@given(networks())
def test_plans_of_whole_networks(sample: tuple) -> None:
    check(list(lower(sample[0], "net").steps))


def test_rows_are_computed_in_place() -> None:
    for seed in range(20):
        program = lower(row_network(seed)[0], "net")
        check(list(program.steps))
        for step in program.steps:
            if step.in_place and not step.source.external:
                assert program.place(step.source) == program.place(step.target)


def test_a_chain_of_two_reuses_memory() -> None:
    result = plan(chain([100, 200, 100, 200], [0] * 4, [False] * 4))
    assert result.bytes <= 312
    assert np.all([b.offset >= 0 for b in result.blocks])
