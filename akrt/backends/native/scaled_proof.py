"""When one multiplication in 32 bits does what a layer of Akida 2.0 asks for, with what constants.

Everything between a sum of products and an output but a look-up table, a sum over positions and
wrapping around grows with the sum, channel by channel. So a range of potentials at whose ends it is
right and within 32 bits, and beyond which the output stays the same, proves all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.backends.native.scaled_plan import Scaled, ScaledSum
from akrt.lowering.scaled_arithmetic import activate_2, bias_2, rounding_shift, saturate
from akrt.lowering.scaled_operations import ScaledConvolution, ScaledOperation
from akrt.lowering.scaled_ranges import ScaledRanges

__all__ = ["SumOfProducts", "find_clipped", "find_scaled"]

Wide: TypeAlias = npt.NDArray[np.int64]

_INT32_MAX = (1 << 31) - 1


@dataclass(eq=False, repr=False)
class SumOfProducts:
    """The sums of a layer, and the integers they can be."""

    does: ScaledOperation
    ranges: ScaledRanges

    @property
    def bias(self) -> Wide:
        """(F,): what is added to them."""
        return bias_2(self.does)

    def activated(self) -> tuple[Wide, Wide] | None:
        """Between what, each (F,), a sum with its bias has to be clipped to be activated; None
        where that does not do it."""
        layer, sums = self.does.layer, self.ranges.sums
        if self.ranges.wraps or layer.activation == "lut":
            return None
        bits, bias = layer.post_op_buffer_bits, self.bias
        half = np.int64(1) << (layer.buffer_bits - 1)
        ends = np.full_like(bias, -half), np.full_like(bias, half - 1)
        if not (isinstance(self.does, ScaledConvolution) and self.does.bias_first):
            ends = ends[0] + bias, ends[1] + bias
        if self.does.bias_at_buffer:
            ends = saturate(ends[0], layer.buffer_bits), saturate(ends[1], layer.buffer_bits)
        low, high = (activate_2(layer, saturate(end, bits)) for end in ends)
        # what cannot be reached asks for nothing
        return np.clip(sums.low + bias, low, high), np.clip(sums.high + bias, low, high)

    def start(self, lack: Wide | None) -> Wide | None:
        """(F,): what the kernel's sums lack, the bias included; None where it leaves 32 bits."""
        made = self.bias if lack is None else self.bias + lack
        least, most = self.ranges.sums.low, self.ranges.sums.high
        reach = np.maximum(np.abs(least), np.abs(most)).max() + 2 * np.abs(made).max()
        return made if reach + (0 if lack is None else np.abs(lack).max()) <= _INT32_MAX else None


def find_scaled(products: SumOfProducts, lack: Wide | None) -> Scaled | None:
    """Constants of akrt_act_s32_scaled for a layer, or None where they would not be exact.

    Args:
        products: the layer's.
        lack: (F,), what the sums that the kernel takes lack.
    """
    layer, value = products.does.layer, products.does.node.output
    ends, start = products.activated(), products.start(lack)
    if ends is None or start is None or layer.output_bits > 8:
        return None
    low, high = _narrowed(products, *ends)
    shift = layer.output_shift.astype(np.int64)
    mul = layer.output_scales.astype(np.int64) << np.maximum(shift, 0)
    right = np.maximum(-shift, 0)
    add = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    for end in (low, high):
        product = end * mul
        if max(np.abs(product).max(), np.abs(product + add).max(), mul.max()) > _INT32_MAX:
            return None
        made = np.clip((product + add) >> right, value.low, value.high)
        if np.any(made != _output(products, end)):
            return None
    s, lo, hi, m, a, r = (v.astype(np.int32) for v in (start, low, high, mul, add, right))
    return Scaled(s, lo, hi, m, a, r, least=value.low, most=value.high)


def find_clipped(products: SumOfProducts, lack: Wide | None, positions: int) -> ScaledSum | None:
    """Constants of akrt_clipsum_s32 for a layer, or None where a sum could saturate."""
    ends, start = products.activated(), products.start(lack)
    if ends is None or start is None:
        return None
    most = positions * max(int(np.abs(end).max()) for end in ends)
    if most >= 1 << (products.does.layer.post_op_buffer_bits - 1):
        return None
    return ScaledSum(*(array.astype(np.int32) for array in (start, *ends)))


def _output(products: SumOfProducts, activated: Wide) -> Wide:
    """What comes of numbers behind the activation."""
    layer, value = products.does.layer, products.does.node.output
    scales = layer.output_scales.astype(np.int64)
    scaled = saturate(activated * scales, layer.post_op_buffer_bits)
    return np.clip(rounding_shift(scaled, layer.output_shift), value.low, value.high)


def _narrowed(products: SumOfProducts, low: Wide, high: Wide) -> tuple[Wide, Wide]:
    """A range, each (F,), beyond which the output of `low`..`high` does not change."""
    least, most = _output(products, low), _output(products, high)
    before, first = low - 1, high  # what `first` gives is `most`, what `before` gives is not
    last, behind = low, high + 1
    for _ in range(34):
        middle = (before + first) >> 1
        reaches = (middle > before) & (_output(products, middle) == most)
        first, before = np.where(reaches, middle, first), np.where(reaches, before, middle)
        middle = (last + behind) >> 1
        stays = (middle < behind) & (_output(products, middle) == least)
        last, behind = np.where(stays, middle, last), np.where(stays, behind, middle)
    smallest = np.clip(0, low, high)
    constant = least == most
    return np.where(constant, smallest, last), np.where(constant, smallest, first)
