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

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from akrt.errors import ModelFileError
from akrt.importers import quantizeml_numbers as numbers
from akrt.importers.keras_blocks import Block, check_reshape, kernels_and_bias, max_pooling, padding
from akrt.importers.keras_config import Chain, KerasLayer
from akrt.importers.quantizeml_numbers import FloatArray
from akrt.model import (
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Padding,
    Pooling,
    SeparableConvolutional,
)

__all__ = ["convert"]

_NEURAL = ("QuantizedConv2D", "QuantizedSeparableConv2D", "QuantizedDense")
_POOLING = ("QuantizedMaxPool2D", "QuantizedGlobalAveragePooling2D")
_IGNORED = ("QuantizedDropout", "Dropout")
_FOR_AKIDA_1 = (
    "quantise the float model for Akida 1.0: quantizeml.models.quantize(model, "
    "qparams=QuantizationParams(input_weight_bits=8, weight_bits=4, activation_bits=4, "
    "per_tensor_activations=True))"
)


class _Units(NamedTuple):
    """What an integer between two layers stands for: ``integer * scale / 2**fraction``."""

    scale: FloatArray
    fraction: float = 0.0


def convert(chain: Chain) -> list[AnyLayer]:
    """The Akida layers of a chain that QuantizeML quantised.

    Raises:
        UnsupportedLayerError: a layer that Akida 1.0 has not; the message names it and the remedy.
        ModelFileError: the layers make no network.
    """
    layers = [layer for layer in chain.layers if layer.kind not in _IGNORED]
    units = _Units(np.ones((), np.float32))
    entrance: KerasLayer | None = None
    if layers and layers[0].kind == "InputQuantizer":
        entrance, layers = layers[0], layers[1:]
        _check_entrance(entrance)
    if layers and layers[0].kind == "QuantizedRescaling":
        units = _Units(np.float32(layers[0].number("scale")) * units.scale)
        if layers[0].config.get("offset", 0) not in (0, 0.0):
            raise layers[0].fail("has an offset, which QuantizeML folds before it quantises")
        layers = layers[1:]
    blocks, dequantised = _group(layers, chain.name)
    shape = chain.input_shape if len(chain.input_shape) == 3 else (1, 1, chain.input_shape[0])
    converted: list[AnyLayer] = []
    first = _is_image(chain, entrance, blocks[0])
    if not first:
        bits = 4 if entrance is None else entrance.integer("bitwidth")
        if entrance is None and chain.input_dtype == "uint8":
            raise blocks[0].neural.fail(
                "takes an 8-bit input of other than 1 or 3 channels, or has no ReLU: Akida 1.0 "
                "takes 4 bits there; give the Keras model an int8 input of values 0..15"
            )
        converted.append(InputData(f"{chain.name}_input", shape, bits))
    for i, block in enumerate(blocks):
        try:
            layer, units = _akida_layer(block, shape, units, first and i == 0)
        except numbers.NearPowerOfTwo:
            raise block.neural.fail(
                "has a scale so near to a power of two that TensorFlow's own rounding decides its "
                "integers: convert with cnn2snn.convert(model).save('model.fbz') and read the .fbz"
            ) from None
        if block.activation is None and dequantised:
            scales = units.scale / np.float32(2.0**units.fraction)
            layer = replace(layer, act_step=(layer.act_step / scales).astype(np.float32))
        converted.append(layer)
        shape = layer.output_shape(shape)
    return converted


def _check_entrance(layer: KerasLayer) -> None:
    """Only a quantiser that passes whole numbers on as they are."""
    bits = layer.integer("bitwidth")
    if layer.flag("signed") or not 1 <= bits <= 8 or layer.config.get("axis") != "per-tensor":
        raise layer.fail(
            f"makes signed values, {bits} bits or a range of each channel; Akida 1.0 takes 1 to 8 "
            f"unsigned bits: quantise with input_dtype='uint8'"
        )
    low, high = _scalars(layer, layer.weights, 2)
    try:
        fraction = min(bits - float(numbers.ceil_log2(high - low)), bits)
    except numbers.NearPowerOfTwo:
        fraction = np.nan
    if fraction != 0 or low != 0:
        raise layer.fail(
            f"scales a float input of {low:g}..{high:g}; akrt takes integers: give the Keras model "
            f"a uint8 input, keras.Input(shape, dtype='uint8'), and a Rescaling layer behind it, "
            f"then quantise again"
        )


