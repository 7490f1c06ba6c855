"""Convolutions whose product walks windows over lines with a border: `akrt_lines`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from akrt.backends.native.paths import Lines
from akrt.backends.native.products import WindowPlan
from akrt.backends.native.weights import byte_product, filled_lines
from akrt.kernels._kernels import Architecture
from akrt.lowering.geometry import Window

__all__ = ["walked_lines"]

Wide = npt.NDArray[np.int64]


def walked_lines(
    moved: Window, rows: Wide, input_max: int, border: int, start: Wide, arch: Architecture
) -> Lines | None:
    """The path of a product with weights (K, F); None where it does not pay, or bytes cannot serve.

    Args:
        moved: the window of the convolution.
        rows: the weights.
        input_max: largest value that they multiply.
        border: what is beyond the edges of the input.
        start: (F,), what sums start from.
        arch: the kernels that will run it.
    """
    if not arch.walks or moved.taps == 1:  # 1x1 needs no windows
        return None
    by_line = filled_lines(rows, moved.size[0])
    # a filled line must not cost more than a copy of each window
    if 3 * len(by_line) > 4 * len(rows):
        return None
    product = byte_product(by_line, input_max, arch, start)
    if product is None:
        return None
    w = WindowPlan.of(moved)
    in_y = (w.out_y - 1) * w.stride_y + w.size_y
    line = replace(w, size_x=1, stride_x=1, out_y=1, size_y=in_y)
    inner = replace(w, in_x=w.size_x, in_y=in_y, out_x=1, pad_x=0, pad_y=0)
    return Lines(product, line, inner, border)
