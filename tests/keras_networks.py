"""Script: builds quantised Keras networks, saves them as .h5, and cnn2snn's conversions as .fbz.

Usage: ``keras_networks.py OUT NAME...``. It needs TensorFlow, so `architectures.files` runs it in a
process of its own. Weights are random and the networks are untrained.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import akida_models
import numpy as np
from cnn2snn import (
    ActivationDiscreteRelu,
    AkidaVersion,
    MaxPerAxisQuantizer,
    MaxQuantizer,
    QuantizedConv2D,
    QuantizedDense,
    QuantizedReLU,
    QuantizedSeparableConv2D,
    StdPerAxisQuantizer,
    StdWeightQuantizer,
    convert,
    quantize,
    set_akida_version,
)
from tf_keras import Input, Model, Sequential, layers


def images() -> Any:
    """Three channels, an offset, strides, valid padding, max pooling after the activation."""
    return Sequential(
        [
            Input((23, 17, 3)),
            layers.Rescaling(1 / 127, offset=-1),
            QuantizedConv2D(9, (5, 3), MaxPerAxisQuantizer(8), strides=(2, 1)),
            QuantizedReLU(4, max_value=5.3),
            layers.MaxPooling2D((2, 3), padding="valid"),
            QuantizedSeparableConv2D(
                12, 3, MaxPerAxisQuantizer(4), MaxQuantizer(4), padding="same", strides=2
            ),
            layers.GlobalAveragePooling2D(),
            QuantizedReLU(1, max_value=0.7),
            QuantizedDense(6, MaxPerAxisQuantizer(2)),
            layers.Softmax(),
        ]
    )


def deviations() -> Any:
    """Quantizers by standard deviation; no biases; a dense layer on spatial data."""
    return Sequential(
        [
            Input((12, 9, 1)),
            QuantizedConv2D(
                19, 3, StdWeightQuantizer(2.6, bitwidth=8), padding="same", use_bias=False
            ),
            ActivationDiscreteRelu(2),
            QuantizedConv2D(21, (3, 1), StdPerAxisQuantizer(3, bitwidth=4), padding="same"),
            layers.MaxPooling2D(2, strides=2, padding="same"),
            ActivationDiscreteRelu(4),
            layers.Flatten(),
            layers.Dropout(0.1),
            QuantizedDense(33, StdPerAxisQuantizer(bitwidth=4), use_bias=False),
            QuantizedReLU(4),
            QuantizedDense(5, StdWeightQuantizer(bitwidth=4)),
            layers.Activation("softmax"),
        ]
    )


def events() -> Any:
    """A Functional model on five channels of activations, as Akida's InputData takes them."""
    x = entry = Input((9, 7, 5))
    x = QuantizedSeparableConv2D(
        11, (3, 5), StdPerAxisQuantizer(bitwidth=2), StdWeightQuantizer(bitwidth=2), padding="same"
    )(x)
    x = QuantizedReLU(2, max_value=2.0)(x)
    x = QuantizedConv2D(8, 3, MaxQuantizer(8), padding="valid", strides=(1, 2))(x)
    x = ActivationDiscreteRelu(1)(x)
    x = layers.Flatten()(x)
    x = QuantizedDense(4, MaxQuantizer(4))(x)
    x = QuantizedReLU(4, max_value=3.0)(x)
    return Model(entry, x)


def vectors() -> Any:
    """Two dimensions in, with a Reshape."""
    return Sequential(
        [
            Input((37,)),
            QuantizedDense(16, MaxPerAxisQuantizer(4)),
            QuantizedReLU(4, max_value=4.0),
            layers.Reshape((1, 1, 16)),
            QuantizedConv2D(10, 1, MaxPerAxisQuantizer(4)),
            QuantizedReLU(2),
            layers.Reshape((10,)),
            QuantizedDense(3, MaxPerAxisQuantizer(4)),
        ]
    )


