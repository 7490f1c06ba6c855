"""What takes long to build is built by one process of a run and used by all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from akrt.system import HAS_LOCKS, lock

__all__ = ["built_once"]


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], Path]) -> Path:
    """The file that `build` makes in a folder of this name, made by whoever comes first."""
    home = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ and HAS_LOCKS:
        home = home.parent  # of all processes of the run
    folder, told = home / name, home / f"{name}.built"
    with open(home / f"{name}.lock", "w") as one:
        if HAS_LOCKS:
            lock(one.fileno(), wait=True)
        if not told.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed
            folder.mkdir()
            told.write_text(str(build(folder)))
        return Path(told.read_text())
