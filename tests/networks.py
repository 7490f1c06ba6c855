"""Random networks over the whole layer space, calibrated so that every layer uses its range."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from akrt.lowering.arithmetic import convolve, run_node
from akrt.lowering.operations import Spatial, operation
from akrt.model import (
    WEIGHT_RANGES,
    Add,
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)
from akrt.model.node import connect

MAX_ELEMENTS = 1 << 15
SAMPLES = 3


def placeholder(filters: int) -> dict[str, Any]:
    """Threshold and step of a layer that `calibrate` has not seen yet."""
    return {
        "threshold": np.zeros(filters, np.int32),
        "act_step": np.ones(filters, np.float32),
    }


def random_weights(rng: np.random.Generator, bits: int, shape: tuple[int, ...]) -> np.ndarray:
    """Weights over the whole range of their bits; one in four tensors only at its ends."""
    low, high = WEIGHT_RANGES[bits]
    if rng.integers(4) == 0:
        return rng.choice(np.array([low, high], np.int8), shape)
    return rng.integers(low, high + 1, shape).astype(np.int8)


def random_input(rng: np.random.Generator, model: Model, samples: int = SAMPLES) -> np.ndarray:
    """Noise over the whole input range, the first sample all at the top."""
    x = rng.integers(0, 1 << model.input_bits, (samples, *model.input_shape)).astype(np.uint8)
    x[0] = (1 << model.input_bits) - 1
    return x


def calibrate(
    layers: list[AnyLayer],
    rng: np.random.Generator,
    x: np.ndarray,
    inputs: dict[str, tuple[str, ...]] | None = None,
) -> list[AnyLayer]:
    """The layers with thresholds and steps that spread the outputs for `x` over their range."""
    sources = {layer.name: (before.name,) for before, layer in pairwise(layers)}
    sources |= {layers[0].name: (), **(inputs or {})}
    done: list[AnyLayer] = []
    made: dict[str, Any] = {}
    for layer in layers:
        if isinstance(layer, InputData):
            done.append(layer)
            made[layer.name] = x
            continue
        given = [made[name] for name in sources[layer.name]] or [x]
        *_, node = connect([*done, replace(layer, act_bits=None)], sources)
        raw = run_node(node, *given)
        flat = raw.reshape(-1, raw.shape[-1]).astype(np.float64)
        low, high = flat.min(0), flat.max(0)
        threshold = np.floor(low + (high - low) * rng.uniform(0.05, 0.5, flat.shape[1]))
        span = np.maximum(high - threshold, 1) * rng.uniform(0.7, 1.3, flat.shape[1])
        step = np.maximum(span / 16, 1 / 16).astype(np.float32)
        layer = replace(layer, threshold=threshold.astype(np.int32), act_step=step)
        done.append(layer)
        *_, node = connect(done, sources)
        made[layer.name] = run_node(node, *given)
    return done


_INT32 = np.iinfo(np.int32)
_DISTANCES = (
    0,
    1 << 19,
    (1 << 23) - (1 << 19),
    (1 << 23) - (1 << 18),
    1 << 23,
    1 << 27,
    1 << 28,
    1 << 30,
    _INT32.max,
)
"""From zero: where the arithmetic of some kernel, or of the chip, ends."""
THRESHOLD_ENDS = sorted(
    {
        min(max(sign * distance + beside, _INT32.min), _INT32.max)
        for distance in _DISTANCES
        for sign in (-1, 1)
        for beside in (-1, 0, 1)
    }
)
STEP_ENDS = [2.0**n for n in (-4, 0, 15, 19, 23, 24, 27, 28, 29, 30)] + [2.0**31 - 128]


def extreme_thresholds(rng: np.random.Generator, filters: int) -> np.ndarray:
    """int32 (F,): at, beside and anywhere between the ends of all that a model accepts."""
    drawn = filters if rng.integers(2) else 1  # of one kind, or each filter its own
    ends = rng.choice(_DISTANCES, drawn) + rng.integers(-2, 3, filters)
    anywhere = np.exp2(rng.uniform(0, 31, drawn) + rng.uniform(0, 0.1, filters))
    size = np.where(rng.integers(2, size=drawn), ends, anywhere.astype(np.int64))
    size = size * rng.choice((-1, 1), drawn)
    return np.clip(size, _INT32.min, _INT32.max).astype(np.int32)


def extreme_steps(rng: np.random.Generator, filters: int) -> np.ndarray:
    """float32 (F,): from the least step that a model accepts, 1/16, to the greatest."""
    least, greatest = np.float32(1 / 16), np.nextafter(np.float32(2**31), np.float32(0))
    drawn = filters if rng.integers(2) else 1
    ends = np.exp2(rng.integers(-4, 32, drawn)).astype(np.float32)
    beside = np.nextafter(ends, rng.choice((least, ends[0], greatest), filters))
    anywhere = np.exp2(rng.uniform(-4, 31, drawn) + rng.uniform(0, 0.1, filters))
    steps = np.where(rng.integers(2, size=drawn), beside, anywhere.astype(np.float32))
    return np.clip(steps, least, greatest).astype(np.float32)


def to_extremes(
    layers: list[AnyLayer], rng: np.random.Generator, of_a_chip: bool
) -> list[AnyLayer]:
    """The layers with some thresholds and steps, filter by filter, moved to the extremes.

    Those of a chip are 24-bit thresholds and 20-bit steps; beyond them akida's software is no
    reference: it wraps around, or ends the process.
    """
    most, greatest = ((1 << 23) - 1, 2.0**20) if of_a_chip else (_INT32.max, 2.0**31)
    greatest = np.nextafter(np.float32(greatest), np.float32(0))
    done: list[AnyLayer] = []
    for layer in layers:
        if isinstance(layer, InputData):
            done.append(layer)
            continue
        moved = rng.integers(3, size=(2, layer.filters)) * rng.integers(2, size=(2, 1))
        threshold = np.where(moved[0] == 0, extreme_thresholds(rng, layer.filters), layer.threshold)
        step = np.where(moved[1] == 0, extreme_steps(rng, layer.filters), layer.act_step)
        done.append(
            replace(
                layer,
                threshold=np.clip(threshold, -most - 1, most).astype(np.int32),
                act_step=np.minimum(step, greatest).astype(np.float32),
            )
        )
    return done


@st.composite
def extreme_networks(draw: st.DrawFn, of_a_chip: bool = False) -> tuple[Model, np.ndarray]:
    """A network of `networks` whose thresholds and steps reach the ends of what is accepted."""
    model, x = draw(networks())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return model.replace(layers=tuple(to_extremes(list(model.layers), rng, of_a_chip))), x


@st.composite
def poolings(draw: st.DrawFn) -> Pooling | None:
    kind = draw(st.sampled_from([None, None, "max", "max", "average"]))
    if kind != "max":
        return None if kind is None else Pooling("average")
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, size[0]), st.integers(1, size[1])))
    return Pooling("max", size, stride)


@st.composite
def networks(draw: st.DrawFn) -> tuple[Model, np.ndarray]:
    """A calibrated network and an input for it that uses every layer's whole output range."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layers: list[AnyLayer] = []
    shape = (draw(st.integers(1, 20)), draw(st.integers(1, 14)), 1)
    if draw(st.booleans()):
        shape = (*shape[:2], draw(st.integers(1, 12)))
        layers.append(InputData("layer_0", shape, draw(st.integers(1, 4))))
    for i in range(len(layers), len(layers) + draw(st.integers(1, 4))):
        kinds = [Convolutional, SeparableConvolutional] if i else [InputConvolutional]
        kind = draw(st.sampled_from([*kinds, FullyConnected] if i else kinds))
        filters = draw(st.sampled_from([1, 2, 3, 5, 8, 13, 15, 16, 17, 32, 40]))
        common: dict[str, Any] = {
            "name": f"layer_{i}",
            "weights_bits": draw(st.sampled_from([1, 2, 4, 8])),
            "act_bits": draw(st.sampled_from([1, 2, 4])),
            **placeholder(filters),
        }
        bits = common["weights_bits"]
        if kind is FullyConnected:
            inputs = shape[0] * shape[1] * shape[2]
            layer: AnyLayer = FullyConnected(
                weights=random_weights(rng, bits, (inputs, filters)), **common
            )
        else:
            if kind is InputConvolutional:
                shape = (*shape[:2], draw(st.sampled_from([1, 3])))
                common["input_shape"] = shape
                common["padding_value"] = draw(st.sampled_from([0, 0, 1, 128, 255]))
            padding = draw(st.sampled_from(["same", "same", "valid"]))
            sizes = (1, 3, 5, 7, 9)
            kernel = tuple(
                draw(st.sampled_from([k for k in sizes if padding == "same" or k <= n]))
                for n in shape[:2]
            )
            common["padding"] = padding
            widest = [3, 3] if kind is InputConvolutional else kernel
            common["stride"] = tuple(draw(st.integers(1, min(3, k))) for k in widest)
            pooling = draw(poolings())
            if kind is SeparableConvolutional:
                common["depthwise"] = random_weights(rng, bits, (*kernel, shape[2]))
                common["pointwise"] = random_weights(rng, bits, (shape[2], filters))
            else:
                common["weights"] = random_weights(rng, bits, (*kernel, shape[2], filters))
            layer = kind(**common)
            conv = layer.conv_shape(shape)
            fits = pooling is None or pooling.size is None or padding == "same"
            if fits or all(n >= k for n, k in zip(conv, pooling.size, strict=False)):
                layer = replace(layer, pooling=pooling)
        layers.append(layer)
        shape = layer.output_shape(shape)
    if draw(st.booleans()) and not isinstance(layers[-1], InputData):
        layers[-1] = replace(layers[-1], act_bits=None)
    x = random_input(rng, Model(tuple(layers)))
    return Model(tuple(calibrate(layers, rng, x))), x


