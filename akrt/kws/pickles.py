"""Reads the tutorial's pickled features without running anything that a pickle asks for.

The file is a pickled list: features and labels for training, validation and testing (the last may
be missing or empty), a dict word -> class, and the transform that made uint8 of the features.

A pickle is a program that calls functions by name. Here the only names that it may use are those
NumPy pickles arrays with, and they lead to stand-ins in this file, never to NumPy: arrays are
built afterwards from their shape, type and bytes. Every other name is refused.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from akrt.errors import DatasetError, InputError
from akrt.files import read_bytes
from akrt.kws.featureset import SPLITS, FeatureSet

__all__ = ["load_pickle"]

MAX_FILE_BYTES = 1 << 32

_TYPES = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"b1", "f2", "f4", "f8"}

_DAMAGE = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError),
    *(AttributeError, AssertionError, OverflowError, MemoryError, RecursionError, LookupError),
    *(struct.error, UnicodeError),
)
"""What an unpickler raises on damaged input."""


class _Refused(Exception):
    """The pickle asked for something that is not allowed."""


class _Type:
    """Stands for a numpy.dtype: a code such as ``u1`` and a byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any, *_: Any) -> None:
        if code not in _TYPES:
            raise _Refused(f"an array of type {code!r}")
        self.code, self.order = code, "|"

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise _Refused("an array of an unusual type")
        self.order = state[1]

    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


class _Array:
    """Stands for a numpy.ndarray: a shape, a type, an order and the bytes."""

    __slots__ = ("fortran", "raw", "shape", "type")

    def __init__(self, *_: Any) -> None:
        self.shape: tuple[int, ...] = (0,)
        self.type, self.fortran, self.raw = _Type("u1"), False, b""

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise _Refused("an array of an unusual form")
        _, self.shape, self.type, self.fortran, self.raw = state

    def array(self) -> npt.NDArray[Any]:
        """The array itself, checked."""
        raw = self.raw.encode("latin1") if isinstance(self.raw, str) else self.raw
        if (
            not isinstance(raw, (bytes, bytearray))
            or not isinstance(self.type, _Type)
            or not isinstance(self.shape, tuple)
            or not all(isinstance(n, int) and n >= 0 for n in self.shape)
            or len(self.shape) > 8
        ):
            raise _Refused("an array of an unusual form")
        dtype = self.type.dtype()
        if math.prod(self.shape) * dtype.itemsize != len(raw):
            raise DatasetError(f"an array of shape {self.shape} has {len(raw)} bytes")
        order: Any = "F" if self.fortran else "C"
        return np.frombuffer(raw, dtype).reshape(self.shape, order=order)


class _Call:
    """A function that a pickle may call; it has no state that a pickle could change."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise _Refused(f"to change '{name}' of a function")

    def __setstate__(self, state: Any) -> None:
        raise _Refused("to change a function")


def _filled(shape: Any, dtype: Any, fortran: Any, raw: Any) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, fortran, raw))
    return array


def _encode(text: Any, encoding: Any = None) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _Refused("_codecs.encode with another encoding than latin1")
    return text.encode("latin1")


_RECONSTRUCT = _Call(_Array)
_FROM_BUFFER = _Call(lambda raw, dtype, shape, order: _filled(shape, dtype, order == "F", raw))
_SCALAR = _Call(lambda dtype, raw: _filled((), dtype, False, raw))

_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Call(_Array),
    ("numpy", "dtype"): _Call(_Type),
    ("_codecs", "encode"): _Call(_encode),
}
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED[_core + ".multiarray", "_reconstruct"] = _RECONSTRUCT
    _ALLOWED[_core + ".multiarray", "scalar"] = _SCALAR
    _ALLOWED[_core + ".numeric", "_frombuffer"] = _FROM_BUFFER


class _Unpickler(pickle._Unpickler):
    """The one written in Python: its memory grows with the file, not with numbers in the file."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _Refused(f"'{module}.{name}'") from None

    def load_bytearray8(self: Any) -> None:
        (size,) = struct.unpack("<Q", self.read(8))
        content = self.read(
            min(size, sys.maxsize)
        )  # what is there: Python allocates what is claimed
        if len(content) != size:
            raise EOFError
        self.append(bytearray(content))

    dispatch: ClassVar[Any] = {**pickle._Unpickler.dispatch, pickle.BYTEARRAY8[0]: load_bytearray8}

    def get_extension(self, code: int) -> Any:
        raise _Refused(f"extension {code}")

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("an object outside the file")


def load_pickle(path: str | os.PathLike[str]) -> FeatureSet:
    """The features in a pickle of the tutorial's form (``kws_preprocessed_*.pkl``).

    Features must be integers of 0 to 255, in whatever type; they are stored as uint8. Sources are
    ``real``; speakers are not known.

    Raises:
        DatasetError: the file is missing, damaged, not of this form, or asks for anything else
            than arrays, lists, tuples, dicts, numbers and text; the message names it.
    """
    source = Path(path)
    try:
        content = read_bytes(source, MAX_FILE_BYTES)
    except InputError as error:
        raise DatasetError(str(error)) from None
    try:
        return _features(_Unpickler(io.BytesIO(content)).load(), source)
    except _Refused as error:
        raise DatasetError(
            f"'{source}' is refused: the pickle asks for {error}; only NumPy arrays, lists, "
            f"tuples and dicts are allowed"
        ) from None
    except DatasetError as error:
        raise DatasetError(f"'{source}': {error}") from None
    except _DAMAGE as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise DatasetError(f"'{source}' is not a pickle, or damaged ({reason})") from None


