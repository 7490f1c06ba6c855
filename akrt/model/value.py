"""Tensors between nodes: shapes, types and ranges, and how large they may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "MAX_DIMENSION",
    "MAX_TENSOR_ELEMENTS",
    "POTENTIAL_MAX",
    "POTENTIAL_MIN",
    "IntArray",
    "Pair",
    "Remembered",
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
class Remembered:
    """An array that a layer keeps from one sample for the next; at first it holds zeros."""

    shape: tuple[int, ...]
    dtype: str
    low: int
    high: int
    """No element is below or above."""


@dataclass(frozen=True)
class Value:
    """What one node gives and others take, of one sample."""

    shape: Shape
    """(X, Y, C)."""
    dtype: Literal["uint8", "int8", "int16", "int32", "float32"]
    """Of activations, of potentials, or of real numbers."""
    low: int
    high: int
    """No element is below or above."""

    @classmethod
    def of_bits(cls, shape: Shape, bits: int) -> Value:
        """Unsigned integers of so many bits, at most 8."""
        return cls(shape, "uint8", 0, (1 << bits) - 1)

    @classmethod
    def signed(cls, shape: Shape, bits: int) -> Value:
        """Signed integers of so many bits, at most 32."""
        dtype: Literal["int8", "int16", "int32"] = "int32"
        if bits <= 8 or bits == 16:
            dtype = "int8" if bits <= 8 else "int16"
        half = 1 << (bits - 1)
        return cls(shape, dtype, -half, half - 1)

    @classmethod
    def of_output(cls, shape: Shape, bits: int) -> Value:
        """Integers of so many bits as layers of Akida 2.0 give them: beyond 4 they are signed."""
        return cls.of_bits(shape, bits) if bits <= 4 else cls.signed(shape, bits)

    @property
    def bits(self) -> int:
        """Of an element: of activations as many as they need, of others those of the type."""
        if self.dtype == "uint8":
            return self.high.bit_length()
        if self.dtype in ("int8", "int16"):
            return 1 + max(self.high.bit_length(), (-self.low - 1).bit_length())
        return 32

    def holds(self, array: IntArray) -> bool:
        """Whether all of an array of this type, of integers, lies in the range."""
        limits = np.iinfo(self.dtype)
        return not array.size or bool(
            (self.high >= limits.max or array.max() <= self.high)
            and (self.low <= limits.min or array.min() >= self.low)
        )

    @property
    def text(self) -> str:
        """What people are told that an element is."""
        if self.dtype == "float32":
            return "32-bit floats"
        return f"{self.bits}-bit {'signed' if self.low < 0 else 'unsigned'}"

    @property
    def elements(self) -> int:
        """Number of elements."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def is_potential(self) -> bool:
        """Whether these are wider than activations: only the way out of a network takes them."""
        return self.dtype not in ("uint8", "int8")
