"""Outputs of layers of networks of Akida 2.0, and constants that spread them over their range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from akrt.lowering.arithmetic import run_node, run_nodes
from akrt.model import AnyLayer, Model, ScaledLayer, ShiftedAdd
from akrt.model.node import connect

__all__ = ["ending_in", "outputs_by_layer", "use_whole_range"]


def ending_in(model: Model, name: str) -> Model:
    """The network of the layer `name` and all that it depends on."""
    sources = {node.layer.name: node.sources for node in model.nodes}
    needed, found = [name], set()
    while needed:
        at = needed.pop()
        found.add(at)
        needed += sources[at]
    layers = tuple(layer for layer in model.layers if layer.name in found)
    return Model(layers, inputs={layer.name: sources[layer.name] for layer in layers})


def outputs_by_layer(model: Model, x: np.ndarray) -> dict[str, np.ndarray]:
    """What the reference gives for every layer."""
    return {
        node.layer.name: output
        for node, output in zip(model.nodes, run_nodes(model.nodes, x), strict=True)
    }


def use_whole_range(model: Model, x: np.ndarray, seed: int = 0) -> Model:
    """The same network with random weights, and constants with which the outputs of every layer
    for `x` use their range."""
    rng = np.random.default_rng(seed)
    done: list[AnyLayer] = []
    sources = {node.layer.name: node.sources for node in model.nodes}
    made: dict[str, np.ndarray] = {}
    for layer in model.layers:
        given = [made[name] for name in sources[layer.name]] or [x]
        if isinstance(layer, ScaledLayer):
            layer = _spread(layer, rng, lambda bare, g=given: _run(done, bare, sources, g))
        elif isinstance(layer, ShiftedAdd):
            zero = np.zeros_like(layer.a_shift)
            halved = np.full_like(layer.output_shift, -1)
            layer = replace(layer, a_shift=zero, b_shift=zero, output_shift=halved)
        made[layer.name] = _run(done, layer, sources, given)
        done.append(layer)
    return model.replace(layers=tuple(done))


def _run(
    done: list[AnyLayer],
    layer: AnyLayer,
    sources: dict[str, tuple[str, ...]],
    given: list[np.ndarray],
) -> np.ndarray:
    *_, node = connect([*done, layer], sources)
    return run_node(node, *given)


def _spread(
    layer: ScaledLayer, rng: np.random.Generator, run: Callable[[ScaledLayer], np.ndarray]
) -> ScaledLayer:
    filters = layer.filters
    half = 1 << (layer.weights_bits - 1)
    plain = np.ones(filters, np.uint8), np.zeros(filters, np.int8)
    layer = replace(
        layer,
        weights=rng.integers(-half, half, layer.weights.shape).astype(np.int8),
        bias=rng.integers(-128, 128, filters).astype(np.int8),
    )
    bare = replace(layer, output_bits=32, output_scales=plain[0], output_shift=plain[1])
    if layer.activation == "relu":
        most = np.full(filters, 255, np.uint8), np.full(filters, 31, np.uint8)
        bare = replace(bare, max_value=most[0], max_value_shift=most[1])
    reach = _reach(run(bare))
    shift = np.clip(np.log2(reach / 512), 0, 31).astype(np.uint8)
    layer, bare = replace(layer, bias_shift=shift), replace(bare, bias_shift=shift)
    reach = _reach(run(bare))
    if layer.activation == "relu" and getattr(layer, "pooling", None) is None:
        shift = np.clip(np.ceil(np.log2(reach / 255)), 0, 31).astype(np.uint8)
        most = np.clip(reach / 2.0**shift, 1, 255).astype(np.uint8)
        layer = replace(layer, max_value=most, max_value_shift=shift)
    elif layer.activation == "relu":
        layer = replace(layer, max_value=bare.max_value, max_value_shift=bare.max_value_shift)
    scales = rng.integers(128, 256, filters)
    top = 2.0 ** min(layer.output_bits - (layer.output_bits > 4), 24) * rng.uniform(0.5, 2, filters)
    shifts = np.clip(np.round(np.log2(top / (reach * scales))), -31, 31)
    return replace(
        layer, output_scales=scales.astype(np.uint8), output_shift=shifts.astype(np.int8)
    )


def _reach(potentials: np.ndarray) -> np.ndarray:
    """By channel, what hardly any potential exceeds."""
    flat = np.abs(potentials.reshape(-1, potentials.shape[-1]).astype(np.float64))
    return np.maximum(np.quantile(flat, 0.98, axis=0), 1)
