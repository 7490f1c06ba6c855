"""Akida's own software backend, through its documented API (extra ``akida``)."""

from __future__ import annotations

import importlib.util

import numpy as np
import numpy.typing as npt

from akrt.backends.base import Backend, Output
from akrt.importers.akida_model import to_akida
from akrt.model import Model

__all__ = ["SimulatorBackend"]


class SimulatorBackend(Backend):
    """Runs a model in akida's software."""

    name = "simulator"

    @classmethod
    def probe(cls) -> str | None:
        if importlib.util.find_spec("akida") is None:
            return "the package 'akida' is not installed: pip install 'akrt[akida]'"
        return None

    def __init__(self, model: Model) -> None:
        self._input_shape = model.input_shape
        self._akida = to_akida(model)

    def run(self, x: npt.NDArray[np.uint8]) -> Output:
        outputs: Output = self._akida.forward(x)
        return outputs

    def describe(self) -> dict[str, str]:
        import akida

        return {"akida": str(akida.__version__)}
