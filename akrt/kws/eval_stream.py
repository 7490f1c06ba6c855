"""How well a network hears words in long recordings: hits, misses and false alarms.

A word counts as heard if it is detected between its clip's start and 0.75 s after its end. Every
other detection is an error: of a wrong word, where it falls into the time of a word that the
network has a class for; else a false alarm: in the background, in a word that the network does not
know, or a word detected twice.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from akrt.audio import SUFFIXES, load_audio
from akrt.decision import StreamSettings
from akrt.errors import AudioError, DatasetError, MissingExtraError
from akrt.kws.dataset import folders_in, scan
from akrt.kws.splice import Event, Spliced, splice
from akrt.runtime import Runtime
from akrt.stream import Detection, detections, stream_potentials

__all__ = [
    "Clips",
    "Condition",
    "Point",
    "draw",
    "evaluate_stream",
    "judge",
    "load_clips",
]

TOLERANCE_SECONDS = 0.75
"""Less than the shortest gap between two clips."""
THRESHOLDS = tuple(i / 4 for i in range(17))
Clips = list[tuple[str, npt.NDArray[np.float32]]]


@dataclass(frozen=True)
class Point:
    """Counts at one threshold."""

    threshold: float
    words: int
    """That the network has a class for."""
    hits: int
    wrong_words: int
    false_alarms: int
    hours: float

    @property
    def hit_rate(self) -> float:
        """Share of the words that were heard, 0 to 1."""
        return self.hits / max(self.words, 1)

    @property
    def wrong_rate(self) -> float:
        """Detections of a wrong word, as a share of the words."""
        return self.wrong_words / max(self.words, 1)

    @property
    def false_alarms_per_hour(self) -> float:
        """Of the whole recording."""
        return self.false_alarms / self.hours

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return {
            **asdict(self),
            "misses": self.words - self.hits,
            "hit_rate": self.hit_rate,
            "wrong_rate": self.wrong_rate,
            "false_alarms_per_hour": self.false_alarms_per_hour,
        }


@dataclass(frozen=True)
class Condition:
    """One recording at all thresholds."""

    snr_db: float
    """Infinite: no background."""
    seconds: float
    real_time_factor: float
    """Time that features, network and decisions took, over the length."""
    at: Point
    """With the settings' own threshold."""
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """For tables."""
        return "clean" if np.isinf(self.snr_db) else f"{self.snr_db:g} dB"

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return {
            "condition": self.name,
            "snr_db": None if np.isinf(self.snr_db) else self.snr_db,
            "seconds": self.seconds,
            "real_time_factor": self.real_time_factor,
            "at": self.at.as_dict(),
            "thresholds": [point.as_dict() for point in self.points],
        }


def load_clips(
    folder: Path,
    words: Sequence[str],
    split: str = "all",
    training_speakers: bool = False,
    limit: int = 0,
    failed: list[str] | None = None,
    notes: list[str] | None = None,
) -> Clips:
    """Word and samples of the recordings in `folder`/<word>/, unknown words among them.

    Args:
        folder: of the layout of Speech Commands.
        words: the network's classes; at least one of them must be there.
        split: whose recordings: all, training, validation or testing.
        training_speakers: the folder holds no test speakers (`akrt.kws.dataset.scan`).
        limit: at most so many, spread evenly; 0: all.
        failed: files that cannot be read are told here; without it they are an error.
        notes: told about empty folders and unknown speakers.

    Raises:
        DatasetError: none there.
        AudioError: a recording cannot be read, and `failed` is None.
    """
    inside = [p.name for p in folders_in(folder) if p.name[0] not in "._"]
    if not set(inside) & set(words):
        raise DatasetError(f"no folder in '{folder}' is named after a word of the network")
    speakers: Literal["official", "training", "all-testing"] = "all-testing"
    if split != "all":
        speakers = "training" if training_speakers else "official"
    found = scan(folder, tuple(inside), split=speakers, failed=failed, notes=notes)
    unknown = [r for r in found if not r.known_speaker]
    if split != "all" and unknown and notes is not None:
        notes.append(
            f"{len(unknown)} of {len(found)} recordings have no speaker in their names "
            f"(<speaker>_nohash_<n>): they were split by recording, one person may be in several "
            f"splits"
        )
    chosen = [r for r in found if split in ("all", r.split)]
    if limit and limit < len(chosen):
        chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, limit).astype(np.int64)]
    clips: Clips = []
    for recording in chosen:
        try:
            clips.append((recording.word, load_audio(recording.path)))
        except AudioError as error:
            if failed is None:
                raise
            failed.append(str(error))
    if not clips:
        raise DatasetError(
            f"'{folder}' holds no {'' if split == 'all' else split + ' '}recording "
            f"({', '.join(SUFFIXES)}) that can be read"
        )
    return clips


