"""Resampling and colours: the definition with fractions, and what other libraries make of it."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from akrt.vision.pixels import grey
from akrt.vision.resampling import resampled


def by_area(before: int, after: int) -> list[list[Fraction]]:
    """Share of every pixel in every output: how much of it the output covers."""
    size = Fraction(before, after)
    return [
        [max(Fraction(0), min(j + 1, (i + 1) * size) - max(j, i * size)) / size
         for j in range(before)] for i in range(after)
    ]  # fmt: skip


def between(before: int, after: int) -> list[list[Fraction]]:
    """Linear between the centres of pixels, the outermost beyond them."""
    shares = []
    for i in range(after):
        centre = (i + Fraction(1, 2)) * before / after - Fraction(1, 2)
        centre = min(max(centre, Fraction(0)), Fraction(before - 1))
        shares.append([max(Fraction(0), 1 - abs(j - centre)) for j in range(before)])
    return shares


SIZES = [(1, 1), (1, 4), (2, 3), (5, 3), (7, 7), (9, 2), (6, 3), (4, 11)]


@pytest.mark.parametrize(("method", "shares"), [("area", by_area), ("bilinear", between)])
def test_it_is_the_sum_of_its_shares(method: str, shares: object) -> None:
    rng = np.random.default_rng(1)
    for (h, height), (w, width) in product(SIZES, SIZES):
        pixels = rng.integers(0, 256, (h, w, 2)).astype(np.uint8)
        found = resampled(pixels, height, width, method)
        down, across = shares(h, height), shares(w, width)
        for y, x, c in product(range(height), range(width), range(2)):
            exact = sum(
                down[y][j] * across[x][i] * int(pixels[j, i, c])
                for j, i in product(range(h), range(w)) if down[y][j] and across[x][i]
            )  # fmt: skip
            assert found[y, x, c] == (exact + Fraction(1, 2)).__floor__(), (h, w, height, width)


def test_extremes_stay() -> None:
    for method, value in product(("area", "bilinear"), (0, 255)):
        pixels = np.full((1201, 1997, 1), value, np.uint8)
        assert (resampled(pixels, 57, 131, method) == value).all()


def test_other_libraries_are_within_one() -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    pixels = np.random.default_rng(2).integers(0, 256, (480, 640, 3)).astype(np.uint8)
    for height, width in ((96, 96), (160, 160), (240, 320), (333, 111)):
        wanted = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        found = resampled(pixels, height, width, "area")
        assert np.abs(found.astype(int) - wanted).max() <= 1
    for height, width in ((96, 96), (600, 700)):
        wanted = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
        found = resampled(pixels, height, width, "bilinear")
        assert np.abs(found.astype(int) - wanted).max() <= 1


def test_grey_is_that_of_pillow() -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    pixels = np.random.default_rng(2).integers(0, 256, (200, 300, 3)).astype(np.uint8)
    np.testing.assert_array_equal(
        grey(pixels)[..., 0], np.asarray(image.fromarray(pixels).convert("L"))
    )
