"""Weights of the stages on lines for Helium, in the order of src_c/mcu/akrt_vector_products.h."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_export.layer_constants import constant
from firmware_export.step import Constant

__all__ = [
    "PART",
    "byte_vectors",
    "depthwise_vectors",
    "nibble_vectors",
    "pointwise_vectors",
]

PART = 320
"""AKRT_PART: packed bytes of a window that are multiplied at once."""
_BYTES_PART = 160
"""AKRT_BYTES_PART."""
_ORDER = (0, 2, 1, 3)
"""Filters of a group."""


def _mid_vectors(words: int) -> int:
    """AKRT_MID_VECTORS: of four words each, of one position."""
    return -(-words // 4)


def nibble_vectors(name: str, weights: npt.NDArray[np.int8], channels: int, part: int) -> Constant:
    """Weights (positions * channels, F) for akrt_vector_nibbles.

    Args:
        name: in C.
        weights: of at most 4 bits.
        channels: of the input, filled up to words of eight.
        part: as many packed bytes come by themselves.
    """
    positions = len(weights) // channels
    filled = np.zeros((positions, -(-channels // 8) * 8, weights.shape[1]), np.int64)
    filled[:, :channels] = weights.reshape(positions, channels, -1)
    pairs = _pairs(_padded(filled.reshape(-1, weights.shape[1]), 32))
    pairs = pairs.reshape(-1, 16, 2, *pairs.shape[1:])
    parts = [
        pairs[first : first + part // 16].transpose(3, 0, 2, 4, 1).ravel()
        for first in range(0, len(pairs), part // 16)
    ]
    return _words(name, np.concatenate(parts), "4 bits, by four filters: 32 inputs of two")


def byte_vectors(name: str, weights: npt.NDArray[np.int8]) -> Constant:
    """Weights (K, F) of 8 bits for akrt_bytes_lines, and what inputs less 128 lack."""
    groups = _groups(_padded(weights.astype(np.int64), 16))[..., _ORDER]
    lacking = (128 * groups.sum(0)).astype("<i4")
    vectors = groups.reshape(-1, 16, *groups.shape[1:])
    step = _BYTES_PART // 16
    parts = [
        vectors[first : first + step].transpose(2, 0, 3, 1).ravel()
        for first in range(0, len(vectors), step)
    ]
    packed = np.concatenate(parts).astype(np.int8)
    both = np.concatenate([lacking.ravel().view(np.int8), packed])
    return _words(name, both, "8 bits, by four filters; first 128 times a filter's sum")


def depthwise_vectors(name: str, weights: npt.NDArray[np.int8]) -> Constant:
    """Depthwise weights (kernel_x, kernel_y, C): (vectors, taps, 32)."""
    flat = weights.reshape(-1, weights.shape[2])
    words = -(-flat.shape[1] // 8)
    octets = _octets(words)
    if words < 3:  # several positions at a time
        octets = np.resize(np.arange(words), (1, 4))
    channels = _even_then_odd(octets)
    taken = _taken(flat.T.astype(np.int64), channels.reshape(len(octets), 32))
    return _words(name, taken.transpose(0, 2, 1), "by vector of four words")


def pointwise_vectors(name: str, weights: npt.NDArray[np.int8]) -> Constant:
    """Pointwise weights (C, F) of at most 4 bits, as depthwise results lie."""
    words = -(-len(weights) // 8)
    wide = weights.astype(np.int64)
    if words == 1:
        lanes = _taken(wide, _even_then_odd(np.array([[0]])).ravel())
        groups = _groups(np.concatenate([16 * lanes, lanes]))[..., _ORDER]
        return _words(name, groups.transpose(1, 2, 0), "by four filters: 16 times, and once")
    octets = np.array([[0, 1]]) if words == 2 else _octets(words)
    lanes = _taken(wide, _even_then_odd(octets).ravel())
    pairs = _pairs(lanes)
    steps = pairs.reshape(-1, 16, *pairs.shape[1:])
    return _words(name, steps.transpose(2, 0, 3, 1), "4 bits, by four filters: 16 inputs of two")


def _octets(words: int) -> npt.NDArray[np.int64]:
    """(vectors, 4): the words of a vector; -1 where it takes one again."""
    if words < 4:
        return np.array([[o if o < words else -1 for o in range(4)]])
    rows = []
    for vector in range(_mid_vectors(words)):
        start = min(4 * vector, words - 4)
        rows.append([o if o >= 4 * vector else -1 for o in range(start, start + 4)])
    return np.array(rows)


def _even_then_odd(octets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(vectors, 2, words, 4): the even channels of every vector's words, then the odd ones."""
    inner = np.arange(8).reshape(4, 2).T[:, None]
    channels = 8 * octets[:, None, :, None] + inner
    return np.where(octets[:, None, :, None] < 0, -1, channels)


def _taken(values: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Values (C, ...) by channel; zero where there is none."""
    there = (at >= 0) & (at < len(values))
    return np.where(there[(..., *[None] * (values.ndim - 1))], values[np.where(there, at, 0)], 0)


def _padded(weights: npt.NDArray[np.int64], multiple: int) -> npt.NDArray[np.int64]:
    """Inputs filled up with zeros to a `multiple`."""
    return np.pad(weights, ((0, -len(weights) % multiple), (0, 0)))


def _groups(weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(K, F) to (K, groups, 4)."""
    filled = np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4)))
    return filled.reshape(len(weights), -1, 4)


def _pairs(weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(K, F) to (K, groups, 2): 16 times the second filter's weight plus the first's."""
    groups = _groups(weights)
    return 16 * groups[..., 1::2] + groups[..., ::2]


def _words(name: str, values: npt.NDArray[np.integer[Any]], note: str) -> Constant:
    packed = np.ascontiguousarray(values.ravel().astype(np.int8)).view("<u4")
    return constant(name, "uint32_t", packed, note)
