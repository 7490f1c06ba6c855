"""Systems that lack what Linux has: fcntl, CPU affinity, user ids, /sys."""

from __future__ import annotations

import subprocess
import sys

import pytest

HIDE = """
import os, sys
import random, subprocess, tempfile  # what Python itself has for each system
sys.modules["fcntl"] = None
sys.modules["resource"] = None
sys.modules["termios"] = None
for name in ("sched_getaffinity", "sched_setaffinity", "getuid", "getgid", "getgroups",
             "register_at_fork", "fchmod", "O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK"):
    if hasattr(os, name):
        delattr(os, name)
"""


@pytest.mark.parametrize(
    "code",
    [
        "import akrt, numpy as np; rt = akrt.Runtime(); "
        "assert rt.forward(np.zeros((9, 49, 10, 1), np.uint8)).shape == (9, 1, 1, 33)",
        "import akrt; akrt.Runtime().model.save('m.akrt'); akrt.load('m.akrt')",
        "import sys; sys.argv = ['akrt', 'run', '--demo']; from akrt.cli import main; main()",
        "import sys; sys.argv = ['akrt', 'devices']; from akrt.cli import main; main()",
        "import sys; sys.argv = ['akrt', 'summary']; from akrt.cli import main; main()",
        "import akrt\n"
        "try: akrt.Runtime(backend='nsoc')\n"
        "except akrt.errors.DeviceError: pass\n"
        "else: raise SystemExit('no error')",
    ],
)
def test_akrt_runs_without_them(code: str, tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HIDE + code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
