"""Any layer to a step with the general kernels: every type, shape and bit width."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.model import (
    FullyConnected,
    InputConvolutional,
    InputData,
    NeuralLayer,
    Padding,
    Pair,
    SeparableConvolutional,
    Shape,
    Stage,
)
from firmware_export.c_text import array
from firmware_export.packing import pack_bits, pack_rows
from firmware_export.requantisation import bisect_constants
from firmware_export.step import Constant, Step, Tensor

__all__ = ["constant", "general_step", "pad_before", "window_fields"]

_ITEM_BYTES = {"uint8_t": 1, "int8_t": 1, "uint16_t": 2, "int32_t": 4, "uint32_t": 4}


def constant(name: str, c_type: str, values: npt.NDArray[np.generic], note: str) -> Constant:
    """A constant array and its size."""
    return Constant(name, array(name, c_type, values, note), values.size * _ITEM_BYTES[c_type])


def general_step(prefix: str, index: int, stage: Stage, source: Tensor, target: Tensor) -> Step:
    """The layer of `stage` with the general kernels; tensors are bytes, potentials int32.

    Args:
        prefix: of the C names of the layer's constants.
        index: of the layer in the model.
        stage: the layer in its place.
        source: tensor of layout ``bytes``.
        target: tensor of layout ``bytes``, or ``words`` if the layer has no activation.
    """
    layer = stage.layer
    assert not isinstance(layer, InputData)
    constants, pointers = _activation(prefix, layer, stage.max_activated)
    words = layer.filters
    mids = 0
    depthwise = "NULL"
    if isinstance(layer, FullyConnected):
        x, y, c = stage.input_shape
        rows = layer.weights.reshape(c, y, x, -1).transpose(3, 2, 1, 0).reshape(layer.filters, -1)
        geometry = window_fields(stage.input_shape, (1, 1, layer.filters), (1, 1), (1, 1), "valid")
        pool, border = window_fields((1, 1, 1), (1, 1, 1), (1, 1), (1, 1), "valid"), 0
        driver, potentials = "akrt_layer_dense", ""
    else:
        geometry = window_fields(
            stage.input_shape, stage.conv_shape, layer.kernel_size, layer.stride, layer.padding
        )
        pool = window_fields(stage.conv_shape, stage.output_shape, (1, 1), (1, 1), "valid")
        border = layer.padding_value if isinstance(layer, InputConvolutional) else 0
        driver, potentials = "akrt_layer_plain", "akrt_conv_potentials"
        if layer.pooling is not None:
            driver, words = "akrt_layer_sum", 2 * layer.filters
            if layer.pooling.size is not None and layer.pooling.stride is not None:
                driver = "akrt_layer_max"
                pool = window_fields(
                    stage.conv_shape,
                    stage.output_shape,
                    layer.pooling.size,
                    layer.pooling.stride,
                    layer.padding,
                )
        if isinstance(layer, SeparableConvolutional):
            potentials, mids = "akrt_separable_potentials", stage.input_shape[2]
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
    fields = (
        f"{geometry}, {pool}, {layer.filters}, {layer.weights_bits}, {packed.shape[1]}, "
        f"{border}, {layer.act_bits or 0}, {prefix}_weights, {depthwise}, {pointers}"
    )
    text = f"static const akrt_mcu_layer {prefix} = {{{fields}}};\n"
    constants.append(Constant(prefix, text, 4 * 33))

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
        scratch_bytes=4 * (mids + words),
    )


def pad_before(n: int, kernel: int, stride: int, padding: Padding) -> int:
    """Border before the first element: the smaller half of what 'same' needs."""
    if padding == "valid":
        return 0
    return max((-(-n // stride) - 1) * stride + kernel - n, 0) // 2


def window_fields(source: Shape, target: Shape, size: Pair, stride: Pair, padding: Padding) -> str:
    """Initialiser of an akrt_mcu_window."""
    pads = [pad_before(source[i], size[i], stride[i], padding) for i in (0, 1)]
    fields = (*source, *target[:2], *size, *stride, *pads)
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
