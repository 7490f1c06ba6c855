"""Random Keras models quantised by QuantizeML, as .h5 and as cnn2snn converts them.

A program of its own, since QuantizeML wants the older Keras for the whole process:
``python quantizeml_models.py FOLDER COUNT SEED VERSION`` writes ``<i>.h5`` and ``<i>.fbz`` for
Akida 1.0 or 2.0.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tf_keras as keras
from cnn2snn import AkidaVersion, convert, set_akida_version
from quantizeml.layers import Activation, DepthwiseConv2DTranspose
from quantizeml.models import QuantizationParams, quantize

layers = keras.layers


def network(rng: np.random.Generator) -> tuple[keras.Model, dict[str, Any]]:
    """An untrained float model that Akida 1.0 can take, and how to quantise it."""
    image = bool(rng.integers(4))
    channels = int(rng.choice([1, 3])) if image else int(rng.integers(4, 12))
    shape = (int(rng.integers(8, 17)), int(rng.integers(8, 17)), channels)
    dtype = str(rng.choice(["uint8", "float32"])) if image else "int8"
    x = inputs = keras.Input(shape, dtype=dtype)
    if dtype != "float32":  # convolutions take no integers
        offset = float(rng.choice([0.0, -1.0])) if image else 0.0
        x = layers.Rescaling(float(rng.choice([1 / 255, 1 / 127.5, 0.02, 1])), offset)(x)
    bits = int(rng.choice([4, 4, 2]))
    for i in range(int(rng.integers(1, 4))):
        convolution = layers.Conv2D if i == 0 and image else (
            layers.SeparableConv2D if rng.integers(2) else layers.Conv2D
        )  # fmt: skip
        x = convolution(
            int(rng.integers(3, 20)),
            int(rng.choice([1, 3, 5])) if convolution is layers.Conv2D else 3,
            strides=int(rng.choice([1, 2])) if i == 0 and image else 1,
            padding="same",
            use_bias=bool(rng.integers(4)),
            bias_initializer=keras.initializers.RandomNormal(stddev=0.3),
        )(x)
        if rng.integers(3) == 0 and min(x.shape[1:3]) > 3:
            x = layers.MaxPooling2D(2, padding="same")(x)
        if rng.integers(2):
            x = layers.BatchNormalization()(x)
        x = layers.ReLU(max_value=float(rng.choice([6.0, 3.75, 1.0])))(x)
    if rng.integers(2):
        x = layers.SeparableConv2D(int(rng.integers(3, 20)), 3, padding="same")(x)
        x = layers.GlobalAveragePooling2D()(x)
        x = layers.ReLU(max_value=6.0)(x)
    else:
        x = layers.Flatten()(x)
    if rng.integers(2):
        x = layers.Dense(int(rng.integers(2, 20)))(x)
        x = layers.ReLU(max_value=6.0)(x)
    x = layers.Dense(int(rng.integers(2, 12)), use_bias=bool(rng.integers(2)))(x)
    if rng.integers(2):
        x = layers.Softmax()(x)
    low, high = (0, 15) if dtype == "int8" else (0, 255)
    samples = rng.integers(low, high + 1, (64, *shape)).astype(dtype)
    if dtype == "float32" and rng.integers(2):
        samples = (samples - np.float32(rng.integers(0, 99))) * np.float32(rng.uniform(0.004, 2))
    return keras.Model(inputs, x), {
        "qparams": QuantizationParams(
            input_weight_bits=int(rng.choice([8, 4])) if image else bits,
            weight_bits=bits,
            activation_bits=int(rng.choice([4, 4, 2, 1])),
            per_tensor_activations=True,
            input_dtype=dtype if dtype != "float32" else "uint8",
        ),
        "samples": samples,
    }


def _activated(x: Any, rng: np.random.Generator) -> Any:
    """An activation of Akida 2.0, or none."""
    kind = int(rng.integers(8))
    if kind < 5:
        bound = rng.choice([6.0, 3.75, 1.0, 0.0])
        return layers.ReLU(max_value=float(bound) if bound else None)(x)
    if kind < 7:
        return Activation(str(rng.choice(["swish", "hard_silu", "leaky_relu"])))(x)
    return x


def _block_2(x: Any, rng: np.random.Generator, first: bool) -> Any:
    """A layer with weights for Akida 2.0, and what may follow it."""
    bias = {
        "use_bias": bool(rng.integers(4)),
        "bias_initializer": keras.initializers.RandomNormal(stddev=0.3),
    }
    kind = 0 if first else int(rng.integers(5))
    if kind == 3:
        x = layers.Conv2DTranspose(
            int(rng.integers(3, 12)), int(rng.choice([3, 4])), strides=2, padding="same", **bias
        )(x)
        return _activated(x, rng)
    if kind == 4:
        size = int(rng.choice([3, 4]))
        x = DepthwiseConv2DTranspose(size, strides=2, padding="same", **bias)(x)
        return _activated(x, rng)
    if kind == 2:
        stride = int(rng.choice([1, 2]))
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", **bias)(x)
    else:
        size = int(rng.choice([1, 3, 5]))
        stride = int(rng.choice([1, 2])) if size < 5 else 1
        edge = "valid" if rng.integers(4) == 0 and min(x.shape[1:3]) > 6 else "same"
        filters = int(rng.integers(3, 16))
        x = layers.Conv2D(filters, size, strides=stride, padding=edge, **bias)(x)
    if rng.integers(2):
        x = layers.BatchNormalization()(x)
    pooled = rng.integers(4) == 0 and min(x.shape[1:3]) > 3
    if pooled:
        x = layers.MaxPooling2D(2, padding="same")(x)
        return layers.ReLU(max_value=6.0)(x)
    return _activated(x, rng)


def network_2(rng: np.random.Generator) -> tuple[keras.Model, dict[str, Any]]:
    """The same for Akida 2.0: branches, transposed convolutions, look-up tables, 4 and 8 bits."""
    image = bool(rng.integers(4))
    channels = int(rng.choice([1, 3])) if image else int(rng.integers(4, 8))
    shape = (int(rng.integers(6, 15)), int(rng.integers(6, 15)), channels)
    dtype = str(rng.choice(["uint8", "float32"] if image else ["int8", "float32"]))
    x = inputs = keras.Input(shape, dtype=dtype)
    if dtype != "float32" or rng.integers(2):  # convolutions take no integers
        offset = float(rng.choice([0.0, -1.0])) if image else 0.0
        x = layers.Rescaling(float(rng.choice([1 / 255, 1 / 127.5, 0.02, 1])), offset)(x)
    x = _block_2(x, rng, first=True)
    for _ in range(int(rng.integers(1, 4))):
        joint = int(rng.integers(5))
        if joint < 2:
            left, right = (
                layers.Conv2D(x.shape[-1], 3, padding="same")(x),
                layers.Conv2D(x.shape[-1], 1, padding="same")(x) if rng.integers(2) else x,
            )
            left = _activated(left, rng)
            x = layers.Add()([left, right]) if joint else layers.Concatenate()([left, left])
            if joint == 0 and right is not x:
                x = layers.Concatenate()([left, layers.ReLU(6.0)(layers.Conv2D(3, 1)(left))])
        x = _block_2(x, rng, first=False)
    end = int(rng.integers(3))
    if end == 0:
        x = layers.ReLU(max_value=6.0)(
            layers.Conv2D(int(rng.integers(3, 20)), 3, padding="same")(x)
        )
        x = layers.GlobalAveragePooling2D()(x)
    elif end == 1:
        x = layers.Flatten()(x)
    if end < 2:
        if rng.integers(2):
            x = layers.Dense(int(rng.integers(2, 20)))(x)
            x = layers.ReLU(max_value=float(rng.choice([6.0, 2.5])))(x)
        x = layers.Dense(int(rng.integers(2, 12)), use_bias=bool(rng.integers(2)))(x)
        if rng.integers(2):
            x = layers.Softmax()(x)
    bits = int(rng.choice([8, 8, 4]))
    kept = "int8" if not image or (dtype == "float32" and rng.integers(3) == 0) else "uint8"
    if dtype == "float32":
        samples = rng.normal(0.3, 1.0, (64, *shape)).astype(np.float32)
    else:
        low, high = (-128, 127) if dtype == "int8" else (0, 255)
        samples = rng.integers(low, high + 1, (64, *shape)).astype(dtype)
    return keras.Model(inputs, x), {
        "qparams": QuantizationParams(
            input_weight_bits=int(rng.choice([8, bits])),
            weight_bits=bits,
            activation_bits=bits,
            per_tensor_activations=end == 1 or bool(rng.integers(4) == 0),
            input_dtype=kept,
            last_output_bits=8 if rng.integers(6) == 0 else None,
        ),
        "samples": samples,
    }


def main(folder: Path, count: int, seed: int, version: int) -> None:
    """Writes the models; those that cnn2snn refuses are drawn again."""
    made = 0
    for attempt in range(count * 20):
        rng = np.random.default_rng([seed, attempt])
        keras.utils.set_random_seed(seed * 1000 + attempt)
        model, settings = (network, network_2)[version - 1](rng)
        with set_akida_version(AkidaVersion(f"v{version}")):
            try:
                quantised = quantize(model, batch_size=32, epochs=1, **settings)
                twin = convert(quantised)
            except (RuntimeError, ValueError, TypeError, AssertionError) as error:
                print(f"{attempt}: {' '.join(str(error).split())[:200]}", file=sys.stderr)
                continue
        quantised.save(str(folder / f"{made}.h5"))
        twin.save(str(folder / f"{made}.fbz"))
        made += 1
        if made == count:
            return
    raise SystemExit(f"only {made} of {count} models were made")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
