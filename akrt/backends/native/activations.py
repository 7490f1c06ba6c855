"""What becomes of the potentials of a layer, as C is told of it: `akrt_activation`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from akrt.backends.native.products import Ints, filled_up, need

__all__ = [
    "LANES_BLOCK",
    "Activation",
    "Bisect",
    "FusedLanes",
    "FusedScale",
    "FusedShort",
    "Levels",
    "Potentials",
    "Scale",
    "not_fused",
]

LANES_BLOCK = 16
"""Filters of `akrt_lanes` are filled up to a multiple of it."""


@dataclass(eq=False, repr=False)
class Activation:
    """Base of the ways from potentials to outputs."""

    kind: ClassVar[str]
    fused: ClassVar[bool] = False
    """Whether the product makes the activations itself."""

    def check(self, filters: int) -> None:
        """Raises ValueError where an array is shorter than `filters` ask for."""


@dataclass(eq=False, repr=False)
class Potentials(Activation):
    """None: they are the output."""

    kind: ClassVar[str] = "potentials"


@dataclass(eq=False, repr=False)
class Levels(Activation):
    """`akrt_levels`: a comparison with each level."""

    kind: ClassVar[str] = "levels"
    levels: Ints
    count: int

    def check(self, filters: int) -> None:
        need("levels", self.levels, self.count * filters)


@dataclass(eq=False, repr=False)
class Bisect(Activation):
    """`akrt_bisect`: comparisons that halve the levels."""

    kind: ClassVar[str] = "bisect"
    threshold: Ints
    step: Ints
    bits: int

    def check(self, filters: int) -> None:
        need("thresholds", self.threshold, filters)
        need("steps", self.step, filters)


@dataclass(eq=False, repr=False)
class Scale(Activation):
    """`akrt_scale`: one multiplication."""

    kind: ClassVar[str] = "scale"
    threshold: Ints | None
    top: Ints
    mul: Ints
    add: Ints
    fine: Ints | None
    shift: int

    def check(self, filters: int) -> None:
        need("thresholds", self.threshold, filters)
        for what, array in (("top", self.top), ("mul", self.mul), ("add", self.add)):
            need(what, array, filters)
        if self.fine is not None:
            need("fine", self.fine, filters)


@dataclass(eq=False, repr=False)
class FusedScale(Scale):
    """The same in the product, whose sums start from the negated threshold."""

    kind: ClassVar[str] = "fused_scale"
    fused: ClassVar[bool] = True


@dataclass(eq=False, repr=False)
class FusedShort(Activation):
    """`akrt_short_scale`: one multiplication of 16 bits, in the product."""

    kind: ClassVar[str] = "fused_short"
    fused: ClassVar[bool] = True
    factor: Ints | None
    mul: Ints
    shift: int
    top: int

    def check(self, filters: int) -> None:
        need("mul", self.mul, filters)
        if self.factor is not None:
            need("factor", self.factor, filters)


@dataclass(eq=False, repr=False)
class FusedLanes(Activation):
    """`akrt_lanes`: the product adds up in 16 bits, one lane a filter."""

    kind: ClassVar[str] = "fused_lanes"
    fused: ClassVar[bool] = True
    weights: Ints
    start: Ints
    top: Ints
    factor: Ints
    offset: Ints
    mul: Ints
    unit: int
    depth: int
    filters: int
    limit: int
    low_start: Ints | None
    step: Ints | None
    sixteenths: Ints | None
    count: int

    def check(self, filters: int) -> None:
        whole = filled_up(filters, LANES_BLOCK)
        need("weights", self.weights, self.depth * whole)
        for array in (self.start, self.top, self.factor, self.offset, self.mul):
            need("constants of lanes", array, whole)
        if self.step is not None:
            for halved in (self.low_start, self.step, self.sixteenths):
                need("constants of halves", halved, whole)


def not_fused(activation: Activation) -> None:
    """Raises ValueError where the product would have to make the activations."""
    if activation.fused:
        raise ValueError("this product leaves its sums to the activation")
