"""Scales activations so that a coarse quantiser's few levels fall where the values are.

A ReLU does not mind a positive factor: a layer's kernel and bias times ``s`` and the next
layer's kernel divided by ``s`` compute the same, until a quantiser with fixed steps stands
between them. Of a few factors per layer that one is kept whose answers are closest to the
float network's (cross-entropy on training clips), one layer after the other.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.kws.network import keras_modules, logits_of

__all__ = ["balance"]

FACTORS = tuple(float(f) for f in 2.0 ** (np.arange(-4, 9) / 4))


def balance(
    model: Any, teacher: Any, x: npt.NDArray[np.uint8], *, last_only: bool = False
) -> dict[str, float]:
    """Rescale the layers of a freshly quantised model in place.

    Args:
        model: batch normalisation is folded; every layer but the last is followed by a ReLU.
        teacher: the float network.
        x: uint8 (N, frames, coefficients, 1), some training rows.
        last_only: only the activation before the classifier.

    Returns:
        The factor of every layer that was tried.
    """
    tf, _ = keras_modules()
    expected = tf.nn.softmax(logits_of(teacher)(x))
    logits = logits_of(model)

    @tf.function  # type: ignore[untyped-decorator]
    def distance() -> Any:
        told = tf.nn.softmax_cross_entropy_with_logits(expected, logits(x))
        return tf.reduce_mean(told)

    layers = [layer for layer in model.layers if layer.get_weights()]
    pairs = list(itertools.pairwise(layers))
    chosen = {}
    for layer, following in pairs[-1:] if last_only else pairs:
        scores = {}
        for factor in (1.0, *FACTORS):
            _rescale(layer, following, factor)
            scores[factor] = float(distance())
            _rescale(layer, following, 1 / factor)
        best = min(scores, key=lambda factor: scores[factor])
        _rescale(layer, following, best)
        chosen[layer.name] = best
    return chosen


def _rescale(layer: Any, following: Any, factor: float) -> None:
    """`layer` puts out `factor` times as much, `following` undoes it.

    A layer's last two tensors are the kernel that makes its outputs and their bias; a layer's
    first tensor meets its inputs.
    """
    *before, kernel, bias = layer.get_weights()
    layer.set_weights([*before, kernel * factor, bias * factor])
    first, *rest = following.get_weights()
    following.set_weights([first / factor, *rest])
