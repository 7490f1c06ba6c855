"""How a spatial layer makes the rows of its product, and which product that is: `akrt_multiply`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from akrt.backends.native.activations import Activation, FusedLanes, not_fused
from akrt.backends.native.products import (
    ByteProduct,
    Ints,
    ShortProduct,
    WindowPlan,
    deep_enough,
    filled_up,
    need,
)

__all__ = [
    "OFFSET_BLOCK",
    "DepthwiseBytes",
    "DepthwiseLanes",
    "DepthwiseShort",
    "DepthwiseWide",
    "Direct",
    "Halves",
    "Lines",
    "Patches",
    "Path",
    "RowLanes",
    "ShortRows",
]

OFFSET_BLOCK = 64
"""Channels to whose multiple the offsets of `akrt_depthwise_bytes` are filled up."""


@dataclass(eq=False, repr=False)
class Path:
    """Base of the paths."""

    kind: ClassVar[str]

    def check(self, window: WindowPlan, activation: Activation) -> None:
        """Raises ValueError where window and activation are not those of the path."""

    @property
    def filters(self) -> int | None:
        """Of its product; None where the activation has the weights."""
        product = getattr(self, "product", None)
        return None if product is None else int(product.filters)


@dataclass(eq=False, repr=False)
class Direct(Path):
    """`akrt_direct`: the input is the matrix."""

    kind: ClassVar[str] = "direct"
    product: ByteProduct

    def check(self, window: WindowPlan, activation: Activation) -> None:
        _byte_activation(activation)
        strides = window.stride_x * window.stride_y
        if self.product.depth != window.channels or window.taps * strides != 1:
            raise ValueError("the input is no matrix that a product could take")


@dataclass(eq=False, repr=False)
class Patches(Path):
    """`akrt_patches`: a copy of each window."""

    kind: ClassVar[str] = "patches"
    product: ByteProduct
    border: int

    def check(self, window: WindowPlan, activation: Activation) -> None:
        _byte_activation(activation)
        deep_enough(self.product.depth, window.size_x * window.line)


@dataclass(eq=False, repr=False)
class Lines(Path):
    """`akrt_lines`: windows over lines with a border, which the product walks."""

    kind: ClassVar[str] = "lines"
    product: ByteProduct
    line: WindowPlan
    inner: WindowPlan
    border: int

    def check(self, window: WindowPlan, activation: Activation) -> None:
        _byte_activation(activation)
        if self.product.depth != window.size_x * filled_up(window.line, 4):
            raise ValueError("only a product filled up by lines walks windows")


@dataclass(eq=False, repr=False)
class Halves(Path):
    """`akrt_halves`: a copy of each window, the halves of its bytes multiplied apart."""

    kind: ClassVar[str] = "halves"
    border: int

    def check(self, window: WindowPlan, activation: Activation) -> None:
        lanes = _lanes(activation)
        need("constants of halves", lanes.step, lanes.filters)
        if lanes.depth != window.size_x * window.line:
            raise ValueError(f"weights of depth {lanes.depth} for a window of another size")


@dataclass(eq=False, repr=False)
class ShortRows(Path):
    """`akrt_short_rows`: a copy of each window in 16 bits."""

    kind: ClassVar[str] = "short_rows"
    product: ShortProduct
    border: int

    def check(self, window: WindowPlan, activation: Activation) -> None:
        if activation.kind != "fused_scaled":
            not_fused(activation)
        deep_enough(self.product.depth, window.size_x * window.line)


@dataclass(eq=False, repr=False)
class RowLanes(Path):
    """`akrt_row_lanes`: the same, for lanes."""

    kind: ClassVar[str] = "lanes"
    border: int

    def check(self, window: WindowPlan, activation: Activation) -> None:
        deep_enough(_lanes(activation).depth, window.size_x * window.line)


@dataclass(eq=False, repr=False)
class DepthwiseBytes(Path):
    """`akrt_depthwise_bytes`: depthwise results as bytes and what these did not hold."""

    kind: ClassVar[str] = "depthwise_bytes"
    depthwise: Ints
    offset: Ints
    product: ByteProduct

    def check(self, window: WindowPlan, activation: Activation) -> None:
        _byte_activation(activation)
        deep_enough(self.product.depth, window.channels)
        need("depthwise weights", self.depthwise, window.taps * window.channels)
        need("offsets", self.offset, filled_up(window.channels, OFFSET_BLOCK))
        need("16-bit weights", self.product.rest_weights, self.product.depth)
        if self.product.depth % 8:
            raise ValueError(
                f"what bytes do not hold is multiplied by eights: {self.product.depth}"
            )


@dataclass(eq=False, repr=False)
class DepthwiseShort(Path):
    """`akrt_depthwise_short`: depthwise results of 16 bits."""

    kind: ClassVar[str] = "depthwise_short"
    depthwise: Ints
    product: ShortProduct

    def check(self, window: WindowPlan, activation: Activation) -> None:
        not_fused(activation)
        deep_enough(self.product.depth, window.channels)
        need("depthwise weights", self.depthwise, window.taps * window.channels)


@dataclass(eq=False, repr=False)
class DepthwiseWide(DepthwiseShort):
    """The same of 32 bits."""

    kind: ClassVar[str] = "depthwise_wide"


@dataclass(eq=False, repr=False)
class DepthwiseLanes(Path):
    """`akrt_depthwise_lanes`: depthwise results of 16 bits, for lanes."""

    kind: ClassVar[str] = "depthwise_lanes"
    depthwise: Ints

    def check(self, window: WindowPlan, activation: Activation) -> None:
        deep_enough(_lanes(activation).depth, window.channels)
        need("depthwise weights", self.depthwise, window.taps * window.channels)


def _byte_activation(activation: Activation) -> None:
    if isinstance(activation, FusedLanes):
        raise ValueError("a product of bytes has no lanes")


def _lanes(activation: Activation) -> FusedLanes:
    if not isinstance(activation, FusedLanes):
        raise ValueError("a product in lanes needs their constants")
    return activation
