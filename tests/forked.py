"""Run a function in a forked child, as servers and data loaders do, and fetch what it returned."""

from __future__ import annotations

import os
import pickle
import select
import signal
import warnings
from collections.abc import Callable
from typing import Any

import pytest

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


class Child:
    """A forked child that runs `work`; `result` waits for it, and kills it when that takes long."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # beside threads, on purpose
            self.pid = os.fork()
        if self.pid:
            os.close(write)
            return
        try:
            outcome = work()
        except BaseException as error:
            outcome = error
        with os.fdopen(write, "wb") as pipe:
            pipe.write(pickle.dumps(outcome))
            pipe.flush()
        os._exit(0)

    def result(self, seconds: float = 20.0) -> Any:
        """What `work` returned, or raise what it raised."""
        hangs = not select.select([self._read], [], [], seconds)[0]
        if hangs:
            os.kill(self.pid, signal.SIGKILL)
        with os.fdopen(self._read, "rb") as pipe:
            data = pipe.read()
        os.waitpid(self.pid, 0)
        assert not hangs, "the forked child hangs"
        outcome = pickle.loads(data)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` returns in a forked child."""
    return Child(work).result()
