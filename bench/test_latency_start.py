"""What is paid once: import, the first answer of a new process, a model's plan, an export."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import akrt
import firmware_export
from akrt.runtime import bundled_model

FIRST_ANSWER = """\
import numpy, akrt
akrt.Runtime(backend="native").forward(numpy.zeros((1, 49, 10, 1), numpy.uint8))
"""


VERSION = """\
import sys
sys.argv = ["akrt", "--version"]
from akrt.cli import main
main()
"""
PROGRAMS = {
    "python alone": "pass",
    "import numpy": "import numpy",
    "import akrt": "import akrt",
    "first answer": FIRST_ANSWER,
    "akrt --version": VERSION,
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_process(benchmark, what: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAMS[what]]

    def start() -> None:  # elsewhere: the checkout's akrt must not hide the installed one
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)

    benchmark.pedantic(start, rounds=7, warmup_rounds=1)


def test_open_the_bundled_model(benchmark) -> None:
    benchmark(bundled_model)


def test_plan_the_bundled_model(benchmark) -> None:
    model = bundled_model()
    benchmark(akrt.Runtime, model, "native")


def test_export(benchmark, tmp_path: Path) -> None:
    model = bundled_model()
    benchmark.pedantic(
        lambda: firmware_export.export(model, tmp_path / "out", name="net"), rounds=5
    )
