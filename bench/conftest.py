"""Where the suites run: on one core, except where threads are what is timed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from akrt.timing import one_core

sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--simulator", action="store_true", help="also time akida's software; nothing is saved"
    )


def pytest_configure(config: pytest.Config) -> None:
    saving = ("benchmark_json", "benchmark_save", "benchmark_autosave")
    if config.getoption("--simulator") and any(config.getoption(name, None) for name in saving):
        raise pytest.UsageError(
            "akida's licence keeps its figures from being published: save without --simulator"
        )
    config.addinivalue_line("markers", "threads: uses more than one core")


@pytest.fixture(autouse=True)
def _one_core(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("threads"):
        yield
    else:
        with one_core():
            yield
