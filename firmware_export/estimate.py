"""What an inference will cost before there is a chip to flash: instructions by layer and core, and
the code, from rates that were measured kernel by kernel (``bench/firmware_rates.py``).

Instructions are not cycles: memory and pipelines make a core take more of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from akrt.lowering.operations import Separable, akida_1_operation
from akrt.model import Model
from firmware_export.akida2_loops import akida2_call, akida2_emission, akida2_work
from firmware_export.code_parts import akida2_code_parts, code_parts
from firmware_export.exact_sums import (
    results_may_be_large,
    sums_may_saturate,
    usual_results_are_large,
    usual_sums_may_saturate,
)
from firmware_export.fast_instead import fast_instead
from firmware_export.interface import quantisation
from firmware_export.kernel_work import call_work, emission, kernel_work, pipeline_work
from firmware_export.loop_counts import Work
from firmware_export.lowered import Lowered
from firmware_export.step import INPUT, Stage, Step

__all__ = ["RATES", "Cost", "Estimate", "cores", "estimate", "instructions", "is_measured"]

RATES = Path(__file__).with_name("kernel_rates.json")
"""Written by bench/firmware_rates.py."""
_COMPILED = 1.03
"""What a bound leaves for compilers: rates are measured in programs of many networks, and a kernel
that few layers call becomes other code there than in a program of its own. Twice what was found."""


@dataclass(frozen=True)
class Cost:
    """Instructions of one inference."""

    typical: int
    worst: int
    """No input takes more."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.typical + other.typical, self.worst + other.worst)


@dataclass(frozen=True)
class Estimate:
    """Instructions of one inference by core."""

    layers: tuple[dict[str, Cost], ...]
    """By layer of the model, then by core."""
    call: dict[str, Cost]
    """What is of no layer: the checks of a call."""
    fast: tuple[dict[str, int], ...]
    """Of layers with a general kernel: typical instructions of a fast one, as far as there is one
    for weights of 4 bits. Empty for all others."""
    code: dict[str, int]
    """Bytes of flash besides the constants.

    All of these are empty for a network with a kernel that was not measured.
    """

    def total(self, core: str) -> Cost:
        """Of all layers and the call."""
        return sum((layer[core] for layer in self.layers), self.call[core])


@cache
def _all_facts() -> dict[str, dict[str, Any]]:
    facts: dict[str, dict[str, Any]] = json.loads(RATES.read_text(encoding="ascii"))["cores"]
    return facts


def _facts(core: str) -> dict[str, Any]:
    return _all_facts()[core]


def cores() -> tuple[str, ...]:
    """The cores that there are rates of, by the names of `firmware_export.targets`."""
    return tuple(_all_facts())


def is_measured(kernel: str) -> bool:
    """Whether there are rates of all parts of a kernel, for every core."""
    of_cores = [_facts(core)["rates"] for core in cores()]
    return all(part in rates for part in kernel.split("/") for rates in of_cores)


def estimate(lowered: Lowered) -> Estimate:
    """Instructions of one inference, typical and at most, by layer and core, and the code.

    Nothing of a network with a kernel that was not measured, as one of Akida 1.0 that takes floats.
    """
    if lowered.model.version == 2:
        return _akida2_estimate(lowered)
    if quantisation(lowered.model) is not None:
        return _nothing(lowered)
    layers = tuple(dict.fromkeys(cores(), Cost(0, 0)) for _ in lowered.model.layers)
    general: set[int] = set()
    for step in lowered.steps:
        driven: list[Work] = pipeline_work(step) if step.stages else [{}]
        for work, drive in zip(step.works, driven, strict=True):
            general |= {work.layer} if work.general_because else set()
            of_layer = layers[work.layer]
            for core, cost in instructions(lowered, work, drive).items():
                of_layer[core] += cost
    called = {"call": call_work(lowered)}
    return Estimate(
        layers=layers,
        call={core: _cost(core, "call", called) for core in cores()},
        fast=tuple(
            _fast(lowered.model, index) if index in general else {}
            for index in range(len(lowered.model.layers))
        ),
        code=_code(code_parts(lowered)),
    )


