"""Colours of pixels, in integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["grey", "replicated"]

_RED, _GREEN, _BLUE = 19595, 38470, 7471
"""Of luma by ITU-R BT.601, in 1/65536: the weights that Pillow has too."""


def grey(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """uint8 (..., 1) of red, green and blue, uint8 (..., 3).

    ``(19595 * red + 38470 * green + 7471 * blue + 32768) >> 16``.
    """
    red, green, blue = (pixels[..., i].astype(np.uint32) for i in range(3))
    luma = (_RED * red + _GREEN * green + _BLUE * blue + 32768) >> 16
    shades: npt.NDArray[np.uint8] = luma.astype(np.uint8)[..., None]
    return shades


def replicated(pixels: npt.NDArray[np.uint8], channels: int) -> npt.NDArray[np.uint8]:
    """uint8 (..., channels): the same pixels, or grey ones in every channel."""
    if pixels.shape[-1] == channels:
        return pixels
    return np.repeat(pixels, channels, axis=-1)
