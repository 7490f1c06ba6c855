"""Layers of Akida 2.0 from what `akrt.importers.read_fbz` found, and back.

Akida's `Conv2D` and `DepthwiseConv2D` are true convolutions, ours cross-correlations: their kernels
are flipped on both spatial axes here, in both directions.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.errors import ModelError, UnsupportedLayerError
from akrt.model import (
    AnyLayer,
    BufferTempConv,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense1D,
    DepthwiseBufferTempConv,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    Dequantizer,
    InputConv2D,
    InputData,
    Model,
    PicoPostProcessing,
    Pooling,
    Quantizer,
    ScaledLayer,
    ScaledSpatialLayer,
    Shape,
    ShiftedAdd,
    SignedInputData,
    StatefulRecurrent,
)

__all__ = ["akida2_layer", "akida2_model", "akida2_quantizer", "akida2_variables"]

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

_ACTIVATIONS = {0: None, 1: "relu", 2: "lut"}
_PADDINGS = {0: "valid", 1: "same", 2: "same_upper"}
_SCALED: dict[str, type[ScaledLayer]] = {
    cls.kind: cls
    for cls in (
        InputConv2D,
        Conv2D,
        DepthwiseConv2D,
        Conv2DTranspose,
        DepthwiseConv2DTranspose,
        Dense1D,
        BufferTempConv,
        DepthwiseBufferTempConv,
        StatefulRecurrent,
    )
}
_RENAMED = {"A_real": "a_real", "A_imag": "a_imag", "out_proj": "weights"}
"""Variables of a `StatefulRecurrent` as akida calls them, and as the model does."""
_OTHERS = ("InputData", "Quantizer", "Add", "Concatenate", "PicoPostProcessing", "Dequantizer")


def akida2_model(entries: list[dict[str, Any]], arrays: Arrays, name: str) -> Model:
    """The model of the layers that `describe` found in a network of Akida 2.0.

    Raises:
        UnsupportedLayerError: a layer or a setting of one that akrt does not run.
        ModelError: the layers do not fit together.
    """
    layers = [
        _layer(entry, {v: arrays[f"{i}.{v}"] for v in entry["variables"]})
        for i, entry in enumerate(entries)
    ]
    inputs = {entry["name"]: tuple(entry["inbounds"]) for entry in entries}
    return Model(tuple(layers), name=name, notes={"imported_from": "akida model"}, inputs=inputs)


def _layer(entry: dict[str, Any], arrays: Arrays) -> AnyLayer:
    name, kind, p = entry["name"], entry["type"], entry["parameters"]
    if kind == "InputData":
        entrance = InputData if p["input_bits"] <= 4 else SignedInputData
        return entrance(name, _shape(entry), p["input_bits"])
    if kind == "Quantizer":
        return akida2_quantizer(entry, arrays)
    if kind == "Concatenate":
        return Concatenate(name)
    if kind == "Dequantizer":
        return Dequantizer(name=name, **arrays)
    if kind == "Add":
        return ShiftedAdd(
            name=name, output_bits=p["output_bits"], buffer_bits=p["buffer_bits"], **arrays
        )
    if kind == "PicoPostProcessing":
        return PicoPostProcessing(name=name, buffer_bits=p["buffer_bits"], **arrays)
    if kind not in _SCALED:
        raise UnsupportedLayerError(
            name,
            kind,
            f"is no layer of Akida 2.0 that akrt runs: these are {', '.join((*_SCALED, *_OTHERS))}",
        )
    return _scaled(entry, arrays)


def akida2_quantizer(entry: dict[str, Any], arrays: Arrays) -> Quantizer:
    """The entrance of floats, which networks of both versions have."""
    p = entry["parameters"]
    return Quantizer(
        name=entry["name"],
        input_shape=_shape(entry),
        scales=arrays["scales"],
        zero_points=arrays["zero_points"],
        output_bits=p["output_bits"],
        output_signed=bool(p["output_signed"]),
        channels_first=bool(p["channels_first"]),
    )


def _scaled(entry: dict[str, Any], arrays: Arrays) -> ScaledLayer:
    name, kind, p = entry["name"], entry["type"], entry["parameters"]

    def fail(problem: str) -> UnsupportedLayerError:
        return UnsupportedLayerError(name, kind, problem)

    cls = _SCALED[kind]
    if p["activation"] not in _ACTIVATIONS:
        raise fail(f"activation {p['activation']} is not supported")
    if cls is StatefulRecurrent:
        arrays = {_RENAMED.get(key, key): array for key, array in arrays.items()}
    unknown = sorted(set(arrays) - set(cls.array_names))
    if unknown:
        raise fail(f"has the variable '{unknown[0]}', which akrt does not know")
    settings: dict[str, Any] = {
        "name": name,
        "activation": _ACTIVATIONS[p["activation"]],
        **{
            key: p[key]
            for key in (*_widths(cls), "output_bits", "buffer_bits", "post_op_buffer_bits")
        },
        **arrays,
    }
    steps = p["fifo_size"] if cls in (BufferTempConv, DepthwiseBufferTempConv) else 1
    settings["weights"] = _turned(cls, arrays["weights"], steps)
    if kind == "InputConv2D":
        settings["input_shape"] = (p["input_x"], p["input_y"], p["input_channels"])
    if issubclass(cls, ScaledSpatialLayer):
        if p["padding"] not in _PADDINGS:
            raise fail(f"padding {p['padding']} is not supported")
        settings["padding"] = _PADDINGS[p["padding"]]
        settings["stride"] = p["kernel_stride"]
        settings["pooling"] = _pooling(p, fail)
    try:
        return cls(**settings)
    except TypeError as error:
        raise fail(f"lacks a variable: {error}") from None


def _pooling(p: dict[str, int], fail: Any) -> Pooling | None:
    kind, size, stride = p["pool_type"], p["pool_size"], p["pool_stride"]
    if kind == 0:
        return None
    if kind == 1:
        stride = size if stride == -1 else stride
        return Pooling("max", (size, size), (stride, stride))
    if kind != 2:
        raise fail(f"pool_type {kind} is not supported")
    if size > 0:
        raise fail("average pooling of a window: only global average pooling is supported")
    return Pooling("average")


def _widths(cls: type[ScaledLayer]) -> tuple[str, ...]:
    """Settings that only some layers have, of the same name in both."""
    return ("subsample", "internal_state_bits") if cls is StatefulRecurrent else ("weights_bits",)


def _turned(cls: type[ScaledLayer], weights: npt.NDArray[Any], steps: int) -> npt.NDArray[Any]:
    """Akida's weights as the model holds them."""
    if cls is BufferTempConv:
        return weights.reshape(steps, -1, weights.shape[-1])
    if cls is DepthwiseBufferTempConv:
        return weights.reshape(steps, -1)
    if cls in (DepthwiseConv2D, DepthwiseConv2DTranspose):
        if weights.ndim != 4 or weights.shape[3] != 1:
            raise ModelError(f"depthwise weights of the shape {weights.shape}")
        weights = weights[..., 0]
    return weights[::-1, ::-1] if cls in (Conv2D, DepthwiseConv2D) else weights


