"""The worker process: deadlines, deaths, and what it does when nobody is left to ask."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import device_double
import numpy as np
import pytest
from device_double import Bench

from akrt.driver import link
from akrt.driver.discovery import devices, probe
from akrt.driver.doctor import diagnose
from akrt.driver.link import MOST_SECONDS, Link, StalledError
from akrt.driver.session import Settings
from akrt.errors import DeviceLostError, UsageError

NO_TIMES = [float("inf"), float("-inf"), float("nan"), -1.0, 0, 1e300, 1 << 4000, True, "5", None]


@pytest.fixture
def connection(double):
    Bench().install(double)
    made = Link(20.0)
    yield made
    made.close()


@pytest.mark.parametrize("seconds", NO_TIMES)
def test_what_is_no_time_is_refused(machine, double, seconds) -> None:
    """Not a bare error of the clock, and no waiting for ever."""
    machine.chip()
    Bench(hang=True).install(double)
    for name in ("deadline", "start_seconds", "first_retry", "last_retry"):
        with pytest.raises(UsageError, match=f"{name} must be a positive number of seconds"):
            Settings(**{name: seconds})
    for ask in (Link, probe, lambda s: devices(seconds=s), lambda s: diagnose(seconds=s)):
        with pytest.raises(UsageError, match="seconds must be a positive number of seconds"):
            ask(seconds)


def test_the_longest_time_can_be_waited(machine, double) -> None:
    machine.chip()
    Bench().install(double)
    (info,) = devices(seconds=MOST_SECONDS)
    assert info.usable


def test_an_error_of_the_device_is_told_in_its_words(connection) -> None:
    connection.ask("open", 5, desc="PCIe/NSoC_v2/0", clock_mode=None, power=False)
    with pytest.raises(DeviceLostError, match="RuntimeError: device is not programmed"):
        connection.ask("forward", 5, np.zeros(4, np.uint8).data, shape=[1, 2, 2, 1])
    assert connection.alive
    with pytest.raises(DeviceLostError, match="not PCIe/other"):
        connection.ask("open", 5, desc="PCIe/other", clock_mode=None, power=False)
    assert connection.alive


def test_a_program_is_read_back(connection, double) -> None:
    connection.ask("open", 5, desc="PCIe/NSoC_v2/0", clock_mode=None, power=False)
    held = connection.ask("program", 5, b"program")[0]
    assert held["bytes"] == 7
    connection.ask("unprogram", 5)
    assert device_double.events(double) == ["program:ok", "unprogram"]


def test_a_stopped_worker_is_a_stall_whatever_the_size_of_the_request(connection) -> None:
    connection.ask("open", 5, desc="PCIe/NSoC_v2/0", clock_mode=None, power=False)
    os.kill(connection._process.pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(StalledError, match="no answer to 'program' within 0.3 s"):
        connection.ask("program", 0.3, bytes(10_000_000))
    assert time.monotonic() - start < 3
    assert not connection.alive
    with pytest.raises(DeviceLostError, match="has been ended"):
        connection.ask("describe", 1)


def test_a_killed_worker_is_a_loss(connection) -> None:
    os.kill(connection._process.pid, signal.SIGKILL)
    with pytest.raises(DeviceLostError, match="ended with status -9"):
        connection.ask("describe", 5)


def test_a_source_that_prints_does_not_disturb(double, tmp_path, monkeypatch) -> None:
    (tmp_path / "noisy.py").write_text(
        "import os\ndef devices():\n    print('hello', flush=True)\n    os.write(1, b'raw')\n"
        "    return []\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(link, "SOURCE", "noisy:devices")
    made = Link(20.0)
    assert made.ask("describe", 5)[0] == {"devices": []}
    made.close()


def test_a_source_that_is_not_there_is_told(monkeypatch) -> None:
    monkeypatch.setattr(link, "SOURCE", "no_such_module:devices")
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(DeviceLostError, match="No module named 'no_such_module'"):
        Link(20.0)
    assert not set(Path("/proc/self/fd").iterdir()) - before


def test_when_its_owner_is_killed_the_worker_frees_the_chip_and_ends(double) -> None:
    Bench().install(double)
    code = (
        "import os, signal\n"
        "from akrt.driver import link\n"
        "link.SOURCE = 'device_double:devices'\n"
        "made = link.Link(20.0)\n"
        "made.ask('open', 5, desc='PCIe/NSoC_v2/0', clock_mode=None, power=False)\n"
        "made.ask('program', 5, b'program')\n"
        "print(made._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = os.pathsep.join([*sys.path, str(Path(device_double.__file__).parent)])
    owner = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    worker = int(owner.stdout)
    end = time.monotonic() + 5
    while time.monotonic() < end and running(worker):
        time.sleep(0.05)
    assert not running(worker)
    assert device_double.events(double) == ["program:ok", "unprogram"]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
