"""Tiny functions that print C: arrays, strings, comments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["array", "comment", "float_literal", "literal", "string"]

WIDTH = 96
_FORMATS = {"uint8_t": "0x{:02x}", "uint32_t": "0x{:08x}u"}


def array(name: str, c_type: str, values: npt.NDArray[Any], note: str = "") -> str:
    """``static const <c_type> <name>[n] = {...};`` with `note` as a comment above."""
    form = _FORMATS.get(c_type, "{}")
    if c_type == "float":
        words = [float_literal(v) for v in np.asarray(values, np.float32).reshape(-1).tolist()]
    else:
        words = [form.format(v if c_type in _FORMATS else literal(v)) for v in _flat(values)]
    head = f"/* {comment(note)} */\n" if note else ""
    return f"{head}static const {c_type} {name}[{len(words)}] = {{\n{_wrapped(words)}}};\n"


def literal(value: int) -> str:
    """A number of at most 32 bits in C."""
    # -2147483648 is, in C, the negation of a number that is no int32_t
    return "(-2147483647 - 1)" if value == -(1 << 31) else str(value)


def float_literal(value: float) -> str:
    """A number of single precision in C: nine digits tell each from its neighbours."""
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _flat(values: npt.NDArray[Any]) -> list[int]:
    return [int(value) for value in np.asarray(values).reshape(-1)]


def _wrapped(words: Iterable[str]) -> str:
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([*lines, line]) + "\n"


def string(text: str) -> str:
    """A C string literal: bytes outside printable ASCII as octal escapes, UTF-8 otherwise."""
    body = "".join(
        chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in text.encode()
    )
    return f'"{body}"'


def comment(text: str) -> str:
    """`text` as it can stand in a C comment: one line, printable ASCII, never the end of it."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("??/", "?? /").rstrip("\\")
