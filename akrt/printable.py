"""Text of unknown origin made safe to show: names of files, labels, notes, words of others."""

from __future__ import annotations

import re
import sys

__all__ = ["print_text", "printable"]

# Control characters, those that change the direction of what follows, line and paragraph
# separators, and lone surrogates: bytes of a file name that is not UTF-8.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: object, lines: bool = False) -> str:
    """`text` with what a terminal would obey, or could not show, written as an escape.

    Args:
        text: anything with a `str`.
        lines: keep line feeds and tabs, for text that has lines of its own.
    """
    keep = "\n\t" if lines else ""
    return _HIDDEN.sub(lambda match: match[0] if match[0] in keep else _escape(match[0]), str(text))


def print_text(text: str) -> str:
    """Print lines of text as far as standard output can show them; returns what was printed."""
    shown = printable(text, lines=True)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    shown = shown.encode(encoding, "backslashreplace").decode(encoding)
    print(shown)
    return shown


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python carries a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
