"""The model: Akida 1.0 layers as frozen dataclasses, integers only.

Tensors are NHWC. Akida calls the first spatial axis X and the second Y, so every shape here is
``(X, Y, C)`` and every kernel ``(kernel_x, kernel_y, ...)``. All kernels are stored for
cross-correlation: importers flip the true convolutions of Akida once, on import.

A layer turns unsigned activations into integer *potentials* and, unless it has no activation,
potentials into activations of ``act_bits`` bits. With ``s = floor(16 * act_step)``::

    out = clip(ceil(16 * (P - threshold) / (s * 2**(4 - act_bits))), 0, 2**act_bits - 1)

which is the number of the ``2**act_bits - 1`` levels that ``P`` exceeds (`firing_levels`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.errors import InputError, ModelError, UnsupportedLayerError

__all__ = [
    "POTENTIAL_MAX",
    "POTENTIAL_MIN",
    "AnyLayer",
    "Convolutional",
    "FullyConnected",
    "InputConvolutional",
    "InputData",
    "Mfcc",
    "Model",
    "Pooling",
    "SeparableConvolutional",
    "Stage",
]

Shape: TypeAlias = tuple[int, int, int]
Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = Literal["same", "valid"]
IntArray: TypeAlias = npt.NDArray[Any]

POTENTIAL_MIN, POTENTIAL_MAX = -(1 << 19), (1 << 19) - 1
"""Range of the chip's 20-bit accumulators."""

INT32_MAX = (1 << 31) - 1
MAX_DIMENSION = 1 << 16
MAX_TENSOR_ELEMENTS = 1 << 28
"""No activation or potential tensor may be larger: a damaged file must not exhaust memory."""

WEIGHT_RANGES: dict[int, Pair] = {1: (0, 1), 2: (-1, 1), 4: (-7, 7), 8: (-128, 127)}
ACT_BITS = (1, 2, 4)


def _frozen(array: IntArray, dtype: type[np.generic]) -> IntArray:
    """An own, C-contiguous, read-only copy of `array`."""
    copy = np.array(array, dtype=dtype, order="C", copy=True)
    copy.flags.writeable = False
    return copy


@dataclass(frozen=True)
class Pooling:
    """Pooling of potentials, before the activation.

    ``max`` has a window and a stride and pads as its layer's convolution does; ``average`` is
    global and is a saturating sum (thresholds carry the divisor): size and stride are None.
    """

    kind: Literal["max", "average"]
    size: Pair | None = None
    stride: Pair | None = None


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
        if not isinstance(self.offset, int) or not 0 <= self.offset <= 255:
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


