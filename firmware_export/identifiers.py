"""Names that C and C++ accept, from names that people chose."""

from __future__ import annotations

import re

from akrt.errors import UsageError

__all__ = ["MAX_LENGTH", "check_name", "constant_name", "mend_name"]

MAX_LENGTH = 40

# C99, C11, C23, C++17 keywords, alternative operators, and names that <stdint.h>, <string.h> and
# Arduino take as macros or types.
_WORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
constinit continue decltype default delete do double dynamic_cast else enum explicit export
extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
nullptr operator or or_eq private protected public register reinterpret_cast requires restrict
return short signed sizeof static static_assert static_cast struct switch template this
thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned using
virtual void volatile wchar_t while xor xor_eq main size_t errno assert offsetof stdin stdout
stderr linux unix setup loop string byte boolean word
"""
RESERVED = frozenset(_WORDS.split())


def check_name(name: str) -> str:
    """`name`, if every symbol and file of an export can carry it.

    Raises:
        UsageError: it cannot; the message proposes a name that can.
    """
    problem = _problem(name)
    if problem is not None:
        raise UsageError(
            f"'{name}' cannot name the exported C symbols: {problem}; try '{mend_name(name)}'"
        )
    return name


def mend_name(name: str) -> str:
    """The nearest name that `check_name` accepts: ``DS-CNN (kws)`` becomes ``ds_cnn_kws``."""
    mended = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:MAX_LENGTH].strip("_")
    if not mended or mended[0].isdigit():
        mended = f"model_{mended}".strip("_")[:MAX_LENGTH]
    if _problem(mended) is not None:
        mended = f"model_{mended}"[:MAX_LENGTH].rstrip("_")
    return mended


def constant_name(text: str) -> str:
    """A label as the tail of a macro or enumerator: ``_silence_`` becomes ``SILENCE``."""
    return re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")


def _problem(name: str) -> str | None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return "it must be lower-case letters, digits and '_', starting with a letter"
    if len(name) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters"
    if "__" in name or name.endswith("_"):
        return "C++ reserves names with '__', and one that ends in '_' would make them"
    if name in RESERVED:
        return "it is a reserved word"
    if name.startswith("akrt"):
        return "names that start with 'akrt' belong to the kernels"
    return None
