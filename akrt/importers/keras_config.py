"""The layers of a Keras model file, from its JSON architecture, and how they follow each other.

Accepts Sequential and Functional models of one input and output, in the format of Keras 2
(tf_keras), which cnn2snn uses, and with the small differences of Keras 3. Nothing is executed:
classes are names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import ModelFileError, UnsupportedLayerError

__all__ = ["Architecture", "KerasLayer", "parse", "refuse_code"]

_CODE = ("lambda", "tfoplambda", "slicingoplambda", "function")
_MODULES = ("keras", "tf_keras", "tensorflow", "cnn2snn", "quantizeml", "akida_models", "builtins")


@dataclass(frozen=True)
class KerasLayer:
    """A layer: its name, class, settings, and weights in Keras's order (float32)."""

    name: str
    kind: str
    config: Mapping[str, Any]
    weights: tuple[npt.NDArray[np.float32], ...] = field(default=(), repr=False)
    sources: tuple[str, ...] = ()
    """Names of the layers whose outputs it takes; an entrance is not named."""

    @property
    def by_quantizeml(self) -> bool:
        """Whether QuantizeML made this layer; cnn2snn's have the same names."""
        return "quant_config" in self.config or self.kind in ("InputQuantizer", "Dequantizer")

    def fail(self, problem: str) -> UnsupportedLayerError:
        """The error that names this layer."""
        return UnsupportedLayerError(self.name, self.kind, problem)

    def integer(self, key: str) -> int:
        """A setting that is a whole number."""
        value = self.config.get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail(f"'{key}' should be a whole number, got {_shown(value)}")
        return value

    def number(self, key: str) -> float:
        """A setting that is a finite number."""
        value = self.config.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fail(f"'{key}' should be a number, got {_shown(value)}")
        if not abs(value) < 1e30:
            raise self.fail(f"'{key}' is out of range: {_shown(value)}")
        return float(value)

    def flag(self, key: str) -> bool:
        """A setting that is true or false."""
        value = self.config.get(key)
        if not isinstance(value, bool):
            raise self.fail(f"'{key}' should be true or false, got {_shown(value)}")
        return value

    def pair(self, key: str) -> tuple[int, int]:
        """A setting that is two positive integers."""
        value = self.config.get(key)
        if isinstance(value, int):
            value = [value, value]
        if (
            not isinstance(value, list)
            or len(value) != 2
            or not all(isinstance(v, int) and not isinstance(v, bool) for v in value)
            or not all(1 <= v <= 1 << 16 for v in value)
        ):
            raise self.fail(f"'{key}' should be two positive integers, got {_shown(value)}")
        return (value[0], value[1])


@dataclass(frozen=True)
class Architecture:
    """A model: its name, its input without the batch, its other layers."""

    name: str
    input_shape: tuple[int, ...]
    input_dtype: str
    layers: tuple[KerasLayer, ...]
    """Each after those whose outputs it takes."""

    @property
    def spatial_shape(self) -> tuple[int, int, int]:
        """(X, Y, C) of the input; a vector is (1, 1, N)."""
        x, y, channels = (1, 1, *self.input_shape)[-3:]
        return (x, y, channels)

    @property
    def chain(self) -> list[KerasLayer]:
        """The layers, where each takes the output of the one before it.

        Raises:
            UnsupportedLayerError: one takes several, or the output of one goes to several.
        """
        for layer in self.layers:
            if len(layer.sources) > 1:
                raise layer.fail(f"has {len(layer.sources)} inputs: only one branch is supported")
        for before, layer in pairwise(self.layers):
            if layer.sources != (before.name,):
                raise layer.fail(
                    f"does not follow '{before.name}', the layer before it: only one branch is "
                    f"supported"
                )
        return list(self.layers)


def parse(
    text: str, weights: Mapping[str, tuple[npt.NDArray[np.float32], ...]], path: str
) -> Architecture:
    """The layers that `model_config` describes.

    Args:
        text: the JSON text.
        weights: layer name -> weights in Keras's order.
        path: for messages.

    Raises:
        ModelFileError: the text is not a model.
        UnsupportedLayerError: a layer that is used more than once, or a model within a model.
    """
    try:
        model = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: 'model_config' is not JSON: {error}") from error
    kind = _kind(model)
    config = model.get("config") if isinstance(model, dict) else None
    if kind == "Sequential" and isinstance(config, list):
        config = {"name": "sequential", "layers": config}
    if kind not in ("Sequential", "Functional", "Model") or not isinstance(config, dict):
        raise ModelFileError(
            f"{path}: holds a Keras {kind or 'object'}, expected a Sequential or Functional model"
        )
    entries = config.get("layers")
    if not isinstance(entries, list) or not entries or len(entries) > 4096:
        raise ModelFileError(f"{path}: 'model_config' has no list of layers")
    if not all(isinstance(e, dict) and isinstance(e.get("config"), dict) for e in entries):
        raise ModelFileError(f"{path}: 'model_config' holds a layer without settings")
    names = [_name(entry, path) for entry in entries]
    if kind == "Sequential":
        sources = dict(zip(names, [(), *((name,) for name in names)], strict=False))
    else:
        entries, sources = _in_order(entries, config, path)
    name = config.get("name")
    input_shape = _input_shape(entries, config, path)
    inputs = {_name(entry, path) for entry in entries if _kind(entry) == "InputLayer"}
    layers = tuple(
        _layer(entry, weights, path, sources, inputs)
        for entry in entries
        if _kind(entry) != "InputLayer"
    )
    names = [layer.name for layer in layers]
    if len(set(names)) != len(names):
        raise ModelFileError(f"{path}: layer names are not unique")
    if not isinstance(name, str) or not name:
        name = "model"
    return Architecture(name, input_shape, str(entries[0]["config"].get("dtype")), layers)


