"""Kernels of lines on the cores that have variants of their own: random networks under QEMU."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from networks import networks, residual_networks
from thorough import amount

import firmware_export
from akrt.model import Model
from firmware_export.lowered import lower

from .compiled_export import self_test, tool, with_memory

NETWORKS = 16
WANTED = {
    f"akrt_{kernel}"
    for kernel in (
        "add_lines",
        "bytes_lines",
        "conv_lines",
        "dense_line",
        "max_line",
        "pack_line",
        "row_line",
        "separable_lines",
        "sums_line",
        "unpack_line",
        "wide_lines",
        "widen_line",
    )
}
RAM = 6 << 10
"""Of arena and outputs of one: the machines have 512 KiB and more for all."""

Sample = tuple[Model, np.ndarray]


@cache
def samples() -> tuple[Sample, ...]:
    """Random networks that between them call every kernel of lines."""
    found: list[Sample] = []
    missing = set(WANTED)

    @settings(
        max_examples=400,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(networks(), networks(), residual_networks()))
    def collect(sample: Sample) -> None:
        if len(found) >= NETWORKS and not missing:
            return
        program = lower(sample[0], "net")
        called = {work.kernel for step in program.steps for work in step.works}
        if program.arena.bytes + 4 * np.prod(sample[0].output_shape) > RAM:
            return
        if called & missing or (called & WANTED and len(found) < NETWORKS):
            found.append(sample)
            missing.difference_update(called)

    collect()
    assert not missing
    return tuple(found)


@pytest.mark.parametrize("core", ["cortex-m0", "m3", "m4", "m55", "rv32"])
@pytest.mark.parametrize("flags", [("-O2",), ("-Os", "-DAKRT_PORTABLE")], ids=" ".join)
def test_random_networks_give_the_same_on_a_core(
    core: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    """The self-test compares every layer, the first vector being all that its bits can hold."""
    target = with_memory(core)
    tool(*target.compiler)
    tool(target.runner[0])
    every = 1 if len(flags) == 1 else amount(4, 1)
    chosen = samples()[::every]
    for i, (model, x) in enumerate(chosen):
        firmware_export.export(model, tmp_path / f"n{i}", f"n{i}", vectors=x[:2])
    self_test(target, [f"n{i}" for i in range(len(chosen))], tmp_path, *flags)
