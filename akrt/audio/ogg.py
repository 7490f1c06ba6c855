"""Pages of Ogg files (RFC 3533): where the files that were joined end, and whether all is there."""

from __future__ import annotations

import zlib
from typing import BinaryIO

__all__ = ["Damage", "links"]

_MOST_PAGES = 1 << 20
_HEADER = 27
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Damage(ValueError):
    """What is wrong, for people."""


def links(file: BinaryIO, size: int) -> list[tuple[int, int]]:
    """Start and end of every file that is chained in this one, most often one.

    A chain is what joining files gives: streams that begin after all before have ended.

    Raises:
        Damage: the file ends early, a page is missing, or a check sum is wrong.
        OSError: it cannot be read.
    """
    at, start = 0, 0
    found: list[tuple[int, int]] = []
    expected: dict[bytes, int] = {}
    for _ in range(_MOST_PAGES):
        file.seek(at)
        head = file.read(_HEADER)
        if not head:
            break
        if head[:4] != b"OggS" and not b"OggS".startswith(head):
            after = _end_of_zeros(file, at, size)
            if after == size:
                break
            if after == at:
                raise Damage(f"is damaged: after {at} bytes there is no page of Ogg")
            at = after
            continue
        segments = file.read(head[26]) if len(head) == _HEADER else b""
        body = file.read(sum(segments))
        if len(head) < _HEADER or len(segments) < head[26] or len(body) < sum(segments):
            raise Damage("is truncated: it ends inside one of its pages")
        if _check_sum(head[:22] + bytes(4) + head[26:] + segments + body) != head[22:26]:
            raise Damage(f"is damaged: the check sum of the page at byte {at} is wrong")
        stream, number = head[14:18], int.from_bytes(head[18:22], "little")
        if head[5] & 2 and not expected and at > start:
            found.append((start, at))
            start = at
        if stream in expected and expected[stream] != number:
            raise Damage(f"is damaged: {number - expected[stream]} pages are missing before {at}")
        expected[stream] = number + 1
        if head[5] & 4:
            del expected[stream]
        at += _HEADER + len(segments) + len(body)
    if expected:
        raise Damage("is truncated: the page that ends its sound is missing")
    found.append((start, size))
    return found


def _end_of_zeros(file: BinaryIO, at: int, size: int) -> int:
    file.seek(at)
    while block := file.read(1 << 16):
        rest = block.lstrip(b"\0")
        if rest:
            return at + len(block) - len(rest)
        at += len(block)
    return size


def _check_sum(page: bytes) -> bytes:
    """The cyclic redundancy check of a page whose own is zero.

    Its polynomial is zlib's, read from the other end, from 0 and not inverted.
    """
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_REVERSED)
