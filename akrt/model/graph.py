"""The model: layers that fit together, their integer ranges, and what input and output mean."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import InputError, ModelError
from akrt.files import write_file
from akrt.model import encoding
from akrt.model.layers import AnyLayer, InputConvolutional, InputData, IntArray, Shape
from akrt.model.node import Node, chain
from akrt.model.preprocessing import PREPROCESSING, Preprocessing
from akrt.model.table import layer_rows, layer_text
from akrt.printable import print_text

__all__ = ["Model"]


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A network with its labels and the meaning of its input.

    Raises:
        ModelError: the layers do not fit together.
        UnsupportedLayerError: a layer whose potentials could exceed 32 bits.
    """

    layers: tuple[AnyLayer, ...]
    name: str = "model"
    labels: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None
    notes: dict[str, str] = field(default_factory=dict)
    """Free text that travels with the model: author, licence, training data."""

    def __post_init__(self) -> None:
        if not isinstance(self.layers, Iterable):
            raise ModelError(f"layers must be a sequence of layers, got {self.layers!r:.80}")
        object.__setattr__(self, "layers", tuple(self.layers))
        for layer in self.layers:
            if not isinstance(layer, AnyLayer):
                raise ModelError(f"layers must be a sequence of layers, one is {layer!r:.80}")
        if not isinstance(self.name, str):
            raise ModelError(f"a model's name must be text, got {self.name!r:.80}")
        if not isinstance(self.notes, dict) or not all(
            isinstance(text, str) for item in self.notes.items() for text in item
        ):
            raise ModelError("notes must be texts by name")
        if not self.layers:
            raise ModelError("a model needs at least one layer")
        if not isinstance(self.layers[0], (InputData, InputConvolutional)):
            raise ModelError(
                f"the first layer must be InputData or InputConvolutional, "
                f"got {self.layers[0].kind} '{self.layers[0].name}'"
            )
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names) or not all(names):
            raise ModelError(f"layer names must be unique and not empty: {names}")
        nodes = self.nodes
        if self.labels is not None:
            if isinstance(self.labels, str) or not isinstance(self.labels, Iterable):
                raise ModelError(f"labels must be a sequence of texts, got {self.labels!r:.80}")
            object.__setattr__(self, "labels", tuple(self.labels))
            if not all(isinstance(label, str) for label in self.labels):
                raise ModelError("labels must be text")
            if len(self.labels) != nodes[-1].output_shape[2]:
                raise ModelError(
                    f"{len(self.labels)} labels for {nodes[-1].output_shape[2]} outputs"
                )
        if self.preprocessing is not None:
            self._check_preprocessing(self.preprocessing)

    def _check_preprocessing(self, given: object) -> None:
        if not isinstance(given, tuple(PREPROCESSING.values())):
            kinds = ", ".join(cls.__name__ for cls in PREPROCESSING.values())
            raise ModelError(
                f"preprocessing must be the parameters of a front end ({kinds}), got {given!r:.80}"
            )
        assert isinstance(given, Preprocessing)
        if given.shape != self.input_shape:
            raise ModelError(
                f"preprocessing makes {given.shape}, the first layer takes {self.input_shape}"
            )

    @cached_property
    def input_shape(self) -> Shape:
        """(X, Y, C)."""
        first = self.layers[0]
        assert isinstance(first, (InputData, InputConvolutional))
        return first.input_shape

    @cached_property
    def input_bits(self) -> int:
        """Bits of an input value, unsigned."""
        first = self.layers[0]
        return first.input_bits if isinstance(first, InputData) else 8

    @property
    def output_shape(self) -> Shape:
        """(X, Y, C)."""
        return self.nodes[-1].output_shape

    @property
    def output_dtype(self) -> npt.DTypeLike:
        """uint8 for activations, int32 for potentials."""
        return np.int32 if self.nodes[-1].output_max is None else np.uint8

    @property
    def final_step(self) -> tuple[IntArray, npt.NDArray[np.float32]] | None:
        """(threshold, act_step) that turn the last potentials to floats; None if activated."""
        last = self.layers[-1]
        if isinstance(last, InputData) or last.act_bits is not None:
            return None
        return last.threshold, last.act_step

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return sum(node.macs for node in self.nodes)

    @property
    def weights(self) -> int:
        """Number of weights."""
        return sum(
            array.size
            for layer in self.layers
            if not isinstance(layer, InputData)
            for name, array in layer.arrays.items()
            if array.dtype == np.int8
        )

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every layer with its shapes and integer ranges."""
        return tuple(chain(self.layers))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.akrt`` file; an existing file is replaced whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        write_file(path, encoding.to_bytes(self))

    def replace(self, **changes: Any) -> Model:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def check_input(self, x: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """`x` as a C-contiguous uint8 array (N, X, Y, C), or an error that says what is wrong.

        (N, C) is taken where X and Y are 1, as akida takes it.

        Raises:
            InputError: wrong shape, dtype or range. Nothing is cast silently.
        """
        try:
            array = np.asarray(x)
        except (ValueError, TypeError, OverflowError, MemoryError) as error:
            raise InputError(f"the input is not an array: {error}") from None
        if array.ndim == 2 and (1, 1, array.shape[1]) == self.input_shape:
            array = array.reshape(-1, *self.input_shape)
        if array.ndim != 4 or array.shape[1:] != self.input_shape:
            want = "(N, {}, {}, {})".format(*self.input_shape)
            raise InputError(f"expected an array of shape {want}, got {array.shape}")
        if array.dtype != np.uint8:
            raise InputError(
                f"expected dtype uint8, got {array.dtype}: values are integers of "
                f"{self.input_bits} bits; convert them knowingly with x.astype('uint8')"
            )
        top = (1 << self.input_bits) - 1
        if top < 255 and array.size and int(array.max()) > top:
            first = np.unravel_index(int(np.argmax(array > top)), array.shape)
            where = tuple(int(i) for i in first)
            raise InputError(
                f"value {array[where]} at {where} exceeds {top}, "
                f"the largest of {self.input_bits}-bit input"
            )
        return np.ascontiguousarray(array)

    def __repr__(self) -> str:
        return f"<akrt.Model {self.name!r}, {len(self.layers)} layers, {self.weights} weights>"

    def layer_table(self) -> list[dict[str, Any]]:
        """One row of facts for every layer, as plain types."""
        return layer_rows(self)

    def summary(self) -> str:
        """Print a table of the layers, as `akida.Model.summary` does; returns what it printed."""
        return print_text(self.layer_text())

    def layer_text(self) -> str:
        """The table that `summary` prints."""
        return layer_text(self)
