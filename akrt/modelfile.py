"""The ``.akrt`` file: a safetensors file whose metadata carries a JSON header.

The header (metadata key ``akrt``) holds the format version, the layers without their arrays, the
labels, the preprocessing and a SHA-256 of all of it; the tensors are named ``<layer
index>.<array>``. The same model gives the same bytes, and a file that was altered is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from akrt.errors import AkrtError, InputError, ModelError, ModelFileError
from akrt.files import read_bytes, write_file
from akrt.model import (
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    IntArray,
    Mfcc,
    Model,
    Pooling,
    SeparableConvolutional,
)

__all__ = [
    "FORMAT_VERSION",
    "content_hash",
    "describe",
    "load",
    "save",
    "to_bytes",
]

FORMAT_VERSION = 1
SUFFIX = ".akrt"
_METADATA_KEY = "akrt"
_MAX_FILE_BYTES = 1 << 30
_KINDS: dict[str, Any] = {
    cls.kind: cls
    for cls in (
        InputData,
        InputConvolutional,
        Convolutional,
        SeparableConvolutional,
        FullyConnected,
    )
}


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write `model` to `path`; an existing file is replaced whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_file(path, to_bytes(model))


def to_bytes(model: Model) -> bytes:
    """The bytes of `model`'s file: equal for equal models."""
    head, tensors = describe(model), _tensors(model)
    head["sha256"] = _digest(head, tensors)
    return save_tensors(tensors, {_METADATA_KEY: _canonical(head)})


def content_hash(model: Model) -> str:
    """SHA-256, in hex, of everything in the model: layers, arrays, labels and preprocessing."""
    return _digest(describe(model), _tensors(model))


def load(path: str | os.PathLike[str]) -> Model:
    """Read a ``.akrt`` file.

    Raises:
        ModelFileError: missing, truncated, altered, another kind of file, or a newer version.
    """
    try:
        data = read_bytes(path, _MAX_FILE_BYTES)
    except InputError as error:
        raise ModelFileError(str(error)) from None
    try:
        return _from_bytes(data)
    except AkrtError as error:
        raise ModelFileError(f"'{os.fspath(path)}': {error}") from None


def _from_bytes(data: bytes) -> Model:
    header = _read_header(data)
    version = header.get("format")
    if not isinstance(version, int) or version < 1:
        raise ModelFileError("the header has no format version: the file is damaged")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"format version {version} is newer than this akrt reads ({FORMAT_VERSION}): "
            f"upgrade with pip install -U akrt"
        )
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ModelFileError(f"the tensors are damaged: {error}") from None
    expected = header.pop("sha256", None)
    if expected != _digest(header, tensors):
        raise ModelFileError("the content does not match its SHA-256: the file was altered")
    try:
        return _model(header, tensors)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelFileError(f"the header is malformed: {error!r}") from None


def _read_header(data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise ModelFileError("not an .akrt file, or truncated")
    try:
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
        text = metadata[_METADATA_KEY]
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise ModelFileError("not an .akrt file: it has no akrt header") from None
    try:
        header = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise ModelFileError("the header is not JSON: the file is damaged") from None
    if not isinstance(header, dict):
        raise ModelFileError("the header is not a JSON object: the file is damaged")
    return header


def _canonical(header: dict[str, Any]) -> str:
    return json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _digest(header: dict[str, Any], tensors: dict[str, IntArray]) -> str:
    digest = hashlib.sha256(_canonical(header).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _tensors(model: Model) -> dict[str, IntArray]:
    return {
        f"{i}.{name}": array
        for i, layer in enumerate(model.layers)
        if not isinstance(layer, InputData)
        for name, array in layer.arrays.items()
    }


def describe(model: Model) -> dict[str, Any]:
    """All of a model but its arrays, as JSON types."""
    return {
        "format": FORMAT_VERSION,
        "name": model.name,
        "layers": [_layer_header(layer) for layer in model.layers],
        "labels": None if model.labels is None else list(model.labels),
        "preprocessing": None
        if model.preprocessing is None
        else {"kind": "mfcc", **asdict(model.preprocessing)},
        "notes": dict(model.notes),
    }


def _layer_header(layer: AnyLayer) -> dict[str, Any]:
    arrays = {} if isinstance(layer, InputData) else layer.arrays
    header: dict[str, Any] = {"kind": layer.kind}
    for item in fields(layer):
        if item.name not in arrays:
            value = getattr(layer, item.name)
            header[item.name] = asdict(value) if isinstance(value, Pooling) else value
    # JSON has no tuples: what is hashed must be what is read back.
    result: dict[str, Any] = json.loads(json.dumps(header))
    return result


def _model(header: dict[str, Any], tensors: dict[str, IntArray]) -> Model:
    layers = tuple(_layer(entry, i, tensors) for i, entry in enumerate(header["layers"]))
    preprocessing = header["preprocessing"]
    if preprocessing is not None:
        preprocessing = dict(preprocessing)
        if preprocessing.pop("kind") != "mfcc":
            raise ModelFileError("unknown kind of preprocessing: upgrade akrt")
        preprocessing = Mfcc(**preprocessing)
    labels = header["labels"]
    if labels is not None and not all(isinstance(label, str) for label in labels):
        raise ModelFileError("labels must be text")
    return Model(
        layers=layers,
        name=str(header["name"]),
        labels=None if labels is None else tuple(labels),
        preprocessing=preprocessing,
        notes={str(k): str(v) for k, v in header["notes"].items()},
    )


def _layer(entry: dict[str, Any], index: int, tensors: dict[str, IntArray]) -> AnyLayer:
    values = _tuples(entry)
    kind = values.pop("kind")
    if kind not in _KINDS:
        raise ModelFileError(f"unknown layer type {kind!r}: upgrade akrt")
    pooling = values.get("pooling")
    if pooling is not None:
        values["pooling"] = Pooling(**_tuples(pooling))
    prefix = f"{index}."
    arrays = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
    layer: AnyLayer = _KINDS[kind](**values, **arrays)
    return layer


def _tuples(entry: dict[str, Any]) -> dict[str, Any]:
    """JSON knows only lists where the model has tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
