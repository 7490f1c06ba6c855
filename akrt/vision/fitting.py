"""How a picture of any shape becomes one of the network's shape, in integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.model import Picture
from akrt.vision.resampling import resampled

__all__ = ["Placement", "fitted", "placement"]


@dataclass(frozen=True)
class Placement:
    """Which rectangle of a picture goes to which rectangle of the network's input, in pixels."""

    left: int
    top: int
    width: int
    height: int
    """Of the picture."""
    to_left: int
    to_top: int
    to_width: int
    to_height: int
    """Of the input."""

    def in_picture(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the input lies in the picture; both from their upper left corners."""
        return (
            self.left + (x - self.to_left) * self.width / self.to_width,
            self.top + (y - self.to_top) * self.height / self.to_height,
        )


def placement(settings: Picture, width: int, height: int) -> Placement:
    """Which part of a picture goes where.

    "crop" takes all rows or all columns, and of the others as many, rounded down, as the shape of
    the input asks for; "border" fills all rows or all columns of the input, and of the others as
    many, rounded to the nearest and halves up, as the shape of the picture asks for. Neither takes
    fewer than one. What is left over is cut off, or is border, in halves, the smaller one first.

    Args:
        settings: the front end.
        width: of the picture, in pixels.
        height: of the picture.
    """
    to_width, to_height = settings.width, settings.height
    taken, filled = (width, height), (to_width, to_height)
    wider = width * to_height >= height * to_width
    if settings.fit == "crop":
        if wider:
            taken = max(1, height * to_width // to_height), height
        else:
            taken = width, max(1, width * to_height // to_width)
    elif settings.fit == "border":
        if wider:
            filled = to_width, max(1, (2 * height * to_width + width) // (2 * width))
        else:
            filled = max(1, (2 * width * to_height + height) // (2 * height)), to_height
    return Placement(
        left=(width - taken[0]) // 2,
        top=(height - taken[1]) // 2,
        width=taken[0],
        height=taken[1],
        to_left=(to_width - filled[0]) // 2,
        to_top=(to_height - filled[1]) // 2,
        to_width=filled[0],
        to_height=filled[1],
    )


def fitted(pixels: npt.NDArray[np.uint8], settings: Picture) -> npt.NDArray[np.uint8]:
    """A picture in the shape of the network's input.

    Args:
        pixels: uint8 (h, w, C).
        settings: the front end.

    Returns:
        uint8 (settings.height, settings.width, C).
    """
    where = placement(settings, pixels.shape[1], pixels.shape[0])
    taken = pixels[where.top : where.top + where.height, where.left : where.left + where.width]
    inner = resampled(taken, where.to_height, where.to_width, settings.resampling)
    if inner.shape[:2] == (settings.height, settings.width):
        return np.ascontiguousarray(inner)
    shape = (settings.height, settings.width, pixels.shape[2])
    whole = np.full(shape, settings.border, np.uint8)
    rows = slice(where.to_top, where.to_top + where.to_height)
    whole[rows, where.to_left : where.to_left + where.to_width] = inner
    return whole
