"""Random networks over the whole layer space, exported and compiled, equal the reference."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import oracle
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from networks import (
    THRESHOLD_ENDS,
    extreme_networks,
    networks,
    residual_networks,
    wide_dense_networks,
)
from thorough import amount

from akrt.backends.reference import ReferenceBackend
from akrt.model import (
    Convolutional,
    FullyConnected,
    InputData,
    Model,
    Pooling,
    Quantizer,
    SeparableConvolutional,
)
from firmware_export.expected import layer_outputs

from .compiled_export import SANITIZERS, build, driver, outputs

PROGRAMS = amount(2, 8)
"""Each compiles every kernel once."""
NETWORKS = amount(160, 600)
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
    @given(
        st.one_of(
            networks(),
            networks(),
            networks(),
            extreme_networks(),
            wide_dense_networks(),
            residual_networks(),
        )
    )
    def collect(sample: Sample) -> None:
        found.append(sample)

    collect()
    assert len(found) >= 0.9 * NETWORKS
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


def test_floats_before_layers_of_akida_1(samples: list[Sample], tmp_path: Path) -> None:
    rng, models, inputs = np.random.default_rng(6), [], []
    for model, x in samples:
        given = model.layers[0].name if model.layers[0].kind == "InputData" else None
        if (given and model.input_bits not in (4, 8)) or len(models) == amount(30, 300):
            continue
        channels = model.input_shape[2]
        quantizer = Quantizer(
            name="quantizer",
            input_shape=model.input_shape,
            scales=np.exp2(rng.uniform(-6, 6, channels)).astype(np.float32),
            zero_points=rng.integers(0, 256, channels).astype(np.uint8),
            output_bits=model.input_bits,
        )
        dropped = given if given and len(models) % 2 else None
        names = {
            node.layer.name: tuple(
                "quantizer" if source in ("", dropped) else source
                for source in node.sources or ("",)
            )
            for node in model.nodes
            if node.layer.name != dropped
        }
        layers = model.layers[1:] if dropped else model.layers
        models.append(Model((quantizer, *layers), inputs=names))
        codes = x + rng.uniform(-3, 3, x.shape) - quantizer.zero_points
        inputs.append((codes / quantizer.scales).astype(np.float32))
    assert len(models) == amount(30, 300)
    source = driver(models, tmp_path, inputs)
    build(source, tmp_path / "driver", "-std=c99", "-O1", "-g0", *SANITIZERS)
    results = outputs([str(tmp_path / "driver")], models, inputs)
    for model, x, result in zip(models, inputs, results, strict=True):
        np.testing.assert_array_equal(result, ReferenceBackend(model).run(x), str(model.layers))


def test_expected_values_equal_a_second_writing(samples: list[Sample]) -> None:
    for model, x in samples:
        for sample in x:
            twice = zip(
                layer_outputs(model, sample), oracle.layer_outputs(model, sample), strict=True
            )
            for ours, again in twice:
                np.testing.assert_array_equal(ours, again)


def test_thresholds_and_steps_beyond_bisection(tmp_path: Path) -> None:
    """Levels in a table where 16 * (P - threshold) would leave 32 bits."""
    rng = np.random.default_rng(1)
    models, inputs = [], []
    for bits in (1, 2, 4):
        limits = np.iinfo(np.int32)
        threshold = np.array([limits.min, limits.max, 1 << 23, -900, 0], np.int32)
        layer = FullyConnected(
            name="out",
            weights=rng.integers(-128, 128, (8, 5)).astype(np.int8),
            weights_bits=8,
            act_bits=bits,
            threshold=threshold,
            act_step=np.array([2.0**30, 1 / 16, 2.0**28, 7, 2.0**30], np.float32),
        )
        models.append(Model((InputData("in", (2, 2, 2), 4), layer)))
        inputs.append(rng.integers(0, 16, (40, 2, 2, 2)).astype(np.uint8))
    source = driver(models, tmp_path, inputs)
    assert "_levels" in (tmp_path / "net_0" / "net_0_weights.h").read_text()
    build(source, tmp_path / "driver", "-std=c99", "-O1", *SANITIZERS)
    for model, x, result in zip(
        models, inputs, outputs([str(tmp_path / "driver")], models, inputs), strict=True
    ):
        wanted = ReferenceBackend(model).run(x)
        np.testing.assert_array_equal(result, wanted)
        assert len(np.unique(wanted)) > 1


def test_a_global_sum_reaches_further_than_its_terms(tmp_path: Path) -> None:
    """A threshold from which each term, but not the sum, is within the reach of bisection."""
    models, inputs = [], []
    for kind, threshold in itertools.product(
        (Convolutional, SeparableConvolutional), THRESHOLD_ENDS
    ):
        common = {
            "name": "sum",
            "weights_bits": 4,
            "act_bits": 4,
            "pooling": Pooling("average"),
            "threshold": np.full(4, threshold, np.int32),
            "act_step": np.array([2.0**22, 2.0**27, 2.0**28, 2.0**31 - 128], np.float32),
        }
        weights = np.full((3, 3, 8, 4), 7, np.int8)
        layer = (
            Convolutional(weights=weights, **common)
            if kind is Convolutional
            else SeparableConvolutional(
                depthwise=weights[..., 0], pointwise=weights[0, 0], **common
            )
        )
        models.append(Model((InputData("in", (9, 5, 8), 4), layer)))
        inputs.append(np.stack([np.full((9, 5, 8), v, np.uint8) for v in (0, 1, 15)]))
    source = driver(models, tmp_path, inputs)
    build(source, tmp_path / "driver", "-std=c99", "-O1", *SANITIZERS)
    for model, x, result in zip(
        models, inputs, outputs([str(tmp_path / "driver")], models, inputs), strict=True
    ):
        np.testing.assert_array_equal(result, ReferenceBackend(model).run(x))
