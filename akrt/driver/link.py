"""The near end of `akrt.driver.worker`: requests with a deadline, over two pipes."""

from __future__ import annotations

import contextlib
import io
import os
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from akrt.driver.messages import Reply, read_message, write_message
from akrt.errors import DeviceLostError, UsageError
from akrt.forking import renew_after_fork

__all__ = ["MOST_SECONDS", "SOURCE", "Link", "StalledError", "check_seconds"]

SOURCE = "akida:devices"
"""``module:function`` that returns the hardware devices, as akida documents them."""

_CLOSE_SECONDS = 5.0
"""For a worker that is left: it unprograms the chip before it ends."""
_KILL_SECONDS = 2.0

MOST_SECONDS = 1_000_000
"""The longest that may be waited for a device: poll counts milliseconds in 32 bits."""


def check_seconds(name: str, value: object) -> None:
    """Refuse what is no time to wait for a device.

    Args:
        name: of the value, for the message.
        value: seconds.

    Raises:
        UsageError: it is no number above 0 and up to `MOST_SECONDS`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{name} must be a positive number of seconds, got {value!r}")
    if not 0 < value <= MOST_SECONDS:
        raise UsageError(
            f"{name} must be a positive number of seconds, up to {MOST_SECONDS:,}, got {value!r}"
        )


class StalledError(DeviceLostError):
    """The device did not answer within the deadline; its process has been ended."""


class Link:
    """A worker process and the conversation with it. Threads that ask take turns.

    Every request has a number, and its reply the same. A forked child has no part in the
    conversation: there, everything raises.

    Args:
        seconds: deadline for the start: importing akida and finding the devices.
        lock: a file descriptor that the worker keeps open, so that a lock lives as long as it.

    Raises:
        UsageError: `seconds` is no time.
        StalledError: the devices could not be listed in time.
        DeviceLostError: akida could not list them; the message gives its words.
    """

    def __init__(self, seconds: float, lock: int | None = None) -> None:
        check_seconds("seconds", seconds)
        self._closed = False
        self._torn = False
        """Whether a request was left with its answer under way."""
        self._number = 0
        self._turn = threading.RLock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
        path = os.pathsep.join(os.path.abspath(p) for p in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "akrt.driver.worker", SOURCE, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            pass_fds=() if lock is None else (lock,),
            env={**os.environ, "PYTHONPATH": path},
            cwd=os.sep,  # -m looks in the working directory first, which may hold another akrt
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        for pipe in (self._in, self._out):
            os.set_blocking(pipe, False)
        renew_after_fork(self)
        try:
            late = f"listing the devices took over {seconds:g} s"
            greeting, _ = self._receive(time.monotonic() + seconds, late)
            if "error" in greeting:
                raise DeviceLostError(f"the device failed: {greeting['error']}")
        except BaseException:
            self._kill()
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the worker can still be asked."""
        return not self._closed and not self._torn and self._process.poll() is None

    def ask(
        self, request: str, seconds: float, payload: bytes | memoryview = b"", **header: Any
    ) -> Reply:
        """Send one request and wait for its reply.

        Raises:
            StalledError: no reply within `seconds`; the worker has been ended.
            DeviceLostError: the worker died, or the device raised; the message gives its words.
        """
        with self._turn:
            if self._closed or self._torn:
                raise DeviceLostError("the process that spoke to the device has been ended")
            self._torn = True
            reply = self._ask(request, seconds, payload, header)
            self._torn = False
        if "error" in reply[0]:
            raise DeviceLostError(f"the device failed: {reply[0]['error']}")
        return reply

    def _ask(
        self, request: str, seconds: float, payload: bytes | memoryview, header: dict[str, Any]
    ) -> Reply:
        self._number += 1
        header = {"request": request, "number": self._number, "seconds": seconds, **header}
        deadline = time.monotonic() + seconds
        late = f"no answer to '{request}' within {seconds:g} s"
        message = io.BytesIO()
        write_message(message, header, payload)
        unsent = message.getbuffer()
        while unsent:
            self._wait(self._in, select.POLLOUT, deadline, late)
            try:
                unsent = unsent[os.write(self._in, unsent) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._dead() from None
        return self._receive(deadline, late)

    def close(self) -> None:
        """Leave the worker, which frees the chip, and wait for its end; again it does nothing."""
        with self._turn:
            if not self._closed:
                self._closed = True
                self._leave()

    def after_fork(self) -> None:
        """In a forked child: close its copies of the pipes; the worker is the parent's."""
        self._turn = threading.RLock()
        if self._closed:
            return
        self._closed = True
        self._process.returncode = 0  # nothing to wait for
        for file in (self._process.stdin, self._process.stdout, self._errors):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()

    def _leave(self) -> None:
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
        self._errors.close()

    def _receive(self, deadline: float, late: str) -> Reply:
        def read(count: int) -> bytes:
            parts = bytearray()
            while len(parts) < count:
                self._wait(self._out, select.POLLIN, deadline, late)
                data = os.read(self._out, min(count - len(parts), 1 << 20))
                if not data:
                    raise self._dead()
                parts += data
            return bytes(parts)

        try:
            header, payload = read_message(read)
        except (ValueError, struct.error) as error:
            self._kill()
            self.close()
            raise DeviceLostError(f"the device process sent nonsense: {error}") from None
        if header.pop("number", None) != self._number:
            self._kill()
            self.close()
            raise DeviceLostError("the device process answered another request than the last")
        return header, payload

    def _wait(self, fd: int, event: int, deadline: float, late: str) -> None:
        poll = select.poll()
        poll.register(fd, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            self._kill()
            self.close()
            raise StalledError(f"the device does not answer: {late}")

    def _dead(self) -> DeviceLostError:
        self._kill()
        self._errors.seek(0)
        words = self._errors.read()[-500:].decode(errors="replace").strip().splitlines()
        status = self._process.returncode
        self.close()
        return DeviceLostError(
            f"the process that spoke to the device ended with status {status}"
            + (f": {words[-1]}" if words else "")
        )

    def _kill(self) -> None:
        self._process.kill()
        # A process stuck in the kernel outlives SIGKILL; it must not take us with it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_SECONDS)
