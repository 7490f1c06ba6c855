"""Which recordings a command line names, and what a network hears in them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.audio import SUFFIXES, features_from_file
from akrt.errors import AudioError, UsageError
from akrt.model import Mfcc, Model
from akrt.runtime import Runtime

__all__ = ["Guess", "Heard", "computed_by", "expand", "hear", "open_runtime", "sound_settings"]


@dataclass(frozen=True)
class Guess:
    """One class and its score: the softmax of the network's logits."""

    word: str
    score: float


@dataclass(frozen=True)
class Heard:
    """What the network heard in one recording."""

    file: str
    top: list[Guess]
    features_ms: float
    inference_ms: float

    @property
    def word(self) -> str:
        """The winner."""
        return self.top[0].word

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return {**asdict(self), "word": self.word, "score": self.top[0].score}


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


def expand(paths: Sequence[Path]) -> list[Path]:
    """The files named, and all recordings in the folders named, in order.

    Raises:
        AudioError: a path does not exist, or a folder holds no recording.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise AudioError(f"no sound file in the folder '{path}': {', '.join(SUFFIXES)}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise AudioError(f"'{path}' does not exist")
    return found


def sound_settings(model: Model) -> Mfcc:
    """The model's preprocessing.

    Raises:
        UsageError: the model does not say how sound becomes its input.
    """
    if model.preprocessing is None:
        raise UsageError(
            f"the model '{model.name}' does not say how sound becomes its input: convert it with "
            f"'akrt convert IN OUT --mfcc', or give arrays (.npy)"
        )
    return model.preprocessing


def hear(runtime: Runtime, path: Path, top: int) -> Heard:
    """Run one recording.

    Raises:
        AudioError: the file is no usable recording.
    """
    start = time.perf_counter_ns()
    x = features_from_file(path, sound_settings(runtime.model))[None]
    middle = time.perf_counter_ns()
    logits = runtime.predict(x).reshape(-1)
    end = time.perf_counter_ns()
    return Heard(
        str(path), best(runtime.model, logits, top), (middle - start) / 1e6, (end - middle) / 1e6
    )


def best(model: Model, logits: npt.NDArray[np.float32], top: int) -> list[Guess]:
    """The `top` best classes and their softmax, best first."""
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    scores = shifted / shifted.sum()
    labels = model.labels or [str(i) for i in range(len(logits))]
    order = np.argsort(-logits, kind="stable")[: max(top, 1)]
    return [Guess(labels[i], float(scores[i])) for i in order]
