"""Macros that let a user choose the sections of an export's constants and functions."""

from __future__ import annotations

import re

from firmware_export.kernel_sources import read_kernel

__all__ = ["in_sections", "section_macros"]

_CONSTANT = re.compile(r"^( *)(static const )", re.MULTILINE)
_FUNCTION = re.compile(
    r"^( *)((?:AKRT_[A-Z_]+ |__attribute__\(\(\w+\)\) )*static (?!const\b)[^;={]*?\()", re.MULTILINE
)


def in_sections(text: str, constants: str = "AKRT_CONST") -> str:
    """C text with the macro `constants` before every constant array and AKRT_CODE before every
    static function, which begin their lines, those that macros make included."""
    return _FUNCTION.sub(r"\1AKRT_CODE \2", _CONSTANT.sub(rf"\1{constants} \2", text))


def section_macros(upper: str) -> str:
    """Defaults of AKRT_CONST, AKRT_CODE and ``<NAME>_CONST``."""
    return f"""\
{read_kernel("akrt_sections")}
#ifndef {upper}_CONST
#define {upper}_CONST AKRT_CONST
#endif
"""
