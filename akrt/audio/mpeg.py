"""Frames of MP3 files: where they end, and how many there are.

libsndfile takes the length of a file without a Xing header from the bit rate of its first frames
and returns no sample beyond that. Such a file is given the header that it lacks.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

__all__ = ["Frames", "begins", "frames", "joined", "tag_length", "xing_frame"]

# kbit/s by (layer, MPEG 1 or not) and index; 0 is the free format, whose frames have no length
_RATES = {
    (1, True): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (2, True): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, True): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (1, False): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, False): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (3, False): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HZ = (44100, 48000, 32000)
_CONSECUTIVE = 4
"""Headers, each where the one before says, that chance does not bring about."""
_MOST_JOINED = 4096
_ZEROS = re.compile(b"\0*")
_FAR = 1 << 16
"""Bytes of something else that may stand before a frame."""


@dataclass(frozen=True)
class _Header:
    length: int
    """Bytes of the frame."""
    layer: int
    first: bool
    """MPEG 1, not 2 or 2.5."""
    mono: bool
    kind: int
    """The bits that all frames of a file share: version, layer and rate."""


def _header(data: bytes, at: int) -> _Header | None:
    if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    rate, hz = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer == 4 or rate in (0, 15) or hz == 3 or data[at + 3] & 3 == 2:
        return None
    first = version == 3
    sample_rate = _HZ[hz] >> (0 if first else 1 if version == 2 else 2)
    bits = _RATES[layer, first][rate] * 1000
    padding = data[at + 2] >> 1 & 1
    if layer == 1:
        length = (12 * bits // sample_rate + padding) * 4
    else:
        length = (144 if first or layer == 2 else 72) * bits // sample_rate + padding
    kind = (data[at + 1] & 0x1E) << 8 | data[at + 2] & 0x0C
    return _Header(length, layer, first, data[at + 3] >> 6 == 3, kind)


def tag_length(head: bytes) -> int:
    """Bytes of the ID3v2 tag that `head` begins with; 0 where there is none."""
    if head[:3] != b"ID3" or len(head) < 10 or not 2 <= head[3] <= 4 or max(head[6:10]) > 127:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return size + (20 if head[5] & 0x10 else 10)


def begins(head: bytes) -> str | None:
    """As `content.sound_kind`, for frames without a tag."""
    at, kind = 0, None
    for _ in range(_CONSECUTIVE):
        if len(head) < at + 4:
            sync = b"\xff" + bytes([head[1] & 0xFE]) if len(head) > 1 else b"\xff"
            return "" if head[at : at + 1] == sync[: len(head[at : at + 1])] else None
        header = _header(head, at)
        if header is None or header.kind != (kind or header.kind):
            return None
        at, kind = at + header.length, header.kind
    return "MP3"


@dataclass(frozen=True)
class Frames:
    """The frames of a file."""

    start: int
    """Where the first begins."""
    end: int
    """Where the last should end: beyond the file where that is cut."""
    count: int
    promised: int | None
    """Frames of sound, and bytes, that a Xing or VBRI header speaks of."""
    promised_bytes: int | None
    gaps: tuple[tuple[int, int], ...] = ()
    """Start and end of what stands between frames and is none."""
    following: int | None = None
    """Where another file begins that was joined to this one."""

    @property
    def headed(self) -> bool:
        """Whether a header tells how many frames there are."""
        return self.promised is not None


def frames(data: bytes, first: int = 0) -> Frames | None:
    """Walk from frame to frame; None where there are none, or none whose length is known.

    Of a file that is shorter than its first frame, the count is 0.

    Args:
        data: the file.
        first: where the tags or frames begin.
    """
    start = first
    while tag := tag_length(data[start : start + 10]):
        start += tag
    alone = _header(data, start)
    if alone is not None and start + alone.length > len(data):
        return Frames(start, start + alone.length, 0, None, None)
    found = _next(data, start, None)
    if found is None:
        return None
    start = found
    kind = getattr(_header(data, start), "kind", None)
    at, count = start, 0
    gaps: list[tuple[int, int]] = []
    while at < len(data):
        header = _header(data, at)
        if header is not None and header.kind == kind:
            if count and _promise(data, at)[0] is not None:
                return Frames(start, at, count, *_promise(data, start), tuple(gaps), at)
            at, count = at + header.length, count + 1
            continue
        if _is_tail(data, at):
            following = _after_tail(data, at)
            return Frames(start, at, count, *_promise(data, start), tuple(gaps), following)
        if len(data) - at < 4 and data[at] == 0xFF:  # a header that is cut
            return Frames(start, len(data) + 1, count, *_promise(data, start))
        after = _next(data, at, kind)
        if after is None:
            break
        gaps.append((at, after))
        at = after
    return Frames(start, at, count, *_promise(data, start), tuple(gaps))


def _next(data: bytes, at: int, kind: int | None) -> int | None:
    """The next two headers in a row at or after `at`."""
    limit = min(len(data), at + _FAR)
    while (at := data.find(b"\xff", at, limit)) >= 0:
        header = _header(data, at)
        if header is not None and header.kind == (kind or header.kind):
            after = _header(data, at + header.length)
            if after is not None and after.kind == header.kind:
                return at
            if at + header.length == len(data):
                return at
        at += 1
    return None


def _is_tail(data: bytes, at: int) -> bool:
    """Tags that follow the last frame, or padding."""
    return data.startswith((b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"3DI", b"ID3"), at) or not any(
        data[at : at + 64]
    )


def _after_tail(data: bytes, at: int) -> int | None:
    """Where, behind the tags that end a file, the tag or the frames of another begin."""
    while at < len(data):
        if data.startswith(b"TAG", at):
            at += 128
        elif data.startswith(b"APETAGEX", at):
            # a header or a footer: its own 32 bytes, and the items that follow a header
            items = int.from_bytes(data[at + 12 : at + 16], "little")
            at += 32 + (items if data[at + 23 : at + 24] >= b"\x20" else 0)
        elif tag_length(data[at : at + 10]):
            behind = at
            while tag := tag_length(data[behind : behind + 10]):
                behind += tag
            if _pair(data, behind):
                return at
            at = behind
        elif _header(data, at) is not None:
            return at if _pair(data, at) else None
        elif data[at]:
            return None
        else:
            at = _end_of_zeros(data, at)
    return None


def _pair(data: bytes, at: int) -> bool:
    """Whether a frame begins there that another of its kind follows, or that ends the file."""
    header = _header(data, at)
    if header is None:
        return False
    after = _header(data, at + header.length)
    return at + header.length == len(data) or (after is not None and after.kind == header.kind)


def _end_of_zeros(data: bytes, at: int) -> int:
    zeros = _ZEROS.match(data, at)
    return at if zeros is None else zeros.end()


def joined(data: bytes) -> tuple[tuple[int, int], ...]:
    """Start and end of every file that was joined to make this one, most often one."""
    parts: list[tuple[int, int]] = []
    start = 0
    while len(parts) < _MOST_JOINED:
        found = frames(data, start)
        if found is None or found.following is None:
            break
        parts.append((start, found.following))
        start = found.following
    return (*parts, (start, len(data)))


def _promise(data: bytes, start: int) -> tuple[int | None, int | None]:
    header = _header(data, start)
    if header is None or header.layer != 3:
        return None, None
    vbri = start + 36
    if data.startswith(b"VBRI", vbri) and len(data) >= vbri + 18:
        total, count = struct.unpack_from(">II", data, vbri + 10)
        return count, total
    at = start + _side(header)
    if data[at : at + 4] not in (b"Xing", b"Info") or len(data) < at + 16:
        return None, None
    flags, one, two = struct.unpack_from(">III", data, at + 4)
    if not flags & 1:
        return None, one if flags & 2 else None
    return one, two if flags & 2 else None


def _side(header: _Header) -> int:
    """From the start of a frame to where a Xing header stands in it."""
    if header.first:
        return 4 + (17 if header.mono else 32)
    return 4 + (9 if header.mono else 17)


def xing_frame(data: bytes, found: Frames) -> bytes:
    """A frame to stand before the others, which says how many there are; empty if none can."""
    header = _header(data, found.start)
    if header is None or header.layer != 3:
        return b""
    # no check sum, a bit rate at which the frame has room
    head = bytearray(data[found.start : found.start + 4])
    head[1] |= 1
    head[2] = 0x90 | head[2] & 0x0C
    own = _header(bytes(head), 0)
    if own is None:
        return b""
    frame = bytearray(own.length)
    frame[:4] = head
    total = found.end - found.start + own.length
    at = _side(own)
    frame[at : at + 16] = struct.pack(">4sIII", b"Xing", 3, found.count, total)
    return bytes(frame)
