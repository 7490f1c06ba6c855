"""Every type and shape of layer on every kernel set, one sample."""

from __future__ import annotations

import numpy as np
import pytest
from layer_cases import LAYERS, case

import akrt
from akrt.backends.native import usable_archs
from akrt.benchmark import with_arch


@pytest.mark.parametrize("arch", usable_archs())
@pytest.mark.parametrize("name", LAYERS)
def test_layer(benchmark, name: str, arch: str) -> None:
    model, x = case(name)
    with with_arch(arch):
        runtime = akrt.Runtime(model, backend="native", threads=1)
    y = benchmark(runtime.forward, x)
    np.testing.assert_array_equal(y, akrt.Runtime(model, backend="reference").forward(x))
