"""``akrt run`` of networks that see: what they say to pictures or arrays, and drawings of it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.cli import recordings
from akrt.cli.answers import Answer, TopClasses, answer
from akrt.cli.output import print_json, print_line, print_table, progress
from akrt.errors import DeviceError, InputError, PictureError, UsageError
from akrt.files import check_replaceable, make_folder, read_array, write_file
from akrt.frontends import picture_front_end_of
from akrt.model import ClassTask, Picture
from akrt.runtime import Runtime
from akrt.vision import PICTURES, Placement, load_picture
from akrt.vision.drawing import drawn, is_drawn

__all__ = ["Seen", "run_pictures", "see", "sees"]


@dataclass(frozen=True)
class Seen:
    """What a network saw in one picture, or said to one array."""

    file: str
    answer: Answer
    """With places in pixels of the picture."""
    features_ms: float = 0.0
    """Reading, fitting and resampling."""
    inference_ms: float = 0.0
    size: tuple[int, int] | None = None
    """Width and height of the picture; None: an array."""
    position: int = 0
    """In the array."""

    def as_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        if self.size is None:
            facts: dict[str, Any] = {"file": self.file, "position": self.position}
        else:
            facts = {
                "file": self.file,
                "width": self.size[0],
                "height": self.size[1],
                "features_ms": self.features_ms,
                "inference_ms": self.inference_ms,
            }
        return {**facts, **self.answer.as_dict()}


def sees(runtime: Runtime, paths: Sequence[Path]) -> bool:
    """Whether these paths are for a network that sees, or answers otherwise than by classes."""
    model = runtime.model
    if model.preprocessing is not None:
        return isinstance(model.preprocessing, Picture)
    pictures = any(path.suffix.lower() in PICTURES.suffixes for path in paths)
    return pictures or model.task != ClassTask()


def see(runtime: Runtime, path: Path, top: int) -> tuple[Seen, npt.NDArray[np.uint8], Placement]:
    """Look at a picture.

    Returns:
        What was seen; uint8 (height, width, 3), the picture; which part of it the network saw.

    Raises:
        PictureError: the file is no usable picture.
        UsageError: the model does not say how a picture becomes its input.
    """
    front_end = picture_front_end_of(runtime.model, otherwise=", or give arrays (.npy)")
    start = time.perf_counter_ns()
    pixels = load_picture(path)
    x = front_end.pixels(pixels)
    before = time.perf_counter_ns()
    (found,) = answer(runtime, x[None], top)
    end = time.perf_counter_ns()
    height, width = pixels.shape[:2]
    where = front_end.placement(width, height)
    seen = Seen(
        file=str(path),
        answer=found.placed(where, width, height),
        features_ms=(before - start) / 1e6,
        inference_ms=(end - before) / 1e6,
        size=(width, height),
    )
    return seen, pixels, where


def run_pictures(
    runtime: Runtime,
    paths: Sequence[Path],
    top: int,
    as_json: bool,
    draw: Path | None,
    force: bool,
) -> None:
    """Look at pictures and arrays, tell what was seen, and draw it into the folder `draw`."""
    found = recordings.expand(paths, PICTURES)
    all_seen: list[Seen] = []
    drawings = _Drawings(draw, force, found.usable)
    lost: DeviceError | None = None
    for path in progress(found.usable, "looking"):
        try:
            if path.suffix.lower() in (".npy", ".npz"):
                all_seen += _array(runtime, path, top)
            else:
                seen, pixels, where = see(runtime, path, top)
                all_seen.append(seen)
                drawings.add(path, seen.answer, pixels, where)
        except (PictureError, InputError) as error:
            found.failed.append((path, str(error)))
        except DeviceError as error:  # what was seen before is not lost
            lost = error
            break
    if not all_seen:
        raise lost or found.nothing("nothing was run")
    known, right = _judged(runtime, all_seen)
    if as_json:
        print_json(
            {
                "model": runtime.model.name,
                "akida_version": runtime.model.version,
                "backend": runtime.backend,
                "computed_by": recordings.computed_by(runtime),
                "task": runtime.model.task.kind,
                "results": [seen.as_dict() for seen in all_seen],
                **found.as_dict(),
                "drawings": {str(path): str(target) for path, target in drawings.made.items()},
                "labelled": known,
                "right": right,
            }
        )
    else:
        _print(all_seen)
        network = f"{runtime.model.name}, a network of Akida {runtime.model.version}.0"
        print_line(f"{network}: computed by {runtime.computed_by}")
        if known:
            print_line(
                f"{right} of {known} pictures in folders named after a class were named right"
            )
        if draw is not None:
            print_line(f"{len(drawings.made)} drawings in '{draw}'")
    found.tell()
    if lost is not None:
        raise lost


def _array(runtime: Runtime, path: Path, top: int) -> list[Seen]:
    x = read_array(path)
    try:
        answers = answer(runtime, x[None] if x.ndim == 3 else x, top)
    except InputError as error:
        raise InputError(f"'{path}': {error}") from None
    return [Seen(str(path), found, position=i) for i, found in enumerate(answers)]


def _judged(runtime: Runtime, all_seen: Sequence[Seen]) -> tuple[int, int]:
    """How many pictures are in folders named after a class, and how many of them were named so."""
    labels = set(runtime.model.labels or ())
    known = right = 0
    for seen in all_seen:
        folder = Path(seen.file).parent.name
        if isinstance(seen.answer, TopClasses) and seen.size is not None and folder in labels:
            known += 1
            right += seen.answer.guesses[0].word == folder
    return known, right


def _print(all_seen: Sequence[Seen]) -> None:
    columns, numeric = all_seen[0].answer.columns, all_seen[0].answer.numeric
    several = any(seen.position for seen in all_seen)
    before = 2 if several else 1
    rows = []
    for seen in all_seen:
        for i, cells in enumerate(seen.answer.rows()):
            first = i == 0
            times = [f"{seen.features_ms:.2f}", f"{seen.inference_ms:.3f}"]
            rows.append(
                [
                    seen.file if first else "",
                    *([str(seen.position) if first else ""] if several else []),
                    *cells,
                    *(times if first and seen.size is not None else ["", ""]),
                ]
            )
    shown = len(columns)
    if columns[-1] == "then" and not any(row[before + shown - 1] for row in rows):
        shown -= 1
        rows = [row[: before + shown] + row[before + shown + 1 :] for row in rows]
    heads = ["file", *(["position"] if several else []), *columns[:shown]]
    heads += ["picture ms", "inference ms"]
    numbers = [before + n for n in numeric] + [before + shown, before + shown + 1]
    print_table(heads, rows, numeric=numbers)


class _Drawings:
    """Files of drawings in a folder, one for each picture."""

    def __init__(self, folder: Path | None, force: bool, pictures: Sequence[Path]) -> None:
        self._folder, self._force = folder, force
        self._pictures = {os.path.realpath(path) for path in pictures}
        self._names: set[str] = set()
        self.made: dict[Path, Path] = {}
        if folder is not None:
            make_folder(folder)

    def add(
        self, path: Path, found: Answer, pixels: npt.NDArray[np.uint8], where: Placement
    ) -> None:
        """Draw what was found in a picture."""
        if self._folder is None:
            return
        target = self._target(path)
        if os.path.realpath(target) in self._pictures:
            raise UsageError(
                f"the drawing of '{path}' would overwrite a picture, '{target}': give another "
                f"folder with --draw"
            )
        check_replaceable(target, is_drawn, self._force)
        seen = (where.left, where.top, where.left + where.width, where.top + where.height)
        write_file(target, drawn(pixels, found.marks(), found.caption, seen))
        self.made[path] = target

    def _target(self, path: Path) -> Path:
        """The picture's name with .png, and a number where another has it."""
        assert self._folder is not None
        name, number = path.stem, 1
        while name.casefold() in self._names:
            number += 1
            name = f"{path.stem}-{number}"
        self._names.add(name.casefold())
        return self._folder / f"{name}.png"
