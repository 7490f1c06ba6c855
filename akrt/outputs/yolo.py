"""Boxes, as of YOLOv2: scores, corners and what is dropped are decided in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from akrt.model import Model, YoloTask
from akrt.outputs.base import Box, Output
from akrt.outputs.fixed import SHARE_ONE, exponentials, fixed_logits, share, sigmoids, softmaxes

__all__ = ["CELL_ONE", "FixedBox", "Yolo"]

CELL_ONE = 256
"""Steps of a cell in which corners are counted."""


@dataclass(frozen=True)
class FixedBox:
    """A box in integers."""

    index: int
    """Of the class."""
    score: int
    """In 1/65536."""
    left: int
    top: int
    right: int
    bottom: int
    """In 1/256 cell from the upper left corner of the grid, and within it."""


class Yolo(Output):
    """Of each cell and anchor the best class counts, where its score reaches the threshold.

    Args:
        model: the network.
    """

    kind: ClassVar[str] = "yolo"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        assert isinstance(model.task, YoloTask)
        self._least, self._overlap = share(model.task.threshold), share(model.task.overlap)
        self._anchors = np.rint(np.array(model.task.anchors) * CELL_ONE).astype(np.int64)

    def boxes(self, outputs: npt.NDArray[Any]) -> list[FixedBox]:
        """The boxes of one sample, highest score first, of equals by row, column and anchor.

        Args:
            outputs: (rows, columns, C) of `Runtime.forward`.
        """
        rows, columns = outputs.shape[:2]
        logits = fixed_logits(self.model, outputs).reshape(rows, columns, len(self._anchors), -1)
        objects = sigmoids(logits[..., 4:5])
        scores = (objects * softmaxes(logits[..., 5:]) + SHARE_ONE // 2) >> 16
        best, classes = scores.max(axis=-1), scores.argmax(axis=-1)
        places = np.argwhere(best >= self._least)
        order = np.argsort(-best[tuple(places.T)], kind="stable")
        row, column, anchor = places[order].T
        at = row, column, anchor
        centres = np.stack([column, row], axis=1) * CELL_ONE
        centres += (sigmoids(logits[at][:, :2]) + 128) >> 8
        grown = self._anchors[anchor] * exponentials(logits[at][:, 2:4])
        sizes = (grown + SHARE_ONE // 2) >> 16
        grid = np.array([columns, rows]) * CELL_ONE
        first = centres - (sizes >> 1)
        corners = np.concatenate(
            [np.clip(first, 0, grid), np.clip(first + sizes, 0, grid)], axis=1
        )  # left, top, right, bottom
        kept = self._kept(corners, classes[at])
        return [
            FixedBox(int(classes[at][i]), int(best[at][i]), *map(int, corners[i])) for i in kept
        ]

    def _kept(self, corners: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]) -> list[int]:
        """Positions of the boxes that no better one of their class overlaps too much."""
        areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
        left = np.ones(len(corners), bool)
        kept = []
        for i in range(len(corners)):
            if not left[i]:
                continue
            kept.append(i)
            within = np.minimum(corners[:, 2:], corners[i, 2:])
            within -= np.maximum(corners[:, :2], corners[i, :2])
            shared = within.clip(0).prod(axis=1)
            union = areas + areas[i] - shared
            same = (classes == classes[i]) & (shared > 0)
            left &= ~(same & (shared * SHARE_ONE >= self._overlap * union))
        return kept

    def read(self, outputs: npt.NDArray[Any]) -> list[Box]:
        """The boxes of one sample in pixels of the input, in the order of `boxes`.

        Args:
            outputs: (rows, columns, C) of `Runtime.forward`.
        """
        down = self.model.input_shape[0] / outputs.shape[0] / CELL_ONE
        across = self.model.input_shape[1] / outputs.shape[1] / CELL_ONE
        return [
            Box(
                label=self.names[box.index],
                score=box.score / SHARE_ONE,
                left=box.left * across,
                top=box.top * down,
                right=box.right * across,
                bottom=box.bottom * down,
            )
            for box in self.boxes(outputs)
        ]
