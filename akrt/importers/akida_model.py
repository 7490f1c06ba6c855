"""Models from akida and back, through akida's documented API; akida itself is an optional extra.

Akida's `Convolutional` and `SeparableConvolutional` are true convolutions, ours cross-correlations:
their kernels are flipped on both spatial axes here, in both directions.
"""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import MissingExtraError, ModelError, ModelFileError, UnsupportedLayerError
from akrt.importers import quarantine, read_fbz
from akrt.importers.akida2_layers import (
    akida2_layer,
    akida2_model,
    akida2_quantizer,
    akida2_variables,
)
from akrt.model import (
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    NeuralLayer,
    Pooling,
    SeparableConvolutional,
    SpatialLayer,
    WeightedLayer,
)

__all__ = ["AKIDA_MISSING", "beyond_akida", "from_akida", "load_fbz", "to_akida"]

AKIDA_MISSING = "the package 'akida' is not installed: pip install 'akrt[akida]'"

_PADDING = {0: "valid", 1: "same"}
_POOLING = {0: None, 1: "max", 2: "average"}
_VARIABLES = {"weights", "threshold", "act_step"}


def load_fbz(path: str | os.PathLike[str]) -> Model:
    """The model in a file that akida saved (.fbz).

    The file is read in a process of its own, because akida does not survive every damaged file.

    Raises:
        MissingExtraError: akida is not installed.
        ModelFileError: the file is missing, damaged or not an akida model.
        UnsupportedLayerError: a layer, or a setting of one, that akrt does not run.
    """
    if find_spec("akida") is None:
        raise MissingExtraError("akida", "akida", "reading .fbz files")
    facts, arrays = quarantine.read("read_fbz", path, "akida model")
    name = os.path.splitext(os.path.basename(os.fspath(path)))[0]
    try:
        return _model(facts, arrays, name or "model")
    except UnsupportedLayerError:
        raise
    except ModelError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error


def from_akida(model: Any, name: str = "model") -> Model:
    """The same network as a live `akida.Model`, with neither labels nor preprocessing.

    Raises:
        UnsupportedLayerError: a layer, or a setting of one, that akrt does not run.
        ModelError: the model is empty or inconsistent.
    """
    try:
        facts, arrays = read_fbz.describe(model)
    except (AttributeError, TypeError) as error:
        raise ModelError(f"expected an akida.Model, got {type(model).__name__}") from error
    return _model(facts, arrays, name)


_STEP_END = 1 << 24


def to_akida(model: Model) -> Any:
    """A new `akida.Model` of the same network, mapped on nothing: akida's software computes it.

    Raises:
        MissingExtraError: akida is not installed.
        UnsupportedLayerError: akida refuses a layer, the message gives its words; or its software
            would end this process.
    """
    try:
        akida = importlib.import_module("akida")
    except ImportError as error:
        raise MissingExtraError("akida", "akida", "running a model in akida") from error
    twin = akida.Model()
    added: dict[str, Any] = {}
    for node in model.nodes:
        layer = node.layer
        problem = beyond_akida(layer)
        if problem is not None:
            raise UnsupportedLayerError(layer.name, layer.kind, problem)
        try:
            if isinstance(layer, WeightedLayer):
                made, variables = _akida_layer(akida, layer), _variables(layer)
            else:
                made, variables = akida2_layer(akida, layer), akida2_variables(layer)
            twin.add(made, [added[name] for name in node.sources])
            added[layer.name] = twin.layers[-1]
            for variable, array in variables.items():
                added[layer.name].set_variable(variable, array)
        except (ValueError, RuntimeError, TypeError) as error:
            raise UnsupportedLayerError(
                layer.name, layer.kind, f"akida refuses it: {error}"
            ) from error
    return twin


