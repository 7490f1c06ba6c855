"""Damaged, hostile and extreme inputs of every kind: an AkrtError, or the right answer.

A short run is part of the suite. A long one:

    AKRT_FUZZ=100000 python -m pytest -q -s tests/fuzz/test_fuzz.py

shares out 100,000 inputs; AKRT_FUZZ_SEED is the first seed, 0 where it is not given. Each fault is
printed with the seed that makes it again.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from mutations import Tried

if not sys.platform.startswith("linux"):
    pytest.skip("limits of time and memory are those of Linux", allow_module_level=True)

from akrt.errors import InputError

from . import akida2_files, data_files, export_files, model_files, models
from .target import Fault, Target, fuzz, try_one

TARGETS = (
    *data_files.TARGETS,
    *export_files.TARGETS,
    *model_files.TARGETS,
    *akida2_files.TARGETS,
    *models.TARGETS,
)
FIRST = int(os.environ.get("AKRT_FUZZ_SEED", "0"))
SHOWN = 30
IN_ALL = int(os.environ.get("AKRT_FUZZ", "0"))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_an_error_of_akrt_or_the_right_answer(target: Target) -> None:
    short = sum(t.inputs for t in TARGETS)
    count = max(1, IN_ALL * target.inputs // short) if IN_ALL else target.inputs
    answers, faults = fuzz_apart(target.name, count) if target.apart else fuzz(target, FIRST, count)
    told = ", ".join(f"{number} {answer}" for answer, number in answers.most_common())
    print(f"{target.name}: {count} inputs from seed {FIRST} on: {told}")
    again = f"pytest 'tests/fuzz/test_fuzz.py' -k '{target.name}'"
    assert not faults, "\n".join(
        f"AKRT_FUZZ=1 AKRT_FUZZ_SEED={fault.seed} {again}: {fault.answer}: {fault.detail}"
        for fault in faults[:SHOWN]
    )


def fuzz_apart(name: str, count: int) -> tuple[Counter[str], list[Tried]]:
    with ProcessPoolExecutor(1, get_context("spawn")) as new:
        return new.submit(_fuzz_named, name, count).result()


def _fuzz_named(name: str, count: int) -> tuple[Counter[str], list[Tried]]:
    (target,) = (target for target in TARGETS if target.name == name)
    return fuzz(target, FIRST, count)


def _raises(error: Exception) -> Target:
    def check(_: object) -> str:
        raise error

    return Target("a fault", lambda seed, folder: folder, check, 1)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        InputError(""),
        InputError("x" * 10_000),
        InputError("Unable to allocate 8 GiB"),
        MemoryError(),
    ],
)
def test_other_outcomes_are_faults(error: Exception) -> None:
    with pytest.raises((Fault, ValueError, MemoryError)):
        try_one(_raises(error), 0)
    assert try_one(_raises(InputError("it is damaged")), 0) == "InputError"


def _crash(_: Path) -> str:
    os.abort()


def _hang(_: Path) -> str:
    while True:
        pass


def _grow(_: Path) -> str:
    return f"{bytearray(64 << 20)[0]}"


def _warn(_: Path) -> str:
    import numpy as np

    return str(np.float32(3e38) * np.float32(10))


@pytest.mark.parametrize(
    ("check", "answer"), [(_crash, "crash"), (_hang, "hang"), (_grow, "Fault"), (_warn, "Fault")]
)
def test_what_a_process_can_do_is_a_fault(check: object, answer: str) -> None:
    target = Target("bad", lambda seed, folder: folder, check, 1, seconds=1, memory=32 << 20)  # type: ignore[arg-type]
    answers, faults = fuzz(target, 5, 2)
    assert answers == {answer: 2}
    assert [fault.seed for fault in faults] == [5, 6]
