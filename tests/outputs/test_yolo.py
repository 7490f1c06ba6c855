"""Boxes, against the same with reals."""

from __future__ import annotations

import numpy as np
import pytest
from outputs.grids import grid_model

from akrt.errors import ModelError
from akrt.model import YoloTask
from akrt.outputs import Yolo, output_of

STEP = 16
ANCHORS = ((1.0, 2.0), (3.5, 1.25))
LABELS = ("car", "person", "tree")


def detector(rows: int, columns: int, **task: float) -> Yolo:
    channels = len(ANCHORS) * (5 + len(LABELS))
    model = grid_model(rows, columns, YoloTask(ANCHORS, **task), channels, LABELS)
    found = output_of(model)
    assert isinstance(found, Yolo)
    return found


def nothing(rows: int, columns: int) -> np.ndarray:
    """Potentials of (rows, columns, anchors, outputs) in which no box is."""
    outputs = np.zeros((rows, columns, len(ANCHORS), 5 + len(LABELS)), np.int32)
    outputs[..., 4] = -9 * STEP
    return outputs


def flat(outputs: np.ndarray) -> np.ndarray:
    return outputs.reshape(*outputs.shape[:2], -1)


def in_reals(logits: np.ndarray, threshold: float, overlap: float) -> list[tuple]:
    """Class, score, left, top, right, bottom in cells: the description with exp and division."""
    rows, columns = logits.shape[:2]
    boxes = []
    for row, column, anchor in np.ndindex(*logits.shape[:3]):
        x, y, w, h, o, *classes = logits[row, column, anchor]
        shares = np.exp(classes) / np.exp(classes).sum()
        score = shares.max() / (1 + np.exp(-o))
        if score >= threshold:
            cx, cy = column + 1 / (1 + np.exp(-x)), row + 1 / (1 + np.exp(-y))
            half = np.exp(w) * ANCHORS[anchor][0] / 2, np.exp(h) * ANCHORS[anchor][1] / 2
            corners = [cx - half[0], cy - half[1], cx + half[0], cy + half[1]]
            corners = np.clip(corners, 0, [columns, rows] * 2)
            boxes.append((int(shares.argmax()), score, *corners))
    kept: list[tuple] = []
    for box in sorted(boxes, key=lambda b: -b[1]):
        if not any(box[0] == k[0] and iou(box, k) >= overlap for k in kept):
            kept.append(box)
    return kept


def iou(a: tuple, b: tuple) -> float:
    width = min(a[4], b[4]) - max(a[2], b[2])
    height = min(a[5], b[5]) - max(a[3], b[3])
    shared = max(width, 0) * max(height, 0)
    areas = [(c[4] - c[2]) * (c[5] - c[3]) for c in (a, b)]
    return shared / (sum(areas) - shared)


def test_a_box() -> None:
    outputs = nothing(4, 8)
    outputs[1, 5, 0] = np.array([0, 0, 0, 0, 4, 0, 6, 0]) * STEP
    (box,) = detector(4, 8).read(flat(outputs))
    assert box.label == "person"
    assert (box.left, box.top, box.right, box.bottom) == (5.0, 0.5, 6.0, 2.5)
    exact = np.exp(6) / (np.exp(6) + 2) / (1 + np.exp(-4))
    assert box.score == pytest.approx(exact, abs=1e-4)
    assert detector(4, 8, threshold=0.99).read(flat(outputs)) == []


def test_the_lesser_of_two_boxes_of_a_class_goes() -> None:
    outputs = nothing(4, 8)
    outputs[1, 5, 0] = np.array([0, 0, 0, 0, 4, 0, 6, 0]) * STEP
    outputs[1, 5, 1] = np.array([0, 0, -1.25, 0.47, 3, 0, 6, 0]) * STEP  # the same place
    assert [b.score > 0.97 for b in detector(4, 8).boxes(flat(outputs)) if b] == [True]
    assert len(detector(4, 8, overlap=0.99).boxes(flat(outputs))) == 2
    outputs[1, 5, 1, 5:] = np.array([6, 0, 0]) * STEP  # of another class
    assert len(detector(4, 8).boxes(flat(outputs))) == 2


def test_boxes_stay_within_the_picture() -> None:
    outputs = nothing(4, 8)
    outputs[0, 0, 0] = np.array([-20, -20, 9, 9, 9, 9, 0, 0]) * STEP
    outputs[3, 7, 1] = np.array([900, 900, 900, -900, 900, 9, 0, 900]) * STEP
    for box in detector(4, 8).boxes(flat(outputs)):
        assert 0 <= box.left <= box.right <= 8 * 256
        assert 0 <= box.top <= box.bottom <= 4 * 256


def test_random_outputs_against_reals() -> None:
    rng = np.random.default_rng(0)
    yolo, compared = detector(7, 7), 0
    for _ in range(80):
        outputs = (rng.normal(0, 1.5, (7, 7, 2, 8)) * STEP).astype(np.int32)
        wanted = in_reals(outputs / STEP, 0.5, 0.5)
        near = [in_reals(outputs / STEP, t, o) for t, o in ((0.499, 0.49), (0.501, 0.51))]
        if {len(n) for n in near} != {len(wanted)}:
            continue  # where a rounding decides
        compared += 1
        found = [
            (b.index, b.score / 65536, *(v / 256 for v in (b.left, b.top, b.right, b.bottom)))
            for b in yolo.boxes(flat(outputs))
        ]
        assert len(found) == len(wanted)
        assert [f[1] for f in found] == sorted((f[1] for f in found), reverse=True)
        np.testing.assert_allclose(sorted(found), sorted(wanted), atol=0.02)
    assert compared > 40


def test_what_cannot_be_its_outputs() -> None:
    with pytest.raises(ModelError, match="15 outputs at each position are no 2 anchors"):
        grid_model(4, 4, YoloTask(ANCHORS), 15)
    with pytest.raises(ModelError, match="10 outputs .* 2 anchors with one class have 12"):
        grid_model(4, 4, YoloTask(ANCHORS), 10)
    with pytest.raises(ModelError, match="16 labels for 3 classes of task yolo"):
        grid_model(4, 4, YoloTask(ANCHORS), 16, tuple("abcdefghijklmnop"))
    for anchors in ((), ((1,),), ((0, 1),), ((1, 2, 3),), "ab", 5, (("1", "2"),), ((1e9, 1),)):
        with pytest.raises(ModelError, match="task yolo"):
            YoloTask(anchors)
    with pytest.raises(ModelError, match="overlap must be"):
        YoloTask(ANCHORS, overlap=0)
