"""What nodes of Akida 2.0 do, as kernels see it: see `akrt.lowering.operations`, which makes them.

Each tensor of integers is shifted by channel on its way in, summed, bounded, and scaled by channel
on its way out; `layer` holds the constants of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy.typing as npt

from akrt.lowering.geometry import Window
from akrt.model import (
    Node,
    PicoPostProcessing,
    ScaledLayer,
    ScaledSpatialLayer,
    Shape,
    ShiftedAdd,
    StatefulRecurrent,
)

__all__ = [
    "Comparison",
    "Concatenation",
    "Dequantisation",
    "MomentaryOperation",
    "Quantisation",
    "Scaled",
    "ScaledConvolution",
    "ScaledDense",
    "ScaledDepthwise",
    "ScaledOperation",
    "ScaledRecurrent",
    "ScaledSpatial",
    "ScaledTemporal",
    "ScaledTransposed",
    "ShiftedAddition",
]

Array: TypeAlias = npt.NDArray[Any]


@dataclass(eq=False, repr=False)
class Quantisation:
    """Floats to integers: ``clip(round(x * scales) + zero_points, low, high)``."""

    node: Node
    scales: Array
    """float32 (C,)."""
    zero_points: Array
    """uint8 (C,)."""
    channels_first: bool
    """What comes in is (C, X, Y)."""


@dataclass(eq=False, repr=False)
class Dequantisation:
    """Integers to floats: ``x * scales``."""

    node: Node
    scales: Array
    """float32 (C,)."""


@dataclass(eq=False, repr=False)
class Concatenation:
    """The channels of one tensor behind those of another."""

    node: Node


@dataclass(eq=False, repr=False)
class ShiftedAddition:
    """Two tensors of one shape, each shifted, element by element."""

    node: Node
    layer: ShiftedAdd


@dataclass(eq=False, repr=False)
class Comparison:
    """Whether a tensor, scaled, is further from another than thresholds, on average over Y."""

    node: Node
    layer: PicoPostProcessing
    prediction: int
    """Which input is scaled."""


@dataclass(eq=False, repr=False)
class Scaled:
    """Sums of products, which `layer` bounds, activates and scales."""

    node: Node
    layer: ScaledLayer
    weights: Array
    input_shift: Array | None
    """uint8, by channel, of a dense operation by input; None: what comes in is not shifted."""
    bias_at_buffer: ClassVar[bool] = False
    """The bias, and the sum with it, saturate at the buffer's bits first."""


@dataclass(eq=False, repr=False)
class ScaledDense(Scaled):
    """One product of all of the input, `weights` (X * Y * C, F), rows in the order of memory; its
    sums do not wrap around."""


@dataclass(eq=False, repr=False)
class ScaledSpatial(Scaled):
    """Sums at every position of a window, then pooling."""

    layer: ScaledSpatialLayer
    window: Window
    pool: Literal["max", "sum"] | None
    """"max" is of potentials before, "sum" over all positions of what follows the activation."""
    pooling: Window | None
    """The window of "max"."""


@dataclass(eq=False, repr=False)
class ScaledConvolution(ScaledSpatial):
    """Each window, (kernel_x, kernel_y, C), is a row of a product with `weights` (K, F)."""

    border: Array
    """uint8 (C,): what is beyond the edges of the input."""
    bias_first: bool
    """The bias joins the sums before they saturate at the buffer's bits."""


@dataclass(eq=False, repr=False)
class ScaledDepthwise(ScaledSpatial):
    """Each channel is multiplied by its own kernel of `weights`, (kernel_x, kernel_y, C)."""


@dataclass(eq=False, repr=False)
class ScaledTransposed(Scaled):
    """`weights`, (kernel_x, kernel_y, C, F), are painted at every second place of the output, and
    `crop` rows and columns in front left away."""

    crop: int
    depthwise: bool
    """`weights` are (kernel_x, kernel_y, C): each channel paints into its own."""

    @property
    def canvas(self) -> Shape:
        """(X, Y, F): all that is painted."""
        x, y, _ = self.node.input_shape
        kernel = self.weights.shape[0]
        return (2 * (x - 1) + kernel, 2 * (y - 1) + kernel, self.layer.filters)


@dataclass(eq=False, repr=False)
class ScaledTemporal(Scaled):
    """At every position a product over the last samples, the oldest first: `weights` are
    (T, C, F)."""

    depthwise: bool
    """`weights` are (T, C), and sums saturate at the buffer's bits at every step."""


@dataclass(eq=False, repr=False)
class ScaledRecurrent(Scaled):
    """Numbers that follow from themselves and the input, step by step along Y, of which `weights`
    (S, F) make the output, in sums that do not wrap around."""

    bias_at_buffer: ClassVar[bool] = True
    layer: StatefulRecurrent


MomentaryOperation: TypeAlias = ScaledDense | ScaledConvolution | ScaledDepthwise | ScaledTransposed
"""What remembers nothing."""
ScaledOperation: TypeAlias = MomentaryOperation | ScaledTemporal | ScaledRecurrent
