"""Random Keras models quantised by QuantizeML for Akida 1.0, as .h5 and as cnn2snn converts them.

A program of its own, since QuantizeML wants the older Keras for the whole process:
``python quantizeml_models.py FOLDER COUNT SEED`` writes ``<i>.h5`` and ``<i>.fbz``.
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


def main(folder: Path, count: int, seed: int) -> None:
    """Writes the models; those that cnn2snn refuses are drawn again."""
    made = 0
    for attempt in range(count * 20):
        rng = np.random.default_rng([seed, attempt])
        keras.utils.set_random_seed(seed * 1000 + attempt)
        model, settings = network(rng)
        with set_akida_version(AkidaVersion.v1):
            try:
                quantised = quantize(model, batch_size=32, epochs=1, **settings)
                twin = convert(quantised)
            except (RuntimeError, ValueError, TypeError) as error:
                print(f"{attempt}: {' '.join(str(error).split())[:200]}", file=sys.stderr)
                continue
        quantised.save(str(folder / f"{made}.h5"))
        twin.save(str(folder / f"{made}.fbz"))
        made += 1
        if made == count:
            return
    raise SystemExit(f"only {made} of {count} models were made")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
