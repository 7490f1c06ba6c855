"""What the verbs of ``akrt kws`` say besides their result, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from akrt.printable import printable

__all__ = ["tell"]


def tell(failed: Sequence[str], notes: Sequence[str]) -> None:
    """Which files were left out and why, how many, and what should be known about the result."""
    for line in failed:
        _say(f"left out: {line}")
    if len(failed) > 1:
        _say(f"{len(failed):,} files were left out")
    for line in notes:
        _say(f"note: {line}")


def _say(line: str) -> None:
    print(f"akrt: {printable(line)}", file=sys.stderr)
