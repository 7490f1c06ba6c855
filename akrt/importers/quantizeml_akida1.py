"""Converts Keras layers that QuantizeML quantised for Akida 1.0, without TensorFlow.

The integers are those of ``cnn2snn.convert``: rules from the Apache-2.0 sources of cnn2snn 2.19
(``cnn2snn/quantizeml``) and quantizeml 1.2. An Akida layer is a convolution or dense layer, at most
one pooling, and a ReLU whose output quantiser makes 1 to 4 bits::

    threshold = -bias * pooled positions + round(step / 2)
    act_step  = step * 2**bits / 16           with step = 2**-shift / scales

and, for a last layer without a ReLU, ``act_step = 2**fraction / scale``: potentials divided by it
are the numbers that Keras gives.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from akrt.errors import ModelFileError
from akrt.importers import quantizeml_numbers as numbers
from akrt.importers import quantizeml_settings as settings
from akrt.importers.keras_blocks import Block, check_reshape, kernels_and_bias, max_pooling, padding
from akrt.importers.keras_config import Architecture, KerasLayer
from akrt.importers.quantizeml_numbers import FloatArray, Units
from akrt.model import (
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Padding,
    Pooling,
    Quantizer,
    SeparableConvolutional,
    Shape,
)

__all__ = ["convert"]

_NEURAL = ("QuantizedConv2D", "QuantizedSeparableConv2D", "QuantizedDense")
_POOLING = ("QuantizedMaxPool2D", "QuantizedGlobalAveragePooling2D")
_FOR_AKIDA_1 = (
    "quantise the float model for Akida 1.0: quantizeml.models.quantize(model, "
    "qparams=QuantizationParams(input_weight_bits=8, weight_bits=4, activation_bits=4, "
    "per_tensor_activations=True))"
)


def convert(architecture: Architecture) -> list[AnyLayer]:
    """The Akida layers of a chain that QuantizeML quantised.

    Raises:
        UnsupportedLayerError: a layer that Akida 1.0 has not; the message names it and the remedy.
        ModelFileError: the layers make no network.
    """
    layers = [layer for layer in architecture.chain if layer.kind not in settings.IGNORED]
    shape = architecture.spatial_shape
    units, entrance = Units(), None
    if layers and layers[0].kind == "InputQuantizer":
        (entrance, units), layers = _entrance(layers[0], shape), layers[1:]
    if layers and layers[0].kind == "QuantizedRescaling":
        units, layers = settings.rescaled(layers[0], units), layers[1:]
    blocks, dequantised = _group(layers, architecture.name)
    converted: list[AnyLayer] = []
    if entrance is not None and (np.any(entrance.scales != 1) or np.any(entrance.zero_points)):
        converted.append(entrance)
    first = _is_image(architecture, entrance, blocks[0])
    if not first:
        bits = 4 if entrance is None else entrance.output_bits
        if entrance is None and architecture.input_dtype == "uint8":
            raise blocks[0].neural.fail(
                "takes an 8-bit input of other than 1 or 3 channels, or has no ReLU: Akida 1.0 "
                "takes 4 bits there; give the Keras model an int8 input of values 0..15"
            )
        converted.append(InputData(f"{architecture.name}_input", shape, bits))
    for i, block in enumerate(blocks):
        try:
            layer, units = _akida_layer(block, shape, units, first and i == 0)
        except numbers.NearPowerOfTwo:
            raise block.neural.fail(settings.NEAR_POWER) from None
        if block.activation is None and dequantised:
            scales = units.scale / np.exp2(units.fraction)
            layer = replace(layer, act_step=(layer.act_step / scales).astype(np.float32))
        converted.append(layer)
        shape = layer.output_shape(shape)
    return converted


def _entrance(layer: KerasLayer, shape: Shape) -> tuple[Quantizer, Units]:
    """The Quantizer of a float input, which makes unsigned integers in one unit."""
    try:
        quantizer, units = settings.entrance(layer, shape)
    except numbers.NearPowerOfTwo:
        raise layer.fail(settings.NEAR_POWER) from None
    if quantizer.output_signed or np.any(units.fraction != units.fraction.flat[0]):
        raise layer.fail(
            "makes signed values, or a unit of each channel: Akida 1.0 takes unsigned ones in one "
            "unit: quantise with input_dtype='uint8' and per_tensor_activations=True"
        )
    return quantizer, Units(fraction=units.fraction.reshape(-1)[0].reshape(()))


def _is_image(architecture: Architecture, entrance: Quantizer | None, block: Block) -> bool:
    """Whether the first block becomes an InputConvolutional."""
    return (
        block.neural.kind == "QuantizedConv2D"
        and block.activation is not None
        and (block.pooling is None or block.pooling.kind == "QuantizedMaxPool2D")
        and architecture.input_shape[-1] in (1, 3)
        and len(architecture.input_shape) == 3
        and architecture.input_dtype != "int8"
        and (entrance is None or entrance.output_bits == 8)
    )


def _group(layers: list[KerasLayer], model: str) -> tuple[list[Block], bool]:
    """The blocks, and whether a Dequantizer ends them; what follows it is Keras's alone."""
    blocks: list[Block] = []
    pending: Block | None = None
    reshapes: tuple[KerasLayer, ...] = ()
    dequantised = False
    for layer in layers:
        kind = layer.kind
        if kind == "Dequantizer":
            dequantised = True
            break
        if kind in _NEURAL:
            if pending is not None:
                raise pending.neural.fail(
                    f"is followed by '{layer.name}' without a quantised ReLU between them"
                )
            pending, reshapes = Block(layer, reshapes), ()
        elif kind in _POOLING:
            if pending is None or pending.pooling or pending.neural.kind == "QuantizedDense":
                raise layer.fail("must follow a convolution and precede its ReLU")
            pending = pending._replace(pooling=layer)
        elif kind == "QuantizedReLU":
            if pending is None:
                raise layer.fail("does not follow a convolution or a dense layer")
            blocks.append(pending._replace(activation=layer))
            pending = None
        elif kind == "QuantizedReshape" or (kind == "QuantizedFlatten" and pending is None):
            reshapes = (*reshapes, layer) if kind == "QuantizedReshape" else reshapes
        elif kind in ("Activation", "Softmax"):
            continue
        else:
            told = "is not supported by Akida 1.0" if layer.by_quantizeml else "is not quantised"
            raise layer.fail(f"{told}: {_FOR_AKIDA_1}")
    if pending is not None:
        blocks.append(pending)
    if not blocks:
        raise ModelFileError(f"the model '{model}' has no quantised neural layer")
    return blocks, dequantised


