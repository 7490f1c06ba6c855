"""Untrained networks of akida_models, each as QuantizeML and as TensorFlow's converter quantise it.

    python bench/akida2_twins.py OUT NAME...        (extra: train)

Writes OUT/NAME.h5, of 8 bits for Akida 2.0, and OUT/NAME.tflite, of full int8, made of one Keras
network with weights at random, statistics of noise and no scaling of its input. TensorFlow is
spared what it has no fused operation for: a bound of ReLU, a cast of the input, a softmax.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

SAMPLES = 16


def _networks() -> dict[str, Callable[[], Any]]:
    import akida_models as zoo

    mobilenet, akidanet = zoo.mobilenet_imagenet, zoo.akidanet_imagenet
    small = {"alpha": 0.25, "classes": 100, "input_scaling": None}
    return {
        "ds_cnn_kws": lambda: zoo.ds_cnn_kws(input_scaling=None),
        "mobilenet_96": lambda: mobilenet((96, 96, 3), **small),
        "akidanet_96": lambda: akidanet((96, 96, 3), **small),
        "mobilenet_224": lambda: mobilenet((224, 224, 3), **small),
        "akidanet_224": lambda: akidanet((224, 224, 3), **small),
    }


def main(out: Path, names: list[str]) -> None:
    """Builds, quantises twice and writes."""
    from cnn2snn import AkidaVersion, set_akida_version
    from quantizeml.models import QuantizationParams, quantize

    for name in names:
        with set_akida_version(AkidaVersion.v2):
            model = _logits(_networks()[name]())
            shape = (SAMPLES, *model.input_shape[1:])
            samples = np.random.default_rng(len(name)).integers(0, 256, shape).astype(np.uint8)
            _calibrate(model, samples)
            out.joinpath(f"{name}.tflite").write_bytes(_converted(model, samples))
            params = QuantizationParams(input_dtype="uint8", weight_bits=8, activation_bits=8)
            quantised = quantize(model, qparams=params, samples=samples, batch_size=SAMPLES)
            quantised.save(str(out / f"{name}.h5"))


def _logits(model: Any) -> Any:
    """The network without a softmax, which Akida leaves to others."""
    from tf_keras import Model, layers

    if isinstance(model.layers[-1], layers.Activation):
        return Model(model.input, model.layers[-2].output, name=model.name)
    return model


def _calibrate(model: Any, samples: np.ndarray) -> None:
    from tf_keras import layers

    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.5
    for _ in range(6):
        model(samples.astype(np.float32), training=True)


def _plain(model: Any) -> Any:
    """The same network of floats from its input on, with ReLU without a bound."""
    from tf_keras import Input, layers, models

    def cloned(layer: Any) -> Any:
        if isinstance(layer, layers.ReLU):
            return layers.ReLU(name=layer.name)
        return type(layer).from_config(layer.get_config())

    entry = Input(model.input_shape[1:], dtype="float32")
    plain = models.clone_model(model, input_tensors=entry, clone_function=cloned)
    plain.set_weights(model.get_weights())
    return plain


def _converted(model: Any, samples: np.ndarray) -> bytes:
    import tensorflow as tf

    def representative() -> Iterator[list[np.ndarray]]:
        for sample in samples:
            yield [sample[None].astype(np.float32)]

    plain = _plain(model)
    fixed = tf.function(lambda x: plain(x, training=False)).get_concrete_function(
        tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([fixed], plain)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    made: bytes = converter.convert()
    return made


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
