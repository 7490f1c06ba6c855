"""A layer of any kind: what the graph, its file and lowering ask of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from akrt.errors import ModelError, UnsupportedLayerError
from akrt.model.value import MAX_DIMENSION, IntArray, Remembered, Shape, Value

__all__ = ["Extent", "Layer", "frozen", "is_int"]


@dataclass(frozen=True)
class Extent:
    """How large the tensors and numbers of a layer get, given what it takes."""

    output_shape: Shape
    conv_shape: Shape
    """Of the potentials before pooling."""
    max_potential: int = 0
    max_depthwise: int = 0
    """These bound the magnitude of every value and every partial sum, whatever the order of the
    additions."""
    macs: int = 0
    """Multiply-accumulates for one sample."""
    output_value: Value | None = None
    """What the layer gives, where that depends on more than shapes and bounds."""


class Layer(ABC):
    """A layer of any kind. Kinds are frozen dataclasses."""

    kind: ClassVar[str]
    version: ClassVar[int | None] = 1
    """Of Akida, whose networks may have it; None: those of any."""
    array_names: ClassVar[tuple[str, ...]] = ()
    arity: ClassVar[int] = 1
    """How many outputs of other layers it takes; 0: it is the entrance of a network."""
    input_high: ClassVar[int] = 15
    """The largest value that it may have to take: no chip multiplies activations of more bits."""
    input_low: ClassVar[int] = 0
    """The smallest."""
    takes_potentials: ClassVar[bool] = False
    """Whether it takes values that are wider than 8 bits."""
    feeds_entrance: ClassVar[bool] = False
    """Whether it is an entrance that another one may follow."""
    sums_wrap: ClassVar[bool] = False
    """Whether sums beyond 32 bits are defined: they wrap around."""
    pico: ClassVar[bool | None] = False
    """Whether networks of Akida Pico have it, and no others; None: they may, too."""
    name: str

    @property
    def arrays(self) -> dict[str, IntArray]:
        """The layer's tensors by name."""
        return {name: getattr(self, name) for name in self.array_names}

    @property
    def weight_count(self) -> int:
        """Number of weights."""
        return 0

    @property
    def entry(self) -> Value | None:
        """What an entrance takes from the caller; None: the layer takes outputs of others."""
        return None

    @property
    def saturates(self) -> bool:
        """Whether its potentials saturate at 20 bits."""
        return False

    @property
    def final_step(self) -> tuple[IntArray, npt.NDArray[np.float32]] | None:
        """(threshold, act_step) that turn what it gives to floats; None: nothing does."""
        return None

    @abstractmethod
    def extent(self, inputs: tuple[Value, ...]) -> Extent:
        """Shapes and bounds for these inputs, which are not yet known to fit.

        Raises:
            ModelError: they do not fit this layer.
        """

    @abstractmethod
    def output(self, extent: Extent) -> Value:
        """What the layer gives."""

    def memory(self, inputs: tuple[Value, ...]) -> dict[str, Remembered]:
        """What it keeps from one sample for the next, by name; mostly nothing."""
        return {}

    def max_activated(self, extent: Extent) -> int:
        """Bound of the magnitude of every potential that meets the activation."""
        return extent.max_potential

    def refused(self, x: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Of an entrance: where `x`, (N, X, Y, C) of its shape and type, holds what it refuses."""
        entry = self.entry
        assert entry is not None
        refused: npt.NDArray[np.bool_] = (x < entry.low) | (x > entry.high)
        return refused

    def noise(self, rng: np.random.Generator, samples: int) -> npt.NDArray[Any]:
        """Of an entrance: (samples, X, Y, C) over the whole range that it takes."""
        entry = self.entry
        assert entry is not None
        shape = (samples, *entry.shape)
        return rng.integers(entry.low, entry.high + 1, shape).astype(entry.dtype)

    def _freeze(
        self,
        field_name: str,
        dtype: type[np.generic],
        shape: tuple[int, ...],
        low: int | None = None,
        high: int | None = None,
    ) -> None:
        """Keep an own copy of an array that has this type and shape and lies in this range."""
        array = self._as_array(field_name)
        if array.dtype != dtype or array.shape != shape:
            raise self._fail(
                f"{field_name} must be {np.dtype(dtype).name} {shape}, "
                f"got {array.dtype} {array.shape}"
            )
        if low is not None and high is not None and (array.min() < low or array.max() > high):
            raise self._fail(
                f"{field_name} must lie in {low}..{high}, reaches {array.min()}..{array.max()}"
            )
        object.__setattr__(self, field_name, frozen(array, dtype))

    def _check_bits(self, what: str) -> None:
        """Refuse a setting that is no width of 1 to 32 bits."""
        bits = getattr(self, what)
        if not is_int(bits) or not 1 <= bits <= 32:
            raise self._fail(f"{what} must be 1 to 32, got {bits!r}")

    def _as_array(self, field_name: str) -> IntArray:
        try:
            return np.asarray(getattr(self, field_name))
        except (ValueError, TypeError) as error:
            raise self._fail(f"{field_name} is no array: {error}") from None

    def _fail(self, problem: str) -> UnsupportedLayerError:
        return UnsupportedLayerError(self.name, self.kind, problem)

    def _misfit(self, problem: str) -> ModelError:
        return ModelError(f"layer '{self.name}' ({self.kind}) {problem}")

    def _expect_channels(self, value: Value, channels: int) -> None:
        if channels != value.shape[2]:
            raise self._misfit(f"expects {channels} input channels, but gets {value.shape[2]}")

    def _expect_inputs(self, value: Value, count: int) -> None:
        if count != value.elements:
            x, y, channels = value.shape
            raise self._misfit(
                f"expects {count} inputs, but gets {x}x{y}x{channels} = {value.elements}"
            )

    def _expect_one_shape(self, first: Value, second: Value, has: str, channels: int) -> None:
        """Of an addition, which has something for each of so many channels."""
        if first.shape != second.shape:
            raise self._misfit(
                f"adds tensors of one shape, but gets {first.shape} and {second.shape}"
            )
        if first.shape[2] != channels:
            raise self._misfit(f"has {has} {channels} channels, but gets {first.shape[2]}")

    def _check_name(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise UnsupportedLayerError(
                f"{self.name!r:.80}", self.kind, "a layer's name must be a text that is not empty"
            )

    def _check_input_shape(self, shape: Shape) -> None:
        if (
            not isinstance(shape, tuple)
            or len(shape) != 3
            or not all(is_int(v) and 1 <= v <= MAX_DIMENSION for v in shape)
        ):
            raise self._fail(
                f"input_shape must be three positive integers (X, Y, C), got {shape!r}"
            )


def is_int(value: object) -> bool:
    """Whether `value` is a whole number, which True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def frozen(array: IntArray, dtype: type[np.generic]) -> IntArray:
    """An own, C-contiguous, read-only copy of `array`."""
    copy: npt.NDArray[Any] = np.array(array, dtype=dtype, order="C", copy=True)
    copy.flags.writeable = False
    return copy
