"""Any layer to a step with the general kernels: every type, shape and bit width."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window, window
from akrt.lowering.operations import Addition, Dense, NeuralOperation, Separable
from akrt.model import NeuralLayer
from firmware_export.c_text import array
from firmware_export.packing import pack_bits, pack_rows
from firmware_export.requantisation import bisect_constants
from firmware_export.step import Constant, Step, Tensor

__all__ = ["constant", "general_step", "window_fields"]

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
    constants, pointers = _activation(prefix, does.layer, does.node.max_activated)
    if isinstance(does, Addition):
        return _addition(prefix, index, does, sources, target, constants, pointers)
    (source,) = sources
    node, layer = does.node, does.layer
    words, mids, border = layer.filters, 0, 0
    depthwise = "NULL"
    moved, pooling = window(node.input_shape, node.output_shape), None
    driver, potentials = "akrt_layer_dense", ""
    if not isinstance(does, Dense):
        moved, pooling, border = does.window, does.pooling, does.border
        driver, potentials = "akrt_layer_plain", "akrt_conv_potentials"
        if does.pool is not None:
            driver, words = f"akrt_layer_{does.pool}", 2 * layer.filters
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
        f"{border}, {layer.act_bits or 0}, {prefix}_weights, {depthwise}, {pointers}"
    )
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
        scratch_bytes=4 * (mids + words),
    )


def _addition(
    prefix: str,
    index: int,
    does: Addition,
    sources: tuple[Tensor, ...],
    target: Tensor,
    constants: list[Constant],
    pointers: str,
) -> Step:
    node, layer = does.node, does.layer
    moved = window_fields(window(node.input_shape, node.output_shape))
    fields = (
        f"{moved}, {moved}, {layer.filters}, 0, 0, 0, {layer.act_bits or 0}, NULL, NULL, {pointers}"
    )
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
        scratch_bytes=4 * layer.filters,
    )


def _layer_constant(prefix: str, fields: str) -> Constant:
    """The akrt_mcu_layer of a layer."""
    return Constant(prefix, f"static const akrt_mcu_layer {prefix} = {{{fields}}};\n", 4 * 33)


def window_fields(window: Window) -> str:
    """Initialiser of an akrt_mcu_window."""
    fields = (
        *window.source, *window.target[:2], *window.size, *window.stride, *window.before,
    )  # fmt: skip
    return "{" + ", ".join(map(str, fields)) + "}"


def _activation(prefix: str, layer: NeuralLayer, max_activated: int) -> tuple[list[Constant], str]:
    """Constants of the activation, and the pointers to them in akrt_mcu_layer."""
    if layer.act_bits is None:
        return [], "NULL, NULL, NULL"
    constants = bisect_constants(layer, max_activated)
    if constants is not None:
        return [
            constant(f"{prefix}_threshold", "int32_t", constants[:, 0], "by filter"),
            constant(f"{prefix}_step", "int32_t", constants[:, 1], "in sixteenths, by filter"),
        ], f"{prefix}_threshold, {prefix}_step, NULL"
    limits = np.iinfo(np.int32)
    levels = np.clip(layer.firing_levels, limits.min, limits.max).T
    return [
        constant(
            f"{prefix}_levels", "int32_t", levels, "a potential's activation is how many it exceeds"
        )
    ], f"NULL, NULL, {prefix}_levels"
