"""``akrt eval`` of networks that see."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli.test_pictures import invoke
from vision.colour_networks import BLUE, RED, classes, fomo, regression, scene, yolo
from vision.picture_files import saved

from akrt.errors import DatasetError, PictureError, UsageError
from akrt.model import Model

GREEN = (0, 255, 0)


def told(model: Model, tmp_path: Path, folder: Path, *options: object) -> dict:
    model.save(tmp_path / "m.akrt")
    command = ("eval", folder, "-m", tmp_path / "m.akrt", "-b", "native", "--json", *options)
    return json.loads(invoke(*command))


def test_classes(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    for label, colours in {"red": [RED, RED, BLUE], "blue": [BLUE], "green": [GREEN]}.items():
        (folder / label).mkdir(parents=True)
        for i, colour in enumerate(colours):
            saved(folder / label / f"{i}.png", np.full((20, 30, 3), colour, np.uint8))
    (folder / "red" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = told(classes(), tmp_path, folder)
    assert (found["pictures"], found["accuracy"], found["top3_accuracy"]) == (4, 0.75, 1)
    assert found["classes"]["red"] == {"pictures": 3, "right": 2, "top3": 3}
    assert found["folders_without_class"] == ["green"]
    assert len(found["failed"]) == 1
    shown = invoke("eval", folder, "-m", tmp_path / "m.akrt")
    assert "accuracy 75.00%, top-3 100.00% on 4 pictures of 2 classes" in shown
    with pytest.raises(UsageError, match="--boxes is for networks that find objects"):
        told(classes(), tmp_path, folder, "--boxes", folder)
    with pytest.raises(UsageError, match="outputs of 'colours' are no classes, but quantities"):
        told(regression(), tmp_path, folder)
    with pytest.raises(UsageError, match="does not say how a picture .* --image 3x3"):
        told(classes().replace(preprocessing=None), tmp_path, folder)


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Two pictures of 120 x 80 pixels: a red and a blue cell; a red cell."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    saved(folder / "a.png", scene(8, 12, {(2, 3): RED, (6, 10): BLUE}))
    saved(folder / "b.png", scene(8, 12, {(0, 0): RED}))
    return folder


def coco(tmp_path: Path, *boxes: tuple[int, str, list[float]]) -> Path:
    names = ["red", "blue", "green"]
    facts = {
        "images": [{"id": i, "file_name": f"{name}.png"} for i, name in enumerate("ab")],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
        "annotations": [
            {"image_id": image, "category_id": names.index(label), "bbox": bbox}
            for image, label, bbox in boxes
        ],
    }
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(facts))
    return path


def test_points(scenes: Path, tmp_path: Path) -> None:
    boxes = coco(
        tmp_path,
        (0, "red", [28, 18, 14, 14]),  # found
        (0, "red", [60, 40, 10, 10]),  # missed
        (0, "blue", [0, 0, 10, 10]),  # elsewhere: missed, and one of nothing
        (0, "green", [0, 0, 10, 10]),  # no class of the network
    )
    found = told(fomo(), tmp_path, scenes, "--boxes", boxes)
    assert (found["pictures"], found["objects"], found["threshold"]) == (2, 3, 0.5)
    red = {"objects": 2, "right": 1, "wrong": 1, "missed": 1, "precision": 0.5, "recall": 0.5}
    assert found["classes"]["red"] == {**red, "f1": 0.5}  # that in b.png is none
    assert found["classes"]["blue"]["f1"] == 0
    assert (found["precision"], found["recall"]) == (1 / 3, 1 / 3)
    assert "map50" not in found
    assert "nothing" not in found["classes"]
    assert found["notes"] == ["1 objects of 'green' were left out: no class of 'colours'"]
    shown = invoke("eval", scenes, "-m", tmp_path / "m.akrt", "--boxes", boxes)
    assert "precision 33.3%, recall 33.3%, F1 33.3% at a score of 0.5 on 3 objects in 2" in shown


def test_boxes(scenes: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    # boxes of two cells around the middle of the cell
    (labels / "a.txt").write_text(f"0 {35 / 120} {25 / 80} {20 / 120} {10 / 80}\n")
    (labels / "b.txt").write_text(f"0 {5 / 120} {5 / 80} {10 / 120} {10 / 80}\n")
    found = told(yolo(), tmp_path, scenes, "--boxes", labels)
    assert found["classes"]["red"]["right"] == 2  # at the border it is cut off: 15 of 20 pixels
    assert found["classes"]["red"]["ap50"] == 1
    assert (found["right"], found["wrong"], found["missed"]) == (2, 1, 0)
    assert found["map50"] == 1  # of blue there is no object
    shown = invoke("eval", scenes, "-m", tmp_path / "m.akrt", "--boxes", labels)
    assert "mAP@0.5 100.0%" in shown
    assert "AP@0.5" in shown


def test_what_the_network_cannot_see_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "wide"
    folder.mkdir()
    saved(folder / "a.png", np.full((80, 400, 3), 90, np.uint8))
    boxes = coco(tmp_path, (0, "red", [0, 0, 20, 20]), (0, "red", [190, 30, 20, 20]))
    found = told(fomo(fit="crop"), tmp_path, folder, "--boxes", boxes)
    assert found["missed"] == 2
    assert found["notes"] == [
        "1 objects have their middle outside what the network sees of the picture (fit crop): "
        "they count as missed"
    ]


def test_refusals(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="finds objects: say where they are with --boxes"):
        told(fomo(), tmp_path, scenes)
    with pytest.raises(UsageError, match=r"--boxes: '.*absent' does not exist"):
        told(fomo(), tmp_path, scenes, "--boxes", tmp_path / "absent")
    with pytest.raises(DatasetError, match="holds no text file"):
        told(fomo(), tmp_path, scenes, "--boxes", scenes)
    (tmp_path / "none").mkdir()
    with pytest.raises(PictureError, match="nothing was left to look at"):
        told(fomo(), tmp_path, tmp_path / "none", "--boxes", coco(tmp_path))
