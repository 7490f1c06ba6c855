"""Networks of akida_models for Akida 2.0, layer by layer: the reference against akida.

As they were converted, and with random weights and constants that use every layer's range:
untrained networks give few values. A thorough run has more of them, AKRT_ARCHITECTURES=all has all,
which take long to build.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from akida2_architectures import ARCHITECTURES, OTHERS, QUICK, RECURRENT, TEMPORAL, akida2_file
from akida2_outputs import ending_in, outputs_by_layer, use_whole_range
from thorough import THOROUGH

from akrt.importers import load_fbz, to_akida
from akrt.model import Model

NAMES: tuple[str, ...] = ARCHITECTURES if THOROUGH else QUICK
if os.environ.get("AKRT_ARCHITECTURES") == "all":
    NAMES = (*ARCHITECTURES, *OTHERS, *TEMPORAL, *RECURRENT)


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_equals_akida(name: str) -> None:
    model = load_fbz(akida2_file(name))
    assert model.version == 2
    x = model.noise(np.random.default_rng(3), 12 if model.stateful else 2)
    compare(model, x)
    bits = {node.layer.name: node.output.bits for node in model.nodes}
    for layer, output in compare(use_whole_range(model, x), x).items():
        values, most = len(np.unique(output)), min(64, output.size // 8, (1 << bits[layer]) // 2)
        assert values >= most, (layer, values, output.size)


def compare(model: Model, x: np.ndarray) -> dict[str, np.ndarray]:
    """Akida's outputs, by layer; they equal the reference's."""
    made = outputs_by_layer(model, x)
    theirs = {}
    for node in model.nodes:
        name = node.layer.name
        if "InputData" not in node.layer.kind:
            theirs[name] = to_akida(ending_in(model, name)).forward(x)
            assert made[name].dtype == theirs[name].dtype
            np.testing.assert_array_equal(made[name], theirs[name], err_msg=name)
    return theirs
