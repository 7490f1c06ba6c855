"""Every class gets the rows that were asked for, never more, and fewer only at the limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from akrt.kws.rows import share_rows, spread

CLIPS = st.integers(0, 900)


@given(st.integers(1, 9000), CLIPS, CLIPS, CLIPS, st.integers(1, 120), st.integers(1, 5))
@example(50, 490, 0, 800, 100, 2)
@example(50, 12, 0, 800, 100, 2)
@example(1, 0, 0, 0, 1, 1)
def test_rows_of_a_class(
    per_class: int, real: int, extra: int, said: int, copies: int, synthetic_copies: int
) -> None:
    rows = share_rows(
        per_class, real, extra, said, max_copies=copies, synthetic_copies=synthetic_copies
    )
    most = (real * (copies + 1), extra * (copies + 1), said * (synthetic_copies + 1))
    assert all(0 <= n <= limit for n, limit in zip(rows, most, strict=True))
    assert sum(rows) == min(per_class, sum(most))
    assert rows.real >= min(per_class, real)  # recordings come first
    if real + extra + said <= per_class:  # nothing is left out for copies of something else
        assert all(n >= clips for n, clips in zip(rows, (real, extra, said), strict=True))


@given(st.integers(0, 5000), st.integers(0, 300), st.integers(0, 99))
def test_rows_of_a_clip(rows: int, clips: int, seed: int) -> None:
    counts = spread(rows, clips, np.random.default_rng(seed))
    assert len(counts) == clips
    if clips:
        assert sum(counts) == rows
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("clips", "real"), [((490, 0, 400), 6860), ((9, 160, 800), 909), ((508, 160, 400), 6604)]
)
def test_real_recordings_have_four_fifths_where_their_copies_suffice(
    clips: tuple[int, int, int], real: int
) -> None:
    """By hand: 8,000 * 0.8 over the recordings, rounded up; at most 101 maps of each."""
    assert share_rows(8000, *clips, max_copies=100, synthetic_copies=2).real == real
