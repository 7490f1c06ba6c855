"""Damaged files, and a way to try thousands of them on code that may crash or hang."""

from __future__ import annotations

import faulthandler
import os
import random
import resource
import signal
from collections import Counter
from collections.abc import Callable


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


def try_all(
    attempt: Callable[[int], str], count: int, seconds: int = 4, memory: int = 3 << 30
) -> Counter[str]:
    """How often ``attempt(0)`` to ``attempt(count - 1)`` gave each answer, in a forked process.

    An attempt that kills the process, or takes more than `seconds`, counts as ``crash`` or
    ``hang``; the rest goes on in a new process. An exception counts as its class's name.
    """
    answers: Counter[str] = Counter()
    done = 0
    while done < count:
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            faulthandler.disable()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for i in range(done, count):
                signal.alarm(seconds)
                try:
                    answer = attempt(i)
                except BaseException as error:
                    answer = type(error).__name__
                os.write(write_end, answer.encode() + b"\n")
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end) as answered:
            lines = [line.strip() for line in answered]
        _, status = os.waitpid(child, 0)
        answers.update(lines)
        done += len(lines)
        if os.WIFSIGNALED(status):
            answers["hang" if os.WTERMSIG(status) == signal.SIGALRM else "crash"] += 1
            done += 1
    return answers
