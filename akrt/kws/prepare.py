"""From folders of recordings to a `FeatureSet`: which clips, how many copies, all in parallel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from akrt.audio import features, fit_length, load_audio, quantise
from akrt.errors import DatasetError, UsageError
from akrt.kws.augment import Augmentation, augment, silence
from akrt.kws.dataset import Recording, Speakers, load_noises, scan
from akrt.kws.featureset import SPLITS, FeatureSet
from akrt.kws.synthesise import Utterance, available_voices, is_held_out, speak, utterances
from akrt.kws.words import SILENCE, TUTORIAL
from akrt.model import Mfcc

__all__ = ["PrepareSettings", "prepare"]

SYNTHETIC, NOISE = "synthetic", "noise"
ITEMS_PER_TASK = 48
Progress = Callable[[int, int], None]
"""Called with items done and items in all."""


@dataclass(frozen=True)
class PrepareSettings:
    """Everything, besides the recordings, that decides what a feature file holds."""

    words: tuple[str, ...] = TUTORIAL
    speakers: Speakers = "official"
    """``training``: the folder holds no test speakers (`dataset.training_speakers_only`)."""
    per_class: int = 8000
    """Feature maps of every class in training, copies included."""
    max_copies: int = 100
    """Most copies of one clip."""
    synthesise: bool = False
    short_of: int = 250
    """A word with fewer real training clips than this is short of recordings."""
    synthetic_copies: int = 2
    """Most copies of one synthetic utterance."""
    synthetic_short: int = 800
    """Utterances for a word short of recordings."""
    synthetic_other: int = 400
    """Utterances for the other words, so that a voice's artificiality tells nothing."""
    seed: int = 1
    augmentation: Augmentation = field(default_factory=Augmentation)
    mfcc: Mfcc = field(default_factory=Mfcc)

    def __post_init__(self) -> None:
        for name in ("per_class", "max_copies", "synthetic_copies"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1")
        for name in ("short_of", "synthetic_short", "synthetic_other", "seed"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must not be negative")


@dataclass(frozen=True)
class _Item:
    """One clip and how many augmented copies it gets besides itself."""

    origin: Recording | Utterance | None
    """None: silence."""
    label: int
    split: str
    source: str
    speaker: str
    copies: int


def prepare(
    folder: Path,
    settings: PrepareSettings,
    *,
    extra: Sequence[tuple[str, Path]] = (),
    test: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> FeatureSet:
    """Features of a folder of recordings, augmented, synthetic speech added if asked for.

    Args:
        folder: in the layout of Speech Commands, ``_background_noise_`` included.
        settings: what to make.
        extra: further (name, folder) pairs, all of it training; counted under their names.
        test: a folder whose recordings are all testing; nothing of it enters training.
        workers: processes. The result does not depend on their number.
        progress: told about items done.

    Returns:
        Training (with copies), validation and testing rows.

    Raises:
        DatasetError: a folder is unusable or nothing is left to train on.
        AudioError: a recording cannot be read.
    """
    mfcc = settings.mfcc
    noises = load_noises(folder, mfcc.sample_rate)
    if any(len(noise) <= mfcc.clip for noise in noises):
        raise DatasetError(f"a background noise of '{folder}' is not longer than a clip")
    found = scan(folder, settings.words, split=settings.speakers)
    for name, path in extra:
        found += scan(path, settings.words, source=name, split="all-training")
    if test is not None:
        found = [r for r in found if r.split != "testing"]
        found += scan(test, settings.words, split="all-testing")
    items = list(_plan(found, settings))
    arrays = _compute(items, settings, noises, workers, progress)
    return _assemble(items, arrays, settings)


def _plan(found: Sequence[Recording], settings: PrepareSettings) -> Iterator[_Item]:
    rng = np.random.default_rng([settings.seed, 0])
    voices = []
    if settings.synthesise:
        voices = [voice for voice in available_voices() if not is_held_out(voice)]
        if not voices:
            raise DatasetError("every voice installed here is held out of training")
    held = [r for r in found if r.split != "training"]
    for r in held:
        yield _Item(r, r.label, r.split, r.source, r.speaker, 0)
    for label, word in enumerate(settings.words):
        if word == SILENCE:
            yield from _silences(label, held, settings)
            continue
        own = [r for r in found if r.label == label and r.split == "training"]
        real = [r for r in own if r.source == "real"]
        extra = [r for r in own if r.source != "real"]
        if len(real) > settings.per_class:
            kept = rng.choice(len(real), settings.per_class, replace=False)
            real = [real[i] for i in sorted(kept)]
        said: list[Utterance] = []
        if voices and not word.startswith("_"):
            short = len(real) < settings.short_of
            count = settings.synthetic_short if short else settings.synthetic_other
            said = utterances(word, count, voices, rng)
        if not real and not extra and not said:
            raise DatasetError(
                f"nothing to train '{word}' on: add recordings, or let speech be synthesised"
            )
        yield from _class_items(label, real, extra, said, settings)


def _class_items(
    label: int,
    real: Sequence[Recording],
    extra: Sequence[Recording],
    said: Sequence[Utterance],
    settings: PrepareSettings,
) -> Iterator[_Item]:
    """Share a class's rows: real recordings first, then extra ones, then synthetic speech."""

    def maps_each(share: float, clips: int, copies: int = settings.max_copies) -> int:
        wanted = math.ceil(share / clips) if clips else 0
        return min(copies + 1, max(1, wanted))

    rest = float(settings.per_class)
    each = maps_each(rest * (0.8 if extra or said else 1.0), len(real))
    for r in real:
        yield _Item(r, label, "training", r.source, r.speaker, each - 1)
    rest = max(0.0, rest - each * len(real))
    each = maps_each(rest * (0.5 if said else 1.0), len(extra))
    for r in extra:
        yield _Item(r, label, "training", r.source, r.speaker, each - 1)
    rest = max(0.0, rest - each * len(extra))
    each = maps_each(rest, len(said), settings.synthetic_copies)
    for u in said:
        yield _Item(u, label, "training", SYNTHETIC, u.voice.id, each - 1)


def _silences(label: int, held: Sequence[Recording], settings: PrepareSettings) -> Iterator[_Item]:
    for split in SPLITS:
        if split == "training":
            count = settings.per_class
        else:
            spoken = sum(r.split == split for r in held)
            count = math.ceil(spoken / max(1, len(settings.words) - 1))
        for _ in range(count):
            yield _Item(None, label, split, NOISE, "", 0)


_noises: list[npt.NDArray[np.float32]] = []
"""Of this worker process; set once, when it starts."""


def _start_worker(noises: list[npt.NDArray[np.float32]]) -> None:
    _noises[:] = noises


def _compute(
    items: Sequence[_Item],
    settings: PrepareSettings,
    noises: list[npt.NDArray[np.float32]],
    workers: int,
    progress: Progress | None,
) -> list[npt.NDArray[np.uint8]]:
    tasks = [
        (start, items[start : start + ITEMS_PER_TASK], settings)
        for start in range(0, len(items), ITEMS_PER_TASK)
    ]
    out: list[npt.NDArray[np.uint8]] = []

    def collect(results: Iterator[list[npt.NDArray[np.uint8]]]) -> None:
        for arrays in results:
            out.extend(arrays)
            if progress is not None:
                progress(len(out), len(items))

    if workers <= 1:
        _start_worker(noises)
        collect(map(_features_of, tasks))
        return out
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(noises,)
    )
    with pool:
        try:
            collect(pool.map(_features_of, tasks))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return out


def _features_of(
    task: tuple[int, Sequence[_Item], PrepareSettings],
) -> list[npt.NDArray[np.uint8]]:
    """uint8 (1 + copies, frames, coefficients, 1) for each item of a task."""
    first, items, settings = task
    mfcc = settings.mfcc
    said = [item.origin for item in items if isinstance(item.origin, Utterance)]
    sounds = iter(speak(said, mfcc.sample_rate))
    out = []
    for number, item in enumerate(items, first):
        rng = np.random.default_rng([settings.seed, 1, number])
        if item.origin is None:
            clips = [silence(mfcc.clip, _noises, rng)]
        else:
            whole = isinstance(item.origin, Recording) and item.source == "real"
            if isinstance(item.origin, Recording):
                clip = load_audio(item.origin.path, mfcc.sample_rate)
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


def _assemble(
    items: Sequence[_Item],
    arrays: Sequence[npt.NDArray[np.uint8]],
    settings: PrepareSettings,
) -> FeatureSet:
    rows = [len(array) for array in arrays]
    sources = tuple(sorted({item.source for item in items}))
    speakers = tuple(sorted({item.speaker for item in items}))
    source_index = {name: i for i, name in enumerate(sources)}
    speaker_index = {name: i for i, name in enumerate(speakers)}

    def column(values: list[int], dtype: type[np.generic]) -> npt.NDArray[np.generic]:
        return np.repeat(np.array(values, dtype), rows)

    facts = asdict(settings)
    facts["words"] = list(settings.words)
    return FeatureSet(
        x=np.concatenate(arrays),
        y=column([item.label for item in items], np.int64),  # type: ignore[arg-type]
        split=column([SPLITS.index(item.split) for item in items], np.uint8),  # type: ignore[arg-type]
        source=column([source_index[item.source] for item in items], np.uint8),  # type: ignore[arg-type]
        speaker=column([speaker_index[item.speaker] for item in items], np.int32),  # type: ignore[arg-type]
        copy=np.concatenate([np.arange(n, dtype=np.int32) for n in rows]),
        clip=column(list(range(len(items))), np.int32),  # type: ignore[arg-type]
        words=settings.words,
        sources=sources,
        speakers=speakers,
        settings=facts,
    )
