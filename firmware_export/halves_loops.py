"""Loops of lines on cores that multiply words and no longer: two filters, or two positions, share a
multiplication."""

from __future__ import annotations

from akrt.lowering.geometry import Window
from akrt.lowering.operations import Convolution, Separable
from firmware_export.halves_groups import grouping
from firmware_export.loop_counts import (
    RUN,
    Task,
    Work,
    add,
    axis_cover,
    covered,
    size_of,
)
from firmware_export.sizes import BYTES_MOST

__all__ = ["halves_bytes", "halves_convolution", "halves_separable"]

_KINDS = ("", "two", "two", "three", "four", "six", "six")
"""Of runs, by their positions."""
_BYTES_KINDS = {"two": "three", "three": "three", "four": "four", "six": "six"}
"""Of runs of bytes."""
_STRIP_ROWS = (32, 96)
"""AKRT_STRIP_ROWS, likewise."""
_STRIP_TAPS = 3


def _runs(positions: int) -> list[tuple[int, int, str]]:
    """akrt_halves_run: first position, positions, and what kind of run it is."""
    found, y = [], 0
    while y < positions:
        left = positions - y
        count = 4 if left in (7, 8) else min(left, RUN)
        found.append((y, count, _KINDS[count]))
        y += count
    return found


def halves_bytes(task: Task) -> Work:
    """Of a convolution of bytes."""
    does, lines = task.does, task.lines
    assert isinstance(does, Convolution)
    window, filters, channels = does.window, does.layer.filters, does.window.source[2]
    inputs, stride, covers = window.taps * channels, window.stride[1], covered(window, 0)
    used, parts = inputs + (inputs % 4 == 2), -(-inputs // BYTES_MOST)
    pairs, eights = -(-filters // 2), -(-filters // 8)
    told: Work = {"lines": lines}
    for y, count, kind in _runs(window.target[1]):
        starts = [y * stride - window.before[1] + j for j in range(window.size[1])]
        last = (count - 1) * stride
        inside = covers * sum(v >= 0 and v + last < window.source[1] for v in starts)
        add(
            told, _BYTES_KINDS[kind], once=lines, parts=lines * parts,
            products=lines * filters * used, pairs=lines * pairs * used,
            filters=lines * parts * filters, twice=lines * parts * pairs,
            eights=lines * parts * eights, more=lines * (parts - 1) * filters,
            taps=lines * window.taps, inputs=lines * inputs,
        )  # fmt: skip
        within = "whole" if count == RUN else "part"
        add(told, within, taps=inside, inputs=inside * channels, each=inside * channels * count)
        beyond = lines * window.taps - inside
        add(told, "beyond", inputs=beyond * channels, each=beyond * channels * count)
    return told


def halves_convolution(task: Task) -> Work:
    """Of a convolution of activations."""
    does, lines = task.does, task.lines
    assert isinstance(does, Convolution)
    window, pairs, channels = does.window, -(-does.layer.filters // 2), does.window.source[2]
    octets, of_tap, twice = -(-channels // 8), -(-channels // 4), -(-pairs // 2)
    covers = covered(window, 0)
    taps = covers * window.size[1]
    phases = min(window.stride[1], window.size[1])
    strips = sum(
        -(-len(range(phase, window.size[1], window.stride[1])) // _STRIP_TAPS)
        for phase in range(phases)
    )
    told: Work = {"lines": lines, "lines within": covers}
    for _, _, kind in _runs(window.target[1]):
        add(
            told, kind, once=lines, products=taps * of_tap * pairs, both=taps * of_tap * twice,
            strips=covers * strips, octets=covers * strips * octets, taps=taps,
        )  # fmt: skip
        for rows in _STRIP_ROWS:
            groups = -(-octets * 8 // rows)
            calls = sum(
                -(-int(n) * strips // max(1, rows // (8 * min(octets - first, rows // 8))))
                for n in axis_cover(window, 0).sum(1)
                for first in range(0, octets, rows // 8)
            )
            name = f"{kind} of {rows}"
            add(
                told, name, calls=calls, pairs=calls * pairs, twice=calls * twice,
                taps=taps * groups * pairs, both=taps * groups * twice,
            )  # fmt: skip
    return told


def halves_separable(task: Task) -> Work:
    """Of a separable layer."""
    does, lines = task.does, task.lines
    assert isinstance(does, Separable)
    window, filters, channels = does.window, does.layer.filters, does.window.source[2]
    octets, pairs, groups = -(-channels // 8), -(-filters // 2), grouping(does)
    eights, calls = -(-filters // 8), int(groups.sums.sum())
    by_eight = [min(4, pairs - 4 * n) for n in range(eights)]
    sums = sum(int(n) * some for n, some in zip(groups.sums, by_eight, strict=True))
    twice = sum(int(n) * -(-some // 2) for n, some in zip(groups.sums, by_eight, strict=True))
    together = groups.group > 0
    told: Work = {"lines": lines}
    for y, count, kind in _runs(window.target[1]):
        half = 3 if count > 4 else 2
        add(told, kind, once=lines, words=lines * eights)
        if together:
            add(
                told, kind, products=lines * octets * pairs, sums=lines * sums,
                both=lines * octets * sum(-(-some // 2) for some in by_eight),
                twice=lines * twice, calls=lines * calls, starts=lines * octets,
                groups=lines * groups.starts, put=lines * eights * count,
                more=lines * (calls - eights) * count,
            )  # fmt: skip
        depthwise = lines * octets
        if window.size == (3, 3) and window.stride[1] == 1:
            add(told, f"nine by 1 of {half}", octets=depthwise)
        elif window.size == (3, 3) and window.stride[1] == 2 and half == 3:
            add(told, "nine by 2", octets=depthwise)
        else:
            taps, wide = depthwise * window.taps, depthwise * window.size[0]
            add(told, size_of(window), octets=depthwise)
            add(told, f"by {half}", octets=depthwise, taps=taps, lines=wide)
        columns, whole = _columns(window, y, half)
        within = covered(window, 0) * octets
        beyond = lines * octets * window.size[0] - within
        add(told, "inside", lines=within, columns=within * whole)
        add(told, "edge", columns=within * (columns - whole), lines=within * (columns > whole))
        add(told, "beyond", lines=beyond, columns=beyond * columns)
        apart = 0 if together else lines * count * pairs
        add(told, "apart", once=apart, products=apart * octets)
    return told


def _columns(window: Window, y: int, half: int) -> tuple[int, int]:
    """Pairs of words that the windows of a run from `y` on cover on a line, and how many of them
    exist."""
    stride, width = window.stride[1], window.source[1]
    columns = (half - 1) * stride + window.size[1]
    first = y * stride - window.before[1]
    whole = [v >= 0 and v + half * stride < width for v in range(first, first + columns)]
    return columns, sum(whole)