def _shape(entry: dict[str, Any]) -> Shape:
    x, y, channels = entry["input_shape"]
    return (x, y, channels)


def akida2_layer(akida: Any, layer: AnyLayer) -> Any:
    """A new layer of akida's; its variables are not set."""
    if isinstance(layer, InputData | SignedInputData):
        return akida.InputData(layer.input_shape, input_bits=layer.input_bits, name=layer.name)
    if isinstance(layer, Quantizer):
        return akida.Quantizer(
            layer.input_shape,
            output_bits=layer.output_bits,
            output_signed=layer.output_signed,
            channels_first=layer.channels_first,
            name=layer.name,
        )
    if isinstance(layer, Concatenate):
        return akida.Concatenate(name=layer.name)
    if isinstance(layer, PicoPostProcessing):
        return akida.PicoPostProcessing(buffer_bits=layer.buffer_bits, name=layer.name)
    if isinstance(layer, Dequantizer):
        return akida.Dequantizer(name=layer.name)
    if isinstance(layer, ShiftedAdd):
        return akida.Add(
            output_bits=layer.output_bits, buffer_bits=layer.buffer_bits, name=layer.name
        )
    assert isinstance(layer, ScaledLayer)
    return _scaled_layer(akida, layer)


def _scaled_layer(akida: Any, layer: ScaledLayer) -> Any:
    types = akida.ActivationType
    settings: dict[str, Any] = {
        "name": layer.name,
        "activation": {None: types.NoActivation, "relu": types.ReLU, "lut": types.LUT}[
            layer.activation
        ],
        "output_bits": layer.output_bits,
        "buffer_bits": layer.buffer_bits,
        "post_op_buffer_bits": layer.post_op_buffer_bits,
    }
    if isinstance(layer, BufferTempConv):
        return akida.BufferTempConv(layer.filters, layer.fifo_size, **settings)
    if isinstance(layer, DepthwiseBufferTempConv):
        return akida.DepthwiseBufferTempConv(layer.fifo_size, **settings)
    if isinstance(layer, StatefulRecurrent):
        return akida.StatefulRecurrent(
            stateful_channels=len(layer.weights),
            output_channels=layer.filters,
            subsample=layer.subsample,
            internal_state_bits=layer.internal_state_bits,
            **settings,
        )
    settings["weights_bits"] = layer.weights_bits
    if isinstance(layer, Dense1D):
        return akida.Dense1D(units=layer.filters, **settings)
    settings["kernel_size"] = layer.weights.shape[0]
    if isinstance(layer, InputConv2D | Conv2D | Conv2DTranspose):
        settings["filters"] = layer.filters
    if isinstance(layer, InputConv2D):
        settings["input_shape"] = layer.input_shape
    if isinstance(layer, ScaledSpatialLayer):
        settings |= _geometry(akida, layer)
    return getattr(akida, layer.kind)(**settings)


