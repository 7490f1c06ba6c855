"""The manifest of a folder of exports: what is in it, and what each file's bytes are."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from akrt.decision import StreamSettings
from akrt.errors import InputError, ModelFileError, UsageError
from akrt.files import read_bytes
from firmware_export.headers import FORMAT_VERSION
from firmware_export.lowered import OPTIMISE, Optimise

__all__ = [
    "MANIFEST",
    "ChipFacts",
    "Entry",
    "Manifest",
    "chip_facts",
    "digest",
    "file_state",
    "parse_json",
    "read_manifest",
]

MANIFEST = "manifest.json"
MOST_BYTES = 16 << 20
_MOST_FILES = 10_000
_PART = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,100}"
_FILE = re.compile(rf"{_PART}(?:/{_PART}){{0,7}}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ChipFacts:
    """The chip's program that an export embeds."""

    sha256: str
    bytes: int
    model_sha256: str
    device: str
    hw_version: str


@dataclass(frozen=True)
class Entry:
    """One export of a folder."""

    akrt_version: str
    model_sha256: str
    layers: tuple[tuple[str, str], ...]
    """Name and type of each."""
    labels: tuple[str, ...] | None
    vectors: int
    given_vectors: bool
    """Whether the inputs of the test vectors were the user's."""
    packages: tuple[str, ...]
    stream: StreamSettings | None
    optimise: Optimise
    program: ChipFacts | None
    files: Mapping[str, str]
    """SHA-256 of each, by its path in the folder."""
    format_version: int = FORMAT_VERSION
    incremental: bool = False
    """The stream keeps rows from one window to the next, where that pays."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return {
            "akrt_version": self.akrt_version,
            "model_sha256": self.model_sha256,
            "layers": [{"name": name, "type": kind} for name, kind in self.layers],
            "labels": None if self.labels is None else list(self.labels),
            "vectors": self.vectors,
            "given_vectors": self.given_vectors,
            "packages": list(self.packages),
            "stream": None if self.stream is None else asdict(self.stream),
            "optimise": self.optimise,
            "incremental": self.incremental,
            "program": None if self.program is None else asdict(self.program),
            "files": dict(sorted(self.files.items())),
        }


@dataclass(frozen=True)
class Manifest:
    """What akrt wrote into a folder."""

    exports: Mapping[str, Entry] = field(default_factory=dict)
    writing: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the files that an export is about to rename into place: left by one that was
    interrupted."""

    def known(self, file: str) -> set[str]:
        """The hashes of all that akrt may have written to `file`."""
        hashes = {entry.files[file] for entry in self.exports.values() if file in entry.files}
        return hashes | ({self.writing[file]} if file in self.writing else set())

    def as_bytes(self) -> bytes:
        """The file."""
        text: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "exports": {name: entry.as_dict() for name, entry in sorted(self.exports.items())},
        }
        if self.writing:
            text["writing"] = dict(sorted(self.writing.items()))
        return f"{json.dumps(text, indent=2)}\n".encode()


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def file_state(folder: Path, file: str) -> str | None:
    """SHA-256 of a file of a folder; None: it is not there; empty: it is no regular file, cannot be
    read, or lies behind a link."""
    path = folder / file
    if os.path.realpath(path.parent) != str(Path(os.path.realpath(folder), file).parent):
        return ""
    if not os.path.lexists(path):
        return None
    try:
        return "" if path.is_symlink() else digest(read_bytes(path))
    except InputError:
        return ""


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of `folder`; None where there is none.

    Raises:
        ModelFileError: it is damaged, of a newer akrt, or no manifest of akrt.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return None
    try:
        if path.is_symlink():
            raise InputError("it is a link")
        data = read_bytes(path, MOST_BYTES)
    except InputError as error:
        raise ModelFileError(f"cannot use '{path}': {error}") from None
    try:
        return _manifest(parse_json(data))
    except _Newer:
        raise ModelFileError(
            f"'{path}' is of a newer format than this akrt reads ({FORMAT_VERSION}): upgrade with "
            f"pip install -U akrt"
        ) from None
    except (ValueError, KeyError, TypeError, UsageError) as error:
        raise ModelFileError(
            f"'{path}' is damaged, or no manifest of akrt ({error}): export again"
        ) from None


