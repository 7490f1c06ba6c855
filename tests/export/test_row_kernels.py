"""The fast kernels: whole networks through them equal the reference, and their pieces are exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from thorough import amount

from akrt.backends.reference import ReferenceBackend
from akrt.lowering.arithmetic import activate, convolve
from akrt.lowering.operations import operation
from firmware_export.lowered import lower
from firmware_export.requantisation import Form, muladd_constants, narrow_constants

from .compiled_export import SANITIZERS, build, driver, outputs
from .row_networks import row_network, saturating_network

ROW_KERNELS = {"akrt_separable_rows", "akrt_separable_rows_muladd", "akrt_separable_sum_rows"}
ROW_KERNELS |= {"akrt_conv_rows", "akrt_pack_rows", "akrt_unpack_rows"}


@pytest.mark.parametrize("part", range(amount(1, 3)))
def test_row_networks_equal_the_reference(part: int, tmp_path: Path) -> None:
    samples = [row_network(seed) for seed in range(part * 20, part * 20 + 20)]
    samples += [saturating_network(seed) for seed in range(part * 6, part * 6 + 6)]
    models, inputs = [m for m, _ in samples], [x for _, x in samples]
    used = {s.kernel for m in models for s in lower(m, "net").steps}
    assert used >= ROW_KERNELS
    source = driver(models, tmp_path, inputs)
    build(source, tmp_path / "driver", "-std=c99", "-O1", "-g0", *SANITIZERS)
    results = outputs([str(tmp_path / "driver")], models, inputs)
    for model, x, result in zip(models, inputs, results, strict=True):
        np.testing.assert_array_equal(result, ReferenceBackend(model).run(x), str(model.layers))


def test_saturating_networks_do_saturate() -> None:
    """Where the collapsed sum would be wrong, and where it is right, both occur."""
    kinds = set()
    for seed in range(18):
        model, inputs = saturating_network(seed)
        layer = model.layers[-1]
        positions = convolve(operation(model.nodes[-1]), inputs).sum((1, 2))
        exact = ReferenceBackend(model.replace(layers=(model.layers[0], _raw(layer)))).run(inputs)
        kinds.update((exact.reshape(positions.shape) == positions).all(1).tolist())
    assert kinds == {True, False}


def test_multiply_add_is_exact_on_every_potential() -> None:
    found: list[Form] = []
    for seed in range(40):
        model, _ = row_network(seed)
        for node in model.nodes[1:]:
            layer = node.layer
            if getattr(layer, "act_bits", None) != 4:
                continue
            high = np.full(layer.filters, min(node.max_potential, 40000), np.int64)
            solution = muladd_constants(layer, -high, high)
            if solution is None:
                continue
            (factor, addend), form, shift = solution[0].T, *solution[1:]
            found.append(form)
            potentials = np.arange(-high[0], high[0] + 1)[:, None]
            product = potentials * factor
            if form is Form.HIGH_WORD:
                product = (potentials << 11) * factor >> 32
            scaled = product + addend
            assert max(np.abs(scaled).max(), np.abs(product).max()) < 2**31
            wanted = activate(potentials, layer.threshold, layer.step16, layer.act_bits)
            np.testing.assert_array_equal(np.clip(scaled >> shift, 0, 15), wanted)
    assert len(found) > 10


def test_narrow_multiply_add_is_exact_on_every_potential() -> None:
    found = 0
    for seed in range(40):
        model, _ = row_network(seed)
        for node in model.nodes[1:]:
            layer = node.layer
            if getattr(layer, "act_bits", None) != 4:
                continue
            high = np.full(layer.filters, min(node.max_potential, 40000), np.int64)
            solution = narrow_constants(layer, -high, high)
            if solution is None:
                continue
            found += 1
            (factor, addend), shift, bits = solution[0].T, *solution[1:]
            assert factor.min() >= 0
            assert factor.max() < 1 << 16
            assert addend.min() >= -(1 << 15)
            assert addend.max() < 1 << 15
            potentials = np.arange(-high[0], high[0] + 1)[:, None]
            scaled = potentials * factor + (addend << bits)
            assert np.abs(scaled).max() < 2**31
            wanted = activate(potentials, layer.threshold, layer.step16, layer.act_bits)
            np.testing.assert_array_equal(np.clip(scaled >> shift, 0, 15), wanted)
    assert found > 10


def _raw(layer):
    from dataclasses import replace

    return replace(layer, act_bits=None)
