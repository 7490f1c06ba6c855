"""A folder that an export is written to: nothing else in it is touched.

All files are written under temporary names first. Then the manifest says what is about to be
renamed, the files are renamed, and the manifest is replaced by the final one: an export that is
interrupted in between leaves files of which the next one knows that akrt wrote them.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from akrt.errors import ModelFileError, OutputError, UsageError
from akrt.files import remove_left_over, write_files
from akrt.system import HAS_LOCKS, lock
from firmware_export.manifest import (
    MANIFEST,
    Entry,
    Manifest,
    digest,
    file_state,
    read_manifest,
)

__all__ = ["Contents", "write_export"]

_WAIT = 60.0
"""Seconds to wait for other exports into the same folder."""
_SHOWN = 12


@dataclass(frozen=True)
class Contents:
    """An export that is to be written."""

    files: Mapping[str, str]
    """Text by path in the folder."""
    entry: Entry
    """What the manifest says of it; the files' hashes are filled in."""


C = TypeVar("C", bound=Contents)


def write_export(
    directory: Path, name: str, compose: Callable[[Entry | None], C], force: bool
) -> tuple[C, tuple[str, ...]]:
    """Write an export into a folder, which is made where there is none.

    Args:
        directory: the folder.
        name: of the export.
        compose: from the export of that name that is in the folder to the new one.
        force: overwrite files that akrt did not write, or that were changed since.

    Returns:
        What was written, and the files of the earlier export of that name that were removed,
        being no part of this one.

    Raises:
        UsageError: files that akrt did not write, that were changed since, or that belong to
            another export of the folder are in the way.
        OutputError: the folder cannot be written.
    """
    folder = Path(os.path.realpath(directory))
    before = _read(folder, force).exports.get(name)
    while True:
        new = compose(before)
        with _locked(folder):
            manifest = _read(folder, force)
            if manifest.exports.get(name) == before:
                return new, _write(folder, name, new, manifest, force)
            before = manifest.exports.get(name)  # another export of that name came first


def _read(folder: Path, force: bool) -> Manifest:
    try:
        return read_manifest(folder) or Manifest()
    except ModelFileError as error:
        if force:
            return Manifest()
        raise UsageError(f"{error}; choose another folder, or overwrite it with --force") from None


def _write(
    folder: Path, name: str, new: Contents, manifest: Manifest, force: bool
) -> tuple[str, ...]:
    contents = {file: text.encode() for file, text in new.files.items()}
    hashes = {file: digest(data) for file, data in contents.items()}
    states = {file: file_state(folder, file) for file in contents}
    owners = _owners(manifest, name)
    stale = _stale(manifest, name, hashes, owners)
    if not force:
        _check_others(folder, hashes, owners)
        _check_format(folder, name, manifest, stale)
        _check_unchanged(
            folder,
            [
                *(f for f, state in states.items() if state not in (None, hashes[f])),
                *(f for f in stale if file_state(folder, f) is not None),
            ],
            manifest,
        )
    for file in contents:
        _check_place(folder, file)
    removed = [f for f in stale if file_state(folder, f) in manifest.known(f)]
    exports = {
        other: replace(old, files={f: h for f, h in old.files.items() if hashes.get(f, h) == h})
        for other, old in manifest.exports.items()
    }
    unfinished = {f: h for f, h in manifest.writing.items() if f in owners and f not in hashes}
    final = Manifest({**exports, name: replace(new.entry, files=hashes)}, unfinished).as_bytes()
    changed = {f: data for f, data in contents.items() if states[f] != hashes[f]}
    journal = replace(manifest, writing={**manifest.writing, **hashes})
    for file in (*contents, *stale):  # also of those that stay as they are
        remove_left_over(folder / file)
    with _folders(folder, contents):
        write_files(
            {**{folder / file: data for file, data in changed.items()}, folder / MANIFEST: final},
            lambda: write_files({folder / MANIFEST: journal.as_bytes()}),
        )
    for file in removed:
        _remove(folder, file)
    return tuple(removed)


def _owners(manifest: Manifest, name: str) -> dict[str, tuple[str, str]]:
    """Name and hash by file, of the other exports of the folder."""
    return {
        file: (other, value)
        for other, entry in manifest.exports.items()
        if other != name
        for file, value in entry.files.items()
    }


