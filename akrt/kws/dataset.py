"""Folders of recordings in the layout of Speech Commands, and who belongs to which split."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from akrt.audio import SUFFIXES, load_audio
from akrt.errors import DatasetError
from akrt.kws.words import SILENCE, UNKNOWN

__all__ = ["NOISE_FOLDER", "Recording", "Speakers", "Split", "load_noises", "scan", "which_set"]

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


def which_set(
    speaker: str, validation_percentage: float = 10, testing_percentage: float = 10
) -> Split:
    """The split of a speaker, as published with Speech Commands (README of v0.02).

    The SHA-1 of the speaker id, modulo 2**27, scaled to 0..100: below the validation percentage
    it is validation, below the sum of both testing, else training. A file name counts by its
    part before ``_nohash_``, so all takes of a speaker land in the same split.
    """
    speaker_id = re.sub(r"_nohash_.*$", "", speaker)
    digest = hashlib.sha1(speaker_id.encode(), usedforsecurity=False).hexdigest()
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

    Returns:
        Recordings ordered by word and file name.

    Raises:
        DatasetError: the folder is missing or holds none of the words.
    """
    if not folder.is_dir():
        raise DatasetError(f"'{folder}' is not a folder of recordings")
    found = list(_recordings(folder, words, source, split))
    if not found:
        spoken = [word for word in words if not word.startswith("_")]
        raise DatasetError(
            f"'{folder}' holds no recordings of {', '.join(spoken[:6])}"
            f"{'...' if len(spoken) > 6 else ''}: expected "
            f"<word>/<speaker>_nohash_<n> with one of {', '.join(SUFFIXES)}"
        )
    return found


def _recordings(
    folder: Path, words: tuple[str, ...], source: str, split: Speakers
) -> Iterator[Recording]:
    for directory in sorted(p for p in folder.iterdir() if p.is_dir()):
        word = directory.name
        if word == SILENCE or word.startswith(("_", ".")):
            continue
        if word in words:
            label = words.index(word)
        elif UNKNOWN in words:
            label = words.index(UNKNOWN)
        else:
            continue
        for path in sorted(directory.iterdir()):
            if path.suffix.lower() not in SUFFIXES:
                continue
            speaker = re.sub(r"_nohash_.*$", "", path.stem)
            yield Recording(path, label, word, speaker, source, _split_of(speaker, split))


def _split_of(speaker: str, split: Speakers) -> Split:
    if split == "official":
        return which_set(speaker)
    if split == "training":
        return training_speakers_only(speaker)
    return "training" if split == "all-training" else "testing"


def load_noises(folder: Path, sample_rate: int) -> list[npt.NDArray[np.float32]]:
    """The background noises of a data set: float32 (n,) each, of `folder`/_background_noise_.

    Raises:
        DatasetError: there is none.
        AudioError: one of them cannot be read.
    """
    directory = folder / NOISE_FOLDER
    paths = sorted(p for p in directory.glob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise DatasetError(
            f"'{directory}' holds no noises: silence and noisy speech are made from them"
        )
    return [load_audio(path, sample_rate) for path in paths]
