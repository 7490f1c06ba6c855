"""The bundled network, one sample and a batch, on every backend and kernel set."""

from __future__ import annotations

import numpy as np
import pytest

import akrt
from akrt.backends.native import usable_archs
from akrt.benchmark import samples, with_arch
from akrt.runtime import bundled_model

BATCH = 256


@pytest.fixture(scope="module")
def words() -> np.ndarray:
    return samples(bundled_model(), BATCH)


@pytest.mark.parametrize("arch", usable_archs())
@pytest.mark.parametrize("batch", [1, BATCH])
def test_native(benchmark, words: np.ndarray, arch: str, batch: int) -> None:
    with with_arch(arch):
        runtime = akrt.Runtime(backend="native", threads=1)
    x = words[:batch]
    expected = akrt.Runtime(backend="reference").forward(x[:1])
    y = benchmark(runtime.forward, x)
    np.testing.assert_array_equal(y[:1], expected)


@pytest.mark.threads
@pytest.mark.parametrize("threads", [1, 2])
def test_threads(benchmark, words: np.ndarray, threads: int) -> None:
    with akrt.Runtime(backend="native", threads=threads) as runtime:
        benchmark(runtime.forward, words)


@pytest.mark.parametrize("batch", [1, 8])
def test_reference(benchmark, words: np.ndarray, batch: int) -> None:
    benchmark(akrt.Runtime(backend="reference").forward, words[:batch])


@pytest.mark.parametrize("batch", [1, BATCH])
def test_simulator(request, benchmark, words: np.ndarray, batch: int) -> None:
    if not request.config.getoption("--simulator"):
        pytest.skip("akida's software is timed with --simulator only, and never saved")
    benchmark(akrt.Runtime(backend="simulator").forward, words[:batch])
