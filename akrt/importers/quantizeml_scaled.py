"""Layers of Akida 2.0 with weights, from blocks of Keras layers that QuantizeML quantised."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from akrt.importers import quantizeml_numbers as numbers
from akrt.importers import quantizeml_settings as settings
from akrt.importers.keras_blocks import check_reshape, kernels_and_bias, max_pooling, padding
from akrt.importers.keras_config import KerasLayer
from akrt.importers.quantizeml_blocks import CONVOLUTIONS, TRANSPOSED, QuantizedBlock
from akrt.importers.quantizeml_numbers import FloatArray, Units
from akrt.model import (
    AnyLayer,
    Conv2D,
    Conv2DTranspose,
    Dense1D,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    InputConv2D,
    IntArray,
    Padding,
    Pooling,
    ScaledLayer,
    ScaledSpatialLayer,
    Shape,
)

__all__ = ["Given", "check_reshapes", "is_signed", "output_ranges", "plain", "scaled", "small"]

_CLASSES: dict[str, type[ScaledLayer]] = {
    "QuantizedConv2D": Conv2D,
    "QuantizedDepthwiseConv2D": DepthwiseConv2D,
    "QuantizedConv2DTranspose": Conv2DTranspose,
    "QuantizedDepthwiseConv2DTranspose": DepthwiseConv2DTranspose,
    "QuantizedDense": Dense1D,
}
_FIXED_AXES = {"QuantizedDepthwiseConv2D": 2, "QuantizedDepthwiseConv2DTranspose": None}
"""The axis of the channels' scales where QuantizeML knows it, whatever the file says."""
_TABLES = ("swish", "hard_silu", "leaky_relu")
_DEFAULT_BOUND = (127, 31)
"""Value and shift of a ReLU without a bound, as akida has them."""


class Given(NamedTuple):
    """What a layer of Akida gives: its name, its shape, and what its integers stand for."""

    name: str
    shape: Shape
    units: Units


def check_reshapes(block: QuantizedBlock, given: Given) -> None:
    """Only those that change nothing."""
    for layer in block.reshapes:
        if layer.kind == "QuantizedFlatten":
            if given.shape[:2] != (1, 1):
                raise layer.fail("is only supported before a dense layer")
        else:
            check_reshape(layer, given.shape)


def scaled(block: QuantizedBlock, given: Given, image: bool) -> tuple[AnyLayer, Given]:
    """The Akida layer of a convolution or a dense layer, and what it gives.

    Args:
        block: with weights.
        given: what feeds it.
        image: whether it is the first layer, on 8 bits of 1 or 3 channels.

    Raises:
        UnsupportedLayerError: Akida 2.0 has it not; the message says what is wrong.
        NearPowerOfTwo: only TensorFlow knows its integers.
    """
    root, shape = block.root, given.shape
    dense = root.kind == "QuantizedDense"
    rows = shape[0] * shape[1] * shape[2]
    fraction, input_shift = given.units.fraction, np.zeros((), np.float32)
    if not dense:
        check_reshapes(block, given)
    elif block.reshapes or shape[:2] != (1, 1):
        _check_flattened(block, given)
        fraction = fraction if shape[:2] == (1, 1) else plain(fraction.reshape(-1))
    (kernel,), bias = kernels_and_bias(root, shape)
    if root.kind == "QuantizedConv2DTranspose":
        kernel = kernel.transpose(0, 1, 3, 2)
    if fraction.ndim and root.kind != "QuantizedDepthwiseConv2D":
        input_shift, fraction = fraction.max() - fraction, fraction.max().reshape(())
    last = kernel.ndim - 1
    bits, per_channel = settings.weight_bits(
        root, channels=None if root.kind in _FIXED_AXES else (-1, last)
    )
    axis = _FIXED_AXES.get(root.kind, last if per_channel else None)
    weights, scale = numbers.weights(kernel, bits, axis)
    scale = given.units.scale * scale
    if not (np.isfinite(scale).all() and np.all(scale > 0)):
        raise root.fail("has a scale that is zero or beyond float32")
    units = Units(scale, fraction)
    depthwise = "Depthwise" in root.kind
    filters = shape[2] if depthwise else kernel.shape[-1]
    made: dict[str, Any] = {
        "name": root.name,
        "weights": weights[..., 0] if depthwise else weights,
        "weights_bits": bits,
        "buffer_bits": settings.buffer_bits(root),
    }
    made |= _bias(root, bias, units, filters)
    cls = _CLASSES[root.kind]
    if image:
        cls = InputConv2D
        made["input_shape"] = shape
        if np.any(input_shift):
            raise root.fail("takes an image in a unit of each channel: give it one range")
    else:
        made["input_shift"] = small(root, input_shift, np.uint8, rows if dense else shape[2])
    if root.kind in CONVOLUTIONS:
        made |= _geometry(block)
        edge = settings.border(root, given.units._replace(fraction=fraction))
        if image:
            made["padding_value"] = small(root, 0 if edge is None else edge, np.uint8, shape[2])
        elif edge is not None and np.any(edge):
            raise root.fail("pads with other than 0: only the first convolution of an image may")
    elif root.kind in TRANSPOSED:
        _check_transposed(root)
    settled, units = _activation(block, units, filters, made["buffer_bits"])
    made |= settled
    if made.get("pooling") == Pooling("average"):
        x, y = (_positions(n, made) for n in shape[:2])
        units = units._replace(scale=units.scale * np.float32(1 / (x * y)))
    settled, units = _output(block, units, filters, made["buffer_bits"])
    layer = cls(**made, **settled)
    if isinstance(layer, ScaledSpatialLayer):
        shape = layer.output_shape(shape)
    else:
        shape = (1, 1, filters) if dense else (2 * shape[0], 2 * shape[1], filters)
    return layer, Given(root.name, shape, units)


