"""Cells to objects, against labels of scipy and softmax with reals."""

from __future__ import annotations

import numpy as np
import pytest
from outputs.grids import grid_model

from akrt.errors import ModelError
from akrt.model import FomoTask
from akrt.outputs import Fomo, output_of

STEP = 16
LABELS = ("background", "cat", "dog")


def detector(rows: int, columns: int, **task: float) -> Fomo:
    found = output_of(grid_model(rows, columns, FomoTask(**task), 3, LABELS))
    assert isinstance(found, Fomo)
    return found


def cells(*rows: str) -> np.ndarray:
    """Potentials of which each letter is a class that is sure: . background, c cat, d dog."""
    classes = np.array([[".cd".index(letter) for letter in row] for row in rows])
    return (np.eye(3)[classes] * 5 * STEP).astype(np.int32)


def test_neighbours_of_a_class_are_one_object() -> None:
    outputs = cells(
        "cc...d",
        ".c..d.",
        "c.....",
        ".....c",
    )
    found = detector(4, 6).groups(outputs)
    assert [(g.index, g.cells, g.left, g.top, g.right, g.bottom) for g in found] == [
        (1, 4, 0, 0, 1, 2),
        (2, 2, 4, 0, 5, 1),
        (1, 1, 5, 3, 5, 3),
    ]
    cats, dogs, single = found
    assert (cats.x, cats.y) == (256 * 1, 256 * 5 // 4 + 0)  # (.5 + 1.5 + 1.5 + .5) / 4
    assert (dogs.x, dogs.y) == (256 * 5, 256)
    assert (single.x, single.y) == (256 * 5 + 128, 256 * 3 + 128)


def test_points_are_in_pixels_of_the_input() -> None:
    model = grid_model(4, 6, FomoTask(), 3, LABELS)
    (point,) = output_of(model).read(cells("......", "...dd.", "......", "......"))
    assert (point.label, point.cells) == ("dog", 2)
    assert (point.x, point.y) == (4.0, 1.5)
    assert (point.left, point.top, point.right, point.bottom) == (3, 1, 5, 2)
    e = np.exp(5)
    assert point.score == pytest.approx(e / (e + 2), abs=1e-4)
    assert output_of(model).read(cells(*["......"] * 4)) == []


def test_a_centroid_is_weighted_by_scores() -> None:
    outputs = np.zeros((1, 2, 3), np.int32)
    outputs[0, 0, 1], outputs[0, 1, 1] = 4 * STEP, 1 * STEP
    (group,) = detector(1, 2).groups(outputs)
    scores = np.exp([4, 1]) / (np.exp([4, 1]) + 2)
    assert group.x / 256 == pytest.approx(scores @ [0.5, 1.5] / scores.sum(), abs=0.01)
    assert group.y == 128


def test_thresholds() -> None:
    outputs = np.zeros((1, 1, 3), np.int32)
    outputs[0, 0, 2] = 2 * STEP
    exact = np.exp(2) / (np.exp(2) + 2)  # 0.787
    for threshold in (0.1, 0.5, exact - 0.001):
        assert len(detector(1, 1, threshold=threshold).groups(outputs)) == 1
    for threshold in (exact + 0.001, 0.9):
        assert detector(1, 1, threshold=threshold).groups(outputs) == []
    nothing = detector(1, 1, threshold=0.3).groups(np.zeros((1, 1, 3), np.int32))
    assert [g.index for g in nothing] == [1]  # of equals the first


def test_random_grids_against_scipy() -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy is not installed")
    rng = np.random.default_rng(0)
    fomo, whole = detector(20, 20), 0
    for _ in range(60):
        outputs = (rng.normal(0, 2, (20, 20, 3)) * STEP).astype(np.int32)
        exact = np.exp(outputs / STEP)
        exact /= exact.sum(axis=-1, keepdims=True)
        if np.abs(exact[..., 1:] - 0.5).min() < 1e-4:
            continue  # where a rounding decides
        whole += 1
        wanted = {}
        for index in (1, 2):
            named, count = ndimage.label(exact[..., index] >= 0.5, np.ones((3, 3)))
            for i in range(1, count + 1):
                rows, columns = np.nonzero(named == i)
                scores = exact[rows, columns, index]
                x, y = ((scores @ (p + 0.5)) / scores.sum() for p in (columns, rows))
                place = (columns.min(), rows.min(), columns.max(), rows.max())
                wanted[(index, len(rows), *place)] = (x, y, scores.max())
        groups = fomo.groups(outputs)
        assert [g.score for g in groups] == sorted((g.score for g in groups), reverse=True)
        found = {
            (g.index, g.cells, g.left, g.top, g.right, g.bottom): (
                g.x / 256,
                g.y / 256,
                g.score / 65536,
            )
            for g in groups
        }
        assert found.keys() == wanted.keys()
        for key, values in wanted.items():
            np.testing.assert_allclose(found[key], values, atol=0.006)
    assert whole > 30


def test_what_cannot_be_its_outputs() -> None:
    with pytest.raises(ModelError, match="needs an output for the background and one for each"):
        grid_model(4, 4, FomoTask(), 1)
    with pytest.raises(ModelError, match="2 labels for 3 outputs, of which the first is the backg"):
        grid_model(4, 4, FomoTask(), 3, ("cat", "dog"))
    with pytest.raises(ModelError, match="needs a last layer without activation, 'last' has one"):
        grid_model(4, 4, FomoTask(), 3, act_bits=4)
    for threshold in (0, 1, -1, float("nan"), "0.5", True, None):
        with pytest.raises(ModelError, match=r"threshold must be 0\.01\.\.0\.99"):
            FomoTask(threshold)