def _features(items: Any, source: Path) -> FeatureSet:
    if not isinstance(items, (list, tuple)) or len(items) not in (6, 7, 8):
        raise DatasetError(
            "expected a pickled list [x_train, y_train, x_val, y_val, x_test, y_test, "
            "word_to_index, data_transform]"
        )
    at = next((i for i, item in enumerate(items) if isinstance(item, dict)), None)
    if at not in (4, 6):
        raise DatasetError("expected a dict of words and classes after the arrays")
    words = _words(items[at])
    parts = []
    for i, split in zip(range(0, at, 2), SPLITS, strict=False):
        if items[i] is None or items[i + 1] is None:
            continue
        x, y = _inputs(items[i], split), _labels(items[i + 1], len(words), split)
        if len(x) != len(y):
            raise DatasetError(f"{split}: {len(x)} feature maps but {len(y)} labels")
        if len(x):
            parts.append((x, y, np.full(len(x), SPLITS.index(split), np.uint8)))
    if not parts:
        raise DatasetError("the pickle holds no features")
    if len({x.shape[1:] for x, _, _ in parts}) != 1:
        raise DatasetError(f"feature maps differ in shape: {[x.shape for x, _, _ in parts]}")
    x, y, split_of = (np.concatenate(column) for column in zip(*parts, strict=True))
    count = len(x)
    settings: dict[str, Any] = {"imported_from": source.name}
    if len(items) > at + 1:
        settings["data_transform"] = _plain(items[at + 1])
    return FeatureSet(
        x=x,
        y=y,
        split=split_of,
        source=np.zeros(count, np.uint8),
        speaker=np.zeros(count, np.int32),
        copy=np.zeros(count, np.int32),
        clip=np.arange(count, dtype=np.int32),
        words=words,
        sources=("real",),
        speakers=("unknown",),
        settings=settings,
    )


def _words(found: dict[Any, Any]) -> tuple[str, ...]:
    by_class = {}
    for word, index in found.items():
        index = int(index.array()) if isinstance(index, _Array) else index
        if not isinstance(word, str) or isinstance(index, bool) or not isinstance(index, int):
            raise DatasetError(f"word_to_index should map words to numbers, got {word!r:.60}")
        if "\0" in word:  # NumPy's texts lose those at the end
            raise DatasetError(f"a zero byte in the word {word!r:.60}")
        by_class[index] = word
    if sorted(by_class) != list(range(len(found))) or not found:
        raise DatasetError("word_to_index does not number its words from 0 on")
    return tuple(by_class[i] for i in range(len(found)))


def _inputs(item: Any, split: str) -> npt.NDArray[np.uint8]:
    x = item.array() if isinstance(item, _Array) else None
    if x is None or (x.size and x.ndim not in (3, 4)):
        raise DatasetError(f"{split}: expected features (N, frames, coefficients, 1)")
    if not x.size:
        return np.zeros((0, 1, 1, 1), np.uint8)
    if x.ndim == 3:
        x = x[..., None]
    if not np.all(np.isfinite(x)) or x.min() < 0 or x.max() > 255 or np.any(x != np.floor(x)):
        raise DatasetError(f"{split}: features are not integers of 0 to 255")
    return x.astype(np.uint8)


def _labels(item: Any, classes: int, split: str) -> npt.NDArray[np.int64]:
    y = item.array() if isinstance(item, _Array) else None
    if isinstance(item, list) and all(isinstance(v, int) for v in item):
        y = np.array(item, np.int64)
    if y is None or not (y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)):
        raise DatasetError(f"{split}: expected labels (N,)")
    y = y.reshape(-1)
    if y.size and (not np.all(np.isfinite(y)) or y.min() < 0 or y.max() >= classes):
        raise DatasetError(f"{split}: labels are not classes 0 to {classes - 1}")
    if np.any(y != np.floor(y)):
        raise DatasetError(f"{split}: labels are not whole numbers")
    return y.astype(np.int64)


def _plain(item: Any) -> Any:
    """A small value as JSON holds it, else what it is."""
    if isinstance(item, _Array):
        array = item.array()
        return array.tolist() if array.size <= 256 else f"array {array.dtype} {array.shape}"
    if item is None or isinstance(item, (bool, str)):
        return item[:256] if isinstance(item, str) else item
    if isinstance(item, (int, float)) and abs(item) < 1e300:
        return item
    if isinstance(item, (list, tuple)) and len(item) <= 16:
        return [
            _plain(v) if not isinstance(v, (list, tuple, dict)) else type(v).__name__ for v in item
        ]
    if isinstance(item, dict) and len(item) <= 16:
        return {
            str(k)[:64]: _plain(v) if not isinstance(v, (list, tuple, dict)) else type(v).__name__
            for k, v in item.items()
        }
    return type(item).__name__
