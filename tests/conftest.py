"""Fixtures that many tests share, and where the tests find real recordings."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from machines import double, machine  # noqa: F401 - fixtures
from nsoc_bench import bench  # noqa: F401 - a fixture
from thorough import THOROUGH, amount

FIRST = (
    "export/test_stack.py",
    "kernels/test_other_systems.py",
    "export/test_incremental_targets.py",
    "export/test_targets.py",
    "export/test_random_networks.py",
    "backends/test_conformance.py",
    "export/test_warnings.py",
    "backends/test_nsoc_failures.py",
    "fuzz/test_fuzz.py",
    "kws/test_train.py",
    "kws/test_tutorial.py",
    "kws/test_chip_grid.py",
    "kws/test_optimise.py",
    "kws/test_balance.py",
    "export/test_ticks.py",
    "importers/test_quantizeml_h5.py",
    "importers/test_quantizeml_akida2.py",
    "backends/test_whole_networks.py",
    "export/test_stream_incremental.py",
    "export/test_incremental.py",
    "export/test_estimate.py",
    "export/test_sixteen_bits.py",
    "export/test_row_kernels.py",
    "export/test_folders.py",
    "export/test_sizes.py",
    "export/test_line_kernels.py",
    "backends/test_nsoc_processes.py",
    "bench/test_compare_runs.py",
)
"""The longest files: with ``--dist loadfile`` none of them is left to one process at the end."""

if not THOROUGH:
    os.fsync = lambda handle: None  # no test loses power; each export would wait for twelve files

settings.register_profile(
    "akrt",
    deadline=None,
    max_examples=amount(50, 200),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("akrt")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):  # by how many tests a file has
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    turns = {(here / name).resolve(strict=True): turn for turn, name in enumerate(FIRST)}
    items.sort(key=lambda item: turns.get(item.path, len(turns)))


@pytest.fixture(autouse=True)
def _no_resource_fork() -> Iterator[None]:
    """libsndfile leaves an empty file of this name where it writes sound to memory, takes it for
    the resource fork of the next sound that it reads from memory, and then refuses that."""
    yield
    Path("._").unlink(missing_ok=True)


def need(package: str) -> None:
    """Skip the test where an optional package is absent."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"the package '{package}' is not installed")


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run in an empty folder: the checkout's akrt must not hide the installed one from children."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("cwd"))
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder with train/, test/ and fsdd/ recordings: AKRT_TEST_DATA."""
    folder = os.environ.get("AKRT_TEST_DATA")
    if not folder or not Path(folder, "test").is_dir():
        pytest.skip("AKRT_TEST_DATA names no folder of real recordings")
    return Path(folder)


@pytest.fixture(scope="session")
def cases() -> Path:
    """Folder with sound/ and models/ that once went wrong: AKRT_TEST_CASES."""
    folder = os.environ.get("AKRT_TEST_CASES")
    if not folder or not Path(folder, "models").is_dir():
        pytest.skip("AKRT_TEST_CASES names no folder of cases")
    return Path(folder)


@pytest.fixture(scope="session")
def starter_models(recordings: Path) -> Path:
    """Folder with a DS-CNN as .h5 and .fbz, beside the recordings."""
    folder = recordings.parent / "models"
    if not (folder / "starter_quantised.h5").is_file():
        pytest.skip("there are no starter models beside AKRT_TEST_DATA")
    return folder
