"""Picture files: every kind gives the pixels that it shows, or an error that says why."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from vision.picture_files import Image, drawing, saved

from akrt.errors import AkrtError, MissingExtraError, PictureError, PictureWarning
from akrt.vision import load_picture, pictures_in


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp", "gif"])
def test_kinds_of_files(suffix: str, tmp_path: Path) -> None:
    pixels = drawing()
    options = {"lossless": True} if suffix == "webp" else {}
    if suffix == "gif":  # 256 colours
        pixels = pixels // 85 * 85
    path = saved(tmp_path / f"p.{suffix}", pixels, **options)
    np.testing.assert_array_equal(load_picture(path), pixels)
    with open(path, "rb") as file:
        np.testing.assert_array_equal(load_picture(file), pixels)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_orientation(suffix: str, tmp_path: Path) -> None:
    """By the definition: where the first row and the first column of what is stored are."""
    shown = drawing()
    stored = {
        1: shown,
        2: shown[:, ::-1],
        3: shown[::-1, ::-1],
        4: shown[::-1],
        5: shown.swapaxes(0, 1),
        6: np.rot90(shown),  # row 0 is the right side, column 0 the top
        7: shown[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(shown, -1),
        9: shown,  # none that there is
    }
    for orientation, pixels in stored.items():
        image = Image.fromarray(np.ascontiguousarray(pixels))
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"quality": 95, "subsampling": 0} if suffix == "jpg" else {}
        image.save(tmp_path / f"p.{suffix}", exif=exif, **options)
        found = load_picture(tmp_path / f"p.{suffix}")
        assert found.shape == shown.shape
        off = np.abs(found.astype(int) - shown)[:5, :9]
        assert off.mean() < (6 if suffix == "jpg" else 1e-9), orientation


def test_alpha_is_laid_on_white(tmp_path: Path) -> None:
    pixels = np.dstack([drawing(), np.full((24, 36), 255, np.uint8)])
    pixels[:8, :, 3], pixels[8:16, :, 3] = 0, 128
    found = load_picture(saved(tmp_path / "p.png", pixels))
    assert (found[:8] == 255).all()
    np.testing.assert_array_equal(found[16:], pixels[16:, :, :3])
    half = (pixels[8:16, :, :3].astype(int) * 128 + 255 * 127) / 255
    assert np.abs(found[8:16] - half).max() <= 1
    grey = np.dstack([pixels[..., 0], pixels[..., 3]])
    Image.fromarray(grey, "LA").save(tmp_path / "g.png")
    assert (load_picture(tmp_path / "g.png")[:8] == 255).all()
    palette = Image.fromarray(pixels[..., 0] // 64).convert("P")
    palette.putpalette([0, 0, 0, 90, 91, 92, 10, 20, 30, 1, 2, 3])
    palette.save(tmp_path / "t.png", transparency=0)
    found = load_picture(tmp_path / "t.png")
    of = {0: (255, 255, 255), 1: (90, 91, 92), 2: (10, 20, 30), 3: (1, 2, 3)}
    wanted = np.array([[of[i] for i in row] for row in pixels[..., 0] // 64])
    np.testing.assert_array_equal(found, wanted)


def test_modes(tmp_path: Path) -> None:
    pixels = drawing()
    grey = pixels[..., 0]
    thrice = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(load_picture(saved(tmp_path / "l.png", grey)), thrice)
    wide = grey.astype(np.uint16) * 256 + 77
    for name in ("w.png", "w.tif", "w.ppm"):
        Image.fromarray(wide).save(tmp_path / name)
        found = load_picture(tmp_path / name)
        np.testing.assert_array_equal(found, thrice, err_msg=name)
    bits = Image.fromarray(grey).convert("1")
    bits.save(tmp_path / "b.png")
    np.testing.assert_array_equal(load_picture(tmp_path / "b.png")[..., 1], np.array(bits) * 255)
    cmyk = np.dstack([255 - pixels, np.zeros((24, 36), np.uint8)])
    Image.fromarray(cmyk, "CMYK").save(tmp_path / "c.tif")
    np.testing.assert_array_equal(load_picture(tmp_path / "c.tif"), pixels)
    Image.fromarray(cmyk, "CMYK").save(tmp_path / "c.jpg", quality=95, subsampling=0)
    off = np.abs(load_picture(tmp_path / "c.jpg").astype(int) - pixels)[:7, :11]
    assert off.mean() < 6


def test_numbers_that_are_no_colours_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(PictureError, match=r"f\.tif' holds floating-point numbers: save it as"):
        load_picture(tmp_path / "f.tif")
    Image.fromarray(np.full((4, 4), 70000, np.int32)).save(tmp_path / "i.tif")
    with pytest.raises(PictureError, match="integers of more than 16 bits"):
        load_picture(tmp_path / "i.tif")


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_of_several_pictures_the_first_is_taken_and_it_is_said(suffix: str, tmp_path: Path) -> None:
    first, path = drawing() // 85 * 85, tmp_path / f"many.{suffix}"
    others = [Image.fromarray(np.full((24, 36, 3), i, np.uint8)) for i in (0, 170)]
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(first).save(path, save_all=True, append_images=others, **options)
    with pytest.warns(PictureWarning, match=rf"many\.{suffix}' holds 3 pictures: the first"):
        np.testing.assert_array_equal(load_picture(path), first)


def test_sizes(tmp_path: Path) -> None:
    for shape in ((1, 1, 3), (1, 5000, 3), (5000, 1, 3)):
        pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        np.testing.assert_array_equal(load_picture(saved(tmp_path / "p.png", pixels)), pixels)


def claimed(width: int, height: int) -> bytes:
    """A PNG of this size by its header, of which a kilobyte is there."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000)))