def beyond_akida(layer: AnyLayer) -> str | None:
    """Why akida's software must not be given this layer; None: it may, and judges it itself."""
    if layer.version != 1:
        return None
    if not isinstance(layer, FullyConnected | SpatialLayer):
        return "Akida 1.0 has no such layer: the native and reference backends run it"
    if not isinstance(layer, NeuralLayer) or layer.act_bits is None:
        return None
    greatest = float(layer.act_step.max())
    if greatest < _STEP_END:
        return None
    return (
        f"an act_step of {greatest:,.0f} ends the process in akida's software, which takes less "
        f"than {_STEP_END:,}: the native and reference backends run it"
    )


def _model(facts: dict[str, Any], arrays: dict[str, npt.NDArray[Any]], name: str) -> Model:
    try:
        return _made(facts, arrays, name)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"an akida model that makes no sense: {error!r:.200}") from None


def _made(facts: dict[str, Any], arrays: dict[str, npt.NDArray[Any]], name: str) -> Model:
    version, entries = facts.get("ip_version"), facts.get("layers")
    if not isinstance(entries, list) or not entries:
        raise ModelError("an akida model without layers")
    if version in ("v2", "pico"):
        return akida2_model(entries, arrays, name)
    if version != "v1":
        raise UnsupportedLayerError(
            entries[0]["name"],
            entries[0]["type"],
            f"belongs to a network of the version '{version}', akrt runs v1, v2 and pico",
        )
    layers: list[AnyLayer] = []
    before: list[str] = []
    for i, entry in enumerate(entries):
        found = {v: arrays[f"{i}.{v}"] for v in entry["variables"]}
        if i == 0 and entry["type"] == "Quantizer":
            layers += _entrance(entry, found, entries[1:2])
        else:
            layers.append(_layer(entry, found, before))
        before = [entry["name"]]
    return Model(tuple(layers), name=name, notes={"imported_from": "akida model"})


def _entrance(
    entry: dict[str, Any], arrays: dict[str, npt.NDArray[Any]], following: list[dict[str, Any]]
) -> list[AnyLayer]:
    """What a `Quantizer` in front, which turns floats into integers, becomes.

    QuantizeML puts one behind a float input. With scale 1 and zero point 0 it passes whole numbers
    on as they are and is left out. An `InputConvolutional` takes them itself, other layers behind
    an `InputData`.
    """
    quantizer = akida2_quantizer(entry, arrays)
    if quantizer.output_signed:
        raise UnsupportedLayerError(
            quantizer.name, quantizer.kind, "makes signed values, which Akida 1.0 does not take"
        )
    plain = np.all(quantizer.scales == 1) and not np.any(quantizer.zero_points)
    layers: list[AnyLayer] = [] if plain and not quantizer.channels_first else [quantizer]
    if following and following[0]["type"] in ("InputConvolutional", "InputData"):
        return layers
    name = f"{quantizer.name}_integers" if layers else quantizer.name
    shape = quantizer.extent(()).output_shape
    return [*layers, InputData(name, shape, quantizer.output_bits)]


def _layer(
    entry: dict[str, Any], arrays: dict[str, npt.NDArray[Any]], before: list[str]
) -> AnyLayer:
    name, kind, p = entry["name"], entry["type"], entry["parameters"]

    def fail(problem: str) -> UnsupportedLayerError:
        return UnsupportedLayerError(name, kind, problem)

    makers = ("InputData", "InputConvolutional", "Convolutional", "SeparableConvolutional")
    if kind not in (*makers, "FullyConnected"):
        raise fail(
            f"is no layer that akrt runs: these are {', '.join(makers)} and FullyConnected of "
            f"Akida 1.0"
        )
    if entry["inbounds"] != before:
        raise fail(f"follows {entry['inbounds']}, expected {before}: only one branch is supported")
    if kind == "InputData":
        if p.get("input_signed"):
            raise fail("input_signed: only unsigned input is supported")
        x, y, channels = entry["input_shape"]
        return InputData(name, (x, y, channels), p["input_bits"])
    expected = _VARIABLES | ({"weights_pw"} if kind == "SeparableConvolutional" else set())
    if set(arrays) != expected:
        raise fail(
            f"has the variables {sorted(arrays)}, expected {sorted(expected)}: a layer compiled "
            f"for edge learning cannot be imported"
        )
    weights = arrays["weights"]
    settings: dict[str, Any] = {
        "name": name,
        "weights_bits": p["weights_bits"],
        "threshold": arrays["threshold"],
        "act_step": arrays["act_step"],
        "act_bits": p["act_bits"] if p["activation"] else None,
    }
    if kind == "FullyConnected":
        return FullyConnected(weights=weights.reshape(weights.shape[-2:]), **settings)
    if p["padding"] not in _PADDING:
        raise fail(f"padding {p['padding']} is not supported")
    settings["padding"] = _PADDING[p["padding"]]
    settings["stride"] = (p["stride_x"], p["stride_y"])
    settings["pooling"] = _pooling(p, fail)
    if kind == "InputConvolutional":
        shape = (p["input_width"], p["input_height"], p["input_channels"])
        return InputConvolutional(
            weights=weights, input_shape=shape, padding_value=p["padding_value"], **settings
        )
    flipped = weights[::-1, ::-1]
    if kind == "Convolutional":
        return Convolutional(weights=flipped, **settings)
    pointwise = arrays["weights_pw"]
    return SeparableConvolutional(
        depthwise=flipped[..., 0], pointwise=pointwise.reshape(pointwise.shape[-2:]), **settings
    )


