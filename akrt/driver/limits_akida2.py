"""What chips of Akida 2.0 can hold: the limits that akida 2.19's mapper keeps on virtual devices.

Where branches are not nested, that mapper may end the process: such a network must not be given
to it. What hangs on the memory and number of processors the mapper alone can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from akrt.lowering.operations import Operation, Pass, operation
from akrt.lowering.scaled_operations import (
    Concatenation,
    Dequantisation,
    Scaled,
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledSpatial,
    ScaledTransposed,
    ShiftedAddition,
)
from akrt.model import Model, Node, ScaledLayer

__all__ = ["Broken", "broken_branches", "broken_limits"]

Broken = tuple[str, str, Any]
"""(rule, limit, value)"""

FIRST_INPUT_MIN = 5
FIRST_Y_MAX = 384
FIRST_FILTERS_MAX = 512
FIRST_STRIDE_MAX = 6
FIRST_POOLS = ((2, 2), (3, 2))
"""(size, stride)"""
CHANNELS_MAX = 2048
FILTERS_MAX = 2048
CONV_CHANNELS_MAX = {
    **{(1, bits): CHANNELS_MAX for bits in (4, 8)},
    (3, 4): 1365,
    (3, 8): 682,
    (5, 4): 512,
    (5, 8): 204,
    (7, 4): 195,
    (7, 8): 73,
}
"""By kernel width and weight bits: one filter must fit the weight memory of one processor."""
TRANSPOSED_CHANNELS_MAX = {3: 682, 4: 341}
"""The same by kernel width."""
TRANSPOSED_Y_MAX = 128
AVERAGE_POSITIONS_MAX = 144
AVERAGE_X_MAX = 64
DENSE_INPUTS_MAX = 2048
INPUT_SHIFT_MAX = 7
LUT_BITS = 14
ADD_SHIFT_MAX = 15
ADD_OUTPUT_SHIFTS = (-4, 3)

Merge = Concatenation | ShiftedAddition
Filters = ScaledConvolution | ScaledDepthwise | ScaledTransposed


def broken_limits(model: Model) -> Iterator[tuple[Node, Broken]]:
    """All limits that a network of Akida 2.0 breaks, in the order of layers."""
    operations = {node.layer.name: operation(node) for node in model.nodes}
    unnested = dict(broken_branches(model))
    for node in model.nodes:
        does = operations[node.layer.name]
        after = [operations[other.layer.name] for other in model.takers(node.layer.name)]
        found: list[Broken] = []
        if isinstance(does, Scaled):
            found += _scaled(does, after)
        elif isinstance(does, Merge):
            found += _merge(does, [operations[name] for name in node.sources], after)
        elif isinstance(does, Dequantisation) and isinstance(operations[node.sources[0]], Pass):
            found.append(("the layer before", "one with weights", _kind(operations, node)))
        if node in unnested:
            found.append(unnested[node])
        for broken in found:
            yield node, broken


def broken_branches(model: Model) -> Iterator[tuple[Node, Broken]]:
    """The layers whose branches are not nested as akida's mapper needs it, once each."""
    ends = _ends_of_branches(model)
    for node in model.nodes:
        takers = model.takers(node.layer.name)
        merges = len(node.sources) == 2
        if merges and node.sources[0] == node.sources[1]:
            yield node, ("the layers before", "two", "one, twice")
        elif len(takers) > (2 if node.sources else 1):
            most = "at most 2" if node.sources else "at most 1, as it is an entrance"
            yield node, ("layers that take the output", most, len(takers))
        elif len(takers) == 2:
            one, other = (ends[taker.layer.name] for taker in takers)
            if one is None or one != other:
                limit = "joined in pairs, the inner ones first"
                yield node, ("the branches that begin here", limit, "joined otherwise")
            elif merges and _is_short(model, takers):
                limit = "of at least 2 layers beside one of none"
                yield node, ("a branch after a merge", limit, "of 1 layer")
        elif merges and takers and len(takers[0].sources) == 2:
            yield node, ("the layer after", "a convolution", takers[0].layer.kind)


