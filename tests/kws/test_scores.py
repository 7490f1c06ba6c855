"""Scores and confusion matrices, against scikit-learn and small cases worked out by hand."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from akrt.errors import DatasetError, MissingExtraError, OutputError
from akrt.kws.confusion import as_csv, as_text, commonest_mistakes, draw, write
from akrt.kws.scores import Scores
from akrt.kws.words import CORE_WORDS, TUTORIAL

WORDS = ("_silence_", "yes", "no")


def small() -> Scores:
    """Truth 0 1 1 2 2 2; guesses 0 1 2 2 2 1."""
    outputs = np.eye(3)[[0, 1, 2, 2, 2, 1]]
    return Scores("small", WORDS, np.array([0, 1, 1, 2, 2, 2]), outputs)


def random(classes: int = 33, clips: int = 700, seed: int = 0) -> Scores:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, clips)
    outputs = rng.normal(size=(clips, classes)) + 2.5 * np.eye(classes)[truth]
    return Scores("random", TUTORIAL[:classes], truth, outputs)


def test_by_hand() -> None:
    scores = small()
    assert scores.accuracy() == pytest.approx(4 / 6)
    assert scores.accuracy(3) == 1
    assert scores.accuracy(words=("no",)) == pytest.approx(2 / 3)
    assert scores.confusion.tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 2]]
    assert [(c.clips, c.precision, c.recall) for c in scores.by_class] == [
        (1, 1.0, 1.0),
        (2, 0.5, 0.5),
        (3, pytest.approx(2 / 3), pytest.approx(2 / 3)),
    ]
    assert commonest_mistakes(scores) == [("yes", "no", 1, 2), ("no", "yes", 1, 3)]


def test_equals_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    scores = random()
    y = scores.truth
    labels = range(33)
    np.testing.assert_array_equal(
        scores.confusion, metrics.confusion_matrix(y, scores.predicted, labels=labels)
    )
    assert scores.accuracy() == pytest.approx(metrics.accuracy_score(y, scores.predicted))
    assert scores.accuracy(3) == pytest.approx(
        metrics.top_k_accuracy_score(y, scores.outputs, k=3, labels=labels)
    )
    precision, recall, _, support = metrics.precision_recall_fscore_support(
        y, scores.predicted, labels=labels, zero_division=0
    )
    np.testing.assert_allclose([c.precision or 0 for c in scores.by_class], precision)
    np.testing.assert_allclose([c.recall or 0 for c in scores.by_class], recall)
    assert [c.clips for c in scores.by_class] == support.tolist()
    core = np.isin(y, [TUTORIAL.index(w) for w in CORE_WORDS])
    assert scores.core_accuracy == pytest.approx(
        metrics.accuracy_score(y[core], scores.predicted[core])
    )


def test_what_does_not_apply_is_none() -> None:
    assert small().core_accuracy is None
    scores = Scores("one", WORDS, np.array([1]), np.array([[0.0, 1, 0]]))
    assert scores.by_class[2].precision is None
    assert scores.by_class[2].recall is None
    assert scores.accuracy(words=("no",)) is None


def test_equal_outputs_go_to_the_first_class_as_akida_does() -> None:
    scores = Scores("equal", WORDS, np.array([0]), np.zeros((1, 3)))
    assert scores.predicted.tolist() == [0]


def test_a_class_that_swallows_the_rest_is_warned_about() -> None:
    truth = np.repeat(np.arange(3), 20)
    guesses = truth.copy()
    guesses[20:30] = 2  # a quarter of the 40 clips of other classes
    scores = Scores("float", WORDS, truth, np.eye(3)[guesses])
    assert scores.warnings == [
        "float: 'no' swallows the rest: 10 of 40 clips of other classes (25%) are taken for it"
    ]
    guesses[20:28] = 1
    assert Scores("float", WORDS, truth, np.eye(3)[guesses]).warnings == []


def test_agreement() -> None:
    one, other = random(), random()
    assert one.identical(other)
    other.outputs[0] = np.roll(other.outputs[0], 1)
    assert not one.identical(other)
    assert one.same_class(other) == pytest.approx(699 / 700)


@pytest.mark.parametrize(
    ("truth", "outputs", "message"),
    [
        ([], np.zeros((0, 3)), "no clips"),
        ([0], np.zeros((1, 4)), "outputs of shape"),
        ([3], np.zeros((1, 3)), "labels must be 0..2"),
        ([0], np.full((1, 3), np.nan), "not finite"),
    ],
)
def test_arrays_that_do_not_fit(truth: list[int], outputs: np.ndarray, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Scores("bad", WORDS, np.array(truth, int), outputs)


def test_csv_holds_the_matrix() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(small()))))
    assert rows == [
        ["said / heard", "_silence_", "yes", "no"],
        ["_silence_", "1", "0", "0"],
        ["yes", "0", "1", "1"],
        ["no", "0", "1", "2"],
    ]


def test_text_is_aligned() -> None:
    lines = as_text(small()).splitlines()
    rows = [line for line in lines if line.startswith(("_silence_", "yes", "no"))]
    assert [row.split()[1:] for row in rows] == [["1", ".", "."], [".", "1", "1"], [".", "1", "2"]]
    assert len({len(row) for row in rows}) == 1
    assert "   1 of 2 'yes' heard as 'no'" in lines[-2]


def test_figure_of_33_classes_is_readable() -> None:
    """Labels do not overlap, nothing is cut off, numbers fit their cells."""
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    figure = draw(random())
    axes = figure.axes[0]
    figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == list(TUTORIAL)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        for a, b in itertools.pairwise(boxes):
            assert not a.overlaps(b)
            assert a.x0 >= 0
            assert a.y0 >= 0
    cell = axes.get_window_extent().width / 33
    numbers = [text.get_window_extent() for text in axes.texts]
    assert len(numbers) > 60
    assert max(box.width for box in numbers) < cell


def test_write(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    paths = write(small(), tmp_path / "new", "confusion")
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "confusion.csv", "confusion.png", "confusion.txt",
    ]  # fmt: skip
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot make the folder"):
        write(small(), tmp_path / "file", "confusion")


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'akrt\[plot\]'"):
        draw(small())
