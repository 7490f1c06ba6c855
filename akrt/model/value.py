"""Tensors between nodes: shapes, types and ranges, and how large they may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy.typing as npt

__all__ = [
    "MAX_DIMENSION",
    "MAX_TENSOR_ELEMENTS",
    "POTENTIAL_MAX",
    "POTENTIAL_MIN",
    "IntArray",
    "Pair",
    "Shape",
    "Value",
]

Shape: TypeAlias = tuple[int, int, int]
Pair: TypeAlias = tuple[int, int]
IntArray: TypeAlias = npt.NDArray[Any]

MAX_DIMENSION = 1 << 16
MAX_TENSOR_ELEMENTS = 1 << 26
"""No activation or potential tensor may be larger: a damaged file must not exhaust memory."""

POTENTIAL_MIN, POTENTIAL_MAX = -(1 << 19), (1 << 19) - 1
"""Range of the chip's 20-bit accumulators."""


@dataclass(frozen=True)
class Value:
    """What one node gives and others take, of one sample."""

    shape: Shape
    """(X, Y, C)."""
    dtype: Literal["uint8", "int32"]
    """Of activations, or of potentials."""
    low: int
    high: int
    """No element is below or above."""

    @classmethod
    def of_bits(cls, shape: Shape, bits: int) -> Value:
        """Unsigned integers of so many bits, at most 8."""
        return cls(shape, "uint8", 0, (1 << bits) - 1)

    @property
    def elements(self) -> int:
        """Number of elements."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def is_potential(self) -> bool:
        """Whether these are potentials: no layer takes them."""
        return self.dtype == "int32"
