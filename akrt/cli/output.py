"""Tables, JSON and progress bars of the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

__all__ = ["print_json", "print_line", "print_table", "progress"]

T = TypeVar("T")

PIPE_WIDTH = 200
"""Columns of a table that no terminal limits."""


def print_json(facts: Any) -> None:
    """Facts as JSON on standard output."""
    json.dump(facts, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def print_line(text: str) -> None:
    """One line on standard output, as it is."""
    sys.stdout.write(f"{text}\n")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()
) -> None:
    """A table on standard output; the columns in `numeric` are aligned to the right."""
    numbers = set(numeric)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(width=width, soft_wrap=False).print(table)


def progress(items: Sequence[T], label: str) -> Iterable[T]:
    """The items, with a progress bar on standard error when that is a terminal."""
    if len(items) < 2 or not sys.stderr.isatty():
        return items
    return track(items, label, console=Console(stderr=True), transient=True)
