"""The numeric contract of Akida 2.0, written a second time: whole numbers without bounds, gathered
by output.

It shares nothing with the package but the layers. What it meets on the way is counted, so that
tests can say what they reached.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from akrt.model import (
    BufferTempConv,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense1D,
    DepthwiseBufferTempConv,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    Dequantizer,
    InputConv2D,
    Model,
    Node,
    PicoPostProcessing,
    Quantizer,
    ScaledLayer,
    ScaledSpatialLayer,
    ShiftedAdd,
    SignedInputData,
    StatefulRecurrent,
)

Numbers = np.ndarray
"""Of Python's integers: dtype object."""
SPATIAL = (InputConv2D, Conv2D, DepthwiseConv2D)


def layer_outputs(
    model: Model, sample: np.ndarray, met: Counter[str], past: dict[str, Any] | None = None
) -> list[Numbers]:
    """Output of every layer for one sample (X, Y, C), of Python's numbers (X', Y', C').

    `past` holds what layers with memory met before, and then this sample too: at first nothing.
    """
    past = {} if past is None else past
    value = sample if sample.dtype == np.float32 else sample.astype(object)
    made: dict[str, Numbers] = {}
    for node in model.nodes:
        given = [made[name] for name in node.sources] or [value]
        made[node.layer.name] = _node_output(node, given, met, past)
    return list(made.values())


def _node_output(
    node: Node, given: list[Numbers], met: Counter[str], past: dict[str, Any]
) -> Numbers:
    layer = node.layer
    if isinstance(layer, Quantizer):
        return _quantized(layer, given[0])
    if isinstance(layer, Dequantizer):
        return np.array(given[0], np.float32) * layer.scales
    if isinstance(layer, Concatenate):
        return np.dstack(given)
    if isinstance(layer, PicoPostProcessing):
        wide = [input_.high > 2**15 for input_ in node.inputs]
        return _Bounds(layer, met).apart(given[wide.index(True)], given[wide.index(False)])
    if isinstance(layer, ShiftedAdd):
        return _Bounds(layer, met).added(given)
    if not isinstance(layer, ScaledLayer):
        assert layer.kind in ("InputData", SignedInputData.kind)
        return given[0]
    return _Bounds(layer, met).output(given[0], past)


