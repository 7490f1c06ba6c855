"""Quantities."""

from __future__ import annotations

import numpy as np
import pytest
from outputs.grids import grid_model

from akrt.errors import ModelError
from akrt.model import RegressionTask
from akrt.outputs import Regression, output_of


def test_outputs_are_scaled() -> None:
    model = grid_model(1, 1, RegressionTask(10, -2.5, "years"), 2, ("age", "height"))
    found = output_of(model)
    assert isinstance(found, Regression)
    assert found.read(np.float32([[1, -0.5]])).tolist() == [[7.5, -7.5]]
    assert (found.names, found.unit) == (("age", "height"), "years")
    assert model.task.text == "quantities: 10 * output + -2.5 years"
    assert RegressionTask(unit="°C").text.isascii()


@pytest.mark.parametrize(
    "values", [{"scale": float("inf")}, {"offset": "1"}, {"scale": True}, {"unit": 5}]
)
def test_parameters_that_make_no_sense(values: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=f"{next(iter(values))} must be"):
        RegressionTask(**values)
