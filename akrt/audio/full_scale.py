"""Samples beyond full scale: a little is what resampling and coding do, more is another scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import AkrtError, InputError

__all__ = ["MAX_PEAK", "check_samples", "clipping"]

MAX_PEAK = 8.0
"""Floats may overshoot full scale a little; more means another scale altogether."""
_MUCH = 1e-3
"""The share of samples beyond full scale that is worth a word."""
_OVERSHOOT = 1.001


def check_samples(
    what: str, samples: npt.NDArray[np.floating[Any]], error: type[AkrtError] = InputError
) -> float:
    """Refuse samples that are not finite or far beyond the full scale of 1.

    Args:
        what: holds them, for the message.
        samples: float, of any shape; of every channel, as their mean may hide what each of them
            is, or be no number.
        error: what is raised.

    Returns:
        The largest magnitude.

    Raises:
        InputError: or `error`.
    """
    peak = float(np.abs(samples).max(initial=0))
    if not np.isfinite(peak):
        raise error(f"{what} holds samples that are not finite (NaN or infinity)")
    if peak > MAX_PEAK:
        raise error(
            f"{what} holds samples up to {peak:g}, far beyond the full scale of 1: scale its "
            f"samples to -1..1; 16-bit samples that became floats, by x / 32768"
        )
    return peak


def clipping(parts: Sequence[npt.NDArray[np.floating[Any]]]) -> str | None:
    """What is to be said of samples of which much is clipped; None where it is little."""
    beyond = sum(int(np.count_nonzero(np.abs(part) > _OVERSHOOT)) for part in parts)
    total = sum(part.size for part in parts)
    if beyond <= _MUCH * total:
        return None
    peak = max(float(np.abs(part).max(initial=0)) for part in parts)
    return (
        f"holds samples up to {peak:.3g}: {100 * beyond / total:.1f} % of them lie beyond the full "
        f"scale of 1 and were clipped; scale them to -1..1"
    )
