"""Random networks over the whole layer space, calibrated so that every layer uses its range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from akrt.backends.reference import convolve, pool, run_stage
from akrt.model import (
    WEIGHT_RANGES,
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)

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


def calibrate(layers: list[AnyLayer], rng: np.random.Generator, x: np.ndarray) -> list[AnyLayer]:
    """The layers with thresholds and steps that spread the outputs for `x` over their range."""
    done: list[AnyLayer] = []
    value: Any = x
    for layer in layers:
        if isinstance(layer, InputData):
            done.append(layer)
            continue
        raw = run_stage(Model((*done, replace(layer, act_bits=None))).stages[-1], value)
        flat = raw.reshape(-1, raw.shape[-1]).astype(np.float64)
        low, high = flat.min(0), flat.max(0)
        threshold = np.floor(low + (high - low) * rng.uniform(0.05, 0.5, flat.shape[1]))
        span = np.maximum(high - threshold, 1) * rng.uniform(0.7, 1.3, flat.shape[1])
        step = np.maximum(span / 16, 1 / 16).astype(np.float32)
        layer = replace(layer, threshold=threshold.astype(np.int32), act_step=step)
        done.append(layer)
        value = run_stage(Model(tuple(done)).stages[-1], value)
    return done


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


def potentials(model: Model, x: np.ndarray) -> np.ndarray:
    """Unpooled, unsaturated potentials of the last layer."""
    for stage in model.stages[:-1]:
        x = run_stage(stage, x)
    layer = model.layers[-1]
    assert not isinstance(layer, (InputData, FullyConnected))
    return convolve(layer, x)


__all__ = ["calibrate", "networks", "placeholder", "pool", "potentials", "random_input"]
