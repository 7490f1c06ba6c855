"""Reads ``.akrt`` files: `akrt.model.encoding` says what they hold.

A file that was altered is refused.
"""

from __future__ import annotations

import json
import os
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from akrt.errors import AkrtError, InputError, ModelError, ModelFileError
from akrt.files import read_bytes
from akrt.model.encoding import FORMAT_VERSION, METADATA_KEY, digest
from akrt.model.families import Layer, Pooling
from akrt.model.graph import Model
from akrt.model.layers import KINDS
from akrt.model.preprocessing import PREPROCESSING, Preprocessing
from akrt.model.task import TASKS, ClassTask, Task
from akrt.model.value import IntArray

__all__ = ["from_bytes", "is_akrt", "load"]

_MAX_FILE_BYTES = 1 << 30


def is_akrt(start: bytes) -> bool:
    """Whether the first bytes of a file are those of an ``.akrt`` file."""
    return start[8:].startswith(b'{"__metadata__":{"akrt":')


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
        return from_bytes(data)
    except AkrtError as error:
        raise ModelFileError(f"'{os.fspath(path)}': {error}") from None


def from_bytes(data: bytes) -> Model:
    """The model of a file's bytes.

    Raises:
        ModelError: as `load` does.
    """
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
    try:
        if expected != digest(header, tensors):
            raise ModelFileError("the content does not match its SHA-256: the file was altered")
        return _model(header, tensors)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelFileError(f"the header is malformed: {error!r:.200}") from None


def _read_header(data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise ModelFileError("not an .akrt file, or truncated")
    try:
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
        text = metadata[METADATA_KEY]
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise ModelFileError("not an .akrt file: it has no akrt header") from None
    try:
        header = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise ModelFileError("the header is not JSON: the file is damaged") from None
    if not isinstance(header, dict):
        raise ModelFileError("the header is not a JSON object: the file is damaged")
    return header


def _model(header: dict[str, Any], tensors: dict[str, IntArray]) -> Model:
    inputs = {}
    if header["format"] > 1:
        inputs = {entry["name"]: entry.pop("inputs") for entry in header["layers"]}
    arrays: dict[str, dict[str, IntArray]] = {}
    for name, array in tensors.items():
        index, _, own = name.partition(".")
        arrays.setdefault(index, {})[own] = array
    layers = tuple(
        _layer(entry, arrays.get(str(i), {})) for i, entry in enumerate(header["layers"])
    )
    labels = header["labels"]
    if labels is not None and not isinstance(labels, list):
        raise ModelFileError("labels must be a list")
    return Model(
        layers=layers,
        name=header["name"],
        labels=None if labels is None else tuple(labels),
        preprocessing=_preprocessing(header["preprocessing"]),
        notes=header["notes"],
        inputs=inputs,
        task=_task(header["task"]) if header["format"] > 2 else ClassTask(),
    )


def _preprocessing(entry: dict[str, Any] | None) -> Preprocessing | None:
    if entry is None:
        return None
    values = _tuples(entry)
    kind = values.pop("kind")
    if kind not in PREPROCESSING:
        raise ModelFileError(f"unknown kind of preprocessing {kind!r:.80}: upgrade akrt")
    return PREPROCESSING[kind](**values)


def _task(entry: dict[str, Any]) -> Task:
    values = _tuples(entry)
    kind = values.pop("kind")
    if kind not in TASKS:
        raise ModelFileError(f"unknown task {kind!r:.80}: upgrade akrt")
    return TASKS[kind](**values)


def _layer(entry: dict[str, Any], arrays: dict[str, IntArray]) -> Layer:
    values = _tuples(entry)
    kind = values.pop("kind")
    if kind not in KINDS:
        raise ModelFileError(f"unknown layer type {kind!r}: upgrade akrt")
    pooling = values.get("pooling")
    if pooling is not None:
        values["pooling"] = Pooling(**_tuples(pooling))
    layer: Layer = KINDS[kind](**values, **arrays)
    return layer


def _tuples(entry: dict[str, Any]) -> dict[str, Any]:
    """JSON knows only lists where the model has tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
