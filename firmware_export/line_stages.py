"""Stages on lines of nibbles: products of small integers, several to a multiplication, of any shape
with weights of at most 4 bits, and what belongs to them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window
from akrt.lowering.operations import Addition, Convolution, Dense, NeuralOperation, Separable
from akrt.lowering.ranges import potential_range, product_range
from akrt.model import POTENTIAL_MAX, POTENTIAL_MIN
from firmware_export.halves_groups import Grouping, grouping
from firmware_export.layer_constants import (
    Emission,
    constant,
    layer_constants,
    structure_of_shape,
)
from firmware_export.packing import triple_words
from firmware_export.sizes import (
    LINES_MOST,
    LONG_TAPS,
    MCU_LAYER,
    Size,
    add_lines_scratch,
    bytes_lines_scratch,
    conv_lines_scratch,
    dense_line_scratch,
    separable_lines_scratch,
    wide_lines_scratch,
)
from firmware_export.step import Constant, Lines, Stage, Tensor
from firmware_export.vector_weights import (
    PART,
    byte_vectors,
    depthwise_vectors,
    nibble_vectors,
    pointwise_vectors,
)

__all__ = ["changed_layout", "line_obstacles", "line_stages", "reads_bytes", "taps_together"]

_LONG_ORDER = np.array([[0, 2, 4, 6], [7, 1, 3, 5]])
"""Nibbles of four inputs of a pair of filters, where multiplication is long: akrt_product.h."""
_DENSE_GROUP = 8
"""AKRT_DENSE_GROUP."""
_DENSE_SHIFTS = 4 * np.array([[4, 5, 6, 7], [0, 1, 2, 3]])[..., None]
"""akrt_dense_line_halves.h."""
_INT16_MAX, _INT32_MAX = (1 << 15) - 1, (1 << 31) - 1


def line_obstacles(does: NeuralOperation) -> tuple[str, ...]:
    """All that keeps a layer from these kernels, for people."""
    if isinstance(does, Addition):
        return ()
    rules = []
    if not reads_bytes(does):
        bits = does.layer.weights_bits
        rules += [
            (bits <= 4, f"{bits}-bit weights, more than 4"),
            (does.node.input_max <= 15, f"inputs up to {does.node.input_max}, more than 4 bits"),
        ]
    if not isinstance(does, Dense):
        reach = max(does.window.size[0], 0 if does.pooling is None else does.pooling.size[0])
        rules.append((reach <= LINES_MOST, f"windows of {reach} on X, more than {LINES_MOST}"))
        raw = does.pooling is not None and does.layer.act_bits is None
        rules.append((not raw, "max pooling of potentials that stay potentials"))
    if isinstance(does, Separable):
        most = does.node.max_depthwise
        rules.append((most <= _INT16_MAX, "a depthwise result of more than 16 bits"))
        whole = 16 * most * len(does.weights) <= _INT32_MAX
        rules.append((whole, "biased potentials of more than 32 bits"))
    return tuple(text for holds, text in rules if not holds)


def reads_bytes(does: NeuralOperation) -> bool:
    """Whether inputs or weights need 8 bits, and a kernel is there for them."""
    if not isinstance(does, Convolution):
        return False
    return does.layer.weights_bits > 4 or does.node.input_max > 15


def line_stages(
    prefix: str, index: int, does: NeuralOperation, sources: tuple[Tensor, ...], target: Tensor
) -> tuple[Stage, ...]:
    """The stages of a layer that nothing keeps from these kernels.

    Args:
        prefix: of the C names of the layer's constants.
        index: of the layer in the model.
        does: what the layer does.
        sources: of layout ``lines``, or ``bytes`` where `reads_bytes`.
        target: of layout ``lines``, or ``words`` if the layer has no activation.
    """
    shape = does.node.conv_shape
    if isinstance(does, Addition):
        structure = layer_constants(prefix, does)
        moved = Lines(shape[0], shape[0])
        scratch = add_lines_scratch()
        return (
            _stage(index, "akrt_add_lines", prefix, sources, target, moved, structure, scratch),
        )
    inputs, filters = does.weights.shape
    name, depthwise, group = f"{prefix}_weights", None, 0
    if isinstance(does, Dense):
        x, _, channels = sources[0].shape
        kernel, weights = "akrt_dense_line", _dense_weights(name, does.weights, channels)
        moved, scratch = Lines(x, 1, reach=x), dense_line_scratch()
    else:
        moved = _moved(does.window)
        taps, channels = does.window.taps, does.node.input_shape[2]
        if isinstance(does, Separable):
            kernel, weights = "akrt_separable_lines", _pointwise_weights(name, does)
            halves = grouping(does)
            depthwise = _depthwise_weights(f"{prefix}_depthwise", does, halves)
            group = _group(does)
            size, stride = does.window.size, does.window.stride[1]
            groups = -(-(-(-inputs // 8) * 8) // group) if group else 0
            groups = max(groups, halves.starts)
            scratch = separable_lines_scratch(inputs, size, stride, groups)
        elif not reads_bytes(does):
            most = taps_together(does.weights, channels)
            kernel = "akrt_conv_lines"
            weights = _weights(name, does.weights, channels, most)
            scratch = conv_lines_scratch(taps, channels, filters)
        else:
            kernel, weights = "akrt_bytes_lines", _byte_weights(name, does.weights)
            scratch = bytes_lines_scratch(inputs, filters)
            if sources[0].layout == "lines":
                kernel, line = "akrt_wide_lines", does.node.input_shape[1] * channels
                scratch = wide_lines_scratch(inputs, filters, does.window.size[0], line)
    pool = None if isinstance(does, Dense) else does.pool
    emits = Emission.SUMS if pool == "sum" else Emission.OUTPUT
    if pool == "max" or isinstance(does, Dense):
        emits = Emission.SATURATED if _saturates(does) else Emission.OUTPUT
    given = sources[0].shape
    structure = layer_constants(prefix, does, weights, depthwise, group, emits, given)
    first = target
    if pool is not None:
        layout = "sums" if pool == "sum" else "lines"
        first = Tensor(f"{target.name}_before", shape, layout)
    stages = [_stage(index, kernel, prefix, sources, first, moved, structure, scratch)]
    if pool == "max":
        assert not isinstance(does, Dense)
        assert does.pooling is not None
        moved = _moved(does.pooling)
        stages.append(_stage(index, "akrt_max_line", prefix, (first,), target, moved))
    elif pool == "sum":
        prefix = f"{prefix}_sums"
        structure = layer_constants(prefix, does)
        moved = Lines(shape[0], 1, reach=shape[0])
        stages.append(_stage(index, "akrt_sums_line", prefix, (first,), target, moved, structure))
    return tuple(stages)


def changed_layout(prefix: str, layer: int, source: Tensor, target: Tensor) -> Stage:
    """Bytes to lines, or lines to bytes, rows or words, beside the layer `layer`."""
    kernel = {
        "bytes": "akrt_unpack_line",
        "lines": "akrt_pack_line",
        "rows": "akrt_row_line",
        "words": "akrt_widen_line",
    }
    shape = source.shape
    structure = (structure_of_shape(prefix, shape),)
    moved = Lines(shape[0], shape[0])
    of_target = kernel[target.layout]
    return _stage(layer, of_target, prefix, (source,), target, moved, structure, ends=False)


def _stage(
    layer: int,
    kernel: str,
    structure: str,
    sources: tuple[Tensor, ...],
    target: Tensor,
    moved: Lines,
    constants: tuple[Constant, ...] = (),
    scratch: Size | None = None,
    ends: bool | None = None,
) -> Stage:
    if ends is None:
        ends = not target.name.endswith("_before")
    sizes = {"layer": MCU_LAYER} | ({} if scratch is None else {"scratch": scratch})
    return Stage(layer, kernel, structure, sources, target, moved, constants, sizes, ends)


def _moved(window: Window) -> Lines:
    return Lines(
        window.source[0], window.target[0], window.size[0], window.stride[0], window.before[0]
    )


def _saturates(does: Convolution | Dense | Separable) -> bool:
    """Whether a potential can leave the 20 bits of an accumulator."""
    low, high = potential_range(does)
    return bool(low.min() < POTENTIAL_MIN or high.max() > POTENTIAL_MAX)


def _group(does: Separable) -> int:
    """Channels over which every filter's sum fits 16 bits, a multiple of 4; 0: not even four."""
    least, most = product_range(does)
    for size in range(-(-len(least) // 4) * 4, 3, -4):
        starts = range(0, len(least), size)
        sums = [(least[s : s + size].sum(0), most[s : s + size].sum(0)) for s in starts]
        if all(a.min() >= -(1 << 15) and b.max() < 1 << 15 for a, b in sums):
            return size
    return 0


def _pointwise_weights(name: str, does: Separable) -> Constant:
    """Pointwise weights (C, F) in the order that each core wants."""
    weights = does.weights
    filters = weights.shape[1]
    even = -(-filters // 2) * 2
    biased = _biased(weights, weights.shape[0], 8, even)
    dsp = np.concatenate(([_saturates(does)], triple_words(weights, filters).ravel()))
    quads = biased.reshape(-1, 4, even // 2, 2).transpose(2, 0, 3, 1)
    short = (quads << (4 * np.arange(8).reshape(2, 4))).sum((2, 3))
    texts = [
        ("#if AKRT_MVE", pointwise_vectors(name, weights)),
        ("#elif AKRT_DSP", constant(name, "uint32_t", dsp, "4 bits: 8 channels of 3 filters")),
        ("#else", constant(name, "uint32_t", short, "4 bits: by pair of filters")),
    ]
    return _by_core(name, texts)


def _depthwise_weights(name: str, does: Separable, halves: Grouping) -> Constant:
    """Depthwise weights, a byte each by channel, or in the fields of akrt_depthwise_nine.h."""
    weights = does.depthwise
    flat = weights.reshape(-1, weights.shape[2])
    filled = np.zeros((-(-flat.shape[1] // 8) * 8, len(flat)), np.int8)
    filled[: flat.shape[1]] = flat.T
    texts = [("#if AKRT_MVE", depthwise_vectors(name, weights))]
    if does.window.size == (3, 3) and does.window.stride[1] == 1:
        lines = filled.reshape(-1, 3, 3) @ (1 << np.array([24, 12, 0]))
        note = "by channel: three weights of a line in fields of 12 bits"
        texts.append(("#elif AKRT_LONG_MLA", constant(name, "int32_t", lines, note)))
    told = np.concatenate((filled.ravel(), halves.table))
    note = "by channel, then what akrt_pointwise_halves.h reads"
    texts.append(("#else", constant(name, "int8_t", told, note)))
    return _by_core(name, texts)


def _byte_weights(name: str, weights: npt.NDArray[np.int8]) -> Constant:
    """Weights (K, F) of 8 bits, in the order that each core wants."""
    inputs, filters = weights.shape
    plain = np.zeros((filters, -(-inputs // 4) * 4), np.int8)
    plain[:, :inputs] = weights.T
    quads = plain.reshape(filters, -1, 4)[..., [0, 2, 1, 3]]
    note = "8 bits, by filter; of four the middle two are swapped"
    texts = [
        ("#if AKRT_MVE", byte_vectors(name, weights)),
        ("#else", constant(name, "int8_t", quads, note)),
    ]
    return _by_core(name, texts)


def taps_together(weights: npt.NDArray[np.int8], channels: int) -> int:
    """Inputs of a window whose products, at most AKRT_PRODUCT_TAPS, are added up in 14 bits.

    akrt_conv_lines takes octets of channels, tap by tap, until another would be too many.
    """
    spans = [min(8, -(-(channels - c) // 4) * 4) for c in range(0, channels, 8)]
    octets = spans * (len(weights) // channels)
    plain = _biased(weights, channels, 4, weights.shape[1]) - 8
    for most in range(LONG_TAPS, 64, -8):
        starts, inputs, total = [0], 0, 0
        for octet in octets:
            if inputs + 8 > most:
                starts.append(total)
                inputs = 0
            inputs += octet
            total += octet
        above = np.add.reduceat(np.maximum(plain, 0), starts)
        below = np.add.reduceat(np.minimum(plain, 0), starts)
        if 15 * above.max() < 1 << 13 and 15 * below.min() >= -(1 << 13):
            return most
    return 64  # times 15 * 8 is below 2^13


def _weights(name: str, weights: npt.NDArray[np.int8], channels: int, most: int) -> Constant:
    """Weights (positions * channels, F) in the order that each core wants.

    Channels are filled up to a multiple of 4. Those of cores with a long multiply begin with
    `most`.
    """
    pairs = -(-weights.shape[1] // 2)
    # (pair, quad, filter of the pair, input of the quad)
    nibbles = _biased(weights, channels, 4, pairs * 2).reshape(-1, 4, pairs, 2)
    nibbles = nibbles.transpose(2, 0, 3, 1)
    long = (nibbles << (4 * _LONG_ORDER)).sum((2, 3))
    short = (nibbles << (4 * np.array([[0, 1, 2, 3], [4, 5, 6, 7]]))).sum((2, 3))
    counted = np.concatenate(([most], long.ravel()))
    texts = [
        ("#if AKRT_MVE", nibble_vectors(name, weights, channels, PART)),
        ("#elif AKRT_LONG_MLA", constant(name, "uint32_t", counted, "4 bits: by pair of filters")),
        ("#else", constant(name, "uint32_t", short, "4 bits: by pair of filters")),
    ]
    return _by_core(name, texts)


def _dense_weights(name: str, weights: npt.NDArray[np.int8], channels: int) -> Constant:
    """The same of a fully connected layer; channels are filled up to a multiple of 8."""
    filters = weights.shape[1]
    pairs = -(-filters // 2)
    biased = _biased(weights, channels, 8, pairs * 2)
    plain = (biased[:, :filters] - 8).reshape(-1, 8, filters)[:, [0, 4, 1, 5, 2, 6, 3, 7]]
    dsp = triple_words(plain.reshape(-1, filters).astype(np.int8), filters)
    long = biased.reshape(-1, 4, pairs, 2).transpose(2, 0, 3, 1) << (4 * _LONG_ORDER)
    # (octet, filter), the second four inputs of an octet in the low half
    octets = (biased.reshape(-1, 2, 4, 2 * pairs) << _DENSE_SHIFTS).sum((1, 2))
    grouped = filters // _DENSE_GROUP * _DENSE_GROUP
    eights = octets[:, :grouped].reshape(len(octets), -1, _DENSE_GROUP).transpose(1, 0, 2)
    twos = octets[:, grouped:].reshape(len(octets), -1, 2).transpose(1, 0, 2)
    short = np.concatenate([eights.ravel(), twos.ravel()])
    note = "4 bits: by filters, eight or two at a time"
    texts = [
        ("#if AKRT_MVE", nibble_vectors(name, weights, channels, 16 * len(weights))),
        ("#elif AKRT_DSP", constant(name, "uint32_t", dsp, "4 bits: 8 inputs of 3 filters")),
        (
            "#elif AKRT_LONG_MLA",
            constant(name, "uint32_t", long.sum((2, 3)), "4 bits: by pair of filters"),
        ),
        ("#else", constant(name, "uint32_t", short, note)),
    ]
    return _by_core(name, texts)


def _biased(
    weights: npt.NDArray[np.int8], channels: int, multiple: int, filters: int
) -> npt.NDArray[np.int64]:
    """Weights (positions * channels, F) plus 8; channels filled up to a `multiple`, filters to
    `filters`, with 8 for zero."""
    positions = len(weights) // channels
    biased = np.full((positions, -(-channels // multiple) * multiple, filters), 8, np.int64)
    biased[:, :channels, : weights.shape[1]] += weights.reshape(positions, channels, -1)
    return biased.reshape(-1, filters)


def _by_core(name: str, texts: list[tuple[str, Constant]]) -> Constant:
    text = "".join(f"{condition}\n{c.text}" for condition, c in texts) + "#endif\n"
    return Constant(name, text, max(c.bytes for _, c in texts))
