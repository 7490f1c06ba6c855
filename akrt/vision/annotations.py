"""Boxes that people drew around objects: COCO's JSON, and the text files of YOLO."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from akrt.errors import DatasetError, InputError
from akrt.files import read_bytes

__all__ = ["Annotations", "Truth", "read_annotations"]

_MOST_BYTES = 1 << 30
_MOST_TEXT = 1 << 24


@dataclass(frozen=True)
class Truth:
    """An object that is there, in pixels of the picture, or in shares of it."""

    label: str
    left: float
    top: float
    right: float
    bottom: float
    crowd: bool = False
    """Of COCO: many objects that nobody counted. What is found there does not count."""


@dataclass
class Annotations:
    """The objects of every picture."""

    truths: dict[Path, list[Truth]]
    """By picture, also of those that have none."""
    shares: bool
    """Whether they are in shares of the width and the height, as those of YOLO."""
    unknown: dict[str, int] = field(default_factory=dict)
    """Objects of classes that the network does not know, by class: they were left out."""
    notes: list[str] = field(default_factory=list)
    """What else must be told."""

    def of(self, picture: Path, width: int, height: int) -> list[Truth]:
        """Those of a picture of this size, in its pixels."""
        across, down = (width, height) if self.shares else (1, 1)
        return [
            replace(
                truth,
                left=truth.left * across,
                top=truth.top * down,
                right=truth.right * across,
                bottom=truth.bottom * down,
            )
            for truth in self.truths[picture]
        ]


def read_annotations(path: Path, pictures: Sequence[Path], names: Sequence[str]) -> Annotations:
    """The boxes of a COCO file, or of a folder of YOLO's text files.

    Args:
        path: a .json file, or a folder with a text file for each picture: ``class x y width
            height`` in each line, middles, in shares of the picture. Its classes.txt, where there
            is one, names the classes; else they are numbers of `names`.
        pictures: those that are looked at, found by name.
        names: the classes that the network detects, without a background.

    Raises:
        DatasetError: it cannot be read, is none of both, or is about other pictures.
    """
    if path.is_dir():
        return _yolo(path, pictures, names)
    return _coco(path, pictures, names)


def _coco(path: Path, pictures: Sequence[Path], names: Sequence[str]) -> Annotations:
    try:
        facts: Any = json.loads(read_bytes(path, _MOST_BYTES))
    except InputError as error:
        raise DatasetError(str(error)) from None
    except (ValueError, RecursionError):
        raise DatasetError(f"'{path}' is no JSON: expected COCO's annotations") from None
    try:
        categories = {entry["id"]: str(entry["name"]) for entry in facts["categories"]}
        images = {entry["id"]: str(entry["file_name"]) for entry in facts["images"]}
        boxes = [
            (
                entry["image_id"],
                categories[entry["category_id"]],
                [float(value) for value in entry["bbox"]],
                bool(entry.get("iscrowd", 0)),
            )
            for entry in facts["annotations"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"'{path}' is no file of COCO's annotations: images, categories and annotations with "
            f"a bbox each are expected ({error!r:.100})"
        ) from None
    found = Annotations({}, shares=False)
    by_name = _by_name(pictures)
    where = {key: by_name.get(Path(name.replace("\\", "/")).name) for key, name in images.items()}
    for picture in where.values():
        if picture is not None:
            found.truths.setdefault(picture, [])
    _check_found(path, found, pictures)
    for image, label, box, crowd in boxes:
        picture = where.get(image)
        if picture is None:
            continue
        if len(box) != 4 or not all(map(math.isfinite, box)) or min(box[2:]) < 0:
            raise DatasetError(f"'{path}': a bbox must be x, y, width, height, got {box!r:.80}")
        if label not in names:
            found.unknown[label] = found.unknown.get(label, 0) + 1
            continue
        x, y, width, height = box
        found.truths[picture].append(Truth(label, x, y, x + width, y + height, crowd))
    return found


def _yolo(folder: Path, pictures: Sequence[Path], names: Sequence[str]) -> Annotations:
    found = Annotations({}, shares=True)
    listed = folder / "classes.txt"
    given = _lines(listed) if listed.is_file() else list(names)
    without = 0
    _by_name(pictures)
    for picture in pictures:
        path = folder / f"{picture.stem}.txt"
        without += not path.is_file()
        found.truths[picture] = []
        for number, line in enumerate(_lines(path) if path.is_file() else [], 1):
            try:
                index, x, y, width, height = map(float, line.split())
                label = given[int(index)]
                if (
                    index != int(index)
                    or index < 0
                    or not all(-0.5 <= value <= 1.5 for value in (x, y, width, height))
                ):
                    raise ValueError
            except (ValueError, IndexError, OverflowError):
                raise DatasetError(
                    f"'{path}', line {number}: expected 'class x y width height' with a class of "
                    f"0..{len(given) - 1} and shares of the picture, got '{line:.80}'"
                ) from None
            if label not in names:
                found.unknown[label] = found.unknown.get(label, 0) + 1
                continue
            sides = x - width / 2, y - height / 2, x + width / 2, y + height / 2
            found.truths[picture].append(Truth(label, *sides))
    if without == len(pictures):
        raise DatasetError(
            f"'{folder}' holds no text file with the name of a picture, such as "
            f"{pictures[0].stem}.txt for '{pictures[0].name}'"
        )
    if without:
        found.notes.append(f"{without} pictures have no text file: nothing is in them")
    return found


def _lines(path: Path) -> list[str]:
    try:
        text = read_bytes(path, _MOST_TEXT).decode("utf-8-sig")
    except (InputError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read '{path}': {error}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _by_name(pictures: Sequence[Path]) -> dict[str, Path]:
    """Pictures by the name of their file; YOLO's go by what is before the suffix."""
    found: dict[str, Path] = {}
    for picture in pictures:
        if picture.name in found:
            raise DatasetError(
                f"two pictures are called '{picture.name}': '{found[picture.name]}' and "
                f"'{picture}'; boxes are found by that name"
            )
        found[picture.name] = picture
    return found


def _check_found(path: Path, found: Annotations, pictures: Sequence[Path]) -> None:
    if not found.truths:
        raise DatasetError(f"'{path}' names none of the {len(pictures)} pictures, such as "
                           f"'{pictures[0].name}'")  # fmt: skip
    missing = len(pictures) - len(found.truths)
    if missing:
        found.notes.append(f"{missing} pictures are not in '{path}': they were left out")
