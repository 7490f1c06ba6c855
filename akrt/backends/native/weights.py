"""Weights in the order in which each kernel set reads them, and whether bytes can serve."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.backends.native.products import ByteProduct, ShortProduct
from akrt.kernels._kernels import WIDE_DEPTH, Architecture

__all__ = [
    "DEPTH_MULTIPLE",
    "byte_chain",
    "byte_product",
    "filled_lines",
    "interleave",
    "padded_rows",
    "short_product",
]

DEPTH_MULTIPLE = 8
"""Of a product of 16 bits."""
_INT16_MAX = (1 << 15) - 1


def byte_product(
    weights: npt.NDArray[Any], input_max: int, arch: Architecture, start: npt.NDArray[np.int64]
) -> ByteProduct | None:
    """A product of weights (K, F) in bytes; None where the kernels of `arch` cannot."""
    rows = padded_rows(weights, 4)
    filters, depth = rows.shape
    chain = byte_chain(rows, input_max, arch.byte_pair)
    if not chain and (arch.byte_pair != _INT16_MAX or depth > WIDE_DEPTH):
        return None
    return ByteProduct(
        weights=interleave(rows.astype(np.int8), arch.byte_block, 4) if chain else None,
        rest_weights=None if chain else interleave(rows, arch.filter_block, 2),
        start=start.astype(np.int32),
        depth=depth,
        filters=filters,
        chain=chain,
    )


def short_product(weights: npt.NDArray[np.integer[Any]], block: int) -> ShortProduct:
    """(K, F) in the order of akrt_matmul_s16s16 (kernels.inc), both filled up with zeros."""
    rows = padded_rows(weights, DEPTH_MULTIPLE)
    return ShortProduct(interleave(rows, block, 2), depth=rows.shape[1], filters=rows.shape[0])


def byte_chain(rows: npt.NDArray[np.integer[Any]], input_max: int, byte_pair: int) -> int:
    """`chain` of akrt_matmul_u8s8_* (kernels.inc): 0 where these cannot serve at all.

    Args:
        rows: weights (F, K).
        input_max: largest value that they multiply.
        byte_pair: the architecture's limit for a sum of two products.
    """
    # no input is negative: a sum stays between those of its negative and positive products
    products = input_max * padded_rows(rows.T, 4).astype(np.int64)
    signed = np.stack([products.clip(0), (-products).clip(0)])
    pairs = signed.reshape(2 * len(rows), -1, 2, 2).sum(-1)
    if not byte_pair or pairs.max() > byte_pair:
        return 0
    if byte_pair > _INT16_MAX:
        return 1
    groups = pairs.shape[1]
    chain = 1
    while chain < groups:
        whole = np.zeros((len(pairs), -(-groups // (2 * chain)) * 2 * chain, 2), np.int64)
        whole[:, :groups] = pairs
        if whole.reshape(len(pairs), -1, 2 * chain, 2).sum(2).max() > _INT16_MAX:
            break
        chain *= 2
    return chain


def padded_rows(weights: npt.NDArray[np.integer[Any]], multiple: int) -> npt.NDArray[np.int16]:
    """(K, F) to (F, K), K filled up with zeros to a multiple."""
    inputs, filters = weights.shape
    rows = np.zeros((filters, -(-inputs // multiple) * multiple), np.int16)
    rows[:, :inputs] = weights.T
    return rows


def filled_lines(weights: npt.NDArray[np.int64], lines: int) -> npt.NDArray[np.int64]:
    """(K, F) of a kernel of so many lines, each filled up with zeros to a multiple of 4 inputs."""
    inputs, filters = weights.shape
    length = inputs // lines
    whole = np.zeros((lines, -(-length // 4) * 4, filters), np.int64)
    whole[:, :length] = weights.reshape(lines, length, filters)
    return whole.reshape(-1, filters)


def interleave(rows: npt.NDArray[Any], block: int, inputs: int) -> npt.NDArray[Any]:
    """(F, depth) to (blocks of filters, depth / inputs, block, inputs), filled up with zeros."""
    filters, depth = rows.shape
    whole = np.zeros((-(-filters // block) * block, depth), rows.dtype)
    whole[:filters] = rows
    groups = whole.reshape(-1, block, depth // inputs, inputs).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(groups)
