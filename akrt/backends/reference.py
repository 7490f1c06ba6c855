"""The oracle: the numeric contract as `akrt.lowering.arithmetic` writes it out."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.backends.base import Backend, Output
from akrt.lowering.arithmetic import Memory, blank_memory, run_nodes
from akrt.lowering.operations import Spatial, operation
from akrt.lowering.scaled_operations import ScaledSpatial, ScaledTemporal
from akrt.model import Model, Node

MAX_WINDOW_BYTES = 1 << 32
_BATCH_BYTES = 1 << 28
"""Memory of the windows of the samples that are computed together, about."""


class ReferenceBackend(Backend):
    """Runs a model in int64 NumPy arithmetic, one layer after the other."""

    name = "reference"

    @classmethod
    def supports(cls, node: Node) -> str | None:
        windows = _window_bytes(node)
        if windows <= MAX_WINDOW_BYTES:
            return None
        return (
            f"needs {windows:,} bytes of memory for one sample, the reference backend takes at "
            f"most {MAX_WINDOW_BYTES:,}"
        )

    def __init__(self, model: Model) -> None:
        self._model = model
        windows = max(map(_window_bytes, model.nodes))
        self._at_once = max(1, _BATCH_BYTES // max(windows, 1))

    def run(self, x: npt.NDArray[Any]) -> Output:
        return self.run_on(x, None)[0]

    def run_on(self, x: npt.NDArray[Any], memory: Memory | None) -> tuple[Output, Memory]:
        memory = memory or blank_memory(self._model.nodes)
        after = {layer: dict(arrays) for layer, arrays in memory.items()}
        parts = []
        for start in range(0, max(len(x), 1), self._at_once):
            for output in run_nodes(self._model.nodes, x[start : start + self._at_once], after):
                last = output
            parts.append(last)
        return np.concatenate(parts), after

    def layer_outputs(self, x: npt.NDArray[Any]) -> list[Output]:
        return [output for output, _ in self._walk(x)]

    def layer_times(self, x: npt.NDArray[Any]) -> list[int]:
        return [nanoseconds for _, nanoseconds in self._walk(x)]

    def _walk(self, x: npt.NDArray[Any]) -> list[tuple[Output, int]]:
        outputs = []
        start = time.perf_counter_ns()
        for output in run_nodes(self._model.nodes, x):
            outputs.append((output, time.perf_counter_ns() - start))
            start = time.perf_counter_ns()
        return outputs


def _window_bytes(node: Node) -> int:
    """Memory of all windows of a layer for one sample."""
    does = operation(node)
    taps = 1
    if isinstance(does, Spatial | ScaledSpatial):
        taps = does.window.taps * node.input_shape[2]
    elif isinstance(does, ScaledTemporal):
        taps = len(does.weights) * node.input_shape[2]
    x, y, filters = node.conv_shape
    return 8 * x * y * (taps + filters)
