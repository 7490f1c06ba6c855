"""Activations of a layer as the firmware's kernels compute them: one multiply-add where exact."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.requantisation import (
    HIGH_WORD,
    MulAdd,
    NarrowMulAdd,
    bisection,
    solve,
)
from akrt.model import NeuralLayer

__all__ = ["bisect_constants", "muladd_constants", "narrow_constants"]

Wide = npt.NDArray[np.int64]


def bisect_constants(layer: NeuralLayer, reach: int) -> Wide | None:
    """(F, 2): threshold and step for bisection; None where 32 bits could overflow."""
    found = bisection(layer, reach)
    return None if found is None else np.stack(found, axis=1)


def muladd_constants(
    layer: NeuralLayer, low: Wide, high: Wide, high_word: bool = False
) -> tuple[Wide, int] | None:
    """((F, 2) of factor and addend, shift), exact for every potential in ``low..high``.

    Args:
        layer: with an activation of 4 bits.
        low: smallest potential of every filter, (F,).
        high: largest.
        high_word: only the form with the high word is of use.

    Returns:
        The constants, the shift being `HIGH_WORD` larger for the form with the high word; None if
        no shift serves all filters without leaving 32 bits.
    """
    assert layer.act_bits == 4
    for in_high_word in (True,) if high_word else (False, True):
        found = solve(MulAdd(layer, low, high, in_high_word), layer.firing_levels, low, high)
        if found is not None:
            constants = np.stack([found.factors, found.addend], axis=1)
            return constants, found.setting[0] + HIGH_WORD * in_high_word
    return None


def narrow_constants(layer: NeuralLayer, low: Wide, high: Wide) -> tuple[Wide, int, int] | None:
    """`muladd_constants` of 16 bits: ((F, 2) of factor and addend, shift, bits), or None.

    The activation is ``(P * factor + (addend << bits)) >> shift``, clipped.
    """
    assert layer.act_bits == 4
    found = solve(NarrowMulAdd(layer, low, high), layer.firing_levels, low, high)
    if found is None:
        return None
    shift, bits = found.setting
    return np.stack([found.factors, found.addend], axis=1), shift, bits