@pytest.mark.parametrize(
    ("width", "height"), [(20_000, 20_000), (12_000, 12_000), (1 << 30, 1 << 30)]
)
def test_a_picture_that_is_too_large_is_refused_before_it_is_read(
    width: int, height: int, tmp_path: Path
) -> None:
    (tmp_path / "bomb.png").write_bytes(claimed(width, height))
    with pytest.raises(PictureError, match=r"bomb\.png' (claims|has .*) more than 134,217,728"):
        load_picture(tmp_path / "bomb.png")


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture at all\n" * 99)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "vector.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "folder.png").mkdir()
    for name, words in {
        "text.png": "no picture that akrt reads, whatever its name says",
        "vector.svg": "no picture that akrt reads",
        "page.eps": "no picture that akrt reads",  # Pillow would call Ghostscript
        "empty.jpg": "is empty",
        "folder.png": "a folder",
        "absent.png": "No such file",
        "a\0b": "null",
    }.items():
        with pytest.raises(PictureError, match=words):
            load_picture(tmp_path / name)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tif", "webp", "ppm"])
def test_every_truncation_and_damage_is_told(suffix: str, tmp_path: Path) -> None:
    """A file that is cut gives an error, or all of its pixels where only its end is gone."""
    path = saved(tmp_path / f"p.{suffix}", drawing())
    whole, data = load_picture(path), path.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    rng = np.random.default_rng(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PictureWarning)
        for end in {*range(1, len(data), max(1, len(data) // 60)), len(data) // 2}:
            cut.write_bytes(data[:end])
            try:
                found = load_picture(cut)
            except PictureError as error:
                assert f"cut.{suffix}" in str(error)
            else:
                assert end > len(data) // 2
                np.testing.assert_array_equal(found, whole)
        for _ in range(60):
            damaged = bytearray(data)
            for place in rng.integers(0, len(data), 4):
                damaged[place] = rng.integers(256)
            try:
                found = load_picture(io.BytesIO(bytes(damaged)))
            except AkrtError:
                continue
            assert found.dtype == np.uint8
            assert found.shape[2] == 3


def test_without_pillow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    saved(tmp_path / "p.png", drawing())
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'akrt\[vision\]'"):
        load_picture(tmp_path / "p.png")


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b.PNG", "a.jpg", "in/c.webp", "._b.png", "d.heic", "e.wav", "f.txt"):
        (tmp_path / name).write_bytes(b"x")
    found, skipped = pictures_in(tmp_path)
    assert [p.name for p in found] == ["a.jpg", "b.PNG", "c.webp"]
    assert [(p.name, why) for p, why in skipped] == [
        ("._b.png", "macOS keeps a file's attributes there, not a picture"),
        ("d.heic", ".heic is not read: save it as PNG or JPEG"),
    ]