def _pooling(p: dict[str, int], fail: Any) -> Pooling | None:
    kind = _POOLING.get(p["pool_type"], "?")
    if kind == "max":
        return Pooling(
            "max",
            (p["pooling_width"], p["pooling_height"]),
            (p["pooling_stride_x"], p["pooling_stride_y"]),
        )
    if kind == "average":
        if p["pooling_width"] > 0 or p["pooling_height"] > 0:
            raise fail("average pooling of a window: only global average pooling is supported")
        return Pooling("average")
    if kind is not None:
        raise fail(f"pool_type {p['pool_type']} is not supported")
    return None


def _akida_layer(akida: Any, layer: WeightedLayer) -> Any:
    settings: dict[str, Any] = {
        "name": layer.name,
        "weights_bits": layer.weights_bits,
        "activation": layer.act_bits is not None,
    }
    if layer.act_bits is not None:
        settings["act_bits"] = layer.act_bits
    if isinstance(layer, FullyConnected):
        return akida.FullyConnected(units=layer.filters, **settings)
    assert isinstance(layer, SpatialLayer)
    settings |= _geometry(akida, layer)
    if isinstance(layer, InputConvolutional):
        return akida.InputConvolutional(
            input_shape=layer.input_shape, padding_value=layer.padding_value, **settings
        )
    if isinstance(layer, Convolutional):
        return akida.Convolutional(**settings)
    return akida.SeparableConvolutional(**settings)


def _geometry(akida: Any, layer: SpatialLayer) -> dict[str, Any]:
    settings = {
        "kernel_size": layer.kernel_size,
        "filters": layer.filters,
        "padding": akida.Padding.Same if layer.padding == "same" else akida.Padding.Valid,
        "kernel_stride": layer.stride,
    }
    pooling = layer.pooling
    if pooling is not None and pooling.kind == "average":
        settings["pool_type"] = akida.PoolType.Average
    elif pooling is not None:
        settings["pool_type"] = akida.PoolType.Max
        settings["pool_size"] = pooling.size
        settings["pool_stride"] = pooling.stride
    return settings


def _variables(layer: WeightedLayer) -> dict[str, npt.NDArray[Any]]:
    """Akida's variables of a layer."""
    arrays: dict[str, npt.NDArray[Any]] = {"threshold": layer.threshold, "act_step": layer.act_step}
    if isinstance(layer, SeparableConvolutional):
        arrays["weights"] = layer.depthwise[::-1, ::-1, :, None]
        arrays["weights_pw"] = layer.pointwise[None, None]
    elif isinstance(layer, FullyConnected):
        arrays["weights"] = layer.weights[None, None]
    else:
        weights = layer.arrays["weights"]
        flip = isinstance(layer, Convolutional)
        arrays["weights"] = weights[::-1, ::-1] if flip else weights
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}
