"""The model: layers that fit together, their integer ranges, and what input and output mean."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import InputError, ModelError, UnsupportedLayerError
from akrt.layers import (
    MAX_TENSOR_ELEMENTS,
    WEIGHT_RANGES,
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    IntArray,
    NeuralLayer,
    Padding,
    Pair,
    Pooling,
    SeparableConvolutional,
    Shape,
    SpatialLayer,
)
from akrt.printable import print_text
from akrt.table import layer_rows, layer_text

__all__ = [
    "MAX_TENSOR_ELEMENTS",
    "POTENTIAL_MAX",
    "POTENTIAL_MIN",
    "WEIGHT_RANGES",
    "AnyLayer",
    "Convolutional",
    "FullyConnected",
    "InputConvolutional",
    "InputData",
    "IntArray",
    "Mfcc",
    "Model",
    "NeuralLayer",
    "Padding",
    "Pair",
    "Pooling",
    "SeparableConvolutional",
    "Shape",
    "SpatialLayer",
    "Stage",
]

POTENTIAL_MIN, POTENTIAL_MAX = -(1 << 19), (1 << 19) - 1
"""Range of the chip's 20-bit accumulators."""

INT32_MAX = (1 << 31) - 1


@dataclass(frozen=True)
class Mfcc:
    """What a sound model's input means: MFCC features as TensorFlow computes them, to uint8.

    ``u8 = clip(round(scale * mfcc) + offset, 0, 255)``; lengths are in samples, frequencies
    in Hz.
    """

    sample_rate: int = 16000
    clip: int = 16000
    window: int = 640
    stride: int = 320
    fft: int = 1024
    mel_bins: int = 40
    low_hz: float = 20.0
    high_hz: float = 4000.0
    coefficients: int = 10
    scale: float = 4.0
    offset: int = 128

    def __post_init__(self) -> None:
        whole = ("sample_rate", "clip", "window", "stride", "fft", "mel_bins", "coefficients")
        for name in whole:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 1 << 24:
                raise ModelError(f"preprocessing: {name} must be a positive integer, got {value!r}")
        for name in ("low_hz", "high_hz", "scale"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ModelError(f"preprocessing: {name} must be a number, got {value!r}")
            if not 0 <= value < 1e9:
                raise ModelError(f"preprocessing: {name} is out of range: {value!r}")
        if type(self.offset) is not int or not 0 <= self.offset <= 255:
            raise ModelError(f"preprocessing: offset must be 0..255, got {self.offset!r}")
        if not self.window <= self.fft <= 1 << 16 or self.fft & (self.fft - 1):
            raise ModelError(f"preprocessing: fft {self.fft} must be a power of two >= the window")
        if self.window > self.clip:
            raise ModelError(f"preprocessing: window {self.window} exceeds the clip {self.clip}")
        if not self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise ModelError("preprocessing: needs low_hz < high_hz <= sample_rate / 2")
        if self.coefficients > self.mel_bins or self.mel_bins > 1024:
            raise ModelError("preprocessing: needs coefficients <= mel_bins <= 1024")

    @property
    def frames(self) -> int:
        """Number of frames in a clip."""
        return (self.clip - self.window) // self.stride + 1

    @property
    def shape(self) -> Shape:
        """Shape of the features of one clip: (frames, coefficients, 1)."""
        return (self.frames, self.coefficients, 1)


@dataclass(frozen=True)
class Stage:
    """A layer in its place in a network: shapes, and the integers it can meet.

    ``max_depthwise`` and ``max_potential`` bound the magnitude of every value and every partial
    sum, whatever the order of the additions; ``max_depthwise`` is 0 where there is no depthwise.
    """

    layer: AnyLayer
    input_shape: Shape
    input_max: int
    output_shape: Shape
    output_max: int | None
    """Largest activation; None where the output is a potential."""
    conv_shape: Shape
    """Shape of the potentials before pooling."""
    max_depthwise: int
    max_potential: int
    macs: int
    """Multiply-accumulates for one sample."""

    @property
    def max_activated(self) -> int:
        """Bound of the magnitude of every potential that meets the activation.

        The sum of a global average reaches further than its terms, as far as it saturates.
        """
        layer = self.layer
        if isinstance(layer, (InputData, FullyConnected)) or layer.pooling is None:
            return self.max_potential
        if layer.pooling.kind == "max":
            return self.max_potential
        positions = self.conv_shape[0] * self.conv_shape[1]
        return max(self.max_potential, min(positions * self.max_potential, -POTENTIAL_MIN))

    @property
    def beyond_20_bits(self) -> bool:
        """Whether unpooled potentials can leave the chip's range.

        Pooled and fully connected potentials saturate there, on the chip and here alike. Others
        do not in akida's software backend, which is then no reference for the chip.
        """
        layer = self.layer
        if isinstance(layer, (InputData, FullyConnected)) or layer.pooling is not None:
            return False
        return self.max_potential > POTENTIAL_MAX


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
    preprocessing: Mfcc | None = None
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
        stages = self.stages
        if self.labels is not None:
            if isinstance(self.labels, str) or not isinstance(self.labels, Iterable):
                raise ModelError(f"labels must be a sequence of texts, got {self.labels!r:.80}")
            object.__setattr__(self, "labels", tuple(self.labels))
            if not all(isinstance(label, str) for label in self.labels):
                raise ModelError("labels must be text")
            if len(self.labels) != stages[-1].output_shape[2]:
                raise ModelError(
                    f"{len(self.labels)} labels for {stages[-1].output_shape[2]} outputs"
                )
        if not isinstance(self.preprocessing, Mfcc | None):
            raise ModelError(f"preprocessing must be an Mfcc, got {self.preprocessing!r:.80}")
        if self.preprocessing is not None and self.preprocessing.shape != self.input_shape:
            raise ModelError(
                f"preprocessing makes {self.preprocessing.shape}, "
                f"the first layer takes {self.input_shape}"
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
        return self.stages[-1].output_shape

    @property
    def output_dtype(self) -> npt.DTypeLike:
        """uint8 for activations, int32 for potentials."""
        return np.int32 if self.stages[-1].output_max is None else np.uint8

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
        return sum(stage.macs for stage in self.stages)

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
    def stages(self) -> tuple[Stage, ...]:
        """Every layer with its shapes and integer ranges."""
        return tuple(_stages(self.layers))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.akrt`` file; an existing file is replaced whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        from akrt import modelfile

        modelfile.save(self, path)

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


def _stages(layers: tuple[AnyLayer, ...]) -> Iterator[Stage]:
    shape: Shape = (0, 0, 0)
    value_max: int | None = 0
    for i, layer in enumerate(layers):
        if isinstance(layer, (InputData, InputConvolutional)):
            if i:
                raise ModelError(f"layer '{layer.name}' ({layer.kind}) must be the first")
            shape = layer.input_shape
            value_max = (1 << layer.input_bits) - 1 if isinstance(layer, InputData) else 255
        if value_max is None:
            raise ModelError(
                f"layer '{layers[i - 1].name}' has no activation but is followed by "
                f"'{layer.name}': only the last layer may output potentials"
            )
        stage = _stage(layer, shape, value_max)
        yield stage
        shape, value_max = stage.output_shape, stage.output_max


def _stage(layer: AnyLayer, shape: Shape, input_max: int) -> Stage:
    if isinstance(layer, InputData):
        _check_size(layer, shape)
        return Stage(layer, shape, input_max, shape, input_max, shape, 0, 0, 0)
    if input_max > 15 and not isinstance(layer, (InputConvolutional, FullyConnected)):
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"takes values of at most 4 bits, but its input reaches {input_max}",
        )
    x, y, channels = shape
    max_depthwise = 0
    if isinstance(layer, FullyConnected):
        if layer.weights.shape[0] != x * y * channels:
            raise ModelError(
                f"layer '{layer.name}' (FullyConnected) expects {layer.weights.shape[0]} inputs, "
                f"but gets {x}x{y}x{channels} = {x * y * channels}"
            )
        conv = layer.output_shape(shape)
        macs = layer.weights.size
        bound = input_max * _abs_sum(layer.weights, 0)
    else:
        if isinstance(layer, SeparableConvolutional):
            want = layer.depthwise.shape[2]
            per_channel = input_max * np.abs(layer.depthwise.astype(np.int64)).sum((0, 1))
            max_depthwise = int(per_channel.max())
            bound = int((per_channel @ np.abs(layer.pointwise.astype(np.int64))).max())
            macs = layer.depthwise.size + layer.pointwise.size
        else:
            want = layer.weights.shape[2]
            bound = input_max * _abs_sum(layer.weights, (0, 1, 2))
            macs = layer.weights.size
        if want != channels:
            raise ModelError(
                f"layer '{layer.name}' ({layer.kind}) expects {want} input channels, "
                f"but gets {channels}"
            )
        conv = layer.conv_shape(shape)
        macs *= conv[0] * conv[1]
    if max(bound, max_depthwise) > INT32_MAX - (1 << 20):
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"potentials can reach {max(bound, max_depthwise):,}, beyond 32 bits: use fewer "
            f"inputs or narrower weights",
        )
    output = layer.output_shape(shape)
    for tensor in (shape, conv, output):
        _check_size(layer, tensor)
    output_max = None if layer.act_bits is None else (1 << layer.act_bits) - 1
    return Stage(layer, shape, input_max, output, output_max, conv, max_depthwise, bound, macs)


def _check_size(layer: AnyLayer, shape: Shape) -> None:
    if shape[0] * shape[1] * shape[2] > MAX_TENSOR_ELEMENTS:
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"a tensor of shape {shape} has more than {MAX_TENSOR_ELEMENTS:,} elements",
        )


def _abs_sum(weights: IntArray, axis: int | tuple[int, ...]) -> int:
    return int(np.abs(weights.astype(np.int64)).sum(axis).max())
