"""Where the samples of a result were computed, carried by the result itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Span", "TracedArray", "join", "trace"]


@dataclass(frozen=True)
class Span:
    """Samples `start` to `stop` (exclusive) ran at `where`."""

    start: int
    stop: int
    where: str
    """``AKD1000 at 0000:01:00.0``, ``native``, ``virtual:akd1000``."""
    simulated: bool = False
    """Whether software computed what was asked of a chip, because a virtual one was named."""


class TracedArray(np.ndarray[Any, Any]):
    """A result that says where its samples were computed.

    Arrays made from it keep `simulated`; only results of a runtime have `ran_on`.
    """

    ran_on: tuple[Span, ...] = ()
    simulated: bool = False

    def __array_finalize__(self, source: Any) -> None:
        self.simulated = bool(getattr(source, "simulated", False))


def trace(array: npt.NDArray[Any], spans: Sequence[Span]) -> TracedArray:
    """The same array as one that says where it was computed; neighbours in one place are joined."""
    merged: list[Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.stop == span.start
            and (last.where, last.simulated) == (span.where, span.simulated)
        ):
            merged[-1] = Span(last.start, span.stop, span.where, span.simulated)
        else:
            merged.append(span)
    traced = array.view(TracedArray)
    traced.ran_on = tuple(merged)
    traced.simulated = any(span.simulated for span in merged)
    return traced


def join(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Parts of one batch in order; traced if one of them is."""
    whole: npt.NDArray[Any] = np.concatenate([np.asarray(part) for part in parts])
    if not any(isinstance(part, TracedArray) for part in parts):
        return whole
    spans, offset = [], 0
    for part in parts:
        if isinstance(part, TracedArray):
            spans += [
                Span(s.start + offset, s.stop + offset, s.where, s.simulated) for s in part.ran_on
            ]
        offset += len(part)
    return trace(whole, spans)