@dataclass(frozen=True, eq=False)
class InputData:
    """The entrance of a network that does not start with a convolution: values pass unchanged."""

    kind: ClassVar[str] = "InputData"
    name: str
    input_shape: Shape
    input_bits: int = 4

    def __post_init__(self) -> None:
        _check_shape(self.name, self.kind, self.input_shape)
        if self.input_bits not in range(1, 9):
            raise UnsupportedLayerError(
                self.name, self.kind, f"input_bits must be 1 to 8, got {self.input_bits!r}"
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Neural:
    """What every layer with weights has."""

    kind: ClassVar[str] = ""
    name: str
    weights_bits: int
    threshold: IntArray
    """int32 (F,)."""
    act_step: npt.NDArray[np.float32]
    """float32 (F,): kept as is for `predict`; kernels see only floor(16 * act_step)."""
    act_bits: int | None
    """1, 2 or 4; None: no activation, the output is the potential."""

    @property
    def filters(self) -> int:
        """Number of output channels."""
        return int(self.threshold.shape[0])

    @property
    def arrays(self) -> dict[str, IntArray]:
        """The layer's tensors by name."""
        raise TypeError(f"{type(self).__name__} has no arrays")

    @cached_property
    def step16(self) -> npt.NDArray[np.int64]:
        """int64 (F,): ``floor(16 * act_step)``, the step in sixteenths."""
        sixteenths: npt.NDArray[np.float64] = np.floor(self.act_step.astype(np.float64) * 16)
        return sixteenths.astype(np.int64)

    @cached_property
    def firing_levels(self) -> npt.NDArray[np.int64]:
        """int64 (2**act_bits - 1, F): a potential's activation is how many of these it exceeds.

        ``16 * (P - threshold) > n * s * 2**(4-b)`` is, for whole P, ``P > threshold +
        floor(n * s * 2**(4-b) / 16)``.
        """
        if self.act_bits is None:
            raise ModelError(f"layer '{self.name}' has no activation")
        n = np.arange((1 << self.act_bits) - 1, dtype=np.int64)[:, None]
        offsets: npt.NDArray[np.int64] = (n * self.step16 << (4 - self.act_bits)) >> 4
        return offsets + np.asarray(self.threshold, np.int64)

    def _fail(self, problem: str) -> UnsupportedLayerError:
        return UnsupportedLayerError(self.name, self.kind, problem)

    def _freeze_weights(self, field_name: str, ndim: int) -> None:
        array = np.asarray(getattr(self, field_name))
        if self.weights_bits not in WEIGHT_RANGES:
            raise self._fail(f"weights_bits must be 1, 2, 4 or 8, got {self.weights_bits!r}")
        if array.dtype != np.int8 or array.ndim != ndim or 0 in array.shape:
            raise self._fail(
                f"{field_name} must be a non-empty int8 array of {ndim} dimensions, "
                f"got {array.dtype} {array.shape}"
            )
        low, high = WEIGHT_RANGES[self.weights_bits]
        if array.min() < low or array.max() > high:
            raise self._fail(
                f"{field_name} reach {array.min()}..{array.max()}, outside the {low}..{high} "
                f"of {self.weights_bits}-bit weights"
            )
        object.__setattr__(self, field_name, _frozen(array, np.int8))

    def _freeze_activation(self, filters: int) -> None:
        if self.act_bits is not None and self.act_bits not in ACT_BITS:
            raise self._fail(f"activations must have 1, 2 or 4 bits, got {self.act_bits!r}")
        threshold, act_step = np.asarray(self.threshold), np.asarray(self.act_step)
        for what, array, dtype in (
            ("threshold", threshold, np.int32),
            ("act_step", act_step, np.float32),
        ):
            if array.dtype != dtype or array.shape != (filters,):
                raise self._fail(
                    f"{what} must be {np.dtype(dtype).name} ({filters},), "
                    f"got {array.dtype} {array.shape}"
                )
        if not (np.all(act_step >= 1 / 16) and np.all(act_step < 2.0**31)):
            raise self._fail("every act_step must be a number from 1/16 to below 2**31")
        object.__setattr__(self, "threshold", _frozen(threshold, np.int32))
        object.__setattr__(self, "act_step", _frozen(act_step, np.float32))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Spatial(_Neural):
    """What every layer with a spatial kernel has."""

    padding: Padding = "same"
    stride: Pair = (1, 1)
    pooling: Pooling | None = None

    @property
    def kernel_size(self) -> Pair:
        """(kernel_x, kernel_y)."""
        raise TypeError(f"{type(self).__name__} has no kernel")

    def _check_geometry(self) -> None:
        if self.padding not in ("same", "valid"):
            raise self._fail(f"padding must be 'same' or 'valid', got {self.padding!r}")
        if not all(k % 2 for k in self.kernel_size):
            raise self._fail(f"kernel sizes must be odd, got {self.kernel_size}")
        self._check_stride("stride", self.stride, self.kernel_size)
        pooling = self.pooling
        if pooling is None:
            return
        if pooling.kind == "max":
            size = self._check_pair("pooling size", pooling.size)
            self._check_stride("pooling stride", pooling.stride, size)
            if size == (1, 1):  # Akida takes this for no pooling at all: it does not saturate
                object.__setattr__(self, "pooling", None)
        elif pooling.kind != "average" or pooling.size or pooling.stride:
            raise self._fail(
                f"pooling must be 'max' with a size and a stride, or 'average' with neither, "
                f"got {pooling!r}"
            )

    def _check_pair(self, what: str, pair: Pair | None) -> Pair:
        if (
            not isinstance(pair, tuple)
            or len(pair) != 2
            or not all(_is_int(v) and 1 <= v <= MAX_DIMENSION for v in pair)
        ):
            raise self._fail(f"{what} must be two positive integers, got {pair!r}")
        return pair

    def _check_stride(self, what: str, stride: Pair | None, window: Pair) -> None:
        stride = self._check_pair(what, stride)
        if stride[0] > window[0] or stride[1] > window[1]:
            raise self._fail(f"{what} {stride} must not exceed its window {window}")

    def conv_shape(self, input_shape: Shape) -> Shape:
        """Shape of the potentials before pooling."""
        x, y = (
            _window_count(input_shape[i], self.kernel_size[i], self.stride[i], self.padding)
            for i in (0, 1)
        )
        if x < 1 or y < 1:
            raise self._fail(
                f"a {self.kernel_size} kernel does not fit an input of {input_shape[:2]}"
            )
        return (x, y, self.filters)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the layer's output for an input of (X, Y, C)."""
        conv = self.conv_shape(input_shape)
        pooling = self.pooling
        if pooling is None:
            return conv
        if pooling.size is None or pooling.stride is None:
            return (1, 1, self.filters)
        x, y = (
            _window_count(conv[i], pooling.size[i], pooling.stride[i], self.padding) for i in (0, 1)
        )
        if x < 1 or y < 1:
            raise self._fail(f"a {pooling.size} pooling does not fit {conv[:2]}")
        return (x, y, self.filters)


@dataclass(frozen=True, eq=False, kw_only=True)
class InputConvolutional(_Spatial):
    """First layer on 8-bit unsigned data of 1 or 3 channels; the border is `padding_value`."""

    kind: ClassVar[str] = "InputConvolutional"
    input_shape: Shape
    weights: IntArray
    """int8 (kernel_x, kernel_y, C, F)."""
    padding_value: int = 0

    def __post_init__(self) -> None:
        _check_shape(self.name, self.kind, self.input_shape)
        self._freeze_weights("weights", 4)
        self._freeze_activation(self.weights.shape[3])
        self._check_geometry()
        if self.input_shape[2] not in (1, 3):
            raise self._fail(f"needs 1 or 3 input channels, got {self.input_shape[2]}")
        if not _is_int(self.padding_value) or not 0 <= self.padding_value <= 255:
            raise self._fail(f"padding_value must be 0..255, got {self.padding_value!r}")

    @property
    def kernel_size(self) -> Pair:
        return (int(self.weights.shape[0]), int(self.weights.shape[1]))

    @property
    def arrays(self) -> dict[str, IntArray]:
        return {"weights": self.weights, "threshold": self.threshold, "act_step": self.act_step}


@dataclass(frozen=True, eq=False, kw_only=True)
class Convolutional(_Spatial):
    """Convolution of activations."""

    kind: ClassVar[str] = "Convolutional"
    weights: IntArray
    """int8 (kernel_x, kernel_y, C, F), flipped for cross-correlation."""

    def __post_init__(self) -> None:
        self._freeze_weights("weights", 4)
        self._freeze_activation(self.weights.shape[3])
        self._check_geometry()

    @property
    def kernel_size(self) -> Pair:
        return (int(self.weights.shape[0]), int(self.weights.shape[1]))

    @property
    def arrays(self) -> dict[str, IntArray]:
        return {"weights": self.weights, "threshold": self.threshold, "act_step": self.act_step}


@dataclass(frozen=True, eq=False, kw_only=True)
class SeparableConvolutional(_Spatial):
    """Depthwise then pointwise convolution; the value between them is a full integer."""

    kind: ClassVar[str] = "SeparableConvolutional"
    depthwise: IntArray
    """int8 (kernel_x, kernel_y, C), flipped for cross-correlation."""
    pointwise: IntArray
    """int8 (C, F)."""

    def __post_init__(self) -> None:
        self._freeze_weights("depthwise", 3)
        self._freeze_weights("pointwise", 2)
        if self.depthwise.shape[2] != self.pointwise.shape[0]:
            raise self._fail(
                f"depthwise has {self.depthwise.shape[2]} channels, "
                f"pointwise expects {self.pointwise.shape[0]}"
            )
        self._freeze_activation(self.pointwise.shape[1])
        self._check_geometry()

    @property
    def kernel_size(self) -> Pair:
        return (int(self.depthwise.shape[0]), int(self.depthwise.shape[1]))

    @property
    def arrays(self) -> dict[str, IntArray]:
        return {
            "depthwise": self.depthwise,
            "pointwise": self.pointwise,
            "threshold": self.threshold,
            "act_step": self.act_step,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class FullyConnected(_Neural):
    """Every output sees every input; a spatial input is flattened as (C, Y, X)."""

    kind: ClassVar[str] = "FullyConnected"
    weights: IntArray
    """int8 (C * Y * X, units), rows in the order (C, Y, X)."""

    def __post_init__(self) -> None:
        self._freeze_weights("weights", 2)
        self._freeze_activation(self.weights.shape[1])

    @property
    def arrays(self) -> dict[str, IntArray]:
        return {"weights": self.weights, "threshold": self.threshold, "act_step": self.act_step}

    def output_shape(self, input_shape: Shape) -> Shape:
        """(1, 1, units), whatever the input."""
        return (1, 1, self.filters)


SpatialLayer: TypeAlias = InputConvolutional | Convolutional | SeparableConvolutional
NeuralLayer: TypeAlias = SpatialLayer | FullyConnected
AnyLayer: TypeAlias = InputData | NeuralLayer


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
    def beyond_20_bits(self) -> bool:
        """Whether unpooled potentials can leave the chip's range.

        Pooled and fully connected potentials saturate there, on the chip and here alike. Others
        do not in akida's software backend, which is then no reference for the chip.
        """
        layer = self.layer
        saturates = isinstance(layer, FullyConnected) or (
            isinstance(layer, _Spatial) and layer.pooling is not None
        )
        return not saturates and self.max_potential > POTENTIAL_MAX


@dataclass(frozen=True, eq=False)
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
        object.__setattr__(self, "layers", tuple(self.layers))
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
            object.__setattr__(self, "labels", tuple(self.labels))
            if len(self.labels) != stages[-1].output_shape[2]:
                raise ModelError(
                    f"{len(self.labels)} labels for {stages[-1].output_shape[2]} outputs"
                )
        if self.preprocessing is not None and self.preprocessing.shape != self.input_shape:
            raise ModelError(
                f"preprocessing makes {self.preprocessing.shape}, "
                f"the first layer takes {self.input_shape}"
            )

    @property
    def input_shape(self) -> Shape:
        """(X, Y, C)."""
        first = self.layers[0]
        assert isinstance(first, (InputData, InputConvolutional))
        return first.input_shape

    @property
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

    def replace(self, **changes: Any) -> Model:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def check_input(self, x: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """`x` as a C-contiguous uint8 array (N, X, Y, C), or an error that says what is wrong.

        Raises:
            InputError: wrong shape, dtype or range. Nothing is cast silently.
        """
        array = x if isinstance(x, np.ndarray) else np.asarray(x)
        want = "(N, {}, {}, {})".format(*self.input_shape)
        if array.ndim != 4 or array.shape[1:] != self.input_shape:
            raise InputError(f"expected an array of shape {want}, got {array.shape}")
        if array.dtype != np.uint8:
            raise InputError(
                f"expected dtype uint8, got {array.dtype}: values are integers of "
                f"{self.input_bits} bits; convert them knowingly with x.astype('uint8')"
            )
        top = (1 << self.input_bits) - 1
        if top < 255 and array.size and int(array.max()) > top:
            where = tuple(int(i) for i in np.argwhere(array > top)[0])
            raise InputError(
                f"value {array[where]} at {where} exceeds {top}, "
                f"the largest of {self.input_bits}-bit input"
            )
        return np.ascontiguousarray(array)

    def summary(self) -> str:
        """A plain-text table of the layers."""
        rows = [("layer", "type", "output", "kernel", "bits w/a", "MACs", "max |potential|")]
        for s in self.stages:
            layer = s.layer
            if isinstance(layer, InputData):
                kernel, bits = "-", f"-/{layer.input_bits}"
            else:
                kernel = "x".join(map(str, _kernel_shape(layer)))
                bits = f"{layer.weights_bits}/{layer.act_bits or 32}"
            rows.append(
                (
                    layer.name,
                    layer.kind,
                    "x".join(map(str, s.output_shape)),
                    kernel,
                    bits,
                    f"{s.macs:,}",
                    f"{s.max_potential:,}" + (" !" if s.beyond_20_bits else ""),
                )
            )
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines.insert(1, "  ".join("-" * width for width in widths))
        lines.append(f"{self.name}: {self.weights:,} weights, {self.macs:,} MACs per sample")
        if any(s.beyond_20_bits for s in self.stages):
            lines.append(
                "! potentials may leave the chip's 20-bit range, where a chip is not guaranteed "
                "to agree with software"
            )
        return "\n".join(lines)


def _kernel_shape(layer: NeuralLayer) -> tuple[int, ...]:
    if isinstance(layer, SeparableConvolutional):
        return (*layer.depthwise.shape[:2], *layer.pointwise.shape)
    return tuple(layer.weights.shape)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_shape(name: str, kind: str, shape: Shape) -> None:
    if (
        not isinstance(shape, tuple)
        or len(shape) != 3
        or not all(_is_int(v) and 1 <= v <= MAX_DIMENSION for v in shape)
    ):
        raise UnsupportedLayerError(
            name, kind, f"input_shape must be three positive integers (X, Y, C), got {shape!r}"
        )


def _window_count(n: int, window: int, stride: int, padding: Padding) -> int:
    return -(-n // stride) if padding == "same" else (n - window) // stride + 1


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
        return Stage(layer, shape, input_max, shape, input_max, shape, 0, 0, 0)
    if input_max > 15 and not isinstance(layer, InputConvolutional):
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
        if tensor[0] * tensor[1] * tensor[2] > MAX_TENSOR_ELEMENTS:
            raise UnsupportedLayerError(
                layer.name,
                layer.kind,
                f"a tensor of shape {tensor} has more than {MAX_TENSOR_ELEMENTS:,} elements",
            )
    output_max = None if layer.act_bits is None else (1 << layer.act_bits) - 1
    return Stage(layer, shape, input_max, output, output_max, conv, max_depthwise, bound, macs)


def _abs_sum(weights: IntArray, axis: int | tuple[int, ...]) -> int:
    return int(np.abs(weights.astype(np.int64)).sum(axis).max())
