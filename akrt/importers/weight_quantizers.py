"""The weight quantizers of cnn2snn, in float32 and in TensorFlow's order of operations.

Formulas from the Apache-2.0 sources of cnn2snn 2.19 (`quantization_ops.py`, `weights_ops.py`). A
weight becomes ``round(w * scale)`` clipped to ``+-kmax`` with ``kmax = 2**(bits-1) - 1``; the scale
is ``kmax / max|w|`` (Max) or ``kmax / (threshold * std(w))`` (Std), over the whole tensor or, for
the PerAxis kinds, for each filter (last axis), and never above 1000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["KINDS", "Quantizer", "integers"]

FloatArray: TypeAlias = npt.NDArray[np.float32]

KINDS = ("MaxQuantizer", "MaxPerAxisQuantizer", "StdWeightQuantizer", "StdPerAxisQuantizer")

_SCALE_MAX = np.float32(1000)
_RANGE_MIN = np.float32(1e-10)


@dataclass(frozen=True)
class Quantizer:
    """One of `KINDS` with its width in bits and, for the Std kinds, its multiple of sigma."""

    kind: str
    bits: int
    threshold: float = 3.0

    @property
    def per_axis(self) -> bool:
        """Whether every filter has a scale of its own."""
        return "PerAxis" in self.kind

    def scale(self, weights: FloatArray) -> FloatArray:
        """float32 () or (F,): integer weights per unit of weight."""
        kmax = np.float32(2 ** (self.bits - 1) - 1)
        axes = tuple(range(weights.ndim - 1)) if self.per_axis else None
        with np.errstate(divide="ignore", over="ignore"):
            if self.kind.startswith("Std"):
                reach = _sigma(weights, self.per_axis) * np.float32(self.threshold)
            else:
                reach = np.asarray(np.abs(weights).max(axis=axes))
                if self.per_axis:
                    reach = np.maximum(reach, _RANGE_MIN)
            return np.asarray(np.clip(kmax / reach, np.float32(0), _SCALE_MAX), np.float32)

    def quantize(self, weights: FloatArray, scale: FloatArray) -> FloatArray:
        """`weights` on the grid of ``1 / scale``, as the training sees them."""
        kmax = np.float32(2 ** (self.bits - 1) - 1)
        scaled = weights * scale
        rounded = scaled + (np.round(scaled) - scaled)
        return np.asarray(np.clip(rounded, -kmax, kmax) / scale, np.float32)


def integers(quantizer: Quantizer, weights: FloatArray) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """int8 weights of the same shape, and the scale, float32 () or (F,)."""
    scale = quantizer.scale(weights)
    return np.round(quantizer.quantize(weights, scale) * scale).astype(np.int8), scale


def _sigma(weights: FloatArray, per_axis: bool) -> FloatArray:
    """Standard deviation as ``tf.math.reduce_std``: of everything, or of each last-axis slice.

    A sum of floats depends on its order, so the order of TensorFlow's CPU kernels is kept. (Over a
    whole tensor of more than about 250,000 weights theirs depends on the number of threads; this
    is the order of one thread.)
    """
    filters = weights.shape[-1] if per_axis else 1
    rows = weights.reshape(-1, filters)
    total = _sum_all if filters == 1 else _sum_rows
    count = np.float32(rows.shape[0])
    deviation = rows - total(rows) / count
    sigma = np.sqrt(total(deviation * deviation) / count)
    return np.asarray(sigma, np.float32).reshape((filters,) if per_axis else ())


_LANES = 8
"""Floats in a packet of Eigen as TensorFlow's x86-64 wheels are built."""

_LEAF = 1024 * _LANES


def _sum_all(rows: FloatArray) -> Any:
    """The sum of all values."""
    return _tree_sum(rows.reshape(-1), 0, rows.size)


def _tree_sum(values: FloatArray, first: int, count: int) -> np.float32:
    if count > _LEAF:
        split = _LANES * -(-(first + -(-count // 2)) // _LANES)
        left = min(split - first, count)
        total = _tree_sum(values, first, left)
        return total + _tree_sum(values, split, count - left) if left < count else total
    part = values[first : first + count]
    whole = count // _LANES * _LANES
    lanes = _sum_packets(part[:whole].reshape(-1, _LANES))
    rest = _sum_in_order(part[whole:, None])[0]
    quad = lanes[:4] + lanes[4:]
    pair = quad[:2] + quad[2:]
    return np.float32(rest + (pair[0] + pair[1]))


def _sum_rows(rows: FloatArray) -> Any:
    """The sum of each column: whole packets of columns may use four accumulators."""
    whole = rows.shape[1] // _LANES * _LANES
    packets = _sum_packets if rows.shape[0] >= 16 else _sum_in_order
    return np.concatenate([packets(rows[:, :whole]), _sum_in_order(rows[:, whole:])])


def _sum_packets(packets: FloatArray) -> FloatArray:
    """float32 (lanes,) from (n, lanes): four interleaved sums, then what is left."""
    whole = packets.shape[0] // 4 * 4
    a, b, c, d = (_sum_in_order(packets[i:whole:4]) for i in range(4))
    return _sum_in_order(packets[whole:], ((a + b) + c) + d)


def _sum_in_order(rows: FloatArray, start: FloatArray | None = None) -> FloatArray:
    """float32 (lanes,) from (n, lanes), one row after the other."""
    total = np.zeros(rows.shape[1], np.float32) if start is None else start
    for row in rows:
        total = total + row
    return total
