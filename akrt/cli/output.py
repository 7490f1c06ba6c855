"""Tables, JSON and progress bars of the command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from akrt.errors import AkrtError
from akrt.printable import printable

__all__ = [
    "json_text",
    "print_error",
    "print_json",
    "print_line",
    "print_table",
    "print_warning",
    "progress",
]

T = TypeVar("T")

_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What a terminal would obey; of the other control characters JSON has escapes anyway."""
PIPE_WIDTH = 200
"""Columns of a table that no terminal limits."""


def print_json(facts: Any) -> None:
    """Facts as JSON on standard output, whole or not at all."""
    sys.stdout.write(f"{json_text(facts, indent=2)}\n")


def json_text(facts: Any, indent: int | None = None) -> str:
    """JSON that standard output can carry, whatever its encoding and the text in it."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    text = json.dumps(facts, indent=indent, ensure_ascii=plain)
    text = _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    # a lone surrogate, of a file name that is not UTF-8, becomes its escape in JSON
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def print_line(text: str, lines: bool = False) -> None:
    """A line on standard output; `lines`: text that has lines of its own, and nothing foreign."""
    sys.stdout.write(f"{printable(text, lines)}\n")


def print_error(problem: object) -> None:
    """``akrt: `` and what went wrong, on standard error."""
    print(f"akrt: {printable(problem, lines=isinstance(problem, AkrtError))}", file=sys.stderr)


def print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line on standard error; stands in for `warnings.showwarning`."""
    print_error(f"warning: {' '.join(str(message).split())}")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()
) -> None:
    """A table on standard output; the columns in `numeric` are aligned to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    numbers = set(numeric)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        header = Text(printable(column))
        table.add_column(header, justify="right" if i in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(width=width, soft_wrap=False).print(table)


def progress(items: Sequence[T], label: str) -> Iterable[T]:
    """The items, with a progress bar on standard error when that is a terminal."""
    if len(items) < 2 or not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, label, console=Console(stderr=True), transient=True)
