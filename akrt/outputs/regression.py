"""Quantities: outputs as floats, scaled."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from akrt.model import Model, RegressionTask
from akrt.outputs.base import Output

__all__ = ["Regression"]


class Regression(Output):
    """``scale * output + offset`` of every output.

    Args:
        model: the network.
    """

    kind: ClassVar[str] = "regression"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        assert isinstance(model.task, RegressionTask)
        self._task = model.task
        self.unit = model.task.unit

    def read(self, logits: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """float64 of the shape of `logits`, which `Runtime.predict` gives."""
        scaled: npt.NDArray[np.float64] = (
            self._task.scale * logits.astype(np.float64) + self._task.offset
        )
        return scaled
