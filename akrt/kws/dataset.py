"""Folders of recordings in the layout of Speech Commands, and who belongs to which split."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from akrt.audio import SUFFIXES, load_audio, recordings_in
from akrt.errors import AudioError, DatasetError
from akrt.kws.speakers import SpeakerNames, speakers
from akrt.kws.words import SILENCE, UNKNOWN

__all__ = [
    "NOISE_FOLDER",
    "Recording",
    "Speakers",
    "Split",
    "folders_in",
    "load_noises",
    "scan",
    "sound_files",
    "which_set",
]

Split = Literal["training", "validation", "testing"]
Speakers = Literal["official", "training", "all-training", "all-testing"]

NOISE_FOLDER = "_background_noise_"
MAX_CLIPS_PER_CLASS = 2**27 - 1
"""The modulus of the published split; it is part of the algorithm."""


@dataclass(frozen=True)
class Recording:
    """One recorded clip."""

    path: Path
    label: int
    """Class index."""
    word: str
    speaker: str
    source: str
    """``real``, or the name that the user gave an extra folder."""
    split: Split
    known_speaker: bool = True
    """False: nobody knows who speaks; the recording counts as a speaker."""


def which_set(
    speaker: str, validation_percentage: float = 10, testing_percentage: float = 10
) -> Split:
    """The split of a speaker, as published with Speech Commands (README of v0.02).

    The SHA-1 of the speaker id, modulo 2**27, scaled to 0..100: below the validation percentage
    it is validation, below the sum of both testing, else training. A file name counts by its
    part before ``_nohash_``, so all takes of a speaker land in the same split.
    """
    speaker_id = re.sub(r"_nohash_.*$", "", speaker)
    digest = hashlib.sha1(
        speaker_id.encode("utf-8", "surrogateescape"), usedforsecurity=False
    ).hexdigest()
    bucket = int(digest, 16) % (MAX_CLIPS_PER_CLASS + 1) * (100.0 / MAX_CLIPS_PER_CLASS)
    if bucket < validation_percentage:
        return "validation"
    if bucket < validation_percentage + testing_percentage:
        return "testing"
    return "training"


def training_speakers_only(speaker: str) -> Split:
    """The split of a speaker in a folder from which test speakers were already taken out.

    Validation and training speakers stay what the official split says. Speakers that it
    would call testing are nobody's test here, as the folder's owner says; they are divided by
    a second hash (``which_set`` of the id with ``#training`` behind it), one in ten to validation.
    """
    official = which_set(speaker)
    if official != "testing":
        return official
    return which_set(f"{speaker}#training", 10, 0)


def scan(
    folder: Path,
    words: tuple[str, ...],
    *,
    source: str = "real",
    split: Speakers = "official",
    names: SpeakerNames | None = None,
    failed: list[str] | None = None,
    notes: list[str] | None = None,
) -> list[Recording]:
    """Every recording of the words in a folder ``<word>/<speaker>_nohash_<n>.wav|flac|ogg``.

    Args:
        folder: of the layout of Speech Commands.
        words: class names (`akrt.kws.words.word_list`). If ``_unknown_`` is among them, every
            other word's folder belongs to it; folders that start with ``_`` or ``.`` never do.
        source: what counts and figures call these recordings.
        split: ``official``: by the published hash; ``training``: the same, for a folder without
            test speakers (see `training_speakers_only`); ``all-training``, ``all-testing``: one
            split for all.
        names: who speaks where file names do not say it (`akrt.kws.speakers.speakers`).
        failed: told which files are no recordings, and why.
        notes: told about empty folders, and folders of other words.

    Returns:
        Recordings ordered by word and file name.

    Raises:
        DatasetError: the folder is missing or holds none of the words.
    """
    failed = [] if failed is None else failed
    notes = [] if notes is None else notes
    files: list[tuple[str, Path]] = []
    empty, others = [], []
    directories = folders_in(folder)
    loose, skipped = recordings_in(folder, deep=False)
    failed += [f"'{path}' is in no folder named after a word" for path in loose]
    failed += [f"'{p}' is no recording: {reason}" for p, reason in skipped if not p.is_dir()]
    for directory in directories:
        word = directory.name
        if word == SILENCE or word.startswith(("_", ".")):
            continue
        if word not in words and UNKNOWN not in words:
            others.append(word)
            continue
        inside = sound_files(directory, failed)
        files += [(word, path) for path in inside]
        if not inside:
            empty.append(word)
    if empty:
        notes.append(f"no recordings in the folder{_s(empty)} {', '.join(empty)} of '{folder}'")
    if others:
        notes.append(
            f"no class is called {_some(others)}: the folder{_s(others)} of '{folder}' "
            f"{'was' if len(others) == 1 else 'were'} left out"
        )
    if not files:
        spoken = [word for word in words if not word.startswith("_")]
        raise DatasetError(
            f"'{folder}' holds no recordings of {_some(spoken)}: expected "
            f"<word>/<speaker>_nohash_<n> with one of {', '.join(SUFFIXES)}"
        )
    found = []
    for (word, path), spoken_by in zip(files, speakers(files, names), strict=True):
        label = words.index(word if word in words else UNKNOWN)
        whose = _split_of(spoken_by.speaker, split)
        who = spoken_by.speaker
        found.append(Recording(path, label, word, who, source, whose, spoken_by.known))
    return found


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder of recordings, in order.

    Raises:
        DatasetError: it is missing, or is none.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except FileNotFoundError:
        reason = "it does not exist"
    except NotADirectoryError:
        reason = "it is a file"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    raise DatasetError(f"'{folder}' is not a folder of recordings: {reason}")


def sound_files(folder: Path, failed: list[str]) -> list[Path]:
    """The recordings in a folder, in order; told in `failed`: whatever else is there, and why."""
    try:
        found, skipped = recordings_in(folder, deep=False)
        named = {*found, *(path for path, _ in skipped)}
        others = [p for p in sorted(folder.iterdir()) if p not in named and p.name[0] != "."]
    except OSError as error:
        failed.append(f"cannot read the folder '{folder}': {error.strerror or error}")
        return []
    failed += [f"'{path}' is no recording: {reason}" for path, reason in skipped]
    failed += [f"'{p}' is no recording: {_what(p)}" for p in others]
    return found


def _what(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    return (
        f"'{path.suffix}' is no suffix of sound files that are read"
        if path.suffix
        else ("its name has no suffix")
    )


def _s(items: Sequence[object]) -> str:
    return "" if len(items) == 1 else "s"


def _some(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + ("..." if len(names) > most else "")


def _split_of(speaker: str, split: Speakers) -> Split:
    if split == "official":
        return which_set(speaker)
    if split == "training":
        return training_speakers_only(speaker)
    return "training" if split == "all-training" else "testing"


def load_noises(
    folder: Path, sample_rate: int, longer_than: int = 0, failed: list[str] | None = None
) -> list[npt.NDArray[np.float32]]:
    """The background noises of a data set: float32 (n,) each, of `folder`/_background_noise_.

    Args:
        folder: holds the folder of noises.
        sample_rate: of the result, in Hz.
        longer_than: a noise has more samples than this.
        failed: noises that cannot be used are told here; without it they are an error.

    Raises:
        DatasetError: there is none, or none that can be used.
        AudioError: one of them cannot be read, and `failed` is None.
    """
    directory = folder / NOISE_FOLDER
    told: list[str] = []
    paths = sound_files(directory, told) if directory.is_dir() else []
    noises, wrong = [], []
    for path in paths:
        try:
            noise = load_audio(path, sample_rate)
        except AudioError as error:
            if failed is None:
                raise
            wrong.append(str(error))
            continue
        if len(noise) > longer_than:
            noises.append(noise)
            continue
        wrong.append(
            f"the background noise '{path}' is not longer than {longer_than / sample_rate:g} s"
        )
    if failed is None and wrong:
        raise DatasetError(wrong[0])
    if not noises:
        raise DatasetError(
            f"'{directory}' holds no noises{' that can be used' if wrong else ''}: silence and "
            f"noisy speech are made from them. Put sounds without speech there, longer than a "
            f"second ('akrt kws fetch speech-commands --unpack' brings some), or name the folder "
            f"that holds {NOISE_FOLDER} with --noise" + "".join(f"; {line}" for line in wrong[:3])
        )
    if failed is not None:
        failed += told + wrong
    return noises
