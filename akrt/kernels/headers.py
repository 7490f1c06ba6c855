"""The structures of the C headers, read from their text: the one description that others follow.

setup.py has the declarations for Cython made of it, with a table of the sizes and offsets that the
compiler chose; the tests make their ctypes structures of it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["Declaration", "Member", "cython_source", "declarations", "enumerations"]

HEADERS = ("kernels.h", "arch.h", "scaled.h", "temporal.h", "network.h")


class Member(NamedTuple):
    """A member of a structure or union."""

    name: str
    kind: str
    """Its C type, or what it points to."""
    pointer: bool
    length: int
    """Elements of an array; 1 if it is none."""


class Declaration(NamedTuple):
    """A structure or union."""

    union: bool
    members: tuple[Member, ...]


def declarations(include: Path) -> dict[str, Declaration]:
    """Every structure and union of the headers in `include`/akrt, each after those it holds.

    Raises:
        ValueError: a declaration that is not of the form ``type name, *name, name[2];``.
    """
    found: dict[str, Declaration] = {}
    for kind, name, body in re.findall(
        r"typedef (struct|union) (\w+) \{(.*?)\} \2;", _text(include), re.S
    ):
        members = tuple(m for line in body.split(";")[:-1] for m in _members(line))
        if members:  # a table of kernels is made by a macro
            found[name] = Declaration(kind == "union", members)
    return found


def enumerations(include: Path) -> dict[str, tuple[str, ...]]:
    """The enumerators of every enumeration, in order from 0."""
    return {
        name: tuple(re.findall(r"\bAKRT_\w+", body))
        for name, body in re.findall(r"typedef enum (\w+) \{(.*?)\} \1;", _text(include), re.S)
    }


def cython_source(include: Path) -> str:
    """Declarations of all that, and LAYOUT, a `Layout` with what the C compiler made of it."""
    structures, enums = declarations(include), enumerations(include)
    offsets = [f"offsetof({s}, {m.name})" for s, d in structures.items() for m in d.members]
    lines = [
        "# Made by akrt/kernels/headers.py of src_c/include/akrt: do not edit.",
        "from akrt.kernels.layout import Field, Layout, Struct",
        "cdef extern from *:",
        '    """',
        "    #include <stddef.h>",
        '    #include "akrt/network.h"',
        f"    static const size_t akrt_offsets[] = {{{', '.join(offsets)}}};",
        '    """',
        "    const size_t akrt_offsets[]",
        'cdef extern from "akrt/network.h" nogil:',
        "    ctypedef struct akrt_kernels:",
        "        pass",
    ]
    for name, enumerators in enums.items():
        lines += [f"    ctypedef enum {name}:", *(f"        {e}" for e in enumerators)]
    for name, declared in structures.items():
        lines += [f"    ctypedef {'union' if declared.union else 'struct'} {name}:"]
        for m in declared.members:
            const, count = ("const ", "") if m.pointer else ("", f"[{m.length}]" * (m.length > 1))
            lines += [f"        {const}{m.kind} {'*' * m.pointer}{m.name}{count}"]
    lines += ["LAYOUT = Layout(", "    structs={"]
    at = 0
    for name, declared in structures.items():
        fields = []
        for m in declared.members:
            fields += [f"Field({tuple(m)!r}, akrt_offsets[{at}]), "]
            at += 1
        lines += [f"        '{name}': Struct(sizeof({name}), ({''.join(fields)})),"]
    lines += ["    },", "    enums={"]
    for name, enumerators in enums.items():
        values = "".join(f"'{short_name(e)}': {e}, " for e in enumerators)
        lines += [f"        '{name}': {{{values}}},"]
    lines += ["    },", ")", ""]
    return "\n".join(lines)


def short_name(enumerator: str) -> str:
    """AKRT_PATH_SHORT_ROWS is ``short_rows``."""
    return enumerator.split("_", 2)[2].lower()


def _text(include: Path) -> str:
    """The headers without comments and what is for the preprocessor."""
    text = "\n".join((include / "akrt" / name).read_text() for name in HEADERS)
    return re.sub(r"^#(?:.*\\\n)*.*$", "", re.sub(r"/\*.*?\*/", "", text, flags=re.S), flags=re.M)


def _members(line: str) -> list[Member]:
    made = []
    matched = re.fullmatch(r"\s*(?:const )?(\w+)\s+(.*)", line, re.S)
    if matched is None:
        raise ValueError(f"a declaration that nobody can read: {line.strip()!r}")
    kind, names = matched.groups()
    for name in names.split(","):
        parts = re.fullmatch(r"\s*(\*?)\s*(\w+)(?:\[(\d+)\])?\s*", name)
        if parts is None:
            raise ValueError(f"a declaration that nobody can read: {line.strip()!r}")
        star, bare, count = parts.groups()
        made.append(Member(bare, kind, bool(star), int(count or 1)))
    return made
