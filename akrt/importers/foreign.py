"""What a file that is no model for akrt looks like, and the step that makes one of it."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from pathlib import Path

from akrt.errors import InputError
from akrt.files import open_regular

__all__ = ["HOW_TO_QUANTISE", "foreign_file", "foreign_folder"]

HOW_TO_QUANTISE = (
    "in tf_keras, with quantizeml.models.quantize(model), which quantises for Akida 2.0, or for "
    "Akida 1.0 with qparams=QuantizationParams(weight_bits=4, activation_bits=4, "
    "per_tensor_activations=True), and save what it gives with model.save('model.h5')"
)
"""The end of a sentence that begins "quantise the model"."""

_SAVE_H5 = (
    "load it where it was made and save the quantised model with model.save('model.h5'), or "
    "convert it with cnn2snn.convert(model).save('model.fbz')"
)
_CONVERT = "convert it with cnn2snn.convert(model).save('model.fbz'), and read the .fbz"
_QUANTISE = f"quantise the model it was made from, {HOW_TO_QUANTISE}"
_STARTS = (
    (b"version https://git-lfs.github.com/", "a Git LFS pointer, not the file: run 'git lfs pull'"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"\xfd7zXZ", "an xz archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive: unpack it first"),
    (b"\x93NUMPY", "a NumPy array: it is an input for 'akrt run', not a model"),
    (b"RIFF", "a sound file, not a model"),
    (b"fLaC", "a sound file, not a model"),
    (b"OggS", "a sound file, not a model"),
    (b"\x89PNG", "a picture, not a model"),
    (b"\xff\xd8\xff", "a picture, not a model"),
    (b"%PDF", "a PDF document, not a model"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_HTML = re.compile(rb"\s*<(!doctype|html|head|body)", re.IGNORECASE)
_ONNX = re.compile(rb"\x08[\x03-\x20]\x12[\x01-\x40](pytorch|tf2onnx|onnx|skl2onnx|quantizeml)")
_OF_QUANTIZEML = b"com.brainchip"
_OF_OTHERS = b"QuantizeLinear"
_ONNX_BYTES = 1 << 28
"""So much of an ONNX file is looked through."""
_CHECKPOINT = re.compile(r"\.(index|data-\d{5}-of-\d{5}|ckpt|meta)$")


def foreign_file(path: str | os.PathLike[str], start: bytes) -> str | None:
    """What a file is if it is of a kind that is often taken for a model, and what to do.

    Args:
        path: the file; its name counts only where the content does not tell.
        start: its first bytes, some thousands.

    Returns:
        The end of a sentence that begins "it is", or None for any other file.
    """
    name = os.fspath(path)
    for magic, what in _STARTS:
        if start.startswith(magic):
            return what
    if start[4:8] == b"TFL3":
        return f"a TensorFlow Lite model, which has other integers than Akida: {_QUANTISE}"
    if start.startswith(b"PK\x03\x04"):
        return _archive(name)
    if _PICKLE.match(start):
        return f"a Python pickle, which is never loaded as a model: {_SAVE_H5}"
    if _HTML.match(start):
        return "an HTML page: the download gave a page instead of the file"
    lower = name.lower()
    if lower.endswith(".onnx") or _ONNX.match(start):
        return _onnx(name)
    if lower.endswith(".pb"):
        return f"part of a TensorFlow SavedModel: {_SAVE_H5}"
    if _CHECKPOINT.search(lower) or os.path.basename(lower) == "checkpoint":
        return f"part of a TensorFlow checkpoint, which holds weights only: {_SAVE_H5}"
    text = start[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"[") and b"\0" not in start:
        return f"JSON text, perhaps an architecture without its weights: {_SAVE_H5}"
    if start and b"\0" not in start and start.isascii():
        return "a text file, not a model"
    return None


def foreign_folder(path: str | os.PathLike[str]) -> str:
    """The same for a folder; always an answer."""
    folder = Path(path)
    if (folder / "saved_model.pb").exists():
        return f"a TensorFlow SavedModel: {_SAVE_H5}"
    if (folder / "checkpoint").exists() or any(folder.glob("*.index")):
        return f"a TensorFlow checkpoint, which holds weights only: {_SAVE_H5}"
    if (folder / "config.json").exists() and (folder / "metadata.json").exists():
        return f"an unpacked .keras model: {_SAVE_H5}"
    return "a folder: name the model file in it"


def _onnx(path: str) -> str:
    """An ONNX model: the operators of who quantised it are named in it."""
    try:
        with open_regular(path) as file:
            whole = file.read(_ONNX_BYTES)
    except (OSError, InputError):
        whole = b""
    if _OF_QUANTIZEML in whole:
        return f"an ONNX model that QuantizeML quantised, which akrt does not read: {_CONVERT}"
    told = "that another tool quantised" if _OF_OTHERS in whole else "of floats"
    which = "the float model with it" if _OF_OTHERS in whole else "it"
    return (
        f"an ONNX model {told}, which akrt does not read: quantise {which} "
        f"(quantizeml.models.quantize(onnx.load(path)), for Akida 2.0), then {_CONVERT}"
    )


def _archive(path: str) -> str:
    keras = b""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()[:1000]
            if "metadata.json" in names and archive.getinfo("metadata.json").file_size < 1 << 16:
                keras = archive.read("metadata.json")
    except (OSError, ValueError, RuntimeError, EOFError, zlib.error, zipfile.BadZipFile):
        return "a damaged zip archive"
    if "model.weights.h5" in names or {"config.json", "metadata.json"} <= set(names):
        if b'"keras_version": "3' in keras:
            return f"a .keras model of Keras 3, which BrainChip's tools do not take: {_QUANTISE}"
        return f"a .keras model, which akrt does not read: {_SAVE_H5}"
    if any(name.endswith("data.pkl") for name in names):
        return (
            "a PyTorch model, which akrt does not read: export it to ONNX, quantise that with "
            f"quantizeml, {_CONVERT}"
        )
    if any(name.endswith(".npy") for name in names):
        return "a NumPy archive (.npz), not a model"
    return "a zip archive: unpack it first"
