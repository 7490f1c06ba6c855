"""Steps with the fast kernels: nibble rows, several results to a multiplication."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Convolution, Operation, Separable
from akrt.lowering.ranges import depthwise_range, potential_range, product_range
from akrt.model import (
    POTENTIAL_MAX,
    POTENTIAL_MIN,
)
from firmware_export.layer_constants import constant, requant_constant, window_fields
from firmware_export.packing import pack_bits, pack_words, triple_words
from firmware_export.requantisation import (
    Activation,
    Form,
    Requantisation,
    bisect_constants,
    muladd_constants,
    narrow_constants,
)
from firmware_export.sizes import (
    CONV_ROWS_LAYER,
    GROUPS,
    ROW_WIDTH,
    ROWS_LAYER,
    conv_rows_scratch,
    padded_channels,
    requant_array,
    separable_rows_muladd_scratch,
    separable_rows_scratch,
    separable_sum_rows_scratch,
)
from firmware_export.step import Constant, Step, Tensor

__all__ = [
    "conv_rows_step",
    "pack_step",
    "pointwise_group",
    "separable_rows_step",
    "takes_rows",
    "unpack_step",
]

Wide = npt.NDArray[np.int64]

_FIELD = 1023
_SIZE = 1 << 14
_CHANNELS = 1 << 13
"""More, and the work between two ticks would be too long."""
_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1
_INT32_MAX = (1 << 31) - 1
_requantisations: WeakKeyDictionary[Convolution | Separable, Requantisation | None] = (
    WeakKeyDictionary()
)


def takes_rows(does: Operation) -> bool:
    """Whether the layer is separable, 3x3, unstrided, 'same', narrow, of few bits, and no number
    of it needs more bits than its kernel has for it."""
    if not isinstance(does, Separable):
        return False
    node, layer = does.node, does.layer
    shaped = (
        (layer.kernel_size, layer.stride, layer.padding) == ((3, 3), (1, 1), "same")
        and node.input_shape[1] <= ROW_WIDTH
        and max(node.input_shape[0], layer.filters) <= _SIZE
        and node.input_shape[2] <= _CHANNELS
        and (layer.weights_bits <= 4 and node.input_max <= 15)
    )
    if not shaped or not _fits_field(does):
        return False
    if layer.pooling is not None:
        summed = layer.pooling.kind == "average" and 2 * _sum_reach(does) <= _INT32_MAX
        return summed and (layer.act_bits is None or _requantisation(does) is not None)
    low, high = potential_range(does)
    within = bool(low.min() >= POTENTIAL_MIN and high.max() <= POTENTIAL_MAX)
    return within and _requantisation(does) is not None


def _fits_field(does: Separable) -> bool:
    """Whether every depthwise result, less its least, fits 10 bits."""
    low, high = depthwise_range(does)
    return int((high - low).max()) <= _FIELD - 3


def pointwise_group(does: Separable) -> int:
    """The most channels, a multiple of 4, over which every filter's sum fits 16 bits."""
    least, most = product_range(does)
    for size in range(padded_channels(len(least)), 3, -4):
        starts = range(0, len(least), size)
        sums = [(least[s : s + size].sum(0), most[s : s + size].sum(0)) for s in starts]
        if all(a.min() >= _INT16_MIN and b.max() <= _INT16_MAX for a, b in sums):
            return size
    raise AssertionError("four channels of nine 4-bit products times 4 bits fit 16 bits")


