"""Loops of lines on cores with a long multiply-accumulate: runs of up to six positions, two of
which share a multiplication."""

from __future__ import annotations

from akrt.lowering.geometry import Window
from akrt.lowering.operations import Convolution, Separable
from akrt.lowering.ranges import potential_range
from akrt.model import POTENTIAL_MAX, POTENTIAL_MIN
from firmware_export.line_stages import taps_together
from firmware_export.loop_counts import (
    RUN,
    Task,
    Work,
    add,
    covered,
    group_of,
    run_lengths,
    size_of,
)

__all__ = ["long_bytes", "long_convolution", "long_separable"]

_BYTES_TAPS = 72
"""AKRT_BYTES_TAPS."""
_KINDS = {1: "two", 2: "four", 3: "six"}
"""Of runs, by their pairs of positions."""
_IN_THREES, _IN_TWOS = (0, 0, 0, 1, 0, 1, 2), (0, 1, 1, 0, 2, 1, 0)
"""Three or two positions at once, of those of a run."""


def _runs(window: Window) -> list[tuple[int, int, str]]:
    """Of a line: first position, positions, and what kind of run it is."""
    found, y = [], 0
    for count in run_lengths(window.target[1], RUN):
        found.append((y, count, _KINDS[-(-count // 2)]))
        y += count
    return found


def long_bytes(task: Task) -> Work:
    """Of a convolution of bytes: a filter at a time."""
    does, lines = task.does, task.lines
    assert isinstance(does, Convolution)
    window, filters, channels = does.window, does.layer.filters, does.window.source[2]
    inputs, span = window.taps * channels, window.size[1] * channels
    parts, quads = -(-inputs // _BYTES_TAPS), -(-inputs // 4)
    line, move = window.source[1] * channels, window.stride[1] * channels
    covers = covered(window, 0)
    told: Work = {}
    for y, count, kind in _runs(window):
        add(
            told, kind, once=lines, words=lines * -(-filters // 8), parts=lines * parts,
            filters=lines * filters * parts, products=lines * filters * quads,
        )  # fmt: skip
        for p in range(0, count, 2):
            at = (y + p) * move - window.before[1] * channels
            inside = covers * (at >= 0 and at + move + span <= line)
            told["spans"] = told.get("spans", 0) + lines * window.size[0]
            told["inside"] = told.get("inside", 0) + inside * span
            beyond = lines * window.size[0] - inside
            told["beyond"] = told.get("beyond", 0) + beyond * span
    return told | {"lines": lines}


def long_convolution(task: Task) -> Work:
    """Of a convolution of activations: a pair of filters at a time."""
    does, lines = task.does, task.lines
    assert isinstance(does, Convolution)
    window, pairs, channels = does.window, -(-does.layer.filters // 2), does.window.source[2]
    octets, of_tap = -(-channels // 8), -(-channels // 4)
    parts, quads = _parts(does), window.taps * of_tap
    covers, size, stride = covered(window, 0), window.size[1], window.stride[1]
    told: Work = {}
    for y, count, kind in _runs(window):
        positions = 2 * -(-count // 2)
        inside = calls = 0
        for j in range(size):
            v = y * stride - window.before[1] + j
            room = window.source[1] - v - (positions - 1) * stride if v >= 0 else 0
            inside += room > 0
            whole = of_tap % 2 == 0 and room >= size - j
            calls += room > 0 and not (whole and j > 0 and v > 0)
        beyond = lines * window.taps - covers * inside
        add(
            told, kind, once=lines, parts=lines * parts, pairs=lines * pairs * parts,
            adds=lines * pairs * (parts - 1), products=lines * pairs * quads,
            inside=covers * inside * octets, calls=covers * calls, beyond=beyond * octets,
        )  # fmt: skip
    return told | {"lines": lines}


def _parts(does: Convolution) -> int:
    """How many patches the inputs of a window are cut into."""
    channels = does.window.source[2]
    most, parts, inputs = taps_together(does.weights, channels), 1, 0
    for _ in range(does.window.taps):
        for c in range(0, channels, 8):
            if inputs + 8 > most:
                parts, inputs = parts + 1, 0
            inputs += 4 if channels - c <= 4 else 8
    return parts


def long_separable(task: Task) -> Work:
    """Of a separable layer."""
    does, lines, group = task.does, task.lines, group_of(task)
    assert isinstance(does, Separable)
    window, filters, channels = does.window, does.layer.filters, does.window.source[2]
    octets, twos, threes = -(-channels // 8), -(-filters // 2), -(-filters // 3)
    nine = window.size == (3, 3) and window.stride[1] == 1
    sums = -(-8 * octets // group) if group else 0
    columns = (RUN - 2) * window.stride[1] + window.size[1]
    covers, beyond = covered(window, 0), _beyond(does)
    told: Work = {}
    for _, count, kind in _runs(window):
        add(told, kind, once=lines, octets=lines * octets)
        add(
            told, "run", once=lines, triples=lines * threes * octets, threes=lines * threes,
            words=lines * -(-filters // 8), parts=lines * -(-filters // 24),
            pairs=lines * twos, products=lines * octets * twos if group else 0,
            sums=lines * sums * twos, starts=lines * sums, octets=lines * octets,
        )  # fmt: skip
        if nine:
            add(told, "nine", octets=lines * octets, lines=covers * octets)
        else:
            add(told, size_of(window), octets=lines * octets)
            add(
                told, "other", octets=lines * octets, taps=lines * octets * window.taps,
                columns=covers * octets * columns, lines=lines * octets * window.size[0],
            )  # fmt: skip
        for name, n in (("threes", _IN_THREES[count]), ("twos", _IN_TWOS[count])):
            add(
                told, name, products=lines * n * threes * octets * (1 - beyond),
                once=lines * n * threes, beyond=lines * n * threes * octets * beyond,
            )  # fmt: skip
        apart = 0 if group else lines * count * twos
        add(told, "apart", once=apart, products=apart * octets)
    return told | {"lines": lines}


def _beyond(does: Separable) -> int:
    """1 where a potential may leave the 20 bits of an accumulator."""
    low, high = potential_range(does)
    return int(bool(low.min() < POTENTIAL_MIN or high.max() > POTENTIAL_MAX))
