"""Boxes from files: COCO's and YOLO's, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from akrt.errors import DatasetError
from akrt.vision.annotations import Truth, read_annotations

PICTURES = [Path("in/a.jpg"), Path("in/b.png")]
NAMES = ("cat", "dog")


def coco(tmp_path: Path, **changes: object) -> Path:
    facts = {
        "images": [{"id": 7, "file_name": "train/a.jpg"}, {"id": 8, "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "dog"}, {"id": 90, "name": "zebra"}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "bbox": [10, 20, 30.5, 40]},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 90, 90], "iscrowd": 1},
            {"image_id": 7, "category_id": 90, "bbox": [1, 2, 3, 4]},
        ],
    }
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({**facts, **changes}))
    return path


def test_coco(tmp_path: Path) -> None:
    found = read_annotations(coco(tmp_path), PICTURES, NAMES)
    assert found.of(PICTURES[0], 100, 100) == [
        Truth("dog", 10, 20, 40.5, 60),
        Truth("dog", 0, 0, 90, 90, crowd=True),
    ]
    assert found.of(PICTURES[1], 100, 100) == []
    assert found.unknown == {"zebra": 1}
    assert found.notes == []
    more = [*PICTURES, Path("in/c.png")]
    (note,) = read_annotations(coco(tmp_path), more, NAMES).notes
    assert note.startswith("1 pictures are not in")


def test_yolo(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1 0.5 0.5 0.2 0.4\n\n0 0.1 0.1 0.2 0.2\n")
    found = read_annotations(tmp_path, PICTURES, NAMES)
    dog, cat = found.of(PICTURES[0], 200, 100)
    assert (dog.label, cat.label) == ("dog", "cat")
    assert (dog.left, dog.top, dog.right, dog.bottom) == pytest.approx((80, 30, 120, 70))
    assert (cat.left, cat.top, cat.right, cat.bottom) == pytest.approx((0, 0, 40, 20))
    assert found.notes == ["1 pictures have no text file: nothing is in them"]
    (tmp_path / "classes.txt").write_text("zebra\ncat\n")
    found = read_annotations(tmp_path, PICTURES, NAMES)
    assert [t.label for t in found.of(PICTURES[0], 1, 1)] == ["cat"]
    assert found.unknown == {"zebra": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": 5}, "is no file of COCO's annotations"),
        ({"images": [{"id": 1, "file_name": "z.png"}]}, "names none of the 2 pictures, such as 'a"),
        ({"annotations": [{"image_id": 7, "category_id": 5, "bbox": [1, 2, 3, 4]}]}, "no file of"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 3]}]}, "must be x, y"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, -3, 4]}]}, "must be"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": "abcd"}]}, "no file of"),
        ({"annotations": [{"image_id": 7, "category_id": [], "bbox": [1, 2, 3, 4]}]}, "no file of"),
    ],
)
def test_coco_files_that_are_none(changes: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=words):
        read_annotations(coco(tmp_path, **changes), PICTURES, NAMES)


@pytest.mark.parametrize(
    "line",
    [
        *("2 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1", "0 50 50 10 10", "cat 0.5 0.5 0.1 0.1"),
        *("-1 0 0 1 1", "0.5 0 0 1 1", "nan 0 0 1 1", "0 nan 0 1 1", "1e99 0 0 1 1"),
    ],
)
def test_yolo_lines_that_are_none(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(DatasetError, match=r"a\.txt', line 2: expected 'class x y width height'"):
        read_annotations(tmp_path, PICTURES, NAMES)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no text file .* such as a\.txt for 'a\.jpg'"):
        read_annotations(tmp_path, PICTURES, NAMES)
    (tmp_path / "x.json").write_text("no JSON")
    with pytest.raises(DatasetError, match="is no JSON"):
        read_annotations(tmp_path / "x.json", PICTURES, NAMES)
    with pytest.raises(DatasetError, match="No such file"):
        read_annotations(tmp_path / "absent.json", PICTURES, NAMES)
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match=r"cannot read .*a\.txt"):
        read_annotations(tmp_path, PICTURES, NAMES)
    with pytest.raises(DatasetError, match=r"two pictures are called 'a\.jpg'"):
        read_annotations(coco(tmp_path), [*PICTURES, Path("other/a.jpg")], NAMES)
