"""Any CPU: the project's own fixed-point kernels, one C call per forward."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.backends.base import Backend, Output
from akrt.kernels._kernels import Network
from akrt.model import (
    FullyConnected,
    InputConvolutional,
    InputData,
    IntArray,
    Model,
    NeuralLayer,
    Padding,
    Pair,
    SeparableConvolutional,
    Shape,
    Stage,
)

_INT16_MAX = (1 << 15) - 1
_BISECT_DISTANCE = 1 << 23
_BISECT_STEP = 1 << 27
_DEPTH_MULTIPLE = 8


@dataclass(frozen=True)
class _Activation:
    """How a layer's potentials become activations: see src_c/include/akrt/kernels.h."""

    act: str | None
    threshold: IntArray | None = None
    step: IntArray | None = None
    levels: IntArray | None = None


class NativeBackend(Backend):
    """Runs a model with the C kernels. Safe to call from many threads."""

    name = "native"

    def __init__(self, model: Model) -> None:
        self._neural = [s for s in model.stages if not isinstance(s.layer, InputData)]
        self._skipped = len(model.stages) - len(self._neural)
        self._network = Network([pack(s) for s in self._neural]) if self._neural else None

    def run(self, x: npt.NDArray[np.uint8]) -> Output:
        return x.copy() if self._network is None else self._network.run(x)

    def layer_outputs(self, x: npt.NDArray[np.uint8]) -> list[Output]:
        return [output for output, _ in self._walk(x)]

    def layer_times(self, x: npt.NDArray[np.uint8]) -> list[int]:
        return [nanoseconds for _, nanoseconds in self._walk(x)]

    def _walk(self, x: npt.NDArray[np.uint8]) -> list[tuple[Output, int]]:
        value: Output = x
        outputs: list[tuple[Output, int]] = [(x, 0)] * self._skipped
        for i in range(len(self._neural)):
            assert self._network is not None
            start = time.perf_counter_ns()
            value = self._network.run_layer(i, value)
            outputs.append((value, time.perf_counter_ns() - start))
        return outputs

    def describe(self) -> dict[str, str]:
        arena = 0 if self._network is None else self._network.arena_bytes
        return {"kernels": "ref", "arena": f"{arena} bytes"}


def pack(stage: Stage) -> dict[str, Any]:
    """The fields of `akrt_layer` (src_c/include/akrt/network.h) for one layer."""
    layer = stage.layer
    assert not isinstance(layer, InputData)
    activation = _activation(layer, stage.max_potential)
    packed: dict[str, Any] = {
        "pool": None,
        "act": activation.act,
        "act_bits": layer.act_bits,
        "border": 0,
        "wide_depthwise": 0,
        "threshold": activation.threshold,
        "step": activation.step,
        "levels": activation.levels,
        "output_shape": stage.output_shape,
    }
    if isinstance(layer, FullyConnected):
        x, y, c = stage.input_shape
        # rows come as (C, Y, X); memory holds (X, Y, C)
        rows = layer.weights.reshape(c, y, x, -1).transpose(2, 1, 0, 3).reshape(x * y * c, -1)
        packed.update(
            op="dense",
            conv=_window(stage.input_shape, stage.output_shape, (1, 1), (1, 1), "valid"),
            weights=_rows(rows),
        )
        return packed
    conv = _window(
        stage.input_shape, stage.conv_shape, layer.kernel_size, layer.stride, layer.padding
    )
    if isinstance(layer, SeparableConvolutional):
        packed.update(
            op="separable",
            depthwise=layer.depthwise.astype(np.int16),
            weights=_rows(layer.pointwise),
            wide_depthwise=int(stage.max_depthwise > _INT16_MAX),
        )
    else:
        packed.update(op="conv", weights=_rows(layer.weights.reshape(-1, layer.filters)))
        if isinstance(layer, InputConvolutional):
            packed["border"] = layer.padding_value
    packed["conv"] = conv
    if layer.pooling is not None:
        packed["pool"] = "max" if layer.pooling.kind == "max" else "sum"
        if layer.pooling.size is not None and layer.pooling.stride is not None:
            packed["max_pool"] = _window(
                stage.conv_shape,
                stage.output_shape,
                layer.pooling.size,
                layer.pooling.stride,
                layer.padding,
            )
    return packed


def _rows(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int16]:
    """(K, F) to int16 (F, depth): one row a filter, padded with zeros to a multiple of 8."""
    depth = -(-weights.shape[0] // _DEPTH_MULTIPLE) * _DEPTH_MULTIPLE
    rows = np.zeros((weights.shape[1], depth), np.int16)
    rows[:, : weights.shape[0]] = weights.T
    return rows


def _window(
    source: Shape, target: Shape, size: Pair, stride: Pair, padding: Padding
) -> dict[str, int]:
    pads = [0, 0]
    if padding == "same":
        pads = [
            max((-(-source[i] // stride[i]) - 1) * stride[i] + size[i] - source[i], 0) // 2
            for i in (0, 1)
        ]
    return {
        "in_x": source[0],
        "in_y": source[1],
        "channels": source[2],
        "out_x": target[0],
        "out_y": target[1],
        "size_x": size[0],
        "size_y": size[1],
        "stride_x": stride[0],
        "stride_y": stride[1],
        "pad_x": pads[0],
        "pad_y": pads[1],
    }


def _activation(layer: NeuralLayer, max_potential: int) -> _Activation:
    """Bisection where the distance from any reachable potential to the threshold fits."""
    if layer.act_bits is None:
        return _Activation(None)
    reach = max_potential + int(np.abs(layer.threshold.astype(np.int64)).max())
    if reach < _BISECT_DISTANCE:
        step = np.minimum(layer.step16 << (4 - layer.act_bits), _BISECT_STEP)
        return _Activation("bisect", threshold=layer.threshold, step=step.astype(np.int32))
    limits = np.iinfo(np.int32)
    levels = np.clip(layer.firing_levels, limits.min, limits.max).astype(np.int32)
    return _Activation("levels", levels=levels)
