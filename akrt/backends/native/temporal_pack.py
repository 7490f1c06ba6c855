"""How the native backend plans layers with memory, and what compares with time."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.backends.native.activations import Potentials
from akrt.backends.native.plan import LayerPlan
from akrt.backends.native.products import ShortProduct
from akrt.backends.native.scaled_pack import finish, pack_scaled
from akrt.backends.native.scaled_proof import SumOfProducts, find_scaled
from akrt.backends.native.temporal_plan import ComparePlan, Recall, RecurrentPlan
from akrt.backends.native.weights import short_product
from akrt.kernels._kernels import Architecture
from akrt.lowering.over_time import as_spatial, saturates_by_step
from akrt.lowering.scaled_operations import Comparison, ScaledRecurrent, ScaledTemporal
from akrt.lowering.scaled_ranges import scaled_ranges

__all__ = ["TemporalOperation", "pack_temporal"]

TemporalOperation: TypeAlias = ScaledTemporal | ScaledRecurrent | Comparison
"""What is planned here."""

Wide: TypeAlias = npt.NDArray[np.int64]

_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1
_INT32_MAX = (1 << 31) - 1


def pack_temporal(does: TemporalOperation, arch: Architecture) -> LayerPlan:
    """The plan of one layer.

    Args:
        does: what the layer does.
        arch: the kernels that will run it.
    """
    if isinstance(does, Comparison):
        return _comparison(does)
    if isinstance(does, ScaledRecurrent):
        return _recurrent(does, arch)
    return _over_time(does, arch)


def _over_time(does: ScaledTemporal, arch: Architecture) -> LayerPlan:
    x, y, channels = does.node.input_shape
    planned = pack_scaled(as_spatial(does), arch, saturates_by_step(does))
    return replace(planned, recall=Recall(len(does.weights), x, y * channels))


def _recurrent(does: ScaledRecurrent, arch: Architecture) -> LayerPlan:
    layer, value = does.layer, does.node.inputs[0]
    ranges = scaled_ranges(does)
    assert does.input_shift is not None
    given = None
    if layer.internal_state_bits == 16 and not ranges.wraps:
        reach = np.abs(does.weights.astype(np.int64)).sum(0).max() << 15
        if reach <= _INT32_MAX:
            given = short_product(does.weights, arch.filter_block)
    plan = RecurrentPlan(
        input_shift=does.input_shift,
        in_proj=layer.in_proj,
        a_real=layer.a_real,
        a_imag=layer.a_imag,
        new_scale=layer.new_state_scale,
        new_shift=layer.new_state_shift,
        state_shift=layer.internal_state_outputs_shift,
        weights=does.weights,
        taken=_taken(does, ranges.inputs.low, ranges.inputs.high, arch),
        given=given,
        steps=value.shape[1],
        channels=value.shape[2],
        states=len(does.weights),
        subsample=layer.subsample,
        item=np.dtype(value.dtype).itemsize,
        has_sign=value.dtype != "uint8",
        buffer_bits=layer.buffer_bits,
        bits=layer.post_op_buffer_bits,
        state_bits=layer.internal_state_bits,
    )
    fitted = None if given is None else find_scaled(SumOfProducts(does, ranges), None)
    return LayerPlan(layer.filters, plan, fitted or finish(does, None))


def _taken(does: ScaledRecurrent, low: Wide, high: Wide, arch: Architecture) -> ShortProduct | None:
    """The product of the input; None where 16 and 32 bits may not hold it."""
    weights = does.layer.in_proj.astype(np.int64)
    reach = (np.abs(weights) * np.maximum(np.abs(low), np.abs(high))[:, None]).sum(0).max()
    if low.min() < _INT16_MIN or high.max() > _INT16_MAX or reach > _INT32_MAX:
        return None
    return short_product(does.layer.in_proj, arch.filter_block)


def _comparison(does: Comparison) -> LayerPlan:
    layer = does.layer
    steps, channels = does.node.inputs[0].shape[1:]
    plan = ComparePlan(
        scale=layer.input_scales,
        shift=layer.input_shift,
        threshold=layer.threshold,
        steps=steps,
        prediction=does.prediction,
        item=np.dtype(does.node.inputs[does.prediction].dtype).itemsize,
        buffer_bits=layer.buffer_bits,
    )
    return LayerPlan(channels, plan, Potentials())
