"""Converts Keras layers that QuantizeML quantised for Akida 2.0, without TensorFlow.

The integers are those of ``cnn2snn.convert``: rules from the Apache-2.0 sources of cnn2snn 2.19
(``cnn2snn/quantizeml``) and quantizeml 1.2. An Akida layer is a block of Keras layers; where these
know that values mean ``integer * scale / 2**fraction``, Akida has integers that shift and scale
them: an output quantiser becomes ``output_scales`` and ``output_shift``, a bias the same units as
the sums it joins, divided by ``2**bias_shift``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from akrt.importers import quantizeml_numbers as numbers
from akrt.importers import quantizeml_settings as settings
from akrt.importers.keras_blocks import check_reshape, kernels_and_bias, max_pooling, padding
from akrt.importers.keras_config import Architecture, KerasLayer
from akrt.importers.quantizeml_blocks import CONVOLUTIONS, TRANSPOSED, QuantizedBlock, group
from akrt.importers.quantizeml_numbers import FloatArray, Units
from akrt.model import (
    AnyLayer,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense1D,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    Dequantizer,
    InputConv2D,
    InputData,
    IntArray,
    Padding,
    Pooling,
    Quantizer,
    ScaledLayer,
    ScaledSpatialLayer,
    Shape,
    ShiftedAdd,
    SignedInputData,
)

__all__ = ["convert"]

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


class _Given(NamedTuple):
    """What a layer of Akida gives: its name, its shape, and what its integers stand for."""

    name: str
    shape: Shape
    units: Units


def convert(
    architecture: Architecture,
) -> tuple[list[AnyLayer], dict[str, tuple[str, ...]]]:
    """The Akida layers of a network that QuantizeML quantised, and the names of what feeds them.

    Raises:
        UnsupportedLayerError: a layer that Akida 2.0 has not; the message names it and the remedy.
        ModelFileError: the layers make no network.
    """
    layers = list(architecture.layers)
    quantizer, shape, units = None, architecture.spatial_shape, Units()
    if layers and layers[0].kind == "InputQuantizer":
        try:
            quantizer, units = settings.entrance(layers[0], shape)
        except numbers.NearPowerOfTwo:
            raise layers[0].fail(settings.NEAR_POWER) from None
        layers = layers[1:]
    if layers and layers[0].kind == "QuantizedRescaling":
        units, layers = settings.rescaled(layers[0], units), layers[1:]
    blocks = group(layers, architecture.name)
    image = _is_image(architecture, quantizer, blocks)
    made: list[AnyLayer] = [] if quantizer is None else [quantizer]
    if not image:
        made.append(_input_data(architecture, quantizer, blocks[0].root))
    entrance = _Given(made[-1].name if made else "", shape, units)
    names: dict[str, tuple[str, ...]] = {}
    given: list[_Given] = []
    for block in blocks:
        fed = [given[place] if place >= 0 else entrance for place in block.sources]
        try:
            layer, gives = _layer(block, fed, image and not given)
        except numbers.NearPowerOfTwo:
            raise block.last.fail(settings.NEAR_POWER) from None
        if made:
            names[layer.name] = tuple(one.name for one in fed)
        made.append(layer)
        given.append(gives)
    return made, names


def _is_image(
    architecture: Architecture, quantizer: Quantizer | None, blocks: list[QuantizedBlock]
) -> bool:
    """Whether the first block becomes an InputConv2D."""
    first = blocks[0]
    pooling = first.pooling
    return (
        first.root.kind == "QuantizedConv2D"
        and first.activation is not None
        and (pooling is None or pooling.kind == "QuantizedMaxPool2D")
        and len(architecture.input_shape) == 3
        and architecture.input_shape[-1] in (1, 3)
        and architecture.input_dtype not in ("int8", "int16", "int32")
        and (quantizer is None or (quantizer.output_bits == 8 and not quantizer.output_signed))
        and not any(-1 in block.sources for block in blocks[1:])
    )


def _input_data(
    architecture: Architecture, quantizer: Quantizer | None, first: KerasLayer
) -> InputData | SignedInputData:
    """The entrance of whole numbers, behind a Quantizer or not."""
    name = f"{architecture.name}_input"
    bits = 8 if quantizer is None else quantizer.output_bits
    unsigned = architecture.input_dtype.startswith("uint")
    if quantizer is not None:
        unsigned = not quantizer.output_signed
    elif architecture.input_dtype.endswith(("int16", "int32")):
        raise first.fail(f"takes {architecture.input_dtype} input: Akida 2.0 takes 8 bits")
    if unsigned != (bits <= 4):
        raise first.fail(
            f"takes {'un' if unsigned else ''}signed input of {bits} bits, is no convolution of 1 "
            f"or 3 channels, or has no activation: Akida 2.0 takes signed input of 8 bits there; "
            f"quantise with input_dtype='int8' and give the Keras model an int8 or float32 input"
        )
    return (InputData if bits <= 4 else SignedInputData)(name, architecture.spatial_shape, bits)


def _layer(block: QuantizedBlock, fed: list[_Given], image: bool) -> tuple[AnyLayer, _Given]:
    """The Akida layer of a block, and what it gives."""
    root, first = block.root, fed[0]
    if root.kind == "QuantizedConcatenate":
        return _concatenated(block, fed)
    if root.kind == "QuantizedAdd":
        return _added(block, fed)
    if root.kind == "Dequantizer":
        _check_reshapes(block, first)
        scales = first.units.scale / np.exp2(first.units.fraction)
        scales = np.broadcast_to(scales.astype(np.float32), first.shape[2:]).copy()
        return Dequantizer(name=root.name, scales=scales), first._replace(name=root.name)
    return _scaled(block, first, image)


def _check_reshapes(block: QuantizedBlock, given: _Given) -> None:
    """Only those that change nothing."""
    for layer in block.reshapes:
        if layer.kind == "QuantizedFlatten":
            if given.shape[:2] != (1, 1):
                raise layer.fail("is only supported before a dense layer")
        else:
            check_reshape(layer, given.shape)


def _concatenated(block: QuantizedBlock, fed: list[_Given]) -> tuple[AnyLayer, _Given]:
    root = block.root
    for one in fed:
        _check_reshapes(block, one)
    if root.config.get("axis", -1) not in (-1, 3):
        raise root.fail(f"joins along axis {root.config.get('axis')!r:.40}, expected the last")
    if any(np.any(one.units.scale != 1) for one in fed):
        raise root.fail("joins values that are not quantised")
    fractions = [np.broadcast_to(one.units.fraction, one.shape[2:]) for one in fed]
    shape = (*fed[0].shape[:2], fed[0].shape[2] + fed[1].shape[2])
    units = Units(fraction=_plain(np.concatenate(fractions)))
    return Concatenate(root.name), _Given(root.name, shape, units)


def _plain(values: FloatArray) -> FloatArray:
    """One value where all are equal."""
    return values[0].reshape(()) if np.all(values == values[0]) else values


def _added(block: QuantizedBlock, fed: list[_Given]) -> tuple[AnyLayer, _Given]:
    root, shape = block.root, fed[0].shape
    for one in fed:
        _check_reshapes(block, one)
        if np.any(one.units.scale != 1):
            raise root.fail("adds values that are not quantised")
    if fed[1].shape != shape:
        raise root.fail(f"adds {fed[0].shape} and {fed[1].shape}, expected one shape")
    first, second = (one.units.fraction for one in fed)
    fraction = np.maximum(first, second)
    shifts = [_small(root, fraction - one, np.uint8, shape[2]) for one in (first, second)]
    if root.config.get("average", False) not in (False, 0):
        fraction = fraction + np.float32(1)
    buffer = settings.buffer_bits(root)
    quantiser = settings.quantiser(root, "output_quantizer")
    output_bits, shift = buffer, np.zeros((), np.float32)
    if quantiser:
        output_bits, largest, _ = _output_ranges(root, shape[2])
        made = numbers.fraction_of(largest, output_bits - _is_signed(quantiser))
        shift, fraction = np.maximum(made - fraction, 1 - buffer), made
    layer = ShiftedAdd(
        name=root.name,
        a_shift=shifts[0],
        b_shift=shifts[1],
        output_shift=_small(root, shift, np.int8, shape[2]),
        output_bits=output_bits,
        buffer_bits=buffer,
    )
    return layer, _Given(root.name, shape, Units(fraction=fraction))


def _scaled(block: QuantizedBlock, given: _Given, image: bool) -> tuple[AnyLayer, _Given]:
    """A convolution or a dense layer."""
    root, shape = block.root, given.shape
    dense = root.kind == "QuantizedDense"
    rows = shape[0] * shape[1] * shape[2]
    fraction, input_shift = given.units.fraction, np.zeros((), np.float32)
    if not dense:
        _check_reshapes(block, given)
    elif block.reshapes or shape[:2] != (1, 1):
        _check_flattened(block, given)
        fraction = fraction if shape[:2] == (1, 1) else _plain(fraction.reshape(-1))
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
        made["input_shift"] = _small(root, input_shift, np.uint8, rows if dense else shape[2])
    if root.kind in CONVOLUTIONS:
        made |= _geometry(block)
        edge = settings.border(root, given.units._replace(fraction=fraction))
        if image:
            made["padding_value"] = _small(root, 0 if edge is None else edge, np.uint8, shape[2])
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
    return layer, _Given(root.name, shape, units)


def _check_flattened(block: QuantizedBlock, given: _Given) -> None:
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
        "bias": _small(layer, found.own, np.int8, filters),
        "bias_shift": _small(layer, found.shift, np.uint8, filters),
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
        "max_value": _small(layer, found.own, np.uint8, filters),
        "max_value_shift": _small(layer, found.shift, np.uint8, filters),
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
    bits, largest, rate = _output_ranges(layer, filters)
    made = numbers.requantisation(
        units._replace(scale=units.scale * rate),
        largest,
        bits - _is_signed(quantiser),
        settings.setting(layer, quantiser, "scale_bits", 8),
    )
    return {
        "output_bits": bits,
        "post_op_buffer_bits": settings.setting(layer, quantiser, "buffer_bitwidth", 32),
        "output_scales": _small(layer, made.scales, np.uint8, filters),
        "output_shift": _small(layer, np.maximum(made.shift, 1 - buffer), np.int8, filters),
    }, Units(fraction=made.fraction)


def _output_ranges(layer: KerasLayer, filters: int) -> tuple[int, FloatArray, FloatArray]:
    """Bits, largest output and rescaling rate of an output quantiser."""
    quantiser = settings.quantiser(layer, "output_quantizer")
    bits = settings.setting(layer, quantiser, "bitwidth", 8)
    per_tensor = quantiser.get("axis", "per-tensor") == "per-tensor"
    arrays = settings.output_arrays(layer)
    largest, rate = settings.ranges(layer, arrays, 1 if per_tensor else filters)
    if np.any(largest < 0) or np.any(rate <= 0):
        raise layer.fail("has an output range below 0, or a rescaling rate that is not positive")
    return bits, largest, rate


def _is_signed(quantiser: Any) -> bool:
    return quantiser.get("signed", True) is not False


def _small(
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