class _Bounds:
    """A layer's arithmetic beyond its sums."""

    def __init__(self, layer: Any, met: Counter[str]) -> None:
        self.layer, self.met = layer, met

    def bounded(self, values: Numbers, bits: int, what: str) -> Numbers:
        half = 2 ** (bits - 1)
        self.met[f"{what} too low"] += int((values < -half).sum())
        self.met[f"{what} too high"] += int((values > half - 1).sum())
        return np.minimum(np.maximum(values, -half), half - 1)

    def wrapped(self, values: Numbers) -> Numbers:
        around = (values + 2**31) % 2**32 - 2**31
        self.met["wrapped around"] += int((around != values).sum())
        return around

    def scaled(self, values: Numbers, shift: np.ndarray) -> Numbers:
        """``floor(values * 2**shift + 1/2)``, by channel."""
        result = np.empty_like(values)
        for c, s in enumerate(shift.tolist()):
            up, down = 2 ** max(s, 0), 2 ** max(-s, 0)
            result[..., c] = (2 * values[..., c] * up + down) // (2 * down)
            self.met["halves"] += int(np.sum(values[..., c] % down * 2 == down)) if s < 0 else 0
        return result

    def added(self, given: list[Numbers]) -> Numbers:
        layer = self.layer
        parts = [
            self.bounded(x * _power(shift), layer.buffer_bits, "input")
            for x, shift in zip(given, (layer.a_shift, layer.b_shift), strict=True)
        ]
        total = self.bounded(parts[0] + parts[1], layer.buffer_bits, "buffer")
        return self.bounded(self.scaled(total, layer.output_shift), layer.output_bits, "output")

    def apart(self, predicted: Numbers, target: Numbers) -> Numbers:
        layer = self.layer
        scaled = predicted * layer.input_scales.astype(object)
        scaled = self.bounded(scaled, layer.buffer_bits, "prediction")
        scaled = self.bounded(self.scaled(scaled, layer.input_shift), 16, "prediction")
        steps = target.shape[1]
        mean = sum(abs(scaled[:, t] - target[:, t]) for t in range(steps)) // steps
        return (mean > layer.threshold.astype(object)).astype(object)[:, None]

    def output(self, x: Numbers, past: dict[str, Any]) -> Numbers:
        layer = self.layer
        post = layer.post_op_buffer_bits
        if not isinstance(layer, InputConv2D):
            if isinstance(layer, Dense1D):
                x = x.reshape(1, 1, -1)
            x = self.bounded(x * _power(layer.input_shift), layer.buffer_bits, "input")
        recurrent = isinstance(layer, StatefulRecurrent)
        bias = self.bounded(
            layer.bias.astype(object) * _power(layer.bias_shift),
            layer.buffer_bits if recurrent else post,
            "bias",
        )
        if isinstance(layer, BufferTempConv | DepthwiseBufferTempConv):
            seen = past.setdefault(layer.name, [])
            seen.append(x)
            sums = self.remembered(seen)
        elif recurrent:
            sums = self.turned(x, past) @ layer.weights.astype(object)
        else:
            sums = _sums(layer, x)
        if isinstance(layer, InputConv2D):
            p = self.bounded(sums + bias, layer.buffer_bits, "buffer")
        else:
            exact = isinstance(layer, Dense1D | StatefulRecurrent)
            sums = sums if exact else self.wrapped(sums)
            p = self.bounded(sums, layer.buffer_bits, "buffer") + bias
            if recurrent:
                p = self.bounded(p, layer.buffer_bits, "buffer")
        p = self.bounded(p, post, "potential")
        pooling = layer.pooling if isinstance(layer, ScaledSpatialLayer) else None
        if pooling is not None and pooling.size is not None and pooling.stride is not None:
            windows = _windows(p.shape, pooling.size[0], pooling.stride[0], layer.padding)
            p = _assembled(p.shape[2], {at: _inside(p, w).max(0) for at, w in windows})
        p = self.activated(p)
        if pooling is not None and pooling.size is None:
            total = np.zeros(p.shape[2], object)
            for place in p.reshape(-1, p.shape[2]):
                total = self.bounded(total + place, post, "sum")
            p = total[None, None]
        p = self.bounded(p * layer.output_scales.astype(object), post, "scaled")
        p = self.scaled(p, layer.output_shift)
        if layer.output_bits > 4:
            return self.bounded(p, layer.output_bits, "output")
        top = 2**layer.output_bits - 1
        self.met["output too low"] += int((p < 0).sum())
        self.met["output too high"] += int((p > top).sum())
        return np.minimum(np.maximum(p, 0), top)

    def remembered(self, seen: list[Numbers]) -> Numbers:
        """Sums over the last inputs; what is before the first one counts nothing."""
        layer = self.layer
        weights = layer.weights.astype(object)
        total: Any = 0
        for age in range(min(len(weights), len(seen)) - 1, -1, -1):
            x, row = seen[-1 - age], weights[len(weights) - 1 - age]
            if isinstance(layer, BufferTempConv):
                total = total + x @ row
            else:
                total = self.bounded(total + x * row, layer.buffer_bits, "step")
        return np.asarray(total)

    def turned(self, x: Numbers, past: dict[str, Any]) -> Numbers:
        """Real parts of a recurrence behind the steps that count: (1, T', S)."""
        layer = self.layer
        post, kept = layer.post_op_buffer_bits, []
        turn = list(zip(layer.a_real.tolist(), layer.a_imag.tolist(), strict=True))
        number = past.get(layer.name) or [(0, 0)] * len(turn)
        for step in range(x.shape[1]):
            new = self.bounded(
                x[0, step] @ layer.in_proj.astype(object), layer.buffer_bits, "projection"
            )
            new = self.bounded(new * layer.new_state_scale.astype(object), post, "new")
            new = self.bounded(self.scaled(new, layer.new_state_shift), post, "new")
            parts = []
            for (re, im), (a, b), more in zip(number, turn, new.tolist(), strict=True):
                four = np.array([re * a, im * b, re * b, im * a], object)
                ra, ib, rb, ia = self.bounded(four, post, "turn").tolist()
                both = self.bounded(np.array([ra - ib, rb + ia], object), post, "turn")
                parts.append(self.bounded(both + np.array([more, 0], object), post, "turn"))
            found = self.scaled(np.array(parts, object).T, layer.internal_state_outputs_shift)
            found = self.bounded(found, layer.internal_state_bits, "number")
            number = list(zip(*found.tolist(), strict=True))
            kept.append(found[0])
        past[layer.name] = number
        return np.array(kept[layer.subsample - 1 :: layer.subsample], object)[None]

    def activated(self, p: Numbers) -> Numbers:
        layer = self.layer
        if layer.activation == "relu":
            most = layer.max_value.astype(object) * _power(layer.max_value_shift)
            most = self.bounded(most, layer.post_op_buffer_bits, "max_value")
            self.met["beyond a ReLU"] += int((p > most).sum())
            return np.minimum(np.maximum(p, 0), most)
        if layer.activation == "lut":
            scales = layer.activation_scales.astype(object)
            index = self.bounded(p * scales, layer.post_op_buffer_bits, "scaled for a table")
            index = self.bounded(self.scaled(index, layer.activation_shift), 11, "index")
            return layer.lut_values.astype(object)[(index + 1024).astype(int)]
        return p


