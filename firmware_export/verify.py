"""Compiles an export, runs everything in it, and says what differs or was changed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from akrt.errors import AkrtError, MismatchError, ModelFileError, UsageError
from akrt.files import read_bytes
from firmware_export.interface_test import INTERFACE_MESSAGES, interface_test
from firmware_export.manifest import MANIFEST, ChipFacts, Entry, digest, file_state, read_manifest
from firmware_export.stream_selftest import STREAM_MESSAGES
from firmware_export.targets import Target, find_target
from firmware_export.toolchain import compile_program, run_program

__all__ = ["Verification", "verify", "verify_all"]

_MESSAGES = {
    251: "an output differs although every layer agreed",
    252: "the class differs although every output agreed",
    253: "the program refused a vector",
    254: "memory outside the arena was written",
    255: "the processor faulted",
}


@dataclass(frozen=True)
class Verification:
    """A passed verification."""

    name: str
    target: str
    vectors: int
    layers: int
    parts: tuple[str, ...] = ("network",)
    """What ran: network, labels, chip, stream."""


def verify(
    directory: str | os.PathLike[str], target: str = "host", name: str | None = None
) -> Verification:
    """Compile the export in `directory` for `target` and run it there.

    The network runs its test vectors, the listener its noise, and labels and the chip's hook are
    called. What is compiled is what the manifest lists, and nothing else. All its files, those of
    packages included, must be as they were exported.

    Args:
        directory: what ``akrt export`` wrote.
        target: of `firmware_export.targets.TARGETS`.
        name: of the export; None: the only one of the folder.

    Raises:
        MismatchError: a result differs, the message names the first layer; or files were changed.
        ModelFileError: `directory` holds no whole export.
        UsageError: unknown target or name, or the program does not fit the target.
        ToolError: the compiler or emulator is not installed, or failed.
    """
    machine, folder = find_target(target), Path(directory)
    exports = _exports(folder)
    if name is None and len(exports) == 1:
        name = next(iter(exports))
    if name is None or name not in exports:
        there = ", ".join(exports)
        raise UsageError(f"name one of the exports of '{folder}': {there}; got '{name or ''}'")
    return _verify(folder, name, exports[name], machine)


def verify_all(directory: str | os.PathLike[str], target: str = "host") -> tuple[Verification, ...]:
    """The same for every export of a folder."""
    machine, folder = find_target(target), Path(directory)
    return tuple(_verify(folder, *export, machine) for export in _exports(folder).items())


def _exports(folder: Path) -> Mapping[str, Entry]:
    manifest = read_manifest(folder)
    if manifest is None or not manifest.exports:
        raise ModelFileError(
            f"'{folder}' holds no export: it has no {MANIFEST}; make one with akrt export"
        )
    if manifest.writing:
        raise ModelFileError(f"an export into '{folder}' was interrupted: export again")
    return manifest.exports


def _verify(folder: Path, name: str, entry: Entry, machine: Target) -> Verification:
    changed = _changed(folder, entry)
    note = f"changed since the export: {', '.join(changed)}" if changed else ""
    with tempfile.TemporaryDirectory(prefix="akrt-verify-") as temporary:
        place = Path(temporary)
        try:
            _copy(folder, entry, place)
            parts = _run_parts(place, name, entry, machine)
        except AkrtError as error:
            if isinstance(error, MismatchError):
                where = f"'{folder}', {name} on {machine.name}: {error}"
                raise MismatchError(f"{where}; {note}" if note else where) from None
            if not changed:
                raise
            raise MismatchError(f"'{folder}', {name}: {note}; {error}") from None
    if changed:
        raise MismatchError(f"'{folder}', {name}: {note}")
    return Verification(name, machine.name, entry.vectors, len(entry.layers), parts)


def _changed(folder: Path, entry: Entry) -> list[str]:
    """The files that are not as they were exported.

    Raises:
        ModelFileError: one leads out of the folder or is none.
    """
    changed = []
    for file, value in entry.files.items():
        state = file_state(folder, file)
        if state == "":
            raise ModelFileError(
                f"'{folder / file}' cannot be read, is no regular file, or is a link: export again"
            )
        if state != value:
            changed.append(file if state else f"{file} (missing)")
    return changed


def _copy(folder: Path, entry: Entry, place: Path) -> None:
    """What the manifest lists, to a folder of its own: nothing else can be included."""
    for file in entry.files:
        if os.path.lexists(folder / file):
            path = place / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(read_bytes(folder / file))


def _run_parts(place: Path, name: str, entry: Entry, machine: Target) -> tuple[str, ...]:
    parts = ["network"]
    _run(place, f"{name}_selftest", machine, lambda status: _layer(status, entry))
    test = interface_test(name, entry)
    if test is not None:
        (place / f"{test.stem}.c").write_text(test.source)
        _run(place, test.stem, machine, INTERFACE_MESSAGES.get)
        parts += test.parts
    if entry.program is not None:
        _check_program(place, name, entry.program)
    if entry.stream is not None:
        try:
            _run(place, f"{name}_stream_selftest", machine, STREAM_MESSAGES.get)
        except UsageError as error:
            if not entry.incremental:
                raise
            raise UsageError(f"{error}; a stream exported with --whole takes less RAM") from None
        parts.append("stream")
    return tuple(parts)


def _check_program(place: Path, name: str, facts: ChipFacts) -> None:
    """The bytes of the chip's program are those that the manifest names.

    Raises:
        MismatchError: they are not.
    """
    for path in (place / f"{name}_program.c", place / f"{name}_program.h"):
        text = path.read_text(errors="replace") if path.exists() else ""
        array = re.search(rf"{name}_program\[\w+\] = \{{([^}}]*)\}}", text)
        if array is not None:
            data = bytes(int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})\b", array[1]))
            if digest(data) == facts.sha256:
                return
    raise MismatchError("the chip's program is not the one that the manifest names")


def _run(place: Path, stem: str, machine: Target, meaning: Callable[[int], str | None]) -> None:
    """Compile and run a test program.

    Raises:
        MismatchError: it does not return 0.
    """
    source, program = place / f"{stem}.c", place / f"{stem}.elf"
    if not source.exists():
        raise ModelFileError(f"the export has no {source.name}: export again")
    compile_program(machine, [source], program, ("-O2", f"-D{stem.upper()}_MAIN"))
    status = run_program(machine, program)
    if status:
        said = meaning(status) or _MESSAGES.get(status)
        raise MismatchError(said or f"{source.name} ended with status {status}")


def _layer(status: int, entry: Entry) -> str | None:
    if 1 <= status <= len(entry.layers) and status < 250:
        name, kind = entry.layers[status - 1]
        return f"layer {status - 1}, '{name}' ({kind}), is the first that differs"
    return "a layer beyond the 249th is the first that differs" if status == 250 else None
