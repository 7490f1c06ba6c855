"""The numeric contract of Akida 2.0 in NumPy, slow and obvious: int64, one layer at a time."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Akida2Operation
from akrt.lowering.scaled_operations import (
    Comparison,
    Concatenation,
    Dequantisation,
    Quantisation,
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledOperation,
    ScaledRecurrent,
    ScaledSpatial,
    ScaledTemporal,
    ScaledTransposed,
    ShiftedAddition,
)
from akrt.lowering.windows import windows
from akrt.model import ScaledLayer

__all__ = [
    "activate_2",
    "bias_2",
    "relu_bound",
    "rounding_shift",
    "run_akida_2",
    "saturate",
    "sums_of_products",
    "table_index",
    "wrap",
]

Wide: TypeAlias = npt.NDArray[np.int64]
Array: TypeAlias = npt.NDArray[Any]

_TABLE_BITS = 11


def run_akida_2(
    does: Akida2Operation, *inputs: Array, memory: dict[str, Array] | None = None
) -> Array:
    """One operation: (N, X, Y, C) of each input to the output, of the types of its values.

    `memory` is what an operation that remembers does, by name, and afterwards what it remembers
    then.
    """
    if isinstance(does, Quantisation):
        made = _quantised(does, inputs[0])
    elif isinstance(does, Dequantisation):
        return inputs[0].astype(np.float32) * does.scales
    elif isinstance(does, Concatenation):
        made = np.concatenate(inputs, axis=3)
    elif isinstance(does, ShiftedAddition):
        made = _added(does, *inputs)
    elif isinstance(does, Comparison):
        made = _compared(does, inputs[does.prediction], inputs[1 - does.prediction])
    else:
        made = _scaled(does, inputs[0], memory or {})
    return made.astype(does.node.output.dtype)


def saturate(values: Wide, bits: int) -> Wide:
    """The nearest of signed integers of so many bits."""
    return np.clip(values, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def wrap(values: Wide) -> Wide:
    """The lower 32 bits, signed."""
    return values.astype(np.uint64).astype(np.uint32).astype(np.int32).astype(np.int64)


def rounding_shift(values: Wide, shift: Array) -> Wide:
    """``values * 2**shift`` by channel, rounded to the nearest, halves up."""
    left = np.maximum(shift.astype(np.int64), 0)
    right = np.maximum(-shift.astype(np.int64), 0)
    half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    shifted: Wide = ((values << left) + half) >> right
    return shifted


def sums_of_products(
    does: ScaledOperation, x: Array, memory: dict[str, Array] | None = None
) -> Wide:
    """What a layer's weights make of its input: int64 (N, X', Y', F), wrapped but not saturated.

    `memory` as of `run_akida_2`.
    """
    wide = x.astype(np.int64)
    weights = does.weights.astype(np.int64)
    if isinstance(does, ScaledTemporal):
        assert memory is not None
        return _over_time(does, x, memory)
    if isinstance(does, ScaledRecurrent):
        assert memory is not None
        found: Wide = _recurrent(does, x, memory) @ weights
        return found
    if isinstance(does, ScaledDense):
        wide = wide.reshape(len(x), 1, 1, -1)
    if does.input_shift is not None:
        wide = saturate(wide << does.input_shift.astype(np.int64), does.layer.buffer_bits)
    if isinstance(does, ScaledDense):
        sums: Wide = wide @ weights
        return sums
    if isinstance(does, ScaledTransposed):
        return wrap(_painted(does, wide, weights))
    if isinstance(does, ScaledDepthwise):
        patches = windows(wide, does.window, 0)
        return wrap(np.einsum("nxycij,ijc->nxyc", patches, weights))
    border = does.border.astype(np.int64)
    patches = windows(wide - border, does.window, 0).transpose(0, 1, 2, 4, 5, 3) + border
    return wrap(patches.reshape(*patches.shape[:3], -1) @ weights)


def _over_time(does: ScaledTemporal, x: Array, memory: dict[str, Array]) -> Wide:
    """Sums over the last samples, those that are remembered before those of `x`."""
    assert does.input_shift is not None
    bits, count = does.layer.buffer_bits, len(x)
    seen = np.concatenate([memory["fifo"], x])
    memory["fifo"] = seen[count:]
    wide = saturate(seen.astype(np.int64) << does.input_shift.astype(np.int64), bits)
    sums = np.zeros((*x.shape[:3], does.layer.filters), np.int64)
    for step, weights in enumerate(does.weights.astype(np.int64)):
        then = wide[step : step + count]
        sums = saturate(sums + then * weights, bits) if does.depthwise else sums + then @ weights
    return sums if does.depthwise else wrap(sums)


def _recurrent(does: ScaledRecurrent, x: Array, memory: dict[str, Array]) -> Wide:
    """Real parts of the numbers behind the steps that give an output: (N, 1, T', S)."""
    layer = does.layer
    assert does.input_shift is not None
    bits = layer.post_op_buffer_bits
    wide = saturate(x.astype(np.int64) << does.input_shift.astype(np.int64), layer.buffer_bits)
    taken = saturate(wide @ layer.in_proj.astype(np.int64), layer.buffer_bits)
    new = saturate(taken * layer.new_state_scale.astype(np.int64), bits)
    new = saturate(rounding_shift(new, layer.new_state_shift), bits)
    a_real, a_imag = layer.a_real.astype(np.int64), layer.a_imag.astype(np.int64)
    real, imag = memory["real"].astype(np.int64), memory["imag"].astype(np.int64)
    found = np.empty((*x.shape[:3], real.size), np.int64)
    for sample, step in np.ndindex(len(x), x.shape[2]):
        turned = saturate(saturate(real * a_real, bits) - saturate(imag * a_imag, bits), bits)
        other = saturate(saturate(real * a_imag, bits) + saturate(imag * a_real, bits), bits)
        turned = saturate(turned + new[sample, 0, step], bits)
        real, imag = (
            saturate(
                rounding_shift(part, layer.internal_state_outputs_shift), layer.internal_state_bits
            )
            for part in (turned, other)
        )
        found[sample, 0, step] = real
    memory["real"], memory["imag"] = real.astype(np.int32), imag.astype(np.int32)
    return found[:, :, layer.subsample - 1 :: layer.subsample]


def bias_2(does: ScaledOperation) -> Wide:
    """What is added to the sums: int64 (F,)."""
    layer = does.layer
    bits = layer.buffer_bits if does.bias_at_buffer else layer.post_op_buffer_bits
    return saturate(layer.bias.astype(np.int64) << layer.bias_shift.astype(np.int64), bits)


def relu_bound(layer: ScaledLayer) -> Wide:
    """What a ReLU gives at the most: int64 (F,)."""
    assert layer.max_value is not None
    assert layer.max_value_shift is not None
    most = layer.max_value.astype(np.int64) << layer.max_value_shift.astype(np.int64)
    return saturate(most, layer.post_op_buffer_bits)


def activate_2(layer: ScaledLayer, potentials: Wide) -> Wide:
    """Potentials behind the activation."""
    if layer.activation == "relu":
        return np.clip(potentials, 0, relu_bound(layer))
    if layer.activation == "lut":
        assert layer.lut_values is not None
        found: Wide = layer.lut_values.astype(np.int64)[table_index(layer, potentials)]
        return found
    return potentials


def table_index(layer: ScaledLayer, potentials: Wide) -> Wide:
    """The entries of a layer's table that potentials (..., F) find."""
    assert layer.activation_scales is not None
    assert layer.activation_shift is not None
    scales = layer.activation_scales.astype(np.int64)
    scaled = saturate(potentials * scales, layer.post_op_buffer_bits)
    index = saturate(rounding_shift(scaled, layer.activation_shift), _TABLE_BITS)
    return index + (1 << (_TABLE_BITS - 1))


def _scaled(does: ScaledOperation, x: Array, memory: dict[str, Array]) -> Wide:
    layer = does.layer
    bits = layer.post_op_buffer_bits
    sums = sums_of_products(does, x, memory)
    bias = bias_2(does)
    if isinstance(does, ScaledConvolution) and does.bias_first:
        potentials = saturate(saturate(sums + bias, layer.buffer_bits), bits)
    else:
        potentials = saturate(sums, layer.buffer_bits) + bias
        if does.bias_at_buffer:
            potentials = saturate(potentials, layer.buffer_bits)
        potentials = saturate(potentials, bits)
    if isinstance(does, ScaledSpatial) and does.pooling is not None:
        lowest = int(np.iinfo(np.int64).min)
        potentials = windows(potentials, does.pooling, lowest).max((4, 5))
    potentials = activate_2(layer, potentials)
    if isinstance(does, ScaledSpatial) and does.pool == "sum":
        total = np.zeros((len(x), layer.filters), np.int64)
        for step in potentials.reshape(len(x), -1, layer.filters).transpose(1, 0, 2):
            total = saturate(total + step, bits)
        potentials = total[:, None, None, :]
    scaled = saturate(potentials * layer.output_scales.astype(np.int64), bits)
    return _clipped(rounding_shift(scaled, layer.output_shift), layer.output_bits)


def _clipped(values: Wide, bits: int) -> Wide:
    """Values to the output's bits, unsigned where there are at most 4."""
    return np.clip(values, 0, (1 << bits) - 1) if bits <= 4 else saturate(values, bits)


def _painted(does: ScaledTransposed, x: Wide, weights: Wide) -> Wide:
    """A transposed convolution: each input paints its kernel, two steps from the next."""
    n, width, height, _ = x.shape
    canvas = np.zeros((n, *does.canvas), np.int64)
    for i, j in np.ndindex(*weights.shape[:2]):
        color = x * weights[i, j] if does.depthwise else x @ weights[i, j]
        canvas[:, i : i + 2 * width : 2, j : j + 2 * height : 2] += color
    crop = does.crop
    return canvas[:, crop : crop + 2 * width, crop : crop + 2 * height]


def _added(does: ShiftedAddition, *inputs: Array) -> Wide:
    layer = does.layer
    bits = layer.buffer_bits
    first, second = (
        saturate(x.astype(np.int64) << shift.astype(np.int64), bits)
        for x, shift in zip(inputs, (layer.a_shift, layer.b_shift), strict=True)
    )
    total = saturate(first + second, bits)
    return saturate(rounding_shift(total, layer.output_shift), layer.output_bits)


def _compared(does: Comparison, prediction: Array, target: Array) -> Wide:
    layer = does.layer
    scaled = prediction.astype(np.int64) * layer.input_scales.astype(np.int64)
    scaled = rounding_shift(saturate(scaled, layer.buffer_bits), layer.input_shift)
    apart = np.abs(saturate(scaled, 16) - target).sum(2, keepdims=True) // target.shape[2]
    further: Wide = (apart > layer.threshold).astype(np.int64)
    return further


def _quantised(does: Quantisation, x: Array) -> Wide:
    made = does.node.output
    if does.channels_first:
        x = x.transpose(0, 2, 3, 1)
    scaled = (x * does.scales).astype(np.float64)  # one float32 product, then exactly
    whole = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled).astype(np.int64)
    return np.clip(whole + does.zero_points.astype(np.int64), made.low, made.high)
