"""Calls that only some operating systems have, behind names that work on all.

Locks are those of `flock`: they belong to an open file, which may be a folder, may be renamed, and
is freed by the end of its process. A lock file beside it, as portable packages make one, is none of
this.
"""

try:
    from akrt.system.posix import HAS_LOCKS, affinity, end_process_after, lock, set_affinity
except ImportError:  # no fcntl
    from akrt.system.windows import HAS_LOCKS, affinity, end_process_after, lock, set_affinity

__all__ = ["HAS_LOCKS", "affinity", "end_process_after", "lock", "set_affinity"]
