"""What a forked process must not share with the one it was forked from.

A fork copies memory but no threads: a lock that another thread held stays locked for ever, a pool
has no workers. And it copies descriptors: a pipe to a chip's process would have two readers.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Forked", "renew_after_fork"]


class Forked(Protocol):
    """What has something to renew in a forked child."""

    def after_fork(self) -> None:
        """Renew locks and leave to the parent what is the parent's. Must not raise or wait."""


_living: WeakSet[Forked] = WeakSet()


def renew_after_fork(thing: Forked) -> None:
    """Call `thing.after_fork` in every child that is forked while `thing` lives."""
    _living.add(thing)


def _renew() -> None:
    for thing in list(_living):
        thing.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