def _ends_of_branches(model: Model) -> dict[str, str | None]:
    """The merge where a branch that begins with a layer meets its other one; None: nowhere."""
    ends: dict[str, str | None] = {}
    beyond: dict[str, str | None] = {}
    for node in reversed(model.nodes):
        name, takers = node.layer.name, model.takers(node.layer.name)
        found = {ends[taker.layer.name] for taker in takers}
        end = found.pop() if len(found) == 1 else None
        if len(takers) == 2 and end is not None:
            end = beyond[end]
        beyond[name] = end if len(takers) in (1, 2) else None
        ends[name] = name if len(node.sources) == 2 else beyond[name]
    return ends


def _is_short(model: Model, takers: tuple[Node, ...]) -> bool:
    """Whether one of two branches has no layer and the other has one."""
    merges = [node for node in takers if len(node.sources) == 2]
    others = [node for node in takers if len(node.sources) != 2]
    return (
        len(merges) == 1
        and len(others) == 1
        and any(taker is merges[0] for taker in model.takers(others[0].layer.name))
    )


def _kind(operations: dict[str, Operation], node: Node) -> str:
    return operations[node.sources[0]].node.layer.kind


def _scaled(does: Scaled, after: list[Operation]) -> Iterator[Broken]:
    layer = does.layer
    if isinstance(does, ScaledConvolution) and does.bias_first:
        yield from _first(does, after)
    elif isinstance(does, ScaledDense):
        yield from _dense(does, after)
    elif isinstance(does, Filters):
        yield from _filters(does, after)
    else:
        return  # a kind that is not known here: the mapper tells
    if layer.lut_values is not None:
        half = 1 << (LUT_BITS - 1)
        for value in sorted({int(layer.lut_values.min()), int(layer.lut_values.max())}):
            if not -half <= value < half:
                yield "lut_values", f"{-half}..{half - 1} ({LUT_BITS} bits)", value


def _first(does: ScaledConvolution, after: list[Operation]) -> Iterator[Broken]:
    layer, (x, y, _) = does.layer, does.node.input_shape
    kernel = layer.kernel_size[0]
    if x < FIRST_INPUT_MIN:
        yield "input X", f"at least {FIRST_INPUT_MIN}", x
    if not FIRST_INPUT_MIN <= y <= FIRST_Y_MAX:
        yield "input Y", f"{FIRST_INPUT_MIN} to {FIRST_Y_MAX}", y
    if kernel not in (3, 4, 5, 7):
        yield "kernel", "3x3, 4x4, 5x5 or 7x7", f"{kernel}x{kernel}"
    most = min(kernel, FIRST_STRIDE_MAX)
    if layer.stride > most:
        yield "stride", f"at most {most}", layer.stride
    if layer.filters > FIRST_FILTERS_MAX:
        yield "filters", f"at most {FIRST_FILTERS_MAX}", layer.filters
    if layer.weights_bits != 8:
        yield "weight bits", "8", layer.weights_bits
    if layer.activation is None:
        yield "activation", "relu or lut", "absent"
    elif layer.output_bits not in (4, 8):
        yield "output bits", "4 or 8", layer.output_bits
    yield from _narrow(layer)
    if layer.activation is not None and layer.padding == "same_upper" and layer.output_bits != 8:
        yield "output bits with padding same_upper", "8", layer.output_bits
    if not layer.weights.any():
        yield "weights", "not all zero", 0
    if layer.pooling is not None and layer.pooling.size and layer.pooling.stride:
        pool = (layer.pooling.size[0], layer.pooling.stride[0])
        if pool not in FIRST_POOLS:
            told = f"{pool[0]}x{pool[0]} every {pool[1]}"
            yield "max pooling", "2x2 or 3x3, every 2", told
        yield from _max_pooling(layer, after, dense=True)


