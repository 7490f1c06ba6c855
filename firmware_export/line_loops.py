"""Loops of the kernels of lines."""

from __future__ import annotations

import re

from akrt.lowering.operations import Convolution, Dense, Separable
from akrt.lowering.ranges import potential_range
from akrt.model import POTENTIAL_MAX, POTENTIAL_MIN
from firmware_export.loop_counts import Task, Work, covered, positions_of, times
from firmware_export.vector_loops import vector_separable

__all__ = ["LINE_LOOPS"]

_GROUP = re.compile(r"\}, \d+, \d+, (\d+), AKRT_EMITS")
_PATCH, _SHORT_PATCH = 72, 288


def _convolution(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Convolution)
    window, filters = does.window, does.layer.filters
    channels, taps, lines = window.source[2], window.taps, task.lines
    twos, fours, eights = -(-filters // 2), -(-filters // 4), -(-filters // 8)
    if task.work.kernel == "akrt_conv_lines":
        octets = taps * -(-channels // 8)
        quads, vectors, parts = taps * -(-channels // 4), -(-octets // 4), -(-octets // 80)
    else:
        quads = -(-taps * channels // 4)
        octets, vectors, parts = -(-quads // 2), -(-quads // 4), -(-quads // 40)
    chunks, long = -(-quads // (_PATCH // 4)), -(-quads // (_SHORT_PATCH // 4))
    groups = positions_of(window.target[1])
    told = times(
        lines, groups, once=1, taps=taps, octets=octets, quads=quads, filters=filters,
        words=eights, products=quads * twos, chunks=chunks * twos,
    )  # fmt: skip
    within = covered(window, 0) / (lines * window.size[0])
    for group in ("run", "run pair", "short run"):
        told[f"products within, {group}"] = within * told[f"products, {group}"]
        told[f"octets within, {group}"] = within * told[f"octets, {group}"]
        told[f"fours, {group}"] = lines * groups[group] * quads * fours
        told[f"fours within, {group}"] = within * told[f"fours, {group}"]
        told[f"long chunks, {group}"] = lines * groups[group] * long * twos
        told[f"lines of taps, {group}"] = lines * groups[group] * window.size[0]
    told |= times(
        lines, {"pair": groups["pair"], "position": groups["position"]}, vectors=vectors,
        parts=parts * fours, groups=fours, steps=vectors * fours, window=window.size[0],
    )  # fmt: skip
    return told | {"lines": lines, "taps": lines * window.size[0]}


def _wide(task: Task) -> Work:
    assert isinstance(task.does, Convolution)
    _, y, channels = task.does.window.source
    unpacked = task.lines * task.does.window.size[0] * y
    return _convolution(task) | {
        "unpacked": unpacked * channels,
        "unpacked words": unpacked * -(-channels // 8),
        "unpacked positions": unpacked,
    }


def _separable(task: Task) -> Work:
    does, lines = task.does, task.lines
    assert isinstance(does, Separable)
    window, filters, channels = does.window, does.layer.filters, does.window.source[2]
    octets, (size_x, size_y) = -(-channels // 8), window.size
    groups = positions_of(window.target[1])
    group, twos = _group(task), -(-filters // 2)
    sums = -(-8 * octets // group) if group else 0
    told = times(
        lines, groups, once=1, octets=octets, taps=octets * window.taps, lines=octets * size_x,
        starts=sums, apart=0 if group else 8 * octets * twos,
        columns=octets * size_x * (size_y + 5 * window.stride[1]),
        short=octets * size_x * (size_y + 3 * window.stride[1]), filters=filters,
        twos=twos, threes=-(-filters // 3), words=-(-filters // 8),
        products=octets * filters, pairs=octets * twos,
        triples=octets * -(-filters // 3), sums=sums * twos,
    )  # fmt: skip
    beyond = _beyond(does)
    for name in ("position", "three", "two"):
        told[f"beyond, {name}"] = beyond * lines * groups[name] * octets * -(-filters // 3)
    within = covered(window, 0) / (lines * size_x)
    for name in ("run", "run pair"):
        told[f"lines within, {name}"] = within * told[f"lines, {name}"]
        told[f"taps within, {name}"] = within * told[f"taps, {name}"]
        told[f"columns within, {name}"] = within * told[f"columns, {name}"]
    told |= vector_separable(task)
    return told | {"lines": lines, "taps": lines * size_x, "octets": lines * octets}


def _beyond(does: Separable) -> int:
    """1 where a potential may leave the 20 bits of an accumulator."""
    low, high = potential_range(does)
    return int(bool(low.min() < POTENTIAL_MIN or high.max() > POTENTIAL_MAX))


def _group(task: Task) -> int:
    """Channels whose products with any filter are added up in 16 bits, as the kernel is told; 0:
    they are added up apart."""
    found = _GROUP.search(task.work.constants[-1].text)
    return int(found[1]) if found else 0


def _dense(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Dense)
    x, y, channels = task.work.sources[0].shape
    octets, filters = x * y * -(-channels // 8), does.layer.filters
    vectors = -(-octets // 4)
    told: Work = {"lines": 1, "octets": octets, "filters": filters, "vectors": vectors}
    for group in (2, 4, 8):
        groups = -(-filters // group)
        told[f"groups of {group}"] = groups
        told[f"octets of {group}"] = octets * groups
        told[f"chunks of {group}"] = -(-octets // 36) * groups
        told[f"vectors of {group}"] = vectors * groups
    left = filters % 8
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


LINE_LOOPS = {
    "akrt_add_lines": _added,
    "akrt_bytes_lines": _convolution,
    "akrt_conv_lines": _convolution,
    "akrt_dense_line": _dense,
    "akrt_layer_add": _added,
    "akrt_max_line": _maximum,
    "akrt_pack_line": _layout,
    "akrt_pack_rows": _layout,
    "akrt_separable_lines": _separable,
    "akrt_sums_line": _sums_line,
    "akrt_unpack_line": _layout,
    "akrt_unpack_rows": _layout,
    "akrt_wide_lines": _wide,
    "akrt_widen": _layout,
    "akrt_widen_line": _layout,
}
"""By kernel; those that add, or change a layout, of other kernels too."""
