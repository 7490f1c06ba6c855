"""Reads the architecture and weights of a Keras HDF5 file; imports h5py and NumPy only.

Run through `akrt.importers.quarantine` in a process of its own: a damaged file can make HDF5 loop
for ever. ``facts`` holds ``config`` (the text of `model_config`), ``keras`` (its version) and
``weights`` (layer name -> its index and number of arrays); the arrays are float32, named
``<index of the layer>.<index of the array>``.
"""

from __future__ import annotations

import os
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

MAX_LAYERS = 4096
MAX_TEXT_BYTES = 1 << 26
MAX_WEIGHTS = 1 << 28


class Unreadable(Exception):
    """The file is not what it should be; the message says why."""


def read(path: str) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Facts and arrays of the file.

    Raises:
        Unreadable: not a Keras model.
        Exception: whatever h5py raises on a damaged file.
    """
    size = os.path.getsize(path)
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise Unreadable(f"HDF5 cannot open it ({_short(error)})") from error
    with file:
        if "model_config" not in file.attrs:
            if (
                "layer_names" in file.attrs
                or "layers" in file
                or "_layer_checkpoint" in str(list(file)[:50])
            ):
                raise Unreadable(
                    "it holds weights only; save the whole model with model.save('name.h5')"
                )
            raise Unreadable(
                "it has no 'model_config', so it is not a Keras model; "
                "save one with model.save('name.h5')"
            )
        facts: dict[str, Any] = {
            "config": _text(file, "model_config"),
            "keras": _text(file, "keras_version") if "keras_version" in file.attrs else "",
            "weights": {},
        }
        weights = _hard(file, "model_weights")
        names = _names(weights, "layer_names")
        if len(names) > MAX_LAYERS:
            raise Unreadable(f"it names {len(names)} layers, more than {MAX_LAYERS}")
        arrays: dict[str, npt.NDArray[Any]] = {}
        budget = MAX_WEIGHTS
        for i, name in enumerate(names):
            group = _hard(weights, name)
            parts = _names(group, "weight_names")
            if len(parts) > 64:
                raise Unreadable(f"layer '{name}' names {len(parts)} weights")
            for j, part in enumerate(parts):
                array = _array(_hard(group, part), budget, size)
                budget -= array.size
                arrays[f"{i}.{j}"] = array
            facts["weights"][name] = [i, len(parts)]
        return facts, arrays


def _hard(group: Any, path: str) -> Any:
    """The object at `path`, reached through hard links only: nothing outside the file."""
    for part in path.split("/"):
        if not part:
            continue
        if not isinstance(group, h5py.Group):
            raise Unreadable(f"'{path}' does not lead to an object")
        link = group.get(part, getlink=True)
        if link is None:
            raise Unreadable(f"'{path}' is missing")
        if not isinstance(link, h5py.HardLink):
            raise Unreadable(f"'{path}' is a link to another place, which is not followed")
        group = group[part]
    return group


def _bounded(attributes: Any, name: str) -> Any:
    stored = attributes.get_id(name)
    elements = int(np.prod(stored.shape, dtype=object)) if stored.shape else 1
    if elements * stored.dtype.itemsize > MAX_TEXT_BYTES:
        raise Unreadable(f"attribute '{name}' is too long")
    return attributes[name]


def _text(group: Any, name: str) -> str:
    value = _bounded(group.attrs, name)
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str):
        raise Unreadable(f"attribute '{name}' is not text")
    return value


def _names(group: Any, name: str) -> list[str]:
    """A list of names; Keras cuts one that is too long for an attribute into name0, name1..."""
    if not isinstance(group, h5py.Group):
        raise Unreadable(f"'{getattr(group, 'name', name)}' is not a group")
    keys = [name] if name in group.attrs else []
    while not keys or keys[0] != name:
        key = f"{name}{len(keys)}"
        if key not in group.attrs or len(keys) > MAX_LAYERS:
            break
        keys.append(key)
    if not keys:
        raise Unreadable(f"attribute '{name}' of '{group.name}' is missing")
    found: list[str] = []
    for key in keys:
        value = np.asarray(_bounded(group.attrs, key))
        if value.ndim != 1:
            raise Unreadable(f"attribute '{key}' is not a list")
        for item in value.tolist():
            if isinstance(item, bytes):
                item = item.decode("utf-8")
            if not isinstance(item, str):
                raise Unreadable(f"attribute '{key}' is not a list of names")
            found.append(item)
    return found


def _array(dataset: Any, budget: int, file_bytes: int) -> npt.NDArray[Any]:
    if not isinstance(dataset, h5py.Dataset):
        raise Unreadable(f"'{dataset.name}' is not an array")
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize > 8:
        raise Unreadable(f"'{dataset.name}' is of type {dataset.dtype}, expected float32")
    if dataset.is_virtual or dataset.external:
        raise Unreadable(f"'{dataset.name}' lies in another file, which is not followed")
    shape = dataset.shape
    if shape is None or len(shape) > 5:
        raise Unreadable(f"'{dataset.name}' has shape {shape}")
    elements = int(np.prod(shape, dtype=object)) if shape else 1
    if elements > budget:
        raise Unreadable(f"'{dataset.name}' of shape {shape} is too large")
    if dataset.chunks is None and elements * dataset.dtype.itemsize > file_bytes:
        raise Unreadable(
            f"'{dataset.name}' of shape {shape} is larger than the file: it is truncated"
        )
    return np.ascontiguousarray(dataset[()], dtype=np.float32)


def reason(error: Exception) -> str:
    """One line for the user."""
    if isinstance(error, Unreadable):
        return str(error)
    return f"it is damaged ({type(error).__name__}: {_short(error)})"


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
