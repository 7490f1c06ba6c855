"""Files of networks of Akida 2.0: damaged, or with a hash that fits and values that do not."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import importers.quantizeml_file as quantizeml_file
import numpy as np
from akida2_networks import akida2_network
from akida2_temporal_networks import recurrent_network, temporal_network
from mutations import HOSTILE, edit, mutate

import akrt
from akrt.driver.limits import violations
from akrt.importers import akida_model, keras_h5, read_fbz, read_hdf5
from akrt.model import Model, encoding
from akrt.model import file as modelfile

from .model_files import _edited_tensors, hashed_file
from .target import Fault, Target, refusal_names

_MOST = 1_000_000
"""Multiply-accumulates, and elements, of a network that is computed."""
_VALUES = [
    *HOSTILE, "valid", "same_upper", "relu", "lut", "Quantizer", "SignedInputData", "InputConv2D",
    "Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "DepthwiseConv2DTranspose", "Dense1D",
    "ShiftedAdd", "Add", "Concatenate", "Dequantizer", "BufferTempConv",
    "DepthwiseBufferTempConv", "StatefulRecurrent", "v1", "v2", "pico",
    4, 8, 9, 28, 32, 33, [1, 1, 1], [4, 4, 3], [4096, 4096, 1], [65536, 65536, 65536],
    {"kind": "max", "size": [2, 2], "stride": [1, 1]},
    {"kind": "average", "size": None, "stride": None},
]  # fmt: skip


@lru_cache(64)
def _network(seed: int) -> Model:
    draw = (akida2_network, akida2_network, temporal_network, recurrent_network)[seed % 4]
    return draw(seed)[0]


def _edited(tensors: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """One array damaged, or of other values that may be right."""
    if not tensors or rng.integers(3):
        return _edited_tensors(tensors, rng)
    name = str(rng.choice(sorted(tensors)))
    array = tensors[name]
    top = int(rng.choice([1, 8, 32, 33, 128]))
    return {**tensors, name: rng.integers(0, top, array.shape).astype(array.dtype)}


def _make_hashed(seed: int, folder: Path) -> Path:
    return hashed_file(_network(seed // 8), seed, folder, _VALUES, _edited)


def _check_file(path: Path) -> str:
    with refusal_names(path):
        model = akrt.load(path)
    return _check(model)


def _check(model: Model) -> str:
    """What was accepted is saved and loaded, and computed as akida computes it, or refused.

    Raises:
        Fault: the reference differs from akida.
    """
    whole = encoding.to_bytes(model)
    if encoding.to_bytes(modelfile.from_bytes(whole)) != whole:
        raise Fault("it is another model after it was saved")
    violations(model, "SixNodesIPv2")
    if sum(node.macs + node.output.elements for node in model.nodes) > _MOST:
        return "large"
    x = model.noise(np.random.default_rng(1), 2)
    with akrt.Runtime(model, backend="reference") as runtime:
        ours = np.asarray(runtime.forward(x))
    if find_spec("akida") is None:
        return "computed"
    with akrt.Runtime(model, backend="simulator") as runtime:
        if all("InputData" in layer.kind for layer in model.layers):
            return "passes"  # to akida that is no network
        theirs = np.asarray(runtime.forward(x))
    if ours.dtype != theirs.dtype or not np.array_equal(ours, theirs):
        raise Fault("the reference differs from akida")
    return "right"


@lru_cache(16)
def _file(seed: int) -> bytes:
    from akrt.importers import to_akida

    with TemporaryDirectory() as folder:
        path = Path(folder, "whole.fbz")
        while True:
            try:
                to_akida(_network(seed)).save(str(path))
                return path.read_bytes()
            except RuntimeError:  # a network of an entrance alone
                seed += 1_000_000


@lru_cache(64)
def _contents(seed: int) -> tuple[Any, Any]:
    from akrt.importers import to_akida

    return read_fbz.describe(to_akida(_network(seed)))


def _make_contents(seed: int, _: Path) -> tuple[Any, Any]:
    facts, arrays = _contents(seed // 8)
    if seed % 3 != 1:
        facts = edit(facts, seed, _VALUES)
    if seed % 3 != 0:
        arrays = _edited(arrays, np.random.default_rng(seed))
    return facts, arrays


def _check_contents(made: tuple[Any, Any]) -> str:
    return _check(akida_model._model(*made, "edited"))


def _make_damaged(seed: int, folder: Path) -> Path:
    path = folder / "damaged.fbz"
    path.write_bytes(mutate(_file(seed // 16), seed))
    return path


@lru_cache
def _keras() -> tuple[bytes, Any, Any]:
    """A file of QuantizeML's, and what the reader's process finds in it."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "whole.h5")
        quantizeml_file.write(path)
        return path.read_bytes(), *read_hdf5.read(str(path))


def _make_keras(seed: int, folder: Path) -> Path:
    path = folder / "damaged.h5"
    path.write_bytes(mutate(_keras()[0], seed))
    return path


def _make_keras_contents(seed: int, _: Path) -> tuple[Any, Any]:
    _, facts, arrays = _keras()
    if seed % 3 != 1:
        values = [*_VALUES, "Custom>QuantizedDense", "Custom>Dequantizer", "per-axis", "swish"]
        config = edit(json.loads(facts["config"]), seed, values)
        facts = {**facts, "config": json.dumps(config)}
    if seed % 3 != 0:
        arrays = _edited_tensors(arrays, np.random.default_rng(seed))
    return facts, arrays


def _check_keras_contents(made: tuple[Any, Any]) -> str:
    return _check(keras_h5.to_model(*made, "edited.h5"))


TARGETS = (
    Target(
        "contents of .h5 of Akida 2.0", _make_keras_contents, _check_keras_contents, 150, apart=True
    ),
    Target(".h5 of Akida 2.0", _make_keras, _check_file, 4, 60, 1 << 30, apart=True),
    Target("hashed .akrt of Akida 2.0", _make_hashed, _check_file, 150, apart=True),
    *(
        (
            Target(
                "contents of .fbz of Akida 2.0", _make_contents, _check_contents, 150, apart=True
            ),
            Target(".fbz of Akida 2.0", _make_damaged, _check_file, 4, 60, 1 << 30, apart=True),
        )
        if find_spec("akida")
        else ()
    ),
)
