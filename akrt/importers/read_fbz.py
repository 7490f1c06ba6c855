"""Reads the layers of an akida model or .fbz file, through akida's documented API.

`read` runs through `akrt.importers.quarantine` in a process of its own: a damaged file can kill
it. `describe` also serves live models, in the process that has them. ``facts`` holds ``ip_version``
and ``layers``: for each its name, type, parameters (integers), input shape, names of the layers
before it and of its variables; the arrays are named ``<index of the layer>.<variable>``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def describe(model: Any) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Facts and arrays of an `akida.Model`."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    layers = []
    for i, layer in enumerate(model.layers):
        parameters = layer.parameters
        variables = list(layer.variables.names)
        for name in variables:
            arrays[f"{i}.{name}"] = np.ascontiguousarray(layer.variables[name])
        layers.append(
            {
                "name": str(layer.name),
                "type": str(parameters.layer_type.name),
                "parameters": _integers(parameters),
                "input_shape": np.ravel(layer.input_dims).tolist(),
                "inbounds": [str(before.name) for before in layer.inbounds],
                "variables": variables,
            }
        )
    return {"ip_version": str(model.ip_version.name), "layers": layers}, arrays


def _integers(parameters: Any) -> dict[str, int]:
    found = {}
    for name in dir(parameters):
        if not name.startswith("_") and name != "layer_type":
            value = getattr(parameters, name)
            if isinstance(value, (int, np.integer)):
                found[name] = int(value)
    return found


def read(path: str) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Facts and arrays of an .fbz file.

    Raises:
        Exception: whatever akida raises on a damaged file, if it survives it.
    """
    import akida

    return describe(akida.Model(path))


def reason(error: Exception) -> str:
    """One line for the user."""
    if isinstance(error, ImportError):
        return f"the package 'akida' cannot be imported ({error})"
    return f"akida cannot read it ({type(error).__name__}: {error})"
