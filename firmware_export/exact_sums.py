"""Whether large values take more work. Sums of a global average are computed once more, position by
position, where one of them might have left 20 bits on its way (akrt_separable_sum_rows.h); on cores
with vectors depthwise results of many taps are taken in two parts where one has more than 11 bits
(akrt_depthwise_lines_mve.h)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.arithmetic import run_node
from akrt.lowering.geometry import Window
from akrt.lowering.operations import Separable, akida_1_operation
from akrt.model import POTENTIAL_MAX, IntArray, Model

__all__ = [
    "results_may_be_large",
    "sums_may_saturate",
    "usual_results_are_large",
    "usual_sums_may_saturate",
]

_MOST = 2 * POTENTIAL_MAX
_LARGE = 1 << 10
"""Half of 2^AKRT_MID_UPPER_BITS."""
_NOISE = 7
"""Inputs that tell what is usual."""


def results_may_be_large(does: Separable) -> bool:
    """Whether there may be an input for which depthwise results are taken in two parts."""
    return does.node.max_depthwise >= _LARGE


def sums_may_saturate(does: Separable) -> bool:
    """Whether there may be an input for which the sums are computed once more."""
    taps = does.depthwise.reshape(does.window.taps, -1).astype(np.int64) * does.node.input_max
    largest = np.maximum(np.maximum(taps, 0).sum(0), -np.minimum(taps, 0).sum(0))
    reach = does.window.positions * largest @ np.abs(does.weights.astype(np.int64))
    return bool(2 * reach.max(initial=0) > _MOST)


def usual_results_are_large(model: Model, layer: int) -> bool:
    """Whether most depthwise results of a separable layer are taken in two parts where the input
    is noise."""
    results, _ = _usual_results(model, layer)
    return bool(((results >= _LARGE) | (results < -_LARGE)).any(3).mean() > 0.5)


def usual_sums_may_saturate(model: Model, layer: int) -> bool:
    """Whether the sums of a separable layer mostly are computed once more where the input is
    noise."""
    results, does = _usual_results(model, layer)
    weights = does.weights.astype(np.int64)
    reach = np.abs(results).sum((1, 2)) @ np.abs(weights)
    total = results.sum((1, 2)) @ weights
    return bool(((reach + np.abs(total)).max(1, initial=0) > _MOST).mean() > 0.5)


def _usual_results(model: Model, layer: int) -> tuple[npt.NDArray[np.int64], Separable]:
    """Depthwise results of a separable layer for some inputs of noise."""
    rng = np.random.default_rng(0)
    shape, top = (_NOISE, *model.input_shape), (1 << model.input_bits) - 1
    values = {"": rng.integers(0, top + 1, shape).astype(np.uint8)}
    for node in model.nodes[:layer]:
        values[node.layer.name] = run_node(node, *(values[s] for s in node.sources or ("",)))
    does = akida_1_operation(model.nodes[layer])
    assert isinstance(does, Separable)
    (source,) = model.nodes[layer].sources or ("",)
    return _depthwise(does.window, values[source], does.depthwise), does


def _depthwise(
    window: Window, values: IntArray, taps: npt.NDArray[np.int8]
) -> npt.NDArray[np.int64]:
    """(N, X', Y', C)."""
    around = [(window.before[axis], window.after[axis]) for axis in (0, 1)]
    padded = np.pad(values.astype(np.int64), ((0, 0), *around, (0, 0)))
    (x, y, _), (by_x, by_y) = window.target, window.stride
    shifts = ((i, j) for i in range(window.size[0]) for j in range(window.size[1]))
    results = np.zeros((len(values), x, y, padded.shape[3]), np.int64)
    for i, j in shifts:
        results += padded[:, i:, j:][:, : by_x * x : by_x, : by_y * y : by_y] * taps[i, j]
    return results
