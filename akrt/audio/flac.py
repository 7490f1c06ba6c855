"""How many samples a FLAC file holds whose writer could not say so at its start (RFC 9639).

libsndfile needs the number. It is in the header of the last frame, which ends the file.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["last_sample"]

_SIZES = {
    1: 192,
    **{n: 576 << n - 2 for n in range(2, 6)},
    **{n: 256 << n - 8 for n in range(8, 16)},
}


_TRIES = 16
"""Bytes that look like the header of a frame, check sum included: chance makes one in 2^23."""


def last_sample(tail: bytes, block: int) -> int | None:
    """The number of samples a channel.

    Args:
        tail: of the file, at least a frame.
        block: samples a frame, where all have as many.

    Returns:
        The number; None where the last bytes are no frame, as when the file is cut.
    """
    at, tries = len(tail), _TRIES
    while tries and (at := tail.rfind(b"\xff", 0, at)) >= 0:
        end = _end(tail[at : at + 16], block)
        if end is not None:
            tries -= 1
            if not _remainder(tail[at:], 16, 0x8005):
                return end
    return None


def _end(head: bytes, block: int) -> int | None:
    """Samples up to the end of the frame that `head` begins; None where it is no frame."""
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    ones = next((i for i in range(8) if not head[4] >> (7 - i) & 1), 8)
    if ones in (1, 8):
        return None
    more = max(ones - 1, 0)
    number = head[4] & (0x7F >> ones)
    for byte in head[5 : 5 + more]:
        number = number << 6 | byte & 0x3F
    at, code = 5 + more, head[2] >> 4
    wide = {6: 1, 7: 2}.get(code, 0)
    size = int.from_bytes(head[at : at + wide], "big") + 1 if wide else _SIZES.get(code, 0)
    at += wide + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if not size or at >= len(head) or _remainder(head[: at + 1], 8, 0x07):
        return None
    return (number if head[1] & 1 else number * block) + size


def _remainder(data: bytes, bits: int, polynomial: int) -> int:
    """Cyclic redundancy check over data that ends in its own check sum: 0 where it is right."""
    table = _table(bits, polynomial)
    rest, mask = 0, (1 << bits) - 1
    for byte in data:
        rest = (rest << 8 & mask) ^ table[rest >> (bits - 8) ^ byte]
    return rest


@lru_cache(maxsize=2)
def _table(bits: int, polynomial: int) -> list[int]:
    table = []
    for value in range(256):
        value <<= bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial | 1 << bits if value >> (bits - 1) & 1 else 0)
        table.append(value)
    return table
