"""Which integers a layer of Akida 2.0 can meet, channel by channel, whatever its input.

What here lies in 32 bits needs no more of them, what does not saturate here needs no saturation,
and where sums do not leave 32 bits nothing wraps around.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.lowering.scaled_arithmetic import (
    activate_2,
    bias_2,
    rounding_shift,
    saturate,
    table_index,
)
from akrt.lowering.scaled_operations import (
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledOperation,
    ScaledRecurrent,
    ScaledSpatial,
    ScaledTemporal,
    ShiftedAddition,
)
from akrt.model import ScaledLayer
from akrt.model.scaled import shifted_bounds

__all__ = ["AdditionRanges", "Range", "ScaledRanges", "addition_ranges", "scaled_ranges"]

Wide: TypeAlias = npt.NDArray[np.int64]

_INT32_MIN, _INT32_MAX = -(1 << 31), (1 << 31) - 1


@dataclass(frozen=True, eq=False)
class Range:
    """Least and greatest of each channel, both int64 of one shape."""

    low: Wide
    high: Wide

    def saturated(self, bits: int) -> Range:
        """The same behind saturation at so many bits."""
        return Range(saturate(self.low, bits), saturate(self.high, bits))

    def within(self, bits: int) -> bool:
        """Whether saturation at so many bits changes nothing."""
        half = 1 << (bits - 1)
        return bool(self.low.min() >= -half and self.high.max() < half)


@dataclass(frozen=True, eq=False)
class ScaledRanges:
    """The numbers on the way through a layer with weights, in their order."""

    inputs: Range
    """Behind the shift: of each input channel, of a dense layer of each input."""
    sums: Range
    """Of products, as whole numbers; (F,) from here on."""
    potentials: Range
    """With the bias, saturated: what meets pooling and activation."""
    activated: Range
    """What meets the scales: behind the activation and a sum over positions."""
    scaled: Range
    """Times the scales, not yet saturated."""
    outputs: Range

    @property
    def wraps(self) -> bool:
        """Whether a sum can leave 32 bits."""
        return not self.sums.within(32)


@dataclass(frozen=True, eq=False)
class AdditionRanges:
    """The numbers on the way through an addition, each (C,)."""

    inputs: tuple[Range, Range]
    """Behind the shifts."""
    sums: Range
    """Not yet saturated."""
    outputs: Range


def scaled_ranges(does: ScaledOperation) -> ScaledRanges:
    """Of a layer with weights."""
    layer = does.layer
    bits = layer.post_op_buffer_bits
    inputs = Range(*layer.bounds(does.node.inputs[0]))
    sums = _sums(does, inputs.low, inputs.high)
    bias = bias_2(does)
    if isinstance(does, ScaledConvolution) and does.bias_first:
        bounded = Range(sums.low + bias, sums.high + bias).saturated(layer.buffer_bits)
    else:
        wrapped = sums
        if not isinstance(does, ScaledDense | ScaledRecurrent):
            leaves = (sums.low < _INT32_MIN) | (sums.high > _INT32_MAX)
            wrapped = Range(
                np.where(leaves, _INT32_MIN, sums.low), np.where(leaves, _INT32_MAX, sums.high)
            )
        bounded = wrapped.saturated(layer.buffer_bits)
        bounded = Range(bounded.low + bias, bounded.high + bias)
        if does.bias_at_buffer:
            bounded = bounded.saturated(layer.buffer_bits)
    potentials = bounded.saturated(bits)
    activated = _activated(layer, potentials)
    if isinstance(does, ScaledSpatial) and does.pool == "sum":
        # a sum that saturates on the way ends within what it would reach without
        count = does.window.positions
        low, high = np.minimum(activated.low * count, 0), np.maximum(activated.high * count, 0)
        activated = Range(low, high).saturated(bits)
    scales = layer.output_scales.astype(np.int64)
    scaled = Range(activated.low * scales, activated.high * scales)
    ends = scaled.saturated(bits)
    value = does.node.output
    outputs = Range(
        *(
            np.clip(rounding_shift(end, layer.output_shift), value.low, value.high)
            for end in (ends.low, ends.high)
        )
    )
    return ScaledRanges(inputs, sums, potentials, activated, scaled, outputs)


def addition_ranges(does: ShiftedAddition) -> AdditionRanges:
    """Of an addition."""
    layer = does.layer
    first, second = (
        Range(*shifted_bounds(value, shift, layer.buffer_bits))
        for value, shift in zip(does.node.inputs, (layer.a_shift, layer.b_shift), strict=True)
    )
    sums = Range(first.low + second.low, first.high + second.high)
    ends = sums.saturated(layer.buffer_bits)
    outputs = Range(
        rounding_shift(ends.low, layer.output_shift), rounding_shift(ends.high, layer.output_shift)
    )
    return AdditionRanges((first, second), sums, outputs.saturated(layer.output_bits))


def _sums(does: ScaledOperation, low: Wide, high: Wide) -> Range:
    weights = does.weights.astype(np.int64)
    if isinstance(does, ScaledRecurrent):
        half = 1 << (does.layer.internal_state_bits - 1)
        states = np.full(len(weights), half, np.int64)
        return _dot(weights, -states, states - 1)
    if isinstance(does, ScaledTemporal) and does.depthwise:
        return _step_by_step(weights, low, high, does.layer.buffer_bits)
    if isinstance(does, ScaledTemporal):
        steps, _, filters = weights.shape
        return _dot(weights.reshape(-1, filters), np.tile(low, steps), np.tile(high, steps))
    if isinstance(does, ScaledDense):
        return _dot(weights, low, high)
    if isinstance(does, ScaledConvolution):
        return _dot(weights, np.tile(low, does.window.taps), np.tile(high, does.window.taps))
    if isinstance(does, ScaledDepthwise):
        return _by_channel(weights, low, high)
    # an output is met by every second row and column of the kernel
    met = [weights[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    if does.depthwise:
        found = [_by_channel(taps, low, high) for taps in met]
    else:
        found = [
            _dot(
                taps.reshape(-1, taps.shape[3]),
                np.tile(low, taps.shape[0] * taps.shape[1]),
                np.tile(high, taps.shape[0] * taps.shape[1]),
            )
            for taps in met
        ]
    return Range(
        np.min([each.low for each in found], axis=0), np.max([each.high for each in found], axis=0)
    )


def _dot(weights: Wide, low: Wide, high: Wide) -> Range:
    """Of weights (K, F) and inputs (K,)."""
    ends = weights * low[:, None], weights * high[:, None]
    return Range(np.minimum(*ends).sum(0), np.maximum(*ends).sum(0))


def _step_by_step(weights: Wide, low: Wide, high: Wide, bits: int) -> Range:
    """Of weights (T, C) and inputs (C,), sums that saturate at every step."""
    found = Range(np.zeros_like(low), np.zeros_like(high))
    for step in weights:
        ends = step * low, step * high
        further = Range(found.low + np.minimum(*ends), found.high + np.maximum(*ends))
        found = further.saturated(bits)
    return found


def _by_channel(weights: Wide, low: Wide, high: Wide) -> Range:
    """Of kernels (kernel_x, kernel_y, C) and inputs (C,)."""
    ends = weights * low, weights * high
    return Range(np.minimum(*ends).sum((0, 1)), np.maximum(*ends).sum((0, 1)))


def _activated(layer: ScaledLayer, potentials: Range) -> Range:
    if layer.activation != "lut":
        return Range(activate_2(layer, potentials.low), activate_2(layer, potentials.high))
    assert layer.lut_values is not None
    table = layer.lut_values.astype(np.int64)
    first, last = table_index(layer, potentials.low), table_index(layer, potentials.high)
    parts = [table[a : b + 1] for a, b in zip(first, last, strict=True)]
    return Range(np.array([p.min() for p in parts]), np.array([p.max() for p in parts]))
