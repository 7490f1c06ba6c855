"""What is proven of a layer of Akida 2.0, so that fast kernels may take it: nothing saturates that
they do not clip, and nothing leaves 32 bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.lowering.scaled_arithmetic import (
    activate_2,
    bias_2,
    relu_bound,
    rounding_shift,
    saturate,
)
from akrt.lowering.scaled_operations import (
    MomentaryOperation,
    Scaled,
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledSpatial,
    ScaledTransposed,
)
from akrt.lowering.scaled_ranges import Range, scaled_ranges

__all__ = [
    "Narrow",
    "changes_input",
    "fast_path",
    "flips",
    "general_because",
    "narrow",
    "packs_weights",
    "tap_bytes",
]

Wide = npt.NDArray[np.int64]

_MOST_INPUTS = 1 << 16
"""Of a filter: what is computed between two ticks of a fast kernel."""
_LARGEST_KERNEL = 16
"""AKRT_AKIDA2_DWLINES_SIZE."""


@dataclass(frozen=True, eq=False)
class Narrow:
    """``clip((sum * factor + addend) >> right, low, most)``, all of it in 32 bits; (F,)."""

    addend: Wide
    factor: Wide
    right: Wide
    most: Wide


def changes_input(does: Scaled) -> bool:
    """Whether the weights multiply something else than what comes in, shifted or saturated."""
    low, high = does.layer.bounds(does.node.inputs[0])
    given = does.node.inputs[0]
    return does.input_shift is not None and bool(
        does.input_shift.any() or (low > given.low).any() or (high < given.high).any()
    )


def flips(does: Scaled) -> bool:
    """Whether bytes are beyond 127: kernels of signed bytes take 128 off."""
    return does.node.inputs[0].high > 127


def narrow(does: Scaled) -> Narrow | None:
    """How bytes are made of a layer's sums; None: that needs more than 32 bits."""
    layer, made = does.layer, does.node.output
    if layer.activation == "lut" or made.is_potential or _adds_up(does):
        return None
    sums, potentials = _sums(does), _potentials(does)
    if sums is None or potentials is None or layer.output_shift.max() > 0:
        return None
    scales, right = _wide(layer.output_scales), -_wide(layer.output_shift)
    half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    activated = Range(*(activate_2(layer, end) for end in (potentials.low, potentials.high)))
    top = np.full(layer.filters, made.high, np.int64)
    bits = layer.post_op_buffer_bits
    if layer.activation == "relu":
        ends = saturate(relu_bound(layer) * scales, bits)
        top = np.minimum(top, rounding_shift(ends, layer.output_shift))
    if not Range(activated.low * scales, activated.high * scales).within(bits):
        return None
    shift = 128 * _weight_sums(does) if flips(does) else np.zeros(layer.filters, np.int64)
    bias = potentials.low - sums.low
    addend = (bias + shift) * scales + half
    taken = Range(sums.low - shift, sums.high - shift)
    if isinstance(does, ScaledDepthwise) and changes_input(does):
        # floor((sum * 2**s * scale + addend) / 2**right) without the shift s of the input
        assert does.input_shift is not None
        moved = _wide(does.input_shift)
        if (moved > right).any():
            return None
        taken = Range(taken.low >> moved, taken.high >> moved)
        addend, right = addend >> moved, right - moved
    parts = (
        taken,
        Range(taken.low * scales, taken.high * scales),
        Range(addend, addend),
        Range(taken.low * scales + addend, taken.high * scales + addend),
    )
    if not all(part.within(32) for part in parts):
        return None
    return Narrow(addend, scales, right, top)


def fast_path(does: Scaled) -> bool:
    """Whether a kernel of signed bytes gives the layer's outputs."""
    if isinstance(does, ScaledTransposed):
        return False
    if changes_input(does) and not _shifts_fit(does):
        return False
    if does.weights.size // does.layer.filters > _MOST_INPUTS:
        return False
    if isinstance(does, ScaledDense):
        if _sums(does) is None:  # its sums do not wrap around
            return False
    elif isinstance(does, ScaledDepthwise) and (
        does.pool is not None or max(does.window.size) > _LARGEST_KERNEL
    ):
        return False
    if _adds_up(does):
        return not flips(does) and _total_fits(does)
    return not flips(does) or narrow(does) is not None


