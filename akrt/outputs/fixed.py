"""Logits and what is computed with them in integers, so that C can decide equally.

A logit is in steps of 1/256; a share (softmax, sigmoid) and a threshold in steps of 1/65536.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import UsageError
from akrt.model import Model

__all__ = [
    "LOGIT_ONE",
    "SHARE_ONE",
    "exponentials",
    "fixed_logits",
    "logit_factors",
    "share",
    "sigmoids",
    "softmaxes",
]

LOGIT_ONE = 256
LOGIT_MOST = 65535
SHARE_ONE = 65536
FACTOR_BITS = 30
MAX_SHIFT = 60

_LEAST, _MOST = -12, 9
_WHOLE = np.array([round(SHARE_ONE * float(np.exp(n))) for n in range(_LEAST, _MOST + 1)])
"""int64: 65536 * e^n for n in -12..9."""
_PART = np.array([round(SHARE_ONE * float(np.exp(n / LOGIT_ONE))) for n in range(LOGIT_ONE)])
"""int64: 65536 * e^(n / 256) for n in 0..255."""

IntArray = npt.NDArray[np.int64]


def logit_factors(act_step: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int32], int]:
    """What makes logits of potentials: ``((potential - threshold) * factor) >> shift``.

    Args:
        act_step: float32 (C,), of the last layer.

    Returns:
        int32 (C,): 256 / act_step, shifted left by `shift`; the shift, below 0 where there is none.
    """
    exact = LOGIT_ONE / act_step.astype(np.float64)
    shift = min(MAX_SHIFT, FACTOR_BITS - int(np.ceil(np.log2(exact.max()))))
    if shift < 0:
        return np.zeros(len(act_step), np.int32), shift
    return np.minimum(np.rint(exact * 2.0**shift), 2**FACTOR_BITS).astype(np.int32), shift


def fixed_logits(model: Model, outputs: npt.NDArray[Any]) -> IntArray:
    """int64, of the shape of `outputs`: logits in 1/256, within +-65535.

    Args:
        model: the network, whose last layer has no activation.
        outputs: of `Runtime.forward`: int32 potentials, or floats of a `Dequantizer`, which are
            rounded to the nearest, halves to even.

    Raises:
        UsageError: an act_step of the last layer is too small.
    """
    final = model.final_step
    if final is None:
        logits = np.rint(np.asarray(outputs, np.float64) * LOGIT_ONE)
    else:
        threshold, act_step = final
        factor, shift = logit_factors(act_step)
        if shift < 0:
            raise UsageError(f"'{model.name}' has an act_step too small for scores")
        above = np.asarray(outputs).astype(np.int64) - threshold
        logits = (above * factor) >> shift
    fixed: IntArray = np.clip(logits, -LOGIT_MOST, LOGIT_MOST).astype(np.int64)
    return fixed


def exponentials(logits: IntArray) -> IntArray:
    """65536 * e^x of x in 1/256, within -12 and a little below 10.

    ``(whole[x >> 8] * part[x & 255]) >> 16`` with tables of 65536 * e^n and 65536 * e^(n / 256),
    rounded to the nearest.
    """
    within = np.clip(logits, _LEAST * LOGIT_ONE, (_MOST + 1) * LOGIT_ONE - 1)
    product = _WHOLE[(within >> 8) - _LEAST] * _PART[within & 255]
    result: IntArray = product >> 16
    return result


def sigmoids(logits: IntArray) -> IntArray:
    """Sigmoid in 1/65536: for x below 0 ``(e << 16) // (65536 + e)``, else 65536 less it of -x."""
    e = exponentials(-np.abs(logits))
    below = (e << 16) // (SHARE_ONE + e)
    return np.where(logits < 0, below, SHARE_ONE - below)


def softmaxes(logits: IntArray) -> IntArray:
    """Softmax over the last axis in 1/65536: ``(e << 16) // sum(e)``, e of x less the largest."""
    e = exponentials(logits - logits.max(axis=-1, keepdims=True))
    shares: IntArray = (e << 16) // e.sum(axis=-1, keepdims=True)
    return shares


def share(threshold: float) -> int:
    """A threshold in 1/65536, to the nearest."""
    return round(threshold * SHARE_ONE)
