"""What the two ends of a device process say to each other: a JSON header and raw bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import IO, Any

__all__ = ["Header", "Reply", "read_message", "write_message"]

_LENGTHS = struct.Struct("<IQ")

Header = dict[str, Any]
Reply = tuple[Header, bytes]


def write_message(stream: IO[bytes], header: Header, payload: bytes | memoryview = b"") -> None:
    """Send one message: two lengths, the header, the bytes."""
    text = json.dumps(header).encode()
    stream.write(_LENGTHS.pack(len(text), memoryview(payload).nbytes) + text)
    stream.write(payload)
    stream.flush()


def read_message(read: Callable[[int], bytes]) -> Reply:
    """Receive one message through `read`, which gives as many bytes as asked for.

    Raises:
        ValueError: what came is no message.
    """
    text_length, payload_length = _LENGTHS.unpack(read(_LENGTHS.size))
    header: Header = json.loads(read(text_length))
    return header, read(payload_length)
