"""Script: runs a reader of this directory on a file, in limited time and memory.

`akrt.importers.quarantine` starts it, as a file and not as a module, so that only the reader's own
imports are paid for. Usage: ``reader_process.py read_hdf5|read_fbz PATH CPU_SECONDS``. Writes an
.npz to standard output: ``facts``, a JSON object as uint8, and the reader's arrays. A file that
cannot be read ends in status 3 and one line on stderr.
"""

from __future__ import annotations

import importlib
import io
import json
import sys

import numpy as np

EXTRA_MEMORY = 1 << 31
"""Bytes that reading may take beyond what the imports took."""


def limit(cpu_seconds: int, memory: int = EXTRA_MEMORY) -> None:
    """Ends this process after some time of computing, and keeps it from growing by more memory.

    Both where the system can do so; what waits without computing ends by the caller's clock.
    """
    try:
        import resource

        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + cpu_seconds,) * 2)
        resource.setrlimit(resource.RLIMIT_AS, (used + memory,) * 2)
    except (ImportError, OSError, ValueError):
        pass


def main(reader: str, path: str, cpu_seconds: str) -> int:
    """The exit status: 0, or 3 with a reason on stderr."""
    module = importlib.import_module(reader)
    limit(int(cpu_seconds))
    try:
        facts, arrays = module.read(path)
        text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, facts=text, **arrays)
    except Exception as error:  # the libraries raise whatever comes to hand
        print(" ".join(module.reason(error).split())[:500], file=sys.stderr)
        return 3
    sys.stdout.buffer.write(buffer.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