def _filters(does: Filters, after: list[Operation]) -> Iterator[Broken]:
    layer, (_, y, channels) = does.layer, does.node.input_shape
    kernel, transposed = layer.weights.shape[0], isinstance(does, ScaledTransposed)
    depthwise = does.depthwise if isinstance(does, ScaledTransposed) else False
    depthwise = depthwise or isinstance(does, ScaledDepthwise)
    yield from _input(does, (8,) if transposed else (4, 8))
    if transposed and layer.weights_bits != 8:
        yield "weight bits", "8", layer.weights_bits
    if channels > CHANNELS_MAX:
        yield "input channels", f"at most {CHANNELS_MAX}", channels
    elif not depthwise:
        limits = TRANSPOSED_CHANNELS_MAX.get(kernel, CHANNELS_MAX)
        name = f"input channels ({kernel}x{kernel})"
        if not transposed:
            limits = CONV_CHANNELS_MAX.get((kernel, layer.weights_bits), CHANNELS_MAX)
            name = f"input channels ({kernel}x{kernel}, {layer.weights_bits}-bit weights)"
        if channels > limits:
            yield name, f"at most {limits}", channels
    if layer.filters > FILTERS_MAX:
        yield "filters", f"at most {FILTERS_MAX}", layer.filters
    if layer.activation is None:
        if layer.output_bits not in (8, 28):
            yield "output bits without activation", "8 or 28", layer.output_bits
    elif layer.output_bits not in ((8,) if transposed else (4, 8)):
        yield "output bits", "8" if transposed else "4 or 8", layer.output_bits
    yield from _narrow(layer)
    four_bits = layer.weights_bits == 4 and layer.output_bits == 8 and not transposed
    if four_bits and depthwise == (layer.activation is not None):
        limit = "4" if depthwise else "28, or an activation present"
        yield "output bits of 4-bit weights", limit, layer.output_bits
    if transposed and y > TRANSPOSED_Y_MAX:
        yield "input Y", f"at most {TRANSPOSED_Y_MAX}", y
    if isinstance(does, ScaledSpatial):
        yield from _spatial(does, after)


def _spatial(does: ScaledSpatial, after: list[Operation]) -> Iterator[Broken]:
    layer, (x, y, _) = does.layer, does.node.input_shape
    kernel = layer.kernel_size[0]
    sizes = (3, 5, 7) if isinstance(does, ScaledDepthwise) else (1, 3, 5, 7)
    if kernel not in sizes:
        yield "kernel", " or ".join(f"{k}x{k}" for k in sizes), f"{kernel}x{kernel}"
    if layer.padding == "valid":
        yield "padding", "same or same_upper", layer.padding
    if layer.padding == "same_upper":
        if layer.weights_bits != 8:
            yield "weight bits with padding same_upper", "8", layer.weights_bits
        if layer.activation is not None and layer.output_bits != 8:
            yield "output bits with padding same_upper", "8", layer.output_bits
    pooling = layer.pooling
    if pooling is None:
        return
    if layer.stride > 1:
        yield "stride of a layer that pools", "1", layer.stride
    if pooling.size is None:
        if x > AVERAGE_X_MAX:
            yield "input X of a global average", f"at most {AVERAGE_X_MAX}", x
        if x * y > AVERAGE_POSITIONS_MAX:
            limit = f"at most {AVERAGE_POSITIONS_MAX}"
            yield "input X times Y of a global average", limit, x * y
        if layer.output_bits > 8:
            yield "output bits of a global average", "at most 8", layer.output_bits
        return
    size = pooling.size[0]
    if size != 2:
        yield "max pooling", "2x2", f"{size}x{size}"
    if min(x, y) < size:
        yield "input of a max pooling", f"at least {size}x{size}", f"{x}x{y}"
    yield from _max_pooling(layer, after, dense=False)


