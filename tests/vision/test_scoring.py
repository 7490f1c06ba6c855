"""Figures of detectors, by cases counted by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from akrt.outputs import Box, Point
from akrt.vision.annotations import Truth
from akrt.vision.scoring import Counts, average_precision, matched, overlap


def box(score: float, left: float, top: float, right: float, bottom: float) -> Box:
    return Box("cat", score, left, top, right, bottom)


def point(score: float, x: float, y: float) -> Point:
    return Point("cat", score, x, y, x - 4, y - 4, x + 4, y + 4, 1)


def cat(*sides: float, crowd: bool = False) -> Truth:
    return Truth("cat", *sides, crowd=crowd)


def test_overlap() -> None:
    assert overlap(cat(0, 0, 10, 10), cat(5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert overlap(cat(0, 0, 10, 10), cat(0, 0, 10, 10)) == 1
    assert overlap(cat(0, 0, 10, 10), cat(10, 0, 15, 10)) == 0
    assert overlap(cat(1, 1, 1, 1), cat(1, 1, 1, 1)) == 0


def test_boxes() -> None:
    truths = [cat(0, 0, 10, 10), cat(20, 0, 30, 10), Truth("dog", 50, 50, 60, 60)]
    found = [
        box(0.5, 0, 0, 10, 10),  # a better one was counted for that object
        box(0.9, 0, 1, 10, 11),
        box(0.8, 20, 0, 30, 21),  # less than half
        box(0.7, 50, 50, 60, 60),  # a dog
        Box("dog", 1.0, 50, 50, 60, 60),
    ]
    assert matched(found, truths, "cat") == [True, False, False, False]
    assert matched(found, truths, "dog") == [True]
    assert matched([box(0.9, 20, 0, 30, 20)], truths, "cat") == [True]  # a half is enough


def test_points() -> None:
    truths = [cat(0, 0, 10, 10), cat(4, 0, 30, 10)]
    assert matched([point(0.9, 5, 5), point(0.8, 6, 5)], truths, "cat") == [True, True]
    assert matched([point(0.9, 31, 5)], truths, "cat") == [False]
    assert matched([point(0.9, 2, 2), point(0.8, 1, 1)], truths, "cat") == [True, False]


def test_crowds_do_not_count() -> None:
    truths = [cat(0, 0, 100, 100, crowd=True), cat(0, 0, 10, 10)]
    found = [box(0.9, 0, 0, 10, 10), box(0.8, 50, 50, 60, 60), box(0.7, 150, 50, 160, 60)]
    assert matched(found, truths, "cat") == [True, None, False]


def test_counts() -> None:
    total = Counts()
    total.add(Counts(3, 1, 2))
    assert (total.precision, total.recall, total.f1) == (0.75, 0.6, 6 / 9)
    assert (Counts().precision, Counts().recall, Counts().f1) == (None, None, None)
    assert Counts(0, 2, 0).recall is None


def test_average_precision() -> None:
    assert average_precision([(0.9, True), (0.8, True)], 2) == 1
    assert average_precision([], 3) == 0
    assert average_precision([(0.9, False)], 3) == 0
    # precision 1, 1/2, 2/3, 2/4, 3/5 at recall 1/4, 1/4, 2/4, 2/4, 3/4
    scored = [(0.9, True), (0.8, False), (0.7, True), (0.6, False), (0.5, True)]
    wanted = 1 / 4 * 1 + 1 / 4 * 2 / 3 + 1 / 4 * 3 / 5
    assert average_precision(scored[::-1], 4) == pytest.approx(wanted)
    # what is right later lifts what is before: precision 0, 1/2, 2/3
    scored = [(0.9, False), (0.8, True), (0.7, True)]
    assert average_precision(scored, 2) == pytest.approx(2 / 3)


@dataclass(frozen=True)
class Other:
    label: str = "cat"
    score: float = 1.0
    left: float = 0.0
    top: float = 0.0
    right: float = 10.0
    bottom: float = 10.0


def test_any_detection_with_a_box_is_taken() -> None:
    assert matched([Other()], [cat(0, 0, 10, 10)], "cat") == [True]
