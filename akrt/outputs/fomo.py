"""Cells to centroids, as of FOMO detectors: which cells are objects is decided in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from akrt.model import FomoTask, Model
from akrt.outputs.base import Output, Point
from akrt.outputs.fixed import SHARE_ONE, fixed_logits, share, softmaxes

__all__ = ["CELL_ONE", "Fomo", "Group"]

CELL_ONE = 256
"""Steps of a cell in which centroids are counted."""


@dataclass(frozen=True)
class Group:
    """Neighbouring cells of one class, in integers."""

    index: int
    """Of the class."""
    score: int
    """The largest of its cells, in 1/65536."""
    x: int
    y: int
    """Centroid, weighted by scores, in 1/256 cell from the upper left corner of the grid."""
    left: int
    top: int
    right: int
    bottom: int
    """First and last column and row."""
    cells: int


class Fomo(Output):
    """A cell whose best class but the background has a softmax score of at least the threshold is
    an object of it, together with those of its eight neighbours that are.

    Args:
        model: the network.
    """

    kind: ClassVar[str] = "fomo"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        assert isinstance(model.task, FomoTask)
        self._least = share(model.task.threshold)

    def groups(self, outputs: npt.NDArray[Any]) -> list[Group]:
        """The objects of one sample, those with the highest score first, of equals the one whose
        first cell is higher, then further to the left.

        Args:
            outputs: (rows, columns, C) of `Runtime.forward`.
        """
        scores = softmaxes(fixed_logits(self.model, outputs))[..., 1:]
        best, winner = scores.max(axis=-1), scores.argmax(axis=-1)
        winner[best < self._least] = -1
        found = []
        for row, column in np.argwhere(winner >= 0).tolist():
            if winner[row, column] >= 0:
                index = int(winner[row, column])
                rows, columns = _taken(winner, row, column).T
                found.append(_group(index + 1, best[rows, columns], rows, columns))
        return sorted(found, key=lambda group: -group.score)

    def read(self, outputs: npt.NDArray[Any]) -> list[Point]:
        """The objects of one sample in pixels of the input, in the order of `groups`.

        Args:
            outputs: (rows, columns, C) of `Runtime.forward`.
        """
        down = self.model.input_shape[0] / outputs.shape[0]
        across = self.model.input_shape[1] / outputs.shape[1]
        return [
            Point(
                label=self.names[g.index],
                score=g.score / SHARE_ONE,
                x=g.x * across / CELL_ONE,
                y=g.y * down / CELL_ONE,
                left=g.left * across,
                top=g.top * down,
                right=(g.right + 1) * across,
                bottom=(g.bottom + 1) * down,
                cells=g.cells,
            )
            for g in self.groups(outputs)
        ]


def _taken(winner: npt.NDArray[np.int64], row: int, column: int) -> npt.NDArray[np.int64]:
    """int64 (n, 2): the cells joined to this one, which are taken out of `winner`."""
    index = winner[row, column]
    cells = [(row, column)]
    winner[row, column] = -1
    for y, x in cells:
        around = winner[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        for dy, dx in np.argwhere(around == index).tolist():
            cells.append((max(y - 1, 0) + dy, max(x - 1, 0) + dx))
        around[around == index] = -1
    return np.array(cells, np.int64)


def _group(
    index: int,
    scores: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
) -> Group:
    total, half = int(scores.sum()), CELL_ONE // 2
    x, y = (
        (int((scores * (2 * places + 1)).sum()) * half + total // 2) // total
        for places in (columns, rows)
    )
    return Group(
        index=index,
        score=int(scores.max()),
        x=x,
        y=y,
        left=int(columns.min()),
        top=int(rows.min()),
        right=int(columns.max()),
        bottom=int(rows.max()),
        cells=len(rows),
    )
