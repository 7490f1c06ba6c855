"""What becomes rows of a feature file, one clip after the other, in as many processes as wanted."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.audio import features, fit_length, load_audio, quantise
from akrt.errors import AudioError, DatasetError
from akrt.kws.augment import augment, loudest_part, silence
from akrt.kws.dataset import Recording
from akrt.kws.settings import PrepareSettings
from akrt.kws.synthesise import Utterance, speak
from akrt.model import Mfcc

__all__ = [
    "Features",
    "Item",
    "about_longer",
    "features_of",
    "tasks_of",
    "usable",
    "workers_for",
]

ITEMS_PER_TASK = 48
FILES_PER_TASK = 200

Features = npt.NDArray[np.uint8] | str
"""Of one item, or why there are none."""
Run = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
"""As `map`."""
Task = tuple[int, "Sequence[Item]", PrepareSettings]
Lengths = list[tuple[int | str, list[str]]]

_noises: list[npt.NDArray[np.float32]] = []
"""Of this worker process; set once, when it starts."""


@dataclass(frozen=True)
class Item:
    """One clip and how many augmented copies it gets besides itself."""

    origin: Recording | Utterance | None
    """None: silence."""
    label: int
    split: str
    source: str
    speaker: str
    copies: int


@contextlib.contextmanager
def workers_for(count: int, noises: list[npt.NDArray[np.float32]]) -> Iterator[Run]:
    """A `map` over this process, or over `count` others; results come in order.

    Raises:
        DatasetError: a process was ended from outside.
    """
    if count <= 1:
        _start_worker(noises)
        yield map
        return
    pool = ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(noises,)
    )
    with pool:
        try:
            yield pool.map
        except BrokenExecutor:
            raise DatasetError(
                "a process that computed features was ended, perhaps for want of memory: try "
                "again with fewer --workers"
            ) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _start_worker(noises: list[npt.NDArray[np.float32]]) -> None:
    _noises[:] = noises


def about_longer(lengths: Sequence[int], clip: int, sample_rate: int) -> list[str]:
    """A line about recordings longer than a clip, where there are any.

    Args:
        lengths: samples of all recordings.
        clip: samples of one that is no longer.
        sample_rate: in Hz.
    """
    longer = [n for n in lengths if n > clip]
    if not longer:
        return []
    seconds = clip / sample_rate
    return [
        f"{len(longer):,} of {len(lengths):,} recordings are longer than {seconds:g} s (up to "
        f"{max(longer) / sample_rate:.1f} s): the loudest {seconds:g} s of each is used, the "
        f"rest left out"
    ]


def usable(
    found: Sequence[Recording],
    mfcc: Mfcc,
    run: Run,
    failed: list[str] | None,
    notes: list[str],
) -> list[Recording]:
    """The recordings that can be read: each is, once, before rows are counted.

    Raises:
        DatasetError: none can be read.
        AudioError: one cannot be read, and `failed` is None.
    """
    paths = [r.path for r in found]
    tasks = [
        (paths[i : i + FILES_PER_TASK], mfcc.sample_rate)
        for i in range(0, len(paths), FILES_PER_TASK)
    ]
    lengths: Lengths = [one for task in run(_lengths, tasks) for one in task]
    kept, samples = [], []
    for recording, (length, told) in zip(found, lengths, strict=True):
        if isinstance(length, str):
            if failed is None:
                raise AudioError(length)
            failed.append(length)
            continue
        kept.append(recording)
        samples.append(length)
        notes += told
    if not kept:
        raise DatasetError(
            f"none of the {len(found)} recordings can be used; the first: {lengths[0][0]}"
        )
    notes += about_longer(samples, mfcc.clip, mfcc.sample_rate)
    return kept


def _lengths(task: tuple[Sequence[Path], int]) -> Lengths:
    """Samples of each file, or why it cannot be read; and what was said about it."""
    paths, sample_rate = task
    found: Lengths = []
    for path in paths:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                length: int | str = len(load_audio(path, sample_rate))
            except AudioError as error:
                length = str(error)
        found.append((length, [str(warning.message) for warning in said]))
    return found


def tasks_of(items: Sequence[Item], settings: PrepareSettings) -> list[Task]:
    """The items in parts, for `features_of`."""
    return [
        (start, items[start : start + ITEMS_PER_TASK], settings)
        for start in range(0, len(items), ITEMS_PER_TASK)
    ]


def features_of(task: Task) -> list[Features]:
    """uint8 (1 + copies, frames, coefficients, 1) for each item of a task."""
    first, items, settings = task
    mfcc = settings.mfcc
    said = [item.origin for item in items if isinstance(item.origin, Utterance)]
    sounds = iter(speak(said, mfcc.sample_rate))
    out: list[Features] = []
    for number, item in enumerate(items, first):
        rng = np.random.default_rng([settings.seed, 1, number])
        if item.origin is None:
            clips = [silence(mfcc.clip, _noises, rng)]
        else:
            whole = isinstance(item.origin, Recording) and item.source == "real"
            if isinstance(item.origin, Recording):
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # `usable` has told them
                        clip = load_audio(item.origin.path, mfcc.sample_rate)
                except AudioError as error:
                    out.append(str(error))
                    continue
                clip = loudest_part(clip, mfcc.clip, mfcc.sample_rate)
            else:
                clip = next(sounds)
            clips = [fit_length(clip, mfcc.clip)]
            clips += [
                augment(
                    clip,
                    mfcc.clip,
                    _noises,
                    settings.augmentation,
                    rng,
                    anywhere=not whole,
                    sample_rate=mfcc.sample_rate,
                )
                for _ in range(item.copies)
            ]
        out.append(quantise(features(np.stack(clips), mfcc), mfcc))
    return out