def evaluate_stream(
    runtime: Runtime,
    clips: Clips,
    noises: Sequence[npt.NDArray[np.float32]],
    snrs: Sequence[float],
    settings: StreamSettings,
    seed: int = 1,
    thresholds: Sequence[float] = THRESHOLDS,
    progress: Callable[[float, int, int], None] | None = None,
) -> list[Condition]:
    """All clips spliced into one recording for each signal-to-noise ratio, listened to.

    Args:
        runtime: runs the network.
        clips: as of `load_clips`.
        noises: backgrounds at 16 kHz.
        snrs: in dB; infinite for no background.
        settings: of the stream.
        seed: every chance comes from it.
        thresholds: to try besides that of `settings`.
        progress: called with the ratio, how many are done, and of how many.

    Raises:
        DatasetError: nothing to splice.
        UsageError: a model that is no keyword spotter.
    """
    conditions = []
    for i, snr in enumerate(snrs):
        if progress is not None:
            progress(snr, i, len(snrs))
        spliced = splice(clips, noises, snr, seed)
        started = time.perf_counter()
        potentials = stream_potentials(runtime, spliced.samples, settings)
        found = detections(runtime.model, settings, potentials)
        seconds = time.perf_counter() - started
        words = runtime.model.labels or ()
        points = [
            judge(
                spliced,
                detections(runtime.model, replace(settings, threshold=value), potentials),
                words,
                value,
            )
            for value in thresholds
        ]
        own = judge(spliced, found, words, settings.threshold)
        factor = seconds / spliced.seconds
        conditions.append(Condition(snr, spliced.seconds, factor, own, tuple(points)))
    return conditions


def judge(
    spliced: Spliced, found: Sequence[Detection], words: Sequence[str], threshold: float
) -> Point:
    """Hits, wrong words and false alarms.

    Args:
        spliced: the recording, its events in order of time.
        found: what was detected in it.
        words: the network's classes.
        threshold: for the result.
    """
    events = spliced.events
    starts = np.array([event.start for event in events])
    tolerance = round(TOLERANCE_SECONDS * spliced.sample_rate)
    heard: set[Event] = set()
    wrong = false_alarms = 0
    for detection in found:
        before = int(np.searchsorted(starts, detection.sample, side="left")) - 1
        event = events[before] if before >= 0 else None
        if event is None or detection.sample > event.end + tolerance or event.word not in words:
            false_alarms += 1
        elif detection.word != event.word:
            wrong += 1
        elif event in heard:
            false_alarms += 1
        else:
            heard.add(event)
    known = sum(event.word in words for event in events)
    hours = spliced.seconds / 3600
    return Point(threshold, known, len(heard), wrong, false_alarms, hours)


def draw(conditions: Sequence[Condition], name: str) -> bytes:
    """Detection error trade-off: misses against false alarms, and against wrong words, as PNG.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "drawing a DET curve") from error
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    for i, condition in enumerate(conditions):
        misses = [100 * (1 - p.hit_rate) for p in condition.points]
        own = 100 * (1 - condition.at.hit_rate)
        for axes, values, dot in (
            (left, [p.false_alarms_per_hour for p in condition.points], "false_alarms_per_hour"),
            (right, [100 * p.wrong_rate for p in condition.points], "wrong_rate"),
        ):
            axes.plot(values, misses, color=f"C{i}", label=condition.name)
            at = getattr(condition.at, dot) * (1 if axes is left else 100)
            axes.plot([at], [own], "o", color=f"C{i}")
    left.set_xscale("symlog", linthresh=1)
    left.set_xlim(left=0)
    left.set_xlabel("false alarms per hour")
    right.set_xscale("symlog", linthresh=1)
    right.set_xlim(left=0)
    right.set_xlabel("wrong words, % of the words")
    left.set_ylabel("missed words, %")
    left.set_ylim(0, 100)
    for axes in (left, right):
        axes.grid(color="0.9")
    figure.legend(
        *right.get_legend_handles_labels(), title="background", loc="outside right center"
    )
    threshold = conditions[0].at.threshold
    figure.suptitle(f"{name}: {conditions[0].at.words:,} words; dots: threshold {threshold:g}")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110)
    return drawn.getvalue()
