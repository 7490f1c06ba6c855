"""Class names from the files that training tools write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from akrt.errors import InputError
from akrt.files import read_bytes
from akrt.model import Model

__all__ = ["FORMS", "with_labels"]

FORMS = 'a JSON list, a JSON object {"word": 0} or {"0": "word"}, or a line each'
_MOST_BYTES = 1 << 24


def with_labels(model: Model, path: Path) -> Model:
    """`model` with the class names of a file (`FORMS`; UTF-8, with or without a byte order mark).

    Raises:
        InputError: the file cannot be read, holds no names, or not one for each output.
    """
    labels = _labels(path)
    wanted = model.task.labels(model.output_shape)
    if len(labels) != wanted:
        several = "outputs" if wanted == model.output_shape[2] else "classes"
        first = ", the first of which is the background" if model.task.kind == "fomo" else ""
        raise InputError(
            f"'{path}' holds {len(labels)} class names, but '{model.name}' has {wanted} "
            f"{several}{first}"
        )
    return model.replace(labels=labels)


def _labels(path: Path) -> tuple[str, ...]:
    try:
        text = read_bytes(path, _MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"the labels '{path}' are not UTF-8: save them as UTF-8 text") from None
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError):
        parsed = [line.strip() for line in text.splitlines() if line.strip()]
    if isinstance(parsed, dict):
        parsed = _by_index(path, parsed)
    if not isinstance(parsed, list) or not parsed or not all(isinstance(v, str) for v in parsed):
        raise InputError(f"'{path}' holds no class names: expected {FORMS}")
    return tuple(parsed)


def _by_index(path: Path, entries: dict[str, Any]) -> list[Any]:
    """The names of an object that gives each its index, or each index its name."""
    indices = [str(i) for i in range(len(entries))]
    if set(entries) == set(indices):
        return [entries[i] for i in indices]
    values = [v for v in entries.values() if isinstance(v, int) and not isinstance(v, bool)]
    if sorted(values) == list(range(len(entries))):
        return sorted(entries, key=entries.__getitem__)
    raise InputError(f"'{path}': indices must be 0..{len(entries) - 1}, each once")
