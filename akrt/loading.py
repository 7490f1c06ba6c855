"""Any file that holds a network, to a Model."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from akrt.errors import AkrtError, InputError, ModelFileError, UsageError
from akrt.files import open_regular, path_text
from akrt.model import Model
from akrt.model import file as modelfile

__all__ = ["as_model", "bundled_model", "load"]

_BUNDLED = "ds_cnn_kws.akrt"

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAD_BYTES = 4096
"""So much of a file tells its kind."""


def load(
    path: str | os.PathLike[str],
    input_scaling: tuple[float, float] | None = None,
    akida_version: int | None = None,
) -> Model:
    """Read a model file: ``.akrt``, ``.h5`` (quantised Keras) or ``.fbz`` (akida).

    The kind is told by the content; akida's files, which bear no mark, are tried where akida is.

    Args:
        path: the file.
        input_scaling: ``(scale, shift)`` of ``cnn2snn.convert``, for an ``.h5`` file of cnn2snn
            without a Rescaling layer: the integers that come in are ``scale * x + shift``.
        akida_version: 1 or 2, for an ``.h5`` file of QuantizeML, which does not say it. None: 1
            where all of the network fits Akida 1.0.

    Raises:
        ModelFileError: missing, truncated, altered, or of another kind; the message says which, and
            the step that makes a model of it.
        UnsupportedLayerError: a layer that akrt does not run.
        MissingExtraError: a ``.fbz`` file, and akida is not installed.
        UsageError: `input_scaling` or `akida_version` for a file that knows its own, or `path` is
            no path.
    """
    name = path_text(path)
    try:
        if os.path.isdir(name):
            from akrt.importers.foreign import foreign_folder

            raise ModelFileError(f"cannot read '{name}': it is {foreign_folder(name)}")
        with open_regular(name) as file:
            start = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ModelFileError(f"cannot read '{name}': {error.strerror or error}") from None
    except (InputError, ValueError) as error:
        raise ModelFileError(f"{error}") from None
    if not start:
        raise ModelFileError(f"'{name}' is empty")
    if start.startswith(HDF5_SIGNATURE):
        from akrt.importers import load_h5

        return load_h5(name, input_scaling, akida_version)
    if input_scaling is not None:
        raise UsageError(f"input_scaling is for .h5 files of cnn2snn: '{name}' is none")
    if akida_version is not None:
        raise UsageError(f"akida_version is for .h5 files of QuantizeML: '{name}' is none")
    if modelfile.is_akrt(start):
        return modelfile.load(name)
    from akrt.importers.foreign import foreign_file

    foreign = foreign_file(name, start)
    if foreign is not None:
        raise ModelFileError(f"cannot read '{name}': it is {foreign}")
    if os.path.splitext(name)[1].lower() == ".fbz":
        from akrt.importers import load_fbz

        return load_fbz(name)
    return _unmarked(name)


def _unmarked(name: str) -> Model:
    """A file without a mark that is known: akida's under another name, or none of ours.

    Raises:
        ModelFileError: it is no model that akrt reads.
    """
    suffix = os.path.splitext(name)[1].lower()
    refused: AkrtError | None = None
    if find_spec("akida") is not None:
        from akrt.importers import load_fbz

        try:
            return load_fbz(name)
        except ModelFileError as error:
            refused = error
    if suffix in (".h5", ".hdf5", ".keras"):
        raise ModelFileError(
            f"'{name}' is not an HDF5 file: save the model with model.save('model.h5')"
        ) from refused
    try:
        return modelfile.load(name)
    except ModelFileError as error:
        if refused is not None:
            raise
        raise ModelFileError(
            f"{error}; a file of akida's is read where akida is: pip install 'akrt[akida]'"
        ) from None


def bundled_model() -> Model:
    """The keyword-spotting network that ships with akrt."""
    return load(Path(__file__).with_name("data") / _BUNDLED)


def as_model(model: str | os.PathLike[str] | Model | Any | None) -> Model:
    """The model of a path, a `Model` or a live `akida.Model`; None: the one that ships.

    Raises:
        AkrtError: it is none of these.
        ModelFileError, UnsupportedLayerError: it cannot be read.
    """
    if model is None:
        return bundled_model()
    if isinstance(model, Model):
        return model
    if isinstance(model, (str, os.PathLike)):
        return load(model)
    if type(model).__module__.partition(".")[0] == "akida":
        from akrt.importers import from_akida

        return from_akida(model)
    raise AkrtError(
        f"expected a path, an akrt.Model, an akida.Model or None, got {type(model).__name__}"
    )
