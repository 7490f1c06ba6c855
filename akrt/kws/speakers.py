"""Who speaks in a recording: as its name, a pattern or a list says, or nobody knows.

Where nobody knows, recordings are told apart: the cuts of one recording, and what seems to be of
one person, must not be in training and in the test.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from akrt.errors import InputError, UsageError
from akrt.files import read_bytes

__all__ = ["SpeakerNames", "Spoken", "read_list", "recording_name", "speakers"]

_OFFICIAL = re.compile(r"^(.+?)_nohash_")
_SEPARATOR = re.compile(r"[\s_.\-]+")
_COUNTER = re.compile(r"[\s_.\-]*[(\[]?\d+[)\]]?$")


@dataclass(frozen=True)
class SpeakerNames:
    """What is known about speakers besides names like ``<speaker>_nohash_<n>``."""

    pattern: str = ""
    """A regular expression with one group, the speaker; looked for in ``<word>/<file>``."""
    listed: Mapping[str, str] = field(default_factory=dict)
    """Speakers of ``<word>/<file>``, or of a file name."""

    def __post_init__(self) -> None:
        if not self.pattern:
            return
        try:
            groups = re.compile(self.pattern).groups
        except (re.error, OverflowError, RecursionError) as error:
            raise UsageError(
                f"'{self.pattern}' is not a regular expression for speakers: {error}"
            ) from None
        if groups != 1:
            raise UsageError(
                f"the pattern '{self.pattern}' has {groups} groups: put the speaker, and nothing "
                f"else, into round brackets, as in '/([a-z]+)_'"
            )


@dataclass(frozen=True)
class Spoken:
    """Whose a recording is."""

    speaker: str
    known: bool
    """False: a recording's name stands for the speaker."""


def read_list(path: str | os.PathLike[str]) -> dict[str, str]:
    """Speakers by file from a table with the columns ``file,speaker``; a heading may be there.

    Separators may be commas, semicolons or tabs, the text may begin with a byte order mark.

    Raises:
        InputError: it cannot be read, or a line is not of this form.
    """
    data = read_bytes(path)
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = data.decode("utf-16") if wide else data.decode("utf-8-sig", "surrogateescape")
    except UnicodeDecodeError as error:
        raise InputError(f"'{os.fspath(path)}' is not a text: {error}") from None
    first = text.partition("\n")[0]
    delimiter = next((c for c in ",;\t" if c in first), ",")
    found: dict[str, str] = {}
    try:
        for number, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), 1):
            cells = [cell.strip() for cell in row]
            if not any(cells) or (
                number == 1 and [c.lower() for c in cells] == ["file", "speaker"]
            ):
                continue
            if len(cells) != 2 or not all(cells):
                raise InputError(f"line {number} of '{os.fspath(path)}' is not 'file,speaker'")
            name = cells[0].replace("\\", "/").removeprefix("./")
            if found.setdefault(name, cells[1]) != cells[1]:
                raise InputError(
                    f"line {number} of '{os.fspath(path)}' names a second speaker of '{name}'"
                )
    except csv.Error as error:
        raise InputError(f"'{os.fspath(path)}' is not a table 'file,speaker': {error}") from None
    return found


def recording_name(stem: str, word: str) -> str:
    """A file's name without the word that is said and the number at its end: ``anna_yes_2`` and
    ``anna_no_1`` are ``anna``. Empty where nothing is left.
    """
    return _COUNTER.sub("", _without_word(stem, word))


def speakers(files: Sequence[tuple[str, Path]], names: SpeakerNames | None = None) -> list[Spoken]:
    """Whose each of a folder's recordings is.

    A list goes before a pattern, that before the official names. Files of which none of them says
    anything count by the recording they seem to be cut from (`recording_name`). Names that are
    all alike (``clip_1``, ``clip_2``), or nothing but a word and a number, say nothing: then each
    number is a recording.

    Args:
        files: word and path of each.
        names: what else is known.
    """
    names = names or SpeakerNames()
    pattern = re.compile(names.pattern) if names.pattern else None
    known = [_known(word, path, names.listed, pattern) for word, path in files]
    unknown = [i for i, speaker in enumerate(known) if speaker is None]
    groups = {i: recording_name(files[i][1].stem, files[i][0]) for i in unknown}
    alike = len(set(groups.values())) == 1
    found = []
    for i, ((word, path), speaker) in enumerate(zip(files, known, strict=True)):
        if speaker is not None:
            found.append(Spoken(speaker, True))
        elif groups[i] and not alike:
            found.append(Spoken(groups[i], False))
        else:
            found.append(Spoken(_without_word(path.stem, word) or path.stem, False))
    return found


def _known(
    word: str, path: Path, listed: Mapping[str, str], pattern: re.Pattern[str] | None
) -> str | None:
    name = f"{word}/{path.name}"
    for key in (name, path.name):
        if key in listed:
            return listed[key]
    if pattern is not None and (match := pattern.search(name)) and match[1]:
        return match[1]
    official = _OFFICIAL.match(path.stem)
    return official[1] if official else None


def _without_word(stem: str, word: str) -> str:
    parts = [p for p in _SEPARATOR.split(stem) if p and p.casefold() != word.casefold()]
    rest = "_".join(parts)
    numbered = re.fullmatch(rf"{re.escape(word)}(\d+)", rest, re.IGNORECASE)
    return numbered[1] if numbered else rest
