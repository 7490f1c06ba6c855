"""Layers of Akida 2.0 with memory as steps. What they remember lies in the caller's ``state``.

A layer that buffers inputs keeps that of now, too, beside those before it: its convolution then
reads them where they lie. A number of a recurrent layer is two words, real parts first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.scaled_operations import Comparison, ScaledRecurrent, ScaledTemporal
from akrt.lowering.scaled_ranges import scaled_ranges
from firmware_export.akida2_constants import element_bytes, scaled_constants
from firmware_export.layer_constants import constant
from firmware_export.remembered import state_tensor
from firmware_export.sizes import AKIDA2_LAYER, AKIDA2_RECURRENCE, Size, akida2_recurrent_scratch
from firmware_export.step import Constant, Tensor

__all__ = ["Call", "comparison_call", "recall_call", "recurrent_call", "seen"]

Call = tuple[str, str, tuple[Constant, ...], dict[str, Size]]
"""Kernels; C text with a place for every source, for the target and for the scratch; constants;
what was counted on."""

_INT32_MAX = (1 << 31) - 1


def seen(does: ScaledTemporal, place: int) -> Tensor:
    """The inputs that a layer sees, each line of the oldest, then of the next; `place`: in the
    state."""
    x, y, channels = does.node.input_shape
    shape = (x * len(does.weights), y, channels)
    return state_tensor(shape, place)


def recall_call(does: ScaledTemporal) -> Call:
    """Puts the input behind those before it."""
    x, y, channels = does.node.input_shape
    text = f"akrt_akida2_recall({{}}, {x}, {y * channels}, {len(does.weights)}, {{}});"
    return "akrt_akida2_recall", text, (), {}


def recurrent_call(prefix: str, does: ScaledRecurrent, place: int) -> Call:
    """All of a recurrent layer; `place`: of what it remembers, in the state."""
    layer, given = does.layer, does.node.inputs[0]
    ranges = scaled_ranges(does)
    reach = np.maximum(np.abs(ranges.inputs.low), np.abs(ranges.inputs.high))
    narrow_in = _bounded(layer.in_proj, reach)
    half = np.full(len(does.weights), 1 << (layer.internal_state_bits - 1), np.int64)
    assert does.input_shift is not None
    name = f"{prefix}_turn"
    arrays = [
        constant(f"{name}_shift", "uint8_t", does.input_shift, "of the input, by channel"),
        constant(f"{name}_in", "int8_t", layer.in_proj.T, "(states, channels)"),
        constant(f"{name}_real", "int16_t", layer.a_real, "by state"),
        constant(f"{name}_imag", "int16_t", layer.a_imag, ""),
        constant(f"{name}_new_scale", "uint8_t", layer.new_state_scale, ""),
        constant(f"{name}_new_shift", "int8_t", layer.new_state_shift, ""),
        constant(f"{name}_out_shift", "int8_t", layer.internal_state_outputs_shift, ""),
    ]
    numbers = [
        given.shape[1], given.shape[2], len(does.weights), layer.subsample, element_bytes(given),
        layer.internal_state_bits, int(narrow_in), int(_bounded(does.weights, half)),
    ]  # fmt: skip
    fields = ", ".join((*map(str, numbers), *(array.name for array in arrays)))
    text = f"static const akrt_akida2_recurrence {name} = {{{fields}}};\n"
    found = (
        *arrays,
        Constant(name, text, AKIDA2_RECURRENCE.bytes),
        *scaled_constants(prefix, does, input_shift=False),
    )
    sizes = {
        "layer": AKIDA2_LAYER,
        "recurrence": AKIDA2_RECURRENCE,
        "scratch": akida2_recurrent_scratch(given.shape[2]),
    }
    call = f"akrt_akida2_recurrent(&{prefix}, &{name}, {{}}, state_bytes + {place}, {{}}, {{}});"
    return "akrt_akida2_recurrent", call, found, sizes


def _bounded(weights: npt.NDArray[np.int8], reach: npt.NDArray[np.int64]) -> bool:
    """Whether 32 bits hold the sums of weights (K, F) and inputs up to `reach`, (K,)."""
    wide = np.abs(weights.astype(np.int64)) * reach[:, None]
    return bool(wide.sum(0).max() <= _INT32_MAX)


def comparison_call(prefix: str, does: Comparison) -> Call:
    """A comparison; the prediction comes first."""
    layer = does.layer
    _, steps, channels = does.node.inputs[0].shape
    arrays = (
        constant(f"{prefix}_scales", "uint16_t", layer.input_scales, "of the prediction"),
        constant(f"{prefix}_shifts", "int8_t", layer.input_shift, ""),
        constant(f"{prefix}_thresholds", "uint16_t", layer.threshold, ""),
    )
    numbers = f"{steps}, {channels}, {layer.buffer_bits}"
    names = ", ".join(array.name for array in arrays)
    return (
        "akrt_akida2_apart",
        f"akrt_akida2_apart({{}}, {{}}, {numbers}, {names}, {{}});",
        arrays,
        {},
    )
