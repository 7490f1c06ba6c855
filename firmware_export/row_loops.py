"""Loops of the kernels of rows."""

from __future__ import annotations

from akrt.lowering.operations import Convolution, Separable
from firmware_export.loop_counts import Task, Work, covered, form_of
from firmware_export.row_steps import pointwise_group
from firmware_export.sizes import padded_channels

__all__ = ["ROW_LOOPS"]

_NARROW = 3
"""Positions that some cores compute instead of five."""


def _first_rows(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Convolution)
    rows, width, filters = does.window.target
    taps, fours, channels = len(does.weights), -(-filters // 4), does.window.source[2]
    within = covered(does.window, 0) * covered(does.window, 1)
    form = _form_of_rows(task)
    return {
        "once": 1,
        "rows": rows,
        "taps": rows * taps,
        "taps within": within * channels,
        "columns": rows * does.window.taps,
        "odd": rows * fours * (taps % 2),
        "fours": rows * fours,
        "products": rows * fours * taps,
        "chunks": rows * fours * -(-taps // 64),
        "parts": rows * fours * -(-taps // 28),
        form: rows * fours * width,
        f"{form} fours": rows * fours,
    }


def _rows(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Separable)
    rows, width = does.window.source[:2]
    channels = padded_channels(does.window.source[2])
    filters = padded_channels(does.layer.filters)
    octets, threes = -(-channels // 8), -(-filters // 3)
    groups = -(-channels // pointwise_group(does))
    form = _form_of_rows(task)
    narrow = "narrow " if width <= _NARROW else ""
    return {
        "once": 1,
        "channels": channels,
        "rows": rows,
        "columns": rows * channels,
        "octets": rows * octets,
        "pairs": rows * filters,
        "products": rows * filters * channels,
        "groups": rows * filters * groups,
        "starts": rows * groups,
        f"{narrow}threes": rows * threes,
        f"{narrow}triples": rows * threes * octets,
        "eights": rows * -(-filters // 8),
        "eight products": rows * -(-filters // 8) * channels,
        form: rows * width * filters,
        f"{form} pairs": rows * filters,
        f"{form} {narrow}threes": rows * threes,
    }


def _sum_rows(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Separable)
    rows, width = does.window.source[:2]
    channels = padded_channels(does.window.source[2])
    filters = padded_channels(does.layer.filters)
    form = _form_of_rows(task)
    told: Work = {
        "once": 1,
        "channels": channels,
        "rows": rows,
        "columns": rows * channels,
        "parts": rows * -(-channels // 16),
        "elements": rows * width * channels,
        "filters": filters,
        "certificate": filters * channels,
        form: filters,
    }
    if task.exact:
        groups = -(-channels // pointwise_group(does))
        told |= {
            "exact": 1,
            "exact rows": rows,
            "exact columns": rows * channels,
            "exact products": rows * filters * channels,
            "exact groups": rows * filters * groups,
            "exact pairs": rows * filters,
            "exact outputs": rows * filters * width,
        }
    return told


def _form_of_rows(task: Task) -> str:
    return form_of("".join(constant.text for constant in task.work.constants), task.core)


ROW_LOOPS = {
    "akrt_conv_rows": _first_rows,
    "akrt_separable_rows": _rows,
    "akrt_separable_rows_muladd": _rows,
    "akrt_separable_sum_rows": _sum_rows,
}
"""By kernel."""
