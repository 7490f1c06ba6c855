"""The table of a model's layers: shapes, bits, work, and how far potentials reach."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from akrt.model.families import WeightedLayer
from akrt.model.scaled import ScaledLayer
from akrt.printable import printable

if TYPE_CHECKING:
    from akrt.model import Model

__all__ = ["layer_rows", "layer_text"]


def layer_rows(model: Model) -> list[dict[str, Any]]:
    """One row of facts for every layer, as plain types."""
    rows = []
    for s in model.nodes:
        layer = s.layer
        kernel: tuple[int, ...] = ()
        weights_bits: int | None = None
        if isinstance(layer, WeightedLayer | ScaledLayer):
            kernel, weights_bits = layer.kernel_shape, layer.weights_bits
        rows.append(
            {
                "name": layer.name,
                "type": layer.kind,
                "inputs": list(s.sources),
                "output_shape": list(s.output_shape),
                "kernel": list(kernel),
                "weights_bits": weights_bits,
                "output_bits": s.output.bits,
                "macs": s.macs,
                "max_potential": s.max_potential,
                "beyond_20_bits": s.beyond_20_bits,
            }
        )
    return rows


def layer_text(model: Model) -> str:
    """The table that `Model.summary` prints."""
    takes: tuple[str, ...] = ("takes",) if model.inputs else ()
    table: list[tuple[str, ...]] = [
        ("layer", *takes, "type", "output", "kernel", "bits w/a", "MACs", "max |potential|")
    ]
    for row in layer_rows(model):
        takes = (printable(", ".join(row["inputs"])) or "-",) if model.inputs else ()
        table.append(
            (
                printable(row["name"]),
                *takes,
                row["type"],
                "x".join(map(str, row["output_shape"])),
                "x".join(map(str, row["kernel"])) or "-",
                f"{row['weights_bits'] or '-'}/{row['output_bits']}",
                f"{row['macs']:,}",
                f"{row['max_potential']:,}{' !' if row['beyond_20_bits'] else ''}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines.append(
        f"{printable(model.name)}: {_version(model)}, {model.weights:,} weights, "
        f"{model.macs:,} MACs per sample"
    )
    if model.stateful:
        held = sum(prod(kept.shape) for node in model.nodes for kept in node.memory.values())
        lines.append(
            f"remembers {held:,} values from one sample for the next: a batch is steps in time"
        )
    if any(s.beyond_20_bits for s in model.nodes):
        lines.append(
            "! potentials may leave the chip's 20-bit range, where a chip is not guaranteed "
            "to agree with software"
        )
    return "\n".join(lines)


def _version(model: Model) -> str:
    return "Akida 2.0, Pico" if model.pico else f"Akida {model.version}.0"
