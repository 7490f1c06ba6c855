"""The stack that the memory report names: measured, on every core, for any network."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from networks import networks, residual_networks
from thorough import THOROUGH

import firmware_export
from akrt.decision import StreamSettings
from akrt.model import FullyConnected, InputData, Mfcc, Model
from akrt.runtime import bundled_model
from firmware_export.exporter import ExportReport
from firmware_export.lowered import lower
from firmware_export.report import memory_markdown
from firmware_export.stack_figures import KERNELS, MEASURED_WITH
from firmware_export.targets import TARGETS

from .compiled_export import tool, with_memory
from .row_networks import row_network, saturating_network

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[int], tuple[Path, ExportReport]]:
    """A sample by its number, exported once for all cores."""
    home = tmp_path_factory.mktemp("stack")

    @cache
    def export(i: int) -> tuple[Path, ExportReport]:
        model, x = samples()[i]
        return home / f"n{i}", firmware_export.export(model, home / f"n{i}", "net", vectors=x[:1])

    return export


@pytest.mark.parametrize("core", MEASURED_WITH)
def test_reported_is_measured_and_not_much_more(
    core: str, exported: Callable[[int], tuple[Path, ExportReport]], tmp_path: Path
) -> None:
    target = TARGETS[core]
    tool(*target.compiler)
    tool(target.runner[0])
    tried = 0
    # three cores see different thirds of the networks, unless there is time for all
    first, step = (0, 1) if THOROUGH else ([*MEASURED_WITH].index(core) % 3, 3)
    for i in range(first, len(samples()), step):
        model, (export, report) = samples()[i][0], exported(i)
        if report.arena_bytes + 4 * np.prod(model.output_shape) > target.ram[1] - 4096:
            continue
        measured = bench().stack_of(target, export, tmp_path)
        reported = report.memory["stack_bytes"][core]
        # a kernel's figure is of many lines; where it makes one, compilers leave out much
        lines = any(step.stages for step in lower(model, "net").steps)
        assert measured <= reported <= measured * 1.5 + (160 if lines else 480), model.layers
        tried += 1
    assert tried > 20 // step


def small() -> Model:
    """A network whose inference takes less than the front end."""
    last = FullyConnected(
        name="out",
        weights=np.ones((490, 2), np.int8),
        weights_bits=2,
        act_bits=None,
        threshold=np.zeros(2, np.int32),
        act_step=np.ones(2, np.float32),
    )
    return Model((InputData("in", (49, 10, 1), 8), last), preprocessing=Mfcc())


@pytest.mark.parametrize("core", ["cortex-m0", "m4", "m55", "rv32"])
@pytest.mark.parametrize(
    ("network", "incremental"), [(bundled_model, True), (bundled_model, False), (small, True)]
)
def test_the_listener(
    network: Callable[[], Model], incremental: bool, core: str, tmp_path: Path
) -> None:
    target = with_memory(core)
    tool(*target.compiler)
    tool(target.runner[0])
    report = firmware_export.export(
        network(), tmp_path, "net", stream=StreamSettings(), incremental=incremental
    )
    noise = np.random.default_rng(5).normal(0, 4000, 640).round().astype(int)
    sound, hops = ", ".join(map(str, noise)), "NET_STREAM_EVERY"
    program = bench().STREAM_PROGRAM.format(sound=sound, hops=hops)
    measured = bench().stack_of(target, tmp_path, tmp_path, program)
    reported = report.memory["stream"]["stack_bytes"][core]
    assert measured <= reported <= measured * 1.5 + 128


def test_every_kernel_was_measured_on_every_core() -> None:
    light = set(bench().LIGHT)
    called = {kernel for model, _ in samples() for kernel in bench().kernels_of(model)}
    assert called - light <= set(KERNELS)
    models = [*bench().networks(), *bench().akida2_networks()]
    tried = {kernel for model in models for kernel in bench().kernels_of(model)}
    assert tried - light == set(KERNELS)
    assert {tuple(row) for row in KERNELS.values()} == {tuple(MEASURED_WITH)}


def test_the_report_says_with_what_it_was_measured(tmp_path: Path) -> None:
    memory = firmware_export.export(row_network(3)[0], tmp_path, name="net").memory
    text = memory_markdown(memory)
    assert set(memory["stack_bytes"]) == set(memory["stack_measured_with"])
    for core, words in memory["stack_measured_with"].items():
        assert f"| {core} | {memory['stack_bytes'][core]} | {words} |" in text
        assert "-O2" in words
    assert (tmp_path / "net_memory.md").read_text() == text


@cache
def samples() -> tuple[tuple[Model, np.ndarray], ...]:
    """Networks of both kinds of kernels, and the one that ships."""
    found: list[tuple[Model, np.ndarray]] = []

    @settings(
        max_examples=32,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(networks(), residual_networks()))
    def collect(sample: tuple[Model, np.ndarray]) -> None:
        found.append(sample)

    collect()
    found += [row_network(seed) for seed in range(12)] + [saturating_network(2)]
    shipped = bundled_model()
    noise = np.random.default_rng(3).integers(0, 256, (1, *shipped.input_shape)).astype(np.uint8)
    return (*found, (shipped, noise))


@cache
def bench() -> ModuleType:
    """bench/firmware_stack.py, which measures."""
    sys.path.insert(0, str(BENCH))
    try:
        import firmware_stack
    finally:
        sys.path.remove(str(BENCH))
    return firmware_stack
