"""Emulated CPUs for the tests of the kernels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernels.emulated import CPUS, Machine, build_server


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Machine]]:
    """Each CPU of `CPUS`, by its name under QEMU."""
    program = build_server(tmp_path_factory.mktemp("aarch64"))
    machines = {cpu: Machine(program, cpu) for cpu in sorted(set(CPUS.values()))}
    yield machines
    for machine in machines.values():
        machine.close()
