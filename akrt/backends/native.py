"""Any CPU: the project's own fixed-point kernels, one C call per forward."""

from __future__ import annotations

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from akrt.backends.base import Backend, Output
from akrt.errors import BackendUnavailableError, UsageError
from akrt.kernels._kernels import Network, architectures
from akrt.model import (
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    NeuralLayer,
    Padding,
    Pair,
    SeparableConvolutional,
    Shape,
    Stage,
)

_log = logging.getLogger("akrt")

_INT16_MAX = (1 << 15) - 1
_BISECT_DISTANCE = 1 << 23
_BISECT_STEP = 1 << 27
_DEPTH_MULTIPLE = 8
_MACS_PER_THREAD = 5_000_000
"""Waking a thread costs as much as this much work."""


class Scale(TypedDict):
    """Constants of akrt_act_s32_scale (src_c/include/akrt/kernels.h)."""

    top: npt.NDArray[np.int32]
    mul: npt.NDArray[np.uint32]
    add: npt.NDArray[np.uint32]
    shift: int


class NativeBackend(Backend):
    """Runs a model with the C kernels. Safe to call from many threads.

    The kernels are those of the best architecture that this CPU has, or of the one that the
    environment variable AKRT_ARCH names; the integers are the same with all of them.

    Args:
        model: the network.
        threads: how many may share the samples of one batch; None: one for each CPU. A single
            sample takes one thread. The result does not depend on it.

    Raises:
        BackendUnavailableError: AKRT_ARCH names kernels that are not built in or not for this CPU.
        UsageError: `threads` is not a positive number.
    """

    name = "native"
    options = frozenset({"threads"})

    def __init__(self, model: Model, threads: int | None = None) -> None:
        if threads is not None and (type(threads) is not int or threads < 1):
            raise UsageError(f"threads must be a positive number, got {threads!r}")
        self._threads = threads or _cpus()
        self._share = max(1, _MACS_PER_THREAD // max(model.macs, 1))
        self._pool: ThreadPoolExecutor | None = None
        self._starting = Lock()
        self._neural = [s for s in model.stages if not isinstance(s.layer, InputData)]
        self._skipped = len(model.stages) - len(self._neural)
        self._arch, block = choose_arch(os.environ.get("AKRT_ARCH", ""))
        _log.info("native kernels: %s", self._arch)
        packed = [pack(s, block) for s in self._neural]
        self._network = Network(packed, self._arch) if packed else None

    def run(self, x: npt.NDArray[np.uint8]) -> Output:
        network = self._network
        if network is None:
            return x.copy()
        parts = min(self._threads, len(x) // self._share)
        if parts < 2:
            return network.run(x)
        y = network.empty(len(x))
        edges = [len(x) * i // parts for i in range(parts + 1)]
        with self._starting:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads - 1, "akrt-native")
            pool = self._pool
        others = [
            pool.submit(network.run, x[start:stop], y[start:stop])
            for start, stop in pairwise(edges[1:])
        ]
        network.run(x[: edges[1]], y[: edges[1]])
        for other in others:
            other.result()
        return y

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

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
        return {
            "kernels": self._arch,
            "threads": str(self._threads),
            "arena": f"{arena} bytes",
        }


def _cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def usable_archs() -> list[str]:
    """Names of the kernel sets that this CPU can run, best first."""
    return [name for name, _, usable in architectures() if usable]


def choose_arch(wanted: str) -> tuple[str, int]:
    """(name, filter block) of the kernel set `wanted`, or of the best one here if it is empty."""
    for name, block, usable in architectures():
        if usable and wanted in ("", name):
            return name, block
    names = ", ".join(usable_archs())
    raise BackendUnavailableError(f"AKRT_ARCH={wanted}: the kernels that run here are {names}")


def pack(stage: Stage, block: int) -> dict[str, Any]:
    """The fields of `akrt_layer` (src_c/include/akrt/network.h) for one layer.

    Args:
        stage: the layer in its place.
        block: how many filters stand side by side in the weights (kernels.inc).
    """
    layer = stage.layer
    assert not isinstance(layer, InputData)
    packed: dict[str, Any] = {
        "pool": None,
        "border": 0,
        "wide_depthwise": 0,
        "output_shape": stage.output_shape,
        **_activation(layer, stage.max_potential),
    }
    if isinstance(layer, FullyConnected):
        x, y, c = stage.input_shape
        # rows come as (C, Y, X); memory holds (X, Y, C)
        rows = layer.weights.reshape(c, y, x, -1).transpose(2, 1, 0, 3).reshape(x * y * c, -1)
        packed.update(
            op="dense",
            conv=_window(stage.input_shape, stage.output_shape, (1, 1), (1, 1), "valid"),
            **_weights(rows, block),
        )
        return packed
    conv = _window(
        stage.input_shape, stage.conv_shape, layer.kernel_size, layer.stride, layer.padding
    )
    if isinstance(layer, SeparableConvolutional):
        wide = stage.max_depthwise > _INT16_MAX
        packed.update(
            op="separable",
            depthwise=layer.depthwise.astype(np.int16),
            wide_depthwise=int(wide),
            halves=None if wide else _halves(layer, stage),
            **_weights(layer.pointwise, 1 if wide else block),
        )
    else:
        packed.update(op="conv", **_weights(layer.weights.reshape(-1, layer.filters), block))
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


def _weights(weights: npt.NDArray[np.int8], block: int) -> dict[str, Any]:
    """(K, F) in the order of akrt_matmul_s16s16: see kernels.inc; K and F filled up with zeros."""
    inputs, filters = weights.shape
    depth = -(-inputs // _DEPTH_MULTIPLE) * _DEPTH_MULTIPLE
    rows = np.zeros((filters, depth), np.int16)
    rows[:, :inputs] = weights.T
    return {"weights": interleave(rows, block), "filters": filters, "depth": depth}


def _halves(layer: SeparableConvolutional, stage: Stage) -> npt.NDArray[np.int16] | None:
    """Weights for summing before the pointwise product (network.h); None where it cannot be."""
    positions = stage.conv_shape[0] * stage.conv_shape[1]
    average = layer.pooling is not None and layer.pooling.kind == "average"
    if not average or positions * stage.max_potential > np.iinfo(np.int32).max:
        return None
    inputs, filters = layer.pointwise.shape
    depth = -(-inputs // _DEPTH_MULTIPLE) * _DEPTH_MULTIPLE
    halves = np.zeros((filters, 2, depth), np.int16)
    weights = layer.pointwise.T.astype(np.int16)
    halves[:, 0, :inputs], halves[:, 1, :inputs] = weights.clip(0), (-weights).clip(0)
    return halves.reshape(filters, 2 * depth)


def interleave(rows: npt.NDArray[np.int16], block: int) -> npt.NDArray[np.int16]:
    """(F, depth) to (blocks of filters, depth / 2, block, 2), the last block filled with zeros."""
    filters, depth = rows.shape
    whole = np.zeros((-(-filters // block) * block, depth), np.int16)
    whole[:filters] = rows
    pairs = whole.reshape(-1, block, depth // 2, 2).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(pairs)


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


def _activation(layer: NeuralLayer, max_potential: int) -> dict[str, Any]:
    """The cheapest way from potentials to activations that is exact for this layer."""
    chosen: dict[str, Any] = {"act": None, "act_bits": layer.act_bits}
    if layer.act_bits is None:
        return chosen
    chosen["threshold"] = layer.threshold
    reach = max_potential + int(np.abs(layer.threshold.astype(np.int64)).max())
    if reach >= _BISECT_DISTANCE:
        limits = np.iinfo(np.int32)
        levels = np.clip(layer.firing_levels, limits.min, limits.max).astype(np.int32)
        return {**chosen, "act": "levels", "levels": levels}
    step = layer.step16 << (4 - layer.act_bits)
    scale = find_scale(layer.firing_levels - layer.threshold, step)
    if scale is not None:
        return {**chosen, "act": "scale", "scale": scale}
    return {**chosen, "act": "bisect", "step": np.minimum(step, _BISECT_STEP).astype(np.int32)}


def find_scale(levels: npt.NDArray[np.int64], step: npt.NDArray[np.int64]) -> Scale | None:
    """Constants with which ``(v * mul + add) >> shift`` counts the levels below v, or None.

    Args:
        levels: int64 (2**bits - 1, F), ascending by channel from 0: distances from the threshold.
        step: int64 (F,), sixteenths from one level to the next.

    Returns:
        ``top`` int32, ``mul`` and ``add`` uint32, each (F,), and ``shift``, such that for every
        whole v in 0..top the result is exact and fits 32 bits; beyond top it is that of top.

    The result grows with v, so it is exact if it is n at level n and n + 1 one above it: an upper
    and a lower bound for ``add`` from every level.
    """
    n = np.arange(len(levels))[:, None, None]
    at = levels[:, None, :]
    top = levels[-1] + 1
    if np.any(np.diff(levels, axis=0) < 1):
        return None
    for shift in range(28, 15, -1):
        one = 1 << shift
        # the quotient rounded down and up; one level a value is the most there can be
        mul = np.minimum((one * 16 // step) + np.arange(2)[:, None], one)
        low = np.maximum(((n + 1) * one - (at + 1) * mul).max(0), 0)
        high = ((n + 1) * one - 1 - at * mul).min(0)
        high = np.minimum(high, (len(levels) + 1) * one - 1 - top * mul)
        fits = (low <= high) & (top * mul + low < 1 << 32) & (mul < 1 << 32)
        if np.all(fits.any(0)):
            which = fits.argmax(0)[None]
            return {
                "top": top.astype(np.int32),
                "mul": np.take_along_axis(mul, which, 0)[0].astype(np.uint32),
                "add": np.take_along_axis(low, which, 0)[0].astype(np.uint32),
                "shift": shift,
            }
    return None
