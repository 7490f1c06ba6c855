"""Classes: an output for each, of which the largest logit wins.

When a stream of them becomes a detected word is in `akrt.decision`; the C of exports is written by
`firmware_export.class_output`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from akrt.model import Model
from akrt.outputs.base import Output

__all__ = ["Classes", "Guess"]


@dataclass(frozen=True)
class Guess:
    """One class and its score: the softmax of the network's logits."""

    word: str
    score: float


class Classes(Output):
    """The classes of a model, named by its labels or else by their numbers.

    Those whose name begins with an underscore (``_silence_``, ``_unknown_``) are no words: they are
    named where they win, and never detected in a stream.

    Args:
        model: the network.
    """

    kind: ClassVar[str] = "classes"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.is_word: npt.NDArray[np.bool_] = np.array([name[:1] != "_" for name in self.names])
        """bool (classes,)."""

    def scores(self, logits: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """Softmax.

        Args:
            logits: float (..., classes).

        Returns:
            float64 (..., classes): the shares of the classes.
        """
        shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
        shares: npt.NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
        return shares

    def best(self, logits: npt.NDArray[np.floating[Any]], top: int) -> list[Guess]:
        """The `top` best classes, best first, the first of equals before the others.

        Args:
            logits: float (classes,).
            top: how many.
        """
        scores = self.scores(logits)
        order = np.argsort(-logits, kind="stable")[: max(top, 1)]
        return [Guess(self.names[i], float(scores[i])) for i in order]
