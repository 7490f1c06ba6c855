"""What every layer of a model gives, in NumPy: the expected values of an export's vectors.

A second writing of the numeric contract, by matrix products over gathered columns, so that an
export needs no backend; the tests hold it to the reference backend.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.model import (
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    FullyConnected,
    InputConvolutional,
    InputData,
    IntArray,
    Model,
    SeparableConvolutional,
    SpatialLayer,
    Stage,
)
from firmware_export.general_steps import pad_before

__all__ = ["FNV_OFFSET", "FNV_PRIME", "class_of", "layer_outputs", "tensor_hash"]

Wide = npt.NDArray[np.int64]
FNV_OFFSET, FNV_PRIME = 0x811C9DC5, 0x01000193


def layer_outputs(model: Model, sample: npt.NDArray[np.uint8]) -> list[IntArray]:
    """Output of every layer for one sample (X, Y, C): int64 (X', Y', C')."""
    value = sample.astype(np.int64)
    outputs = []
    for stage in model.stages:
        value = _stage_output(stage, value)
        outputs.append(value)
    return outputs


def tensor_hash(values: IntArray, potentials: bool) -> int:
    """32-bit FNV-1a over the elements in memory order.

    A byte for an activation, four (the lowest first) for a potential.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    data = flat.astype("<i4").tobytes() if potentials else flat.astype(np.uint8).tobytes()
    value = FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFFFFFF
    return value


def class_of(model: Model, potentials: IntArray) -> int | None:
    """Index of the largest logit, the first of equals; None if the last layer is activated."""
    final = model.final_step
    if final is None:
        return None
    threshold, act_step = final
    first = potentials.reshape(-1, potentials.shape[-1])[0]
    logits: Any = (first - threshold).astype(np.float32) / act_step
    return int(np.argmax(logits))


def _stage_output(stage: Stage, value: Wide) -> Wide:
    layer = stage.layer
    if isinstance(layer, InputData):
        return value
    if isinstance(layer, FullyConnected):
        flat = value.transpose(2, 1, 0).reshape(-1)
        result: Wide = (flat @ layer.weights.astype(np.int64)).clip(POTENTIAL_MIN, POTENTIAL_MAX)
        result = result[None, None]
    else:
        result = _pooled(layer, stage, _potentials(layer, stage, value))
    if layer.act_bits is None:
        return result
    levels = layer.firing_levels
    counts: Wide = (result[..., None, :] > levels).sum(-2)
    return counts


def _potentials(layer: SpatialLayer, stage: Stage, value: Wide) -> Wide:
    border = layer.padding_value if isinstance(layer, InputConvolutional) else 0
    taps = _columns(value, layer.kernel_size, layer.stride, layer, stage.conv_shape[:2], border)
    if isinstance(layer, SeparableConvolutional):
        kernel = layer.depthwise.astype(np.int64).reshape(-1, layer.depthwise.shape[2])
        potentials: Wide = (taps * kernel).sum(2) @ layer.pointwise.astype(np.int64)
    else:
        flat = taps.reshape(*taps.shape[:2], -1)
        potentials = flat @ layer.weights.astype(np.int64).reshape(-1, layer.filters)
    return potentials


def _pooled(layer: SpatialLayer, stage: Stage, potentials: Wide) -> Wide:
    pooling = layer.pooling
    if pooling is None:
        return potentials
    if pooling.size is None or pooling.stride is None:
        total = np.zeros(potentials.shape[2], np.int64)
        for row in potentials.reshape(-1, potentials.shape[2]):
            total = (total + row).clip(POTENTIAL_MIN, POTENTIAL_MAX)
        return total[None, None]
    clipped = potentials.clip(POTENTIAL_MIN, POTENTIAL_MAX)
    target = stage.output_shape[:2]
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
        before = pad_before(value.shape[axis], size[axis], stride[axis], layer.padding)
        starts = np.arange(target[axis]) * stride[axis] - before
        index.append(starts[:, None] + np.arange(size[axis]))
    x, y = index[0][:, None, :, None], index[1][None, :, None, :]
    inside = (x >= 0) & (x < value.shape[0]) & (y >= 0) & (y < value.shape[1])
    gathered = value[x.clip(0, value.shape[0] - 1), y.clip(0, value.shape[1] - 1)]
    filled = np.where(inside[..., None], gathered, border)
    return filled.reshape(len(index[0]), len(index[1]), -1, value.shape[2])