def separable_rows_step(
    prefix: str, index: int, does: Separable, source: Tensor, target: Tensor
) -> Step:
    """A separable layer on rows: to rows, or to bytes or words after global pooling."""
    node, layer = does.node, does.layer
    channels, filters = padded_channels(node.input_shape[2]), padded_channels(layer.filters)
    group = pointwise_group(does)
    requant = _requantisation(does)
    constants = [
        *_depthwise_constants(prefix, does),
        constant(
            f"{prefix}_weights",
            "uint32_t",
            _pair_words(does.weights, channels, filters),
            "4 bits, weight + 8: four channels of a filter low, four of the next one high",
        ),
    ]
    pooled = layer.pooling is not None
    if not pooled:
        constants[-1] = _by_core(constants[-1], _triple_constant(prefix, does.weights))
    table, addend_unit, activation = "NULL", 0, Activation()
    sizes = {"layer": ROWS_LAYER}
    if requant is not None:
        activation = requant.activation(layer.act_bits)
        if pooled and layer.act_bits == 1:
            activation = Activation(Form.THRESHOLD, bits=1)
            values = requant.constants[:, 0]
            constants.append(constant(f"{prefix}_requant", "int32_t", values, "thresholds"))
        else:
            sizes["requant"] = requant_array(requant.form is Form.MULADD16, filters, True)
            constants.append(requant_constant(f"{prefix}_requant", requant, sizes["requant"]))
        table = f"{prefix}_requant"
        addend_unit = 0 if requant.addend_bits is None else 1 << requant.addend_bits
    fields = (
        f"{node.input_shape[0]}, {node.input_shape[1]}, {channels}, {layer.filters}, "
        f"{filters // 2}, {group}, {activation}, {addend_unit}, {prefix}_taps, "
        f"{prefix}_ninth, {prefix}_least, {prefix}_weights, {table}"
    )
    text = f"static const akrt_rows_layer {prefix} = {{{fields}}};\n"
    constants.append(Constant(prefix, text, ROWS_LAYER.bytes))
    groups = -(-channels // group)
    if pooled:
        kernel = "akrt_separable_sum_rows"
        sizes["scratch"] = separable_sum_rows_scratch(channels, groups, filters // 2)
    elif activation.form is Form.MULADD16 and groups <= GROUPS:
        kernel = "akrt_separable_rows_muladd"
        sizes["scratch"] = separable_rows_muladd_scratch(channels)
    else:
        kernel = "akrt_separable_rows"
        sizes["scratch"] = separable_rows_scratch(channels, groups)

    every = "" if pooled else f"0, {node.output_shape[0]}"

    def call(read: str, write: str, scratch: str, rows: str = every) -> str:
        which = f"{rows}, " if rows else ""
        return f"{kernel}(&{prefix}, {which}{read}, {write}, {scratch});"

    notes = {} if requant is None else {"requantisation": requant.title}
    return Step(
        layer=index,
        kernel=kernel,
        sources=(source,),
        target=target,
        call=call,
        kernels=(kernel,),
        constants=tuple(constants),
        scratch_bytes=sizes["scratch"].bytes,
        in_place=not pooled and filters <= channels,
        notes=notes,
        sizes=sizes,
    )


def conv_rows_step(
    prefix: str, index: int, does: Operation, source: Tensor, target: Tensor
) -> Step | None:
    """A first layer with 8-bit weights to rows; None if it needs the general kernel."""
    if not isinstance(does, Convolution) or does.pool is not None:
        return None
    layer, taps = does.layer, len(does.weights)
    narrow = taps <= _CHANNELS and does.node.output_shape[1] <= ROW_WIDTH
    requant = _requantisation(does) if narrow and layer.weights_bits == 8 else None
    if requant is None:
        return None
    filters = padded_channels(layer.filters)
    padded = np.zeros((taps, filters), np.int8)
    padded[:, : layer.filters] = does.weights
    pairs = padded.reshape(taps, filters // 2, 2).transpose(1, 0, 2)
    size, scratch = requant_array(False, filters, False), conv_rows_scratch(taps)
    constants = [
        constant(f"{prefix}_weights", "int8_t", pairs, "8 bits, by pair of filters, interleaved"),
        requant_constant(f"{prefix}_requant", requant, size),
    ]
    geometry = window_fields(does.window)
    fields = (
        f"{geometry}, {does.border}, {filters // 2}, {requant.activation(layer.act_bits)}, "
        f"{prefix}_weights, {prefix}_requant"
    )
    text = f"static const akrt_conv_rows_layer {prefix} = {{{fields}}};\n"
    constants.append(Constant(prefix, text, CONV_ROWS_LAYER.bytes))
    every = f"0, {does.node.output_shape[0]}"

    def call(read: str, write: str, scratch: str, rows: str = every) -> str:
        return f"akrt_conv_rows(&{prefix}, {rows}, {read}, {write}, {scratch});"

    return Step(
        layer=index,
        kernel="akrt_conv_rows",
        sources=(source,),
        target=target,
        call=call,
        kernels=("akrt_conv_rows",),
        constants=tuple(constants),
        scratch_bytes=scratch.bytes,
        notes={"requantisation": requant.title},
        sizes={"layer": CONV_ROWS_LAYER, "requant": size, "scratch": scratch},
    )


def pack_step(layer: int, source: Tensor, target: Tensor) -> Step:
    """Bytes to rows, before the layer `layer`."""
    return _layout_step("akrt_pack_rows", layer, source, target)


def unpack_step(layer: int, source: Tensor, target: Tensor) -> Step:
    """Rows to bytes, before the layer `layer`."""
    return _layout_step("akrt_unpack_rows", layer, source, target)


def _layout_step(kernel: str, layer: int, source: Tensor, target: Tensor) -> Step:
    x, y, c = source.shape
    sizes = f"{x}, {y}, {c}, {padded_channels(c)}"
    return Step(
        layer=layer,
        kernel=kernel,
        sources=(source,),
        target=target,
        call=lambda read, write, scratch: f"{kernel}({read}, {sizes}, {write});",
        kernels=(kernel,),
        ends_layer=False,
    )


def _sum_reach(does: Separable) -> int:
    """Bound of what the certificate of the collapsed sum adds up."""
    return does.window.positions * does.node.max_potential


def _requantisation(does: Convolution | Separable) -> Requantisation | None:
    """Searched for once: whether there is one decides whether the layer takes rows."""
    if does not in _requantisations:
        _requantisations[does] = _find_requantisation(does)
    return _requantisations[does]


def _find_requantisation(does: Convolution | Separable) -> Requantisation | None:
    node, layer = does.node, does.layer
    if layer.act_bits is None:
        return None
    if layer.pooling is not None or layer.act_bits != 4:
        constants = bisect_constants(layer, 1 << 19)
        return None if constants is None else Requantisation(constants, Form.BISECTION)
    reach = potential_range(does)
    separable = isinstance(does, Separable)
    narrow = narrow_constants(layer, *reach) if separable else None
    if narrow is not None:
        return Requantisation(narrow[0], Form.MULADD16, *narrow[1:])
    exact = muladd_constants(layer, *reach, high_word=separable)
    constants = bisect_constants(layer, node.max_potential)
    if exact is not None and exact[1] is Form.MULADD:
        return Requantisation(*exact)
    if constants is None:
        return None
    if exact is None:
        return Requantisation(constants, Form.BISECTION)
    return Requantisation(*exact, without_long=constants)


def _depthwise_constants(prefix: str, does: Separable) -> list[Constant]:
    given = does.depthwise.shape[2]
    channels = padded_channels(given)
    taps = np.zeros((channels, 9), np.int64)
    taps[:given] = does.depthwise.astype(np.int64).reshape(9, -1).T
    low = np.zeros(channels, np.int64)
    low[:given] = -depthwise_range(does)[0]
    words, ninth = pack_words(taps[:, :8]), pack_bits(taps[:, 8].astype(np.int8), 4)
    return [
        constant(f"{prefix}_taps", "uint32_t", words, "4 bits, the first eight taps by channel"),
        constant(f"{prefix}_ninth", "uint8_t", ninth, "4 bits"),
        constant(f"{prefix}_least", "uint8_t", -(-low // 4), "-minimum / 4 of the result"),
    ]


def _by_core(constant: Constant, dsp: Constant) -> Constant:
    """One of two arrays of the same name, by the macro that cores with DSP instructions set;
    the larger one counts."""
    text = f"#if !AKRT_DSP\n{constant.text}#else\n{dsp.text}#endif\n"
    return Constant(constant.name, text, max(constant.bytes, dsp.bytes))


def _triple_constant(prefix: str, pointwise: npt.NDArray[np.int8]) -> Constant:
    return constant(
        f"{prefix}_weights",
        "uint32_t",
        triple_words(pointwise, padded_channels(pointwise.shape[1])),
        "4 bits: eight channels of three filters in three words",
    )


def _pair_words(
    pointwise: npt.NDArray[np.int8], channels: int, filters: int
) -> npt.NDArray[np.int64]:
    biased = np.full((channels, filters), 8, np.int64)
    biased[: pointwise.shape[0], : pointwise.shape[1]] += pointwise
    # (quad, 4, pair, 2) -> (pair, quad, 2, 4), the last two axes being the nibbles of a word
    nibbles = biased.reshape(channels // 4, 4, filters // 2, 2).transpose(2, 0, 3, 1)
    return pack_words(nibbles.reshape(filters // 2, channels // 4, 8))
