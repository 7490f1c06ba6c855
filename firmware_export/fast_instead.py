"""What a layer of a general kernel would be with a fast one: the same layer with weights of 4 bits,
alone, so that nothing else keeps it from fast kernels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Convolution, Dense, Separable, akida_1_operation
from akrt.model import InputData, Model
from firmware_export.lowered import Lowered, lower

__all__ = ["fast_instead"]

_BITS, _TOP = 4, 7


def fast_instead(model: Model, index: int) -> Lowered | None:
    """A network of the layer alone, which is its last, or None where no fast kernel could do it."""
    node = model.nodes[index]
    layer: Any = node.layer
    does = akida_1_operation(node)
    weighted = isinstance(does, (Convolution, Dense, Separable)) and node.sources
    if weighted and layer.weights_bits > _BITS:
        arrays = ("depthwise", "pointwise") if isinstance(does, Separable) else ("weights",)
        narrow: dict[str, Any] = {name: _narrow(getattr(layer, name)) for name in arrays}
        layer = replace(layer, weights_bits=_BITS, **narrow)
    if not node.sources:
        alone = Model((layer,))
    else:
        given = InputData("in", node.input_shape, _BITS)
        inputs = {layer.name: ("in",) * len(node.sources)} if len(node.sources) > 1 else {}
        alone = Model((given, layer), inputs=inputs)
    lowered = lower(alone, "net")
    general = any(work.general_because for step in lowered.steps for work in step.works)
    return None if general else lowered


def _narrow(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    return np.clip(weights // (1 << _BITS), -_TOP, _TOP).astype(np.int8)
