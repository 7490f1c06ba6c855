"""The entry of pictures: what is taken of one, where it goes, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import akrt
from akrt.benchmark import samples
from akrt.errors import InputError, ModelError, UsageError
from akrt.frontends import front_end, picture_front_end_of, sound_front_end_of
from akrt.model import InputData, Mfcc, Model, Picture
from akrt.runtime import bundled_model
from akrt.vision.fitting import placement


def sees(settings: Picture, bits: int = 8) -> Model:
    return Model((InputData("in", settings.shape, bits),), name="eye", preprocessing=settings)


def test_what_a_fit_takes_and_where_it_goes() -> None:
    small = Picture(height=4, width=8)  # twice as wide as high
    rows = {
        # width, height of the picture: from left, top, width, height to left, top, width, height
        ("crop", 20, 20): (0, 5, 20, 10, 0, 0, 8, 4),
        ("crop", 21, 20): (0, 5, 21, 10, 0, 0, 8, 4),
        ("crop", 100, 20): (30, 0, 40, 20, 0, 0, 8, 4),
        ("crop", 1, 1): (0, 0, 1, 1, 0, 0, 8, 4),
        ("crop", 1, 900): (0, 449, 1, 1, 0, 0, 8, 4),
        ("border", 20, 20): (0, 0, 20, 20, 2, 0, 4, 4),
        ("border", 100, 20): (0, 0, 100, 20, 0, 1, 8, 2),
        ("border", 1, 900): (0, 0, 1, 900, 3, 0, 1, 4),
        ("border", 32, 10): (0, 0, 32, 10, 0, 0, 8, 3),
        ("squash", 31, 7): (0, 0, 31, 7, 0, 0, 8, 4),
    }
    for (fit, width, height), wanted in rows.items():
        found = placement(replace(small, fit=fit), width, height)
        assert tuple(vars(found).values()) == wanted, (fit, width, height)
    where = placement(replace(small, fit="border"), 100, 20)
    assert where.in_picture(0, 1) == (0, 0)
    assert where.in_picture(8, 3) == (100, 20)
    where = placement(small, 100, 20)
    assert where.in_picture(0, 0) == (30, 0)
    assert where.in_picture(4, 2) == (50, 10)


def test_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 24, 3)).astype(np.uint8)
    crop = front_end(Picture(height=4, width=4)).pixels(picture)
    halves = picture[:, 8:16].reshape(4, 2, 4, 2, 3).astype(int).sum(axis=(1, 3))
    np.testing.assert_array_equal(crop, (halves + 2) // 4)
    border = front_end(Picture(height=12, width=12, fit="border", border=77)).pixels(picture)
    assert (border[:4] == 77).all()
    assert (border[8:] == 77).all()
    halves = picture.reshape(4, 2, 12, 2, 3).astype(int).sum(axis=(1, 3))
    np.testing.assert_array_equal(border[4:8], (halves + 2) // 4)
    same = front_end(Picture(height=8, width=24, fit="squash", resampling="bilinear"))
    np.testing.assert_array_equal(same.pixels(picture), picture)


def test_colours() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    grey = front_end(Picture(9, 9, 1)).pixels(picture)
    assert grey.shape == (9, 9, 1)
    luma = picture @ [0.299, 0.587, 0.114]
    assert np.abs(grey[..., 0] - luma).max() < 0.51
    for one in (grey, grey[..., 0]):
        np.testing.assert_array_equal(front_end(Picture(9, 9, 1)).pixels(one), grey)
        assert (front_end(Picture(9, 9)).pixels(one) == grey).all()


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros((4, 4, 3)), "must be uint8 .* got float64"),
        (np.zeros((4, 4, 4), np.uint8), r"got uint8 \(4, 4, 4\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"got uint8 \(1, 4, 4, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), "has no pixels"),
    ],
)
def test_what_is_no_picture(picture: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        front_end(Picture()).pixels(picture)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"height": 0}, "height must be 1..4096"),
        ({"width": 1 << 20}, "width must be 1..4096"),
        ({"width": 96.0}, "width must be"),
        ({"channels": 2}, r"channels must be 3 \(RGB\) or 1"),
        ({"channels": True}, "channels must be"),
        ({"fit": "stretch"}, "fit must be crop, border, squash, got 'stretch'"),
        ({"fit": []}, "fit must be"),
        ({"resampling": "lanczos"}, "resampling must be area, bilinear"),
        ({"border": 256}, r"border must be 0\.\.255"),
    ],
)
def test_parameters_that_make_no_sense(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=f"preprocessing: {words}"):
        replace(Picture(), **changes)


def test_it_travels_with_the_model(tmp_path: Path) -> None:
    settings = Picture(32, 48, 1, "border", "bilinear", 128)
    sees(settings).save(tmp_path / "m.akrt")
    model = akrt.load(tmp_path / "m.akrt")
    assert model.preprocessing == settings
    assert "picture of 48x32 (width x height), grey, fit border of 128" in settings.text
    assert picture_front_end_of(model).settings == settings
    with pytest.raises(ModelError, match=r"makes \(96, 96, 3\), the first layer takes \(32"):
        model.replace(preprocessing=Picture())
    with pytest.raises(ModelError, match=r"makes values of 0\.\.255, the first layer takes 4 bits"):
        sees(settings, bits=4)
    assert samples(model, 3).shape == (3, 32, 48, 1)


def test_who_hears_does_not_see() -> None:
    with pytest.raises(UsageError, match="takes pictures, not sound: picture of 96x96"):
        sound_front_end_of(sees(Picture()))
    with pytest.raises(UsageError, match="takes sound, no pictures: MFCC"):
        picture_front_end_of(bundled_model())
    nothing = sees(Picture(64, 80)).replace(preprocessing=None)
    with pytest.raises(UsageError, match="convert it with 'akrt convert IN OUT --image 80x64'"):
        picture_front_end_of(nothing)
    with pytest.raises(UsageError, match="takes 49x10x1, 4-bit unsigned: no picture"):
        picture_front_end_of(Model((InputData("in", Mfcc().shape, 4),)))
    with pytest.raises(UsageError, match="takes pictures, not sound"):
        akrt.Stream(akrt.Runtime(sees(Picture()), backend="native"))
