"""What kinds of layers have in common: names and arrays, activations, weights, windows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.model.layer import Extent, Layer, frozen, is_int
from akrt.model.value import MAX_DIMENSION, POTENTIAL_MIN, IntArray, Pair, Shape, Value

__all__ = [
    "WEIGHT_RANGES",
    "Extent",
    "Layer",
    "NeuralLayer",
    "Padding",
    "Pooling",
    "SpatialLayer",
    "WeightedLayer",
    "Windowed",
    "frozen",
    "is_int",
    "window_count",
]

Padding: TypeAlias = Literal["same", "valid", "same_upper"]

WEIGHT_RANGES: dict[int, Pair] = {1: (0, 1), 2: (-1, 1), 4: (-7, 7), 8: (-128, 127)}
ACT_BITS = (1, 2, 4)


@dataclass(frozen=True)
class Pooling:
    """Pooling of potentials, before the activation.

    ``max`` has a window and a stride and pads as its layer's convolution does; ``average`` is
    global and is a saturating sum (thresholds carry the divisor): size and stride are None.
    """

    kind: Literal["max", "average"]
    size: Pair | None = None
    stride: Pair | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class NeuralLayer(Layer):
    """Makes potentials of what it takes and, with ``act_bits``, activations of these."""

    array_names: ClassVar[tuple[str, ...]] = ("threshold", "act_step")
    name: str
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

    @property
    def final_step(self) -> tuple[IntArray, npt.NDArray[np.float32]] | None:
        return None if self.act_bits is not None else (self.threshold, self.act_step)

    def output(self, extent: Extent) -> Value:
        if self.act_bits is not None:
            return Value.of_bits(extent.output_shape, self.act_bits)
        reach = self.max_activated(extent)
        return Value(extent.output_shape, "int32", -reach, reach)

    def _freeze_activation(self, filters: int) -> None:
        if self.act_bits is not None and (
            not is_int(self.act_bits) or self.act_bits not in ACT_BITS
        ):
            raise self._fail(f"activations must have 1, 2 or 4 bits, got {self.act_bits!r}")
        threshold = self._as_array("threshold")
        act_step = self._as_array("act_step")
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
        object.__setattr__(self, "threshold", frozen(threshold, np.int32))
        object.__setattr__(self, "act_step", frozen(act_step, np.float32))


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedLayer(NeuralLayer):
    """A neural layer with weights."""

    array_names: ClassVar[tuple[str, ...]] = ("weights", "threshold", "act_step")
    weights_bits: int

    @property
    def weight_count(self) -> int:
        return sum(array.size for array in self.arrays.values() if array.dtype == np.int8)

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Shape of the weights; of a separable layer (kernel_x, kernel_y, C, F)."""
        return tuple(self.arrays["weights"].shape)

    def _freeze_weights(self, field_name: str, ndim: int) -> None:
        self._check_name()
        array = self._as_array(field_name)
        if not is_int(self.weights_bits) or self.weights_bits not in WEIGHT_RANGES:
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
        object.__setattr__(self, field_name, frozen(array, np.int8))


class Windowed(Layer):
    """A layer whose kernel moves over a tensor: the shapes that come of it."""

    padding: Padding
    pooling: Pooling | None

    @property
    @abstractmethod
    def filters(self) -> int:
        """Number of output channels."""

    @property
    @abstractmethod
    def kernel_size(self) -> Pair:
        """(kernel_x, kernel_y)."""

    @property
    @abstractmethod
    def strides(self) -> Pair:
        """The same of the kernel's steps."""

    def conv_shape(self, input_shape: Shape) -> Shape:
        """Shape of the potentials before pooling."""
        x, y = (
            window_count(input_shape[i], self.kernel_size[i], self.strides[i], self.padding)
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
            window_count(conv[i], pooling.size[i], pooling.stride[i], self.padding) for i in (0, 1)
        )
        if x < 1 or y < 1:
            raise self._fail(f"a {pooling.size} pooling does not fit {conv[:2]}")
        return (x, y, self.filters)


@dataclass(frozen=True, eq=False, kw_only=True)
class SpatialLayer(WeightedLayer, Windowed):
    """A layer whose kernel moves over a tensor."""

    strides_within_kernel: ClassVar[bool] = True
    """Whether akida refuses a stride beyond the kernel."""
    padding: Padding = "same"
    stride: Pair = (1, 1)
    pooling: Pooling | None = None

    @property
    def kernel_size(self) -> Pair:
        """(kernel_x, kernel_y)."""
        kernel_x, kernel_y = self.arrays[self.array_names[0]].shape[:2]
        return (int(kernel_x), int(kernel_y))

    @property
    def strides(self) -> Pair:
        """The same of the kernel's steps."""
        return self.stride

    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        (value,) = inputs
        self._expect_channels(value, self.arrays[self.array_names[0]].shape[2])
        conv = self.conv_shape(value.shape)
        max_depthwise, max_potential = self._bounds(value.high)
        return Extent(
            output_shape=self.output_shape(value.shape),
            conv_shape=conv,
            max_potential=max_potential,
            max_depthwise=max_depthwise,
            macs=self.weight_count * conv[0] * conv[1],
        )

    def _bounds(self, input_high: int) -> tuple[int, int]:
        """``max_depthwise`` and ``max_potential`` for inputs of 0 to `input_high`."""
        weights = np.abs(self.arrays["weights"].astype(np.int64))
        return 0, input_high * int(weights.sum((0, 1, 2)).max())

    @property
    def saturates(self) -> bool:
        return self.pooling is not None

    def max_activated(self, extent: Extent) -> int:
        # the sum of a global average reaches further than its terms, as far as it saturates
        if self.pooling is None or self.pooling.kind == "max":
            return extent.max_potential
        positions = extent.conv_shape[0] * extent.conv_shape[1]
        return max(extent.max_potential, min(positions * extent.max_potential, -POTENTIAL_MIN))

    def _check_geometry(self) -> None:
        if not isinstance(self.padding, str) or self.padding not in ("same", "valid"):
            raise self._fail(f"padding must be 'same' or 'valid', got {self.padding!r}")
        if not all(k % 2 for k in self.kernel_size):
            raise self._fail(f"kernel sizes must be odd, got {self.kernel_size}")
        self._check_pair("stride", self.stride)
        if self.strides_within_kernel:
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
            or not all(is_int(v) and 1 <= v <= MAX_DIMENSION for v in pair)
        ):
            raise self._fail(f"{what} must be two positive integers, got {pair!r}")
        return pair

    def _check_stride(self, what: str, stride: Pair | None, window: Pair) -> None:
        stride = self._check_pair(what, stride)
        if stride[0] > window[0] or stride[1] > window[1]:
            raise self._fail(f"{what} {stride} must not exceed its window {window}")


def window_count(n: int, window: int, stride: int, padding: Padding) -> int:
    """How many windows there are along an axis of `n` elements."""
    return (n - window) // stride + 1 if padding == "valid" else -(-n // stride)