def normalised() -> Any:
    """Batch normalisation left in a quantised model: after and before pooling, with biases."""
    return Sequential(
        [
            Input((16, 14, 3)),
            layers.Rescaling(1 / 255),
            QuantizedConv2D(8, 3, MaxPerAxisQuantizer(8), padding="same"),
            layers.BatchNormalization(),
            QuantizedReLU(4),
            QuantizedConv2D(9, 3, MaxPerAxisQuantizer(4), padding="same", use_bias=False),
            layers.MaxPooling2D(2, padding="same"),
            layers.BatchNormalization(epsilon=0.01),
            QuantizedReLU(4, max_value=6),
            QuantizedSeparableConv2D(
                10, 3, MaxPerAxisQuantizer(4), MaxQuantizer(4), padding="same"
            ),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            QuantizedReLU(2),
            QuantizedDense(7, MaxPerAxisQuantizer(4)),
            layers.BatchNormalization(),
        ]
    )


def beyond_the_chip() -> Any:
    """Steps and thresholds larger than the chip's registers, before every kind of layer."""

    def loud(units: int, kind: Any, *size: int, **settings: Any) -> Any:
        return kind(units, *size, MaxPerAxisQuantizer(4), bias_initializer="zeros", **settings)

    model = Sequential(
        [
            Input((9, 8, 1)),
            layers.Rescaling(1 / 255),
            QuantizedConv2D(6, 3, MaxPerAxisQuantizer(8), padding="same", name="loud_0"),
            QuantizedReLU(4, max_value=90.0),
            loud(7, QuantizedSeparableConv2D, 3, padding="same", name="quiet_1"),
            QuantizedReLU(4, max_value=0.1),
            loud(8, QuantizedConv2D, 3, padding="same", name="loud_2"),
            QuantizedReLU(2, max_value=45.0),
            loud(5, QuantizedConv2D, 3, padding="same", name="quiet_3"),
            layers.GlobalAveragePooling2D(),
            QuantizedReLU(4, max_value=0.05),
            loud(9, QuantizedDense, name="loud_4"),
            QuantizedReLU(4, max_value=4.5),
            loud(6, QuantizedDense, name="loud_5"),
            QuantizedReLU(4, max_value=900.0),
            loud(4, QuantizedDense, name="quiet_6"),
        ]
    )
    for layer in model.layers:
        if layer.name.startswith("loud"):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * 0.01, bias - 45])
    return model


HAND_MADE: dict[str, Callable[[], Any]] = {
    f.__name__: f for f in (images, deviations, events, vectors, normalised, beyond_the_chip)
}

ARCHITECTURES: dict[str, Callable[[], Any]] = {
    "ds_cnn_kws": lambda: akida_models.ds_cnn_kws(),
    "akidanet_imagenet": lambda: akida_models.akidanet_imagenet((96, 96, 3), alpha=0.25),
    "mobilenet_imagenet": lambda: akida_models.mobilenet_imagenet((96, 96, 3), alpha=0.25),
    "vgg_utk_face": lambda: akida_models.vgg_utk_face(),
    "gxnor_mnist": lambda: akida_models.gxnor_mnist(),
    "yolo_base": lambda: akida_models.yolo_base((96, 96, 3), alpha=0.25),
    "convtiny_dvs": lambda: akida_models.convtiny_dvs(),
    "pointnet_plus_modelnet40": lambda: akida_models.pointnet_plus_modelnet40(alpha=0.5),
}


def randomise(model: Any, seed: int) -> None:
    """Biases away from zero, and batch-normalisation statistics away from their start."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        weights = layer.get_weights()
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = weights
            weights = [
                gamma * rng.uniform(0.5, 2, gamma.shape),
                beta + rng.normal(0, 0.2, beta.shape),
                mean + rng.normal(0, 0.2, mean.shape),
                variance * rng.uniform(0.5, 2, variance.shape),
            ]
        elif weights and getattr(layer, "use_bias", False):
            weights[-1] = weights[-1] + rng.normal(0, 0.3, weights[-1].shape)
        layer.set_weights(weights)


def main(out: Path, names: list[str]) -> None:
    with set_akida_version(AkidaVersion.v1):
        for i, name in enumerate(names):
            if name in HAND_MADE:
                model = HAND_MADE[name]()
                randomise(model, i)
            else:
                model = ARCHITECTURES[name]()
                randomise(model, i)
                model = quantize(model, 4, 4, input_weight_quantization=8)
            model.save(out / f"{name}.h5")
            convert(model).save(str(out / f"{name}.fbz"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
