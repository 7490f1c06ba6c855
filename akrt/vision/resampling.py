"""Pictures made smaller or larger, in integers: C can do exactly the same.

Both methods are weighted sums of pixels with whole weights, along rows and columns, and one
division at the end that rounds halves up: ``out = (2 * sum + total) // (2 * total)``, where
`total` is the sum of all weights. Along an axis of ``n`` pixels that becomes ``m``:

* area: output ``i`` covers ``i * n .. (i + 1) * n`` in units of 1/m pixel; a pixel's weight is how
  many of them lie on it. The weights of an output add up to ``n``.
* bilinear: the centre of output ``i`` is at ``c = (2 * i + 1) * n - m`` in units of 1/(2m) pixel
  from the centre of the first, kept within ``0 .. 2 * m * (n - 1)``. Of the two pixels around it
  ``j = c // (2 * m)`` has the weight ``2 * m - c % (2 * m)``, and ``j + 1`` the rest of ``2 * m``.

Sums fit 32 bits in C for areas of up to 8,388,608 pixels, and for bilinear outputs of 2,097,152.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["resampled"]

IntArray = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


def resampled(pixels: Pixels, height: int, width: int, method: str) -> Pixels:
    """A picture of another size.

    Args:
        pixels: uint8 (h, w, C), at least one.
        height: of the result.
        width: of the result.
        method: "area" or "bilinear".

    Returns:
        uint8 (height, width, C).
    """
    if pixels.shape[:2] == (height, width):  # what both give, too
        return pixels
    rows, across, total_of = _METHODS[method]
    total = total_of(pixels.shape[0], height) * total_of(pixels.shape[1], width)
    out = np.empty((height, width, pixels.shape[2]), np.uint8)
    for i, row in enumerate(rows(pixels, height)):
        out[i] = (2 * across(row, width) + total) // (2 * total)
    return out


def _area_rows(pixels: Pixels, height: int) -> Iterator[IntArray]:
    """int64 (w, C): weighted sums of rows, one for each row of the result."""
    rows = len(pixels)
    for i in range(height):
        first, before = divmod(i * rows, height)
        last, part = divmod((i + 1) * rows, height)
        whole = pixels[first:last].sum(axis=0, dtype=np.uint32)
        row = whole.astype(np.int64) * height - before * pixels[first].astype(np.int64)
        if part:
            row += part * pixels[last].astype(np.int64)
        yield row


def _area_across(row: IntArray, width: int) -> IntArray:
    """int64 (width, C): differences of running sums at the borders of the pixels."""
    columns = len(row)
    nothing = np.zeros((1, row.shape[1]), np.int64)
    running = np.concatenate([nothing, row.cumsum(axis=0)])
    border, part = np.divmod(np.arange(width + 1) * columns, width)
    until = running[border] * width + part[:, None] * np.concatenate([row, nothing])[border]
    return np.diff(until, axis=0)


def _neighbours(before: int, after: int) -> tuple[IntArray, IntArray, IntArray]:
    """int64 (after,): the two pixels around the centre of every output, the second's weight."""
    centre = (2 * np.arange(after, dtype=np.int64) + 1) * before - after
    centre = np.clip(centre, 0, 2 * after * (before - 1))
    first, weight = np.divmod(centre, 2 * after)
    return first, np.minimum(first + 1, before - 1), weight


def _bilinear_rows(pixels: Pixels, height: int) -> Iterator[IntArray]:
    for above, below, weight in zip(*_neighbours(len(pixels), height), strict=True):
        yield pixels[above] * (2 * height - weight) + pixels[below] * weight


def _bilinear_across(row: IntArray, width: int) -> IntArray:
    left, right, weight = _neighbours(len(row), width)
    return row[left] * (2 * width - weight)[:, None] + row[right] * weight[:, None]


def _area_total(before: int, after: int) -> int:
    return before


def _bilinear_total(before: int, after: int) -> int:
    return 2 * after


_Rows = Callable[[Pixels, int], Iterator[IntArray]]
_Across = Callable[[IntArray, int], IntArray]
_METHODS: dict[str, tuple[_Rows, _Across, Callable[[int, int], int]]] = {
    "area": (_area_rows, _area_across, _area_total),
    "bilinear": (_bilinear_rows, _bilinear_across, _bilinear_total),
}
