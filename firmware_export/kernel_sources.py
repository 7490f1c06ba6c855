"""The C that exports carry, and the one header that holds what a network needs of it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from akrt.errors import ModelFileError

__all__ = ["amalgamate", "read_kernel", "same_version"]

_EMPTY = re.compile(r"^#if[^\n]*\n#endif\n", re.MULTILINE)
_INCLUDE = re.compile(r'^#include "(?:[a-z]+/)?(akrt_[a-z0-9_]+)\.h"\n', re.MULTILINE)

_ROOMS = ("mcu", "frontend", "decision", "stream")
"""Folders of src_c; no name is in two of them."""


class _Include(NamedTuple):
    stem: str
    condition: str
    """Of the preprocessor; empty: always."""


def read_kernel(stem: str) -> str:
    """Source of ``<stem>.h``: installed in akrt/src_c, or beside akrt in a checkout.

    Raises:
        ModelFileError: the installation lacks it.
    """
    for room in _ROOMS:
        path = f"{_folder()}/{room}/{stem}.h"
        with suppress(OSError):
            facts = os.stat(path)
            return _read(path, facts.st_mtime_ns, facts.st_size)
    raise ModelFileError(f"the C source '{stem}.h' is not installed with akrt: install akrt again")


@lru_cache(maxsize=512)
def _read(path: str, changed: int, size: int) -> str:
    """A file as it is since it was changed."""
    return Path(path).read_text(encoding="ascii")


def amalgamate(stems: Iterable[str]) -> str:
    """The kernels `stems` and all they include, each once, in the order C needs.

    Every kernel keeps its own guard, so that headers of two exports can meet in one source file.
    One that is included on some cores only is written for these: no function stands there unused.
    """
    order: dict[str, list[_Include]] = {}
    roots = list(dict.fromkeys(stems))
    for stem in roots:
        _visit(stem, order)
    # under which conditions a kernel is needed; "" is always
    needed: dict[str, set[str]] = {stem: set() for stem in order}
    for stem in roots:
        needed[stem].add("")
    for stem in reversed(order):  # whoever includes comes before what is included
        for include in order[stem]:
            needed[include.stem] |= {_both(before, include.condition) for before in needed[stem]}
    return "\n".join(_text(stem, needed[stem]) for stem in order)


def same_version(alone: str, stems: Iterable[str] = (), subject: str = "KERNELS") -> str:
    """A test of the preprocessor that what shares names in one source file is the same text.

    Args:
        alone: the file that the message says to compile by itself.
        stems: the kernels that are shared; default: all of akrt's.
        subject: tail of the macro that holds their hash.
    """
    chosen = sorted(stems) or sorted(
        path.stem for room in _ROOMS for path in _folder().joinpath(room).glob("*.h")
    )
    digest = hashlib.sha256("".join(map(read_kernel, chosen)).encode()).hexdigest()[:8]
    macro = f"AKRT_{subject}_ID"
    return f"""\
#if !defined({macro})
#define {macro} 0x{digest}
#elif {macro} != 0x{digest}
#error "Exports of two versions of akrt meet in one source file: compile {alone} by itself."
#endif
"""


@cache
def _folder() -> Path:
    package = Path(str(files("akrt")))
    inside = package / "src_c"
    return inside if inside.is_dir() else package.parent / "src_c"


def _visit(stem: str, order: dict[str, list[_Include]]) -> None:
    """Adds a kernel behind all that it includes."""
    if stem not in order:
        includes = _includes(stem, read_kernel(stem))
        for include in includes:
            _visit(include.stem, order)
        order[stem] = includes


@lru_cache(maxsize=512)
def _includes(stem: str, source: str) -> list[_Include]:
    """What a kernel of this source includes, and under which conditions of the preprocessor."""
    found: list[_Include] = []
    conditions: list[str] = []
    for line in source.splitlines():
        if match := _INCLUDE.match(f"{line}\n"):
            found.append(_Include(match[1], " && ".join(f"({c})" for c in conditions if c)))
        elif line.startswith("#if"):
            word, _, rest = line.partition(" ")
            guard = word == "#ifndef" and rest == f"{stem.upper()}_H"
            macro = {"#ifdef": f"defined({rest})", "#ifndef": f"!defined({rest})"}
            conditions.append("" if guard else macro.get(word, rest))
        elif line.startswith(("#else", "#elif")):
            conditions[-1] = "an #include behind #else cannot be moved"
        elif line.startswith("#endif"):
            conditions.pop()
    return found


def _both(one: str, other: str) -> str:
    return " && ".join(filter(None, (one, other)))


def _text(stem: str, conditions: set[str]) -> str:
    source = _EMPTY.sub("", _INCLUDE.sub("", read_kernel(stem)))
    if "" in conditions:
        return source
    return f"#if {' || '.join(sorted(conditions))}\n{source}#endif\n"