def _geometry(akida: Any, layer: ScaledSpatialLayer) -> dict[str, Any]:
    paddings = akida.Padding
    settings = {
        "kernel_stride": layer.stride,
        "padding": {
            "valid": paddings.Valid,
            "same": paddings.Same,
            "same_upper": paddings.SameUpper,
        }[layer.padding],
    }
    pooling = layer.pooling
    if pooling is not None and pooling.size and pooling.stride:
        settings["pool_type"] = akida.PoolType.Max
        settings["pool_size"], settings["pool_stride"] = pooling.size[0], pooling.stride[0]
    elif pooling is not None:
        settings["pool_type"] = akida.PoolType.Average
    return settings


def akida2_variables(layer: AnyLayer) -> Arrays:
    """Akida's variables of a layer."""
    arrays: Arrays = dict(layer.arrays)
    if isinstance(layer, ScaledLayer):
        weights = layer.weights
        if isinstance(layer, Conv2D | DepthwiseConv2D):
            weights = weights[::-1, ::-1]
        if isinstance(layer, DepthwiseConv2D | DepthwiseConv2DTranspose):
            weights = weights[..., None]
        if isinstance(layer, BufferTempConv):
            weights = weights.reshape(1, 1, -1, layer.filters)
        if isinstance(layer, DepthwiseBufferTempConv):
            weights = weights[None, None]
        arrays["weights"] = weights
    if isinstance(layer, StatefulRecurrent):
        theirs = {ours: name for name, ours in _RENAMED.items()}
        arrays = {theirs.get(name, name): array for name, array in arrays.items()}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}
