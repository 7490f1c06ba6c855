"""Any layer to a step with the general kernels: every type, shape and bit width."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window, window
from akrt.lowering.operations import Addition, Dense, NeuralOperation, Separable
from akrt.lowering.ranges import activated_range
from firmware_export.c_text import array, literal
from firmware_export.packing import pack_bits, pack_rows
from firmware_export.requantisation import (
    Activation,
    Form,
    Requantisation,
    bisect_constants,
    muladd_constants,
)
from firmware_export.sizes import MCU_LAYER, Size, layer_scratch
from firmware_export.step import Constant, Step, Tensor

__all__ = ["constant", "general_step", "requant_constant", "window_fields"]

_ITEM_BYTES = {"uint8_t": 1, "int8_t": 1, "uint16_t": 2, "int32_t": 4, "uint32_t": 4}


def constant(name: str, c_type: str, values: npt.NDArray[np.generic], note: str) -> Constant:
    """A constant array and its size."""
    return Constant(name, array(name, c_type, values, note), values.size * _ITEM_BYTES[c_type])


def general_step(
    prefix: str,
    index: int,
    does: NeuralOperation,
    sources: tuple[Tensor, ...],
    target: Tensor,
) -> Step:
    """A layer with the general kernels; tensors are bytes, potentials int32.

    Args:
        prefix: of the C names of the layer's constants.
        index: of the layer in the model.
        does: what the layer does.
        sources: tensors of layout ``bytes``.
        target: tensor of layout ``bytes``, or ``words`` if the layer has no activation.
    """
    constants, activation, pointers = _activation(prefix, does)
    if isinstance(does, Addition):
        return _addition(prefix, index, does, sources, target, constants, activation, pointers)
    (source,) = sources
    node, layer = does.node, does.layer
    mids, border = 0, 0
    depthwise = "NULL"
    moved, pooling = window(node.input_shape, node.output_shape), None
    driver, potentials = "akrt_layer_dense", ""
    if not isinstance(does, Dense):
        moved, pooling, border = does.window, does.pooling, does.border
        driver, potentials = "akrt_layer_plain", "akrt_conv_potentials"
        if does.pool is not None:
            driver = f"akrt_layer_{does.pool}"
        if isinstance(does, Separable):
            potentials, mids = "akrt_separable_potentials", node.input_shape[2]
            depthwise = f"{prefix}_depthwise"
            constants.append(
                constant(
                    depthwise,
                    "uint8_t",
                    pack_bits(does.depthwise, does.layer.weights_bits),
                    f"{does.layer.weights_bits} bits, (kernel_x, kernel_y, channels)",
                )
            )
    bits = does.layer.weights_bits
    packed = pack_rows(does.weights.T, bits)
    constants.append(constant(f"{prefix}_weights", "uint8_t", packed, f"{bits} bits, by filter"))
    pool = window_fields(pooling or window(node.conv_shape, node.output_shape))
    fields = (
        f"{window_fields(moved)}, {pool}, {layer.filters}, {bits}, {packed.shape[1]}, "
        f"{border}, {activation}, "
        f"{prefix}_weights, {depthwise}, {pointers}"
    )
    scratch = layer_scratch(driver, mids, layer.filters)
    constants.append(_layer_constant(prefix, fields))

    def call(read: str, write: str, scratch: str) -> str:
        how = f"{potentials}, {mids}, " if potentials else ""
        return f"{driver}(&{prefix}, {how}{read}, {write}, {scratch});"

    return Step(
        layer=index,
        kernel=driver if not potentials else f"{driver}/{potentials}",
        sources=(source,),
        target=target,
        call=call,
        kernels=(driver, potentials) if potentials else (driver,),
        constants=tuple(constants),
        scratch_bytes=scratch.bytes,
        sizes={"layer": MCU_LAYER, "scratch": scratch},
    )


def _addition(
    prefix: str,
    index: int,
    does: Addition,
    sources: tuple[Tensor, ...],
    target: Tensor,
    constants: list[Constant],
    activation: Activation,
    pointers: str,
) -> Step:
    node, layer = does.node, does.layer
    moved = window_fields(window(node.input_shape, node.output_shape))
    fields = f"{moved}, {moved}, {layer.filters}, 0, 0, 0, {activation}, NULL, NULL, {pointers}"
    scratch = layer_scratch("akrt_layer_add", 0, layer.filters)
    constants.append(_layer_constant(prefix, fields))
    return Step(
        layer=index,
        kernel="akrt_layer_add",
        sources=sources,
        target=target,
        call=lambda first, second, write, scratch: (
            f"akrt_layer_add(&{prefix}, {first}, {second}, {write}, {scratch});"
        ),
        kernels=("akrt_layer_add",),
        constants=tuple(constants),
        scratch_bytes=scratch.bytes,
        sizes={"layer": MCU_LAYER, "scratch": scratch},
    )


def _layer_constant(prefix: str, fields: str) -> Constant:
    """The akrt_mcu_layer of a layer."""
    text = f"static const akrt_mcu_layer {prefix} = {{{fields}}};\n"
    return Constant(prefix, text, MCU_LAYER.bytes)


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


def _activation(prefix: str, does: NeuralOperation) -> tuple[list[Constant], Activation, str]:
    """Constants of the activation, its form, and the pointers to them in akrt_mcu_layer."""
    layer = does.layer
    if layer.act_bits is None:
        return [], Activation(), "NULL, NULL"
    requant = _requantisation(does)
    if requant is not None:
        name = f"{prefix}_requant"
        return (
            [requant_constant(name, requant)],
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
