"""Prepared features in one ``.npz`` file without pickles."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import DatasetError, InputError
from akrt.files import read_arrays, write_file

__all__ = ["SPLITS", "FeatureSet", "about_unknown_speakers"]

SPLITS = ("training", "validation", "testing")
FORMAT = 1
_ENTRIES = (
    *("x", "y", "split", "source", "speaker", "copy", "clip"),
    *("words", "sources", "speakers", "settings"),
)
"""Of the archive, besides ``format``."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Network inputs with all that is known about each.

    Arrays have one row per feature map; a recording occurs once as it is (``copy`` 0) and, in
    training, in augmented copies.
    """

    x: npt.NDArray[np.uint8]
    """uint8 (N, frames, coefficients, 1)."""
    y: npt.NDArray[np.int64]
    """int64 (N,): class."""
    split: npt.NDArray[np.uint8]
    """uint8 (N,): index into `SPLITS`."""
    source: npt.NDArray[np.uint8]
    """uint8 (N,): index into `sources`."""
    speaker: npt.NDArray[np.int32]
    """int32 (N,): index into `speakers`."""
    copy: npt.NDArray[np.int32]
    """int32 (N,): 0 as recorded, 1... augmented."""
    clip: npt.NDArray[np.int32]
    """int32 (N,): the copies of one clip share a number."""
    words: tuple[str, ...]
    """Class names."""
    sources: tuple[str, ...]
    """``real``, ``synthetic``, ``noise``, and the names of extra folders."""
    speakers: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    """How it was made, plain JSON."""

    def select(self, split: str, source: str | None = None, *, clean: bool = False) -> Any:
        """Boolean (N,): the rows of a split, of a source if given, unaugmented if `clean`."""
        rows = self.split == SPLITS.index(split)
        if source is not None:
            if source not in self.sources:
                return np.zeros(len(self.y), bool)
            rows &= self.source == self.sources.index(source)
        if clean:
            rows &= self.copy == 0
        return rows

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Distinct clips by split, word and source: real and synthetic are never added up."""
        table: dict[str, dict[str, dict[str, int]]] = {}
        first = self.copy == 0
        keys = zip(self.split[first], self.y[first], self.source[first], strict=True)
        for (split, label, source), number in sorted(Counter(keys).items()):
            words = table.setdefault(SPLITS[split], {})
            words.setdefault(self.words[label], {})[self.sources[source]] = number
        return table

    @property
    def notes(self) -> list[str]:
        """What must be said with every figure that is made with these rows."""
        unknown = self.settings.get("unknown_speakers")
        return [about_unknown_speakers(unknown)] if isinstance(unknown, dict) else []

    @staticmethod
    def wrote(data: bytes) -> bool:
        """Whether the bytes of a file are what `save` writes."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = {name.removesuffix(".npy") for name in archive.namelist()}
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            return False
        # NumPy before 2.1 stores the option as an array
        return names - {"allow_pickle"} == {"format", *_ENTRIES}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file under a temporary name, then rename it.

        Raises:
            OutputError: it cannot be written.
        """
        packed = io.BytesIO()
        np.savez_compressed(
            packed,
            allow_pickle=False,
            format=np.int64(FORMAT),
            x=self.x,
            y=self.y,
            split=self.split,
            source=self.source,
            speaker=self.speaker,
            copy=self.copy,
            clip=self.clip,
            words=np.array(self.words),
            sources=np.array(self.sources),
            speakers=np.array(self.speakers),
            settings=np.array(json.dumps(self.settings, sort_keys=True)),
        )
        write_file(path, packed.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FeatureSet:
        """Read a file that `save` wrote; nothing is unpickled.

        Raises:
            DatasetError: missing, damaged, or not such a file.
        """
        try:
            file = read_arrays(path)
        except InputError as error:
            raise DatasetError(str(error)) from None
        if "format" not in file:
            raise DatasetError(f"'{path}' was not written by 'akrt kws prepare'")
        try:
            version = _single(file["format"])
            if version != FORMAT:
                raise DatasetError(
                    f"'{path}' has format {version}, this akrt reads {FORMAT}: prepare it again"
                )
            rows = {name: file[name] for name in ("x", "y", "split", "source", "speaker")}
            rows |= {name: file[name] for name in ("copy", "clip")}
            words, sources, speakers = (
                _texts(name, file[name]) for name in ("words", "sources", "speakers")
            )
            settings = _settings(json.loads(_single(file["settings"])))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise DatasetError(f"'{path}' is not a feature file, or damaged: {error}") from None
        loaded = cls(**rows, words=words, sources=sources, speakers=speakers, settings=settings)
        loaded._check(path)
        return loaded

    def _check(self, path: str | os.PathLike[str]) -> None:
        if self.x.ndim != 4 or self.x.dtype != np.uint8:
            raise DatasetError(f"'{path}': features are {self.x.dtype} {self.x.shape}")
        count = len(self.x)
        limits = {
            "y": len(self.words),
            "split": len(SPLITS),
            "source": len(self.sources),
            "speaker": len(self.speakers),
        }
        for name in (*limits, "copy", "clip"):
            column = getattr(self, name)
            if column.shape != (count,) or column.dtype.kind not in "iu":
                raise DatasetError(f"'{path}': {name} is {column.dtype} {column.shape}")
            if count and (column.min() < 0 or column.max() >= limits.get(name, 1 << 31)):
                raise DatasetError(f"'{path}': {name} names something that is not there")


def _single(entry: npt.NDArray[Any]) -> Any:
    if entry.shape != () or entry.dtype.kind not in "iuU":
        raise ValueError(f"a number or a text is expected where it has {entry.dtype} {entry.shape}")
    return entry.item()


def _texts(name: str, entry: npt.NDArray[Any]) -> tuple[str, ...]:
    if entry.ndim != 1 or (len(entry) and entry.dtype.kind != "U"):
        raise ValueError(f"{name} are {entry.dtype} {entry.shape}")
    return tuple(entry.tolist())


def _settings(parsed: Any) -> dict[str, Any]:
    if not isinstance(parsed, dict):
        raise ValueError("the settings are no JSON object")
    unknown = parsed.get("unknown_speakers")
    if isinstance(unknown, dict) and not isinstance(unknown.get("examples", []), list):
        raise ValueError("the examples of unknown speakers are no list")
    return parsed


def about_unknown_speakers(unknown: dict[str, Any]) -> str:
    """A sentence about recordings of which nobody knows who speaks.

    Args:
        unknown: ``unknown_speakers`` of a feature file's settings.
    """
    examples = [f"'{name}'" for name in unknown.get("examples", [])]
    return (
        f"{unknown.get('recordings')} of {unknown.get('of')} recordings have no speaker in their "
        f"names (such as {', '.join(examples)}; expected <speaker>_nohash_<n>): they were split by "
        f"recording, {unknown.get('counted_as')} by their names. One person may be in training "
        f"and in the test, so that accuracies are optimistic"
    )
