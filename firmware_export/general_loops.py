"""Loops of the general kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Convolution, Dense, Separable
from firmware_export.loop_counts import Task, Work, axis_cover

__all__ = ["GENERAL_LOOPS"]


def _visited(task: Task) -> tuple[list[npt.NDArray[np.float64]], float]:
    """How often a general kernel computes the potentials at every position, by axis, and in all."""
    does = task.does
    assert isinstance(does, (Convolution, Separable))
    counts = [np.ones(size) for size in does.window.target[:2]]
    if does.pooling is not None:
        counts = [axis_cover(does.pooling, axis).sum(0) for axis in (0, 1)]
    return counts, float(counts[0].sum() * counts[1].sum())


def _general(task: Task) -> Work:
    does = task.does
    assert isinstance(does, (Convolution, Separable))
    positions = _visited(task)[1]
    x, y, _ = task.work.target.shape
    filters = does.layer.filters
    return {
        "once": 1,
        "positions": positions,
        "outputs": positions * filters,
        "written": x * y,
        "filters": filters,
        "largest": x * y * filters if does.pool == "max" else 0,
    }


def _potentials(task: Task) -> Work:
    does = task.does
    assert isinstance(does, (Convolution, Separable))
    counts, positions = _visited(task)
    window, filters = does.window, does.layer.filters
    bits, channels = does.layer.weights_bits, window.source[2]
    of_axis = [axis_cover(window, axis).sum(1) for axis in (0, 1)]
    within = float((of_axis[0] @ counts[0]) * (of_axis[1] @ counts[1]))
    taps = positions * window.taps
    if isinstance(does, Separable):
        return {
            "positions": positions,
            "outputs": positions * filters,
            "channels": positions * channels,
            "taps": taps,
            "taps within": within,
            f"depthwise {bits}": within * channels,
            f"products {bits}": positions * channels * filters,
        }
    told: Work = {
        "positions": positions,
        "outputs": positions * filters,
        "taps": taps * filters,
        "taps within": within * filters,
        "columns": positions * window.size[0] * filters,
        f"products {bits}": within * channels * filters,
        f"not zero {bits}": task.nonzero * within * channels * filters,
    }
    if does.border:
        told[f"border {bits}"] = (taps - within) * channels * filters
    return told


def _general_dense(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Dense)
    inputs, filters = does.weights.shape
    bits = does.layer.weights_bits
    return {
        "once": 1,
        "filters": filters,
        f"products {bits}": inputs * filters,
        f"not zero {bits}": task.nonzero * inputs * filters,
    }


GENERAL_LOOPS = {
    "akrt_conv_potentials": _potentials,
    "akrt_layer_dense": _general_dense,
    "akrt_layer_max": _general,
    "akrt_layer_plain": _general,
    "akrt_layer_sum": _general,
    "akrt_separable_potentials": _potentials,
}
"""By part of a kernel."""
