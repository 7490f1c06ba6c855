"""How the native backend plans a layer: which kernels will run it, with which constants.

Everything here happens once, when a model is prepared; src_c/include/akrt says what the C side
makes of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from akrt.backends.native.activations import (
    Activation,
    Bisect,
    FusedLanes,
    FusedScale,
    FusedShort,
    Levels,
    Potentials,
    Scale,
)
from akrt.backends.native.lanes import coarse_levels, half_byte_lanes, pays, short_lanes
from akrt.backends.native.lines import walked_lines
from akrt.backends.native.paths import (
    OFFSET_BLOCK,
    DepthwiseBytes,
    DepthwiseLanes,
    DepthwiseShort,
    DepthwiseWide,
    Direct,
    Halves,
    Lines,
    Patches,
    Path,
    RowLanes,
    ShortRows,
)
from akrt.backends.native.plan import (
    AdditionPlan,
    Collapse,
    DenseBytes,
    DenseShort,
    LayerPlan,
    MaxActivated,
    MaxPooling,
    SpatialPlan,
    SumPooling,
)
from akrt.backends.native.products import ByteProduct, WindowPlan, filled_up
from akrt.backends.native.scales import ShortScale, find_scale, find_short_scale
from akrt.backends.native.weights import (
    DEPTH_MULTIPLE,
    byte_chain,
    byte_product,
    interleave,
    padded_rows,
    short_product,
)
from akrt.kernels._kernels import Architecture
from akrt.lowering.operations import Addition, Convolution, Dense, NeuralOperation, Separable
from akrt.lowering.ranges import depthwise_range
from akrt.lowering.requantisation import bisection
from akrt.model import POTENTIAL_MAX, POTENTIAL_MIN, NeuralLayer

__all__ = ["pack"]

_INT16_MAX = (1 << 15) - 1
_UINT16_MAX = (1 << 16) - 1
_INT32_MAX = (1 << 31) - 1
_OPERAND_MAX = _INT16_MAX + 1 + 255
"""Of a separable layer's product: a byte and what it did not hold."""

Wide = npt.NDArray[np.int64]


class _Product(NamedTuple):
    """What a product multiplies by: its sums are ``start + factor * (input @ rows)``."""

    rows: Wide
    """(K, F)."""
    start: Wide
    """(F,)."""
    factor: Wide
    """(F,), by which the kernel multiplies."""


def pack(does: NeuralOperation, arch: Architecture) -> LayerPlan:
    """The plan of one layer.

    Args:
        does: what the layer does.
        arch: the kernels that will run it.
    """
    filters = does.layer.filters
    activation = _activation(does.layer, does.node.max_activated)
    if isinstance(does, Addition):
        x, y, _ = does.node.output_shape
        return LayerPlan(filters, AdditionPlan(x * y), activation)
    if isinstance(does, Dense):
        return LayerPlan(filters, _dense(does, arch), activation)
    product = _Product(
        does.weights.astype(np.int64), np.zeros(filters, np.int64), np.ones(filters, np.int64)
    )
    if isinstance(activation, Scale) and (does.pool is None or _activates_first(does)):
        activation, product = _fused(does, activation, product, arch)
    if isinstance(does, Separable):
        path = _depthwise_path(does, activation, product, arch)
    else:
        path = _convolution_path(does, activation, product, arch)
    if isinstance(activation, FusedScale) and not isinstance(
        path, Direct | Patches | Lines | DepthwiseBytes
    ):
        activation = Scale(**vars(activation))
    window = WindowPlan.of(does.window)
    return LayerPlan(filters, SpatialPlan(window, path, _pooling(does, path, arch)), activation)


def _dense(does: Dense, arch: Architecture) -> DenseBytes | DenseShort:
    inputs = len(does.weights)
    start = np.zeros(does.layer.filters, np.int64)
    product = byte_product(does.weights, does.node.input_max, arch, start)
    if product is not None:
        return DenseBytes(product, inputs)
    return DenseShort(short_product(does.weights, arch.filter_block), inputs)


