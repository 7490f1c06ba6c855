"""Random networks of Akida 2.0, exported and compiled, equal the reference."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from akida2_networks import akida2_network

from akrt.backends.reference import ReferenceBackend

from .compiled_export import SANITIZERS, build, driver, outputs

NETWORKS = int(os.environ.get("AKRT_TEST_AKIDA2_EXPORTS", "40"))
"""The long form: 200."""
AT_ONCE = 40


@pytest.mark.parametrize("first", range(0, NETWORKS, AT_ONCE))
def test_exported_networks_equal_the_reference(first: int, tmp_path: Path) -> None:
    samples = [akida2_network(seed) for seed in range(first, min(first + AT_ONCE, NETWORKS))]
    models, inputs = [m for m, _ in samples], [x for _, x in samples]
    source = driver(models, tmp_path, inputs)
    build(source, tmp_path / "driver", "-std=c99", "-O1", "-g0", *SANITIZERS)
    results = outputs([str(tmp_path / "driver")], models, inputs)
    for seed, model, x, result in zip(
        range(first, NETWORKS), models, inputs, results, strict=False
    ):
        wanted = ReferenceBackend(model).run(x)
        np.testing.assert_array_equal(result, wanted, f"network {seed}: {model.layers}")
