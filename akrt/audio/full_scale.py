"""Samples that are far from what sound is: refused alike in files, streams and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import AkrtError, InputError

__all__ = ["MAX_PEAK", "check_samples"]

MAX_PEAK = 8.0
"""Floats may overshoot full scale a little; more means another scale altogether."""


def check_samples(
    what: str, samples: npt.NDArray[np.floating[Any]], error: type[AkrtError] = InputError
) -> None:
    """Refuse samples that are not finite or far beyond the full scale of 1.

    Args:
        what: holds them, for the message.
        samples: float, of any shape; of every channel, as their mean may hide what each of them
            is, or be no number.
        error: what is raised.

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
