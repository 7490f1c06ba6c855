"""Systems that lack what Linux has: fcntl, CPU affinity, user ids, /sys."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from akrt import system

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
        "from akrt.cpus import usable_cpus; assert usable_cpus() == os.cpu_count()",
        "from akrt.timing import one_core\nwith one_core(): print('there is nothing to keep to')",
        "from akrt.files import write_file\n"
        "open('.a.0123456789abcdef.akrt-tmp', 'w').close()\n"
        "write_file('a', b'1'); write_file('a', b'2')\n"
        "assert os.listdir() == ['a'] and open('a', 'rb').read() == b'2'",
        "import akrt, firmware_export\n"
        "for _ in range(2): firmware_export.export(akrt.Runtime().model, 'out', name='kws')\n"
        "assert 'kws.h' in os.listdir('out')",
        "import akrt\n"
        "from akrt.driver.locks import DeviceLock, holder\n"
        "assert holder('a') is None\n"
        "try: DeviceLock('a')\n"
        "except akrt.errors.DeviceError as error: assert 'no file locks' in str(error)\n"
        "else: raise SystemExit('no error')",
        "from akrt.system import lock\n"
        "try: lock(0)\n"
        "except OSError as error: assert 'no file locks' in str(error)\n"
        "else: raise SystemExit('no error')",
    ],
)
def test_akrt_runs_without_them(code: str, tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HIDE + code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("hidden", ["", HIDE], ids=["with", "without"])
def test_a_process_that_is_stuck_ends(hidden: str) -> None:
    stuck = "import time; from akrt.system import end_process_after as end\n"
    stuck += "end(0.1); end(0); time.sleep(0.3); print('renewed', flush=True); end(0.1)\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{hidden}\n{stuck}time.sleep(60)"],
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.stdout == "renewed\n"
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


needs_locks = pytest.mark.skipif(not system.HAS_LOCKS, reason="this system has no file locks")


@needs_locks
def test_a_lock_is_shared_with_those_that_share_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with open(path) as one, open(path) as two, open(path) as three:
        system.lock(one.fileno(), shared=True)
        system.lock(two.fileno(), shared=True)
        with pytest.raises(BlockingIOError):
            system.lock(three.fileno())
    with open(path) as one, open(path) as two:
        system.lock(one.fileno())
        with pytest.raises(BlockingIOError):
            system.lock(two.fileno(), shared=True)


@needs_locks
def test_a_lock_ends_with_its_process_and_can_be_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from akrt.system import lock; file = open(sys.argv[1]);"
            "lock(file.fileno()); print('locked', flush=True); time.sleep(60)",
            str(path),
        ],
        stdout=subprocess.PIPE,
    )
    with holder, open(path) as file:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"locked"
        path.rename(tmp_path / "renamed")  # the lock goes with the file
        with pytest.raises(BlockingIOError):
            system.lock(file.fileno())
        holder.kill()
        system.lock(file.fileno(), wait=True)
