"""What computed: where the samples of a result ran, and one description of it for every reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ComputedBy", "Span", "TracedArray", "join", "place", "trace", "traced"]


@dataclass(frozen=True)
class Span:
    """Samples `start` to `stop` (exclusive) ran at `where`."""

    start: int
    stop: int
    where: str
    """``AKD1000 at 0000:01:00.0``, ``native``, ``virtual:akd1000``."""
    simulated: bool = False
    """Whether software computed what was asked of a chip, because a virtual one was named."""


@dataclass(frozen=True)
class ComputedBy:
    """What computed, or would compute: as text, and as plain types for JSON."""

    backend: str
    """The backend that was asked."""
    simulated: bool = False
    """Whether software computed what was asked of a chip, because a virtual one was named."""
    fallback: str | None = None
    """The backend that computes what the chips cannot; None where there is none."""
    detail: str = ""
    """The kernels, the version: what tells two of the same backend apart."""
    samples_by_place: dict[str, int] = field(default_factory=dict)
    """Samples computed so far at each place: a chip, the fallback, the backend itself."""
    places: tuple[str, ...] = ()
    """Where the next sample would be computed; the backend itself where it is empty."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON; `text` is the description."""
        return {"text": str(self), **asdict(self), "places": list(self.places)}

    def __str__(self) -> str:
        """``native (avx512)``, ``nsoc virtual:akd1000 (simulated)``, ``native, as the fallback of
        nsoc``, ``nsoc AKD1000 at 0000:01:00.0: 900 samples; native, as its fallback: 100``.
        """
        if self.simulated:
            return f"{self.backend} {' and '.join(self.places)} (simulated)"
        if not self.places:
            return f"{self.backend} ({self.detail})" if self.detail else self.backend
        counts = {where: n for where, n in self.samples_by_place.items() if n}
        used = list(counts) or list(self.places)
        if used == [self.fallback]:
            return f"{self.fallback}, as the fallback of {self.backend}"
        if self.fallback not in used:
            spare = f" (fallback {self.fallback} not used)" if self.fallback else ""
            if len(used) == 1:
                return f"{self.backend} {used[0]}{spare}"
        else:
            spare = f"; {self.fallback}, as its fallback: {counts.get(self.fallback, 0)}"
        chips = [where for where in used if where != self.fallback]
        shares = [f"{where}: {counts[where]} samples" if counts else where for where in chips]
        return f"{self.backend} {', '.join(shares)}{spare}"


class TracedArray(np.ndarray[Any, Any]):
    """A result that says where its samples were computed.

    Arrays made from it keep `simulated`; only results of a runtime have `ran_on`, which a pickle
    keeps.
    """

    ran_on: tuple[Span, ...] = ()
    simulated: bool = False

    def __array_finalize__(self, source: Any) -> None:
        self.simulated = bool(getattr(source, "simulated", False))

    def __reduce__(self) -> Any:
        plain: Any = super().__reduce__()
        make, arguments, state = plain
        return make, arguments, (state, self.ran_on, self.simulated)

    def __setstate__(self, state: Any) -> None:
        plain, self.ran_on, self.simulated = state
        super().__setstate__(plain)


def place(result: npt.NDArray[Any], sample: int, backend: str) -> str:
    """What computed one sample of a result of `backend`."""
    for span in getattr(result, "ran_on", ()):
        if span.start <= sample < span.stop:
            return f"{span.where} (simulated)" if span.simulated else str(span.where)
    return backend


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


def traced(
    compute: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], backend: str
) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """The same, with what computed it; of "native", where there is one place, plainly."""
    if backend == "native":
        return compute

    def run(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        y = compute(x)
        return y if isinstance(y, TracedArray) else trace(y, [Span(0, len(x), backend)])

    return run
