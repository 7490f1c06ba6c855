"""What a fuzz target is, and what may come of an input: an AkrtError or the right answer."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutations import Tried, try_each

from akrt.errors import AkrtError, AudioWarning, FallbackWarning, UnsupportedLayerError

__all__ = ["Fault", "Target", "fuzz", "refusal_names", "try_one"]

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")
_MOST_OF_A_MESSAGE = 4000


class Fault(AssertionError):
    """An outcome that may not be."""


@dataclass(frozen=True)
class Target:
    """One kind of input."""

    name: str
    make: Callable[[int, Path], Any]
    """From a seed to an input, the same for a seed; a file is written into the folder."""
    check: Callable[[Any], str]
    """Gives the input to akrt and says in a word what it answered. AkrtErrors pass through; raises
    `Fault` where the answer is wrong."""
    inputs: int
    """How many a short run takes; a long run shares its inputs out in the same proportions."""
    seconds: int = 10
    """That an input may take."""
    memory: int | None = 512 << 20
    """Bytes that the process may grow by for an input; None: it is not measured."""
    apart: bool = False
    """Whether `check` computes with akida's software, whose threads do not outlive a fork: its
    inputs are tried by forks of a new process, not of one that has used it."""


@contextlib.contextmanager
def refusal_names(path: Path) -> Iterator[None]:
    """An AkrtError of the body must name the file, or the layer that is not supported."""
    try:
        yield
    except UnsupportedLayerError:
        raise
    except AkrtError as error:
        if path.name not in str(error):
            raise Fault(f"the error does not name '{path.name}': {error!r}") from error
        raise


def try_one(target: Target, seed: int, place: str | None = None) -> str:
    """What comes of one input, whose files are below the folder `place`.

    Raises:
        Exception: whatever may not come of it.
    """
    with tempfile.TemporaryDirectory(prefix="akrt-fuzz-", dir=place) as folder:
        made = target.make(seed, Path(folder))
        before = _start_of_peak()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                answer = target.check(made)
            except AkrtError as error:
                answer = _refused(error)
        grown = _peak() - before
    for warning in warned:
        if not issubclass(warning.category, (AudioWarning, FallbackWarning)):
            raise Fault(f"a warning: {warning.category.__name__}: {warning.message}")
    if target.memory is not None and grown > target.memory:
        raise Fault(f"the process grew by {grown:,} bytes")
    return answer


def fuzz(target: Target, first: int, count: int) -> tuple[Counter[str], list[Tried]]:
    """The answers to so many inputs from seed `first` on, and what may not be among them."""
    answers: Counter[str] = Counter()
    faults = []
    limit = None if target.memory is None else 4 * target.memory

    def attempt(seed: int) -> tuple[str, str]:
        try:
            return "passed", try_one(target, seed, place)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            return type(error).__name__, f"{str(error)[:1000]} ({where})"

    with tempfile.TemporaryDirectory(prefix="akrt-fuzz-") as place:  # what a crash leaves, too
        for tried in try_each(attempt, range(first, first + count), target.seconds, limit):
            answers[tried.detail if tried.answer == "passed" else tried.answer] += 1
            if tried.answer != "passed":
                faults.append(tried)
    return answers, faults


def _refused(error: AkrtError) -> str:
    message = str(error)
    if not message.strip():
        raise Fault(f"no words: {error!r}") from error
    if _CONTROL.search(message) or ("\n" in message and not error.detail):
        raise Fault(f"control characters: {message!r}") from error
    if len(message) > _MOST_OF_A_MESSAGE:
        raise Fault(f"a message of {len(message):,} characters: {message[:200]!r}") from error
    if "MemoryError" in message or "Unable to allocate" in message:
        raise Fault(f"memory ran out: {message}") from error
    return type(error).__name__


def _start_of_peak() -> int:
    """The process's memory now, from which `_peak` counts anew; 0 where that is not known."""
    with contextlib.suppress(OSError):
        with open("/proc/self/clear_refs", "w") as peak:
            peak.write("5")
        return _status("VmRSS")
    return 0


def _peak() -> int:
    return _status("VmHWM") if os.access("/proc/self/clear_refs", os.W_OK) else 0


def _status(field: str) -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(f"{field}:"))
