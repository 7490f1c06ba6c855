"""Picture files, by Pillow: what comes out is red, green and blue, upright, in bytes."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from akrt.errors import InputError, MissingExtraError, PictureError, PictureWarning
from akrt.files import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["load_picture"]

MOST_PIXELS = 1 << 27
"""Of a picture: more than the cameras of telephones have, and 400 MB of memory."""
FORMATS = (
    *("PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF"),
    *("ICO", "PCX", "QOI", "DDS", "SGI"),
)
"""That are read; none of them calls another program or fetches a file."""
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""What makes a picture upright, by the orientation in its EXIF."""
_ORIENTATION = 0x0112


def load_picture(path: str | os.PathLike[str] | BinaryIO) -> npt.NDArray[np.uint8]:
    """The pixels of a picture file.

    The orientation in its EXIF is obeyed. What is transparent is laid on white; 16 bits lose
    their lower 8; palettes, grey, CMYK and YCbCr become red, green and blue. Colour profiles are
    not looked at.

    Args:
        path: PNG, JPEG, GIF, BMP, TIFF, WebP, PPM and others that Pillow reads.

    Returns:
        uint8 (height, width, 3).

    Raises:
        PictureError: missing, empty, damaged, truncated, larger than 2^27 pixels, or no picture.
        MissingExtraError: Pillow is not installed.

    Warns:
        PictureWarning: it holds more than one picture, and the first is taken.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("pillow", "vision", "reading pictures") from None
    if not isinstance(path, (str, os.PathLike)):
        return _read(path, str(getattr(path, "name", "the picture")), Image)
    try:
        with open_regular(path) as file:
            return _read(file, os.fspath(path), Image)
    except OSError as error:
        raise PictureError(f"cannot read '{path}': {error.strerror or error}") from None
    except InputError as error:
        raise PictureError(str(error)) from None


def _read(file: BinaryIO, name: str, pillow: Any) -> npt.NDArray[np.uint8]:
    if not file.read(1):
        raise PictureError(f"'{name}' is empty")
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's: of metadata, and of sizes, which are ours
        try:
            image = _opened(file, pillow)
        except pillow.UnidentifiedImageError:
            raise PictureError(
                f"'{name}' is no picture that akrt reads, whatever its name says: "
                f"PNG, JPEG, GIF, BMP, TIFF, WebP and others are read"
            ) from None
        except pillow.DecompressionBombError:
            raise PictureError(
                f"'{name}' claims more than {MOST_PIXELS:,} pixels: make it smaller"
            ) from None
        except Exception as error:
            raise PictureError(f"'{name}' is damaged: {error!s:.200}") from None
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise PictureError(
                f"'{name}' has {width:,} x {height:,} pixels, more than {MOST_PIXELS:,}: "
                f"make it smaller"
            )
        try:
            several = getattr(image, "n_frames", 1)
            image.load()
            upright = _upright(image, pillow)
            pixels = _rgb(upright, name, pillow)
        except PictureError:
            raise
        except MemoryError:
            raise PictureError(
                f"'{name}' has {width:,} x {height:,} pixels, for which there is no memory"
            ) from None
        except Exception as error:  # whatever a decoder meets in a file that is not sound
            raise PictureError(f"'{name}' is truncated or damaged: {error!s:.200}") from None
    if several > 1 and image.format != "MPO":  # a telephone's picture and what belongs to it
        warnings.warn(
            f"'{name}' holds {several} pictures: the first is taken", PictureWarning, stacklevel=4
        )
    return pixels


def _opened(file: BinaryIO, pillow: Any) -> Image:
    """The picture of a file: of a common kind, else of any kind that is read."""
    pillow.preinit()
    try:
        image: Image = pillow.open(file, formats=_known(pillow))
    except pillow.UnidentifiedImageError:
        pillow.init()  # loads dozens of modules
        file.seek(0)
        image = pillow.open(file, formats=_known(pillow))
    return image


def _known(pillow: Any) -> list[str]:
    return [form for form in FORMATS if form in pillow.OPEN]


def _upright(image: Image, pillow: Any) -> Image:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # metadata that cannot be read says nothing
        return image
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(getattr(pillow.Transpose, turn))


def _rgb(image: Image, name: str, pillow: Any) -> npt.NDArray[np.uint8]:
    """uint8 (height, width, 3)."""
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise PictureError(
                f"'{name}' holds integers of more than 16 bits, and does not say which is white: "
                f"save it as a picture of 8 or 16 bits"
            )
        return np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("F", "LAB"):
        what = "floating-point numbers" if image.mode == "F" else "L*a*b* colours"
        raise PictureError(f"'{name}' holds {what}: save it as an RGB picture of 8 bits")
    if image.mode in ("La", "RGBa"):  # colours already multiplied by alpha
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = pillow.new("RGBA", image.size, (255, 255, 255, 255))
        image = pillow.alpha_composite(white, image)
    return np.array(image.convert("RGB"))
