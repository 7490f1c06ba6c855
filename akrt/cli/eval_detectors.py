"""``akrt eval`` of networks that find objects: precision, recall and F1 at their threshold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.cli import recordings
from akrt.cli.answers import Objects
from akrt.cli.output import print_error, print_json, print_line, print_table, progress
from akrt.errors import PictureError, UsageError
from akrt.frontends import picture_front_end_of
from akrt.model import FomoTask, Model, YoloTask
from akrt.outputs import Box, Fomo, Point, Yolo, output_of
from akrt.runtime import Runtime
from akrt.vision import PICTURES, load_picture
from akrt.vision.annotations import Truth, read_annotations
from akrt.vision.scoring import Counts, average_precision, matched

__all__ = ["evaluate_detector"]

LEAST_SCORE = 0.01
"""From which boxes count for the average precision."""


def evaluate_detector(runtime: Runtime, folder: Path, boxes: Path | None, as_json: bool) -> None:
    """Compare what a network finds in the pictures of a folder with the boxes people drew.

    Raises:
        UsageError: no boxes are given.
        DatasetError: they cannot be read.
        PictureError: no picture can be looked at.
    """
    model = runtime.model
    if boxes is None:
        raise UsageError(
            f"'{model.name}' finds objects: say where they are with --boxes, a COCO file (.json) "
            f"or a folder of YOLO's text files"
        )
    if not os.path.lexists(boxes):
        raise UsageError(f"--boxes: '{boxes}' does not exist")
    front_end = picture_front_end_of(model)
    names = _names(model)
    found = recordings.expand([folder], PICTURES)
    pictures = [path for path in found.usable if path != folder]
    if not pictures:
        raise found.nothing(f"cannot evaluate on '{folder}'")
    truths = read_annotations(boxes, pictures, names)
    scorer = _Scorer(model, names)
    for path in progress([p for p in pictures if p in truths.truths], "looking"):
        try:
            pixels = load_picture(path)
        except PictureError as error:
            found.failed.append((path, str(error)))
            continue
        height, width = pixels.shape[:2]
        where = front_end.placement(width, height)
        outputs = np.asarray(runtime.forward(front_end.pixels(pixels)[None])[0])
        there = truths.of(path, width, height)
        scorer.take(
            outputs,
            there,
            lambda o, w=where, x=width, y=height: o.placed(w, x, y),
        )
        seen = (where.left, where.top, where.left + where.width, where.top + where.height)
        scorer.beyond += sum(not _centred(truth, seen) for truth in there)
    if not scorer.pictures:
        raise found.nothing(f"cannot evaluate on '{folder}'")
    notes = list(truths.notes)
    for label, count in truths.unknown.items():
        notes.append(f"{count} objects of '{label}' were left out: no class of '{model.name}'")
    if scorer.beyond:
        notes.append(
            f"{scorer.beyond} objects have their middle outside what the network sees of the "
            f"picture (fit crop): they count as missed"
        )
    if as_json:
        print_json(
            {
                "model": model.name,
                "backend": runtime.backend,
                "computed_by": recordings.computed_by(runtime),
                "task": model.task.kind,
                "threshold": scorer.threshold,
                **scorer.facts(),
                "notes": notes,
                **found.as_dict(),
                "statistics": runtime.statistics.as_dict(),
            }
        )
    else:
        scorer.tell()
        for note in notes:
            print_error(note)
        print_line(f"computed by {runtime.statistics}")
    found.tell()


def _names(model: Model) -> tuple[str, ...]:
    """The classes that are detected: without the background."""
    names = output_of(model).names
    return names[1:] if isinstance(model.task, FomoTask) else names


def _centred(truth: Truth, seen: Sequence[float]) -> bool:
    x, y = (truth.left + truth.right) / 2, (truth.top + truth.bottom) / 2
    return seen[0] <= x <= seen[2] and seen[1] <= y <= seen[3]


class _Scorer:
    """Counts over all pictures."""

    def __init__(self, model: Model, names: Sequence[str]) -> None:
        assert isinstance(model.task, (FomoTask, YoloTask))
        self.threshold, self.pictures, self.beyond = model.task.threshold, 0, 0
        self._read = output_of(model)
        self._all: Yolo | None = None
        if isinstance(model.task, YoloTask):
            self._all = Yolo(model.replace(task=replace(model.task, threshold=LEAST_SCORE)))
        self._counts = {name: Counts() for name in names}
        self._objects = dict.fromkeys(names, 0)
        self._scored: dict[str, list[tuple[float, bool]]] = {name: [] for name in names}

    def take(self, outputs: npt.NDArray[Any], there: Sequence[Truth], place: Any) -> None:
        """The outputs for one picture, and the objects in it."""
        assert isinstance(self._read, (Fomo, Yolo))
        self.pictures += 1
        found: list[Point] | list[Box] = place(
            Objects(self._read.read(outputs), self._read.names)
        ).found
        for name, counts in self._counts.items():
            results = matched(found, there, name)
            objects = sum(t.label == name and not t.crowd for t in there)
            right = sum(r is True for r in results)
            counts.add(Counts(right, sum(r is False for r in results), objects - right))
            self._objects[name] += objects
        if self._all is None:
            return
        boxes = place(Objects(self._all.read(outputs), self._all.names)).found
        for name, scored in self._scored.items():
            scores = sorted((b.score for b in boxes if b.label == name), reverse=True)
            results = matched(boxes, there, name)
            scored += [(s, r) for s, r in zip(scores, results, strict=True) if r is not None]

    def precisions(self) -> dict[str, float]:
        """Average precision at an overlap of a half, of the classes of which objects are there."""
        return {
            name: average_precision(scored, self._objects[name])
            for name, scored in self._scored.items()
            if self._objects[name]
        }

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        facts: dict[str, Any] = {
            "pictures": self.pictures,
            "objects": sum(self._objects.values()),
            **_figures(self._total()),
            "classes": {
                name: {"objects": self._objects[name], **_figures(counts)}
                for name, counts in self._counts.items()
            },
        }
        if self._all is not None:
            precisions = self.precisions()
            for name, value in precisions.items():
                facts["classes"][name]["ap50"] = value
            facts["map50"] = _mean(precisions)
        return facts

    def tell(self) -> None:
        """As a table and a line."""
        precisions = self.precisions() if self._all is not None else {}
        heads = ["class", "objects", "right", "wrong", "missed", "precision", "recall", "F1"]
        rows = []
        for name, counts in self._counts.items():
            shares = (counts.precision, counts.recall, counts.f1)
            row = [name, str(self._objects[name]), *map(str, asdict(counts).values())]
            row += [*map(_percent, shares)]
            rows.append(row + ([_percent(precisions.get(name))] if self._all else []))
        print_table(heads + (["AP@0.5"] if self._all else []), rows, numeric=range(1, 9))
        total = self._total()
        line = (
            f"precision {_percent(total.precision)}, recall {_percent(total.recall)}, "
            f"F1 {_percent(total.f1)} at a score of {self.threshold:g} on "
            f"{sum(self._objects.values())} objects in {self.pictures} pictures"
        )
        if self._all is not None:
            line += f"; mAP@0.5 {_percent(_mean(precisions))}"
        print_line(line)

    def _total(self) -> Counts:
        total = Counts()
        for counts in self._counts.values():
            total.add(counts)
        return total


def _figures(counts: Counts) -> dict[str, Any]:
    shares = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
    return {**asdict(counts), **shares}


def _mean(precisions: dict[str, float]) -> float | None:
    return sum(precisions.values()) / len(precisions) if precisions else None


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
