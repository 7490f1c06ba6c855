"""Moves a quantised Keras network onto the numbers that its converted form has.

Conversion floors thresholds to integers and truncates activation steps to sixteenths, so a
quantised Keras network and the chip disagree on a few clips in a hundred. Biases and scales can
be set so that nothing is left to round, and Keras computes what the converted network computes.

Steps keep twelve significant bits of the sixteenths. That moves the highest level by 1/500 of a
step at most, and makes one multiplication of 16 bits do for the activations of a layer on
microcontrollers: with odd sixteenths the levels' rounding leaves its constants next to no room.

With ``u`` the integer potential per unit of a filter's output (1 /
input step x scale of the weights x pooled positions) and ``t`` half the activation's step, a
filter is at level ``n + 1`` from the potential on that exceeds ``u (t - bias) + n u step``.
(Formulas: `akrt.importers.cnn2snn_h5`.)
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from akrt.importers.weight_quantizers import Quantizer

__all__ = ["move_to_chip_grid"]

SAFE = 1 / 64
"""Added to what conversion floors: more than float32 may be off."""

STEP_BITS = 12


def move_to_chip_grid(model: Any) -> None:
    """Set kernels' scales and biases in place so that conversion rounds nothing.

    Args:
        model: the DS-CNN with quantised weights: a Rescaling, then neural layers with a bias, each
            but the last followed by a QuantizedReLU.
    """
    neural = [layer for layer in model.layers if layer.get_weights()]
    places = [model.layers.index(layer) for layer in neural]
    per_unit = 1 / model.get_layer("rescaling").scale
    for layer, (start, stop) in zip(neural, pairwise([*places, len(model.layers)]), strict=True):
        between = model.layers[start + 1 : stop]
        positions = 1
        if any("GlobalAverage" in type(x).__name__ for x in between):
            positions = int(np.prod(layer.output_shape[1:3]))
        activation = next((x for x in between if hasattr(x, "bitwidth")), None)
        per_unit = _move(layer, activation, per_unit, positions)


def _move(layer: Any, activation: Any, per_unit: float, positions: int) -> float:
    """Integers per unit of the layer's quantised output."""
    *before, kernel, bias = layer.get_weights()
    u = np.float64(per_unit) * _scale(layer.quantizer, kernel) * positions
    for other in before:
        u = u * _scale(layer.quantizer_dw, other)
    if activation is None:
        layer.set_weights([*before, kernel, -(np.floor(-u * bias) + SAFE) / u])
        return 1.0
    levels = 2.0**activation.bitwidth
    step = float(activation.step)
    threshold = np.floor(u * (step / 2 - bias))
    sixteenths = _significant(np.floor(u * step * levels))
    wanted = (sixteenths + np.maximum(SAFE, 4e-7 * sixteenths)) / (step * levels)
    # Potentials are integers and levels are whole grains apart: half a grain above the threshold
    # no potential lies, and none is a tie that Keras' float32 would decide.
    grain = 1 / levels
    bias = step / 2 - (threshold + grain / 2) / wanted
    layer.set_weights([*before, kernel * (u / wanted), bias])
    return float(1 / step)


def _significant(values: Any) -> Any:
    """Whole numbers with all but their `STEP_BITS` highest bits rounded away."""
    unit = 2.0 ** np.maximum(np.frexp(values)[1] - STEP_BITS, 0)
    return np.round(values / unit) * unit


def _scale(quantizer: Any, kernel: Any) -> Any:
    """float64 () or (F,): integers per unit of weight."""
    kind = type(quantizer).__name__
    return Quantizer(kind, int(quantizer.bitwidth)).scale(kernel).astype(np.float64)