def _fused(
    does: Convolution | Separable, scale: Scale, product: _Product, arch: Architecture
) -> tuple[Activation, _Product]:
    """The best activation that the product can make itself, and the product for it."""
    layer = does.layer
    rows, factor = product.rows, product.factor
    start = -layer.threshold.astype(np.int64)
    short = _short_scale(does, rows, arch)
    if short is not None:
        start = start * short.factor + short.offset
        by_kernel = arch.byte_pair <= _INT16_MAX  # larger weights leave 16-bit sums no room
        if by_kernel:
            factor = short.factor
        else:
            rows = rows * short.factor
        kept = factor.astype(np.int16) if by_kernel else None
        fused = FusedShort(factor=kept, mul=short.mul, shift=short.shift, top=short.top)
        return fused, _Product(rows, start, factor)
    lanes = _lanes(does, rows) if arch.lanes else None
    if lanes is not None:
        return lanes, product
    return FusedScale(**vars(scale)), _Product(rows, start, factor)


def _convolution_path(
    does: Convolution, activation: Activation, product: _Product, arch: Architecture
) -> Path:
    if isinstance(activation, FusedLanes):
        return RowLanes(does.border) if activation.step is None else Halves(does.border)
    rows, start, input_max = product.rows, product.start, does.node.input_max
    walked = walked_lines(does.window, rows, input_max, does.border, start, arch)
    if walked is not None:
        return walked
    bytes_ = byte_product(rows, input_max, arch, start)
    if bytes_ is None:
        return ShortRows(short_product(rows, arch.filter_block), does.border)
    moved = does.window.size == does.window.stride == (1, 1)
    if moved and does.window.source[2] == bytes_.depth:
        return Direct(bytes_)
    return Patches(bytes_, does.border)


def _depthwise_path(
    does: Separable, activation: Activation, product: _Product, arch: Architecture
) -> Path:
    depthwise = does.depthwise.astype(np.int16)
    if isinstance(activation, FusedLanes):
        return DepthwiseLanes(depthwise)
    rows, start, factor = product
    chain, offset = _depthwise_bytes(does, rows, arch, factor)
    if chain:
        bytes_ = padded_rows(rows, DEPTH_MULTIPLE).astype(np.int8)
        padded = np.zeros(filled_up(len(offset), OFFSET_BLOCK), np.int32)
        padded[: len(offset)] = offset
        made = ByteProduct(
            weights=interleave(bytes_, arch.byte_block, 4),
            rest_weights=short_product(rows * factor, arch.filter_block).weights,
            start=(start - offset @ (rows * factor)).astype(np.int32),
            depth=bytes_.shape[1],
            filters=bytes_.shape[0],
            chain=chain,
        )
        return DepthwiseBytes(does.depthwise, padded, made)
    if does.node.max_depthwise > _INT16_MAX:
        return DepthwiseWide(depthwise, short_product(rows, 1))
    return DepthwiseShort(depthwise, short_product(rows, arch.filter_block))


