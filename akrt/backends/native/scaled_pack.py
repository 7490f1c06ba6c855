"""How the native backend plans a layer of Akida 2.0: which kernels run it, with which constants.

Sums of products are made by the kernels of `akrt.backends.native.pack` where 32 bits provably hold
them, of bytes without sign: one with a sign has 128 added, and what that adds is taken off again.
What follows the sums takes one multiplication in 32 bits where `find_scaled` proves that exact. Any
other layer is computed as the contract is written, in 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.backends.native.activations import Activation, Potentials
from akrt.backends.native.lines import walked_lines
from akrt.backends.native.paths import Direct, Lines, Patches, Path, ShortRows
from akrt.backends.native.plan import LayerPlan, MaxActivated, SpatialPlan
from akrt.backends.native.products import WindowPlan
from akrt.backends.native.scaled_plan import (
    ConcatenatePlan,
    DepthwiseScaled,
    DepthwiseSums,
    DequantisePlan,
    Exact,
    Finish,
    FinishedSum,
    FusedScaled,
    MaxSums,
    QuantisePlan,
    Scaled,
    ScaledSum,
    ShiftedAddPlan,
)
from akrt.backends.native.scaled_proof import SumOfProducts, find_clipped, find_scaled
from akrt.backends.native.weights import byte_product, short_product
from akrt.kernels._kernels import Architecture
from akrt.lowering.geometry import Window, window
from akrt.lowering.operations import Akida2Operation
from akrt.lowering.scaled_arithmetic import bias_2, saturate
from akrt.lowering.scaled_operations import (
    Concatenation,
    Dequantisation,
    MomentaryOperation,
    Quantisation,
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledOperation,
    ScaledSpatial,
    ScaledTransposed,
    ShiftedAddition,
)
from akrt.lowering.scaled_ranges import ScaledRanges, scaled_ranges

__all__ = ["finish", "pack_scaled"]

Wide: TypeAlias = npt.NDArray[np.int64]

_BYTE_MAX = 255
_INT16_MAX = (1 << 15) - 1
_INT32_MAX = (1 << 31) - 1
_FLIP = 128
"""What is added to bytes with a sign."""


def pack_scaled(
    does: Akida2Operation, arch: Architecture, saturates_by_step: bool = False
) -> LayerPlan:
    """The plan of one layer.

    Args:
        does: what the layer does.
        arch: the kernels that will run it.
        saturates_by_step: of a depthwise operation, whether sums saturate at every tap.
    """
    value = does.node.output
    positions, filters = value.shape[0] * value.shape[1], value.shape[2]
    if isinstance(does, Quantisation):
        made = QuantisePlan(
            does.scales, does.zero_points, positions, does.channels_first, value.low, value.high
        )
        return LayerPlan(filters, made, Potentials())
    if isinstance(does, Dequantisation):
        given = does.node.inputs[0]
        item = np.dtype(given.dtype).itemsize
        way_out = DequantisePlan(does.scales, positions, given.dtype != "uint8", item)
        return LayerPlan(filters, way_out, Potentials())
    if isinstance(does, Concatenation):
        first, second = (given.shape[2] for given in does.node.inputs)
        return LayerPlan(filters, ConcatenatePlan(positions, first, second), Potentials())
    if isinstance(does, ShiftedAddition):
        return LayerPlan(filters, _addition(does, positions), Potentials())
    assert isinstance(does, MomentaryOperation)
    return _scaled(does, arch, saturates_by_step)


def _addition(does: ShiftedAddition, positions: int) -> ShiftedAddPlan:
    layer, value = does.layer, does.node.output
    return ShiftedAddPlan(
        first_shift=layer.a_shift,
        second_shift=layer.b_shift,
        shift=layer.output_shift,
        positions=positions,
        first_has_sign=does.node.inputs[0].dtype == "int8",
        second_has_sign=does.node.inputs[1].dtype == "int8",
        buffer_bits=layer.buffer_bits,
        low=-(1 << (layer.output_bits - 1)),
        high=(1 << (layer.output_bits - 1)) - 1,
        item=np.dtype(value.dtype).itemsize,
    )


@dataclass(eq=False, repr=False)
class _Sums:
    """A way to the sums of products of a layer."""

    path: Path
    lack: Wide | None = None
    """(F,): what its sums lack, where the product does not start from it."""
    flip: bool = False
    largest: int = 0
    """The largest byte that it multiplies."""
    lift: npt.NDArray[np.uint8] | None = None


def _scaled(does: MomentaryOperation, arch: Architecture, saturates_by_step: bool) -> LayerPlan:
    layer, moved = does.layer, _window(does)
    ranges = scaled_ranges(does)
    products = SumOfProducts(does, ranges)
    fast = None if saturates_by_step else _fast_sums(does, ranges, moved, arch)
    sums = fast or _exact_sums(does, saturates_by_step)
    pooling: MaxActivated | MaxSums | ScaledSum | FinishedSum | None = None
    activation: Activation = finish(does, sums.lack)
    exact_sums = isinstance(sums.path, Exact) and (ranges.wraps or saturates_by_step)
    fitted = None if exact_sums else find_scaled(products, sums.lack)
    if isinstance(does, ScaledSpatial) and does.pool == "sum":
        clipped = None if exact_sums else find_clipped(products, sums.lack, does.window.positions)
        pooling = clipped or FinishedSum()
    else:
        activation = fitted or activation
    if isinstance(does, ScaledSpatial) and does.pooling is not None:
        activates_first = isinstance(activation, Scaled) and does.node.output.low >= 0
        kind = MaxActivated if activates_first else MaxSums
        pooling = kind(**vars(WindowPlan.of(does.pooling)))
    if isinstance(activation, Scaled) and not isinstance(pooling, MaxSums) and arch.scales:
        activation = _fused(sums, activation, arch)
    spatial = SpatialPlan(WindowPlan.of(moved), sums.path, pooling, sums.flip, sums.lift)
    return LayerPlan(layer.filters, spatial, activation)


def _fused(sums: _Sums, scaled: Scaled, arch: Architecture) -> Scaled:
    """The same activation in the product, where that can make it; `sums` is changed for it."""
    path = sums.path
    if isinstance(path, DepthwiseSums):
        if np.abs(path.depthwise).max() > _FLIP or path.depthwise.max() == _FLIP:
            return scaled
        pair = 2 * sums.largest * int(np.abs(path.depthwise).max())
        if 0 < arch.byte_pair < pair:
            return scaled
        sums.path = DepthwiseScaled(path.depthwise.astype(np.int8), path.border)
        return FusedScaled(**vars(scaled))
    if isinstance(path, ShortRows):  # the rule where there are no products of bytes, else rare
        return scaled if arch.byte_pair else FusedScaled(**vars(scaled))
    if not isinstance(path, Direct | Patches | Lines):
        return scaled
    assert scaled.start is not None
    path.product.start = path.product.start + scaled.start
    return FusedScaled(**vars(scaled))


def _window(does: MomentaryOperation) -> Window:
    if isinstance(does, ScaledSpatial):
        return does.window
    if isinstance(does, ScaledDense):
        return window((1, 1, len(does.weights)), does.node.output_shape)
    size = does.weights.shape[:2]
    crop = (does.crop, does.crop)
    x, y, filters = does.node.output_shape
    return Window(does.node.input_shape, (x, y, filters), size, (2, 2), crop, (0, 0))


def _exact_sums(does: MomentaryOperation, saturates_by_step: bool) -> _Sums:
    weights = does.weights
    depthwise = isinstance(does, ScaledDepthwise) or (
        isinstance(does, ScaledTransposed) and does.depthwise
    )
    border = does.border if isinstance(does, ScaledConvolution) and does.border.any() else None
    path = Exact(
        weights=np.ascontiguousarray(weights),
        input_shift=does.input_shift,
        border=border,
        buffer_bits=does.layer.buffer_bits,
        has_sign=does.node.inputs[0].dtype == "int8",
        depthwise=depthwise,
        transposed=isinstance(does, ScaledTransposed),
        wraps=not isinstance(does, ScaledDense),
        steps=saturates_by_step,
    )
    return _Sums(path)


def _fast_sums(
    does: MomentaryOperation, ranges: ScaledRanges, moved: Window, arch: Architecture
) -> _Sums | None:
    """Sums by the kernels of 32 bits; None where these cannot be proven to hold them."""
    if isinstance(does, ScaledTransposed):
        return None
    value = does.node.inputs[0]
    weights = _shifted_weights(does, ranges)
    border = _border(does, moved)
    if weights is None or border is None:
        return None
    taps = 1 if isinstance(does, ScaledDense) else moved.taps
    rows = weights.reshape(taps * moved.source[2], -1)
    if isinstance(does, ScaledDepthwise):
        rows = weights.reshape(moved.taps, -1)
    flip = value.low < 0
    largest = value.high + _FLIP if flip else max(value.high, border)
    magnitudes = np.abs(rows).sum(0)
    lack = -_FLIP * rows.sum(0) if flip else np.zeros(rows.shape[1], np.int64)
    if 2 * (largest * magnitudes.max() + np.abs(lack).max()) > _INT32_MAX:
        return None
    border = _FLIP if flip else border
    needed = lack if flip else None
    if isinstance(does, ScaledDepthwise):
        return _Sums(DepthwiseSums(weights.astype(np.int16), border), needed, flip, largest)
    if np.abs(rows).max() <= _FLIP and rows.max() < _FLIP:
        path = _byte_path(rows, largest, border, lack, moved, arch)
        if path is not None:
            return _Sums(path, None, flip)
    lifted = None if flip else _lifted_sums(does, moved, border, arch)
    if lifted is not None:
        return lifted
    return _Sums(ShortRows(short_product(rows, arch.filter_block), border), needed, flip)


def _lifted_sums(
    does: MomentaryOperation, moved: Window, border: int, arch: Architecture
) -> _Sums | None:
    """Sums of bytes that are shifted as bytes; None where they would not be."""
    if does.input_shift is None or border:
        return None
    largest = does.node.inputs[0].high << int(does.input_shift.max())
    if largest > _BYTE_MAX:
        return None
    rows = does.weights.astype(np.int64).reshape(-1, does.layer.filters)
    path = _byte_path(rows, largest, border, np.zeros(rows.shape[1], np.int64), moved, arch)
    if path is None:
        return None
    return _Sums(path, lift=(1 << does.input_shift.astype(np.int64)).astype(np.uint8))


def _byte_path(
    rows: Wide, largest: int, border: int, start: Wide, moved: Window, arch: Architecture
) -> Path | None:
    walked = walked_lines(moved, rows, largest, border, start, arch)
    if walked is not None:
        return walked
    product = byte_product(rows, largest, arch, start)
    if product is None:
        return None
    if moved.size == moved.stride == (1, 1) and moved.source[2] == product.depth:
        return Direct(product)
    return Patches(product, border)


def _shifted_weights(does: MomentaryOperation, ranges: ScaledRanges) -> Wide | None:
    """Weights that make the shift of the input; None where that saturates, or leaves 16 bits."""
    weights = does.weights.astype(np.int64)
    if does.input_shift is None:
        return weights
    shift, value = does.input_shift.astype(np.int64), does.node.inputs[0]
    if np.any(ranges.inputs.low != value.low << shift):
        return None
    if np.any(ranges.inputs.high != value.high << shift):
        return None
    if isinstance(does, ScaledDepthwise):
        weights = weights << shift
    else:
        taps = len(weights) // len(shift)
        weights = weights << np.tile(shift, taps)[:, None]
    return weights if np.abs(weights).max() <= _INT16_MAX else None


def _border(does: MomentaryOperation, moved: Window) -> int | None:
    """What is beyond the edges of the input, if it is the same in all channels."""
    if not isinstance(does, ScaledConvolution) or not any((*moved.before, *moved.after)):
        return 0
    first = int(does.border[0])
    return first if np.all(does.border == first) else None


def finish(does: ScaledOperation, lack: Wide | None) -> Finish:
    """What becomes of sums that lack `lack`, None: nothing; of a recurrent layer behind their
    saturation."""
    layer, value = does.layer, does.node.output
    bits = layer.post_op_buffer_bits
    most = None
    if layer.activation == "relu":
        assert layer.max_value is not None
        assert layer.max_value_shift is not None
        shifted = layer.max_value.astype(np.int64) << layer.max_value_shift.astype(np.int64)
        most = saturate(shifted, bits).astype(np.int32)
    low, high = value.low, value.high
    return Finish(
        start=None if lack is None else lack.astype(np.int32),
        bias=bias_2(does).astype(np.int32),
        most=most,
        index_scale=layer.activation_scales,
        index_shift=layer.activation_shift,
        table=layer.lut_values,
        scale=layer.output_scales,
        shift=layer.output_shift,
        buffer_bits=layer.buffer_bits,
        bits=bits,
        bias_first=does.bias_at_buffer or (isinstance(does, ScaledConvolution) and does.bias_first),
        low=low,
        high=high,
        item=np.dtype(value.dtype).itemsize,
    )