def _nothing(lowered: Lowered) -> Estimate:
    of_layers: tuple[dict[str, Any], ...] = tuple({} for _ in lowered.model.layers)
    return Estimate(of_layers, {}, of_layers, {})


def _akida2_estimate(lowered: Lowered) -> Estimate:
    if not all(is_measured(step.kernel) for step in lowered.steps):
        return _nothing(lowered)
    layers = tuple(dict.fromkeys(cores(), Cost(0, 0)) for _ in lowered.model.layers)
    for step in lowered.steps:
        emits = akida2_emission(lowered, step)
        typical = akida2_work(lowered, step, _usually_not_zero(lowered, step)) | emits
        longest = akida2_work(lowered, step) | emits
        for core in cores():
            layers[step.layer][core] += _cost(core, step.kernel, typical, longest)
    called = {"akida2 call": akida2_call(lowered)}
    return Estimate(
        layers=layers,
        call={core: _cost(core, "akida2 call", called) for core in cores()},
        fast=_nothing(lowered).fast,
        code=_code(akida2_code_parts(lowered)),
    )


def _usually_not_zero(lowered: Lowered, step: Step) -> float:
    """The share of a step's inputs: half of them behind a ReLU."""
    given = lowered.model.nodes[step.layer].inputs[0]
    return 0.5 if given.low == 0 and step.sources[0].name != INPUT else 1.0


def _code(parts: Work) -> dict[str, int]:
    """Bytes by core."""
    return {core: round(_sum({"code": _facts(core)["code"]}, {"code": parts})) for core in cores()}


def instructions(lowered: Lowered, work: Step | Stage, drive: Work) -> dict[str, Cost]:
    """What one step without stages, or one stage, takes, by core; nothing where its kernel was not
    measured.

    Args:
        lowered: the network.
        work: the step or stage.
        drive: of `pipeline_work`; empty: it is a call.
    """
    if not is_measured(work.kernel):
        return {}
    usual, may = _exact(lowered, work)
    zeros = 1 / (1 << lowered.model.input_bits) if work.sources[0].name == INPUT else 0.5
    costs = {}
    for core in cores():
        emits = emission(lowered, work, core)
        typical = kernel_work(lowered, work, core, 1 - zeros, usual)
        longest = kernel_work(lowered, work, core, 1, may)
        costs[core] = _cost(core, work.kernel, typical | emits, longest | emits)
        costs[core] += _cost(core, "pipeline", {"pipeline": drive})
    return costs


def _fast(model: Model, index: int) -> dict[str, int]:
    """Typical instructions of a layer with a fast kernel, by core."""
    other = fast_instead(model, index)
    if other is None:
        return {}
    costs = estimate(other).layers[-1]
    return {core: cost.typical for core, cost in costs.items()}


def _exact(lowered: Lowered, work: Step | Stage) -> tuple[bool, bool]:
    """Whether what large values take is done for usual inputs, and for any."""
    does = akida_1_operation(lowered.model.nodes[work.layer])
    if isinstance(does, Separable) and work.kernel == "akrt_separable_lines":
        may = results_may_be_large(does)
        return may and usual_results_are_large(lowered.model, work.layer), may
    if work.kernel != "akrt_separable_sum_rows" or not isinstance(does, Separable):
        return False, False
    may = sums_may_saturate(does)
    return may and usual_sums_may_saturate(lowered.model, work.layer), may


def _cost(
    core: str,
    kernel: str,
    usual: Mapping[str, Work],
    longest: Mapping[str, Work] | None = None,
) -> Cost:
    facts = _facts(core)
    typical = _sum(facts["rates"], usual)
    worst = max(typical, _sum(facts["rates"], longest or usual))
    worst += _sum(facts["dearest_level"], longest or usual)
    return Cost(round(typical), round(worst * facts["most"].get(kernel, 1.0) * _COMPILED))


def _sum(rates: Mapping[str, Mapping[str, float]], loops: Mapping[str, Work]) -> float:
    terms: Iterable[float] = (
        rates[part].get(loop, 0) * n
        for part, work in loops.items()
        if part in rates
        for loop, n in work.items()
    )
    return sum(terms)
