"""Damaged and hostile inputs, and a way to try thousands of them on code that may crash or hang."""

from __future__ import annotations

import copy
import faulthandler
import json
import os
import random
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

HOSTILE: list[Any] = [
    None, -1, 0, 1, 2, 3, 7, 16, 1 << 16, 1 << 31, 1 << 63, 10**400, 1e308, -1e308, 1e-320,
    float("nan"), float("inf"), "", "same", "x" * 2000, [], [1], [1, 1], [0, 0], [-1, 2], [[1]],
    {}, {"a": 1}, True, False, "\x1b[2J\x9b\u202e\n", "\ud800", "../../x", "a\0b", "/etc/passwd",
]  # fmt: skip
"""Values that hardly any place of a JSON text expects."""


def mutate(whole: bytes, seed: int) -> bytes:
    """`whole` truncated, extended, emptied or altered in a few places; the same for a seed."""
    r = random.Random(seed)
    data = bytearray(whole)
    kind = r.random()
    if kind < 0.08:
        return bytes(data[: r.randrange(len(data))])
    if kind < 0.1:
        return bytes(data) + r.randbytes(r.randrange(1, 4096))
    if kind < 0.55:
        for _ in range(r.choice([1, 1, 1, 2, 4, 8])):
            data[r.randrange(len(data))] ^= 1 << r.randrange(8)
    elif kind < 0.9:
        for _ in range(r.choice([1, 2, 4])):
            data[r.randrange(len(data))] = r.choice([0, 1, 127, 128, 255, r.randrange(256)])
    else:
        at, length = r.randrange(len(data)), r.randrange(1, 64)
        data[at : at + length] = r.randbytes(length)
    return bytes(data)


def edit(whole: Any, seed: int, values: list[Any] = HOSTILE) -> Any:
    """A copy of plain JSON with one to three places replaced, removed or doubled."""
    r = random.Random(seed)
    edited = copy.deepcopy(whole)
    places = _places(whole)
    for _ in range(r.choice([1, 1, 2, 3])):
        *path, last = r.choice(places)
        try:
            target = _at(edited, path)
            kind = r.random()
            if kind < 0.2:
                del target[last]
            elif kind < 0.25 and isinstance(target, list):
                target.append(copy.deepcopy(target[last]))
            elif kind < 0.4 and isinstance(target[last], int):
                target[last] += r.choice([-1, 1, 2, 100, -(1 << 31), 1 << 24])
            elif kind < 0.7:  # what another place has, of the same type
                others = [_at(whole, place) for place in places]
                alike = [other for other in others if type(other) is type(target[last])]
                target[last] = copy.deepcopy(r.choice(alike))
            else:
                target[last] = copy.deepcopy(r.choice(values))
        except (KeyError, IndexError, TypeError):
            continue
    return edited


def _at(value: Any, path: Iterable[Any]) -> Any:
    for key in path:
        value = value[key]
    return value


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += _places(value[key], (*path, key))
    return found


class Tried(NamedTuple):
    """What came of one input."""

    seed: int
    answer: str
    detail: str = ""


def try_each(
    attempt: Callable[[int], tuple[str, str]],
    seeds: Iterable[int],
    seconds: int = 4,
    memory: int | None = 3 << 30,
) -> Iterator[Tried]:
    """What `attempt` answers for each seed, with a detail, in a forked process.

    An attempt that kills the process, or takes more than `seconds`, counts as ``crash`` or
    ``hang``; the rest goes on in a new process. An exception counts as its class's name.

    Args:
        attempt: from a seed to an answer and a detail.
        seeds: the seeds.
        seconds: of the clock, that an attempt may take.
        memory: bytes that the process may ask for beyond what it has; None: any number.
    """
    left = list(seeds)
    while left:
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            _limit(memory)
            for seed in left:
                signal.alarm(seconds)
                try:
                    answer = attempt(seed)
                except BaseException as error:
                    answer = type(error).__name__, str(error)
                line = json.dumps([answer[0], answer[1][:4000]])
                os.write(write_end, line.encode() + b"\n")
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end) as answered:
            for line in answered:
                yield Tried(left.pop(0), *json.loads(line))
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            ended = "hang" if number == signal.SIGALRM else "crash"
            yield Tried(left.pop(0), ended, signal.Signals(number).name)
        else:
            assert not left, f"the process ended with {os.waitstatus_to_exitcode(status)}"


def try_all(attempt: Callable[[int], str], count: int) -> Counter[str]:
    """How often ``attempt(0)`` to ``attempt(count - 1)`` gave each answer of `try_each`."""
    return Counter(tried.answer for tried in try_each(lambda i: (attempt(i), ""), range(count)))


def _limit(memory: int | None) -> None:
    faulthandler.disable()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory is not None:
        with open("/proc/self/statm") as statm:
            most = int(statm.read().split()[0]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
