"""What the tests of the kernels draw, and the rules that they hold them to."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from kernels.compiled import Window

INT16, INT32 = np.iinfo(np.int16), np.iinfo(np.int32)

seeds = st.integers(0, 2**32 - 1)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    n = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    odd = st.tuples(st.integers(1, 7), st.integers(1, 7))
    k = draw(st.one_of(st.just((3, 3)), odd))
    s = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    out = tuple(-(-n[i] // s[i]) for i in (0, 1))
    pad = tuple(max((out[i] - 1) * s[i] + k[i] - n[i], 0) // 2 for i in (0, 1))
    return Window(
        n[0],
        n[1],
        draw(st.sampled_from([1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 48, 64, 70])),
        *out,
        *k,
        *s,
        *pad,
    )


def patches(w: Window, x: np.ndarray, border: int) -> np.ndarray:
    """(out_x, out_y, size_x, size_y, channels), element by element."""
    out = np.full((w.out_x, w.out_y, w.size_x, w.size_y, w.channels), border, np.int64)
    for ox, oy, i, j in np.ndindex(*out.shape[:4]):
        at = ox * w.stride_x - w.pad_x + i, oy * w.stride_y - w.pad_y + j
        if 0 <= at[0] < w.in_x and 0 <= at[1] < w.in_y:
            out[ox, oy, i, j] = x[at]
    return out


def ceiling_rule(p: np.ndarray, threshold: np.ndarray, step16: np.ndarray, bits: int) -> np.ndarray:
    """The activation of the numeric contract, in Python integers."""
    rows = [
        [
            min(max(-(-16 * (int(v) - int(t)) // (int(s) << (4 - bits))), 0), 2**bits - 1)
            for v, t, s in zip(row, threshold, step16, strict=True)
        ]
        for row in p
    ]
    return np.array(rows, np.uint8)
