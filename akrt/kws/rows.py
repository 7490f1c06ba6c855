"""How many feature maps each clip of a class gets, so that every class gets as many as another."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

__all__ = ["Rows", "share_rows", "spread"]

REAL_SHARE = 0.8
"""Of a class, where there is more than real recordings to fill it."""
EXTRA_SHARE = 0.5
"""Of what real recordings leave, where synthetic speech comes behind."""


class Rows(NamedTuple):
    """Feature maps of a class in training by source."""

    real: int
    extra: int
    synthetic: int


def share_rows(
    per_class: int,
    real: int,
    extra: int,
    synthetic: int,
    *,
    max_copies: int,
    synthetic_copies: int,
) -> Rows:
    """Divide a class's rows: real recordings first, then extra ones, then synthetic speech.

    Args:
        per_class: rows that the class gets.
        real, extra, synthetic: how many clips there are.
        max_copies: most copies of a recording besides itself.
        synthetic_copies: most copies of an utterance besides itself.

    Returns:
        Together `per_class`, or fewer where every clip has as many copies as it may have.
    """
    clips = (real, extra, synthetic)
    most = [
        n * (1 + c) for n, c in zip(clips, (max_copies, max_copies, synthetic_copies), strict=True)
    ]
    shares = (
        REAL_SHARE if extra or synthetic else 1.0,
        EXTRA_SHARE if synthetic else 1.0,
        1.0,
    )
    rows, rest = [], per_class
    for i, (count, share) in enumerate(zip(clips, shares, strict=True)):
        wanted = math.ceil(rest * share / max(count, 1)) * count  # of every clip as many
        room = max(rest - sum(clips[i + 1 :]), min(count, rest))  # every clip once before copies
        if wanted > room:
            wanted = min(room, max(count, math.floor(rest * share)))
        rows.append(min(most[i], max(wanted, min(count, rest))))
        rest -= rows[i]
    for i in range(3):  # what a source could not fill the others do
        more = min(rest, most[i] - rows[i])
        rows[i] += more
        rest -= more
    return Rows(*rows)


def spread(rows: int, clips: int, rng: np.random.Generator) -> list[int]:
    """Rows of each clip, equal but for one; who gets one more, or none, is drawn."""
    if not clips:
        return []
    each, more = divmod(rows, clips)
    counts = np.full(clips, each)
    counts[rng.permutation(clips)[:more]] += 1
    return [int(n) for n in counts]
