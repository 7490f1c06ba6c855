"""Loops of lines on cores with integer vectors."""

from __future__ import annotations

from akrt.lowering.geometry import Window
from akrt.lowering.operations import Convolution, Separable
from firmware_export.loop_counts import Task, Work, axis_cover, covered

__all__ = ["vector_convolution", "vector_separable"]

_TAPS = 19
"""AKRT_MID_TAPS: of more, results are made in two parts."""


_PART_BYTES, _PART_NIBBLES = 160, 320
"""AKRT_BYTES_PART and AKRT_PART: bytes of a window at once."""


def vector_convolution(task: Task) -> Work:
    """Of a convolution: two positions at once."""
    does, lines = task.does, task.lines
    assert isinstance(does, Convolution)
    window, groups, channels = does.window, -(-does.layer.filters // 4), does.window.source[2]
    nibbles = task.work.kernel == "akrt_conv_lines"
    pitch, most = (4 * -(-channels // 8), _PART_NIBBLES) if nibbles else (channels, _PART_BYTES)
    inputs, span = window.taps * pitch, window.size[1] * pitch
    steps, parts = -(-inputs // 16), -(-inputs // most)
    pairs, within = -(-window.target[1] // 2), axis_cover(window, 0)
    whole = float((within.sum(1) == window.size[0]).sum()) if inputs <= most else 0.0
    inside = 0
    for p in range(2 * pairs):
        v = min(p, window.target[1] - 1) * window.stride[1] - window.before[1]
        inside += 0 <= v <= window.source[1] - window.size[1]
    beyond = lines * 2 * pairs - whole * inside
    return {
        "lines": lines,
        "pairs": lines * pairs,
        "parts": lines * pairs * parts,
        "groups": lines * pairs * groups,
        "groups of parts": lines * pairs * groups * parts,
        "steps": lines * pairs * groups * steps,
        "vectors": lines * pairs * steps,
        "inside": whole * inside,
        "inside lines": whole * inside * window.size[0],
        "inside vectors": whole * inside * window.size[0] * -(-span // 16),
        "beyond": beyond * parts,
        "beyond lines": beyond * window.size[0],
        "beyond vectors": beyond * window.size[0] * -(-span // 16),
        "filled": beyond * steps,
    }


def vector_separable(task: Task) -> Work:
    """Of a separable layer, which takes four words of eight channels at once: of one position, or
    of more where a position has fewer words. The loops are others for each number of words."""
    does, lines = task.does, task.lines
    assert isinstance(does, Separable)
    window, groups = does.window, -(-does.layer.filters // 4)
    words = -(-window.source[2] // 8)
    vectors, pairs = -(-words // 4), -(-window.target[1] // 2)
    calls, taps = _calls(window, words)
    within = covered(window, 0)
    most = 8 if words < 4 else 12 * vectors
    told: Work = {
        "windows": lines * calls,
        "vectors": lines * calls * vectors,
        "lines": lines * calls * vectors * window.size[0],
        "lines within": within * calls * vectors,
        "taps": within * taps * vectors,
        "pairs": lines * pairs,
        "chunks": lines * pairs * -(-groups // most),
        "groups": lines * pairs * groups,
        "steps": lines * pairs * groups * vectors,
    }
    if window.taps > _TAPS and task.exact:  # the upper parts of all results, too
        told = {name: 2 * n for name, n in told.items()}
        told["shifts"] = lines * pairs * groups
    kind = f"words {min(words, 4)}" + (" many" if window.taps > _TAPS else "")
    return {f"{name}, {kind}": n for name, n in told.items()}


def _calls(window: Window, words: int) -> tuple[int, int]:
    """How often depthwise results are made for a line, and how many taps on Y that are in all."""
    several, most = {1: 4, 2: 2}.get(words, 1), 4 if words == 1 else 2
    in_y, out_y, size = window.source[1], window.target[1], window.size[1]
    stride = window.stride[1]
    calls = taps = 0
    for y in range(0, out_y, most):
        count, p = min(most, out_y - y), 0
        while p < (count + 1) // 2 * 2:
            v = (y + min(p, count - 1)) * stride - window.before[1]
            whole = v >= 0 and in_y - v >= (several - 1) * stride + size
            p += several if count - p >= several and whole else 1
            calls += 1
            taps += min(in_y - v, size) - max(-v, 0)
    return calls, taps
