"""Drawings: nothing covers another label, they are legible at any size, and known for ours."""

from __future__ import annotations

import io
from itertools import combinations, pairwise

import numpy as np
import pytest
from vision.picture_files import Image

from akrt.vision import drawing
from akrt.vision.drawing import COLOURS, Mark, drawn, is_drawn


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def plain(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 100, np.uint8)


def marks(rng: np.random.Generator, count: int, width: int, height: int) -> list[Mark]:
    found = []
    for i in range(count):
        left, top = rng.uniform(0, width * 0.9), rng.uniform(0, height * 0.9)
        right, bottom = left + rng.uniform(0, width / 2), top + rng.uniform(0, height / 2)
        point = (left, top) if i % 2 else None
        found.append(Mark(f"a class 0.{i:02}", i, left, top, right, bottom, point))
    return found


@pytest.mark.parametrize(("height", "width"), [(160, 160), (90, 700), (4000, 3000), (1, 1)])
def test_labels_do_not_cover_each_other(
    height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = drawing._Sheet._write

    def noted(sheet, place, text, colour) -> None:
        written.append((place, text))
        write(sheet, place, text, colour)

    monkeypatch.setattr(drawing._Sheet, "_write", noted)
    data = drawn(plain(height, width), marks(np.random.default_rng(0), 12, width, height), "all")
    image = opened(data)
    assert len(written) > (1 if min(height, width) < 100 else 11)
    for (a, _), (b, _) in combinations(written, 2):
        assert not drawing._meet(a, b)
    letters = written[0][0][3] - written[0][0][1]
    assert 14 <= letters <= max(30, min(image.shape[:2]) / 12)
    for (left, top, right, bottom), _ in written:
        assert left >= 0
        assert top >= 0
        assert bottom <= image.shape[0]
        assert right <= image.shape[1] or image.shape[1] < 480


def test_small_pictures_are_enlarged_and_large_ones_are_not() -> None:
    assert opened(drawn(plain(160, 160), [])).shape == (480, 480, 3)
    assert opened(drawn(plain(500, 2000), [])).shape == (500, 2000, 3)
    pixels = np.random.default_rng(0).integers(0, 256, (600, 500, 3)).astype(np.uint8)
    np.testing.assert_array_equal(opened(drawn(pixels, [])), pixels)


def test_a_box_and_a_point_are_where_they_belong() -> None:
    box = Mark("box", 0, 100, 200, 300, 400)
    point = Mark("point", 1, 0, 0, 0, 0, (500, 520))
    image = opened(drawn(plain(600, 600), [box, point]))
    assert (image[200:400, 101] == COLOURS[0]).all(axis=-1).mean() > 0.9
    assert (image[300, 103:290] == 100).all()  # nothing inside
    assert (image[300, 104:297] == 100).all()
    ys, xs = np.nonzero((image == COLOURS[1]).all(axis=-1))
    ring = np.hypot(xs - 500, ys - 520) < 12
    assert ring.sum() > 30
    assert abs(xs[ring].mean() - 500) < 2
    assert abs(ys[ring].mean() - 520) < 2


def test_colours_differ_for_every_colour_vision() -> None:
    """In brightness or along the axis from blue to yellow, which nearly all people see."""
    shades = np.array(COLOURS) / 255
    luma = shades @ [0.299, 0.587, 0.114]
    yellow = shades[:, :2].mean(axis=1) - shades[:, 2]
    for a, b in combinations(range(len(COLOURS)), 2):
        assert max(abs(luma[a] - luma[b]), abs(yellow[a] - yellow[b])) > 0.08, (a, b)
    assert all(a != b for a, b in pairwise(COLOURS))


def test_what_the_network_saw_is_outlined() -> None:
    image = opened(drawn(plain(500, 800), [], seen=(150, 0, 650, 500)))
    assert (image[250, 150] == 255).all()
    assert (image[250, 649] == 255).all()
    assert (image[250, 160:640] == 100).all()
    whole = opened(drawn(plain(500, 800), [], seen=(0, 0, 800, 500)))
    assert (whole == 100).all()


def test_ours_are_known() -> None:
    data = drawn(plain(50, 50), [], "dog 0.9")
    assert is_drawn(data)
    assert drawn(plain(50, 50), [], "dog 0.9") == data  # always the same
    changed = Image.open(io.BytesIO(data))
    text = changed.info["akrt"]
    changed.putpixel((9, 9), (1, 2, 3))
    from PIL import PngImagePlugin

    note = PngImagePlugin.PngInfo()
    note.add_text("akrt", text)
    file = io.BytesIO()
    changed.save(file, "PNG", pnginfo=note)
    for other in (file.getvalue(), b"", b"text", data[: len(data) // 2]):
        assert not is_drawn(other)
