"""Random networks over the whole layer space, exported and compiled, equal the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from networks import networks

from akrt.backends.reference import ReferenceBackend
from akrt.model import Model
from firmware_export.expected import layer_outputs

from .compiled_export import SANITIZERS, build, driver, outputs

NETWORKS = 320
PROGRAMS = 8
Sample = tuple[Model, np.ndarray]


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    found: list[Sample] = []

    @settings(
        max_examples=NETWORKS,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(networks())
    def collect(sample: Sample) -> None:
        found.append(sample)

    collect()
    assert len(found) >= 300
    return found


@pytest.mark.parametrize("part", range(PROGRAMS))
def test_exported_networks_equal_the_reference(
    samples: list[Sample], part: int, tmp_path: Path
) -> None:
    mine = samples[part::PROGRAMS]
    models, inputs = [m for m, _ in mine], [x for _, x in mine]
    source = driver(models, tmp_path, inputs)
    build(source, tmp_path / "driver", "-std=c99", "-O1", "-g0", *SANITIZERS)
    results = outputs([str(tmp_path / "driver")], models, inputs)
    for model, x, result in zip(models, inputs, results, strict=True):
        np.testing.assert_array_equal(result, ReferenceBackend(model).run(x), str(model.layers))


def test_expected_values_equal_the_reference(samples: list[Sample]) -> None:
    for model, x in samples:
        wanted = ReferenceBackend(model).layer_outputs(x)
        for n, sample in enumerate(x):
            for ours, reference in zip(layer_outputs(model, sample), wanted, strict=True):
                np.testing.assert_array_equal(ours, reference[n])
