"""The numeric contract written out in NumPy, slow and obvious: int64, one layer at a time."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window, convolution_window, pooling_window
from akrt.model import (
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    FullyConnected,
    InputConvolutional,
    InputData,
    Node,
    SeparableConvolutional,
)

__all__ = ["Output", "Potentials", "activate", "convolve", "pool", "run_node", "windows"]

Output: TypeAlias = npt.NDArray[Any]
Potentials: TypeAlias = npt.NDArray[np.int64]


def run_node(node: Node, x: Output) -> Output:
    """One layer: uint8 (N, X, Y, C) to uint8 activations or int32 potentials."""
    layer = node.layer
    if isinstance(layer, InputData):
        return x
    if isinstance(layer, FullyConnected):
        weights = layer.by_position(node.input_shape).reshape(-1, layer.filters)
        potentials = x.reshape(len(x), -1).astype(np.int64) @ weights.astype(np.int64)
        potentials = np.clip(potentials, POTENTIAL_MIN, POTENTIAL_MAX)[:, None, None, :]
    else:
        potentials = convolve(node, x)
        if layer.pooling is not None:
            potentials = pool(node, potentials)
    if layer.act_bits is None:
        return potentials.astype(np.int32)
    return activate(potentials, layer.threshold, layer.step16, layer.act_bits)


def convolve(node: Node, x: Output) -> Potentials:
    """Potentials of a convolution before pooling, int64 (N, X', Y', F)."""
    layer = node.layer
    assert not isinstance(layer, (InputData, FullyConnected))
    border = layer.padding_value if isinstance(layer, InputConvolutional) else 0
    # (N, X', Y', C, kx, ky)
    patches = windows(x.astype(np.int64), convolution_window(node), border)
    if isinstance(layer, SeparableConvolutional):
        depthwise = np.einsum("nxycij,ijc->nxyc", patches, layer.depthwise.astype(np.int64))
        product: Potentials = depthwise @ layer.pointwise.astype(np.int64)
        return product
    return np.tensordot(patches, layer.weights.astype(np.int64), ([4, 5, 3], [0, 1, 2]))


def windows(x: Potentials, window: Window, border: int) -> npt.NDArray[np.int64]:
    """Every window of `x`: (N, X', Y', C, size_x, size_y)."""
    edges = [(0, 0), *zip(window.before, window.after, strict=True), (0, 0)]
    x = np.pad(x, edges, constant_values=border)
    view = np.lib.stride_tricks.sliding_window_view(x, window.size, axis=(1, 2))  # type: ignore[call-overload]
    strided: Potentials = view[:, :: window.stride[0], :: window.stride[1]]
    return strided


def pool(node: Node, potentials: Potentials) -> Potentials:
    """Saturated potentials, pooled; `average` is a running sum, saturated at every step."""
    window = pooling_window(node)
    if window is None:
        n, _, _, f = potentials.shape
        total = np.zeros((n, f), np.int64)
        for step in potentials.reshape(n, -1, f).transpose(1, 0, 2):
            total = np.clip(total + step, POTENTIAL_MIN, POTENTIAL_MAX)
        return total[:, None, None, :]
    clipped = np.clip(potentials, POTENTIAL_MIN, POTENTIAL_MAX)
    lowest = int(np.iinfo(np.int64).min)
    result: Potentials = windows(clipped, window, lowest).max((4, 5))
    return result


def activate(
    potentials: Potentials,
    threshold: npt.NDArray[np.int32],
    step16: npt.NDArray[np.int64],
    bits: int,
) -> npt.NDArray[np.uint8]:
    """``clip(ceil(16 (P - threshold) / (s 2^(4-b))), 0, 2^b - 1)`` per channel."""
    numerator = 16 * (potentials - threshold.astype(np.int64))
    quotient = -(-numerator // (step16 << (4 - bits)))
    return np.clip(quotient, 0, (1 << bits) - 1).astype(np.uint8)
