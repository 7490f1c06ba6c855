"""What consecutive windows of a stream share: rows that need not be computed again.

A row of a layer's output is the same in the next window, some rows earlier, where nothing that it
is made of lies beyond an edge of the window, and the hop is a multiple of the strides up to that
layer. Rows at the edges and rows that are new are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from akrt.lowering.geometry import Window
from akrt.lowering.operations import Addition, Operation, Spatial
from akrt.model import Shape

__all__ = ["MovedRows", "input_rows", "kept_rows"]

_MOST_COMPUTED = Fraction(3, 4)
"""Of a layer's rows: more, and keeping the others is not worth their memory."""


@dataclass(frozen=True)
class MovedRows:
    """Rows of a tensor, positions on X, in a window that moves on."""

    rows: int
    first: int
    last: int
    """Rows from `first` to before `last` touch no edge of the window."""
    moved: int
    """Rows that a hop moves it by."""

    @property
    def come(self) -> int:
        """The first row at the end that is new."""
        return self.last - self.moved

    @property
    def computed(self) -> int:
        """Rows that are computed every hop."""
        return self.first + self.rows - self.come


def input_rows(shape: Shape, elements: int) -> MovedRows:
    """The input of a network where a hop adds so many elements at its end."""
    rows, rest = divmod(elements, shape[1] * shape[2])
    return MovedRows(shape[0], 0, shape[0], 0 if rest else rows)


def kept_rows(
    does: Operation, sources: Sequence[MovedRows | None], leaving: bool = False
) -> MovedRows | str:
    """Rows of a node's output that can be kept, or why none is, for people.

    Of a sum over all positions they are the rows of potentials that are added up.

    Args:
        does: what the node does.
        sources: of every tensor that it takes; None: it is computed whole.
        leaving: a row that leaves the window has to be computed once more.
    """
    if does.node.conv_shape[0] == 1:
        return "it has one row"
    found = _moved_rows(does, sources)
    if isinstance(found, str):
        return found
    computed = found.computed + (found.moved if leaving else 0)
    if found.come <= found.first or computed > _MOST_COMPUTED * found.rows:
        computed = min(found.rows, computed) if found.come > found.first else found.rows
        return f"{computed} of its {found.rows} rows would be computed"
    return found


def _moved_rows(does: Operation, sources: Sequence[MovedRows | None]) -> MovedRows | str:
    known = [source for source in sources if source is not None]
    if len(known) < len(sources):
        return "its input is computed whole"
    if isinstance(does, Addition):
        return _met(known)
    if not isinstance(does, Spatial):
        return "each of its outputs takes all of its input"
    found = _through(does.window, known[0])
    if does.pooling is None or isinstance(found, str):
        return found
    return _through(does.pooling, found)


def _met(sources: Sequence[MovedRows]) -> MovedRows | str:
    """Of tensors that are taken element by element."""
    if len({source.moved for source in sources}) > 1:
        return "a hop moves its inputs by different rows"
    first, last = max(s.first for s in sources), min(s.last for s in sources)
    return MovedRows(sources[0].rows, first, max(first, last), sources[0].moved)


def _through(window: Window, source: MovedRows) -> MovedRows | str:
    """Rows that are made of rows of the source that touch no edge."""
    stride, before, size = window.stride[0], window.before[0], window.size[0]
    if source.moved == 0:
        return "a hop is no whole number of rows of its input"
    if source.moved % stride:
        return f"the hop moves its input by {source.moved} rows, its stride is {stride}"
    first = max(0, -(-(source.first + before) // stride))
    last = min(window.target[0], (source.last + before - size) // stride + 1)
    return MovedRows(window.target[0], first, max(first, last), source.moved // stride)