def _akida_layer(block: Block, shape: Shape, units: Units, first: bool) -> tuple[Any, Units]:
    """The Akida layer of a block, and the units of what it gives."""
    neural = block.neural
    for reshape in block.reshapes:
        check_reshape(reshape, shape)
    kernels, bias = kernels_and_bias(neural, shape)
    keys = ["weight_quantizer"]
    if neural.kind == "QuantizedSeparableConv2D":
        keys = ["dw_weight_quantizer", "pw_weight_quantizer"]
    integers, scale, widths = [], units.scale, []
    for key, kernel in zip(keys, kernels, strict=True):
        last = kernel.ndim - 1
        bits, per_filter = settings.weight_bits(neural, key, (-1, last))
        found, own = numbers.weights(kernel, bits, last if per_filter else None)
        integers.append(found)
        widths.append(bits)
        scale = scale * own
    if not (np.isfinite(scale).all() and np.all(scale > 0)):
        raise neural.fail("has a scale that is zero or beyond float32")
    if len(set(widths)) != 1:
        raise neural.fail(f"depthwise and pointwise weights differ in width: {widths} bits")
    filters = kernels[-1].shape[-1]
    common: dict[str, Any] = {"name": neural.name, "weights_bits": widths[0]}
    make: Any = FullyConnected
    if neural.kind == "QuantizedDense":
        x, y, channels = shape
        by_position = integers[0].reshape(x, y, channels, filters)
        common["weights"] = FullyConnected.in_rows(by_position)
    else:
        border = _border(neural, units)
        common["padding"] = _padding(neural, border)
        common["stride"] = neural.pair("strides")
        common["pooling"] = _pooling(block, common["padding"])
        if neural.kind == "QuantizedSeparableConv2D":
            common["depthwise"] = integers[0].reshape(integers[0].shape[:3])
            common["pointwise"] = integers[1].reshape(-1, filters)
            make = SeparableConvolutional
        else:
            common["weights"] = integers[0]
            make = InputConvolutional if first else Convolutional
        if first:
            common["input_shape"] = shape
            common["padding_value"] = border or 0
        elif border:
            raise neural.fail(f"pads with {border}: only the first convolution may, others with 0")
    threshold = np.zeros(filters, np.int64)
    if bias is not None:
        width, wide = settings.bias_bits(neural), settings.buffer_bits(neural) - 1
        threshold -= numbers.aligned(bias, width, wide, Units(scale, units.fraction)).integers
    if common.get("pooling") == Pooling("average"):
        probe = make(threshold=np.zeros(filters, np.int32), act_step=np.ones(filters, np.float32),
                     act_bits=None, **common)  # fmt: skip
        x, y, _ = probe.conv_shape(shape)
        scale = scale * np.float32(1 / (x * y))
        threshold *= x * y
    step, units, act_bits = _output(block, Units(scale, units.fraction), filters)
    if not np.isfinite(step).all():
        raise neural.fail("has a step beyond float32")
    if act_bits is not None:
        threshold += np.rint(np.float32(0.5) * step).astype(np.int64)
        step = step * np.float32(2.0 ** (act_bits - 4))
    if np.any(np.abs(threshold) >= 1 << 31):
        raise neural.fail("a threshold is beyond 32 bits: its bias is far outside its weights")
    layer = make(
        threshold=np.broadcast_to(threshold, (filters,)).astype(np.int32),
        act_step=np.broadcast_to(step, (filters,)).astype(np.float32),
        act_bits=act_bits,
        **common,
    )
    return layer, units


