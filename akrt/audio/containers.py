"""How much sound the header of a file promises, compared with what is there.

libsndfile reads what is there and says nothing, or stops at a length of 0. A file that is cut is
refused here, and one whose writer could not know its length (a pipe, a recorder that lost power)
gets the right one. What is not known here is not read, even where libsndfile could.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from akrt.audio import content, flac, mpeg, ogg
from akrt.errors import AudioError

__all__ = ["PLACEHOLDER", "Layout", "mend", "survey"]

PLACEHOLDER = 0x7F000000
"""Programs that write to a pipe (espeak-ng, sox, ffmpeg) leave at least this as length."""

_W64_TAIL = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_MOST_PARTS = 1 << 20
"""Chunks, pages or blocks that are looked through: more than an hour of sound has."""
_MOST_BEHIND = 64
"""Chunks behind the sound that are looked through for another file."""
_MOST_MP3 = 1 << 30
_FLAC_TOTAL = (1 << 36) - 1
_ANOTHER = re.compile(
    rb"fLaC\0\0\0\x22|RIFF....WAVE|FORM....AIF[FC]|OggS\0\x02\0{8}|caff\0\x01\0\0desc", re.DOTALL
)
"""Beginnings of sound files of eight bytes and more: chance makes none in 2^64."""
_MOST_JOINED = 1 << 30
_FLAC_FRAME = 1 << 20
"""More bytes than a frame of FLAC has."""
Edit = tuple[int, int, bytes]


@dataclass(frozen=True)
class Layout:
    """What stands around the sound of a file."""

    kind: str | None
    """Of the container; None where it is not known."""
    unknown: bool = False
    """The header does not say how much sound there is."""
    edits: tuple[Edit, ...] = ()
    """Start, end and what belongs between them instead, ascending, for libsndfile to read it."""
    parts: tuple[tuple[int, int], ...] = ()
    """Start and end of the sound files that were joined to this one; libsndfile reads the first."""


def mend(data: bytes, edits: tuple[Edit, ...]) -> bytes:
    """`data` with `edits` made."""
    parts, at = [], 0
    for start, end, new in edits:
        parts += [data[at:start], new]
        at = end
    return b"".join([*parts, data[at:]])


def survey(file: BinaryIO, name: str) -> Layout:
    """Look through the header of a sound file.

    Args:
        file: can seek.
        name: for messages.

    Raises:
        AudioError: it is empty or truncated.
        OSError: it cannot be read.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if not size:
        raise AudioError(f"'{name}' is empty")
    head = file.read(content.ENOUGH)
    kind = content.sound_kind(head)
    if kind == "":
        # hardly more than a header, or a few frames of MP3
        kind = content.sound_kind(head.ljust(20, b"\0")) or ("MP3" if head[0] == 0xFF else None)
    look = _LOOKS.get(kind or "")
    return look(file, size, kind or "", name) if look else Layout(kind)


def _read_at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _check(name: str, promised: int, there: int) -> None:
    if promised > there:
        raise AudioError(
            f"'{name}' is truncated: its header promises {promised} bytes of sound, "
            f"{there} are there"
        )


def _ends_early(name: str, what: str) -> AudioError:
    return AudioError(f"'{name}' is truncated: it ends before {what}")


