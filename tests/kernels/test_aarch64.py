"""The kernels of AArch64 under QEMU: which are chosen, and whole networks against `reference`.

`test_kernels.py` has each kernel on its own.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
from akida2_networks import akida2_networks
from akida2_temporal_networks import networks_with_memory
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks, residual_networks, wide_dense_networks

import akrt
from akrt.audio import features_from_file
from akrt.backends.reference import ReferenceBackend
from akrt.model import InputData, Mfcc, Model
from kernels.emulated import CPUS, Machine, architectures, run


@pytest.mark.parametrize(
    ("cpu", "usable"),
    [("max", ["dotprod", "neon", "generic"]), ("cortex-a53", ["neon", "generic"])],
)
def test_what_the_cpu_has_is_chosen(
    emulated: dict[str, Machine], cpu: str, usable: list[str]
) -> None:
    found = architectures(emulated[cpu])
    assert list(found) == ["dotprod", "neon", "generic"]
    assert [name for name, (_, arch) in found.items() if arch.usable] == usable


@pytest.mark.parametrize("arch", CPUS)
@settings(max_examples=60)
@given(case=st.one_of(networks(), networks(), networks(), wide_dense_networks()))
def test_random_networks(
    emulated: dict[str, Machine], arch: str, case: tuple[Model, np.ndarray]
) -> None:
    model, x = case
    if all(isinstance(layer, InputData) for layer in model.layers):
        return
    got = run(emulated[CPUS[arch]], model, x, arch)
    np.testing.assert_array_equal(got, ReferenceBackend(model).run(x))


@pytest.mark.parametrize("arch", CPUS)
@settings(max_examples=40)
@given(case=residual_networks())
def test_networks_with_branches(
    emulated: dict[str, Machine], arch: str, case: tuple[Model, np.ndarray]
) -> None:
    model, x = case
    got = run(emulated[CPUS[arch]], model, x, arch)
    np.testing.assert_array_equal(got, ReferenceBackend(model).run(x))


@pytest.mark.parametrize("arch", CPUS)
@settings(max_examples=40)
@given(case=akida2_networks())
def test_networks_of_akida_2(
    emulated: dict[str, Machine], arch: str, case: tuple[Model, np.ndarray]
) -> None:
    model, x = case
    got = run(emulated[CPUS[arch]], model, x, arch)
    np.testing.assert_array_equal(got, ReferenceBackend(model).run(x))


@pytest.mark.parametrize("arch", CPUS)
@settings(max_examples=16)
@given(case=networks_with_memory())
def test_networks_with_memory(
    emulated: dict[str, Machine], arch: str, case: tuple[Model, np.ndarray]
) -> None:
    model, x = case
    got = run(emulated[CPUS[arch]], model, x, arch)
    np.testing.assert_array_equal(got, ReferenceBackend(model).run(x))


@pytest.mark.parametrize("arch", CPUS)
def test_the_bundled_network_on_the_clips_that_ship(
    emulated: dict[str, Machine], arch: str, clips: np.ndarray
) -> None:
    model = akrt.Runtime().model
    got = run(emulated[CPUS[arch]], model, clips, arch)
    np.testing.assert_array_equal(got, ReferenceBackend(model).run(clips))
    assert len(np.unique(got.reshape(len(clips), -1).argmax(1))) >= 30


@pytest.fixture(scope="module")
def clips() -> np.ndarray:
    with as_file(files("akrt") / "data" / "clips") as folder:
        sounds = sorted(Path(folder).rglob("*.flac"))
        return np.stack([features_from_file(sound, Mfcc()) for sound in sounds])
