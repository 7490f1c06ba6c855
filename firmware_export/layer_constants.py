"""A layer's constants as C: what a kernel's structure points to, and the structure itself."""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window, window
from akrt.lowering.operations import Addition, Dense, NeuralOperation
from akrt.lowering.ranges import activated_range
from akrt.model import Shape
from firmware_export.c_text import array, literal
from firmware_export.requantisation import (
    Activation,
    Form,
    Requantisation,
    bisect_constants,
    muladd_constants,
)
from firmware_export.sizes import MCU_LAYER, Size, requant_octets
from firmware_export.step import Constant

__all__ = [
    "Emission",
    "constant",
    "layer_constants",
    "requant_constant",
    "structure_of_shape",
    "window_fields",
]


class Emission(Enum):
    """What becomes of a layer's potentials: the enumerators of akrt_emission."""

    OUTPUT = "AKRT_EMITS_OUTPUT"
    SATURATED = "AKRT_EMITS_SATURATED"
    SUMS = "AKRT_EMITS_SUMS"


_ITEM_BYTES = {"uint8_t": 1, "int8_t": 1, "uint16_t": 2, "int16_t": 2, "int32_t": 4, "uint32_t": 4}


def constant(name: str, c_type: str, values: npt.NDArray[np.generic], note: str) -> Constant:
    """A constant array and its size."""
    return Constant(name, array(name, c_type, values, note), values.size * _ITEM_BYTES[c_type])


def layer_constants(
    prefix: str,
    does: NeuralOperation,
    weights: Constant | None = None,
    depthwise: Constant | None = None,
    row_bytes: int = 0,
    emits: Emission = Emission.OUTPUT,
    given: Shape | None = None,
) -> tuple[Constant, ...]:
    """The akrt_mcu_layer of a layer, which comes last, and all that it points to.

    Args:
        prefix: the C name of the structure; those of the other constants begin with it.
        does: what the layer does.
        weights: in the order that the kernel wants; None: an addition has none.
        depthwise: the same of a separable layer's first product.
        row_bytes: of a filter in packed weights, or what the kernel says; 0: it does not ask.
        emits: what becomes of the potentials; a general kernel does not ask.
        given: the shape that a dense layer's input lies in memory as; default: its own.
    """
    node, layer = does.node, does.layer
    tables, activation, pointers = _activation(prefix, does, emits)
    bits = 0 if isinstance(does, Addition) else does.layer.weights_bits
    moved, pooling, border = window(given or node.input_shape, node.output_shape), None, 0
    if not isinstance(does, (Addition, Dense)):
        moved, pooling, border = does.window, does.pooling, does.border
    pool = pooling or window(node.conv_shape, node.output_shape)
    arrays = ", ".join("NULL" if one is None else one.name for one in (weights, depthwise))
    fields = (
        f"{window_fields(moved)}, {window_fields(pool)}, {layer.filters}, {bits}, {row_bytes}, "
        f"{emits.value}, {border}, {activation}, {arrays}, {pointers}"
    )
    text = f"static const akrt_mcu_layer {prefix} = {{{fields}}};\n"
    arrays_given = (one for one in (depthwise, weights) if one is not None)
    return (*tables, *arrays_given, Constant(prefix, text, MCU_LAYER.bytes))


def structure_of_shape(name: str, shape: Shape) -> Constant:
    """An akrt_mcu_layer that knows the shape of its input and nothing else."""
    fields = window_fields(window(shape, shape))
    text = (
        f"static const akrt_mcu_layer {name} = {{{fields}, {fields}, {shape[2]}, 0, 0, "
        f"{Emission.OUTPUT.value}, 0, {Activation()}, NULL, NULL, NULL, NULL}};\n"
    )
    return Constant(name, text, MCU_LAYER.bytes)


def requant_constant(name: str, requant: Requantisation, size: Size | None = None) -> Constant:
    """The table of a requantisation, filled up with zeros to `size`."""
    c_type, of_one = ("akrt_requant16", 4) if requant.form is Form.MULADD16 else ("akrt_requant", 8)
    filters = len(requant.constants) if size is None else size.bytes // of_one
    text = _requant_array(c_type, name, requant.constants, filters)
    if requant.without_long is not None:
        other = _requant_array(c_type, name, requant.without_long, filters)
        text = f"#if AKRT_LONG_MULTIPLY\n{text}#else\n{other}#endif\n"
    title = "/* factor and addend, or threshold and step, by filter */\n"
    return Constant(name, title + text, of_one * filters)


def _requant_array(c_type: str, name: str, constants: npt.NDArray[np.int64], filters: int) -> str:
    rows = np.zeros((filters, 2), np.int64)
    rows[: len(constants)] = constants
    words = [f"{{{literal(a)}, {literal(b)}}}" for a, b in rows.tolist()]
    lines = [", ".join(words[i : i + 4]) for i in range(0, len(words), 4)]
    body = ",\n    ".join(lines)
    return f"static const {c_type} {name}[{len(words)}] = {{\n    {body},\n}};\n"


def window_fields(window: Window) -> str:
    """Initialiser of an akrt_mcu_window."""
    fields = (
        *window.source, *window.target[:2], *window.size, *window.stride, *window.before,
    )  # fmt: skip
    return "{" + ", ".join(map(str, fields)) + "}"


def _activation(
    prefix: str, does: NeuralOperation, emits: Emission
) -> tuple[list[Constant], Activation, str]:
    """Constants of the activation, its form, and the pointers to them in akrt_mcu_layer."""
    layer = does.layer
    if layer.act_bits is None or emits is Emission.SUMS:
        return [], Activation(), "NULL, NULL"
    requant = _requantisation(does)
    if requant is not None:
        name = f"{prefix}_requant"
        return (
            [requant_constant(name, requant, requant_octets(layer.filters))],
            requant.activation(layer.act_bits),
            f"{name}, NULL",
        )
    limits = np.iinfo(np.int32)
    levels = np.clip(layer.firing_levels, limits.min, limits.max).T
    note = "a potential's activation is how many it exceeds"
    return (
        [constant(f"{prefix}_levels", "int32_t", levels, note)],
        Activation(Form.LEVELS, bits=layer.act_bits),
        f"NULL, {prefix}_levels",
    )


def _requantisation(does: NeuralOperation) -> Requantisation | None:
    """The cheapest form that is exact for every potential that meets the activation."""
    layer = does.layer
    bisected = bisect_constants(layer, does.node.max_activated)
    if layer.act_bits == 4:
        exact = muladd_constants(layer, *activated_range(does))
        if exact is not None and exact[1] is Form.MULADD:
            return Requantisation(*exact)
        if exact is not None and bisected is not None:
            return Requantisation(*exact, without_long=bisected)
    return None if bisected is None else Requantisation(bisected, Form.BISECTION)
