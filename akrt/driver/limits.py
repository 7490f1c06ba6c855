"""What the chips can hold: every violation of a model, layer by layer.

Those of Akida 2.0 stand in `akrt.driver.limits_akida2`. The limits here are those that the mapper
of akida 2.19 keeps on its virtual AKD1000 and AKD1500. The mapper stops at the first layer that
does not fit; here all are found. What depends on a whole network's share of the mesh (processors,
their memory, how filters are split over them) only the mapper can tell: `akrt.driver.check` asks
it.

X and Y are the first and second spatial axes, which akida calls width and height.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from akrt.driver.chips import akida_version, chips_of
from akrt.driver.limits_akida2 import broken_limits
from akrt.lowering.operations import (
    Dense,
    Neural,
    Operation,
    Pass,
    Separable,
    Spatial,
    beyond_akida_1,
    operation,
)
from akrt.model import Model, Node, SpatialLayer

__all__ = ["Violation", "violations"]

FIRST_INPUT_MIN = 5
FIRST_Y_MAX = 256
FIRST_FILTERS_MAX = {1: {3: 512, 5: 192, 7: 96}, 3: {3: 192, 5: 64, 7: 32}}
"""By input channels and kernel width."""
CHANNELS_MAX = 2048
FILTERS_MAX = 2048
DENSE_INPUTS_MAX = 57334
AVERAGE_X_MAX = 32
AVERAGE_Y_MIN = 3
CONV_CHANNELS_MAX = {
    **{(k, b): 448 if b == 4 else 896 for k in (1, 3, 5) for b in (1, 2, 4)},
    (7, 1): 896,
    (7, 2): 448,
    (7, 4): 149,
}
"""By kernel width and weight bits: one filter must fit the weight memory of one processor."""


@dataclass(frozen=True)
class Violation:
    """One property of one layer that the chip cannot do."""

    layer: str
    kind: str
    rule: str
    """Short name of the property."""
    limit: str
    value: str

    def __str__(self) -> str:
        if self.kind == "network":
            return f"network '{self.layer}': {self.rule} must be {self.limit}, is {self.value}"
        return (
            f"layer '{self.layer}' ({self.kind}): {self.rule} must be {self.limit}, is {self.value}"
        )

    def as_dict(self) -> dict[str, str]:
        """The same as plain types, for JSON."""
        return asdict(self)


Broken = tuple[str, str, Any]
"""(rule, limit, value)"""


def violations(model: Model, chip: str = "AKD1000") -> list[Violation]:
    """All violations of `chip`'s limits, in the order of layers.

    Args:
        model: any model; it need not fit.
        chip: one of `akrt.driver.chips.CHIP_NAMES`. The pooling windows of ``AKD1000`` and
            ``AKD1500`` differ; those of Akida 2.0 differ in their size alone.
    """
    found = []
    if akida_version(chip) != model.version:
        limit, value = f"Akida {akida_version(chip)}.0", f"Akida {model.version}.0"
        value = f"{value}: for {chips_of(model.version)}"
        return [Violation(model.name, "network", "version", limit, value)]
    if model.version == 2:
        return [
            Violation(node.layer.name, node.layer.kind, rule, limit, str(value))
            for node, (rule, limit, value) in broken_limits(model)
        ]
    operations = {node.layer.name: operation(node) for node in model.nodes}
    for node in model.nodes:
        layer = node.layer
        followers = [operations[other.layer.name] for other in model.takers(layer.name)]
        for rule, limit, value in _broken(operations[layer.name], followers, chip):
            found.append(Violation(layer.name, layer.kind, rule, limit, str(value)))
    return found


def _broken(does: Operation, followers: list[Operation], chip: str) -> Iterator[Broken]:
    if len(followers) > 1:
        yield "layers that take the output", "at most 1", len(followers)
    if beyond_akida_1(does.node) is not None:
        yield "layer type", "one of Akida 1.0", does.node.layer.kind
        return
    if isinstance(does, Pass):
        return
    if isinstance(does, Dense):
        inputs, input_max = len(does.weights), does.node.input_max
        if inputs > DENSE_INPUTS_MAX:
            yield "inputs", f"at most {DENSE_INPUTS_MAX}", inputs
        if does.layer.weights_bits == 8:
            yield "weight bits", "1, 2 or 4", does.layer.weights_bits
        if input_max not in (1, 3, 15):
            yield "input bits", "1, 2 or 4", input_max.bit_length()
    elif not isinstance(does, Spatial):
        yield "layer type", "one of Akida 1.0", does.node.layer.kind
        return
    elif _is_first(does):
        yield from _first(does)
    else:
        yield from _later(does, followers, chip)
    yield from _registers(does)


def _is_first(does: Neural) -> bool:
    """Whether it takes what the caller gives."""
    return not does.node.sources


def _first(does: Spatial) -> Iterator[Broken]:
    layer, node = does.layer, does.node
    x, y, channels = node.input_shape
    kernel, (stride_x, stride_y) = layer.kernel_size, layer.stride
    for axis, size in (("X", x), ("Y", y)):
        if size < FIRST_INPUT_MIN:
            yield f"input {axis}", f"at least {FIRST_INPUT_MIN}", size
    if y > FIRST_Y_MAX:
        yield "input Y", f"at most {FIRST_Y_MAX}", y
    square = kernel[0] == kernel[1]
    if not square or kernel[0] not in (3, 5, 7):
        yield "kernel", "3x3, 5x5 or 7x7", _by(kernel)
    else:
        if FIRST_INPUT_MIN <= x < kernel[0]:
            yield "input X", f"at least the kernel's {kernel[0]}", x
        most = FIRST_FILTERS_MAX[channels][kernel[0]]
        if layer.filters > most:
            yield f"filters ({_by(kernel)}, {channels} channels)", f"at most {most}", layer.filters
    if layer.padding == "valid" and FIRST_INPUT_MIN <= y < kernel[1] + stride_y:
        yield "input Y without padding", f"at least {kernel[1] + stride_y} (kernel + stride)", y
    if max(stride_x, stride_y) > 3:
        yield "stride", "1, 2 or 3", _by(layer.stride)
    yield from _first_pooling(layer, node)
    if layer.act_bits is None:
        yield "activation", "present", "absent"
    if not does.weights.any():
        yield "weights", "not all zero", 0


def _first_pooling(layer: SpatialLayer, node: Node) -> Iterator[Broken]:
    pooling = layer.pooling
    if pooling is None:
        return
    if pooling.size is None or pooling.stride is None:
        yield "pooling", "max or none", "global average"
        return
    if max(pooling.size) > 2:
        yield "pooling size", "1x1, 1x2, 2x1 or 2x2", _by(pooling.size)
    if pooling.stride != pooling.size:
        yield "pooling stride", f"the pooling size {_by(pooling.size)}", _by(pooling.stride)
    if node.output_shape[1] < 2:
        yield "output Y after max pooling", "at least 2", node.output_shape[1]


def _later(does: Spatial, followers: list[Operation], chip: str) -> Iterator[Broken]:
    layer, node = does.layer, does.node
    kernel, stride, channels = layer.kernel_size, layer.stride, node.input_shape[2]
    separable = isinstance(does, Separable)
    sizes = (3, 5, 7) if separable else (1, 3, 5, 7)
    if layer.padding != "same":
        yield "padding", "same", layer.padding
    if kernel[0] != kernel[1] or kernel[0] not in sizes:
        yield "kernel", " or ".join(f"{k}x{k}" for k in sizes), _by(kernel)
    if stride[0] != stride[1] or stride[0] > 2:
        yield "stride", "1x1 or 2x2", _by(stride)
    elif stride[0] == 2 and kernel != (3, 3):
        yield "kernel of a stride of 2", "3x3", _by(kernel)
    bits = (2, 4) if separable else (1, 2, 4)
    if layer.weights_bits not in bits:
        yield "weight bits", " or ".join(map(str, bits)), layer.weights_bits
    if channels > CHANNELS_MAX:
        yield "input channels", f"at most {CHANNELS_MAX}", channels
    elif not separable:
        most = CONV_CHANNELS_MAX.get((kernel[0], layer.weights_bits), CHANNELS_MAX)
        if channels > most:
            name = f"input channels ({_by(kernel)}, {layer.weights_bits}-bit weights)"
            yield name, f"at most {most}", channels
    if layer.filters > FILTERS_MAX:
        yield "filters", f"at most {FILTERS_MAX}", layer.filters
    if isinstance(does, Separable):
        for name, weights in (("depthwise", does.depthwise), ("pointwise", does.weights)):
            if not weights.any():
                yield f"{name} weights", "not all zero", 0
    yield from _later_pooling(layer, node, followers, chip)


def _later_pooling(
    layer: SpatialLayer, node: Node, followers: list[Operation], chip: str
) -> Iterator[Broken]:
    pooling = layer.pooling
    if pooling is None:
        return
    if pooling.size is None or pooling.stride is None:
        if node.input_shape[0] > AVERAGE_X_MAX:
            yield "input X of a global average", f"at most {AVERAGE_X_MAX}", node.input_shape[0]
        if node.conv_shape[1] < AVERAGE_Y_MIN:
            yield "Y before a global average", f"at least {AVERAGE_Y_MIN}", node.conv_shape[1]
        return
    most = 3 if chip == "AKD1500" else 2
    size, stride = pooling.size, pooling.stride
    if size[0] != size[1] or size[0] > most:
        allowed = "2x2 or 3x3" if most == 3 else "2x2"
        yield "pooling size", allowed, _by(size)
    elif min(node.input_shape[:2]) < size[0]:
        yield "input of a max pooling", f"at least {_by(size)}", _by(node.input_shape[:2])
    if stride[0] != stride[1]:
        yield "pooling stride", "the same on X and Y", _by(stride)
    if not followers or not all(isinstance(other, Spatial) for other in followers):
        after = followers[0].node.layer.kind if followers else "nothing"
        yield "the layer after max pooling", "Convolutional or SeparableConvolutional", after


def _registers(does: Neural) -> Iterator[Broken]:
    """Thresholds and steps that overflow the registers of their processor."""
    layer, first = does.layer, isinstance(does, Spatial) and _is_first(does)
    if layer.act_bits is not None:
        bits = 24 if first else 20
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        for value in (int(layer.threshold.min()), int(layer.threshold.max())):
            if not low <= value <= high:
                yield "threshold", f"{low}..{high} ({bits} bits)", value
    elif isinstance(does, Dense):
        return
    bits = 20 if first else 16
    most = (1 << bits) - 1
    step = float(np.floor(layer.act_step.max()))
    if step > most:
        yield "act_step", f"at most {most} ({bits} bits)", int(step)


def _by(pair: tuple[int, ...]) -> str:
    return "x".join(map(str, pair))
