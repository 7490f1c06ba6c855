"""The model: layers that fit together, their integer ranges, and what input and output mean."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import InputError, ModelError
from akrt.files import write_file
from akrt.model import encoding
from akrt.model.families import Layer
from akrt.model.layers import KINDS
from akrt.model.node import Node, connect
from akrt.model.preprocessing import PREPROCESSING, Preprocessing
from akrt.model.table import layer_rows, layer_text
from akrt.model.task import ClassTask, Task
from akrt.model.value import IntArray, Shape, Value
from akrt.printable import print_text

__all__ = ["Model"]


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A network with its labels and the meaning of its input.

    Raises:
        ModelError: the layers do not fit together.
        UnsupportedLayerError: a layer whose potentials could exceed 32 bits.
    """

    layers: tuple[Layer, ...]
    """Each after those whose outputs it takes; the output of the last one is the model's."""
    name: str = "model"
    labels: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None
    notes: dict[str, str] = field(default_factory=dict)
    """Free text that travels with the model: author, licence, training data."""
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By name of a layer, of which layers it takes the outputs; one that is not named takes that
    of the layer before it. Empty: the layers are a chain."""
    task: Task = ClassTask()  # noqa: RUF009 - frozen
    """What the outputs mean."""

    def __post_init__(self) -> None:
        self._check_layers()
        if not isinstance(self.name, str):
            raise ModelError(f"a model's name must be text, got {self.name!r:.80}")
        if not isinstance(self.notes, dict) or not all(
            isinstance(text, str) for item in self.notes.items() for text in item
        ):
            raise ModelError("notes must be texts by name")
        self._check_inputs()
        assert self.nodes  # which checks them
        if self.labels is not None:
            if isinstance(self.labels, str) or not isinstance(self.labels, Iterable):
                raise ModelError(f"labels must be a sequence of texts, got {self.labels!r:.80}")
            object.__setattr__(self, "labels", tuple(self.labels))
            if not all(isinstance(label, str) for label in self.labels):
                raise ModelError("labels must be text")
        self._check_task(self.task)
        if self.preprocessing is not None:
            self._check_preprocessing(self.preprocessing)

    def _check_task(self, given: object) -> None:
        """Outputs can mean what it says, and there is a label for each."""
        if not isinstance(given, Task):
            raise ModelError(
                f"task must be what outputs mean, such as ClassTask(), got {given!r:.80}"
            )
        wanted = given.labels(self.output_shape)
        if given.decides and self.final_step is None and not self.gives_floats:
            raise ModelError(
                f"task {given.kind} needs a last layer without activation, "
                f"'{self.layers[-1].name}' has one"
            )
        if self.labels is not None and len(self.labels) != wanted:
            kind = "outputs" if wanted == self.output_shape[2] else f"classes of task {given.kind}"
            first = ", of which the first is the background" if given.kind == "fomo" else ""
            raise ModelError(f"{len(self.labels)} labels for {wanted} {kind}{first}")

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
        if self.entry.dtype != "uint8":
            raise ModelError(
                f"preprocessing makes unsigned bytes, the first layer takes {self.entry.text}"
            )
        if given.every_byte and self.input_bits < 8:
            raise ModelError(
                f"preprocessing of the kind '{given.kind}' makes values of 0..255, the first layer "
                f"takes {self.input_bits} bits"
            )

    def _check_layers(self) -> None:
        if not isinstance(self.layers, Iterable):
            raise ModelError(f"layers must be a sequence of layers, got {self.layers!r:.80}")
        object.__setattr__(self, "layers", tuple(self.layers))
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise ModelError(f"layers must be a sequence of layers, one is {layer!r:.80}")
        if not self.layers:
            raise ModelError("a model needs at least one layer")
        if self.layers[0].entry is None:
            versions = (None, self.version)
            *some, last = (
                kind for kind, cls in KINDS.items() if cls.arity == 0 and cls.version in versions
            )
            raise ModelError(
                f"the first layer must be {', '.join(some)} or {last}, "
                f"got {self.layers[0].kind} '{self.layers[0].name}'"
            )
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names) or not all(names):
            raise ModelError(f"layer names must be unique and not empty: {names}")
        of_1 = [layer for layer in self.layers if layer.version == 1]
        if self.version == 2 and of_1:
            other = next(layer for layer in self.layers if layer.version == 2)
            raise ModelError(
                f"layer '{of_1[0].name}' ({of_1[0].kind}) is of Akida 1.0, '{other.name}' "
                f"({other.kind}) of Akida 2.0: a network has layers of one version"
            )
        pico = [layer for layer in self.layers if layer.pico]
        others = [layer for layer in self.layers if layer.pico is False]
        if pico and others:
            raise ModelError(
                f"layer '{pico[0].name}' ({pico[0].kind}) is of Akida Pico, '{others[0].name}' "
                f"({others[0].kind}) is not: a network has layers of one version"
            )

    def _check_inputs(self) -> None:
        """Inputs name layers, each output is taken, and what a chain has anyway is not named."""
        if not isinstance(self.inputs, Mapping):
            raise ModelError(f"inputs must be names of layers by layer, got {self.inputs!r:.80}")
        kept: dict[str, tuple[str, ...]] = {}
        for name, sources in self.inputs.items():
            if isinstance(sources, str) or not isinstance(sources, Iterable):
                raise ModelError(
                    f"the inputs of layer '{name}' must be a sequence of names, got {sources!r:.80}"
                )
            kept[name] = tuple(sources)
            if not all(isinstance(source, str) for source in kept[name]):
                raise ModelError(f"the inputs of layer '{name}' must be names: {kept[name]!r:.80}")
        unknown = sorted(map(str, kept.keys() - {layer.name for layer in self.layers}))
        if unknown:
            raise ModelError(f"inputs are named for '{unknown[0]}', which is no layer")
        chain = _chain(self.layers)
        kept = {name: sources for name, sources in kept.items() if sources != chain[name]}
        object.__setattr__(self, "inputs", MappingProxyType(kept))
        taken = {source for node in self.nodes for source in node.sources}
        for layer in self.layers[:-1]:
            if layer.name not in taken:
                raise ModelError(
                    f"no layer takes the output of '{layer.name}' ({layer.kind}): "
                    f"only that of the last layer is the model's"
                )

    def __getstate__(self) -> dict[str, Any]:
        # a mapping proxy cannot be pickled
        return {**self.__dict__, "inputs": dict(self.inputs)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, inputs=MappingProxyType(state["inputs"]))

    @property
    def entry(self) -> Value:
        """What the caller gives."""
        return self.nodes[0].inputs[0]

    @cached_property
    def input_shape(self) -> Shape:
        """(X, Y, C)."""
        return self.entry.shape

    @cached_property
    def input_bits(self) -> int:
        """Bits of an input value."""
        return self.entry.bits

    @property
    def version(self) -> int:
        """Of Akida, 1 or 2: whose layers these are."""
        return 2 if any(layer.version == 2 for layer in self.layers) else 1

    @property
    def pico(self) -> bool:
        """Whether it is a network of Akida Pico, which runs recurrent layers of Akida 2.0 alone."""
        return any(layer.pico for layer in self.layers)

    @cached_property
    def stateful(self) -> bool:
        """Whether a layer remembers: then the samples of a batch are steps in time, in order."""
        return any(node.memory for node in self.nodes)

    @property
    def output_shape(self) -> Shape:
        """(X, Y, C)."""
        return self.nodes[-1].output_shape

    @property
    def output_dtype(self) -> npt.DTypeLike:
        """Of what the last layer gives: uint8 or int32 in networks of Akida 1.0."""
        return np.dtype(self.nodes[-1].output.dtype)

    @property
    def gives_floats(self) -> bool:
        """Whether the last layer turns integers into floats itself."""
        return self.nodes[-1].output.dtype == "float32"

    @property
    def final_step(self) -> tuple[IntArray, npt.NDArray[np.float32]] | None:
        """(threshold, act_step) that turn the last potentials to floats; None if activated, or of
        Akida 2.0, whose last layer makes floats itself.
        """
        return self.layers[-1].final_step

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return sum(node.macs for node in self.nodes)

    @property
    def weights(self) -> int:
        """Number of weights."""
        return sum(layer.weight_count for layer in self.layers)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every layer in its place, in the order of `layers`."""
        return tuple(connect(self.layers, {**_chain(self.layers), **self.inputs}))

    def takers(self, name: str) -> tuple[Node, ...]:
        """The nodes that take the output of the layer `name`."""
        return self._takers.get(name, ())

    @cached_property
    def _takers(self) -> dict[str, tuple[Node, ...]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for source in dict.fromkeys(node.sources):
                found.setdefault(source, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.akrt`` file; an existing file is replaced whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        write_file(path, encoding.to_bytes(self))

    def replace(self, **changes: Any) -> Model:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def check_input(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """`x` as a C-contiguous array (N, X, Y, C), or an error that says what is wrong.

        Its type is that of `entry`: uint8 in networks of Akida 1.0.

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
        entry = self.entry
        if array.dtype != entry.dtype:
            what = "real numbers" if entry.dtype == "float32" else f"integers of {entry.bits} bits"
            raise InputError(
                f"expected dtype {entry.dtype}, got {array.dtype}: values are {what}; "
                f"convert them knowingly with x.astype('{entry.dtype}')"
            )
        if entry.dtype == "float32" or not entry.holds(array):
            refused = self.layers[0].refused(array)
            if refused.any():
                where = tuple(int(i) for i in np.unravel_index(int(refused.argmax()), array.shape))
                raise InputError(f"value {array[where]} at {where} {_beyond(entry, array[where])}")
        return np.ascontiguousarray(array)

    def noise(self, rng: np.random.Generator, samples: int) -> npt.NDArray[Any]:
        """(samples, X, Y, C) over the whole range of the input, of its type."""
        return self.layers[0].noise(rng, samples)

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


def _beyond(entry: Value, value: Any) -> str:
    """What is wrong with a value that an entrance refuses."""
    if entry.dtype == "float32":
        return "is no number, or too large for the scales of the network's Quantizer"
    end, which = (entry.low, "smallest") if value < entry.low else (entry.high, "largest")
    return (
        f"{'exceeds' if which == 'largest' else 'is below'} {end}, "
        f"the {which} of {entry.bits}-bit input"
    )


def _chain(layers: Sequence[Layer]) -> dict[str, tuple[str, ...]]:
    """Of which layer each takes the output, where each takes that of the one before it."""
    before = (None, *layers)
    return {
        layer.name: ()
        if other is None or (layer.arity == 0 and not other.feeds_entrance)
        else (other.name,)
        for other, layer in zip(before, layers, strict=False)
    }
