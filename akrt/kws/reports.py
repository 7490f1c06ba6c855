"""Where results are written: checked before the work, and nothing of the user's is overwritten.

A report's ``report.json`` holds the SHA-256 of every file written with it, and its own: what was
changed since, or is not in it, was not written by akrt.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from akrt.errors import InputError, OutputError
from akrt.files import check_replaceable, make_folder, read_bytes, write_file

__all__ = ["check_file", "check_folder", "check_report", "write_report"]

REPORT = "report.json"


def check_file(path: Path, ours: Callable[[bytes], bool], force: bool = False) -> None:
    """Refuse, before the work, a file that could not be written after it.

    Args:
        path: what will be written.
        ours: whether the content of a file was written by akrt.
        force: overwrite any file.

    Raises:
        OutputError: it is a folder, or its folder is missing or cannot be written to.
        UsageError: there is a file that akrt did not write.
    """
    check_replaceable(path, ours, force)
    parent = Path(os.path.realpath(path)).parent
    if not parent.is_dir():
        raise OutputError(f"cannot write '{path}': '{parent}' is not a folder")
    _check_access(parent)


def check_folder(folder: Path) -> None:
    """Refuse, before the work, a folder that cannot be made or written to.

    Raises:
        OutputError: so.
    """
    above = Path(os.path.realpath(folder))
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise OutputError(f"cannot write to '{folder}': '{above}' is not a folder")
    _check_access(above)


def _check_access(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to the folder '{folder}': permission denied")


def check_report(folder: Path, names: Iterable[str], force: bool = False) -> None:
    """Refuse, before the work, a folder with files that a report would overwrite.

    Args:
        folder: of the report.
        names: files besides ``report.json``.
        force: overwrite any file.

    Raises:
        OutputError: the folder cannot be made or written to.
        UsageError: a file there is not part of a report that akrt wrote, or was changed since.
    """
    check_folder(folder)
    written = _written(folder)
    for name in (REPORT, *names):

        def ours(data: bytes, digest: str | None = written.get(name)) -> bool:
            return _sha256(data) == digest

        check_replaceable(folder / name, ours, force)


def write_report(
    folder: Path, facts: Mapping[str, Any], contents: Mapping[str, bytes], force: bool = False
) -> None:
    """Write a report's files and ``report.json``, each whole or not.

    Args:
        folder: made if need be.
        facts: plain JSON.
        contents: the other files by name.
        force: overwrite any file.

    Raises:
        OutputError: it cannot be written.
        UsageError: as `check_report`.
    """
    check_report(folder, contents, force)
    before = {n: digest for n, digest in _written(folder).items() if n not in (REPORT, *contents)}
    make_folder(folder)
    for name, data in contents.items():
        write_file(folder / name, data)
    files = {**before, **{name: _sha256(data) for name, data in contents.items()}}
    whole = {**facts, "files": files}
    write_file(folder / REPORT, _signed(whole))


def _written(folder: Path) -> dict[str, str]:
    """SHA-256 by name of what an earlier report wrote, itself included."""
    path = folder / REPORT
    if not os.path.lexists(path):
        return {}
    try:
        data = read_bytes(path)
        facts = json.loads(data)
        del facts["sha256"]
        files = {str(name): str(value) for name, value in facts["files"].items()}
    except (InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    if data != _signed(facts):
        return {}
    return {**files, REPORT: _sha256(data)}


def _signed(facts: Mapping[str, Any]) -> bytes:
    """The text of a report, its own SHA-256 in it."""
    digest = _sha256(json.dumps(facts, sort_keys=True).encode())
    return f"{json.dumps({**facts, 'sha256': digest}, indent=2)}\n".encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
