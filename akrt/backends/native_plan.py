"""How the native backend packs a layer: which kernels will run it, with which constants.

Everything here happens once, when a model is prepared; src_c/include/akrt says what the C side
makes of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.backends.native_lanes import (
    Lanes,
    coarse_levels,
    half_byte_lanes,
    pays,
    short_lanes,
)
from akrt.backends.native_scales import ShortScale, find_scale, find_short_scale
from akrt.kernels._kernels import Architecture
from akrt.lowering.geometry import Window, window
from akrt.lowering.operations import Convolution, Dense, Separable
from akrt.lowering.ranges import depthwise_range
from akrt.lowering.requantisation import bisection
from akrt.model import (
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    NeuralLayer,
    Node,
)

_INT16_MAX = (1 << 15) - 1
_UINT16_MAX = (1 << 16) - 1
_INT32_MAX = (1 << 31) - 1
_DEPTH_MULTIPLE = 8
_OPERAND_MAX = _INT16_MAX + 1 + 255
"""Of a separable layer's product: a byte and what it did not hold."""
_WIDE_DEPTH = 256


def pack(does: Dense | Convolution | Separable, arch: Architecture) -> dict[str, Any]:
    """The fields of `akrt_layer` (src_c/include/akrt/network.h) for one layer.

    Args:
        does: what the layer does.
        arch: the kernels that will run it.
    """
    node, layer = does.node, does.layer
    packed: dict[str, Any] = {
        "pool": None,
        "border": 0,
        "wide_depthwise": 0,
        "output_shape": node.output_shape,
        "magnitudes": None,
        "activates_first": 0,
        "walks": 0,
        **_activation(layer, node.max_activated),
    }
    if isinstance(does, Dense):
        packed.update(
            op="dense",
            conv=_window(window(node.input_shape, node.output_shape)),
            **_plain_weights(does.weights, node, arch, np.zeros(layer.filters, np.int64)),
        )
        return packed
    conv = _window(does.window)
    rows = does.weights.astype(np.int64)
    # where the product makes activations itself, its sums start at the negated threshold
    start = np.zeros(layer.filters, np.int64)
    factor = np.ones(layer.filters, np.int64)
    if _activates_first(does):
        packed["activates_first"] = 1
    if packed["act"] == "scale" and (does.pool is None or packed["activates_first"]):
        start -= layer.threshold
        short = _short_scale(does, rows, arch)
        if short is not None:
            start = start * short["factor"] + short["offset"]
            packed.update(act="short", scale={**short, "factor": None})
            if arch.byte_pair > _INT16_MAX:
                rows = rows * short["factor"]
            else:  # larger weights would leave 16-bit sums no room
                factor = short["factor"]
                packed["scale"]["factor"] = factor.astype(np.int16)
        elif arch.lanes:
            scale = _lanes(does, rows)
            if scale is not None:
                packed.update(act="lanes", scale=scale)
    if isinstance(does, Separable):
        wide = node.max_depthwise > _INT16_MAX
        block = 1 if wide else arch.filter_block
        packed.update(
            op="separable",
            depthwise=does.depthwise.astype(np.int16),
            wide_depthwise=int(wide),
            **_wide_weights(rows * factor, block),
            bytes=_separable_bytes(does, rows, arch, start, factor),
        )
        if not wide and can_collapse(does):
            packed["magnitudes"] = _wide_weights(np.abs(rows), block)["weights"]
    else:
        by_line = _filled_lines(rows, does.window.size[0])
        # 1x1 needs no windows; and a filled line must not cost more than a copy of each window
        if arch.walks and does.window.taps > 1 and 3 * len(by_line) <= 4 * len(rows):
            packed["walks"] = 1
            rows = by_line
        packed.update(op="conv", **_plain_weights(rows, node, arch, start), border=does.border)
    packed["conv"] = conv
    packed["pool"] = does.pool
    if does.pooling is not None:
        packed["max_pool"] = _window(does.pooling)
    return packed


