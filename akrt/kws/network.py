"""The tutorial's DS-CNN and its quantisation steps, through akida_models and cnn2snn.

TensorFlow is imported when a function here is called, never before.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akrt.errors import MissingExtraError, ModelFileError
from akrt.files import write_file
from akrt.importers import keras_config, quarantine

__all__ = [
    "EPISODES",
    "Episode",
    "build",
    "build_teacher",
    "keras_modules",
    "load",
    "logits_of",
    "quantised",
    "save",
    "version_1",
]

LAST_ACTIVATION = "separable_4/relu"


@dataclass(frozen=True)
class Episode:
    """One row of the tutorial's table: what is quantised when the episode starts."""

    name: str
    weights: str
    """Bits of the first layer's and the other weights."""
    activations: str
    """Bits of the activations and of the last one."""


EPISODES = (
    Episode("float", "32", "32"),
    Episode("a4", "32", "4"),
    Episode("w8-4_a4", "8/4", "4"),
    Episode("w8-4_a4_last3", "8/4", "4, last 3"),
    Episode("w8-4_a4_last2", "8/4", "4, last 2"),
    Episode("w8-4_a4_last1", "8/4", "4, last 1"),
)


def keras_modules(threads: int = 0) -> tuple[Any, Any]:
    """(tensorflow, tf_keras), quietly.

    Args:
        threads: of TensorFlow, if this is its first import; 0: its own choice.

    Raises:
        MissingExtraError: one of the packages of the extra ``train`` is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if threads:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    try:
        import akida_models  # noqa: F401
        import cnn2snn  # noqa: F401
        import tensorflow
        import tf_keras
    except ImportError as error:
        raise MissingExtraError(error.name or "tensorflow", "train", "training") from None
    return tensorflow, tf_keras


@contextmanager
def version_1() -> Iterator[None]:
    """cnn2snn and akida_models build for Akida 1.0 inside this."""
    from cnn2snn import AkidaVersion, set_akida_version

    with set_akida_version(AkidaVersion.v1):
        yield


def build(classes: int, input_shape: tuple[int, int, int]) -> Any:
    """The float network: ``akida_models.ds_cnn_kws`` (23,713 parameters for 33 classes).

    Args:
        classes: number of outputs.
        input_shape: (frames, coefficients, 1); values are uint8.
    """
    keras_modules()
    from akida_models import ds_cnn_kws

    with version_1():
        return ds_cnn_kws(input_shape=input_shape, classes=classes)


def build_teacher(classes: int, input_shape: tuple[int, int, int], filters: int) -> Any:
    """A wider float network of the same kind, which the quantised ones learn from.

    Args:
        classes: number of outputs.
        input_shape: (frames, coefficients, 1); values are uint8.
        filters: of every layer (the network itself has 64).
    """
    _, keras = keras_modules()
    layers = keras.layers

    def normalised(y: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization()(y))

    image = keras.Input(input_shape, dtype="uint8")
    x = layers.Rescaling(1 / 255)(image)
    x = normalised(layers.Conv2D(filters, 5, strides=2, padding="same", use_bias=False)(x))
    for _ in range(4):
        separable = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)
        x = layers.Add()([x, normalised(separable(x))])
    x = layers.Dense(classes)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Softmax()(x))


def quantised(model: Any, episode: Episode) -> Any:
    """The network of the episode before, quantised as `episode` says; weights are kept.

    Batch normalisation is folded when the activations are quantised.
    """
    from cnn2snn import quantize, quantize_layer

    with version_1():
        if episode.name == "a4":
            return quantize(model, weight_quantization=0, activ_quantization=4)
        if episode.name == "w8-4_a4":
            return quantize(
                model, weight_quantization=4, activ_quantization=4, input_weight_quantization=8
            )
        bits = int(episode.name[-1])
        return quantize_layer(model, LAST_ACTIVATION, bits)


def logits_of(model: Any) -> Any:
    """The same network without its softmax; weights are shared."""
    _, keras = keras_modules()
    return keras.Model(model.input, model.layers[-1].input)


def save(model: Any, path: Path) -> None:
    """Write a Keras HDF5 file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="akrt-network-") as workshop:
        made = Path(workshop, "network.h5")
        model.save(made, include_optimizer=False, save_format="h5")
        write_file(path, made.read_bytes())


def load(path: Path) -> Any:
    """Read a float or quantised Keras HDF5 file; code that it holds is not run.

    Raises:
        ModelFileError: it is missing or damaged, or holds code.
    """
    facts, _ = quarantine.read("read_hdf5", path, "HDF5 file")
    keras_config.refuse_code(str(facts.get("config")), str(path))
    if str(facts.get("keras")).startswith("3"):
        raise ModelFileError(
            f"cannot read '{path}': Keras 3 saved it, and cnn2snn works with tf_keras, the Keras 2 "
            f"of TensorFlow: build and save the network with tf_keras, or set "
            f"TF_USE_LEGACY_KERAS=1 before TensorFlow is imported"
        )
    keras_modules()
    from cnn2snn import load_quantized_model

    try:
        return load_quantized_model(str(path), compile_model=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"cannot read the Keras model '{path}': {error}") from None