def tap_bytes(does: Scaled) -> int:
    """Of an input as fast kernels gather it: those of depthwise layers do not."""
    return 2 if changes_input(does) and not isinstance(does, ScaledDepthwise) else 1


def packs_weights(does: Scaled) -> bool:
    """Whether fast kernels take two of a convolution's weights in a byte: they have 4 bits, and
    sums of products fit 32 bits 16 times over."""
    if does.layer.weights_bits != 4 or isinstance(does, ScaledDepthwise):
        return False
    reach = 128
    if tap_bytes(does) == 2:
        assert does.input_shift is not None
        value = does.node.inputs[0]
        reach = max(-value.low, value.high) << int(does.input_shift.max())
    return int(np.abs(_wide(does.weights)).sum(0).max()) * reach < 1 << 27


def _shifts_fit(does: Scaled) -> bool:
    """Whether shifted inputs do not saturate, and fast kernels can take them: as halves of words,
    or, where a filter has one shift, behind the sums."""
    assert does.input_shift is not None
    value, shift = does.node.inputs[0], _wide(does.input_shift)
    low, high = value.low << shift, value.high << shift
    if not Range(low, high).within(min(does.layer.buffer_bits, 16)):
        return False
    if not scaled_ranges(_known(does)).sums.within(32):
        return False
    if isinstance(does, ScaledDepthwise):
        made = narrow(does)
        return made is not None
    return True


def general_because(does: Scaled) -> str:
    """What keeps a layer from `fast_path`, for people."""
    if isinstance(does, ScaledTransposed):
        return "a transposed convolution"
    if changes_input(does) and not _shifts_fit(does):
        return "its shifted input may saturate, or needs more than 16 bits"
    if does.weights.size // does.layer.filters > _MOST_INPUTS:
        return f"more than {_MOST_INPUTS:,} inputs of a filter"
    if isinstance(does, ScaledDepthwise) and does.pool is not None:
        return "pooling of a depthwise layer"
    if _adds_up(does):
        return "its sum over positions may saturate, or follows a look-up table"
    return "its sums may saturate, or need more than 32 bits on their way"


def _adds_up(does: Scaled) -> bool:
    return isinstance(does, ScaledSpatial) and does.pool == "sum"


def _total_fits(does: Scaled) -> bool:
    """Whether a sum over positions saturates nowhere."""
    potentials = _potentials(does)
    if potentials is None or does.layer.activation == "lut":
        return False
    assert isinstance(does, ScaledSpatial)
    activated = Range(*(activate_2(does.layer, end) for end in (potentials.low, potentials.high)))
    count = does.window.positions
    total = Range(activated.low * count, activated.high * count)
    return total.within(does.layer.post_op_buffer_bits)


def _sums(does: Scaled) -> Range | None:
    """The sums, where they neither wrap around nor saturate; None: they may."""
    sums = scaled_ranges(_known(does)).sums
    return sums if sums.within(32) and sums.within(does.layer.buffer_bits) else None


def _potentials(does: Scaled) -> Range | None:
    """The sums with the bias, where nothing saturates on the way; None: something may."""
    layer, sums = does.layer, _sums(does)
    if sums is None:
        return None
    bits, bias = layer.post_op_buffer_bits, bias_2(_known(does))
    found = Range(sums.low + bias, sums.high + bias)
    if isinstance(does, ScaledConvolution) and does.bias_first:
        bits = min(bits, layer.buffer_bits)
    return found if found.within(bits) else None


def _weight_sums(does: Scaled) -> Wide:
    weights = _wide(does.weights)
    axes = (0, 1) if isinstance(does, ScaledDepthwise) else (0,)
    sums: Wide = weights.sum(axes)
    return sums


def _known(does: Scaled) -> MomentaryOperation:
    assert isinstance(does, MomentaryOperation)
    return does


def _wide(values: npt.NDArray[np.generic]) -> Wide:
    return values.astype(np.int64)