def parse_json(data: bytes) -> Any:
    """JSON without duplicate keys and without numbers that are none.

    Raises:
        ValueError: it is not.
    """
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


class _Newer(Exception):
    """A format that is not known yet."""


def _manifest(parsed: Any) -> Manifest:
    version = _whole(_object(parsed)["format_version"])
    if version > FORMAT_VERSION:
        raise _Newer
    if version < 3:
        return Manifest({_matching(_NAME, parsed["name"]): _entry_of_format_2(parsed, version)})
    exports = _object(parsed["exports"])
    return Manifest(
        {_matching(_NAME, name): _entry(entry) for name, entry in exports.items()},
        _files(parsed.get("writing", {})),
    )


def _entry(parsed: Any) -> Entry:
    stream, program, labels = parsed["stream"], parsed["program"], parsed["labels"]
    return Entry(
        akrt_version=_text(parsed["akrt_version"]),
        model_sha256=_matching(_SHA256, parsed["model_sha256"]),
        layers=_layers(parsed["layers"]),
        labels=None if labels is None else _texts(labels),
        vectors=_whole(parsed["vectors"]),
        given_vectors=_truth(parsed["given_vectors"]),
        packages=_texts(parsed["packages"]),
        stream=None if stream is None else StreamSettings(**_object(stream)),
        optimise=_optimise(parsed.get("optimise", "speed")),
        program=None if program is None else chip_facts(program),
        files=_files(parsed["files"]),
        incremental=_truth(parsed.get("incremental", False)),
    )


def _entry_of_format_2(parsed: Any, version: int) -> Entry:
    return Entry(
        akrt_version=_text(parsed["akrt_version"]),
        model_sha256=_matching(_SHA256, parsed["model_sha256"]),
        layers=_layers(parsed["layers"]),
        labels=None,
        vectors=_whole(parsed["vectors"]),
        given_vectors=False,
        packages=(),
        stream=None,
        optimise="speed",
        program=None,
        files=_files(parsed["files"]),
        format_version=version,
    )


def chip_facts(parsed: Any) -> ChipFacts:
    """What a manifest, of an export or of a program, says of a chip's program.

    Raises:
        ValueError, KeyError, TypeError: it is no such manifest.
    """
    return ChipFacts(
        sha256=_matching(_SHA256, parsed["sha256"]),
        bytes=_whole(parsed["bytes"]),
        model_sha256=_matching(_SHA256, parsed["model_sha256"]),
        device=_text(parsed["device"]),
        hw_version=_text(parsed["hw_version"]),
    )


def _optimise(parsed: Any) -> Optimise:
    for known in OPTIMISE:
        if parsed == known:
            return known
    raise ValueError("it is optimised for what is not known")


def _files(parsed: Any) -> dict[str, str]:
    files = _object(parsed)
    if len(files) > _MOST_FILES:
        raise ValueError(f"it lists {len(files):,} files")
    for file in files:
        if _matching(_FILE, file) == MANIFEST:
            raise ValueError("it lists itself")
    return {file: _matching(_SHA256, value) for file, value in files.items()}


def _layers(parsed: Any) -> tuple[tuple[str, str], ...]:
    return tuple((_text(layer["name"]), _text(layer["type"])) for layer in _list(parsed))


def _texts(parsed: Any) -> tuple[str, ...]:
    return tuple(_text(text) for text in _list(parsed))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _expected("an object", value)
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _expected("a list", value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _expected("a text", value)
    value.encode()  # a lone surrogate is a ValueError
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _expected("true or false", value)
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 31:
        raise ValueError("a number is out of range")
    return value


def _expected(what: str, value: Any) -> ValueError:
    return ValueError(f"{what} is expected where it has {type(value).__name__}")


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{str(value)[:100]!r} is not allowed")
    return value
