"""The Akida 1.0 layers as frozen dataclasses, integers only.

Tensors are NHWC. Akida calls the first spatial axis X and the second Y, so every shape here is
``(X, Y, C)`` and every kernel ``(kernel_x, kernel_y, ...)``. All kernels are stored for
cross-correlation: importers flip the true convolutions of Akida once, on import.

A layer turns unsigned activations into integer *potentials* and, unless it has no activation,
potentials into activations of ``act_bits`` bits. With ``s = floor(16 * act_step)``::

    out = clip(ceil(16 * (P - threshold) / (s * 2**(4 - act_bits))), 0, 2**act_bits - 1)

which is the number of the ``2**act_bits - 1`` levels that ``P`` exceeds (`firing_levels`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.errors import UnsupportedLayerError

__all__ = [
    "MAX_DIMENSION",
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
    "NeuralLayer",
    "Padding",
    "Pair",
    "Pooling",
    "SeparableConvolutional",
    "Shape",
    "SpatialLayer",
]

Shape: TypeAlias = tuple[int, int, int]
Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = Literal["same", "valid"]
IntArray: TypeAlias = npt.NDArray[Any]

MAX_DIMENSION = 1 << 16
MAX_TENSOR_ELEMENTS = 1 << 26
"""No activation or potential tensor may be larger: a damaged file must not exhaust memory."""

POTENTIAL_MIN, POTENTIAL_MAX = -(1 << 19), (1 << 19) - 1
"""Range of the chip's 20-bit accumulators."""

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


@dataclass(frozen=True, eq=False)
class InputData:
    """The entrance of a network that does not start with a convolution: values pass unchanged."""

    kind: ClassVar[str] = "InputData"
    name: str
    input_shape: Shape
    input_bits: int = 4

    def __post_init__(self) -> None:
        _check_name(self.name, self.kind)
        _check_shape(self.name, self.kind, self.input_shape)
        if not _is_int(self.input_bits) or not 1 <= self.input_bits <= 8:
            raise UnsupportedLayerError(
                self.name, self.kind, f"input_bits must be 1 to 8, got {self.input_bits!r}"
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Neural:
    """What every layer with weights has."""

    kind: ClassVar[str] = ""
    array_names: ClassVar[tuple[str, ...]] = ("weights", "threshold", "act_step")
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
        return {name: getattr(self, name) for name in self.array_names}

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Shape of the weights; of a separable layer (kernel_x, kernel_y, C, F)."""
        return tuple(self.arrays["weights"].shape)

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
            raise self._fail("has no activation, so it has no firing levels")
        n = np.arange((1 << self.act_bits) - 1, dtype=np.int64)[:, None]
        offsets: npt.NDArray[np.int64] = (n * self.step16 << (4 - self.act_bits)) >> 4
        return offsets + np.asarray(self.threshold, np.int64)

    def _fail(self, problem: str) -> UnsupportedLayerError:
        return UnsupportedLayerError(self.name, self.kind, problem)

    def _freeze_weights(self, field_name: str, ndim: int) -> None:
        _check_name(self.name, self.kind)
        array = np.asarray(getattr(self, field_name))
        if not _is_int(self.weights_bits) or self.weights_bits not in WEIGHT_RANGES:
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
        if self.act_bits is not None and (
            not _is_int(self.act_bits) or self.act_bits not in ACT_BITS
        ):
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
        kernel_x, kernel_y = self.arrays[self.array_names[0]].shape[:2]
        return (int(kernel_x), int(kernel_y))

    def _check_geometry(self) -> None:
        if not isinstance(self.padding, str) or self.padding not in ("same", "valid"):
            raise self._fail(f"padding must be 'same' or 'valid', got {self.padding!r}")
        if not all(k % 2 for k in self.kernel_size):
            raise self._fail(f"kernel sizes must be odd, got {self.kernel_size}")
        self._check_pair("stride", self.stride)
        if not isinstance(self, InputConvolutional):  # akida takes wider strides there alone
            self._check_stride("stride", self.stride, self.kernel_size)
        pooling = self.pooling
        if pooling is None:
            return
        if not isinstance(pooling, Pooling):
            raise self._fail(f"pooling must be a Pooling or None, got {pooling!r:.80}")
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


@dataclass(frozen=True, eq=False, kw_only=True)
class SeparableConvolutional(_Spatial):
    """Depthwise then pointwise convolution; the value between them is a full integer."""

    kind: ClassVar[str] = "SeparableConvolutional"
    array_names: ClassVar[tuple[str, ...]] = ("depthwise", "pointwise", "threshold", "act_step")
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
    def kernel_shape(self) -> tuple[int, ...]:
        return (*self.kernel_size, *self.pointwise.shape)


@dataclass(frozen=True, eq=False, kw_only=True)
class FullyConnected(_Neural):
    """Every output sees every input; a spatial input is flattened as (C, Y, X)."""

    kind: ClassVar[str] = "FullyConnected"
    weights: IntArray
    """int8 (C * Y * X, units), rows in the order (C, Y, X)."""

    def __post_init__(self) -> None:
        self._freeze_weights("weights", 2)
        self._freeze_activation(self.weights.shape[1])

    def by_position(self, input_shape: Shape) -> IntArray:
        """The weights as int8 (X, Y, C, units) of an input of (X, Y, C)."""
        x, y, channels = input_shape
        return self.weights.reshape(channels, y, x, -1).transpose(2, 1, 0, 3)

    @staticmethod
    def in_rows(by_position: IntArray) -> IntArray:
        """(X, Y, C, units) to (C * Y * X, units), the order of `weights`."""
        rows = by_position.transpose(2, 1, 0, 3)
        return np.ascontiguousarray(rows.reshape(-1, by_position.shape[3]))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(1, 1, units), whatever the input."""
        return (1, 1, self.filters)


SpatialLayer: TypeAlias = InputConvolutional | Convolutional | SeparableConvolutional
NeuralLayer: TypeAlias = SpatialLayer | FullyConnected
AnyLayer: TypeAlias = InputData | NeuralLayer


def _check_name(name: object, kind: str) -> None:
    if not isinstance(name, str) or not name:
        raise UnsupportedLayerError(
            f"{name!r:.80}", kind, "a layer's name must be a text that is not empty"
        )


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
