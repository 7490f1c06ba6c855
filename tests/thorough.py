"""How much a test tries: enough to see a fault soon; with AKRT_THOROUGH=1, all that is claimed."""

from __future__ import annotations

import os

__all__ = ["THOROUGH", "amount"]

THOROUGH = os.environ.get("AKRT_THOROUGH") == "1"


def amount(quick: int, thorough: int) -> int:
    """The first, or in a thorough run the second."""
    return thorough if THOROUGH else quick