def _output(block: Block, units: Units, filters: int) -> tuple[FloatArray, Units, int | None]:
    """float32 (F,) steps of the output quantiser, the units after it, and the activation's bits.

    Channels with ranges of their own are taken where one binary point serves them all:
    ``cnn2snn.convert`` takes others too, and loses what aligned them for the next layer.
    """
    layer = block.activation or block.pooling or block.neural
    quantiser = settings.quantiser(layer, "output_quantizer")
    if not quantiser:
        if block.activation is not None:
            raise layer.fail(f"has no output quantiser: {_FOR_AKIDA_1}")
        return np.ones(1, np.float32), units, None
    bits = settings.setting(layer, quantiser, "bitwidth", 8)
    signed = quantiser.get("signed", True)
    if block.activation is not None and (
        signed is not False or bits not in (1, 2, 4) or layer.config.get("max_value") is None
    ):
        raise layer.fail(
            f"gives {bits} {'signed' if signed else 'unsigned'} bits"
            f"{' and is unbounded' if layer.config.get('max_value') is None else ''}, where Akida "
            f"1.0 takes 1, 2 or 4 unsigned ones and a max_value: {_FOR_AKIDA_1}"
        )
    per_tensor = quantiser.get("axis", "per-tensor") == "per-tensor"
    arrays = settings.output_arrays(layer)
    range_max, rate = settings.ranges(layer, arrays, 1 if per_tensor else filters)
    if not (np.all(range_max >= 0) and np.all(rate > 0)):  # 0: nothing ever fired
        raise layer.fail(
            f"has a range of 0..{range_max.min():g} and a rate of {rate.min():g}: calibrate and "
            f"save the model again"
        )
    scale_bits = settings.setting(layer, quantiser, "scale_bits", 8)
    scaled = units._replace(scale=units.scale * rate)
    made = numbers.requantisation(scaled, range_max, bits - bool(signed), scale_bits)
    if np.unique(made.fraction).size != 1:
        raise layer.fail(
            f"has ranges of its channels from {range_max.min():g} to {range_max.max():g}, which "
            f"take different binary points, where layers of Akida 1.0 take one: {_FOR_AKIDA_1}"
        )
    step = np.exp2(-made.shift).astype(np.float32) / made.scales
    act_bits = None if block.activation is None else bits
    return step.astype(np.float32), Units(fraction=np.asarray(made.fraction.flat[0])), act_bits


def _border(layer: KerasLayer, units: Units) -> int | None:
    """The integer that a convolution pads with; None: the file gives none."""
    found = settings.border(layer, units)
    if found is None:
        return None
    if np.unique(found).size != 1:
        raise layer.fail(f"pads with {np.unique(found).tolist()}: Akida 1.0 takes one value")
    return int(found.flat[0])


def _padding(layer: KerasLayer, border: int | None) -> Padding:
    """A value to pad with means 'same', whatever the file says; 1x1 kernels pad nothing."""
    if border is not None or layer.pair("kernel_size") == (1, 1):
        return "same"
    return padding(layer)


def _pooling(block: Block, padded: Padding) -> Pooling | None:
    layer = block.pooling
    if layer is None:
        return None
    if layer.kind == "QuantizedGlobalAveragePooling2D":
        return Pooling("average")
    return max_pooling(layer, padded, block.neural.name)
