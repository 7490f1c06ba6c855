"""The constants of a layer of Akida 2.0 as C: what its structure points to, and the structure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import window
from akrt.lowering.scaled_arithmetic import bias_2, saturate
from akrt.lowering.scaled_operations import (
    Scaled,
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledOperation,
    ScaledRecurrent,
    ScaledSpatial,
    ScaledTransposed,
    ShiftedAddition,
)
from akrt.model import ScaledLayer, Value
from firmware_export.akida2_certified import (
    Narrow,
    changes_input,
    flips,
    narrow,
    packs_weights,
    tap_bytes,
)
from firmware_export.c_text import literal
from firmware_export.layer_constants import constant, window_fields
from firmware_export.sizes import AKIDA2_ADDITION, AKIDA2_FILTER, AKIDA2_LAYER
from firmware_export.step import Constant

__all__ = [
    "addition_constants",
    "element_bytes",
    "general_weights",
    "product_weights",
    "scaled_constants",
    "sign_of",
]

_ACTIVATIONS = {None: "AKRT_AKIDA2_NONE", "relu": "AKRT_AKIDA2_RELU", "lut": "AKRT_AKIDA2_TABLE"}


def element_bytes(value: Value) -> int:
    """Of an element in memory."""
    return 4 if value.is_potential else 1


def sign_of(value: Value) -> int:
    """The bit that says that a byte is negative; 0: none is."""
    return 128 if value.dtype == "int8" else 0


def scaled_constants(
    prefix: str, does: Scaled, weights: Constant | None = None, input_shift: bool = True
) -> tuple[Constant, ...]:
    """The akrt_akida2_layer of a layer with weights, which comes last, and what it points to.

    Args:
        prefix: the C name of the structure; those of the other constants begin with it.
        does: what the layer does.
        weights: as a fast kernel wants them; default: as the general ones do.
        input_shift: whether the structure has it.
    """
    layer, node = does.layer, does.node
    given, made = node.inputs[0], node.output
    fast = None if weights is None else narrow(does)
    flip = weights is not None and flips(does)
    found = [weights or general_weights(prefix, does)]
    pointers = [found[0].name, *["NULL"] * 8]
    if fast is None:
        found.append(_filters(prefix, does))
        pointers[3] = found[1].name
    else:
        of_filters = _narrow(prefix, fast)
        found += of_filters
        pointers[4:8] = [one.name for one in of_filters]
    if input_shift and changes_input(does):
        assert does.input_shift is not None
        shift = constant(f"{prefix}_input_shift", "uint8_t", does.input_shift, "by channel")
        found.append(shift)
        pointers[1] = shift.name
    if isinstance(does, ScaledConvolution) and (does.border.any() or flip):
        border = constant(f"{prefix}_border", "uint8_t", does.border, "by channel")
        found.append(border)
        pointers[2] = border.name
    if layer.lut_values is not None:
        table = constant(f"{prefix}_table", "int32_t", layer.lut_values, "from -1024 on")
        found.append(table)
        pointers[8] = table.name
    first = does.bias_at_buffer or (isinstance(does, ScaledConvolution) and does.bias_first)
    numbers = [
        layer.filters, sign_of(given), element_bytes(made), literal(made.low), literal(made.high),
        layer.buffer_bits, layer.post_op_buffer_bits, tap_bytes(does), int(flip),
        int(first), _ACTIVATIONS[layer.activation],
    ]  # fmt: skip
    fields = ", ".join((*_windows(does), *map(str, numbers), *pointers))
    text = f"static const akrt_akida2_layer {prefix} = {{{fields}}};\n"
    return (*found, Constant(prefix, text, AKIDA2_LAYER.bytes))


def addition_constants(prefix: str, does: ShiftedAddition) -> tuple[Constant, ...]:
    """The akrt_akida2_addition of an addition, which comes last, and what it points to."""
    layer, node = does.layer, does.node
    x, y, channels = node.output_shape
    shifts = [
        constant(f"{prefix}_shift_a", "uint8_t", layer.a_shift, "of the first, by channel"),
        constant(f"{prefix}_shift_b", "uint8_t", layer.b_shift, "of the second"),
        constant(f"{prefix}_shift", "int8_t", layer.output_shift, "of the sum"),
    ]
    numbers = [
        x * y, channels, *map(sign_of, node.inputs), element_bytes(node.output),
        layer.buffer_bits, layer.output_bits,
    ]  # fmt: skip
    fields = ", ".join((*map(str, numbers), *(shift.name for shift in shifts)))
    text = f"static const akrt_akida2_addition {prefix} = {{{fields}}};\n"
    return (*shifts, Constant(prefix, text, AKIDA2_ADDITION.bytes))


def _windows(does: Scaled) -> tuple[str, str]:
    """Initialisers of the two akrt_mcu_window."""
    node = does.node
    whole = window(node.conv_shape, node.output_shape)
    if isinstance(does, ScaledSpatial):
        return window_fields(does.window), window_fields(does.pooling or whole)
    if isinstance(does, ScaledTransposed):
        x, y, channels = node.input_shape
        kernel = does.weights.shape[0]
        fields = (
            x, y, channels, *node.output_shape[:2], kernel, kernel, 2, 2, does.crop, does.crop,
        )  # fmt: skip
        return "{" + ", ".join(map(str, fields)) + "}", window_fields(whole)
    return window_fields(window((1, 1, node.inputs[0].elements), (1, 1, 1))), window_fields(whole)


def general_weights(prefix: str, does: Scaled) -> Constant:
    """The weights as general kernels want them, and akrt_akida2_dwlines."""
    weights, note = does.weights, "(kernel_x, kernel_y, channels, filters)"
    if isinstance(does, ScaledDense | ScaledRecurrent):
        weights, note = weights.T, "(filters, inputs)"
    elif isinstance(does, ScaledDepthwise) or (
        isinstance(does, ScaledTransposed) and does.depthwise
    ):
        note = "(kernel_x, kernel_y, channels)"
    return constant(f"{prefix}_weights", "int8_t", weights, note)


def product_weights(prefix: str, does: Scaled) -> Constant:
    """The weights (K, F) as akrt_akida2_dots wants them, or akrt_akida2_dots_nibbles."""
    inputs, filters = does.weights.shape
    name = f"{prefix}_weights"
    pairs = np.zeros((-(-filters // 2) * 2, -(-inputs // 4) * 4), np.int8)
    pairs[:filters, :inputs] = does.weights.T
    if packs_weights(does):
        low, high = (pairs[half::2].astype(np.uint8) & 15 for half in (0, 1))
        note = "two filters in a byte, (pairs of filters, inputs)"
        return constant(name, "int8_t", (low | high << 4).astype(np.int8), note)
    fours = pairs.reshape(len(pairs) // 2, 2, -1, 4).transpose(0, 2, 1, 3)
    plain = constant(name, "int8_t", does.weights.T, "(filters, inputs)")
    other = constant(name, "int8_t", fours, "by pair of filters, four inputs of each in turn")
    text = f"#if AKRT_MVE\n{plain.text}#else\n{other.text}#endif\n"
    return Constant(name, text, other.bytes)


def _narrow(prefix: str, made: Narrow) -> list[Constant]:
    return [
        constant(f"{prefix}_addend", "int32_t", made.addend, "of sum * factor, by filter"),
        constant(f"{prefix}_factor", "uint8_t", made.factor, ""),
        constant(f"{prefix}_right", "uint8_t", made.right, "shift of it"),
        constant(f"{prefix}_most", "int8_t", made.most, "clips it"),
    ]


def _filters(prefix: str, does: Scaled) -> Constant:
    assert isinstance(does, ScaledOperation)
    layer: ScaledLayer = does.layer
    bits, none = layer.post_op_buffer_bits, np.zeros(layer.filters, np.int64)
    columns: list[npt.NDArray[np.int64]] = [
        bias_2(does), none,
        _wide(layer.output_scales), _wide(layer.output_shift), none, none,
    ]  # fmt: skip
    if layer.max_value is not None and layer.max_value_shift is not None:
        columns[1] = saturate(_wide(layer.max_value) << _wide(layer.max_value_shift), bits)
    if layer.activation_scales is not None and layer.activation_shift is not None:
        columns[4:] = [_wide(layer.activation_scales), _wide(layer.activation_shift)]
    rows = [f"{{{', '.join(map(literal, row))}}}" for row in np.stack(columns, 1).tolist()]
    lines = [", ".join(rows[i : i + 3]) for i in range(0, len(rows), 3)]
    body = ",\n    ".join(lines)
    name = f"{prefix}_filters"
    text = (
        "/* bias, greatest, output's scale and shift, the same of a table, by filter */\n"
        f"static const akrt_akida2_filter {name}[{len(rows)}] = {{\n    {body},\n}};\n"
    )
    return Constant(name, text, AKIDA2_FILTER.bytes * len(rows))


def _wide(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    return values.astype(np.int64)