def _depthwise_bytes(
    does: Separable, rows: Wide, arch: Architecture, factor: Wide
) -> tuple[int, Wide]:
    """The `chain` of a separable layer's product in bytes, and an offset by channel.

    The chain is 0 where bytes cannot serve. `factor` is what the kernel multiplies its sums by.
    The offset puts the depthwise results of a channel where most of them fit a byte.
    """
    node = does.node
    low, above = depthwise_range(does)
    below = -low
    span = np.maximum(above + below, 1)
    offset = np.where(span <= 255, below, (255 * below + span // 2) // span)
    padded = padded_rows(rows, DEPTH_MULTIPLE)
    chain = byte_chain(padded, 255, arch.byte_pair)
    pair = 2 * node.input_max * int(np.abs(does.depthwise.astype(np.int64)).max())
    largest = _OPERAND_MAX * (np.abs(padded).sum(1) * factor).max()
    reach = max((above + offset).max(), (below - offset).max(), node.max_depthwise)
    if pair > arch.byte_pair or reach > _INT16_MAX or largest > _INT32_MAX // 2:
        chain = 0
    return chain, offset


def _pooling(
    does: Convolution | Separable, path: Path, arch: Architecture
) -> MaxPooling | MaxActivated | SumPooling | None:
    if does.pool is None:
        return None
    if does.pooling is not None:
        kind = MaxActivated if _activates_first(does) else MaxPooling
        return kind(**vars(WindowPlan.of(does.pooling)))
    if isinstance(path, DepthwiseBytes):
        weights = path.product.rest_weights
    elif isinstance(path, DepthwiseShort) and not isinstance(path, DepthwiseWide):
        weights = path.product.weights
    else:
        return SumPooling()
    assert isinstance(does, Separable)
    if not _can_collapse(does):
        return SumPooling()
    assert weights is not None
    magnitudes = short_product(np.abs(does.weights.astype(np.int64)), arch.filter_block)
    return Collapse(
        depthwise=does.depthwise.astype(np.int16),
        weights=weights,
        magnitudes=magnitudes.weights,
        depth=magnitudes.depth,
        filters=magnitudes.filters,
    )


def _activates_first(does: Convolution | Separable) -> bool:
    """Whether max pooling may act on the activations.

    These grow with the potential, and its saturation changes none if all levels are within.
    """
    if does.pool != "max" or does.layer.act_bits is None:
        return False
    levels = does.layer.firing_levels
    return bool(levels.min() >= POTENTIAL_MIN and levels.max() < POTENTIAL_MAX)


def _short_scale(
    does: Convolution | Separable, rows: npt.NDArray[np.int64], arch: Architecture
) -> ShortScale | None:
    """Constants of akrt_matmul_u8s8_u8_short where a layer can use it."""
    node, layer = does.node, does.layer
    assert layer.act_bits is not None
    multiplies_bytes = (
        _depthwise_bytes(does, rows, arch, np.ones_like(layer.step16))[0] > 0
        if isinstance(does, Separable)
        else byte_chain(rows.T, node.input_max, arch.byte_pair) > 0
    )
    if not multiplies_bytes:
        return None
    reach = node.max_potential + int(np.abs(layer.threshold.astype(np.int64)).max())
    most = np.minimum(127 // np.abs(rows).max(0).clip(1), _INT32_MAX // (2 * reach + 1))
    if isinstance(does, Separable):
        largest = _OPERAND_MAX * np.abs(rows).sum(0).clip(1)
        most = np.minimum(most, _INT32_MAX // 2 // largest)
    step = layer.step16 << (4 - layer.act_bits)
    return find_short_scale(layer.firing_levels - layer.threshold, step, most)


def _lanes(does: Convolution | Separable, rows: npt.NDArray[np.int64]) -> FusedLanes | None:
    """Constants of the products in 16-bit lanes for weights (K, F) where a layer can use them."""
    node, layer = does.node, does.layer
    assert layer.act_bits is not None
    levels = layer.firing_levels - layer.threshold
    step = layer.step16.astype(np.int64) << (4 - layer.act_bits)
    in_halves = not node.sources  # bytes
    counted, unit = (coarse_levels(levels), 256) if in_halves else (levels, 16)
    most = _UINT16_MAX // (counted[-1] + step // unit + 2)  # the offset is less than a step
    if not pays(layer.filters, len(rows), in_halves):
        return None
    short = find_short_scale(counted, step, most.clip(1), unit)
    if short is None:
        return None
    if in_halves:
        return half_byte_lanes(rows.T, layer.threshold, levels, step, short)
    input_max = node.input_max
    if isinstance(does, Separable):
        input_max = node.max_depthwise
    padded = padded_rows(rows, DEPTH_MULTIPLE)
    return short_lanes(padded, input_max, layer.threshold, levels, short)


def _can_collapse(does: Separable) -> bool:
    """Whether a sum over all positions may be taken before the product: akrt_collapsed_sum."""
    node, positions = does.node, does.window.positions
    if 2 * positions * node.max_depthwise > _INT32_MAX:
        return False
    low_parts = (_INT16_MAX * np.abs(does.weights.astype(np.int64)).sum(0)).max()
    return bool(2 * positions * node.max_potential + low_parts <= _INT32_MAX)


def _activation(layer: NeuralLayer, max_activated: int) -> Activation:
    """The cheapest way from potentials to activations that is exact for this layer."""
    if layer.act_bits is None:
        return Potentials()
    compared = bisection(layer, max_activated)
    if compared is None:
        limits = np.iinfo(np.int32)
        levels = np.clip(layer.firing_levels, limits.min, limits.max).astype(np.int32)
        return Levels(levels, len(levels))
    step = layer.step16 << (4 - layer.act_bits)
    scale = find_scale(layer.firing_levels - layer.threshold, step)
    if scale is not None:
        return replace(scale, threshold=layer.threshold)
    return Bisect(layer.threshold, compared.step.astype(np.int32), layer.act_bits)
