"""A picture of a chip's mesh with the processors that each layer takes (extra ``plot``)."""

from __future__ import annotations

import io
import os
from typing import Any

from akrt.driver.mapping import Mapping
from akrt.errors import MissingExtraError, UsageError
from akrt.files import check_replaceable, write_file

__all__ = ["draw"]

_FORMATS = ("png", "svg", "pdf")
_MAKER = "akrt summary --plot"
_NODE = 2.6
"""Distance of two nodes; a processor is one unit wide, and a node holds two by two."""


def draw(mapping: Mapping, path: str | os.PathLike[str], force: bool = False) -> None:
    """Write the picture: a square for each processor, coloured and numbered by its layer.

    Args:
        mapping: a network on a mesh.
        path: a .png, .svg or .pdf file.
        force: overwrite a file that is no picture of akrt.

    Raises:
        MissingExtraError: matplotlib is not installed.
        UsageError: another suffix, or a file is there that is no picture of akrt.
        OutputError: the file cannot be written.
    """
    suffix = os.path.splitext(os.fspath(path))[1][1:].lower()
    if suffix not in _FORMATS:
        raise UsageError(f"a picture must end in .{', .'.join(_FORMATS)}, got '{os.fspath(path)}'")
    check_replaceable(path, _is_ours, force)
    try:
        from matplotlib import colormaps
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "a picture of the mesh") from error
    layers = [layer for layer in mapping.layers if layer.processors]
    colours = colormaps["tab20"]
    taken: dict[tuple[int, int, int], list[int]] = {}
    for number, layer in enumerate(layers):
        for p in layer.processors:
            taken.setdefault((p.column, p.row, p.id), []).append(number)
    figure = Figure(figsize=(9.5, 6.5))
    axes: Any = figure.add_axes((0.03, 0.05, 0.6, 0.87))
    for p in mapping.mesh:
        x, y = _place(p.column, p.row, p.id)
        owners = taken.get((p.column, p.row, p.id), [])
        colour = colours(owners[0] % 20) if owners else "white"
        axes.add_patch(Rectangle((x, y), 0.94, 0.94, facecolor=colour, edgecolor="0.4", lw=0.8))
        text = ",".join(str(n) for n in owners) or p.type.replace("/", "\n")
        axes.text(
            x + 0.47,
            y + 0.47,
            text,
            ha="center",
            va="center",
            fontsize=8 if owners else 4,
            color="black" if owners else "0.5",
        )
    for number, layer in enumerate(layers):
        counts = ", ".join(f"{n} {kind}" for kind, n in layer.counts.items())
        label = f"{number}  {layer.name}: {counts}"
        axes.add_patch(Rectangle((0, 0), 0, 0, facecolor=colours(number % 20), label=label))
    axes.autoscale_view()
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title(f"{mapping.device}, {mapping.mode}: {mapping.program_bytes:,} bytes of program")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    data = io.BytesIO()
    key = "Software" if suffix == "png" else "Creator"
    figure.savefig(data, format=suffix, dpi=150, metadata={key: _MAKER})
    write_file(path, data.getvalue())


def _is_ours(data: bytes) -> bool:
    """By what the picture says of its maker."""
    return data.startswith((b"\x89PNG", b"<?xml", b"%PDF")) and _MAKER.encode() in data


def _place(column: int, row: int, id_: int) -> tuple[float, float]:
    """Lower left corner: nodes by column and row, the four processors of a node two by two."""
    return column * _NODE + id_ % 2, -(row * _NODE) - id_ // 2
