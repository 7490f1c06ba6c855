"""Where the windows of a layer lie, and in which order memory holds its weights."""

from __future__ import annotations

from dataclasses import dataclass

from akrt.model import FullyConnected, InputData, Node, Padding, Pair, Shape

__all__ = [
    "Window",
    "convolution_window",
    "pooling_window",
    "window",
]


@dataclass(frozen=True)
class Window:
    """A window that moves over a tensor (X, Y, C); what it overlaps beyond the edges is border."""

    source: Shape
    target: Shape
    size: Pair
    stride: Pair
    before: Pair
    """Border before the first element of each axis: the smaller half."""
    after: Pair


def window(
    source: Shape,
    target: Shape,
    size: Pair = (1, 1),
    stride: Pair = (1, 1),
    padding: Padding = "valid",
) -> Window:
    """The window that makes `target` of `source`; 'same' pads, 'valid' does not."""
    before, after = [0, 0], [0, 0]
    for axis in (0, 1):
        if padding == "same":
            covered = (target[axis] - 1) * stride[axis] + size[axis]
            total = max(covered - source[axis], 0)
            before[axis], after[axis] = total // 2, total - total // 2
    return Window(source, target, size, stride, (before[0], before[1]), (after[0], after[1]))


def convolution_window(node: Node) -> Window:
    """The window of a layer's kernel; a dense layer's is one position."""
    layer = node.layer
    assert not isinstance(layer, InputData)
    if isinstance(layer, FullyConnected):
        return window(node.input_shape, node.output_shape)
    return window(node.input_shape, node.conv_shape, layer.kernel_size, layer.stride, layer.padding)


def pooling_window(node: Node) -> Window | None:
    """The window of a max pooling; None where there is none."""
    layer = node.layer
    if isinstance(layer, (InputData, FullyConnected)) or layer.pooling is None:
        return None
    size, stride = layer.pooling.size, layer.pooling.stride
    if size is None or stride is None:
        return None
    return window(node.conv_shape, node.output_shape, size, stride, layer.padding)
