"""From folders of recordings to a `FeatureSet`: which clips, how many copies, all in parallel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import AudioError, DatasetError
from akrt.kws.dataset import Recording, load_noises, scan
from akrt.kws.featureset import SPLITS, FeatureSet, about_unknown_speakers
from akrt.kws.items import Features, Item, features_of, tasks_of, usable, workers_for
from akrt.kws.rows import share_rows, spread
from akrt.kws.settings import PrepareSettings
from akrt.kws.speakers import SpeakerNames
from akrt.kws.synthesise import Utterance, available_voices, is_held_out, utterances
from akrt.kws.words import SILENCE
from akrt.printable import printable

__all__ = ["PrepareSettings", "prepare"]

SYNTHETIC, NOISE = "synthetic", "noise"
Progress = Callable[[int, int], None]
"""Called with items done and items in all."""


def prepare(
    folder: Path,
    settings: PrepareSettings,
    *,
    extra: Sequence[tuple[str, Path]] = (),
    test: Path | None = None,
    noise: Path | None = None,
    names: SpeakerNames | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    failed: list[str] | None = None,
    notes: list[str] | None = None,
) -> FeatureSet:
    """Features of a folder of recordings, augmented, synthetic speech added if asked for.

    Args:
        folder: in the layout of Speech Commands.
        settings: what to make.
        extra: further (name, folder) pairs, all of it training; counted under their names.
        test: a folder whose recordings are all testing; nothing of it enters training.
        noise: the folder that holds ``_background_noise_``; default: `folder`.
        names: who speaks in files whose names do not say it.
        workers: processes. The result does not depend on their number.
        progress: told about items done.
        failed: recordings that cannot be used are left out and told here; without it they are an
            error.
        notes: told what else should be known about the result.

    Returns:
        Training (with copies), validation and testing rows.

    Raises:
        DatasetError: a folder is unusable or nothing is left to train on.
        AudioError: a recording cannot be read, and `failed` is None.
    """
    notes = [] if notes is None else notes
    mfcc = settings.mfcc
    words = settings.words
    told: dict[str, Any] = {"names": names, "failed": failed, "notes": notes}
    found = scan(folder, words, split=settings.speakers, **told)
    divided = {r.path for r in found}
    for name, path in extra:
        found += scan(path, words, source=name, split="all-training", **told)
    if test is not None:
        found = [r for r in found if r.split != "testing"]
        found += scan(test, words, split="all-testing", **told)
    noises = load_noises(noise or folder, mfcc.sample_rate, mfcc.clip, failed)
    with workers_for(workers, noises) as run:
        found = usable(found, mfcc, run, failed, notes)
        unknown = unknown_speakers([r for r in found if r.path in divided])
        items = list(_plan(found, settings, notes))
        results: list[Features] = []
        for result in run(features_of, tasks_of(items, settings)):
            results += result
            if progress is not None:
                progress(len(results), len(items))
    kept = []
    for item, array in zip(items, results, strict=True):
        if isinstance(array, str):  # it could be read a moment ago
            if failed is None:
                raise AudioError(array)
            failed.append(array)
        else:
            kept.append((item, array))
    data = _assemble(kept, settings, unknown, names)
    notes += _about(found, data, unknown)
    return data


def unknown_speakers(found: Sequence[Recording]) -> dict[str, Any] | None:
    """What a feature file says about recordings of unknown speakers that were split."""
    unknown = [r for r in found if not r.known_speaker]
    if not unknown:
        return None
    return {
        "recordings": len(unknown),
        "of": len(found),
        "counted_as": len({r.speaker for r in unknown}),
        "examples": [printable(f"{r.word}/{r.path.name}") for r in unknown[:3]],
    }


def _about(
    found: Sequence[Recording], data: FeatureSet, unknown: dict[str, Any] | None
) -> list[str]:
    """What the user should know about splits and speakers."""
    notes = []
    if unknown is not None:
        notes.append(
            f"{about_unknown_speakers(unknown)}. Say who speaks with --speaker-pattern or "
            f"--speaker-list"
        )
    learnt = {r.speaker for r in found if r.split != "testing" and r.known_speaker}
    both = sorted(learnt & {r.speaker for r in found if r.split == "testing" and r.known_speaker})
    if both:
        notes.append(
            f"{len(both)} speakers of the test are heard in training or validation too "
            f"({', '.join(both[:5])}{'...' if len(both) > 5 else ''}): its accuracy will be "
            f"optimistic"
        )
    if not data.select("validation", "real").any():
        notes.append(
            "no recording is of a validation speaker: 'akrt kws train' needs some to choose "
            "networks by; recordings of more speakers bring them"
        )
    if not data.select("testing", "real").any():
        notes.append(
            "no recording is of a test speaker: 'akrt kws eval' needs some to measure accuracy on; "
            "recordings of more speakers bring them"
        )
    return notes


def _plan(
    found: Sequence[Recording], settings: PrepareSettings, notes: list[str]
) -> Iterator[Item]:
    rng = np.random.default_rng([settings.seed, 0])
    voices = []
    if settings.synthesise:
        voices = [voice for voice in available_voices() if not is_held_out(voice)]
        if not voices:
            raise DatasetError("every voice installed here is held out of training")
    held = [r for r in found if r.split != "training"]
    for r in held:
        yield Item(r, r.label, r.split, r.source, r.speaker, 0)
    fewer = []
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
            # festival's text would have to be quoted
            able = [v for v in voices if word.isalpha() or v.engine != "festival"]
            said = utterances(word, count, able, rng) if able else []
        if not own and not said:
            raise DatasetError(_nothing(word, [r for r in held if r.label == label]))
        if not own:
            notes.append(f"'{word}' has no recordings in training, synthetic speech alone")
        items = list(_class_items(label, real, extra, said, settings))
        rows = sum(1 + item.copies for item in items)
        if rows < settings.per_class:
            fewer.append(f"{word} ({rows:,})")
        yield from items
    if fewer:
        notes.append(
            f"fewer than {settings.per_class:,} training rows, with as many copies of each clip "
            f"as are made (at most {settings.max_copies} of a recording, "
            f"{settings.synthetic_copies} of synthetic speech): {', '.join(fewer)}"
        )


def _nothing(word: str, held: Sequence[Recording]) -> str:
    if held:
        return (
            f"nothing to train '{word}' on: its {len(held)} recordings are all of validation or "
            f"testing speakers. Add recordings of other speakers, leave the word out of --words, "
            f"or let speech be synthesised (--synthesise)"
        )
    return (
        f"nothing to train '{word}' on: add recordings in a folder of that name, leave the word "
        f"out of --words, or let speech be synthesised (--synthesise)"
    )


def _class_items(
    label: int,
    real: Sequence[Recording],
    extra: Sequence[Recording],
    said: Sequence[Utterance],
    settings: PrepareSettings,
) -> Iterator[Item]:
    """The clips of a class that enter training: `settings.per_class` rows (`share_rows`)."""
    rng = np.random.default_rng([settings.seed, 2, label])
    shared = share_rows(
        settings.per_class,
        len(real),
        len(extra),
        len(said),
        max_copies=settings.max_copies,
        synthetic_copies=settings.synthetic_copies,
    )
    for recordings, rows in ((real, shared.real), (extra, shared.extra)):
        for r, maps in zip(recordings, spread(rows, len(recordings), rng), strict=True):
            if maps:
                yield Item(r, label, "training", r.source, r.speaker, maps - 1)
    for u, maps in zip(said, spread(shared.synthetic, len(said), rng), strict=True):
        if maps:
            yield Item(u, label, "training", SYNTHETIC, u.voice.id, maps - 1)


def _silences(label: int, held: Sequence[Recording], settings: PrepareSettings) -> Iterator[Item]:
    for split in SPLITS:
        if split == "training":
            count = settings.per_class
        else:
            spoken = sum(r.split == split for r in held)
            count = math.ceil(spoken / max(1, len(settings.words) - 1))
        for _ in range(count):
            yield Item(None, label, split, NOISE, "", 0)


def _assemble(
    kept: Sequence[tuple[Item, npt.NDArray[np.uint8]]],
    settings: PrepareSettings,
    unknown: dict[str, Any] | None,
    names: SpeakerNames | None,
) -> FeatureSet:
    items = [item for item, _ in kept]
    rows = [len(array) for _, array in kept]
    sources = tuple(sorted({item.source for item in items}))
    # of file names, which may hold bytes that are no text
    whose = [printable(item.speaker) for item in items]
    speakers = tuple(sorted(set(whose)))
    source_index = {name: i for i, name in enumerate(sources)}
    speaker_index = {name: i for i, name in enumerate(speakers)}

    def column(values: list[int], dtype: type[np.generic]) -> npt.NDArray[np.generic]:
        return np.repeat(np.array(values, dtype), rows)

    facts = asdict(settings)
    facts["words"] = list(settings.words)
    if names is not None:
        facts["speaker_names"] = {"pattern": names.pattern, "listed": len(names.listed)}
    if unknown is not None:
        facts["unknown_speakers"] = unknown
    return FeatureSet(
        x=np.concatenate([array for _, array in kept]),
        y=column([item.label for item in items], np.int64),  # type: ignore[arg-type]
        split=column([SPLITS.index(item.split) for item in items], np.uint8),  # type: ignore[arg-type]
        source=column([source_index[item.source] for item in items], np.uint8),  # type: ignore[arg-type]
        speaker=column([speaker_index[name] for name in whose], np.int32),  # type: ignore[arg-type]
        copy=np.concatenate([np.arange(n, dtype=np.int32) for n in rows]),
        clip=column(list(range(len(items))), np.int32),  # type: ignore[arg-type]
        words=settings.words,
        sources=sources,
        speakers=speakers,
        settings=facts,
    )
