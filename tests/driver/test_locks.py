"""One owner for each device."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from akrt.driver import locks
from akrt.errors import DeviceBusyError, DeviceError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AKRT_LOCK_FOLDER", str(tmp_path))
    return tmp_path


def test_a_device_has_one_owner_at_a_time(folder: Path) -> None:
    lock = locks.DeviceLock("0000:01:00.0")
    assert locks.holder("0000:01:00.0") == os.getpid()
    with pytest.raises(DeviceBusyError, match=f"in use by process {os.getpid()}"):
        locks.DeviceLock("0000:01:00.0")
    locks.DeviceLock("0000:02:00.0").close()
    lock.close()
    assert locks.holder("0000:01:00.0") is None
    assert list(folder.iterdir()) == []
    locks.DeviceLock("0000:01:00.0").close()


def test_a_file_left_by_a_killed_owner_is_no_lock(folder: Path) -> None:
    (folder / "akrt-0000-01-00.0.lock").write_text("4711\n")
    assert locks.holder("0000:01:00.0") is None
    locks.DeviceLock("0000:01:00.0").close()
    assert list(folder.iterdir()) == []


def test_a_file_removed_by_its_last_owner_while_we_lock_it_is_no_lock(folder, monkeypatch) -> None:
    path = folder / "akrt-0000-01-00.0.lock"
    lock_it = locks.lock

    def late(fd: int) -> None:
        if path.exists() and "removed" not in seen:
            seen.append("removed")
            path.unlink()
        lock_it(fd)

    seen: list[str] = []
    monkeypatch.setattr(locks, "lock", late)
    lock = locks.DeviceLock("0000:01:00.0")
    assert seen == ["removed"]
    with pytest.raises(DeviceBusyError):
        locks.DeviceLock("0000:01:00.0")
    lock.close()


def test_a_link_in_the_lock_folder_is_not_followed(folder: Path) -> None:
    victim = folder / "victim"
    victim.write_text("precious")
    (folder / "akrt-0000-01-00.0.lock").symlink_to(victim)
    with pytest.raises(DeviceBusyError, match="cannot lock"):
        locks.DeviceLock("0000:01:00.0")
    assert victim.read_text() == "precious"


def test_a_device_that_only_a_description_names(folder: Path) -> None:
    name = "PCIe/NSoC_v2/1 (AKD1000)\n" + "x" * 300
    lock = locks.DeviceLock(name)
    assert locks.holder(name) == os.getpid()
    assert [p.parent for p in folder.iterdir()] == [folder]
    lock.close()


def test_a_full_disk_does_not_keep_a_device_from_being_locked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    lock = locks.DeviceLock("a")
    with pytest.raises(DeviceBusyError, match="in use by process unknown"):
        locks.DeviceLock("a")
    lock.close()
    monkeypatch.setattr(os, "open", full)
    with pytest.raises(DeviceBusyError, match="cannot lock device a: .*No space left"):
        locks.DeviceLock("a")


def test_a_pipe_in_the_lock_s_place_does_not_block(folder: Path) -> None:
    os.mkfifo(folder / "akrt-a.lock")
    assert locks.holder("a") is None
    with pytest.raises(DeviceBusyError, match="it is not a regular file"):
        locks.DeviceLock("a")


def test_a_system_without_file_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "HAS_LOCKS", False)
    assert locks.holder("a") is None
    with pytest.raises(DeviceError, match="no file locks"):
        locks.DeviceLock("a")