def _max_pooling(layer: ScaledLayer, after: list[Operation], dense: bool) -> Iterator[Broken]:
    if layer.activation == "lut":
        yield "activation before max pooling", "no look-up table", layer.activation
    if not after or not all(
        _is_convolution(other) or (dense and isinstance(other, ScaledDense)) for other in after
    ):
        limit = "a convolution or Dense1D" if dense else "a convolution"
        kind = after[0].node.layer.kind if after else "nothing"
        yield "the layer after max pooling", limit, kind


def _dense(does: ScaledDense, after: list[Operation]) -> Iterator[Broken]:
    layer = does.layer
    if len(does.weights) > DENSE_INPUTS_MAX:
        yield "inputs", f"at most {DENSE_INPUTS_MAX}", len(does.weights)
    yield from _input(does, (4, 8))
    if layer.activation == "lut":
        yield "activation", "relu or none", layer.activation
    allowed = (8, 28, 32) if layer.activation is None else (4, 8)
    if layer.output_bits not in allowed:
        told = f"{', '.join(map(str, allowed[:-1]))} or {allowed[-1]}"
        with_or_without = "without" if layer.activation is None else "with"
        yield f"output bits {with_or_without} activation", told, layer.output_bits
    yield from _narrow(layer)
    if layer.weights_bits == 4 and layer.output_bits == 8:
        limit = "28 or 32" if layer.activation is None else "4"
        yield "output bits of 4-bit weights", limit, layer.output_bits
    for other in after:
        if not isinstance(other, ScaledDense | Dequantisation):
            kind = other.node.layer.kind
            yield "the layer after", "Dense1D, Dequantizer or none", kind


def _input(does: Scaled, bits: tuple[int, ...]) -> Iterator[Broken]:
    """What comes in, and how it is shifted."""
    given = does.node.inputs[0].bits
    if given not in bits:
        yield "input bits", " or ".join(map(str, bits)), given
    if given < does.layer.weights_bits:
        yield "weight bits", f"at most the input's {given}", does.layer.weights_bits
    if does.input_shift is not None and does.input_shift.max() > INPUT_SHIFT_MAX:
        yield "input_shift", f"at most {INPUT_SHIFT_MAX} (3 bits)", int(does.input_shift.max())


def _narrow(layer: ScaledLayer) -> Iterator[Broken]:
    if layer.activation == "lut" and layer.output_bits == 4:
        yield "output bits of a look-up table", "8", layer.output_bits


def _merge(does: Merge, sources: list[Operation], after: list[Operation]) -> Iterator[Broken]:
    for source in sources:
        if not isinstance(source, Merge) and not _is_convolution(source):
            kind = source.node.layer.kind
            yield "the layers before", "convolutions or merges", kind
    others = [o for o in after if not isinstance(o, Merge) and not _is_convolution(o)]
    if not after or others:
        kind = others[0].node.layer.kind if others else "nothing"
        yield "the layer after", "a convolution", kind
    if not isinstance(does, ShiftedAddition):
        return
    layer = does.layer
    if layer.output_bits != 8:
        yield "output bits", "8", layer.output_bits
    a, b = layer.a_shift.astype(int), layer.b_shift.astype(int)
    apart = int(np.abs(a - b).max())
    if apart > ADD_SHIFT_MAX:
        yield "difference of a_shift and b_shift", f"at most {ADD_SHIFT_MAX}", apart
    total = layer.output_shift + np.maximum(a, b)
    low, high = ADD_OUTPUT_SHIFTS
    for value in sorted({int(total.min()), int(total.max())}):
        if not low <= value <= high:
            yield "output_shift plus the greater of a_shift and b_shift", f"{low}..{high}", value


def _is_convolution(does: Operation) -> bool:
    """Whether it takes what others give and is not dense; so are kinds unknown here."""
    first = isinstance(does, ScaledConvolution) and does.bias_first
    return isinstance(does, Scaled) and not isinstance(does, ScaledDense) and not first
