"""Model files: the header of an .akrt with a hash that fits, and damage of all kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import architectures
import importers.keras_file as keras_file
import numpy as np
from mutations import HOSTILE, edit, mutate
from safetensors.numpy import save as save_tensors

import akrt
from akrt.importers import akida_model, keras_h5, read_fbz, read_hdf5
from akrt.model import Mfcc, Model, encoding

from .models import case, check_model
from .target import Fault, Target, refusal_names

_VALUES = [
    *HOSTILE, "valid", "max", "average", "mfcc", "InputData", "InputConvolutional", "Convolutional",
    "SeparableConvolutional", "FullyConnected", 0.0, 4.0, [1, 1, 1], [2, 2], [4096, 4096, 1], 4, 8,
    255, 256, 65536, ["a", "a"], ["\x1b[31m"], {"kind": "max", "size": [2, 2], "stride": [1, 1]},
]  # fmt: skip


def _some_model(seed: int) -> Model:
    model, _ = case(seed // 8)
    labels = tuple(f"word{i}" for i in range(model.output_shape[2]))
    heard = Mfcc() if model.input_shape == (49, 10, 1) else None
    return model.replace(labels=labels, preprocessing=heard, notes={"licence": "CC0"})


def _edited_tensors(tensors: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The arrays with one of another type, shape, value or name."""
    if not tensors:
        return tensors
    name = str(rng.choice(sorted(tensors)))
    array = tensors[name]
    changed = dict(tensors)
    kind = rng.integers(8)
    if kind == 0:
        del changed[name]
    elif kind == 1:
        changed[f"{name}x"] = array
    elif kind == 2:
        changed[name] = array.astype(str(rng.choice(["i1", "u1", "i4", "i8", "f2", "f4", "f8"])))
    elif kind == 3:
        changed[name] = array.reshape(-1)
    elif kind == 4:
        changed[name] = array[..., :-1]
    elif kind == 5:
        changed[name] = np.concatenate([array, array])
    elif kind == 6 and array.dtype.kind == "f":
        values = [np.nan, np.inf, -np.inf, 0, -1, 1e-45, 3e38, 2.0**31]
        changed[name] = np.where(rng.random(array.shape) < 0.5, rng.choice(values), array)
        changed[name] = changed[name].astype(array.dtype)
    else:
        ends = np.iinfo(array.dtype) if array.dtype.kind in "iu" else np.finfo(array.dtype)
        changed[name] = np.full_like(array, rng.choice([ends.min, ends.max]))
    return changed


Edit = Callable[[dict[str, Any], np.random.Generator], dict[str, Any]]


def hashed_file(model: Model, seed: int, folder: Path, values: list[Any], edited: Edit) -> Path:
    """A file whose hash fits, but whose header, tensors or both were edited."""
    head, tensors = encoding.describe(model), encoding.tensors(model)
    if seed % 3 != 1:
        head = edit(head, seed, values)
    if seed % 3 != 0:
        tensors = edited(tensors, np.random.default_rng(seed))
    head["sha256"] = encoding.digest(head, tensors)
    path = folder / "hashed.akrt"
    path.write_bytes(save_tensors(tensors, {"akrt": encoding.canonical(head)}))
    return path


def _make_hashed(seed: int, folder: Path) -> Path:
    return hashed_file(_some_model(seed), seed, folder, _VALUES, _edited_tensors)


def _check_hashed(path: Path) -> str:
    with refusal_names(path):
        model = akrt.load(path)
    check_model(model)
    return "model"


def _make_damaged(seed: int, folder: Path) -> tuple[Path, bytes]:
    whole = encoding.to_bytes(_some_model(seed))
    path = folder / "damaged.akrt"
    path.write_bytes(mutate(whole, seed))
    return path, whole


def _check_damaged(made: tuple[Path, bytes]) -> str:
    path, whole = made
    with refusal_names(path):
        model = akrt.load(path)
    if encoding.to_bytes(model) != whole:
        raise Fault("the damage was not noticed")
    return "unchanged"


@lru_cache
def _whole_h5() -> bytes:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        keras_file.write(Path(folder, "small.h5"))
        return Path(folder, "small.h5").read_bytes()


def _whole_fbz() -> bytes:
    return architectures.files("images")[1].read_bytes()


def _make_foreign(suffix: str, whole: bytes, seed: int, folder: Path) -> Path:
    path = folder / f"damaged.{suffix}"
    path.write_bytes(mutate(whole, seed))
    return path


@lru_cache
def _contents(suffix: str) -> tuple[Any, Any]:
    """What the reader's process finds in a whole file."""
    from tempfile import TemporaryDirectory

    reader, whole = {"h5": (read_hdf5, _whole_h5), "fbz": (read_fbz, _whole_fbz)}[suffix]
    with TemporaryDirectory() as folder:
        path = Path(folder, f"whole.{suffix}")
        path.write_bytes(whole())
        return reader.read(str(path))


def _make_contents(suffix: str, seed: int) -> tuple[str, Any, Any]:
    facts, arrays = _contents(suffix)
    if suffix == "h5":
        config = edit(json.loads(facts["config"]), seed, _VALUES)
        facts = {**facts, "config": json.dumps(config)}
    else:
        facts = edit(facts, seed, _VALUES)
    return suffix, facts, _edited_tensors(arrays, np.random.default_rng(seed))


def _check_contents(made: tuple[str, Any, Any]) -> str:
    suffix, facts, arrays = made
    if suffix == "h5":
        model = keras_h5.to_model(facts, arrays, "edited.h5")
    else:
        model = akida_model._model(facts, arrays, "edited")
    check_model(model)
    return "model"


TARGETS = (
    Target("hashed .akrt", _make_hashed, _check_hashed, 300),
    Target("damaged .akrt", _make_damaged, _check_damaged, 150),
    Target(
        ".h5", lambda s, f: _make_foreign("h5", _whole_h5(), s, f), _check_hashed, 4, 60, 1 << 30
    ),
    Target("contents of .h5", lambda s, _: _make_contents("h5", s), _check_contents, 150),
    *(
        (
            Target(
                ".fbz",
                lambda s, f: _make_foreign("fbz", _whole_fbz(), s, f),
                _check_hashed,
                *(4, 60, 1 << 30),
            ),
            Target("contents of .fbz", lambda s, _: _make_contents("fbz", s), _check_contents, 100),
        )
        if find_spec("akida") and find_spec("cnn2snn") and find_spec("tensorflow")
        else ()
    ),
)