def _check_flattened(block: QuantizedBlock, given: Given) -> None:
    """What comes before a dense layer: a vector, or reshapes to one in a common unit."""
    root = block.root
    if given.units.fraction.ndim and np.ptp(given.units.fraction) and given.shape[:2] != (1, 1):
        raise root.fail(
            "sees a flattened tensor in a unit of each channel, which cnn2snn converts wrongly: "
            "quantise with per_tensor_activations=True"
        )
    size = given.shape[0] * given.shape[1] * given.shape[2]
    ends = [layer for layer in block.reshapes if layer.kind == "QuantizedFlatten"]
    for layer in block.reshapes:
        target = layer.config.get("target_shape")
        if layer.kind == "QuantizedReshape" and target in ([size], [-1], [1, 1, size], [1, 1, -1]):
            ends.append(layer)
    if not ends and given.shape[:2] != (1, 1):
        raise root.fail(f"sees {given.shape}: flatten it before a dense layer")


def _bias(
    layer: KerasLayer, bias: FloatArray | None, units: Units, filters: int
) -> dict[str, IntArray]:
    if bias is None:
        found = numbers.Aligned(np.zeros(1, np.int64), np.zeros(1, np.float32))
    else:
        wide = settings.buffer_bits(layer) - 1
        found = numbers.aligned(bias, settings.bias_bits(layer), wide, units)
    return {
        "bias": small(layer, found.own, np.int8, filters),
        "bias_shift": small(layer, found.shift, np.uint8, filters),
    }


def _geometry(block: QuantizedBlock) -> dict[str, Any]:
    """Padding, stride and pooling of a convolution, which has one number for both axes."""
    root, pooling = block.root, block.pooling
    stride = root.pair("strides")
    if stride[0] != stride[1]:
        raise root.fail(f"strides must be equal on both axes, got {stride}")
    padded: Padding = padding(root)
    if root.config.get("padding_value") is not None or root.pair("kernel_size") == (1, 1):
        padded = "same"  # whatever the file says
    pooled = None
    if pooling is not None and pooling.kind == "QuantizedMaxPool2D":
        pooled = max_pooling(pooling, padded, root.name)
    elif pooling is not None:
        pooled = Pooling("average")
    return {"padding": padded, "stride": stride[0], "pooling": pooled}


