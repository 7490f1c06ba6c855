"""The numeric contract, written a second time: matrix products over gathered columns.

It shares nothing with the package but the layers, so that both must be wrong alike to agree.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.model import (
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    Add,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Node,
    SeparableConvolutional,
    SpatialLayer,
)

Wide = npt.NDArray[np.int64]


def layer_outputs(model: Model, sample: npt.NDArray[np.uint8]) -> list[Wide]:
    """Output of every layer for one sample (X, Y, C): int64 (X', Y', C')."""
    value = sample.astype(np.int64)
    made = {}
    for node in model.nodes:
        given = [made[name] for name in node.sources] or [value]
        made[node.layer.name] = _node_output(node, *given)
    return list(made.values())


def border_before(n: int, kernel: int, stride: int, padding: str) -> int:
    """The smaller half of the border that 'same' needs."""
    if padding == "valid":
        return 0
    return max((-(-n // stride) - 1) * stride + kernel - n, 0) // 2


def _node_output(node: Node, value: Wide, other: Wide | None = None) -> Wide:
    layer = node.layer
    if isinstance(layer, InputData):
        return value
    if isinstance(layer, Add):
        assert other is not None
        result: Wide = value + other
    elif isinstance(layer, FullyConnected):
        flat = value.transpose(2, 1, 0).reshape(-1)
        result = (flat @ layer.weights.astype(np.int64)).clip(POTENTIAL_MIN, POTENTIAL_MAX)
        result = result[None, None]
    else:
        result = _pooled(layer, node, _potentials(layer, node, value))
    if layer.act_bits is None:
        return result
    levels = layer.firing_levels
    counts: Wide = (result[..., None, :] > levels).sum(-2)
    return counts


def _potentials(layer: SpatialLayer, node: Node, value: Wide) -> Wide:
    border = layer.padding_value if isinstance(layer, InputConvolutional) else 0
    taps = _columns(value, layer.kernel_size, layer.stride, layer, node.conv_shape[:2], border)
    if isinstance(layer, SeparableConvolutional):
        kernel = layer.depthwise.astype(np.int64).reshape(-1, layer.depthwise.shape[2])
        potentials: Wide = (taps * kernel).sum(2) @ layer.pointwise.astype(np.int64)
    else:
        flat = taps.reshape(*taps.shape[:2], -1)
        potentials = flat @ layer.weights.astype(np.int64).reshape(-1, layer.filters)
    return potentials


def _pooled(layer: SpatialLayer, node: Node, potentials: Wide) -> Wide:
    pooling = layer.pooling
    if pooling is None:
        return potentials
    if pooling.size is None or pooling.stride is None:
        total = np.zeros(potentials.shape[2], np.int64)
        for row in potentials.reshape(-1, potentials.shape[2]):
            total = (total + row).clip(POTENTIAL_MIN, POTENTIAL_MAX)
        return total[None, None]
    clipped = potentials.clip(POTENTIAL_MIN, POTENTIAL_MAX)
    target = node.output_shape[:2]
    taps = _columns(clipped, pooling.size, pooling.stride, layer, target, POTENTIAL_MIN)
    largest: Wide = taps.max(2)
    return largest


def _columns(
    value: Wide,
    size: tuple[int, int],
    stride: tuple[int, int],
    layer: SpatialLayer,
    target: tuple[int, ...],
    border: int,
) -> Wide:
    """Windows as (X', Y', size_x * size_y, C)."""
    index = []
    for axis in (0, 1):
        before = border_before(value.shape[axis], size[axis], stride[axis], layer.padding)
        starts = np.arange(target[axis]) * stride[axis] - before
        index.append(starts[:, None] + np.arange(size[axis]))
    x, y = index[0][:, None, :, None], index[1][None, :, None, :]
    inside = (x >= 0) & (x < value.shape[0]) & (y >= 0) & (y < value.shape[1])
    gathered = value[x.clip(0, value.shape[0] - 1), y.clip(0, value.shape[1] - 1)]
    filled = np.where(inside[..., None], gathered, border)
    return filled.reshape(len(index[0]), len(index[1]), -1, value.shape[2])
