"""Loops of separable layers on cores with integer vectors, which take four words of eight channels
at once: of one position, or of more where a position has fewer words."""

from __future__ import annotations

from akrt.lowering.geometry import Window
from akrt.lowering.operations import Separable
from firmware_export.loop_counts import Task, Work, covered

__all__ = ["vector_separable"]

_TAPS = 19
"""AKRT_MID_TAPS: of more, results are made in two parts."""


def vector_separable(task: Task) -> Work:
    """Counts by how many words a position has, as the loops are others for each."""
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
