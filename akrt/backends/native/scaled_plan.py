"""What C is told about layers of Akida 2.0: the structures of src_c/include/akrt/scaled.h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from akrt.backends.native.activations import Activation, not_fused
from akrt.backends.native.paths import Path
from akrt.backends.native.products import Ints, WindowPlan, need

__all__ = [
    "ConcatenatePlan",
    "DepthwiseScaled",
    "DepthwiseSums",
    "DequantisePlan",
    "Exact",
    "Finish",
    "FinishedSum",
    "FusedScaled",
    "MaxSums",
    "QuantisePlan",
    "Scaled",
    "ScaledSum",
    "ShiftedAddPlan",
]

_TABLE = 2048
"""Entries of a look-up table."""


@dataclass(eq=False, repr=False)
class Scaled(Activation):
    """`akrt_scaled`: one multiplication and a shift in 32 bits."""

    kind: ClassVar[str] = "scaled"
    start: Ints | None
    low: Ints
    high: Ints
    mul: Ints
    add: Ints
    shift: Ints
    least: int
    most: int

    def check(self, filters: int) -> None:
        for array in (self.low, self.high, self.mul, self.add, self.shift):
            need("constants of a scale", array, filters)
        if self.start is not None:
            need("starts", self.start, filters)


@dataclass(eq=False, repr=False)
class FusedScaled(Scaled):
    """The same in the product, which starts from `start`, or in a depthwise convolution."""

    kind: ClassVar[str] = "fused_scaled"
    fused: ClassVar[bool] = True


@dataclass(eq=False, repr=False)
class Finish(Activation):
    """`akrt_finish`: the same, and all else, in 64 bits."""

    kind: ClassVar[str] = "finish"
    start: Ints | None
    bias: Ints
    most: Ints | None
    index_scale: Ints | None
    index_shift: Ints | None
    table: Ints | None
    scale: Ints
    shift: Ints
    buffer_bits: int
    bits: int
    bias_first: bool
    low: int
    high: int
    item: int

    def check(self, filters: int) -> None:
        for array in (self.bias, self.scale, self.shift):
            need("constants of a layer", array, filters)
        for optional in (self.start, self.most):
            if optional is not None:
                need("constants of a layer", optional, filters)
        if self.index_scale is not None:
            need("scales of a table", self.index_scale, filters)
            need("shifts of a table", self.index_shift, filters)
            need("a table", self.table, _TABLE)


@dataclass(eq=False, repr=False)
class DepthwiseSums(Path):
    """`akrt_depthwise_sums`: each channel by its own kernel."""

    kind: ClassVar[str] = "depthwise_sums"
    depthwise: Ints
    border: int

    def check(self, window: WindowPlan, activation: Activation) -> None:
        not_fused(activation)
        self._check_kernels(window)

    def _check_kernels(self, window: WindowPlan) -> None:
        if self.filters != window.channels:
            raise ValueError(f"{self.filters} kernels for {window.channels} channels")
        need("depthwise weights", self.depthwise, window.taps * window.channels)

    @property
    def filters(self) -> int:
        return int(self.depthwise.shape[-1])


@dataclass(eq=False, repr=False)
class DepthwiseScaled(DepthwiseSums):
    """`akrt_depthwise_scaled`: the same, and the outputs of it."""

    kind: ClassVar[str] = "depthwise_scaled"

    def check(self, window: WindowPlan, activation: Activation) -> None:
        if not isinstance(activation, FusedScaled):
            raise ValueError("only scaled outputs are made of depthwise results")
        self._check_kernels(window)


@dataclass(eq=False, repr=False)
class Exact(Path):
    """`akrt_exact`: any sums of products, in 64 bits."""

    kind: ClassVar[str] = "exact"
    weights: Ints
    input_shift: Ints | None
    border: Ints | None
    buffer_bits: int
    has_sign: bool
    depthwise: bool
    transposed: bool
    wraps: bool
    steps: bool = False

    def check(self, window: WindowPlan, activation: Activation) -> None:
        not_fused(activation)
        filters = self.weights.shape[-1]
        size = window.taps * window.channels * (1 if self.depthwise else filters)
        need("weights", self.weights, size)
        if self.depthwise and filters != window.channels:
            raise ValueError(f"{filters} kernels for {window.channels} channels")
        for array in (self.input_shift, self.border):
            if array is not None:
                need("constants of channels", array, window.channels)

    @property
    def filters(self) -> int:
        return int(self.weights.shape[-1])


@dataclass(eq=False, repr=False)
class MaxSums(WindowPlan):
    """The largest sum of products of each window."""

    kind: ClassVar[str] = "max_sums"


@dataclass(eq=False, repr=False)
class ScaledSum:
    """`akrt_clipped`: the sum over all positions of what is activated, which cannot saturate."""

    kind: ClassVar[str] = "sum_clipped"
    start: Ints | None
    low: Ints
    high: Ints

    def check(self, filters: int) -> None:
        """Raises ValueError where an array is shorter than `filters` ask for."""
        for array in (self.low, self.high):
            need("bounds of a sum", array, filters)
        if self.start is not None:
            need("starts", self.start, filters)


@dataclass(eq=False, repr=False)
class FinishedSum:
    """The same, saturating after every addition."""

    kind: ClassVar[str] = "sum_finished"


@dataclass(eq=False, repr=False)
class ShiftedAddPlan:
    """`akrt_shifted_add`."""

    kind: ClassVar[str] = "shifted_add"
    first_shift: Ints
    second_shift: Ints
    shift: Ints
    positions: int
    first_has_sign: bool
    second_has_sign: bool
    buffer_bits: int
    low: int
    high: int
    item: int

    def check(self, filters: int) -> None:
        """Raises ValueError where an array is shorter than `filters` ask for."""
        for array in (self.first_shift, self.second_shift, self.shift):
            need("shifts", array, filters)


@dataclass(eq=False, repr=False)
class ConcatenatePlan:
    """`akrt_concatenate`."""

    kind: ClassVar[str] = "concatenate"
    positions: int
    first_bytes: int
    second_bytes: int

    def check(self, filters: int) -> None:
        """Raises ValueError where the channels are not those of both inputs."""
        if self.first_bytes + self.second_bytes != filters:
            raise ValueError(f"{self.first_bytes} and {self.second_bytes} are not {filters}")


@dataclass(eq=False, repr=False)
class QuantisePlan:
    """`akrt_quantise`."""

    kind: ClassVar[str] = "quantise"
    scale: Ints
    zero: Ints
    positions: int
    channels_first: bool
    low: int
    high: int

    def check(self, filters: int) -> None:
        """Raises ValueError where an array is shorter than `filters` ask for."""
        need("scales", self.scale, filters)
        need("zero points", self.zero, filters)


@dataclass(eq=False, repr=False)
class DequantisePlan:
    """`akrt_dequantise`."""

    kind: ClassVar[str] = "dequantise"
    scale: Ints
    positions: int
    has_sign: bool
    item: int

    def check(self, filters: int) -> None:
        """Raises ValueError where an array is shorter than `filters` ask for."""
        need("scales", self.scale, filters)
