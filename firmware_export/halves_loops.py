"""Loops of lines on cores that multiply words and no longer: two filters, or two positions, share a
multiplication."""

from __future__ import annotations

from akrt.lowering.geometry import Window
from akrt.lowering.operations import Convolution, Separable
from firmware_export.loop_counts import (
    RUN,
    Task,
    Work,
    add,
    axis_cover,
    covered,
    group_of,
    run_lengths,
    size_of,
)

__all__ = ["halves_bytes", "halves_convolution", "halves_separable"]

_KINDS = ("", "two", "two", "three", "four", "six", "six")
"""Of runs, by their positions."""
_BYTES_TAPS = (36, 72)
"""AKRT_BYTES_MOST of a Cortex-M0 and of RISC-V."""
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
    inputs, stride = window.taps * channels, window.stride[1]
    quads, pairs, covers = -(-inputs // 4), -(-filters // 2), covered(window, 0)
    told: Work = {"lines": lines}
    y = 0
    for count in run_lengths(window.target[1], RUN):
        starts = [y * stride - window.before[1] + j for j in range(window.size[1])]
        last = (count - 1) * stride
        inside = covers * sum(v >= 0 and v + last < window.source[1] for v in starts)
        kind = "whole" if count == RUN else "part"
        add(
            told, "run", once=lines, products=lines * filters * quads, filters=lines * filters,
            pairs=lines * pairs * quads, taps=lines * window.taps,
        )  # fmt: skip
        add(told, kind, taps=inside, inputs=inside * channels, each=inside * channels * count)
        beyond = (lines * window.taps - inside) * count
        add(told, "beyond", taps=beyond, inputs=beyond * channels)
        for most in _BYTES_TAPS:
            parts = lines * -(-inputs // most)
            add(
                told, f"parts of {most}", once=parts, filters=parts * filters,
                pairs=parts * pairs, outputs=parts * filters * count,
            )  # fmt: skip
        y += count
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
    does, lines, group = task.does, task.lines, group_of(task)
    assert isinstance(does, Separable)
    window, filters, channels = does.window, does.layer.filters, does.window.source[2]
    octets, pairs = -(-channels // 8), -(-filters // 2)
    twice, sums = -(-pairs // 2), -(-8 * octets // group) if group else 0
    covers = covered(window, 0)
    told: Work = {"lines": lines}
    for y, count, kind in _runs(window.target[1]):
        half = 3 if count > 4 else 2
        add(
            told, kind, once=lines, products=lines * octets * pairs * bool(group),
            both=lines * octets * twice * bool(group), sums=lines * sums * pairs,
            twice=lines * sums * twice, starts=lines * octets * bool(group), groups=lines * sums,
            words=lines * -(-filters // 8),
        )  # fmt: skip
        depthwise = lines * octets
        if half == 3 and window.size == (3, 3) and window.stride[1] < 3:
            add(told, f"nine by {window.stride[1]}", octets=depthwise)
        else:
            taps, wide = depthwise * window.taps, depthwise * window.size[0]
            add(told, size_of(window), octets=depthwise)
            add(told, f"by {half}", octets=depthwise, taps=taps, lines=wide)
        columns, inside = _columns(window, y, half)
        within = covers * octets * inside
        beyond = lines * octets * window.size[0] - within
        add(told, "inside", lines=within, columns=within * columns)
        add(told, "beyond", lines=beyond, columns=beyond * columns)
        apart = 0 if group else lines * count * pairs
        add(told, "apart", once=apart, products=apart * octets)
    return told


def _columns(window: Window, y: int, half: int) -> tuple[int, int]:
    """Pairs of words that the windows of a run from `y` on cover on a line, and 1 if all exist."""
    columns = (half - 1) * window.stride[1] + window.size[1]
    v = y * window.stride[1] - window.before[1]
    return columns, int(v >= 0 and v + columns + half * window.stride[1] <= window.source[1])
