"""What a Keras file says about how QuantizeML quantised a layer: widths, ranges, borders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from akrt.importers import quantizeml_numbers as numbers
from akrt.importers.keras_config import Architecture, KerasLayer
from akrt.importers.quantizeml_numbers import FloatArray, Units
from akrt.model import IntArray, Quantizer, Shape

__all__ = [
    "IGNORED",
    "NEAR_POWER",
    "bias_bits",
    "border",
    "buffer_bits",
    "entrance",
    "output_arrays",
    "quantisation",
    "quantiser",
    "ranges",
    "rescaled",
    "setting",
    "version",
    "weight_bits",
]

IGNORED = ("QuantizedDropout", "Dropout")
NEAR_POWER = (
    "has a scale so near to a power of two that TensorFlow's own rounding decides its integers: "
    "convert with cnn2snn.convert(model).save('model.fbz') and read the .fbz"
)


_OF_AKIDA_2 = (
    "QuantizedDepthwiseConv2D",
    "QuantizedConv2DTranspose",
    "QuantizedDepthwiseConv2DTranspose",
    "QuantizedAdd",
    "QuantizedConcatenate",
    "QuantizedActivation",
)


def version(architecture: Architecture) -> int:
    """The Akida that a network was quantised for: 1 where Akida 1.0 has all that it needs."""
    kinds = {layer.kind: layer for layer in architecture.layers}
    if "QuantizedSeparableConv2D" in kinds:
        return 1
    if not kinds.keys().isdisjoint(_OF_AKIDA_2):
        return 2
    first = True
    by_name = {layer.name: layer for layer in architecture.layers}
    for layer in architecture.layers:
        if not layer.by_quantizeml:
            continue
        if layer.kind in ("QuantizedConv2D", "QuantizedDense"):
            bits = setting(layer, quantiser(layer, "weight_quantizer"), "bitwidth", 4)
            if bits > 4 and not first:
                return 2
            first = False
        elif layer.kind == "QuantizedReLU":
            settings = quantiser(layer, "output_quantizer")
            bits = setting(layer, settings, "bitwidth", 8) if settings else 4
            if bits > 4 or settings.get("axis") == "per-axis" or not layer.config.get("max_value"):
                return 2
        elif layer.kind == "QuantizedGlobalAveragePooling2D" and any(
            by_name[name].kind == "QuantizedReLU" for name in layer.sources
        ):
            return 2
    return 1


def rescaled(layer: KerasLayer, units: Units) -> Units:
    """The units behind a QuantizedRescaling."""
    if layer.config.get("offset", 0) not in (0, 0.0):
        raise layer.fail("has an offset, which QuantizeML folds before it quantises")
    return units._replace(scale=np.float32(layer.number("scale")) * units.scale)


def entrance(layer: KerasLayer, shape: Shape) -> tuple[Quantizer, Units]:
    """The Quantizer that an InputQuantizer becomes, and the units behind it.

    Raises:
        UnsupportedLayerError: it is damaged, or makes other than 4 or 8 bits.
        NearPowerOfTwo: only TensorFlow knows.
    """
    bits, signed = layer.integer("bitwidth"), layer.flag("signed")
    if bits not in (4, 8):
        raise layer.fail(f"makes {bits} bits of a float input: only 4 and 8 run")
    axis = layer.config.get("axis", "per-tensor")
    if axis not in ("per-tensor", "per-axis"):
        raise layer.fail(f"axis must be per-tensor or per-axis, got {str(axis)[:40]}")
    low, high = ranges(layer, layer.weights, 1 if axis == "per-tensor" else shape[2])
    if np.any(low > high) or (not signed and np.any(low > 0)):
        raise layer.fail("has ranges that are upside down, or unsigned ones above 0")
    reach = np.maximum(np.abs(low), np.abs(high)) if signed else high - low
    fraction = numbers.fraction_of(reach, bits - signed)
    scales = np.exp2(fraction).astype(np.float32)
    zeros = np.zeros(()) if signed else np.clip(np.rint(-low * scales), 0, 2**bits - 1)
    quantizer = Quantizer(
        name=layer.name,
        input_shape=shape,
        scales=np.broadcast_to(scales, shape[2:]).copy(),
        zero_points=np.broadcast_to(zeros, shape[2:]).astype(np.uint8),
        output_bits=bits,
        output_signed=signed,
    )
    return quantizer, Units(fraction=fraction)


def weight_bits(
    layer: KerasLayer,
    key: str = "weight_quantizer",
    channels: tuple[int, ...] | None = None,
) -> tuple[int, bool]:
    """Bits of a kernel, and whether each of its channels has a scale of its own, or one is for all.

    Args:
        layer: with weights.
        key: the name of the quantiser.
        channels: what the axis of the channels may be called; None: it is not looked at.
    """
    settings = quantiser(layer, key)
    bits = setting(layer, settings, "bitwidth", 4)
    if bits not in (2, 4, 8):
        raise layer.fail(f"weights must have 2, 4 or 8 bits, got {bits}")
    axis = settings.get("axis", -1)
    other = channels is not None and axis is not None and axis not in channels
    if other or settings.get("fp_quantizer"):
        raise layer.fail(f"has weights quantised along axis {axis!r}, expected the filters'")
    return bits, axis is not None


def buffer_bits(layer: KerasLayer) -> int:
    """Bits of an accumulator: 28 at most where a kernel is convolved or multiplied."""
    bits = setting(layer, quantisation(layer), "buffer_bitwidth", 32)
    whole = layer.kind in ("QuantizedSeparableConv2D", "QuantizedAdd", "QuantizedReLU")
    return bits if whole else min(28, bits)


def bias_bits(layer: KerasLayer) -> int:
    """Bits of a bias without the sign."""
    return setting(layer, quantiser(layer, "bias_quantizer"), "bitwidth", 8) - 1


def border(layer: KerasLayer, units: Units) -> IntArray | None:
    """The whole numbers that a convolution pads with, () or (C,); None: no value is given."""
    given = layer.config.get("padding_value")
    if given is None:
        return None
    try:
        value = np.atleast_1d(np.asarray(given, np.float64))
    except (TypeError, ValueError, OverflowError):
        value = np.full(1, np.nan)
    if value.ndim != 1 or not value.size or not np.isfinite(value).all():
        raise layer.fail(f"padding_value must be numbers, got {str(given)[:40]}")
    bits, _ = weight_bits(layer, channels=(-1, 3))
    wide = buffer_bits(layer) - 1
    found = numbers.aligned(value.astype(np.float32), bits - 1, wide, units).integers
    if np.any((found < 0) | (found > 255)):
        raise layer.fail(f"pads with {np.unique(found).tolist()}: Akida takes values of 0..255")
    return found


def ranges(layer: KerasLayer, arrays: tuple[FloatArray, ...], channels: int) -> list[FloatArray]:
    """The two recorded ranges of a quantiser, float32 () or (channels,) each.

    Args:
        layer: for messages.
        arrays: of the file.
        channels: 1: one range for all of them.
    """
    shapes = {(), (channels,)} if channels == 1 else {(channels,)}
    if len(arrays) != 2 or not all(a.shape in shapes and np.isfinite(a).all() for a in arrays):
        raise layer.fail(
            f"2 {'numbers' if channels == 1 else f'lists of {channels} numbers'} are expected as "
            f"its recorded ranges, the file holds {[a.shape for a in arrays]}: calibrate and save "
            f"the model again"
        )
    return [a.reshape(()) if a.size == 1 else a for a in arrays]


def output_arrays(layer: KerasLayer) -> tuple[FloatArray, ...]:
    """A layer's arrays behind its kernels and bias: the ranges of its output quantiser."""
    own = layer.weights
    if "use_bias" in layer.config:
        separable = layer.kind == "QuantizedSeparableConv2D"
        own = own[1 + separable + layer.flag("use_bias") :]
    if len(own) == 1:  # files of older releases have no rescaling rate
        own = (*own, np.ones(own[0].shape, np.float32))
    return own


def quantiser(layer: KerasLayer, key: str) -> Mapping[str, Any]:
    """Settings of a quantiser of a layer; empty: it has none."""
    settings = quantisation(layer).get(key) or {}
    if not isinstance(settings, dict):
        raise layer.fail(f"'{key}' should be settings, got {str(settings)[:40]}")
    return settings


def setting(layer: KerasLayer, settings: Mapping[str, Any], key: str, default: int) -> int:
    """A number of bits."""
    value = settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 32:
        raise layer.fail(f"'{key}' should be 1 to 32, got {str(value)[:40]}")
    return value


def quantisation(layer: KerasLayer) -> Mapping[str, Any]:
    """What the file says about how a layer was quantised."""
    settings = layer.config.get("quant_config")
    if settings is None and layer.kind == "QuantizedMaxPool2D":
        return {}
    if not isinstance(settings, dict):
        raise layer.fail(
            "says nothing of how it was quantised, beside layers of QuantizeML that do"
        )
    return settings
