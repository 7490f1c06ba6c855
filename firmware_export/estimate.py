"""What an inference will cost before there is a chip to flash: instructions by layer and core, and
the code, from rates that were measured kernel by kernel (``bench/firmware_rates.py``).

Instructions are not cycles: memory and pipelines make a core take more of these.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from firmware_export.kernel_work import Work, call_work, emission, kernel_work, pipeline_work
from firmware_export.lowered import Lowered
from firmware_export.step import Stage, Step

__all__ = ["RATES", "Cost", "Estimate", "cores", "estimate", "instructions", "is_measured"]

RATES = Path(__file__).with_name("kernel_rates.json")
"""Written by bench/firmware_rates.py."""
_SHORT_MULTIPLY = ("cortex-m0",)
"""Cores without a long multiplication."""


@dataclass(frozen=True)
class Cost:
    """Instructions of one inference."""

    typical: int
    worst: int
    """No input takes more."""


@dataclass(frozen=True)
class Estimate:
    """Instructions of one inference by core."""

    layers: tuple[dict[str, Cost], ...]
    """By layer of the model, then by core."""
    call: dict[str, Cost]
    """What is of no layer: the checks of a call."""

    def total(self, core: str) -> Cost:
        """Of all layers and the call."""
        costs = [*(layer[core] for layer in self.layers), self.call[core]]
        return Cost(sum(c.typical for c in costs), sum(c.worst for c in costs))


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(RATES.read_text(encoding="ascii"))
    return facts


def cores() -> tuple[str, ...]:
    """The cores that there are rates of, by the names of `firmware_export.targets`."""
    return tuple(_facts()["cores"])


def is_measured(kernel: str, core: str) -> bool:
    """Whether there are rates of all parts of a kernel."""
    rates = _facts()["cores"][core]["rates"]
    return all(part in rates for part in kernel.split("/"))


def estimate(lowered: Lowered) -> Estimate:
    """Instructions of one inference, typical and at most, by layer and core."""
    layers: list[dict[str, Cost]] = [{} for _ in lowered.model.layers]
    call = {}
    for core in cores():
        typical: dict[int, float] = defaultdict(float)
        worst: dict[int, float] = defaultdict(float)
        for step in lowered.steps:
            driven = pipeline_work(step) if step.stages else [{} for _ in step.works]
            for work, drive in zip(step.works, driven, strict=True):
                one = instructions(lowered, work, core, drive)
                typical[work.layer] += one.typical
                worst[work.layer] += one.worst
        for index, layer in enumerate(layers):
            layer[core] = Cost(round(typical[index]), round(worst[index]))
        call[core] = _cost(core, "call", {"call": call_work(lowered)}, {})
    return Estimate(tuple(layers), call)


def instructions(
    lowered: Lowered, work: Step | Stage, core: str, drive: Work | None = None
) -> Cost:
    """What one step without stages, or one stage, takes on a core; `drive`: of `pipeline_work`."""
    long = core not in _SHORT_MULTIPLY
    usual = kernel_work(lowered, work, long)
    longest = kernel_work(lowered, work, long, worst=True)
    emits = emission(lowered, work, long)
    cost = _cost(core, work.kernel, {**usual, **emits}, {**longest, **emits})
    if drive:
        driven = _cost(core, "pipeline", {"pipeline": drive}, {})
        cost = Cost(cost.typical + driven.typical, cost.worst + driven.worst)
    return cost


def _cost(
    core: str, kernel: str, usual: Mapping[str, Work], longest: Mapping[str, Work]
) -> Cost:
    facts = _facts()["cores"][core]
    typical = _sum(facts["rates"], usual)
    worst = max(typical, _sum(facts["rates"], longest or usual))
    worst += _sum(facts["dearest_level"], longest or usual)
    return Cost(round(typical), round(worst * facts["most"].get(kernel, 1.0)))


def _sum(rates: Mapping[str, Mapping[str, float]], loops: Mapping[str, Work]) -> float:
    terms: Iterable[float] = (
        rates[part].get(loop, 0) * n
        for part, work in loops.items()
        if part in rates
        for loop, n in work.items()
    )
    return sum(terms)
