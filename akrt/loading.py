"""Any file that holds a network, to a Model."""

from __future__ import annotations

import os

from akrt import modelfile
from akrt.errors import InputError, ModelFileError
from akrt.files import open_regular
from akrt.model import Model

__all__ = ["load"]

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model file: ``.akrt``, ``.h5`` (cnn2snn quantised Keras) or ``.fbz`` (akida).

    The kind is told by the content, then by the suffix.

    Raises:
        ModelFileError: missing, truncated, altered, or of another kind.
        UnsupportedLayerError: a layer outside the Akida 1.0 layer set.
        MissingExtraError: a ``.fbz`` file, and akida is not installed.
    """
    name = os.fspath(path)
    try:
        with open_regular(name) as file:
            start = file.read(8)
    except OSError as error:
        raise ModelFileError(f"cannot read '{name}': {error.strerror or error}") from None
    except InputError as error:
        raise ModelFileError(str(error)) from None
    if not start:
        raise ModelFileError(f"'{name}' is empty")
    if start == HDF5_SIGNATURE:
        from akrt.importers import load_h5

        return load_h5(name)
    suffix = os.path.splitext(name)[1].lower()
    if suffix == ".fbz":
        from akrt.importers import load_fbz

        return load_fbz(name)
    if suffix in (".h5", ".hdf5", ".keras"):
        raise ModelFileError(
            f"'{name}' is not an HDF5 file: save the model with model.save('model.h5')"
        )
    return modelfile.load(name)
