"""How well a network names clips: accuracies, precision and recall, confusion, warnings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import DatasetError
from akrt.kws.words import CORE_WORDS

__all__ = ["ClassScore", "Scores"]

SWALLOWED = 0.2
"""A class that takes this share of the other classes' clips is warned about."""

FEW_CLIPS = 20
"""With fewer clips of other classes nothing is said about one swallowing them."""


@dataclass(frozen=True)
class ClassScore:
    """One class: of the clips said to be of it, and of those that are, the share that is right."""

    word: str
    clips: int
    precision: float | None
    """None: no clip was said to be of this class."""
    recall: float | None
    """None: no clip is of this class."""


@dataclass(frozen=True, eq=False)
class Scores:
    """What one form of a network made of labelled clips.

    Args:
        name: of the form, for tables.
        words: class names.
        truth: int (N,): classes.
        outputs: float (N, classes): the larger, the likelier.
        seconds: spent on all clips.

    Raises:
        DatasetError: no clips, or arrays that do not fit together.
    """

    name: str
    words: tuple[str, ...]
    truth: npt.NDArray[Any]
    outputs: npt.NDArray[Any]
    seconds: float = 0.0

    def __post_init__(self) -> None:
        count, classes = len(self.truth), len(self.words)
        if not count:
            raise DatasetError("there are no clips to evaluate")
        if self.outputs.shape != (count, classes):
            raise DatasetError(
                f"{self.name}: outputs of shape {self.outputs.shape} for {count} clips of "
                f"{classes} classes"
            )
        if self.truth.min() < 0 or self.truth.max() >= classes:
            raise DatasetError(f"labels must be 0..{classes - 1}")
        if not np.all(np.isfinite(self.outputs)):
            raise DatasetError(f"{self.name}: outputs are not finite")

    @cached_property
    def ranking(self) -> npt.NDArray[np.int64]:
        """int64 (N, classes): classes, the likeliest first; the lower index first of equals."""
        return np.argsort(-self.outputs, axis=1, kind="stable")

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """int64 (N,): the likeliest class of each clip."""
        return self.ranking[:, 0]

    def accuracy(self, top: int = 1, words: tuple[str, ...] | None = None) -> float | None:
        """Share of clips whose class is among the `top` likeliest.

        Args:
            top: how many guesses count.
            words: only the clips of these classes count; every class may be guessed.

        Returns:
            0 to 1, or None where no clip counts.
        """
        hits = (self.ranking[:, :top] == self.truth[:, None]).any(axis=1)
        if words is not None:
            hits = hits[np.isin(self.truth, [self.words.index(w) for w in words])]
        return float(hits.mean()) if len(hits) else None

    @property
    def core_accuracy(self) -> float | None:
        """Accuracy on the ten words of the standard task; None unless all ten are classes."""
        if not set(CORE_WORDS) <= set(self.words):
            return None
        return self.accuracy(words=CORE_WORDS)

    @cached_property
    def confusion(self) -> npt.NDArray[np.int64]:
        """int64 (classes, classes): clips of the row's class said to be of the column's."""
        classes = len(self.words)
        cells = np.bincount(self.truth * classes + self.predicted, minlength=classes * classes)
        return cells.reshape(classes, classes)

    @property
    def by_class(self) -> list[ClassScore]:
        """Every class in order."""
        right = np.diag(self.confusion)
        said, real = self.confusion.sum(axis=0), self.confusion.sum(axis=1)
        return [
            ClassScore(
                word,
                int(real[i]),
                float(right[i] / said[i]) if said[i] else None,
                float(right[i] / real[i]) if real[i] else None,
            )
            for i, word in enumerate(self.words)
        ]

    @property
    def warnings(self) -> list[str]:
        """A line for each class that swallows the rest."""
        found = []
        real = self.confusion.sum(axis=1)
        for i, word in enumerate(self.words):
            others = int(real.sum() - real[i])
            taken = int(self.confusion[:, i].sum() - self.confusion[i, i])
            if others >= FEW_CLIPS and taken >= SWALLOWED * others:
                found.append(
                    f"{self.name}: '{word}' swallows the rest: {taken} of {others} clips of other "
                    f"classes ({taken / others:.0%}) are taken for it"
                )
        return found

    def same_class(self, other: Scores) -> float:
        """Share of clips that both forms put into the same class."""
        return float(np.mean(self.predicted == other.predicted))

    def identical(self, other: Scores) -> bool:
        """Whether every output equals the other form's to the last bit."""
        return bool(np.array_equal(self.outputs, other.outputs))

    def facts(self) -> dict[str, Any]:
        """Everything but the clips themselves, as JSON holds it."""
        return {
            "form": self.name,
            "clips": len(self.truth),
            "accuracy": self.accuracy(),
            "top3_accuracy": self.accuracy(3),
            "core_word_accuracy": self.core_accuracy,
            "seconds": round(self.seconds, 3),
            "classes": [vars(score) for score in self.by_class],
            "confusion": self.confusion.tolist(),
            "warnings": self.warnings,
        }
