"""All windows of a tensor, as NumPy sees them: for the contracts that are written out in it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window

__all__ = ["windows"]

Potentials: TypeAlias = npt.NDArray[np.int64]


def windows(x: Potentials, window: Window, border: int) -> npt.NDArray[np.int64]:
    """Every window of `x`: (N, X', Y', C, size_x, size_y)."""
    edges = [(0, 0), *zip(window.before, window.after, strict=True), (0, 0)]
    x = np.pad(x, edges, constant_values=border)
    view = np.lib.stride_tricks.sliding_window_view(x, window.size, axis=(1, 2))  # type: ignore[call-overload]
    strided: Potentials = view[:, :: window.stride[0], :: window.stride[1]]
    return strided
