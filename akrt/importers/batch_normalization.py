"""Folds batch normalisation left in a quantised Keras model into the layers before it.

As the Apache-2.0 source of cnn2snn 2.19 does before a conversion
(`transforms/batch_normalization.py`), in float32 and in its order: a normalisation after a pooling
is first moved in front of it, then each is folded into the kernel and bias of its neural layer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from akrt.importers.keras_config import KerasLayer

__all__ = ["NEURAL", "fold"]

NEURAL = ("QuantizedConv2D", "QuantizedSeparableConv2D", "QuantizedDense")
_POOLING = ("MaxPooling2D", "GlobalAveragePooling2D")


def fold(layers: list[KerasLayer]) -> list[KerasLayer]:
    """The layers without any BatchNormalization that can be folded.

    Raises:
        UnsupportedLayerError: a normalisation that cannot be folded exactly.
    """
    moved = _before_pooling(layers)
    folded: list[KerasLayer] = []
    for layer in moved:
        before = folded[-1] if folded else None
        if layer.kind == "BatchNormalization" and before is not None and before.kind in NEURAL:
            folded[-1] = _fold(before, layer)
        else:
            folded.append(layer)
    return folded


def _before_pooling(layers: list[KerasLayer]) -> list[KerasLayer]:
    moved: list[KerasLayer] = []
    i = 0
    while i < len(layers):
        pair = layers[i : i + 2]
        kinds = [layer.kind for layer in pair]
        if len(pair) == 2 and kinds[0] in _POOLING and kinds[1] == "BatchNormalization":
            gamma = _parameters(pair[1])[0]
            if kinds[0] == "MaxPooling2D" and np.any(gamma <= 0):
                raise pair[1].fail(
                    "has gammas that are not positive and follows a max pooling: fold it with "
                    "cnn2snn.quantize before training on"
                )
            moved += [pair[1], pair[0]]
            i += 2
        else:
            moved.append(layers[i])
            i += 1
    return moved


def _parameters(layer: KerasLayer) -> tuple[npt.NDArray[np.float32], ...]:
    if len(layer.weights) != 4 or any(
        w.ndim != 1 or w.shape != layer.weights[0].shape for w in layer.weights
    ):
        raise layer.fail("needs gamma, beta, mean and variance of one length (center and scale on)")
    if not all(np.isfinite(w).all() for w in layer.weights):
        raise layer.fail("has weights that are not finite")
    return layer.weights


def _fold(neural: KerasLayer, norm: KerasLayer) -> KerasLayer:
    quantizer = neural.config.get("quantizer")
    kind = quantizer.get("class_name") if isinstance(quantizer, dict) else None
    if "PerAxis" not in str(kind):
        raise norm.fail(
            f"can only be folded into a layer with a quantizer per axis; '{neural.name}' has {kind}"
        )
    gamma, beta, mean, variance = _parameters(norm)
    kernel_at = 1 if neural.kind == "QuantizedSeparableConv2D" else 0
    use_bias = neural.flag("use_bias")
    if len(neural.weights) != kernel_at + 1 + use_bias:
        raise neural.fail(f"has {len(neural.weights)} weight arrays in the file")
    kernel = neural.weights[kernel_at]
    if kernel.shape[-1:] != gamma.shape:
        raise norm.fail(f"has {gamma.shape[0]} channels after a kernel of shape {kernel.shape}")
    bias = neural.weights[kernel_at + 1] if use_bias else np.float32(0)
    with np.errstate(all="ignore"):
        scale = gamma / np.sqrt(variance + np.float32(norm.number("epsilon")))
        if np.any(scale == 0):
            raise norm.fail("has gammas of zero, which cannot be folded")
        folded = (kernel * scale, beta + (bias - mean) * scale)
    weights = (*neural.weights[:kernel_at], *(np.asarray(w, np.float32) for w in folded))
    return replace(neural, config={**neural.config, "use_bias": True}, weights=weights)
