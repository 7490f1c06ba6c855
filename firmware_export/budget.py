"""What an export of a model would need, layer by layer, without writing it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from akrt.errors import UsageError
from akrt.model import Model
from firmware_export.class_output import output_in_c
from firmware_export.estimate import Cost, Estimate, cores, estimate
from firmware_export.lowered import Lowered, lower
from firmware_export.remembered import state_bytes
from firmware_export.stack_sizes import stack_bytes
from firmware_export.targets import find_target

__all__ = [
    "BudgetReport",
    "BudgetViolation",
    "CoreBudget",
    "LayerBudget",
    "budget",
    "layer_budgets",
]


@dataclass(frozen=True)
class LayerBudget:
    """How one layer is exported."""

    name: str
    kind: str
    kernels: tuple[str, ...]
    path: str
    """``fast`` or ``general``; ``none`` for the input, which costs nothing."""
    general_because: tuple[str, ...]
    """What keeps the layer from the fast kernels."""
    flash_bytes: int
    """Of its constants; code depends on the compiler."""
    ram_bytes: int
    """Of the arena that is in use while it runs: tensors and scratch."""
    instructions: dict[str, Cost]
    """Of one inference, by core, estimated from measured rates; not cycles."""
    fast_instructions: dict[str, int]
    """Of a layer with a general kernel: what a fast one would take, if its weights had 4 bits and
    nothing else kept it from one; empty where there is none."""


@dataclass(frozen=True)
class BudgetViolation:
    """More memory than there is, in a layer or in all."""

    layer: str
    kind: str
    rule: str
    limit: str
    value: str


@dataclass(frozen=True)
class CoreBudget:
    """What all of it takes on a core. Instructions of one inference, not cycles; bytes."""

    instructions: Cost
    code_bytes: int
    flash_bytes: int
    """Of code and constants."""
    stack_bytes: int
    """Besides the arena."""


@dataclass(frozen=True)
class BudgetReport:
    """What `budget` finds. Bytes everywhere."""

    layers: tuple[LayerBudget, ...]
    arena_bytes: int
    constant_bytes: int
    core: str
    """Whose code the budget of flash is held to."""
    cores: dict[str, CoreBudget]
    """Empty for networks with a kernel that was not measured: flash is then held to the constants
    alone."""
    violations: tuple[BudgetViolation, ...]
    """All of them; none where no budget is given, for every layer exports."""
    state_bytes: int = 0
    """RAM of what the network remembers, besides the arena."""

    @property
    def fits(self) -> bool:
        """Whether every budget is kept."""
        return not self.violations

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        facts = asdict(self)
        return {"target": "mcu", "fits": self.fits, **facts}


def budget(
    model: Model, flash: int | None = None, ram: int | None = None, core: str = "m4"
) -> BudgetReport:
    """What an export of `model` needs, and what of it exceeds a budget.

    Args:
        model: any model; every layer type and shape exports.
        flash: bytes that there are for constants and code.
        ram: bytes that there are for the arena, and what the network remembers.
        core: of `firmware_export.estimate.cores`; whose code counts.

    Raises:
        UsageError: there are no rates of `core`.
    """
    name = find_target(core).name
    if name not in cores():
        raise UsageError(f"nothing was measured on '{core}': choose one of {', '.join(cores())}")
    lowered = lower(model, "net")
    costs = estimate(lowered)
    layers = layer_budgets(lowered, costs)
    constants = sum(layer.flash_bytes for layer in layers) + output_in_c(lowered).constant_bytes
    arena, stack = max(lowered.arena.bytes, 8), stack_bytes(lowered)
    of_cores = {
        core: CoreBudget(
            costs.total(core), costs.code[core], constants + costs.code[core], stack[core]
        )
        for core in (costs.call if stack else ())
    }
    found = []
    for layer in layers:
        for rule, limit, value in (
            ("flash", flash, layer.flash_bytes),
            ("RAM", ram, layer.ram_bytes),
        ):
            found += _exceeds(layer.name, layer.kind, rule, limit, value)
    if name in of_cores:
        whole = of_cores[name].flash_bytes
        found += _exceeds(model.name, "model", "flash in all", flash, whole)
    else:
        found += _exceeds(model.name, "model", "constants", flash, constants)
    what, state = "arena and state" if model.stateful else "arena", state_bytes(model)
    found += _exceeds(model.name, "model", what, ram, arena + state)
    return BudgetReport(layers, arena, constants, name, of_cores, tuple(found), state)


def layer_budgets(lowered: Lowered, costs: Estimate) -> tuple[LayerBudget, ...]:
    """Of every layer of a lowered model."""
    budgets = []
    for index, node in enumerate(lowered.model.nodes):
        found = [(i, w) for i, s in enumerate(lowered.steps) for w in s.works if w.layer == index]
        numbers, works = [i for i, _ in found], [work for _, work in found]
        reasons = tuple(reason for work in works for reason in work.general_because)
        kernels = tuple(work.kernel for work in works)
        path = "none" if not kernels else "general" if reasons else "fast"
        flash = sum(c.bytes for work in works for c in work.constants)
        ram = max((_in_use(lowered, i) for i in numbers), default=0)
        layer = node.layer
        instructions, fast = costs.layers[index], costs.fast[index]
        budgets.append(
            LayerBudget(
                layer.name, layer.kind, kernels, path, reasons, flash, ram, instructions, fast
            )
        )
    return tuple(budgets)


def _in_use(lowered: Lowered, step: int) -> int:
    return sum(b.bytes for b in lowered.arena.blocks if b.first <= step <= b.last)


def _exceeds(
    layer: str, kind: str, rule: str, limit: int | None, value: int
) -> list[BudgetViolation]:
    if limit is None or value <= limit:
        return []
    return [BudgetViolation(layer, kind, rule, f"at most {limit:,} bytes", f"{value:,} bytes")]
