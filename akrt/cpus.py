"""How many CPUs there are to work on."""

from __future__ import annotations

import os

from akrt.system import affinity

__all__ = ["usable_cpus"]


def usable_cpus() -> int:
    """CPUs that this process may use, where the system tells; else those of the machine."""
    return len(affinity() or ()) or os.cpu_count() or 1
