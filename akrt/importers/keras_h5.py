"""Imports quantised Keras models from HDF5 files, without TensorFlow.

One reader for both of BrainChip's quantisers: the architecture says which of them made the file.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import ModelError, ModelFileError, UnsupportedLayerError, UsageError
from akrt.importers import (
    cnn2snn_h5,
    keras_config,
    quantizeml_akida1,
    quantizeml_akida2,
    quantizeml_settings,
    quarantine,
    registers,
)
from akrt.importers.foreign import HOW_TO_QUANTISE
from akrt.model import Model

__all__ = ["load_h5", "to_model"]

_FLOAT_LAYERS = (
    "Conv2D",
    "SeparableConv2D",
    "DepthwiseConv2D",
    "Conv2DTranspose",
    "PaddedConv2D",
    "DepthwiseConv2DTranspose",
    "Dense",
)


def load_h5(
    path: str | os.PathLike[str],
    input_scaling: tuple[float, float] | None = None,
    akida_version: int | None = None,
) -> Model:
    """The model in a Keras HDF5 file that cnn2snn or QuantizeML quantised.

    Args:
        path: a file written by ``model.save("name.h5")``.
        input_scaling: ``(scale, shift)`` of ``cnn2snn.convert``, for a model of cnn2snn's without a
            Rescaling in front: the integers that come in are ``scale * x + shift`` for Keras's x.
            None: 1 and 0.
        akida_version: for a file of QuantizeML, which does not say for which Akida it is: 1 or 2,
            as ``cnn2snn.set_akida_version`` sets it. None: 1 where all of it fits Akida 1.0.

    Returns:
        The model, with neither labels nor preprocessing: the file does not say. For a model of
        cnn2snn's without a Rescaling its note ``input_scaling`` says what was given or assumed.

    Raises:
        ModelFileError: the file is missing, damaged or not a Keras model.
        UnsupportedLayerError: a layer that does not convert; the message names it and the remedy.
        UsageError: an `input_scaling` that makes no sense, or the model has one of its own; an
            `akida_version` that is none, or for a file of cnn2snn.
    """
    facts, arrays = quarantine.read("read_hdf5", path, "HDF5 file")
    return to_model(facts, arrays, os.fspath(path), input_scaling, akida_version)


def to_model(
    facts: dict[str, Any],
    arrays: dict[str, npt.NDArray[Any]],
    path: str,
    input_scaling: tuple[float, float] | None = None,
    akida_version: int | None = None,
) -> Model:
    """The model that the architecture and weights of a file describe.

    Args:
        facts, arrays: as `akrt.importers.read_hdf5.read` gives them.
        path: for messages.
        input_scaling, akida_version: as for `load_h5`.

    Raises:
        ModelFileError, UnsupportedLayerError, UsageError: as `load_h5`.
    """
    try:
        weights = {
            str(name): tuple(arrays[f"{index}.{i}"] for i in range(count))
            for name, (index, count) in facts["weights"].items()
        }
        text, version = str(facts["config"]), str(facts["keras"])[:20]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{path}: damaged: its contents make no sense") from error
    architecture = keras_config.parse(text, weights, path)
    _check_quantised(architecture, version, path)
    quantizeml = any(layer.by_quantizeml for layer in architecture.layers)
    known = type(akida_version) is int and akida_version in (1, 2)
    if akida_version is not None and not (quantizeml and known):
        raise UsageError(
            f"akida_version is 1 or 2, for .h5 files of QuantizeML; got {akida_version!r:.40} for "
            f"one of {'QuantizeML' if quantizeml else 'cnn2snn, which is for Akida 1.0'}"
        )
    if quantizeml and input_scaling is not None:
        raise UsageError(
            "input_scaling is for models that cnn2snn quantised; those of QuantizeML say "
            "themselves how their input is scaled: leave it out"
        )
    maker = f"{'QuantizeML' if quantizeml else 'cnn2snn'} HDF5, Keras {version}"
    notes = {"imported_from": maker}
    try:
        with np.errstate(all="ignore"):
            if quantizeml and (akida_version or quantizeml_settings.version(architecture)) == 2:
                made, inputs = quantizeml_akida2.convert(architecture)
                return Model(tuple(made), architecture.name, notes=notes, inputs=inputs)
            if quantizeml:
                converted = quantizeml_akida1.convert(architecture)
        if not quantizeml:
            converted, told = cnn2snn_h5.convert(architecture, input_scaling)
            notes = {**told, **notes}
        layers, equalised, clipped = registers.fit_registers(converted)
        if equalised:
            notes["act_step_equalised"] = ", ".join(equalised)
        if clipped:
            notes["thresholds_clipped"] = ", ".join(clipped)
        return Model(tuple(layers), name=architecture.name, notes=notes)
    except UnsupportedLayerError:
        raise
    except ModelError as error:
        raise ModelFileError(f"{path}: {error}") from error


def _check_quantised(architecture: keras_config.Architecture, version: str, path: str) -> None:
    """Not a float model: none of its layers is quantised, and one has weights.

    Raises:
        ModelFileError: it is one; the message says how to quantise it.
    """
    kinds = {layer.kind for layer in architecture.layers}
    if any(kind.startswith("Quantized") for kind in kinds) or kinds.isdisjoint(_FLOAT_LAYERS):
        return
    told = f"Keras {version.partition('.')[0]} " if version.startswith("3") else ""
    raise ModelFileError(
        f"{path}: holds a {told}model of floats, none of its layers is quantised: quantise the "
        f"model {HOW_TO_QUANTISE}"
    )