@st.composite
def wide_dense_networks(draw: st.DrawFn) -> tuple[Model, np.ndarray]:
    """Dense layers on an input of 5 to 8 bits, which akida has not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 90)))
    layers: list[AnyLayer] = [InputData("layer_0", shape, draw(st.integers(5, 8)))]
    inputs = shape[0] * shape[1] * shape[2]
    for i in range(1, 1 + draw(st.integers(1, 3))):
        filters = draw(st.sampled_from([1, 2, 3, 8, 15, 16, 17, 33, 64]))
        bits = draw(st.sampled_from([1, 2, 4, 8]))
        layers.append(
            FullyConnected(
                name=f"layer_{i}",
                weights=random_weights(rng, bits, (inputs, filters)),
                weights_bits=bits,
                act_bits=draw(st.sampled_from([1, 2, 4])),
                **placeholder(filters),
            )
        )
        inputs = filters
    if draw(st.booleans()):
        layers[-1] = replace(layers[-1], act_bits=None)
    x = random_input(rng, Model(tuple(layers)))
    return Model(tuple(calibrate(layers, rng, x))), x


@st.composite
def residual_networks(draw: st.DrawFn) -> tuple[Model, np.ndarray]:
    """Networks whose branches part and meet again in additions, some of them nested."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x, y, channels = draw(st.integers(1, 9)), draw(st.integers(1, 7)), 1
    layers: list[AnyLayer] = []
    inputs: dict[str, tuple[str, ...]] = {}

    def convolution(source: str, filters: int, entrance: bool = False) -> str:
        name = f"layer_{len(layers)}"
        bits = draw(st.sampled_from([1, 2, 4, 8]))
        common: dict[str, Any] = {"name": name, "weights_bits": bits, **placeholder(filters)}
        common["act_bits"] = draw(st.sampled_from([1, 2, 4]))
        kernel = draw(st.sampled_from([(1, 1), (3, 3), (1, 3)]))
        if entrance:
            weights = random_weights(rng, bits, (*kernel, channels, filters))
            layer: AnyLayer = InputConvolutional(
                input_shape=(x, y, channels), weights=weights, **common
            )
        elif draw(st.booleans()):
            depthwise = random_weights(rng, bits, (3, 3, channels))
            pointwise = random_weights(rng, bits, (channels, filters))
            layer = SeparableConvolutional(depthwise=depthwise, pointwise=pointwise, **common)
        else:
            weights = random_weights(rng, bits, (*kernel, channels, filters))
            layer = Convolutional(weights=weights, **common)
        layers.append(layer)
        if not entrance:
            inputs[name] = (source,)
        return name

    if draw(st.booleans()):
        channels = draw(st.sampled_from([1, 3]))
        filters = draw(st.sampled_from([1, 4, 7, 16]))
        at = convolution("", filters, entrance=True)
        channels = filters
    else:
        channels = draw(st.sampled_from([1, 2, 8, 17]))
        layers.append(InputData("layer_0", (x, y, channels), draw(st.integers(1, 4))))
        at = "layer_0"
    for _ in range(draw(st.integers(1, 3))):
        ends = [at, at]
        for branch in (0, 1):
            for _ in range(draw(st.integers(0, 2))):
                ends[branch] = convolution(ends[branch], channels)
        at = f"layer_{len(layers)}"
        bits = draw(st.sampled_from([1, 2, 4]))
        layers.append(Add(name=at, act_bits=bits, **placeholder(channels)))
        inputs[at] = (ends[0], ends[1])
    last = draw(st.sampled_from(["add", "potentials", "dense"]))
    if last == "potentials":
        layers[-1] = replace(layers[-1], act_bits=None)
    elif last == "dense":
        weights = random_weights(rng, 4, (x * y * channels, 5))
        layers.append(
            FullyConnected(
                name="out", weights=weights, weights_bits=4, act_bits=None, **placeholder(5)
            )
        )
        inputs["out"] = (at,)
    shape = layers[0].entry.shape
    values = rng.integers(0, layers[0].entry.high + 1, (SAMPLES, *shape)).astype(np.uint8)
    values[0] = layers[0].entry.high
    return Model(tuple(calibrate(layers, rng, values, inputs)), inputs=inputs), values


def potentials(model: Model, x: np.ndarray) -> np.ndarray:
    """Unpooled, unsaturated potentials of the last layer."""
    for node in model.nodes[:-1]:
        x = run_node(node, x)
    does = operation(model.nodes[-1])
    assert isinstance(does, Spatial)
    return convolve(does, x)


__all__ = [
    "calibrate",
    "extreme_networks",
    "extreme_steps",
    "extreme_thresholds",
    "networks",
    "placeholder",
    "potentials",
    "random_input",
    "residual_networks",
    "wide_dense_networks",
]
