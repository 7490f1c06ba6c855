"""Exports hold what a network calls and nothing else: no compiler finds a function unused."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import architectures
import pytest
from conftest import need
from hypothesis import HealthCheck, Phase, given, settings
from networks import networks
from thorough import THOROUGH, amount

import akrt
import firmware_export
from akrt.model import Model
from firmware_export.targets import TARGETS
from firmware_export.toolchain import WARNINGS

from .row_networks import row_network, saturating_network

NETWORKS = amount(30, 200)
AT_ONCE = 4
"""Targets that see one network, unless there is time for all; each has its turn."""

COMPILERS = {
    **{t.name: [t.compiler[0], *t.flags] for t in TARGETS.values()},
    "clang": ["clang"],
    "C++": ["g++", "-x", "c++", "-std=c++17"],
}


def random_models(count: int) -> list[Model]:
    """Half of them of any kind, half of kernels on rows."""
    found: list[Model] = []

    @settings(
        max_examples=count // 2,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(networks())
    def collect(sample: tuple) -> None:
        found.append(sample[0])

    collect()
    rows = [row_network, row_network, row_network, saturating_network]
    return [*found, *(rows[i % 4](i)[0] for i in range(count - len(found)))]


def refusal(folder: Path, name: str, target: str) -> str:
    """What the compiler of a target says of an export; empty where it has nothing to say."""
    command = COMPILERS[target]
    standard = [] if target == "C++" else ["-std=c99"]
    # unused functions are only found when code is made
    made = ["-O0", "-S", "-o", os.devnull, str(folder / f"{name}.c")]
    done = subprocess.run([*command, *standard, *WARNINGS, *made], capture_output=True, text=True)
    return f"{name} on {target}: {done.stderr[:500]}" if done.returncode else ""


def installed() -> list[str]:
    return [name for name, command in COMPILERS.items() if shutil.which(command[0])]


def turn(number: int, targets: list[str]) -> list[str]:
    """The targets that see a network."""
    at_once = len(targets) if THOROUGH else AT_ONCE
    return [targets[(at_once * number + k) % len(targets)] for k in range(at_once)]


def test_random_networks_on_every_target(tmp_path: Path) -> None:
    targets = installed()
    if not targets:
        pytest.skip("no compiler is installed")
    refused, seen = [], set()
    for i, model in enumerate(random_models(NETWORKS)):
        firmware_export.export(model, tmp_path / f"n{i}", name=f"n{i}")
        for target in turn(i, targets):
            seen.add(target)
            refused.append(refusal(tmp_path / f"n{i}", f"n{i}", target))
        shutil.rmtree(tmp_path / f"n{i}")
    assert len(refused) >= NETWORKS
    assert seen == set(targets)
    assert not any(refused), "\n".join(filter(None, refused))


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_architectures_on_every_target(name: str, tmp_path: Path) -> None:
    need("akida")
    firmware_export.export(akrt.load(architectures.files(name)[0]), tmp_path / "net", name="net")
    large = [name for name in installed() if name != "avr"]  # its arrays have 32 KB at most
    number = [*architectures.ARCHITECTURES].index(name)
    refused = [refusal(tmp_path / "net", "net", target) for target in turn(number, large)]
    assert not any(refused), "\n".join(filter(None, refused))