def _chunks(
    file: BinaryIO, at: int, size: int, header: struct.Struct, align: int = 2
) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of every chunk, none of which need fit into the file."""
    for _ in range(_MOST_PARTS):
        if at > size or len(head := _read_at(file, at, header.size)) < header.size:
            return
        chunk, length = header.unpack(head)
        at += header.size
        if header.size == 24:  # Wave64 counts the header
            length -= 24
        yield chunk, at, length
        if length < 0:
            return
        at += length + -length % align


def _word(form: str, value: int) -> bytes:
    """A length of 32 bits, the largest where it is larger."""
    return struct.pack(form, min(value, 0xFFFFFFFF))


def _followed(
    file: BinaryIO, end: int, size: int, header: struct.Struct | None = None, align: int = 2
) -> tuple[tuple[int, int], ...]:
    """The two parts of a file behind whose end, or its last chunks, another sound file begins."""

    def starts() -> Iterator[int]:
        yield end
        if header is not None:
            for _, at, _ in islice(_chunks(file, end, size, header, align), _MOST_BEHIND):
                yield at - header.size

    for start in starts():
        if end <= start < size and _begins(file, start):
            return ((0, start), (start, size))
    return ()


def _begins(file: BinaryIO, at: int) -> bool:
    """Whether a sound file begins there."""
    kind = content.sound_kind(_read_at(file, at, 32))
    if kind == "":
        kind = content.sound_kind(_read_at(file, at, content.ENOUGH))
    return bool(kind)


def _unknown(file: BinaryIO, length: int, at: int, size: int, header: struct.Struct) -> bool:
    """Whether a length of sound is none.

    It is too large to be true, or more samples than it speaks of are behind it, where only chunks
    should be: a recorder had not yet written the last length when it lost power.
    """
    if length >= PLACEHOLDER and at + length > size:
        return True
    align = {12: 1, 24: 8}.get(header.size, 2)  # CAF and Wave64 differ
    behind = at + length + -length % align
    if behind >= size or size - behind <= length or _begins(file, behind):
        return False
    for chunk, start, more in _chunks(file, behind, size, header, align):
        end = start + more
        if more < 0 or end > size or not all(32 <= byte < 127 for byte in chunk[:4]):
            return True
        if end + 1 >= size:
            return False
    return True


def _wave(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    order = ">" if kind == "RIFX" else "<"
    header, long = struct.Struct(f"{order}4sI"), kind in ("RF64", "BW64")
    real, ds64, formatted = None, 0, False
    for chunk, at, length in _chunks(file, 12, size, header):
        if chunk == b"ds64" and long:
            (real,), ds64 = struct.unpack("<Q", _read_at(file, at + 8, 8).ljust(8, b"\0")), at - 8
        formatted = formatted or chunk == b"fmt "
        if chunk == b"data":
            if long and length == 0xFFFFFFFF and real is not None:
                length = real
            if not _unknown(file, length, at, size, header):
                _check(name, length, size - at)
                parts = _followed(file, at + length + length % 2, size, header)
                edits = ((0, 4, b"RF64"),) if kind == "BW64" else ()
                return Layout(kind, edits=() if parts else edits, parts=parts)
            mended: list[Edit] = [(0, 4, b"RIFF")] if long else []
            mended.append((4, 8, _word(f"{order}I", size - 8)))
            if ds64:
                mended.append((ds64, ds64 + 4, b"JUNK"))
            mended.append((at - 4, at, _word(f"{order}I", size - at)))
            return Layout(kind, True, tuple(mended))
        if at + length > size:
            break
    else:
        if formatted:
            return Layout(kind)
    raise _ends_early(name, "its samples begin")


def _wave64(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    header = struct.Struct("<16sq")
    for chunk, at, length in _chunks(file, 40, size, header, 8):
        if chunk == b"data" + _W64_TAIL:
            if length >= 0 and not _unknown(file, length, at, size, header):
                _check(name, length, size - at)
                end = at + length + -length % 8
                return Layout(kind, parts=_followed(file, end, size, header, 8))
            whole, sound = struct.pack("<q", size), struct.pack("<q", size - at + 24)
            return Layout(kind, True, ((16, 24, whole), (at - 8, at, sound)))
    raise _ends_early(name, "its samples begin")


def _aiff(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    header = struct.Struct(">4sI")
    width, frames_at = 0, 0
    for chunk, at, length in _chunks(file, 12, size, header):
        if chunk == b"COMM" and len(common := _read_at(file, at, 8)) == 8:
            channels, _, bits = struct.unpack(">HIH", common)
            width, frames_at = channels * ((bits + 7) // 8), at + 2
        if chunk not in (b"SSND", b"BODY"):
            continue
        extra = 8 if chunk == b"SSND" else 0  # offset and block size
        there, sound = max(size - at - extra, 0), length - extra
        if not _unknown(file, max(sound, 0), at + extra, size, header):
            _check(name, sound, there)
            end = at + length + length % 2
            return Layout(kind, parts=_followed(file, end, size, header))
        edits = [(4, 8, _word(">I", size - 8))]
        if frames_at and width:
            edits.append((frames_at, frames_at + 4, _word(">I", there // width)))
        edits.append((at - 4, at, _word(">I", size - at)))
        return Layout(kind, True, tuple(edits))
    raise _ends_early(name, "its samples begin")


def _caf(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    header = struct.Struct(">4sq")
    sound, end = False, size
    for chunk, at, length in _chunks(file, 8, size, header, 1):
        if chunk == b"data" and not sound:
            sound, end = True, at + length
            # four bytes count edits
            if length < 0 or _unknown(file, max(length - 4, 0), at + 4, size, header):
                return Layout(kind, True, ((at - 8, at, struct.pack(">q", size - at)),))
            _check(name, length - 4, max(size - at - 4, 0))
        elif chunk == b"pakt":
            _check(name, length, size - at)
    if not sound:
        raise _ends_early(name, "its samples begin")
    return Layout(kind, parts=_followed(file, end, size, header, 1))


def _au(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    order = ">" if _read_at(file, 0, 1) == b"." else "<"
    at, length = struct.unpack(f"{order}II", _read_at(file, 4, 8))
    there = max(size - at, 0)
    if (length >= PLACEHOLDER and length > there) or there - length > length:
        if (parts := _followed(file, at + length, size)) and length < PLACEHOLDER:
            return Layout(kind, parts=parts)
        return Layout(kind, True, ((8, 12, _word(f"{order}I", there)),))
    _check(name, length, there)
    return Layout(kind, parts=_followed(file, at + length, size))


def _ogg(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    try:
        found = ogg.links(file, size)
    except ogg.Damage as damage:
        raise AudioError(f"'{name}' {damage}") from None
    return Layout(kind, parts=tuple(found) if len(found) > 1 else ())


def _flac(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    head = _read_at(file, 0, 26)
    if len(head) < 26:
        raise _ends_early(name, "its samples begin")
    parts = _flac_parts(_read_at(file, 0, min(size, _MOST_JOINED)))
    if parts:
        return Layout(kind, parts=parts)
    packed = int.from_bytes(head[21:26], "big")
    if packed & _FLAC_TOTAL:
        return Layout(kind)
    tail = _read_at(file, max(size - _FLAC_FRAME, 0), _FLAC_FRAME)
    total = flac.last_sample(tail, int.from_bytes(head[8:10], "big"))
    if total is None:
        raise AudioError(f"'{name}' is truncated: it does not end with a whole frame")
    return Layout(kind, True, ((21, 26, (packed | total & _FLAC_TOTAL).to_bytes(5, "big")),))


def _flac_parts(data: bytes) -> tuple[tuple[int, int], ...]:
    """Start and end of FLAC files that were joined, and of what other kind follows them."""
    parts, start = [], 0
    while start < len(data):
        at = start + 4
        # what descriptions, pictures and the like hold is no other file
        while at + 4 <= len(data):
            last, length = data[at] & 0x80, int.from_bytes(data[at + 1 : at + 4], "big")
            at += 4 + length
            if last:
                break
        found = _ANOTHER.search(data, at)
        end = len(data) if found is None else found.start()
        parts.append((start, end))
        if found is None or not found[0].startswith(b"fLaC"):
            if end < len(data):
                parts.append((end, len(data)))
            break
        start = end
    return tuple(parts) if len(parts) > 1 else ()


def _mp3(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    if size > _MOST_MP3:
        raise AudioError(f"'{name}' is too large: MP3 of up to {_MOST_MP3 >> 30} GiB is read")
    data = _read_at(file, 0, size)
    tag = mpeg.tag_length(data[:10])
    if data.startswith(b"fLaC", tag):  # a tag that is foreign to FLAC
        return Layout("FLAC", parts=((tag, size),))
    if tag >= size:
        raise _ends_early(name, "its samples begin")
    found = mpeg.frames(data)
    if found is None:
        raise AudioError(f"'{name}' is not a sound file that can be read: no frame of MP3 is in it")
    if found.following is not None:
        return Layout(kind, parts=mpeg.joined(data))
    if found.end > size:
        raise AudioError(f"'{name}' is truncated: it ends inside one of its frames")
    # tags of its own end it, too
    if content.sound_kind(data[found.end : found.end + content.ENOUGH]) != "MP3" and (
        other := _followed(file, found.end, size)
    ):
        return Layout(kind, parts=other)
    promised, total = found.promised, found.promised_bytes
    there = found.end - found.start
    if promised is not None and (
        found.count < promised or (found.count - 1 < promised and total and there < total)
    ):
        raise AudioError(
            f"'{name}' is truncated: its header promises {promised} frames, "
            f"{max(found.count - 1, 0)} are there"
        )
    # the decoder stumbles over what is no frame, and complains of it on standard error
    header = b"" if found.headed else mpeg.xing_frame(data, found)
    rest = [*found.gaps, (found.end, size)]
    edits = [(0, found.start, header), *((start, end, b"") for start, end in rest)]
    return Layout(kind, edits=tuple(e for e in edits if e[2] or e[0] < e[1]))


def _nist(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    text = _read_at(file, 0, 4096).decode("latin-1")
    start = re.match(r"NIST_1A\n *(\d+)\n", text)
    facts: dict[str, str | None] = dict(re.findall(r"^(\w+) -i (\d+)\s*$", text, re.MULTILINE))
    facts.setdefault("sample_n_bytes", "1" if re.search("sample_coding.* [ua]law", text) else None)
    parts = [facts.get(f) for f in ("sample_count", "channel_count", "sample_n_bytes")]
    if start is None or "shorten" in text[:1024] or None in parts:
        return Layout(kind, unknown=True)
    count, channels, width = (int(part or 0) for part in parts)
    sound = count * channels * width
    _check(name, sound, max(size - int(start[1]), 0))
    return Layout(kind, parts=_followed(file, int(start[1]) + sound, size))


def _voc(file: BinaryIO, size: int, kind: str, name: str) -> Layout:
    at = int.from_bytes(_read_at(file, 20, 2), "little")
    for _ in range(_MOST_PARTS):
        head = _read_at(file, at, 4)
        if len(head) < 4 or not head[0]:
            return Layout(kind, parts=_followed(file, at + 1, size))
        length = int.from_bytes(head[1:], "little")
        at += 4
        # libsndfile counts one byte too many in a block of 16 bits
        _check(name, length - 1, max(size - at, 0))
        at += length
    return Layout(kind)


_LOOKS: dict[str, Callable[[BinaryIO, int, str, str], Layout]] = {
    **dict.fromkeys(("WAV", "RIFX", "RF64", "BW64"), _wave),
    **dict.fromkeys(("AIFF", "8SVX"), _aiff),
    "W64": _wave64,
    "CAF": _caf,
    "AU": _au,
    "OGG": _ogg,
    "FLAC": _flac,
    "MP3": _mp3,
    "NIST": _nist,
    "VOC": _voc,
}
