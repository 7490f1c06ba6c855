"""Windows and products as C is told of them, and what their arrays have to hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

from akrt.kernels._kernels import WIDE_DEPTH
from akrt.lowering import geometry

__all__ = [
    "ByteProduct",
    "Ints",
    "ShortProduct",
    "WindowPlan",
    "deep_enough",
    "filled_up",
    "need",
]

Ints: TypeAlias = npt.NDArray[Any]


def need(what: str, array: Ints | None, size: int) -> None:
    """Raises ValueError where `array` has fewer elements than `size`."""
    if array is None or array.size < size:
        found = "none" if array is None else str(array.size)
        raise ValueError(f"{what}: {size} elements are read, there are {found}")


def filled_up(n: int, multiple: int) -> int:
    """`n` rounded up to a multiple."""
    return -(-n // multiple) * multiple


def deep_enough(depth: int, used: int) -> None:
    """Raises ValueError where rows of `depth` do not hold the inputs `used`."""
    if depth < used:
        raise ValueError(f"weights of depth {depth} for {used} inputs")


@dataclass(eq=False, repr=False)
class WindowPlan:
    """`akrt_window`."""

    in_x: int
    in_y: int
    channels: int
    out_x: int
    out_y: int
    size_x: int
    size_y: int
    stride_x: int
    stride_y: int
    pad_x: int
    pad_y: int

    @classmethod
    def of(cls, window: geometry.Window) -> WindowPlan:
        """The same window as C wants it."""
        x, y, channels = window.source
        pairs = (window.target[:2], window.size, window.stride, window.before)
        return cls(x, y, channels, *(n for pair in pairs for n in pair))

    @property
    def taps(self) -> int:
        """Inputs of one channel under it."""
        return self.size_x * self.size_y

    @property
    def line(self) -> int:
        """Inputs of one line under it."""
        return self.size_y * self.channels


@dataclass(eq=False, repr=False)
class ByteProduct:
    """`akrt_product`."""

    weights: Ints | None
    rest_weights: Ints | None
    start: Ints
    depth: int
    filters: int
    chain: int
    window: None = None
    """Set where the product walks, by C."""

    def __post_init__(self) -> None:
        size = self.depth * self.filters
        need("the start of sums", self.start, self.filters)
        if self.depth % 4:
            raise ValueError(f"bytes are multiplied by fours, not at a depth of {self.depth}")
        if self.chain == 0 and self.depth <= WIDE_DEPTH:
            need("16-bit weights", self.rest_weights, size)
        else:
            need("weights", self.weights, size)


@dataclass(eq=False, repr=False)
class ShortProduct:
    """`akrt_short_product`."""

    weights: Ints
    depth: int
    filters: int

    def __post_init__(self) -> None:
        need("weights", self.weights, self.depth * self.filters)
        if self.depth % 8:
            raise ValueError(f"16-bit operands are multiplied by eights, not {self.depth}")
