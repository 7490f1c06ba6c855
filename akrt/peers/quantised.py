"""A model as other runtimes take it: 8-bit tensors with a scale and a zero point.

Peers have no 4-bit activations and no ceil: they get the same layers, shapes and integer weights,
with the steps between layers as scales. `run_float` is the network that both approximate, so a
peer's outputs can be checked before its time is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.errors import UnsupportedLayerError
from akrt.lowering.geometry import window
from akrt.lowering.operations import Dense, Pass, Separable, Spatial, akida_1_operation
from akrt.model import Model, NeuralLayer, Padding, Pair, Shape

__all__ = ["Quantised", "QuantisedOp", "QuantisedTensor", "quantise", "run_float"]

Float: TypeAlias = npt.NDArray[np.float64]
Kind: TypeAlias = Literal["conv", "depthwise", "dense", "max", "mean"]


@dataclass(frozen=True)
class QuantisedTensor:
    """One sample's shape, and what its bytes mean: ``scale * (byte - zero)``, unsigned bytes."""

    shape: Shape
    scale: float
    zero: int


@dataclass(frozen=True, eq=False)
class QuantisedOp:
    """One operation. `weights` times `weight_scale` and `bias` are in units of real values.

    Weights are int8: conv (kx, ky, C, F), depthwise (kx, ky, C), dense (X * Y * C, F); a clamp to
    the range of the output's bytes is the activation.
    """

    kind: Kind
    output: QuantisedTensor
    size: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Padding = "valid"
    weights: npt.NDArray[np.int8] | None = None
    weight_scale: Float | None = None
    bias: Float | None = None


@dataclass(frozen=True)
class Quantised:
    """A network of such operations, each reading the one before it."""

    name: str
    input: QuantisedTensor
    ops: tuple[QuantisedOp, ...]

    @property
    def output(self) -> QuantisedTensor:
        """The last operation's output."""
        return self.ops[-1].output


@dataclass(frozen=True, eq=False)
class _RealOp:
    """An operation on real numbers; `low` and `high` clamp, None: whatever values occur."""

    kind: Kind
    shape: Shape
    size: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Padding = "valid"
    weights: npt.NDArray[np.int8] | None = None
    weight_scale: Float | None = None
    bias: Float | None = None
    top: int | None = None


def quantise(model: Model, x: npt.NDArray[np.uint8]) -> Quantised:
    """Lower a model; the ranges of tensors that have no activation are those for the samples `x`.

    Args:
        model: the network.
        x: uint8 (N, X, Y, C).
    """
    border = _border(model)
    value = x.astype(np.float64) - border
    ops = []
    for op in _real_ops(model):
        value = _run(op, value)
        low, high = (0.0, float(op.top)) if op.top else (min(value.min(), 0.0), value.max())
        scale = max(high - low, 1e-6) / 255
        tensor = QuantisedTensor(op.shape, scale, round(-low / scale))
        weights = (op.weights, op.weight_scale, op.bias)
        ops.append(QuantisedOp(op.kind, tensor, op.size, op.stride, op.padding, *weights))
    source = QuantisedTensor(model.input_shape, 1.0, border)
    return Quantised(model.name, source, tuple(ops))


def run_float(model: Model, x: npt.NDArray[np.uint8]) -> Float:
    """Outputs (N, F') of the network in floating point, with unrounded activations.

    They estimate ``(P - threshold) / act_step``; an activation is estimated half a level up, since
    the integer one is rounded up.
    """
    border = _border(model)
    value = x.astype(np.float64) - border
    for op in _real_ops(model):
        value = _run(op, value)
    return value.reshape(len(x), -1)


def _border(model: Model) -> int:
    """What is beyond the edges of the input."""
    first = akida_1_operation(model.nodes[0])
    return first.border if isinstance(first, Spatial) else 0


def _real_ops(model: Model) -> list[_RealOp]:
    ops: list[_RealOp] = []
    for node in model.nodes:
        does = akida_1_operation(node)
        if isinstance(does, Pass):
            continue
        if not isinstance(does, (Dense, Spatial)):
            raise UnsupportedLayerError(
                node.layer.name,
                node.layer.kind,
                "other runtimes get chains of layers only",
            )
        scale, bias = _activation(does.layer)
        top = node.output_max
        if isinstance(does, Dense):
            ops.append(
                _RealOp(
                    "dense",
                    node.output_shape,
                    weights=does.weights,
                    weight_scale=scale,
                    bias=bias,
                    top=top,
                )
            )
            continue
        size, stride, padding = does.window.size, does.window.stride, does.layer.padding
        average = does.pool == "sum"
        if average:  # a mean of potentials that are larger by the count is their sum
            scale = scale * does.window.positions
        if isinstance(does, Separable):
            channels = node.input_shape[2]
            shape = (*node.conv_shape[:2], channels)
            one, none = np.ones(channels), np.zeros(channels)
            ops.append(
                _RealOp("depthwise", shape, size, stride, padding, does.depthwise, one, none)
            )
            weights = does.weights[None, None]
            size = stride = (1, 1)
        else:
            weights = does.weights.reshape(*size, node.input_shape[2], -1)
            bias = bias + scale * does.border * does.weights.astype(np.int64).sum(0)
        clamp = None if average else top
        ops.append(
            _RealOp("conv", node.conv_shape, size, stride, padding, weights, scale, bias, clamp)
        )
        if average:
            ops.append(_RealOp("mean", node.output_shape, top=top))
        elif does.pooling is not None:
            # the activation grows with the potential: it may come before the maximum
            moved = (does.pooling.size, does.pooling.stride, padding)
            ops.append(_RealOp("max", node.output_shape, *moved, top=top))
    return ops


def _activation(layer: NeuralLayer) -> tuple[Float, Float]:
    """(scale, bias) of potentials: to activations, or to what `predict` gives."""
    threshold = layer.threshold.astype(np.float64)
    if layer.act_bits is None:
        step = layer.act_step.astype(np.float64)
        return 1 / step, -threshold / step
    step = layer.step16 * 2.0 ** (4 - layer.act_bits) / 16
    return 1 / step, 0.5 - threshold / step


def _run(op: _RealOp, x: Float) -> Float:
    if op.kind == "mean":
        y = x.mean((1, 2), keepdims=True)
    elif op.kind == "dense":
        assert op.weights is not None
        y = (x.reshape(len(x), -1) @ op.weights)[:, None, None, :]
    else:
        n, *source = x.shape
        moved = window((source[0], source[1], source[2]), op.shape, op.size, op.stride, op.padding)
        edges = zip(moved.before, moved.after, strict=True)
        fill = -np.inf if op.kind == "max" else 0.0
        x = np.pad(x, [(0, 0), *edges, (0, 0)], constant_values=fill)
        y = np.zeros((n, *op.shape)) + (fill if op.kind == "max" else 0.0)
        for i, j in np.ndindex(*op.size):
            part = x[:, i : i + op.stride[0] * op.shape[0] : op.stride[0]]
            part = part[:, : op.shape[0], j : j + op.stride[1] * op.shape[1] : op.stride[1]]
            if op.kind == "max":
                y = np.maximum(y, part)
            else:
                assert op.weights is not None
                tap = op.weights[i, j]
                y += part * tap if op.kind == "depthwise" else part @ tap
    if op.weight_scale is not None and op.bias is not None:
        y = y * op.weight_scale + op.bias
    clamped: Float = y if op.top is None else np.clip(y, 0, op.top)
    return clamped
