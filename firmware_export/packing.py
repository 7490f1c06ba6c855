"""Integers to packed bytes and words: the one place of the exporter that knows their order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["pack_bits", "pack_rows", "pack_words", "triple_words"]


def pack_bits(values: npt.NDArray[np.int8], bits: int) -> npt.NDArray[np.uint8]:
    """`values` in two's complement of `bits` bits, the first in the lowest bits of a byte.

    ``[1, 2, 3, 4]`` in 4 bits is ``0x21 0x43``; the last byte is padded with zeros.

    Args:
        values: any shape; taken in C order.
        bits: 1 (unsigned), 2, 4 or 8.
    """
    per_byte = 8 // bits
    flat = values.reshape(-1).astype(np.uint8) & np.uint8((1 << bits) - 1)
    padded = np.zeros(-(-flat.size // per_byte) * per_byte, np.uint8)
    padded[: flat.size] = flat
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(bits)
    packed: npt.NDArray[np.uint8] = np.bitwise_or.reduce(
        padded.reshape(-1, per_byte) << shifts, axis=1
    )
    return packed


def pack_rows(rows: npt.NDArray[np.int8], bits: int) -> npt.NDArray[np.uint8]:
    """Every row packed on its own, padded to whole bytes: (R, K) to (R, ceil(K * bits / 8))."""
    return np.stack([pack_bits(row, bits) for row in rows])


def pack_words(nibbles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Eight nibbles to a word of 32 bits, the first lowest: (..., 8) to (...)."""
    packed = pack_bits(nibbles.astype(np.int8), 4)
    words: npt.NDArray[np.int64] = packed.view("<u4").reshape(nibbles.shape[:-1]).astype(np.int64)
    return words


def triple_words(pointwise: npt.NDArray[np.int8], filters: int) -> npt.NDArray[np.int64]:
    """Weights (C, F), at least `filters` of them, zero beyond F: (triples, groups of eight
    channels, 3); see AKRT_UNPACK_TRIPLES."""
    channels = len(pointwise)
    groups, triples = -(-channels // 8), -(-filters // 3)
    padded = np.zeros((groups * 8, triples * 3), np.int64)
    padded[:channels, : pointwise.shape[1]] = pointwise
    # (triple, group, channel pair, half, filter), halves being the channels of a pair
    w = padded.reshape(groups, 4, 2, triples, 3).transpose(3, 0, 1, 2, 4)
    low, middle, high = w[..., 0] + 8, w[..., 1] + 8, w[..., 2]
    fourth = np.stack([low[:, :, 3], high[:, :, 3], middle[:, :, 3]], axis=2)
    # (triple, group, word, half, nibble)
    nibbles = np.stack([low[:, :, :3], high[:, :, :3, ::-1], middle[:, :, :3], fourth], axis=-1)
    return pack_words(nibbles.reshape(triples, groups, 3, 8))
