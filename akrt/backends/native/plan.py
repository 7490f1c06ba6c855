"""What C is told about a network: everything is decided here, and C runs it.

Each class has the fields of a structure of src_c/include/akrt/network.h or kernels.h, where they
are explained, and checks that its arrays are as large as the kernels will read. A class with a
`kind` is what a union holds where its tag says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import ClassVar, TypeAlias

import numpy as np

from akrt.backends.native.activations import Activation, FusedLanes, Potentials, not_fused
from akrt.backends.native.paths import Path
from akrt.backends.native.products import (
    ByteProduct,
    Ints,
    ShortProduct,
    WindowPlan,
    deep_enough,
    need,
)
from akrt.backends.native.scaled_plan import (
    ConcatenatePlan,
    DequantisePlan,
    Exact,
    Finish,
    FinishedSum,
    MaxSums,
    QuantisePlan,
    ScaledSum,
    ShiftedAddPlan,
)
from akrt.backends.native.temporal_plan import ComparePlan, Recall, RecurrentPlan
from akrt.kernels._kernels import LAYOUT
from akrt.kernels.layout import Image
from akrt.model import Remembered, Value

__all__ = [
    "AdditionPlan",
    "Collapse",
    "DenseBytes",
    "DenseShort",
    "LayerPlan",
    "MaxActivated",
    "MaxPooling",
    "NodePlan",
    "SpatialPlan",
    "SumPooling",
]


@dataclass(eq=False, repr=False)
class MaxPooling(WindowPlan):
    """The largest potential of each window, saturated."""

    kind: ClassVar[str] = "max"


@dataclass(eq=False, repr=False)
class MaxActivated(WindowPlan):
    """The largest activation of each window."""

    kind: ClassVar[str] = "max_activated"


@dataclass(eq=False, repr=False)
class SumPooling:
    """The sum over all positions, saturating after each."""

    kind: ClassVar[str] = "sum"


@dataclass(eq=False, repr=False)
class Collapse(SumPooling):
    """`akrt_collapse`: the same, taken before the product where no sum can saturate."""

    kind: ClassVar[str] = "collapsed"
    depthwise: Ints
    weights: Ints
    magnitudes: Ints
    depth: int
    filters: int

    def __post_init__(self) -> None:
        for array in (self.weights, self.magnitudes):
            need("weights of a collapsed sum", array, self.depth * self.filters)

    def check(self, window: WindowPlan) -> None:
        """Raises ValueError where the window is not that of the weights."""
        deep_enough(self.depth, window.channels)
        need("depthwise weights", self.depthwise, window.taps * window.channels)


@dataclass(eq=False, repr=False)
class AdditionPlan:
    """`akrt_add`."""

    kind: ClassVar[str] = "add"
    positions: int


@dataclass(eq=False, repr=False)
class DenseBytes:
    """`akrt_dense_bytes`."""

    kind: ClassVar[str] = "dense_bytes"
    product: ByteProduct
    inputs: int

    def __post_init__(self) -> None:
        deep_enough(self.product.depth, self.inputs)


@dataclass(eq=False, repr=False)
class DenseShort:
    """`akrt_dense_short`."""

    kind: ClassVar[str] = "dense_short"
    product: ShortProduct
    inputs: int

    def __post_init__(self) -> None:
        deep_enough(self.product.depth, self.inputs)


@dataclass(eq=False, repr=False)
class SpatialPlan:
    """`akrt_spatial`."""

    kind: ClassVar[str] = "spatial"
    window: WindowPlan
    multiply: Path
    pooling: MaxPooling | MaxActivated | SumPooling | MaxSums | ScaledSum | FinishedSum | None
    flip: bool = False
    lift: Ints | None = None


JointPlan: TypeAlias = (
    ShiftedAddPlan | ConcatenatePlan | QuantisePlan | DequantisePlan | ComparePlan
)
"""What has no sums of products, and activates nothing."""


@dataclass(eq=False, repr=False)
class LayerPlan:
    """`akrt_layer`."""

    filters: int
    operation: AdditionPlan | DenseBytes | DenseShort | SpatialPlan | JointPlan | RecurrentPlan
    activation: Activation
    recall: Recall = field(default_factory=Recall)
    kernels: None = None
    """Set from the architecture."""
    scratch: None = None
    """Made by C."""

    def __post_init__(self) -> None:
        self.activation.check(self.filters)
        does = self.operation
        if not isinstance(does, SpatialPlan):
            not_fused(self.activation)
            if self.recall.steps:
                raise ValueError("only a spatial operation is of inputs that are recalled")
            if isinstance(does, JointPlan | RecurrentPlan):
                does.check(self.filters)
            elif not isinstance(does, AdditionPlan):
                self._check_filters(does.product.filters)
            return
        does.multiply.check(does.window, self.activation)
        self.recall.check(does.window)
        self._check_filters(does.multiply.filters)
        if isinstance(self.activation, FusedLanes):
            self._check_filters(self.activation.filters)
        if isinstance(does.pooling, Collapse):
            self._check_filters(does.pooling.filters)
            does.pooling.check(does.window)
        if does.lift is not None:
            need("factors of the input", does.lift, does.window.channels)
        if (does.flip or does.lift is not None) and isinstance(does.multiply, Exact):
            raise ValueError("exact sums are of an input as it is")
        if isinstance(does.pooling, ScaledSum):
            does.pooling.check(self.filters)
        if isinstance(does.pooling, ScaledSum | FinishedSum) != (
            isinstance(self.activation, Finish) and isinstance(does.pooling, _SUMS)
        ):
            raise ValueError("what is summed after its activation has to be finished")
        if self.activation.fused and isinstance(does.pooling, MaxPooling | MaxSums | _SUMS):
            raise ValueError("only what is not pooled after it can be activated in the product")
        potentials = isinstance(self.activation, Potentials)
        if isinstance(does.pooling, WindowPlan):
            pooled = does.pooling.in_x, does.pooling.in_y, does.pooling.channels
            if pooled != (does.window.out_x, does.window.out_y, self.filters):
                raise ValueError("max pooling of what is not the output of the window")
        if isinstance(does.pooling, MaxActivated) and potentials:
            raise ValueError("only an activation can come before max pooling")

    def _check_filters(self, filters: int | None) -> None:
        if filters not in (None, self.filters):
            raise ValueError(f"{filters} filters in a layer of {self.filters}")

    @cached_property
    def image(self) -> Image:
        """What C reads."""
        return LAYOUT.image("akrt_layer", self)

    @property
    def output_elements(self) -> int:
        """Of one sample."""
        does = self.operation
        positions = 1
        if isinstance(does, AdditionPlan | JointPlan | RecurrentPlan):
            positions = does.positions
        elif isinstance(does, SpatialPlan) and not isinstance(does.pooling, _SUMS):
            last = does.window if does.pooling is None else does.pooling
            positions = last.out_x * last.out_y
        return positions * self.filters

    @property
    def input_elements(self) -> int:
        """Of one sample, of the first input."""
        does = self.operation
        if isinstance(does, ConcatenatePlan):
            return does.positions * does.first_bytes
        if isinstance(does, ComparePlan):
            return does.steps * self.filters
        if isinstance(does, AdditionPlan | JointPlan):
            return does.positions * self.filters
        if isinstance(does, SpatialPlan):
            seen = does.window.in_x * does.window.in_y * does.window.channels
            return seen // max(self.recall.steps, 1)
        return does.inputs


@dataclass(eq=False, repr=False)
class NodePlan:
    """`akrt_node`: a layer in its place. Offsets are those of C; `CALLER` for the caller's."""

    name: str
    layer: LayerPlan
    inputs: tuple[int, int]
    output: int
    scratch: int
    takes: tuple[Value, ...]
    gives: Value
    memory: int = 0
    remembers: dict[str, Remembered] = field(default_factory=dict)
    """By name, in the order in which they lie from `memory` on."""

    def __post_init__(self) -> None:
        does = self.layer.operation
        elements = [self.layer.input_elements] * len(self.takes)
        if isinstance(does, ConcatenatePlan):
            elements = [does.positions * n for n in (does.first_bytes, does.second_bytes)]
        given = ((self.gives, self.layer.output_elements), *zip(self.takes, elements, strict=True))
        for value, wanted in given:
            if value.elements != wanted:
                raise ValueError(f"shape {value.shape} does not match the {wanted} elements")
        does_remember = does.memory_bytes if isinstance(does, RecurrentPlan) else 0
        if self.memory_bytes != does_remember + self.layer.recall.memory_bytes:
            raise ValueError(f"{self.memory_bytes} bytes are not what the layer remembers")

    @property
    def memory_bytes(self) -> int:
        """Of what it remembers."""
        return sum(prod(kept.shape) * _item(kept.dtype) for kept in self.remembers.values())

    @property
    def input_bytes(self) -> tuple[int, ...]:
        """Of one sample, of each input."""
        return tuple(map(_bytes, self.takes))

    @property
    def output_bytes(self) -> int:
        """Of one sample."""
        return _bytes(self.gives)


_SUMS = SumPooling | ScaledSum | FinishedSum


def _bytes(value: Value) -> int:
    return value.elements * _item(value.dtype)


def _item(dtype: str) -> int:
    return int(np.dtype(dtype).itemsize)
