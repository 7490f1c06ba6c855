"""The oracle: the numeric contract written out in NumPy, slow and obvious."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from akrt.backends.base import Backend, Output
from akrt.errors import BackendUnavailableError
from akrt.model import (
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Padding,
    Pair,
    Pooling,
    SeparableConvolutional,
    SpatialLayer,
    Stage,
)

MAX_WINDOW_BYTES = 1 << 32
_BATCH_BYTES = 1 << 28
"""Memory of the windows of the samples that are computed together, about."""

Potentials = npt.NDArray[np.int64]


class ReferenceBackend(Backend):
    """Runs a model in int64 NumPy arithmetic, one layer after the other."""

    name = "reference"

    def __init__(self, model: Model) -> None:
        self._model = model
        windows = max(map(_window_bytes, model.stages))
        if windows > MAX_WINDOW_BYTES:
            raise BackendUnavailableError(
                f"'{model.name}' needs {windows:,} bytes of memory for one sample, the reference "
                f"backend takes at most {MAX_WINDOW_BYTES:,}"
            )
        self._at_once = max(1, _BATCH_BYTES // max(windows, 1))

    def run(self, x: npt.NDArray[np.uint8]) -> Output:
        parts = [
            self.layer_outputs(x[start : start + self._at_once])[-1]
            for start in range(0, max(len(x), 1), self._at_once)
        ]
        return np.concatenate(parts)

    def layer_outputs(self, x: npt.NDArray[np.uint8]) -> list[Output]:
        return [output for output, _ in self._walk(x)]

    def layer_times(self, x: npt.NDArray[np.uint8]) -> list[int]:
        return [nanoseconds for _, nanoseconds in self._walk(x)]

    def _walk(self, x: npt.NDArray[np.uint8]) -> list[tuple[Output, int]]:
        outputs = []
        value: Output = x
        for stage in self._model.stages:
            start = time.perf_counter_ns()
            value = run_stage(stage, value)
            outputs.append((value, time.perf_counter_ns() - start))
        return outputs


def _window_bytes(stage: Stage) -> int:
    """Memory of all windows of a layer for one sample."""
    layer = stage.layer
    taps = 1
    if not isinstance(layer, (InputData, FullyConnected)):
        taps = layer.kernel_size[0] * layer.kernel_size[1] * stage.input_shape[2]
    x, y, filters = stage.conv_shape
    return 8 * x * y * (taps + filters)


def run_stage(stage: Stage, x: Output) -> Output:
    """One layer: uint8 (N, X, Y, C) to uint8 activations or int32 potentials."""
    layer = stage.layer
    if isinstance(layer, InputData):
        return x
    if isinstance(layer, FullyConnected):
        flat = x.transpose(0, 3, 2, 1).reshape(len(x), -1).astype(np.int64)
        potentials = np.clip(flat @ layer.weights.astype(np.int64), POTENTIAL_MIN, POTENTIAL_MAX)
        potentials = potentials[:, None, None, :]
    else:
        potentials = convolve(layer, x)
        if layer.pooling is not None:
            potentials = pool(layer.pooling, layer.padding, potentials)
    if layer.act_bits is None:
        return potentials.astype(np.int32)
    return activate(potentials, layer.threshold, layer.step16, layer.act_bits)


def convolve(layer: SpatialLayer, x: Output) -> Potentials:
    """Potentials of a convolution before pooling, int64 (N, X', Y', F)."""
    border = layer.padding_value if isinstance(layer, InputConvolutional) else 0
    patches = windows(
        x.astype(np.int64), layer.kernel_size, layer.stride, layer.padding, border
    )  # (N, X', Y', C, kx, ky)
    if isinstance(layer, SeparableConvolutional):
        depthwise = np.einsum("nxycij,ijc->nxyc", patches, layer.depthwise.astype(np.int64))
        product: Potentials = depthwise @ layer.pointwise.astype(np.int64)
        return product
    return np.tensordot(patches, layer.weights.astype(np.int64), ([4, 5, 3], [0, 1, 2]))


def windows(
    x: Potentials, size: Pair, stride: Pair, padding: Padding, border: int
) -> npt.NDArray[np.int64]:
    """Every window of `x`: (N, X', Y', C, size_x, size_y); 'same' pads the smaller half first."""
    if padding == "same":
        pads = [(0, 0)]
        for n, k, s in zip(x.shape[1:3], size, stride, strict=True):
            total = max((-(-n // s) - 1) * s + k - n, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, [*pads, (0, 0)], constant_values=border)
    view = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))  # type: ignore[call-overload]
    strided: Potentials = view[:, :: stride[0], :: stride[1]]
    return strided


def pool(pooling: Pooling, padding: Padding, potentials: Potentials) -> Potentials:
    """Saturated potentials, pooled; `average` is a running sum, saturated at every step."""
    if pooling.size is None or pooling.stride is None:
        n, _, _, f = potentials.shape
        total = np.zeros((n, f), np.int64)
        for step in potentials.reshape(n, -1, f).transpose(1, 0, 2):
            total = np.clip(total + step, POTENTIAL_MIN, POTENTIAL_MAX)
        return total[:, None, None, :]
    clipped = np.clip(potentials, POTENTIAL_MIN, POTENTIAL_MAX)
    lowest = int(np.iinfo(np.int64).min)
    result: Potentials = windows(clipped, pooling.size, pooling.stride, padding, lowest).max((4, 5))
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
