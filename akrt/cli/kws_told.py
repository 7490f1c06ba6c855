"""What the verbs of ``akrt kws`` say besides their result, on standard error."""

from __future__ import annotations

from collections.abc import Sequence

from akrt.cli.output import print_error

__all__ = ["tell"]


def tell(failed: Sequence[str], notes: Sequence[str]) -> None:
    """Which files were left out and why, how many, and what should be known about the result."""
    for line in failed:
        print_error(f"left out: {line}")
    if len(failed) > 1:
        print_error(f"{len(failed):,} files were left out")
    for line in notes:
        print_error(f"note: {line}")
