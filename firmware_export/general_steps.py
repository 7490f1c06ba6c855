"""Any layer to a step with the general kernels: every type, shape and bit width."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window, convolution_window, pooling_window, window
from akrt.model import (
    FullyConnected,
    InputConvolutional,
    InputData,
    NeuralLayer,
    Node,
    SeparableConvolutional,
)
from firmware_export.c_text import array
from firmware_export.packing import pack_bits, pack_rows
from firmware_export.requantisation import Activation, Form, bisect_constants
from firmware_export.sizes import MCU_LAYER, layer_scratch
from firmware_export.step import Constant, Step, Tensor

__all__ = ["constant", "general_step", "window_fields"]

_ITEM_BYTES = {"uint8_t": 1, "int8_t": 1, "uint16_t": 2, "int32_t": 4, "uint32_t": 4}


def constant(name: str, c_type: str, values: npt.NDArray[np.generic], note: str) -> Constant:
    """A constant array and its size."""
    return Constant(name, array(name, c_type, values, note), values.size * _ITEM_BYTES[c_type])


def general_step(prefix: str, index: int, node: Node, source: Tensor, target: Tensor) -> Step:
    """The layer of `node` with the general kernels; tensors are bytes, potentials int32.

    Args:
        prefix: of the C names of the layer's constants.
        index: of the layer in the model.
        node: the layer in its place.
        source: tensor of layout ``bytes``.
        target: tensor of layout ``bytes``, or ``words`` if the layer has no activation.
    """
    layer = node.layer
    assert not isinstance(layer, InputData)
    constants, activation, pointers = _activation(prefix, layer, node.max_activated)
    mids = 0
    depthwise = "NULL"
    pooling = pooling_window(node)
    if isinstance(layer, FullyConnected):
        rows = layer.by_position(node.input_shape).reshape(-1, layer.filters).T
        border = 0
        driver, potentials = "akrt_layer_dense", ""
    else:
        border = layer.padding_value if isinstance(layer, InputConvolutional) else 0
        driver, potentials = "akrt_layer_plain", "akrt_conv_potentials"
        if layer.pooling is not None:
            driver = "akrt_layer_sum" if pooling is None else "akrt_layer_max"
        if isinstance(layer, SeparableConvolutional):
            potentials, mids = "akrt_separable_potentials", node.input_shape[2]
            depthwise = f"{prefix}_depthwise"
            constants.append(
                constant(
                    depthwise,
                    "uint8_t",
                    pack_bits(layer.depthwise, layer.weights_bits),
                    f"{layer.weights_bits} bits, (kernel_x, kernel_y, channels)",
                )
            )
            rows = layer.pointwise.T
        else:
            rows = layer.weights.reshape(-1, layer.filters).T
    packed = pack_rows(rows, layer.weights_bits)
    constants.append(
        constant(f"{prefix}_weights", "uint8_t", packed, f"{layer.weights_bits} bits, by filter")
    )
    geometry = window_fields(convolution_window(node))
    pool = window_fields(pooling or window(node.conv_shape, node.output_shape))
    fields = (
        f"{geometry}, {pool}, {layer.filters}, {layer.weights_bits}, {packed.shape[1]}, "
        f"{border}, {activation}, {prefix}_weights, {depthwise}, {pointers}"
    )
    text = f"static const akrt_mcu_layer {prefix} = {{{fields}}};\n"
    scratch = layer_scratch(driver, mids, layer.filters)
    constants.append(Constant(prefix, text, MCU_LAYER.bytes))

    def call(read: str, write: str, scratch: str) -> str:
        how = f"{potentials}, {mids}, " if potentials else ""
        return f"{driver}(&{prefix}, {how}{read}, {write}, {scratch});"

    return Step(
        layer=index,
        kernel=driver if not potentials else f"{driver}/{potentials}",
        source=source,
        target=target,
        call=call,
        kernels=(driver, potentials) if potentials else (driver,),
        constants=tuple(constants),
        scratch_bytes=scratch.bytes,
        sizes={"layer": MCU_LAYER, "scratch": scratch},
    )


def window_fields(window: Window) -> str:
    """Initialiser of an akrt_mcu_window."""
    fields = (
        *window.source, *window.target[:2], *window.size, *window.stride, *window.before,
    )  # fmt: skip
    return "{" + ", ".join(map(str, fields)) + "}"


def _activation(
    prefix: str, layer: NeuralLayer, max_activated: int
) -> tuple[list[Constant], Activation, str]:
    """Constants of the activation, its form, and the pointers to them in akrt_mcu_layer."""
    if layer.act_bits is None:
        return [], Activation(), "NULL, NULL, NULL"
    constants = bisect_constants(layer, max_activated)
    if constants is not None:
        return (
            [
                constant(f"{prefix}_threshold", "int32_t", constants[:, 0], "by filter"),
                constant(f"{prefix}_step", "int32_t", constants[:, 1], "in sixteenths, by filter"),
            ],
            Activation(Form.BISECTION, bits=layer.act_bits),
            f"{prefix}_threshold, {prefix}_step, NULL",
        )
    limits = np.iinfo(np.int32)
    levels = np.clip(layer.firing_levels, limits.min, limits.max).T
    note = "a potential's activation is how many it exceeds"
    return (
        [constant(f"{prefix}_levels", "int32_t", levels, note)],
        Activation(Form.LEVELS, bits=layer.act_bits),
        f"NULL, NULL, {prefix}_levels",
    )
