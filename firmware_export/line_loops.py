"""Loops of the kernels of lines."""

from __future__ import annotations

from akrt.lowering.operations import Convolution, Dense, Separable
from firmware_export.halves_loops import halves_bytes, halves_convolution, halves_separable
from firmware_export.long_loops import long_bytes, long_convolution, long_separable
from firmware_export.loop_counts import Task, Work, covered
from firmware_export.sizes import padded_channels
from firmware_export.vector_loops import vector_convolution, vector_separable

__all__ = ["LINE_LOOPS"]


def _convolution(task: Task) -> Work:
    return _CONVOLUTIONS[task.family](task)


def _bytes(task: Task) -> Work:
    return _OF_BYTES[task.family](task)


def _wide(task: Task) -> Work:
    assert isinstance(task.does, Convolution)
    _, y, channels = task.does.window.source
    lines = covered(task.does.window, 0)
    return _bytes(task) | {
        "unpacked": lines * y * channels,
        "unpacked words": lines * y * -(-channels // 8),
        "unpacked positions": lines * y,
        "unpacked lines": lines,
    }


def _separable(task: Task) -> Work:
    return _SEPARABLES[task.family](task)


def _dense(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Dense)
    x, y, channels = task.work.sources[0].shape
    octets, filters = x * y * -(-channels // 8), does.layer.filters
    vectors = -(-octets // 4)
    told: Work = {"lines": 1, "octets": octets, "filters": filters, "vectors": vectors}
    for group in (2, 3, 4, 8, 24):
        groups = -(-filters // group)
        told[f"groups of {group}"] = groups
        told[f"octets of {group}"] = octets * groups
        told[f"chunks of {group}"] = -(-octets // 36) * groups
        told[f"vectors of {group}"] = vectors * groups
    left = filters % 8
    told |= {"eights": filters // 8, "octets of eights": octets * (filters // 8)}
    return told | {"left": -(-left // 2), "octets left": octets * -(-left // 2)}


def _added(task: Task) -> Work:
    x, y, channels = task.work.target.shape
    words = x * y * -(-channels // 8)
    return {"lines": x, "positions": x * y, "words": words, "elements": x * y * channels}


def _maximum(task: Task) -> Work:
    does, work = task.does, task.work
    assert isinstance(does, (Convolution, Separable))
    assert does.pooling is not None
    x, y, filters = work.target.shape
    words, within = -(-filters // 8), covered(does.pooling, 0)
    return {
        "lines": x,
        "positions": x * y,
        "words": x * y * words,
        "taps": x * y * words * does.pooling.size[0],
        "taps within": within * y * words,
        "elements": within * covered(does.pooling, 1) * words,
    }


def _sums_line(task: Task) -> Work:
    filters = task.work.target.shape[2]
    return {"once": 1, "filters": filters, "words": -(-filters // 8)}


def _layout(task: Task) -> Work:
    x, y, channels = task.work.sources[0].shape
    elements = x * y * channels
    words = x * y * -(-channels // 8)
    return {"lines": x, "positions": x * y, "elements": elements, "words": words}


def _row_line(task: Task) -> Work:
    x, y, channels = task.work.sources[0].shape
    octets = -(-channels // 8)
    pairs = padded_channels(channels) // 2
    return {"lines": x, "octets": x * octets, "words": x * y * octets, "pairs": x * pairs}


_CONVOLUTIONS = {
    "long": long_convolution,
    "halves": halves_convolution,
    "vector": vector_convolution,
}
_OF_BYTES = {"long": long_bytes, "halves": halves_bytes, "vector": vector_convolution}
_SEPARABLES = {
    "long": long_separable,
    "halves": halves_separable,
    "vector": vector_separable,
}

LINE_LOOPS = {
    "akrt_add_lines": _added,
    "akrt_bytes_lines": _bytes,
    "akrt_conv_lines": _convolution,
    "akrt_dense_line": _dense,
    "akrt_layer_add": _added,
    "akrt_max_line": _maximum,
    "akrt_pack_line": _layout,
    "akrt_pack_rows": _layout,
    "akrt_row_line": _row_line,
    "akrt_separable_lines": _separable,
    "akrt_sums_line": _sums_line,
    "akrt_unpack_line": _layout,
    "akrt_unpack_rows": _layout,
    "akrt_wide_lines": _wide,
    "akrt_widen": _layout,
    "akrt_widen_line": _layout,
}
"""By kernel; those that add, or change a layout, of other kernels too."""
