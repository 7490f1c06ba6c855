"""A picture with what was found in it: legible at any size, in colours that all can tell apart."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import MissingExtraError

__all__ = ["Mark", "drawn", "is_drawn"]

COLOURS = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178)),
    *((213, 94, 0), (204, 121, 167)),
)
"""Of Okabe and Ito: told apart by people with any colour vision."""
LEAST = 480
"""Pixels of the shorter side of what is drawn on; smaller pictures are enlarged a whole number of
times."""
MOST_LABELS = 200
_KEY = "akrt"

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """An object, in pixels of the picture."""

    text: str
    index: int
    """Of its class, which has a colour."""
    left: float
    top: float
    right: float
    bottom: float
    point: tuple[float, float] | None = None
    """Where its middle is known and its extent is not."""


def drawn(
    pixels: npt.NDArray[np.uint8],
    marks: Sequence[Mark],
    caption: str = "",
    seen: tuple[int, int, int, int] | None = None,
) -> bytes:
    """A PNG file of a picture and what was found in it.

    Args:
        pixels: uint8 (height, width, 3).
        marks: in the order in which labels look for a place; none covers another.
        caption: a line in the upper left corner.
        seen: left, top, right and bottom of the part that the network saw, if not all of it.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont, PngImagePlugin
    except ImportError:
        raise MissingExtraError("pillow", "vision", "drawing pictures") from None
    height, width = pixels.shape[:2]
    times = max(1, -(-LEAST // min(height, width)))
    times = max(1, min(times, 4096 // max(height, width)))
    image = Image.fromarray(pixels).resize(
        (width * times, height * times), Image.Resampling.BICUBIC
    )
    canvas = ImageDraw.Draw(image)
    side = min(image.size)
    letters = max(13, round(side / 28))
    font = ImageFont.load_default(letters)
    line = max(2, round(side / 240))
    sheet = _Sheet(canvas, font, image.size, line)
    if seen is not None and seen != (0, 0, width, height):
        sheet.outline(tuple(times * v for v in seen), (255, 255, 255), max(1, line // 2))
    scaled = [_scaled(mark, times) for mark in marks]
    for mark in reversed(scaled):  # the first one on top
        sheet.shape(mark)
    if caption:
        sheet.caption(caption)
    sheet.labels(scaled[:MOST_LABELS])
    note = PngImagePlugin.PngInfo()
    note.add_text(_KEY, _digest(image))
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=note)
    return file.getvalue()


def is_drawn(data: bytes) -> bool:
    """Whether a file's content is what `drawn` made, unaltered."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.load()
            return bool(image.info.get(_KEY) == _digest(image))
    except Exception:  # a file of somebody else's, whatever it is
        return False


def _digest(image: Any) -> str:
    return hashlib.sha256(f"{image.mode} {image.size} ".encode() + image.tobytes()).hexdigest()


def _scaled(mark: Mark, times: int) -> Mark:
    point = None if mark.point is None else (mark.point[0] * times, mark.point[1] * times)
    left, top, right, bottom = (times * v for v in (mark.left, mark.top, mark.right, mark.bottom))
    return Mark(mark.text, mark.index, left, top, right, bottom, point)


class _Sheet:
    """What is drawn on, and which places of it labels have taken."""

    def __init__(self, canvas: Any, font: Any, size: tuple[int, int], line: int) -> None:
        self._canvas, self._font, self._size, self._line = canvas, font, size, line
        self._taken: list[Rectangle] = []
        self._points: list[Rectangle] = []

    def outline(self, box: Sequence[float], colour: tuple[int, ...], line: int) -> None:
        """A rectangle with a dark rim on both sides: seen on any ground."""
        width, height = self._size
        left, right = (min(max(round(v), 0), width - 1) for v in (box[0], box[2] - 1))
        top, bottom = (min(max(round(v), 0), height - 1) for v in (box[1], box[3] - 1))
        rim = max(1, line // 2)
        around = (
            max(left - rim, 0), max(top - rim, 0),
            min(max(right, left) + rim, width - 1), min(max(bottom, top) + rim, height - 1),
        )  # fmt: skip
        self._canvas.rectangle(around, outline=(0, 0, 0), width=line + 2 * rim)
        inner = (left, top, max(right, left), max(bottom, top))
        self._canvas.rectangle(inner, outline=colour, width=line)

    def shape(self, mark: Mark) -> None:
        """The box, or a ring around the point."""
        colour = COLOURS[mark.index % len(COLOURS)]
        if mark.point is None:
            self.outline((mark.left, mark.top, mark.right, mark.bottom), colour, self._line)
            return
        x, y = mark.point
        radius = 5 * self._line
        for r, shade, line in (
            (radius + self._line, (0, 0, 0), 3 * self._line),
            (radius, colour, self._line),
        ):
            self._canvas.ellipse((x - r, y - r, x + r, y + r), outline=shade, width=line)
        dot = 0.8 * self._line
        self._canvas.ellipse((x - dot, y - dot, x + dot, y + dot), fill=colour, outline=(0, 0, 0))
        reach = radius + 2 * self._line
        self._points.append((x - reach, y - reach, x + reach, y + reach))

    def caption(self, text: str) -> None:
        """A line in the corner."""
        width, height = self._measure(text)
        self._taken.append((0, 0, width, height))
        self._write((0, 0, width, height), text, (0, 0, 0))

    def labels(self, marks: Sequence[Mark]) -> None:
        """The texts of marks where there is room for them, nearest first; without room none."""
        placed = []
        for mark in marks:
            box = (mark.left, mark.top, mark.right, mark.bottom)
            if mark.point is not None:
                x, y = mark.point
                reach = 8 * self._line
                box = (x - reach, y - reach, x + reach, y + reach)
            for place in _places(box, self._measure(mark.text), self._size):
                if not any(_meet(place, other) for other in (*self._taken, *self._points)):
                    placed.append((mark, box, place))
                    self._taken.append(place)
                    break
        for _, box, place in placed:
            self._lead(box, place)
        for mark, _, place in placed:
            self._write(place, mark.text, COLOURS[mark.index % len(COLOURS)])

    def _lead(self, box: Rectangle, place: Rectangle) -> None:
        """A line from a label to what it names, where they are apart."""
        x, y = (place[0] + place[2]) / 2, (place[1] + place[3]) / 2
        near = min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])
        if _meet(place, (near[0] - 2, near[1] - 2, near[0] + 2, near[1] + 2)):
            return
        for shade, line in (((0, 0, 0), 3 * self._line // 2 + 2), ((255, 255, 255), self._line)):
            self._canvas.line((x, y, *near), fill=shade, width=line)

    def _measure(self, text: str) -> tuple[float, float]:
        _, top, right, bottom = self._canvas.textbbox((0, 0), text, font=self._font)
        pad = 2 * self._line
        return right + 2 * pad, bottom + top / 2 + pad

    def _write(self, place: Rectangle, text: str, colour: tuple[int, int, int]) -> None:
        self._canvas.rectangle(place, fill=colour, outline=(0, 0, 0))
        red, green, blue = colour
        ink = (0, 0, 0) if 299 * red + 587 * green + 114 * blue > 110_000 else (255, 255, 255)
        at = place[0] + 2 * self._line, place[1] + self._line // 2
        self._canvas.text(at, text, fill=ink, font=self._font)


def _meet(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _places(
    box: Rectangle, size: tuple[float, float], sheet: tuple[int, int]
) -> Iterator[Rectangle]:
    """Where a label of this size can stand: at the corners of a box, then all over, the nearest
    first."""
    width, height = size
    left, top, right, bottom = box
    middle = (left + right - width) / 2
    nearest = [
        (left, top - height), (right - width, top - height), (middle, top - height),
        (left, bottom), (right - width, bottom), (middle, bottom),
        (right, top), (left - width, top),
        (right, bottom - height), (left - width, bottom - height),
        (left, top),
    ]  # fmt: skip
    most = sheet[0] - 1 - width, sheet[1] - 1 - height
    if min(most) < 0:  # wider than the picture
        yield (
            0,
            min(max(top, 0), max(most[1], 0)),
            width,
            min(max(top, 0), max(most[1], 0)) + height,
        )
        return
    columns = np.arange(0, most[0] + 1, max(width / 4, 1))
    rows = np.arange(0, most[1] + 1, max(height / 2, 1))
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    far = np.abs(grid - (middle, (top + bottom - height) / 2)).sum(axis=1)
    elsewhere = grid[np.argsort(far, kind="stable")].tolist()
    for x, y in (*nearest, *elsewhere):
        if 0 <= x <= most[0] and 0 <= y <= most[1]:
            yield (x, y, x + width, y + height)
