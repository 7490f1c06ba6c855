"""What an export of a model would need, layer by layer, without writing it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from akrt.model import Model
from firmware_export.class_output import output_in_c
from firmware_export.lowered import Lowered, lower

__all__ = ["BudgetReport", "BudgetViolation", "LayerBudget", "budget", "layer_budgets"]


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


@dataclass(frozen=True)
class BudgetViolation:
    """More memory than there is, in a layer or in all."""

    layer: str
    kind: str
    rule: str
    limit: str
    value: str


@dataclass(frozen=True)
class BudgetReport:
    """What `budget` finds. Bytes everywhere."""

    layers: tuple[LayerBudget, ...]
    arena_bytes: int
    constant_bytes: int
    violations: tuple[BudgetViolation, ...]
    """All of them; none where no budget is given, for every layer exports."""

    @property
    def fits(self) -> bool:
        """Whether every budget is kept."""
        return not self.violations

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        facts = asdict(self)
        return {"target": "mcu", "fits": self.fits, **facts}


def budget(model: Model, flash: int | None = None, ram: int | None = None) -> BudgetReport:
    """What an export of `model` needs, and what of it exceeds a budget.

    Args:
        model: any model; every layer type and shape exports.
        flash: bytes that there are for constants.
        ram: bytes that there are for the arena.
    """
    lowered = lower(model, "net")
    layers = layer_budgets(lowered)
    constants = sum(layer.flash_bytes for layer in layers) + output_in_c(lowered).constant_bytes
    arena = max(lowered.arena.bytes, 8)
    found = []
    for layer in layers:
        for rule, limit, value in (
            ("flash", flash, layer.flash_bytes),
            ("RAM", ram, layer.ram_bytes),
        ):
            found += _exceeds(layer.name, layer.kind, rule, limit, value)
    found += _exceeds(model.name, "model", "flash in all", flash, constants)
    found += _exceeds(model.name, "model", "arena", ram, arena)
    return BudgetReport(layers, arena, constants, tuple(found))


def layer_budgets(lowered: Lowered) -> tuple[LayerBudget, ...]:
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
        budgets.append(LayerBudget(layer.name, layer.kind, kernels, path, reasons, flash, ram))
    return tuple(budgets)


def _in_use(lowered: Lowered, step: int) -> int:
    return sum(b.bytes for b in lowered.arena.blocks if b.first <= step <= b.last)


def _exceeds(
    layer: str, kind: str, rule: str, limit: int | None, value: int
) -> list[BudgetViolation]:
    if limit is None or value <= limit:
        return []
    return [BudgetViolation(layer, kind, rule, f"at most {limit:,} bytes", f"{value:,} bytes")]
