"""Imports quantised Keras models from HDF5 files, without TensorFlow.

One reader for both of BrainChip's quantisers: the architecture says which of them made the file.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import ModelError, ModelFileError, UnsupportedLayerError, UsageError
from akrt.importers import cnn2snn_h5, keras_config, quantizeml_h5, quarantine, registers
from akrt.model import Model

__all__ = ["load_h5", "to_model"]


def load_h5(
    path: str | os.PathLike[str], input_scaling: tuple[float, float] | None = None
) -> Model:
    """The model in a Keras HDF5 file that cnn2snn or QuantizeML quantised for Akida 1.0.

    Args:
        path: a file written by ``model.save("name.h5")``.
        input_scaling: ``(scale, shift)`` of ``cnn2snn.convert``, for a model of cnn2snn's without a
            Rescaling in front: the integers that come in are ``scale * x + shift`` for Keras's x.
            None: 1 and 0.

    Returns:
        The model, with neither labels nor preprocessing: the file does not say. For a model of
        cnn2snn's without a Rescaling its note ``input_scaling`` says what was given or assumed.

    Raises:
        ModelFileError: the file is missing, damaged or not a Keras model.
        UnsupportedLayerError: a layer that does not convert; the message names it and the remedy.
        UsageError: an `input_scaling` that makes no sense, or the model has one of its own.
    """
    facts, arrays = quarantine.read("read_hdf5", path, "HDF5 file")
    return to_model(facts, arrays, os.fspath(path), input_scaling)


def to_model(
    facts: dict[str, Any],
    arrays: dict[str, npt.NDArray[Any]],
    path: str,
    input_scaling: tuple[float, float] | None = None,
) -> Model:
    """The model that the architecture and weights of a file describe.

    Args:
        facts, arrays: as `akrt.importers.read_hdf5.read` gives them.
        path: for messages.
        input_scaling: as for `load_h5`.

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
    chain = keras_config.parse(text, weights, path)
    notes: dict[str, str] = {}
    try:
        if any(layer.by_quantizeml for layer in chain.layers):
            if input_scaling is not None:
                raise UsageError(
                    "input_scaling is for models that cnn2snn quantised; those of QuantizeML say "
                    "themselves how their input is scaled: leave it out"
                )
            quantiser = "QuantizeML"
            with np.errstate(all="ignore"):
                converted = quantizeml_h5.convert(chain)
        else:
            quantiser = "cnn2snn"
            converted, notes = cnn2snn_h5.convert(chain, input_scaling)
        layers, equalised, clipped = registers.fit_registers(converted)
        notes["imported_from"] = f"{quantiser} HDF5, Keras {version}"
        if equalised:
            notes["act_step_equalised"] = ", ".join(equalised)
        if clipped:
            notes["thresholds_clipped"] = ", ".join(clipped)
        return Model(tuple(layers), name=chain.name, notes=notes)
    except UnsupportedLayerError:
        raise
    except ModelError as error:
        raise ModelFileError(f"{path}: {error}") from error
