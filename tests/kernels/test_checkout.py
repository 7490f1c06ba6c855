"""In a checkout whose kernels are not compiled, the installed ones serve, or a sentence does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from akrt.kernels import _kernels
from akrt.kernels.sources import digest

CHECKOUT = Path(__file__).parents[2]
COMPILED = Path(_kernels.__file__).resolve().parents[2]
"""Where the compiled extensions lie: an installed akrt, or this checkout."""
RUN = (
    "import akrt, numpy as np; print(akrt.__file__);"
    "print(akrt.Runtime(backend='native').forward(np.zeros((1, 49, 10, 1), np.uint8)).shape)"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The sources alone."""
    folder = tmp_path / "checkout"
    for name in ("akrt", "src_c"):
        shutil.copytree(
            CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("*.so", "*.pyd")
        )
    return folder


def run(folder: Path, path: Path | None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": "" if path is None else str(path)}
    return subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=env, capture_output=True, text=True
    )


@pytest.fixture(autouse=True)
def _same_sources() -> None:
    if CHECKOUT.resolve() == COMPILED and digest(CHECKOUT) != _kernels.SOURCES:
        pytest.skip("the sources of this checkout were edited after it was compiled in place")


def test_the_extensions_know_their_sources() -> None:
    assert digest(CHECKOUT) == _kernels.SOURCES


def test_the_installed_kernels_serve_the_same_sources(checkout: Path) -> None:
    done = run(checkout, COMPILED)
    assert done.returncode == 0, done.stderr
    assert str(checkout) in done.stdout
    assert "(1, 1, 1, 33)" in done.stdout


@pytest.mark.parametrize("changed", ["src_c/core/akrt_run.c", "akrt/kernels/_kernels.pyx"])
def test_those_of_other_sources_do_not(checkout: Path, changed: str) -> None:
    with open(checkout / changed, "a") as file:
        file.write("\n")
    done = run(checkout, COMPILED)
    assert done.returncode == 1
    assert "AkrtError: akrt is imported from its source tree" in done.stderr
    assert "made from other sources: run from another folder" in done.stderr