def _is_image(chain: Chain, entrance: KerasLayer | None, block: Block) -> bool:
    """Whether the first block becomes an InputConvolutional."""
    return (
        block.neural.kind == "QuantizedConv2D"
        and block.activation is not None
        and (block.pooling is None or block.pooling.kind == "QuantizedMaxPool2D")
        and chain.input_shape[-1] in (1, 3)
        and len(chain.input_shape) == 3
        and chain.input_dtype != "int8"
        and (entrance is None or entrance.integer("bitwidth") == 8)
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


def _akida_layer(
    block: Block, shape: tuple[int, int, int], units: _Units, first: bool
) -> tuple[Any, _Units]:
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
        bits, axis = _weight_quantizer(neural, key)
        found, own = numbers.weights(kernel, bits, axis is not None)
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
        pads = neural.config.get("padding_value") is not None
        border = _border(neural, units) if pads else None
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
        threshold -= numbers.aligned(bias, *_bias_bits(neural), scale, units.fraction)
    if common.get("pooling") == Pooling("average"):
        probe = make(threshold=np.zeros(filters, np.int32), act_step=np.ones(filters, np.float32),
                     act_bits=None, **common)  # fmt: skip
        x, y, _ = probe.conv_shape(shape)
        scale = scale * np.float32(1 / (x * y))
        threshold *= x * y
    step, units, act_bits = _output(block, _Units(scale, units.fraction))
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


def _output(block: Block, units: _Units) -> tuple[FloatArray, _Units, int | None]:
    """float32 (F,) steps of the output quantiser, the units after it, and the activation's bits."""
    layer = block.activation or block.pooling or block.neural
    quantiser = _quantiser(layer, "output_quantizer")
    if not quantiser:
        if block.activation is not None:
            raise layer.fail(f"has no output quantiser: {_FOR_AKIDA_1}")
        return np.ones(1, np.float32), units, None
    bits = _setting(layer, quantiser, "bitwidth", 8)
    signed = quantiser.get("signed", True)
    if block.activation is not None and (
        signed is not False or bits not in (1, 2, 4) or layer.config.get("max_value") is None
    ):
        raise layer.fail(
            f"gives {bits} {'signed' if signed else 'unsigned'} bits"
            f"{' and is unbounded' if layer.config.get('max_value') is None else ''}, where Akida "
            f"1.0 takes 1, 2 or 4 unsigned ones and a max_value: {_FOR_AKIDA_1}"
        )
    if quantiser.get("axis", "per-tensor") != "per-tensor":
        raise layer.fail(f"has a range of each channel, where Akida 1.0 takes one: {_FOR_AKIDA_1}")
    own = layer.weights if layer is not block.neural else layer.weights[_stored(layer) :]
    if len(own) == 1:  # files of older releases have no rescaling rate
        own = (*own, np.ones((), np.float32))
    range_max, rate = _scalars(layer, own, 2)
    if not (range_max >= 0 and rate > 0):  # 0: nothing ever fired
        raise layer.fail(f"has a range of 0..{range_max:g} and a rate of {rate:g}")
    scale_bits = _setting(layer, quantiser, "scale_bits", 8)
    made = numbers.requantisation(
        units.scale * rate, units.fraction, range_max, bits - bool(signed), scale_bits
    )
    step = np.exp2(-made.shift).astype(np.float32) / made.scales
    act_bits = None if block.activation is None else bits
    return step.astype(np.float32), _Units(np.ones((), np.float32), made.fraction), act_bits


def _weight_quantizer(layer: KerasLayer, key: str) -> tuple[int, int | None]:
    """Bits of a kernel, and the axis that has a scale of its own each (None: one scale)."""
    quantiser = _quantiser(layer, key)
    bits = _setting(layer, quantiser, "bitwidth", 4)
    if bits not in (2, 4, 8):
        raise layer.fail(f"weights must have 2, 4 or 8 bits, got {bits}")
    axis = quantiser.get("axis", -1)
    last = len(layer.weights[0].shape) - 1
    if (axis is not None and axis not in (-1, last)) or quantiser.get("fp_quantizer"):
        raise layer.fail(f"has weights quantised along axis {axis!r}, expected the filters'")
    return bits, axis


def _bias_bits(layer: KerasLayer) -> tuple[int, int]:
    """Bits without the sign of a bias, and of the accumulator that it is added to."""
    buffer = _setting(layer, _quantisation(layer), "buffer_bitwidth", 32)
    if layer.kind != "QuantizedSeparableConv2D":
        buffer = min(28, buffer)
    return _setting(layer, _quantiser(layer, "bias_quantizer"), "bitwidth", 8) - 1, buffer - 1


def _border(layer: KerasLayer, units: _Units) -> int:
    """The integer that a convolution pads with."""
    given = layer.config["padding_value"]
    try:
        value = np.atleast_1d(np.asarray(given, np.float64))
    except (TypeError, ValueError, OverflowError):
        value = np.full(1, np.nan)
    if value.ndim != 1 or not value.size or not np.isfinite(value).all():
        raise layer.fail(f"padding_value must be numbers, got {str(given)[:40]}")
    bits, _ = _weight_quantizer(layer, "weight_quantizer")
    found = np.unique(
        numbers.aligned(value.astype(np.float32), bits - 1, 8, units.scale, units.fraction)
    )
    if found.size != 1 or not 0 <= found[0] <= 255:
        raise layer.fail(f"pads with {found.tolist()}: Akida 1.0 takes one value of 0..255")
    return int(found[0])


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


def _scalars(layer: KerasLayer, arrays: tuple[FloatArray, ...], count: int) -> list[FloatArray]:
    """The recorded ranges of a quantiser, float32 () each."""
    if len(arrays) != count or any(a.size != 1 or not np.isfinite(a).all() for a in arrays):
        raise layer.fail(
            f"{count} numbers are expected as its recorded ranges, the file holds "
            f"{[a.shape for a in arrays]}: calibrate and save the model again"
        )
    return [a.reshape(()) for a in arrays]


def _quantisation(layer: KerasLayer) -> Mapping[str, Any]:
    """What the file says about how a layer was quantised."""
    settings = layer.config.get("quant_config")
    if not isinstance(settings, dict):
        raise layer.fail(
            "says nothing of how it was quantised, beside layers of QuantizeML that do"
        )
    return settings


def _quantiser(layer: KerasLayer, key: str) -> Mapping[str, Any]:
    settings = _quantisation(layer).get(key) or {}
    if not isinstance(settings, dict):
        raise layer.fail(f"'{key}' should be settings, got {str(settings)[:40]}")
    return settings


def _setting(layer: KerasLayer, settings: Mapping[str, Any], key: str, default: int) -> int:
    value = settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 32:
        raise layer.fail(f"'{key}' should be 1 to 32, got {str(value)[:40]}")
    return value


def _stored(layer: KerasLayer) -> int:
    """How many of a layer's arrays are kernels and bias."""
    return 1 + (layer.kind == "QuantizedSeparableConv2D") + layer.flag("use_bias")
