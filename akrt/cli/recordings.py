"""Which recordings a command line names, and what a network hears in them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from akrt.audio import RECORDINGS, load_audio
from akrt.cli.output import print_error
from akrt.errors import AudioError, PictureError
from akrt.folders import FileKind
from akrt.frontends import sound_front_end_of
from akrt.outputs import Guess, classes_of
from akrt.runtime import Runtime

__all__ = [
    "Found",
    "Heard",
    "computed_by",
    "expand",
    "hear",
    "open_runtime",
]


@dataclass(frozen=True)
class Heard:
    """What the network heard in one recording."""

    file: str
    top: list[Guess]
    features_ms: float
    inference_ms: float
    seconds: float
    """Length of the recording."""
    start: float
    end: float
    """Of the clip in which it was heard, in seconds."""
    clips: int
    """How many the recording was heard in: 1 where it is no longer than one."""

    @property
    def word(self) -> str:
        """The winner."""
        return self.top[0].word

    @property
    def where(self) -> str:
        """Which part of a recording that is longer than a clip."""
        if self.clips == 1:
            return ""
        return f"{self.start:.2f}..{self.end:.2f} s of {self.seconds:.2f} s"

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return {**asdict(self), "word": self.word, "score": self.top[0].score}


@dataclass
class Found:
    """Files that a command line names, and what became of those that were not heard, or seen."""

    kind: FileKind = RECORDINGS
    files: list[Path] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    """Path, and why it was not tried."""
    failed: list[tuple[Path, str]] = field(default_factory=list)
    """Path, and what was wrong with it."""

    @property
    def usable(self) -> list[Path]:
        """The files that can be tried."""
        failed = {path for path, _ in self.failed}
        return [path for path in self.files if path not in failed]

    def as_dict(self) -> dict[str, Any]:
        """`skipped` and `failed` for JSON."""
        return {
            "failed": [{"file": str(path), "error": why} for path, why in self.failed],
            "skipped": [{"file": str(path), "reason": why} for path, why in self.skipped],
        }

    def tell(self) -> None:
        """Say on standard error what was skipped and what failed, and how many."""
        for path, why in self.skipped:
            print_error(f"skipped '{path}': {why}")
        for _, why in self.failed:
            print_error(why)
        counts = [f"{len(self.skipped)} skipped"] if self.skipped else []
        if self.failed:
            counts.append(f"{len(self.failed)} of {len(self.files)} files could not be read")
        if counts:
            print_error(", ".join(counts))

    def nothing(self, what: str) -> AudioError | PictureError:
        """The error where no file was left; `tell` has said why."""
        hears = self.kind is RECORDINGS
        error = AudioError if hears else PictureError
        if len(self.failed) == 1 and not self.skipped:
            return error(self.failed[0][1])
        self.tell()
        return error(f"{what}: nothing was left to {'listen to' if hears else 'look at'}")


def open_runtime(
    model: str | None, backend: str, device: str | None, fallback: str | None
) -> Runtime:
    """A runtime as the command line's options ask for it; a device implies its backend."""
    options: dict[str, Any] = {}
    if device is not None:
        options["device"] = int(device) if device.isdecimal() else device
    if fallback is not None:
        options["fallback"] = fallback
    if options and backend == "auto":
        backend = "nsoc"
    return Runtime(model, backend=backend, **options)


def computed_by(runtime: Runtime) -> dict[str, Any]:
    """What computed, as plain types for JSON; its `text` is what people read."""
    return runtime.statistics.as_dict()["computed_by"]  # type: ignore[no-any-return]


def expand(paths: Sequence[Path], kind: FileKind = RECORDINGS) -> Found:
    """The files named, and all of a kind in the folders named, in order.

    What does not exist, and folders that hold none or cannot be read, are in `failed`.
    """
    found = Found(kind)
    for path in paths:
        if not os.path.isdir(path):  # never raises, as Path.is_dir may
            found.files.append(path)
            if not os.path.lexists(path):
                found.failed.append((path, f"'{path}' does not exist"))
            continue
        try:
            inside, skipped = kind.files(path)
        except OSError as error:
            found.failed.append((path, f"cannot read the folder '{path}': {error.strerror}"))
            found.files.append(path)
            continue
        found.files += inside
        found.skipped += skipped
        if not inside:
            reason = f"no {kind.file} in the folder '{path}': {', '.join(kind.suffixes)}"
            found.skipped.append((path, reason))
    return found


def hear(runtime: Runtime, path: Path, top: int) -> Heard:
    """Listen to all of a recording, in clips that overlap where it is longer than one.

    The clip with the highest score of those that a word wins counts, else that with the highest of
    all. Classes whose name begins with an underscore (``_silence_``) are no words.

    Raises:
        AudioError: the file is no usable recording.
        UsageError: the model does not say how sound becomes its input.
    """
    front_end = sound_front_end_of(runtime.model, otherwise=", or give arrays (.npy)")
    classes = classes_of(runtime.model)
    start = time.perf_counter_ns()
    samples = load_audio(path, front_end.sample_rate)
    spent, chosen, count = 0, None, 0
    state = runtime.initial_state() if runtime.model.stateful else None
    for starts, x in front_end.clips(samples):
        before = time.perf_counter_ns()
        logits = runtime.predict(x, state=state)
        spent += time.perf_counter_ns() - before
        logits = logits.reshape(-1, logits.shape[-1])  # a network may answer at several positions
        starts = np.repeat(starts, len(logits) // len(x))
        scores = classes.scores(logits).max(axis=1)
        is_word = classes.is_word[logits.argmax(axis=1)]
        row = int(np.lexsort((-np.arange(len(scores)), scores, is_word))[-1])
        key = (bool(is_word[row]), float(scores[row]))
        if chosen is None or key > chosen[0]:
            chosen = key, int(starts[row]), logits[row]
        count += len(x)
    if chosen is None:
        raise AudioError(f"'{path}' holds no samples")
    _, first, row_of_best = chosen
    total = time.perf_counter_ns() - start
    seconds, rate = len(samples) / front_end.sample_rate, front_end.sample_rate
    return Heard(
        file=str(path),
        top=classes.best(row_of_best, top),
        features_ms=(total - spent) / 1e6,
        inference_ms=spent / 1e6,
        seconds=seconds,
        start=first / rate,
        end=min((first + front_end.clip) / rate, seconds),
        clips=count,
    )