def refuse_code(text: str, path: str) -> None:
    """Refuse an architecture that would run code of its own when Keras builds it.

    Args:
        text: the JSON text of `model_config`.
        path: for messages.

    Raises:
        ModelFileError: a Lambda layer or function, or a class of a package that is not Keras's,
            TensorFlow's or BrainChip's; or the text is not JSON.
    """
    try:
        stack: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: 'model_config' is not JSON: {error}") from error
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            kind, module = item.get("class_name"), item.get("module")
            config = item.get("config")
            name = config.get("name") if isinstance(config, dict) else None
            if isinstance(kind, str) and kind.rpartition(">")[2].strip("_").lower() in _CODE:
                raise ModelFileError(
                    f"{path}: layer {name or kind!r} ({kind}) holds Python code, which is not run: "
                    f"replace it by a layer of Keras and save the model again"
                )
            if isinstance(module, str) and module.partition(".")[0] not in _MODULES:
                raise ModelFileError(
                    f"{path}: {name or kind!r} is a class of the package '{module}', which is not "
                    f"imported for a file: replace it by a layer of Keras and save the model again"
                )
            stack.extend(item.values())


def _kind(entry: Any) -> str:
    """The class of an entry, without the package it may be registered under."""
    kind = entry.get("class_name") if isinstance(entry, dict) else None
    return kind.rpartition(">")[2] if isinstance(kind, str) else ""


def _name(entry: dict[str, Any], path: str) -> str:
    name = entry["config"].get("name", entry.get("name"))
    if not isinstance(name, str) or not name or len(name) > 1000:
        raise ModelFileError(f"{path}: 'model_config' holds a layer without a name")
    return name


def _layer(
    entry: dict[str, Any],
    weights: Mapping[str, tuple[npt.NDArray[np.float32], ...]],
    path: str,
    sources: Mapping[str, tuple[str, ...]],
    inputs: set[str],
) -> KerasLayer:
    name, kind, config = _name(entry, path), _kind(entry), entry["config"]
    before = tuple(source for source in sources.get(name, ()) if source not in inputs)
    layer = KerasLayer(name, kind or "unknown", config, weights.get(name, ()), before)
    if kind in ("Sequential", "Functional", "Model") or "layers" in config:
        raise layer.fail(
            "a model within a model; rebuild it as one Sequential model of all the layers"
        )
    if config.get("data_format", "channels_last") not in ("channels_last", None):
        raise layer.fail("data_format is channels_first; only channels_last runs on Akida")
    return layer


def _input_shape(
    entries: list[dict[str, Any]], config: dict[str, Any], path: str
) -> tuple[int, ...]:
    candidates = [entries[0]["config"].get(key) for key in ("batch_input_shape", "batch_shape")]
    candidates.append(config.get("build_input_shape"))
    shape = next((s for s in candidates if isinstance(s, list)), None)
    if shape is None:
        raise ModelFileError(f"{path}: the model has no input shape: build it before saving")
    sizes = shape[1:]
    if len(sizes) not in (1, 3) or not all(
        isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= 1 << 16 for n in sizes
    ):
        raise ModelFileError(
            f"{path}: input shape {_shown(shape)}: expected (N, X, Y, C) or (N, C) with fixed sizes"
        )
    return tuple(sizes)


def _in_order(
    entries: list[dict[str, Any]], config: dict[str, Any], path: str
) -> tuple[list[dict[str, Any]], dict[str, tuple[str, ...]]]:
    """The layers of a Functional model, each after those that feed it, and the names of these."""
    by_name = {_name(entry, path): entry for entry in entries}
    if len(by_name) != len(entries):
        raise ModelFileError(f"{path}: layer names are not unique")
    for key in ("input_layers", "output_layers"):
        ends = config.get(key)
        if isinstance(ends, list) and len(ends) > 1 and isinstance(ends[0], list):
            raise ModelFileError(f"{path}: the model has {len(ends)} {key}, only one is supported")
    sources = {name: tuple(_sources(entry, name)) for name, entry in by_name.items()}
    for name, before in sources.items():
        if not set(before) <= by_name.keys():
            raise ModelFileError(f"{path}: layer '{name}' follows an unknown layer")
    starts = [name for name, before in sources.items() if not before]
    if len(starts) != 1:
        raise ModelFileError(f"{path}: the model has {len(starts)} inputs, only one is supported")
    followers: dict[str, list[str]] = {name: [] for name in by_name}
    missing = {name: len(set(before)) for name, before in sources.items()}
    for name, before in sources.items():
        for source in set(before):
            followers[source].append(name)
    positions = {name: i for i, name in enumerate(by_name)}
    ready, order = [(positions[starts[0]], starts[0])], []
    while ready:
        _, name = heappop(ready)
        order.append(name)
        for follower in followers[name]:
            missing[follower] -= 1
            if not missing[follower]:
                heappush(ready, (positions[follower], follower))
    if len(order) != len(entries):
        raise ModelFileError(f"{path}: the layers follow each other in a circle")
    return [by_name[name] for name in order], sources


def _sources(entry: dict[str, Any], name: str) -> list[str]:
    """Names of the layers that feed an entry, in order."""
    nodes = entry.get("inbound_nodes", [])
    if isinstance(nodes, list) and len(nodes) > 1:
        raise UnsupportedLayerError(name, _kind(entry), "is used more than once")
    found: list[str] = []
    stack: list[Any] = [nodes]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            history = item.get("keras_history")
            if isinstance(history, list) and history and isinstance(history[0], str):
                found.append(history[0])
            else:
                stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            if len(item) >= 3 and isinstance(item[0], str) and isinstance(item[1], int):
                found.append(item[0])
            else:
                stack.extend(reversed(item))
    return found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
