"""Untrained networks made worth comparing really use their whole range, as akida sees them."""

from __future__ import annotations

import architectures
import numpy as np
import pytest

from akrt.importers import load_h5, to_akida
from akrt.model import Model

pytest.importorskip("akida", reason="needs akida: pip install 'akrt[akida]'")


@pytest.mark.parametrize("name", ["vgg_utk_face", "convtiny_dvs"])
def test_every_layer_uses_its_range_in_akida(name: str) -> None:
    model = load_h5(architectures.files(name)[0])
    x = np.random.default_rng(1).integers(
        0, 1 << model.input_bits, (4, *model.input_shape), dtype=np.uint8
    )
    spread = architectures.use_whole_range(model, x)
    outputs = [
        x if layer.kind == "InputData" else to_akida(Model(spread.layers[: n + 1])).forward(x)
        for n, layer in enumerate(spread.layers)
    ]
    architectures.check_whole_range(spread, outputs)


def test_an_untrained_network_does_not_pass_for_one_that_uses_its_range() -> None:
    model = load_h5(architectures.files("vgg_utk_face")[0])
    outputs = [np.zeros(node.output_shape) for node in model.nodes]
    with pytest.raises(AssertionError):
        architectures.check_whole_range(model, outputs)
