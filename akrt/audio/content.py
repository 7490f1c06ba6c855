"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import codecs
import contextlib
import struct

from akrt.audio import mpeg

__all__ = ["ENOUGH", "foreign_kind", "sound_kind"]

ENOUGH = 16384
"""Bytes after which `sound_kind` is certain; fewer may do."""

W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_RIFF = {b"RIFF": "WAV", b"RIFX": "RIFX", b"RF64": "RF64", b"BW64": "BW64"}
_FORM = {b"AIFF": "AIFF", b"AIFC": "AIFF", b"8SVX": "8SVX", b"16SV": "8SVX"}
_STARTS = {
    W64_RIFF: "W64",
    b"caff\x00\x01": "CAF",
    b"fLaC": "FLAC",
    b"OggS\x00": "OGG",
    b"NIST_1A\n": "NIST",
    b"Creative Voice File\x1a": "VOC",
}

_GZIP = "a gzip archive: unpack it"
_OLD = (
    (b"2BIT", "AVR"), (b" paf", "PAF"), (b"fap ", "PAF"), (b"PVF1\n", "PVF"),
    (b"d\xa3\x02\x00", "IRCAM"), (b"d\xa3\x03\x00", "IRCAM"), (b"\xf0~\x00\x01", "SDS"),
    (b"MATLAB 5.0 MAT", "a MATLAB array"), (b"\x00\x00\x03\xe8", "a MATLAB array"),
    (b"ALawSoundFile**", "WVE"), (b"Extended Instrument: ", "XI"),
)  # fmt: skip
"""Old formats of sound, whose length is not checked."""
_FOREIGN = (
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the sound itself: run "
     "'git lfs pull' where it came from"),
    (b"\x00\x05\x16\x07", "what macOS keeps beside a file on a foreign disk, not sound: take the "
     "file without '._' in its name"),
    (b"PK\x03\x04", "a ZIP archive: unpack it"),
    (b"\x1f\x8b\x08\0", _GZIP),
    (b"\x1f\x8b\x08\x08", _GZIP),  # with a file's name
    (b"\x1f\x8b", _GZIP),
    (b"BZh", "a bzip2 archive: unpack it"),
    (b"\xfd7zXZ\0", "an xz archive: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    (b"\x93NUMPY", "a NumPy array: name it .npy"),
    (b"\x1aE\xdf\xa3", "WebM or Matroska, which is not read: convert it with 'ffmpeg -i FILE "
     "out.wav'"),
    (b"0&\xb2u\x8ef\xcf\x11", "WMA, which is not read: convert it with 'ffmpeg -i FILE out.wav'"),
    (b"wvpk", "WavPack, which is not read: convert it with 'ffmpeg -i FILE out.wav'"),
    (b"TTA1", "True Audio, which is not read: convert it with 'ffmpeg -i FILE out.wav'"),
    (b"MAC ", "Monkey's Audio, which is not read: convert it with 'ffmpeg -i FILE out.wav'"),
    (b"#!AMR", "AMR, which is not read: convert it with 'ffmpeg -i FILE out.wav'"),
    *((start, f"{kind}, which is not read: convert it with 'sox FILE out.wav'")
      for start, kind in _OLD),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x7fELF", "a program"),
)  # fmt: skip

_MUCH_TEXT = 64
_FRAMES = 3
_AC3_KBITS = (
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
)  # fmt: skip


def sound_kind(head: bytes) -> str | None:
    """The container that `head`, the first bytes of something, begins.

    Raw samples are taken for one by a chance of less than one in 2^24.

    Returns:
        Its name; None where it begins none; "" where more bytes have to be seen.
    """
    for start, kind in _STARTS.items():
        if head.startswith(start):
            return kind
        if start.startswith(head):
            return ""
    name = head[:4]
    if len(head) < 16 and any(
        start.startswith(name) or name.startswith(start)
        for start in (*_RIFF, b"FORM", b".snd", b"dns.", b"ID3")
    ):
        return ""
    if name in _RIFF:
        return _RIFF[name] if head[8:12] == b"WAVE" else None
    if name == b"FORM":
        return _FORM.get(head[8:12])
    if name in (b".snd", b"dns."):
        offset, _, coding = struct.unpack(">III" if head[0] == 46 else "<III", head[4:16])
        return "AU" if 24 <= offset < 1 << 20 and 1 <= coding <= 27 else None
    if mpeg.tag_length(head):
        return "MP3"
    return mpeg.begins(head) if head[:1] == b"\xff" else None


def foreign_kind(head: bytes, surely: bool = False) -> str | None:
    """What a file that is no sound looks like, with the step that helps, by its first bytes.

    Args:
        head: the first bytes.
        surely: only what raw samples can hardly be taken for.
    """
    for start, words in _FOREIGN:
        if head.startswith(start) and not (surely and len(start) < 4):
            return words
    if coded := _coded(head):
        return f"{coded}, which is not read: convert it with 'ffmpeg -i FILE out.wav'"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "a video (AVI): take its sound with 'ffmpeg -i FILE out.wav'"
    if head[4:8] == b"ftyp":
        return "MP4 (AAC), which is not read: convert it with 'ffmpeg -i FILE out.wav'"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:256].lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page: download the sound itself"
    if not surely and not any(head):
        return "nothing but zero bytes"
    # samples of letters alone would be a loud hiss off centre
    if len(head) >= (_MUCH_TEXT if surely else 1) and _is_text(head[:256], ascii_only=surely):
        return "text"
    return None


def _is_text(head: bytes, ascii_only: bool) -> bool:
    if not all(byte >= 32 or byte in b"\t\r\n\x0c" for byte in head):
        return False
    if ascii_only:
        return head.isascii()
    with contextlib.suppress(UnicodeDecodeError):
        codecs.getincrementaldecoder("utf-8")().decode(head)
        return True
    return False


def _coded(head: bytes) -> str | None:
    """AAC and AC-3, whose frames have short marks: three in a row, each where the last one says."""
    for name, length in (("AAC", _aac_frame), ("AC-3", _ac3_frame)):
        at, count = 0, 0
        while count < _FRAMES and (step := length(head[at : at + 7])):
            at, count = at + step, count + 1
        if count == _FRAMES:
            return name
    return None


def _aac_frame(head: bytes) -> int:
    """Bytes of the ADTS frame that `head` begins; 0 where it begins none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


def _ac3_frame(head: bytes) -> int:
    """The same of an AC-3 frame."""
    if len(head) < 7 or head[:2] != b"\x0bw" or head[4] >> 6 == 3 or (head[4] & 63) >= 38:
        return 0
    kbits, hz = _AC3_KBITS[(head[4] & 63) // 2], (48000, 44100, 32000)[head[4] >> 6]
    words = kbits * 1000 * 1536 // (hz * 16)
    return 2 * (words + (head[4] & 1 if hz == 44100 else 0))