def _power(shift: np.ndarray) -> Numbers:
    return np.array([2**s for s in shift.tolist()], object)


def _quantized(layer: Quantizer, x: np.ndarray) -> Numbers:
    if layer.channels_first:
        x = np.moveaxis(x, 0, 2)
    low, high = 0, 2**layer.output_bits - 1
    if layer.output_signed:
        low, high = -(2 ** (layer.output_bits - 1)), 2 ** (layer.output_bits - 1) - 1
    result = np.empty(x.shape, object)
    for place in np.ndindex(x.shape):
        product = Fraction(float(x[place] * layer.scales[place[2]]))
        whole = math.floor(abs(product) + Fraction(1, 2)) * (-1 if product < 0 else 1)
        result[place] = min(max(whole + int(layer.zero_points[place[2]]), low), high)
    return result


def _sums(layer: ScaledLayer, x: Numbers) -> Numbers:
    """Sums of products: Python's integers (X', Y', F)."""
    weights = layer.weights.astype(object)
    if isinstance(layer, Dense1D):
        return x @ weights
    if isinstance(layer, Conv2DTranspose | DepthwiseConv2DTranspose):
        return _transposed(layer, x, weights)
    assert isinstance(layer, SPATIAL)
    kernel = weights.shape[0]
    border = np.zeros(x.shape[2], object)
    if isinstance(layer, InputConv2D):
        border = layer.padding_value.astype(object)
    made = {}
    for at, places in _windows(x.shape, kernel, layer.stride, layer.padding):
        taps = np.array([x[p] if _is_inside(x, p) else border for p in places], object)
        if isinstance(layer, DepthwiseConv2D):
            made[at] = (taps * weights.reshape(kernel * kernel, -1)).sum(0)
        else:
            made[at] = taps.reshape(-1) @ weights.reshape(-1, layer.filters)
    return _assembled(layer.filters, made)


def _transposed(layer: ScaledLayer, x: Numbers, weights: Numbers) -> Numbers:
    """Each output asks which inputs painted it."""
    kernel = weights.shape[0]
    front = 1 if kernel == 4 else 0
    made = {}
    for u, v in np.ndindex(2 * x.shape[0], 2 * x.shape[1]):
        total = np.zeros(layer.filters, object)
        for a, b in np.ndindex(kernel, kernel):
            i, j = u + front - a, v + front - b
            if i % 2 or j % 2 or not _is_inside(x, (i // 2, j // 2)):
                continue
            value = x[i // 2, j // 2]
            each = isinstance(layer, DepthwiseConv2DTranspose)
            total = total + (value * weights[a, b] if each else value @ weights[a, b])
        made[u, v] = total
    return _assembled(layer.filters, made)


def _windows(
    shape: tuple[int, ...], size: int, stride: int, padding: str
) -> Iterator[tuple[tuple[int, int], list[tuple[int, int]]]]:
    """Every output's place and the places that its window covers."""
    counts, before = [], []
    for n in shape[:2]:
        count = (n - size) // stride + 1 if padding == "valid" else math.ceil(n / stride)
        missing = max((count - 1) * stride + size - n, 0)
        counts.append(count)
        before.append({"valid": 0, "same": missing // 2, "same_upper": size // 2}[padding])
    for x, y in np.ndindex(*counts):
        left, top = x * stride - before[0], y * stride - before[1]
        yield (x, y), [(left + a, top + b) for a, b in np.ndindex(size, size)]


def _is_inside(x: Numbers, place: tuple[int, int]) -> bool:
    return 0 <= place[0] < x.shape[0] and 0 <= place[1] < x.shape[1]


def _inside(x: Numbers, places: list[tuple[int, int]]) -> Numbers:
    return np.array([x[place] for place in places if _is_inside(x, place)], object)


def _assembled(channels: int, made: dict[tuple[int, int], Numbers]) -> Numbers:
    x, y = (max(at[axis] for at in made) + 1 for axis in (0, 1))
    result = np.empty((x, y, channels), object)
    for at, values in made.items():
        result[at] = values
    return result
