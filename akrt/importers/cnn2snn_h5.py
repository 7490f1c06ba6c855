"""Converts Keras layers quantised with cnn2snn, without TensorFlow.

The integers are those of ``cnn2snn.convert``: rules and formulas from the Apache-2.0 sources of
cnn2snn 2.19, in float32 and float64 where they are there (under NumPy 2, with which TensorFlow
2.18 and newer run). An Akida layer is a neural layer, at most one pooling and an activation::

    threshold = floor(i * w * (t - bias) + sum(weights) * shift) * pooled positions
    act_step  =       i * w * step * 2**bits / 16               * pooled positions

with ``i`` the integers per unit of input (1 / scale of the Rescaling, or 1 / step of the layer
before), ``w`` the integers per unit of weight, ``t = step / 2`` and ``step`` of the activation, and
``shift`` the integer that stands for a zero input. (Flooring comes last.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from akrt.errors import UsageError
from akrt.importers import batch_normalization
from akrt.importers import weight_quantizers as quantizers
from akrt.importers.keras_blocks import (
    Block,
    check_reshape,
    group,
    kernels_and_bias,
    padding,
    pool_first,
    pooling,
)
from akrt.importers.keras_config import Architecture, KerasLayer
from akrt.model import (
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Pooling,
    SeparableConvolutional,
    SpatialLayer,
)

__all__ = ["convert"]


def convert(
    architecture: Architecture, input_scaling: tuple[float, float] | None = None
) -> tuple[list[AnyLayer], dict[str, str]]:
    """The Akida layers of a chain that cnn2snn quantised, and what is to be noted about them.

    Args:
        architecture: the Keras layers.
        input_scaling: as for `akrt.importers.keras_h5.load_h5`.

    Raises:
        UnsupportedLayerError, ModelFileError, UsageError: as there.
    """
    given = None if input_scaling is None else _given_scaling(input_scaling)
    neural = batch_normalization.fold(
        pool_first([layer for layer in architecture.chain if layer.kind != "Dropout"])
    )
    scaling, neural = _rescaling(neural, given)
    notes = {}
    if not scaling.told:
        known = "as given" if given else "assumed: the file has no Rescaling"
        notes["input_scaling"] = f"{scaling.scale:g}, {scaling.shift:g} ({known})"
    return _convert(architecture, scaling, neural), notes


class _Scaling(NamedTuple):
    """Integers per unit of input, and the integer that stands for zero."""

    scale: np.float32
    shift: float
    told: bool = True
    """Whether the file says so."""


def _given_scaling(value: tuple[float, float]) -> _Scaling:
    try:
        scale, shift = map(float, value)
    except (TypeError, ValueError):
        raise UsageError(f"input_scaling takes two numbers, got {value!r}") from None
    if not 1e-30 < scale < 1e30 or not abs(shift) < 1e30:
        raise UsageError(
            f"input_scaling takes a positive scale and a finite shift, got {scale:g} and {shift:g}"
        )
    return _Scaling(np.float32(scale), shift, told=False)


def _convert(
    architecture: Architecture, scaling: _Scaling, layers: list[KerasLayer]
) -> list[AnyLayer]:
    shape = architecture.input_shape
    converted: list[AnyLayer] = []
    image = shape[-1] in (1, 3)
    if not image:
        if scaling.shift != 0:
            raise architecture.layers[0].fail(
                "has an offset, which only a first convolution of 1 or 3 channels can take"
            )
        spatial = (1, 1, shape[0]) if len(shape) == 1 else (shape[0], shape[1], shape[2])
        converted.append(InputData(f"{architecture.name}_input", spatial))
    for block in group(layers, architecture.name):
        first = image and not converted
        layer, shape = _akida_layer(block, shape, scaling, first)
        converted.append(layer)
        if block.activation is not None:
            scaling = _Scaling(np.float32(1) / _step(block.activation), 0)
    return converted


def _rescaling(
    layers: list[KerasLayer], given: _Scaling | None
) -> tuple[_Scaling, list[KerasLayer]]:
    """How the input was scaled for Keras, and the layers without their leading Rescaling."""
    if not layers or layers[0].kind != "Rescaling":
        return given or _Scaling(np.float32(1), 0.0, told=False), layers
    first = layers[0]
    if given is not None:
        raise UsageError(
            f"input_scaling is for models without a Rescaling, but '{first.name}' is one: leave it "
            f"out"
        )
    scale, offset = first.number("scale"), first.number("offset")
    if not scale > 1e-30:
        raise first.fail(f"scale must be positive, got {scale}")
    return _Scaling(np.float32(1 / scale), -offset / scale), layers[1:]


def _akida_layer(
    block: Block, shape: tuple[int, ...], scaling: _Scaling, first: bool
) -> tuple[AnyLayer, tuple[int, ...]]:
    """The Akida layer of a block, and its output shape as (X, Y, C)."""
    neural = block.neural
    if first and (neural.kind != "QuantizedConv2D" or len(shape) != 3):
        raise neural.fail(
            "a model with an input of 1 or 3 channels must start with a QuantizedConv2D"
        )
    spatial = shape if len(shape) == 3 else (1, 1, shape[0])
    for reshape in block.reshapes:
        check_reshape(reshape, spatial)
    kernels = _kernels(neural, spatial)
    quantized, factors = zip(*(_quantized(neural, key, w) for key, w in kernels), strict=True)
    factor = factors[0] if len(factors) == 1 else factors[0] * factors[1]
    filters = kernels[-1][1].shape[-1]
    activation = block.activation
    common: dict[str, Any] = {
        "name": neural.name,
        "weights_bits": _quantizer(neural, "quantizer").bits,
        "act_bits": None if activation is None else _act_bits(activation),
    }
    make: Any
    if neural.kind == "QuantizedDense":
        x, y, channels = spatial
        by_position = quantized[0].reshape(x, y, channels, filters)
        common["weights"] = FullyConnected.in_rows(by_position)
        make = FullyConnected
    else:
        common["padding"] = padding(neural)
        common["stride"] = neural.pair("strides")
        common["pooling"] = pooling(block)
        if neural.kind == "QuantizedSeparableConv2D":
            common["depthwise"] = quantized[0].reshape(quantized[0].shape[:3])
            common["pointwise"] = quantized[1].reshape(-1, filters)
            make = SeparableConvolutional
        else:
            common["weights"] = quantized[0]
            make = Convolutional
    if first:
        common["input_shape"] = spatial
        common["padding_value"] = _padding_value(neural, scaling.shift)
        make = InputConvolutional
    positions = 1
    if common.get("pooling") == Pooling("average"):
        probe = make(threshold=np.zeros(filters, np.int32),
                     act_step=np.ones(filters, np.float32), **common)  # fmt: skip
        x, y, _ = probe.conv_shape(spatial)
        positions = x * y
    shift = scaling.shift if first else None
    threshold, step = _thresholds(
        neural, activation, scaling.scale, shift, factor, quantized[0], positions, filters
    )
    layer: FullyConnected | SpatialLayer = make(threshold=threshold, act_step=step, **common)
    return layer, layer.output_shape((spatial[0], spatial[1], spatial[2]))


def _kernels(
    layer: KerasLayer, shape: tuple[int, ...]
) -> list[tuple[str, npt.NDArray[np.float32]]]:
    """(setting that holds its quantizer, kernel) for each kernel of a layer, shapes checked."""
    kernels, _ = kernels_and_bias(layer, shape)
    keys = ("quantizer_dw", "quantizer") if len(kernels) == 2 else ("quantizer",)
    widths = [_quantizer(layer, key).bits for key in keys]
    if len(set(widths)) != 1:
        raise layer.fail(f"depthwise and pointwise weights differ in width: {widths} bits")
    return list(zip(keys, kernels, strict=True))


def _quantizer(layer: KerasLayer, key: str) -> quantizers.Quantizer:
    entry = layer.config.get(key)
    if entry is None and key == "quantizer_dw":
        entry = layer.config.get("quantizer")
    kind = entry.get("class_name") if isinstance(entry, dict) else None
    kind = kind.rpartition(">")[2] if isinstance(kind, str) else None
    if kind not in quantizers.KINDS or not isinstance(entry, dict):
        raise layer.fail(f"{key} must be one of {', '.join(quantizers.KINDS)}, got {kind}")
    settings = entry.get("config")
    config = KerasLayer(layer.name, layer.kind, settings if isinstance(settings, dict) else {})
    bits = config.integer("bitwidth")
    if bits not in (2, 4, 8):
        raise layer.fail(f"weights must have 2, 4 or 8 bits, got {bits}")
    threshold = config.number("threshold") if "threshold" in config.config else 3.0
    return quantizers.Quantizer(kind, bits, threshold)


def _quantized(
    layer: KerasLayer, key: str, weights: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    return quantizers.integers(_quantizer(layer, key), weights)


def _padding_value(layer: KerasLayer, shift: float) -> int:
    if not 0 <= int(shift) <= 255:
        raise layer.fail(
            f"a zero input is {shift:g} as an integer (-offset / scale of the Rescaling), "
            f"outside 0..255"
        )
    return int(shift)


def _act_bits(layer: KerasLayer) -> int:
    bits = layer.integer("bitwidth")
    if bits not in (1, 2, 4):
        raise layer.fail(
            f"activations must have 1, 2 or 4 bits, got {bits}: set another with "
            f"cnn2snn.quantize_layer(model, {layer.name!r}, bitwidth)"
        )
    return bits


def _step(layer: KerasLayer) -> np.float32:
    """float32: the interval between two activation values."""
    levels = 2.0 ** _act_bits(layer) - 1
    if layer.kind == "ActivationDiscreteRelu":
        return np.float32(min(levels, 6) / levels)
    top = levels if layer.config.get("max_value") is None else layer.number("max_value")
    step = np.float32(top) / np.float32(levels)
    if not step > 1e-30:
        raise layer.fail(f"max_value must be positive, got {top}")
    return step


def _thresholds(
    layer: KerasLayer,
    activation: KerasLayer | None,
    input_scale: np.float32,
    shift: float | None,
    weight_scale: npt.NDArray[np.float32],
    weights: npt.NDArray[np.int8],
    positions: int,
    filters: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """int32 (F,) thresholds and float32 (F,) steps."""
    bias = layer.weights[-1].astype(np.float64) if layer.flag("use_bias") else 0.0
    half_step, step = 0.0, 1.0
    if activation is not None:
        unit = _step(activation)
        half_step = float(unit * np.float32(0.5))
        step = float(unit * np.float32(2.0 ** _act_bits(activation)) / np.float32(16))
    with np.errstate(all="ignore"):
        scale = (input_scale * weight_scale).astype(np.float64)
        threshold = np.broadcast_to(scale * (half_step - bias), (filters,)).copy()
        act_step = np.broadcast_to(scale * step, (filters,)).astype(np.float32)
        if shift is not None:
            threshold += weights.sum(axis=(0, 1, 2), dtype=np.int64) * shift
        threshold = np.floor(threshold * positions)
        act_step = act_step * np.float32(positions)
    if not np.all(np.abs(threshold) < 2.0**31):
        raise layer.fail("a threshold is beyond 32 bits: its bias is far outside its weights")
    return threshold.astype(np.int32), act_step
