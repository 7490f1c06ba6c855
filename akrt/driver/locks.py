"""One owner for each device, by a locked file that lives as long as its owner."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from pathlib import Path

from akrt.errors import DeviceBusyError, DeviceError
from akrt.system import HAS_LOCKS, lock

__all__ = ["DeviceLock", "folder", "holder"]

_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK"))
_SYSTEM_FOLDER = "/run/lock"


def folder() -> Path:
    """Where lock files are: AKRT_LOCK_FOLDER, else /run/lock, else the temporary folder."""
    chosen = os.environ.get("AKRT_LOCK_FOLDER")
    if chosen:
        return Path(chosen)
    writable = os.access(_SYSTEM_FOLDER, os.W_OK | os.X_OK)
    return Path(_SYSTEM_FOLDER if writable else tempfile.gettempdir())


class DeviceLock:
    """Holds the lock of one device from construction to `close`.

    Args:
        name: what is unique to the device: its PCI address.

    Raises:
        DeviceBusyError: another process holds it; the message says which, if it can be told.
        DeviceError: this system has no such locks.
    """

    def __init__(self, name: str) -> None:
        if not HAS_LOCKS:
            raise DeviceError(f"cannot lock device {name}: this system has no file locks (fcntl)")
        self._path = _path(name)
        while True:
            self.fd = _open(self._path, name)
            try:
                lock(self.fd)
            except OSError:
                owner = os.read(self.fd, 32).decode(errors="replace").strip() or "unknown"
                os.close(self.fd)
                raise DeviceBusyError(
                    f"device {name} is in use by process {owner} ({self._path}): close that "
                    f"runtime, or choose another device"
                ) from None
            # The owner before us may have removed the file between our open and our lock.
            if _same_file(self.fd, self._path):
                break
            os.close(self.fd)
        with contextlib.suppress(OSError):  # a full disk: it is locked all the same
            os.ftruncate(self.fd, 0)
            os.write(self.fd, f"{os.getpid()}\n".encode())

    def close(self) -> None:
        """Remove the file and free the lock."""
        with contextlib.suppress(OSError):
            if _same_file(self.fd, self._path):
                self._path.unlink()
        with contextlib.suppress(OSError):
            os.close(self.fd)


def holder(name: str) -> int | None:
    """The process that holds the lock of a device, or None where it is free or unknown."""
    if not HAS_LOCKS:
        return None
    try:
        fd = os.open(_path(name), os.O_RDONLY | _FLAGS)
    except OSError:
        return None
    try:
        lock(fd, shared=True)
    except OSError:
        owner = os.read(fd, 32).strip()
        return int(owner) if owner.isdigit() else None
    finally:
        os.close(fd)
    return None


def _path(name: str) -> Path:
    # a description of akida's, where there is no address, has characters that no file name has
    return folder() / f"akrt-{re.sub(r'[^0-9A-Za-z_.-]', '-', name)[:100]}.lock"


def _open(path: Path, name: str) -> int:
    flags = os.O_RDWR | _FLAGS
    try:
        try:
            fd = os.open(path, flags)
        except FileNotFoundError:
            fd = os.open(path, flags | os.O_CREAT, 0o666)
            with contextlib.suppress(OSError):
                os.fchmod(fd, 0o666)  # another user must be able to lock it, whatever our umask
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        raise OSError(0, "it is not a regular file")
    except OSError as error:
        raise DeviceBusyError(
            f"cannot lock device {name}: {path}: {error.strerror}; set AKRT_LOCK_FOLDER to a "
            f"folder that every user of the device can write"
        ) from None


def _same_file(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path, follow_symlinks=False))
    except OSError:
        return False