def _positions(size: int, made: dict[str, Any]) -> int:
    """Outputs of a convolution along an axis."""
    if made["padding"] == "same":
        return -(-size // int(made["stride"]))
    return max((size - int(made["weights"].shape[0])) // int(made["stride"]) + 1, 1)


def _check_transposed(layer: KerasLayer) -> None:
    if layer.pair("strides") != (2, 2) or padding(layer) != "same":
        raise layer.fail("must have strides (2, 2) and padding 'same'")
    if layer.config.get("output_padding") is not None:
        raise layer.fail("must have no output_padding")


def _activation(
    block: QuantizedBlock, units: Units, filters: int, buffer: int
) -> tuple[dict[str, Any], Units]:
    """Activation of an Akida layer with its variables, and the units behind it."""
    layer, root = block.activation, block.root
    if layer is None:
        return {}, units
    if layer.kind == "QuantizedActivation":
        made, inner = _requantised(root, units, filters, buffer)
        if inner.fraction.ndim:
            raise root.fail("gives a look-up table a unit of each channel, expected one")
        activation = layer.config.get("activation")
        if activation not in _TABLES:
            raise layer.fail(
                f"is the look-up table of '{str(activation)[:40]}', only {', '.join(_TABLES)} are "
                f"made here: convert with cnn2snn.convert(model).save('model.fbz') and read it"
            )
        alpha = layer.number("alpha") if activation == "leaky_relu" else 0.0
        bits = settings.setting(layer, settings.quantisation(layer), "lut_bitwidth", 14) - 1
        values, units = numbers.table(activation, alpha, float(inner.fraction), bits)
        return {
            "activation": "lut",
            "activation_scales": made["output_scales"],
            "activation_shift": made["output_shift"],
            "lut_values": values.astype(np.int32),
        }, units
    bound, shift = _DEFAULT_BOUND
    if layer.config.get("max_value") is None:
        found = numbers.Aligned(np.full(1, bound << shift), np.full(1, shift, np.float32))
    else:
        value = np.full((), layer.number("max_value"), np.float32)
        quantiser = settings.quantiser(layer, "max_value_quantizer")
        bits = settings.setting(layer, quantiser, "bitwidth", 8)
        found = numbers.aligned(value, bits, settings.buffer_bits(layer), units)
    return {
        "activation": "relu",
        "max_value": small(layer, found.own, np.uint8, filters),
        "max_value_shift": small(layer, found.shift, np.uint8, filters),
    }, units


def _output(
    block: QuantizedBlock, units: Units, filters: int, buffer: int
) -> tuple[dict[str, Any], Units]:
    """The output quantiser of a block, or what it gives without one: its accumulators."""
    if settings.quantiser(block.last, "output_quantizer"):
        return _requantised(block.last, units, filters, buffer)
    return {
        "output_bits": buffer,
        "output_scales": np.ones(filters, np.uint8),
        "output_shift": np.zeros(filters, np.int8),
    }, units


def _requantised(
    layer: KerasLayer, units: Units, filters: int, buffer: int
) -> tuple[dict[str, Any], Units]:
    """The scales and shift of an output quantiser, its widths, and the units behind it."""
    quantiser = settings.quantiser(layer, "output_quantizer")
    bits, largest, rate = output_ranges(layer, filters)
    made = numbers.requantisation(
        units._replace(scale=units.scale * rate),
        largest,
        bits - is_signed(quantiser),
        settings.setting(layer, quantiser, "scale_bits", 8),
    )
    return {
        "output_bits": bits,
        "post_op_buffer_bits": settings.setting(layer, quantiser, "buffer_bitwidth", 32),
        "output_scales": small(layer, made.scales, np.uint8, filters),
        "output_shift": small(layer, np.maximum(made.shift, 1 - buffer), np.int8, filters),
    }, Units(fraction=made.fraction)


def output_ranges(layer: KerasLayer, filters: int) -> tuple[int, FloatArray, FloatArray]:
    """Bits, largest output and rescaling rate of an output quantiser."""
    quantiser = settings.quantiser(layer, "output_quantizer")
    bits = settings.setting(layer, quantiser, "bitwidth", 8)
    per_tensor = quantiser.get("axis", "per-tensor") == "per-tensor"
    arrays = settings.output_arrays(layer)
    largest, rate = settings.ranges(layer, arrays, 1 if per_tensor else filters)
    if np.any(largest < 0) or np.any(rate <= 0):
        raise layer.fail("has an output range below 0, or a rescaling rate that is not positive")
    return bits, largest, rate


def is_signed(quantiser: Any) -> bool:
    """Whether an output quantiser spends a bit on the sign."""
    return quantiser.get("signed", True) is not False


def small(
    layer: KerasLayer, values: npt.ArrayLike, dtype: type[np.int8] | type[np.uint8], count: int
) -> IntArray:
    """`count` whole numbers, as akida holds them.

    Raises:
        UnsupportedLayerError: one is beyond the type: a file of strange ranges.
    """
    found = np.asarray(values, np.float64)
    ends = np.iinfo(dtype)
    if found.size not in (1, count) or not np.all((found >= ends.min) & (found <= ends.max)):
        raise layer.fail(
            f"has ranges that {np.dtype(dtype).name} shifts and scales do not reach: calibrate and "
            f"save the model again"
        )
    return np.broadcast_to(found.reshape(-1), (count,)).astype(dtype)


def plain(values: FloatArray) -> FloatArray:
    """One value where all are equal."""
    return values[0].reshape(()) if np.all(values == values[0]) else values