def _stale(
    manifest: Manifest, name: str, hashes: Mapping[str, str], owners: Mapping[str, object]
) -> list[str]:
    """Files of the earlier export, and of interrupted ones, that the new one does not have."""
    earlier = manifest.exports.get(name)
    files = dict.fromkeys([*(earlier.files if earlier else ()), *manifest.writing])
    return [file for file in files if file not in hashes and file not in owners]


def _check_others(
    folder: Path, hashes: Mapping[str, str], owners: Mapping[str, tuple[str, str]]
) -> None:
    clashes = [f for f in hashes if f in owners and owners[f][1] != hashes[f]]
    if clashes:
        other = owners[clashes[0]][0]
        raise UsageError(
            f"'{folder}' holds the export '{other}', which has other contents in "
            f"{_shown(clashes)}: choose another folder, or overwrite them with --force"
        )


def _check_format(folder: Path, name: str, manifest: Manifest, stale: list[str]) -> None:
    """Options of old exports were not recorded: what they wrote would be lost without a word."""
    earlier = manifest.exports.get(name)
    if earlier is not None and earlier.format_version < 3:
        optional = [f for f in stale if f not in ("akrt_mcu.h", "memory.json", "memory.md")]
        if optional:
            raise UsageError(
                f"'{folder}' holds files that an older akrt wrote for options which are not given "
                f"now: {_shown(optional)}; give --stream, --pkg and --program again, choose "
                f"another folder, or remove those files with --force"
            )


def _check_unchanged(folder: Path, existing: list[str], manifest: Manifest) -> None:
    changed = [f for f in existing if file_state(folder, f) not in manifest.known(f)]
    folders = [f for f in changed if (folder / f).is_dir()]
    if folders:
        raise UsageError(
            f"'{folder}' holds folders where files of the export go: {_shown(folders)}; move them "
            f"away, or choose another folder"
        )
    if changed:
        raise UsageError(
            f"'{folder}' holds files that akrt did not write, or that were changed since: "
            f"{_shown(changed)}; move them away, choose another folder, or overwrite them with "
            f"--force"
        )


def _check_place(folder: Path, file: str) -> None:
    """A file may replace a file or a link, inside the folder."""
    path = folder / file
    inside = os.path.realpath(path.parent) == str(path.parent)
    if not inside or (path.is_dir() and not path.is_symlink()):
        what = "it is a folder" if inside else "a link leads elsewhere"
        raise OutputError(f"cannot write '{path}': {what}")


def _shown(files: list[str]) -> str:
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    return f"{', '.join(files[:_SHOWN])}{more}"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The folder, made if need be, with no other export writing to it; what was made is taken back
    where the writing fails."""
    deadline = time.monotonic() + _WAIT
    while True:
        with _folders(folder, [""]):
            handle = _open_folder(folder)
            try:
                if _lock(handle, folder, deadline):
                    yield
                    return
            finally:
                if handle is not None:
                    os.close(handle)


def _open_folder(folder: Path) -> int | None:
    if not HAS_LOCKS:
        return None
    try:
        return os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"cannot write '{folder}': {error.strerror or error}") from None


def _lock(handle: int | None, folder: Path, deadline: float) -> bool:
    """Whether the folder is locked, and still the one of that name."""
    while handle is not None:
        try:
            lock(handle)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OutputError(
                    f"cannot write '{folder}': another export has been writing there for "
                    f"{_WAIT:.0f} s"
                ) from None
            time.sleep(0.02)
            continue
        except OSError:  # a file system without locks
            return True
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(handle), os.stat(folder))
        return False
    return True


@contextlib.contextmanager
def _folders(folder: Path, files: Mapping[str, object] | list[str]) -> Iterator[None]:
    """Make the folders of `files`; those that were made are removed again where the body fails."""
    made: list[Path] = []
    try:
        for parent in dict.fromkeys((folder / file).parent if file else folder for file in files):
            missing = [p for p in (parent, *parent.parents) if not os.path.lexists(p)]
            for path in reversed(missing):
                with contextlib.suppress(FileExistsError):  # by another export at this moment
                    path.mkdir()
                    made.append(path)
            if not parent.is_dir():
                raise OutputError(f"cannot write '{parent}': it is not a folder")
        yield
    except BaseException as error:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise OutputError(f"cannot write '{folder}': {error.strerror or error}") from None
        raise


def _remove(folder: Path, file: str) -> None:
    """A file, and the folders of the export that it leaves empty."""
    path = folder / file
    with contextlib.suppress(OSError):
        path.unlink()
        for parent in path.parents:
            if parent == folder:
                break
            parent.rmdir()
