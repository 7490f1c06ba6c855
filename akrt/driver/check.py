"""Does a model fit a chip: all violations at once, then a map on the virtual chip as proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from akrt.driver.limits import Violation, violations
from akrt.driver.mapping import Mapping, map_model, virtual_device
from akrt.errors import BackendUnavailableError, MissingExtraError, UnsupportedLayerError
from akrt.model import Model

__all__ = ["CheckReport", "check"]


@dataclass(frozen=True)
class CheckReport:
    """What keeps a model from a chip."""

    chip: str
    violations: tuple[Violation, ...]
    mapping: Mapping | None
    """Where akida's mapper puts it; None when it cannot, or was not asked."""
    unproven: str | None
    """Why the mapper was not asked."""
    beyond_20_bits: tuple[str, ...] = ()
    """Layers whose potentials may leave the chip's 20-bit accumulators: it is not guaranteed to
    agree with software there. No violation: whether they do depends on the input."""

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against it; `mapping` is the proof, unless `unproven`."""
        return not self.violations

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return {
            "target": self.chip.lower(),
            "fits": self.fits,
            "violations": [v.as_dict() for v in self.violations],
            "mapping": None if self.mapping is None else self.mapping.as_dict(),
            "unproven": self.unproven,
            "beyond_20_bits": list(self.beyond_20_bits),
        }


def check(model: Model, chip: str = "AKD1000", mode: str = "all_nps") -> CheckReport:
    """Compare a model with a chip's limits, and map it on the virtual chip.

    Args:
        model: the network.
        chip: one of `akrt.driver.chips.CHIP_NAMES`.
        mode: one of `akrt.driver.mapping.MAP_MODES`.

    Raises:
        UsageError: there is no such mode.
    """
    found = violations(model, chip)
    mapping, unproven = None, None
    try:
        mapping = map_model(model, virtual_device(chip), f"virtual:{chip.lower()}", mode)
    except MissingExtraError as error:
        unproven = str(error)
    except UnsupportedLayerError as error:
        if error.layer not in {v.layer for v in found}:
            found.append(Violation(error.layer, error.kind, "place", "on the mesh", error.problem))
    except BackendUnavailableError as error:
        if not found:
            found.append(Violation(model.name, "model", "place", "on the mesh", str(error)))
    wide = tuple(node.layer.name for node in model.nodes if node.beyond_20_bits)
    return CheckReport(chip, tuple(found), mapping, unproven, wide)
