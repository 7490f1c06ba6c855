"""Pictures: `akrt.vision` reads, fits and resamples them."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

from akrt.errors import InputError
from akrt.frontends.base import FrontEnd
from akrt.model import Picture, Preprocessing
from akrt.vision.fitting import Placement, fitted, placement
from akrt.vision.pixels import grey, replicated

__all__ = ["PictureFrontEnd"]


class PictureFrontEnd(FrontEnd[Picture]):
    """The front end of `akrt.Picture`: integers alone, the same everywhere."""

    settings_type: ClassVar[type[Preprocessing]] = Picture
    takes: ClassVar[str] = "pictures"

    def placement(self, width: int, height: int) -> Placement:
        """Which part of a picture of this size, in pixels, goes where in the input."""
        return placement(self.settings, width, height)

    def pixels(self, picture: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """The network's input.

        Args:
            picture: uint8 (height, width, 3), red, green and blue; grey (height, width, 1) or
                (height, width).

        Returns:
            uint8 (X, Y, C), rows on X.

        Raises:
            InputError: wrong dtype or shape, or no pixel at all.
        """
        array: npt.NDArray[Any] = np.asarray(picture)
        if array.ndim == 2:
            array = array[..., None]
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (1, 3):
            raise InputError(
                f"a picture must be uint8 (height, width, 3) or (height, width, 1), got "
                f"{array.dtype} {array.shape}"
            )
        if not array.size:
            raise InputError(f"the picture has no pixels: its shape is {array.shape}")
        if array.shape[2] > self.settings.channels:
            array = grey(array)
        return replicated(fitted(array, self.settings), self.settings.channels)

    def from_file(self, path: str | os.PathLike[str] | BinaryIO) -> npt.NDArray[np.uint8]:
        """The network's input of a picture file.

        Args:
            path: a file that `akrt.vision.load_picture` reads.

        Returns:
            uint8 (X, Y, C).

        Raises:
            PictureError: as `load_picture`.
            MissingExtraError: Pillow is not installed.
        """
        from akrt.vision import load_picture

        return self.pixels(load_picture(path))
