"""A convolution over time as one over space, of which all holds that is proven of those.

Its input are lines of the last inputs, each line of the oldest, then of the next and so on: of them
each window takes as many lines as there are steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from akrt.lowering.geometry import Window
from akrt.lowering.scaled_operations import ScaledConvolution, ScaledDepthwise, ScaledTemporal
from akrt.lowering.scaled_ranges import scaled_ranges

__all__ = ["as_spatial", "saturates_by_step"]


def as_spatial(does: ScaledTemporal) -> ScaledConvolution | ScaledDepthwise:
    """The same operation on (X * T, Y, C), T inputs line by line."""
    x, y, channels = does.node.input_shape
    steps = len(does.weights)
    moved = Window(
        source=(x * steps, y, channels),
        target=(x, y, does.layer.filters),
        size=(steps, 1),
        stride=(steps, 1),
        before=(0, 0),
        after=(0, 0),
    )
    node, shift = does.node, does.input_shift
    layer: Any = does.layer  # without a window; proofs ask for arrays and bits, which it has
    if does.depthwise:
        weights = does.weights.reshape(steps, 1, channels)
        return ScaledDepthwise(node, layer, weights, shift, moved, None, None)
    product, border = does.weights.reshape(steps * channels, -1), np.zeros(channels, np.uint8)
    return ScaledConvolution(
        node, layer, product, shift, moved, None, None, border, bias_first=False
    )


def saturates_by_step(does: ScaledTemporal) -> bool:
    """Whether a sum of a channel can saturate before all steps are in it: no convolution's does."""
    if not does.depthwise:
        return False
    inputs, weights = scaled_ranges(does).inputs, does.weights.astype(np.int64)
    ends = weights * inputs.low, weights * inputs.high
    least, most = np.minimum(*ends).cumsum(0).min(), np.maximum(*ends).cumsum(0).max()
    half = 1 << (does.layer.buffer_bits - 1)
    return bool(least < -half or most >= half)
