"""pytest bench: akida's figures are kept out of files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import need

ROOT = Path(__file__).resolve().parents[2]


def test_figures_of_akida_are_not_saved(tmp_path: Path) -> None:
    need("pytest_benchmark")
    suites = str(ROOT / "bench")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", suites, "--simulator"]
    for option in (f"--benchmark-json={tmp_path}/a.json", "--benchmark-autosave"):
        done = subprocess.run(
            [*command, option], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 4, done.stdout
        assert "licence" in done.stderr
    assert not list(tmp_path.iterdir())