def _activates_first(does: Convolution | Separable) -> bool:
    """Whether max pooling may act on the activations.

    These grow with the potential, and its saturation changes none if all levels are within.
    """
    if does.pool != "max" or does.layer.act_bits is None:
        return False
    levels = does.layer.firing_levels
    return bool(levels.min() >= POTENTIAL_MIN and levels.max() < POTENTIAL_MAX)


def _plain_weights(
    weights: npt.NDArray[Any], node: Node, arch: Architecture, start: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Weights (K, F) of a convolution or a fully connected layer: bytes if possible."""
    rows = _padded_rows(weights, 4)
    chain = byte_chain(rows, node.input_max, arch.byte_pair)
    wide = arch.byte_pair == _INT16_MAX and rows.shape[1] <= _WIDE_DEPTH
    if not chain and not wide:
        return {**_wide_weights(weights, arch.filter_block), "bytes": None}
    return {
        "weights": None if chain else interleave(rows, arch.filter_block, 2),
        "filters": rows.shape[0],
        "depth": rows.shape[1],
        "bytes": {
            "weights": interleave(rows.astype(np.int8), arch.byte_block, 4) if chain else None,
            "start": start.astype(np.int32),
            "chain": chain,
        },
    }


def _separable_bytes(
    does: Separable,
    pointwise: npt.NDArray[np.int64],
    arch: Architecture,
    start: npt.NDArray[np.int64],
    factor: npt.NDArray[np.int64],
) -> dict[str, Any] | None:
    """What a separable layer needs to multiply bytes; None where it cannot.

    `factor` is what the kernel multiplies its sums by. The offset puts the depthwise results of a
    channel where most of them fit a byte.
    """
    node, taps = does.node, does.depthwise.astype(np.int64)
    low, above = depthwise_range(does)
    below = -low
    span = np.maximum(above + below, 1)
    offset = np.where(span <= 255, below, (255 * below + span // 2) // span)
    rows = _padded_rows(pointwise, _DEPTH_MULTIPLE)
    chain = byte_chain(rows, 255, arch.byte_pair)
    pair = 2 * node.input_max * int(np.abs(taps).max())
    largest = _OPERAND_MAX * (np.abs(rows).sum(1) * factor).max()
    reach = max((above + offset).max(), (below - offset).max())
    reach = max(node.max_depthwise, reach)
    if not chain or pair > arch.byte_pair or reach > _INT16_MAX or largest > _INT32_MAX // 2:
        return None
    padded = np.zeros(-(-len(offset) // 64) * 64, np.int32)
    padded[: len(offset)] = offset
    return {
        "weights": interleave(rows.astype(np.int8), arch.byte_block, 4),
        "start": (start - offset @ (pointwise * factor)).astype(np.int32),
        "chain": chain,
        "depthwise": does.depthwise,
        "offset": padded,
    }


def _short_scale(
    does: Convolution | Separable, rows: npt.NDArray[np.int64], arch: Architecture
) -> ShortScale | None:
    """Constants of akrt_matmul_u8s8_u8_short where a layer can use it."""
    node, layer = does.node, does.layer
    assert layer.act_bits is not None
    none = np.zeros(layer.filters, np.int64)
    multiplies_bytes = (
        _separable_bytes(does, rows, arch, none, none + 1) is not None
        if isinstance(does, Separable)
        else bool(byte_chain(rows.T, node.input_max, arch.byte_pair))
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


def _lanes(does: Convolution | Separable, rows: npt.NDArray[np.int64]) -> Lanes | None:
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
    padded = _padded_rows(rows, _DEPTH_MULTIPLE)
    return short_lanes(padded, input_max, layer.threshold, levels, short)


def byte_chain(rows: npt.NDArray[np.integer[Any]], input_max: int, byte_pair: int) -> int:
    """`chain` of akrt_matmul_u8s8_* (kernels.inc): 0 where these cannot serve at all.

    Args:
        rows: weights (F, K).
        input_max: largest value that they multiply.
        byte_pair: the architecture's limit for a sum of two products.
    """
    # no input is negative: a sum stays between those of its negative and positive products
    products = input_max * _padded_rows(rows.T, 4).astype(np.int64)
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


def _padded_rows(weights: npt.NDArray[np.integer[Any]], multiple: int) -> npt.NDArray[np.int16]:
    """(K, F) to (F, K), K filled up with zeros to a multiple."""
    inputs, filters = weights.shape
    rows = np.zeros((filters, -(-inputs // multiple) * multiple), np.int16)
    rows[:, :inputs] = weights.T
    return rows


def _filled_lines(weights: npt.NDArray[np.int64], lines: int) -> npt.NDArray[np.int64]:
    """(K, F) of a kernel of so many lines, each filled up with zeros to a multiple of 4 inputs."""
    inputs, filters = weights.shape
    length = inputs // lines
    whole = np.zeros((lines, -(-length // 4) * 4, filters), np.int64)
    whole[:, :length] = weights.reshape(lines, length, filters)
    return whole.reshape(-1, filters)


def _wide_weights(weights: npt.NDArray[np.integer[Any]], block: int) -> dict[str, Any]:
    """(K, F) in the order of akrt_matmul_s16s16: see kernels.inc; K and F filled up with zeros."""
    rows = _padded_rows(weights, _DEPTH_MULTIPLE)
    return {
        "weights": interleave(rows, block, 2),
        "filters": rows.shape[0],
        "depth": rows.shape[1],
    }


def can_collapse(does: Separable) -> bool:
    """Whether a sum over all positions may be taken before the pointwise product (network.h)."""
    node, positions = does.node, does.window.positions
    if does.pool != "sum":
        return False
    if 2 * positions * node.max_depthwise > _INT32_MAX:
        return False
    low_parts = (_INT16_MAX * np.abs(does.weights.astype(np.int64)).sum(0)).max()
    return bool(2 * positions * node.max_potential + low_parts <= _INT32_MAX)


def interleave(rows: npt.NDArray[Any], block: int, inputs: int) -> npt.NDArray[Any]:
    """(F, depth) to (blocks of filters, depth / inputs, block, inputs), filled up with zeros."""
    filters, depth = rows.shape
    whole = np.zeros((-(-filters // block) * block, depth), rows.dtype)
    whole[:filters] = rows
    groups = whole.reshape(-1, block, depth // inputs, inputs).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(groups)


def _window(window: Window) -> dict[str, int]:
    """The fields of `akrt_window` (src_c/include/akrt/network.h)."""
    return {
        "in_x": window.source[0],
        "in_y": window.source[1],
        "channels": window.source[2],
        "out_x": window.target[0],
        "out_y": window.target[1],
        "size_x": window.size[0],
        "size_y": window.size[1],
        "stride_x": window.stride[0],
        "stride_y": window.stride[1],
        "pad_x": window.before[0],
        "pad_y": window.before[1],
    }


def _activation(layer: NeuralLayer, max_activated: int) -> dict[str, Any]:
    """The cheapest way from potentials to activations that is exact for this layer."""
    chosen: dict[str, Any] = {"act": None, "act_bits": layer.act_bits}
    if layer.act_bits is None:
        return chosen
    chosen["threshold"] = layer.threshold
    compared = bisection(layer, max_activated)
    if compared is None:
        limits = np.iinfo(np.int32)
        levels = np.clip(layer.firing_levels, limits.min, limits.max).astype(np.int32)
        return {**chosen, "act": "levels", "levels": levels}
    step = layer.step16 << (4 - layer.act_bits)
    scale = find_scale(layer.firing_levels - layer.threshold, step)
    if scale is not None:
        return {**chosen, "act": "scale", "scale": scale}
    return {**chosen, "act": "bisect", "step": compared.step.astype(np.int32)}
