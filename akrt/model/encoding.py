"""What an ``.akrt`` file holds of a model: a JSON header and tensors.

The header holds the format version, the layers without their arrays, the labels, the preprocessing
and a SHA-256 of all of it; the tensors are named ``<layer index>.<array>``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save as save_tensors

from akrt.model.families import Layer, Pooling
from akrt.model.task import ClassTask
from akrt.model.value import IntArray

if TYPE_CHECKING:
    from akrt.model.graph import Model

__all__ = [
    "FORMAT_VERSION",
    "METADATA_KEY",
    "canonical",
    "content_hash",
    "describe",
    "digest",
    "tensors",
    "to_bytes",
]

FORMAT_VERSION = 3
"""The newest: what is read. A model is written in the oldest that can hold it: 1 a chain of layers,
2 a graph of them, or layers of Akida 2.0, 3 outputs that are no classes."""
METADATA_KEY = "akrt"


def to_bytes(model: Model) -> bytes:
    """The bytes of `model`'s file: equal for equal models."""
    head, arrays = describe(model), tensors(model)
    head["sha256"] = digest(head, arrays)
    return save_tensors(arrays, {METADATA_KEY: canonical(head)})


def content_hash(model: Model) -> str:
    """SHA-256, in hex, of what a model computes and what that means.

    Layers, arrays, labels and preprocessing count; its name and notes do not, so that the same
    network has the same hash whatever file it was read from.
    """
    head = describe(model)
    del head["name"], head["notes"]
    return digest(head, tensors(model))


def describe(model: Model) -> dict[str, Any]:
    """All of a model but its arrays, as JSON types."""
    layers = [_layer_header(layer) for layer in model.layers]
    means_more = model.task != ClassTask()
    as_graph = bool(model.inputs) or model.version == 2 or means_more
    if as_graph:
        for header, node in zip(layers, model.nodes, strict=True):
            header["inputs"] = list(node.sources)
    task = {"task": {"kind": model.task.kind, **asdict(model.task)}} if means_more else {}
    described = {
        "format": 3 if means_more else 2 if as_graph else 1,
        "name": model.name,
        "layers": layers,
        "labels": None if model.labels is None else list(model.labels),
        "preprocessing": None
        if model.preprocessing is None
        else {"kind": model.preprocessing.kind, **asdict(model.preprocessing)},
        "notes": dict(model.notes),
        **task,
    }
    # JSON has no tuples: what is hashed must be what is read back
    plain: dict[str, Any] = json.loads(json.dumps(described))
    return plain


def tensors(model: Model) -> dict[str, IntArray]:
    """The arrays of all layers by their names in the file."""
    return {
        f"{i}.{name}": array
        for i, layer in enumerate(model.layers)
        for name, array in layer.arrays.items()
    }


def digest(header: dict[str, Any], arrays: dict[str, IntArray]) -> str:
    """SHA-256, in hex, of a header and its tensors."""
    sha = hashlib.sha256(canonical(header).encode())
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def canonical(header: dict[str, Any]) -> str:
    """The one text of a header."""
    return json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _layer_header(layer: Layer) -> dict[str, Any]:
    header: dict[str, Any] = {"kind": layer.kind}
    for item in fields(layer):  # type: ignore[arg-type]  # kinds are dataclasses
        if item.name not in layer.array_names:
            value = getattr(layer, item.name)
            header[item.name] = asdict(value) if isinstance(value, Pooling) else value
    # JSON has no tuples: what is hashed must be what is read back.
    result: dict[str, Any] = json.loads(json.dumps(header))
    return result
