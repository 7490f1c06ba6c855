"""The kernels of each architecture, and emulated CPUs for those of another."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from built_once import built_once

from akrt.kernels._kernels import architectures
from kernels.compiled import Kernels, build
from kernels.emulated import CPUS, EmulatedKernels, Machine, build_server
from kernels.emulated import architectures as emulated_architectures

ARCHITECTURES = architectures()


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Machine]]:
    """Each CPU of `CPUS`, by its name under QEMU."""
    program = built_once(tmp_path_factory, "aarch64", build_server)
    machines = {cpu: Machine(program, cpu) for cpu in sorted(set(CPUS.values()))}
    yield machines
    for machine in machines.values():
        machine.close()


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return ctypes.CDLL(str(built_once(tmp_path_factory, "kernels", build)))


@pytest.fixture(
    scope="session",
    params=[*(arch.name for arch in ARCHITECTURES), *(f"aarch64 {name}" for name in CPUS)],
)
def kernels(request: pytest.FixtureRequest) -> Kernels | EmulatedKernels:
    machine, _, name = request.param.rpartition(" ")
    if machine:
        cpu: Machine = request.getfixturevalue("emulated")[CPUS[name]]
        return EmulatedKernels(cpu, emulated_architectures(cpu)[name][1])
    arch = next(arch for arch in ARCHITECTURES if arch.name == name)
    if not arch.usable:
        pytest.skip(f"this CPU cannot run the kernels '{name}'")
    return Kernels(request.getfixturevalue("library"), arch)
