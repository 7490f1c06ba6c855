"""Stream: sound in, in pieces of any size; detected words out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.audio.integer import check_settings, to_pcm
from akrt.decision import FRAME_MS, LOGIT_ONE, StreamSettings, decision_rule
from akrt.errors import InputError, UsageError
from akrt.kernels import _frontend
from akrt.model import Model
from akrt.runtime import Runtime

__all__ = ["Detection", "Stream", "detections", "stream_potentials"]

RATE = 16000
HOP = RATE * FRAME_MS // 1000
PIECE = RATE
"""Samples taken at a time, whatever is pushed: what bounds memory."""


@dataclass(frozen=True)
class Detection:
    """A word that was heard."""

    time: float
    """Seconds from the start of the stream to the end of the sound that decided."""
    word: str
    index: int
    """The word's class."""
    score: float
    """Average margin over the next best class, in logits."""
    sample: int
    """`time` in samples."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return asdict(self)


class Stream:
    """Listens to 16 kHz mono sound with a keyword-spotting network.

    Features and decisions are integers, computed by the C code that firmware exports carry, so
    every backend and every export detects the same words at the same time, however the sound is
    cut into pieces. Sound before the start counts as digital silence.

    Args:
        runtime: runs the network, on any backend; stays the caller's to close.
        hop_ms, window_ms, min_count, threshold, refractory_ms: see `StreamSettings`.

    Raises:
        UsageError: settings that make no sense, or a model that is no keyword spotter with the
            standard MFCC features.
    """

    def __init__(
        self,
        runtime: Runtime,
        hop_ms: int = StreamSettings.hop_ms,
        window_ms: int = StreamSettings.window_ms,
        min_count: int = StreamSettings.min_count,
        threshold: float = StreamSettings.threshold,
        refractory_ms: int = StreamSettings.refractory_ms,
    ) -> None:
        model = runtime.model
        if model.preprocessing is None:
            raise UsageError(
                f"the model '{model.name}' does not say how sound becomes its input: convert it "
                f"with 'akrt convert IN OUT --mfcc'"
            )
        check_settings(model.preprocessing)
        self._settings = StreamSettings(hop_ms, window_ms, min_count, threshold, refractory_ms)
        self._runtime = runtime
        self._frames = _frontend.Features()
        self._words = _Words(model, self._settings)
        self._samples = 0

    @property
    def settings(self) -> StreamSettings:
        """How it listens."""
        return self._settings

    @property
    def seconds(self) -> float:
        """Length of the sound pushed so far."""
        return self._samples / RATE

    @property
    def leader(self) -> tuple[str, float] | None:
        """Name and score of the class that leads at present; None before the first inference."""
        return self._words.leader

    def push(self, samples: npt.ArrayLike) -> list[Detection]:
        """Listen to more sound.

        Args:
            samples: (n,) at 16 kHz, one channel, int16 or float of full scale +-1; n may be 0.

        Returns:
            The words that it completes.

        Raises:
            InputError: wrong dtype or shape, or not finite; nothing of it was taken.
            DeviceLostError: the chip failed and there is no fallback. The sound is taken, up to a
                second of inferences is missing; the stream can go on.
        """
        pcm = to_pcm(samples)
        if pcm.ndim != 1:
            raise InputError(
                f"expected samples of one channel, (n,), got shape {pcm.shape}: average the "
                f"channels first"
            )
        found: list[Detection] = []
        for start in range(0, len(pcm), PIECE):
            found += self._push_piece(pcm[start : start + PIECE])
        return found

    def finish(self, seconds: float = 0.5) -> list[Detection]:
        """Listen to so much digital silence, so that a last word is decided upon."""
        return self.push(np.zeros(round(seconds * RATE), np.int16))

    def _push_piece(self, pcm: npt.NDArray[np.int16]) -> list[Detection]:
        first = self._frames.hops // self._settings.every
        maps = self._frames.push(pcm, self._settings.every)
        self._samples += len(pcm)
        return self._words.take(_potentials(self._runtime, maps), first) if len(maps) else []


class _Words:
    """Potentials of one inference after the other to words."""

    def __init__(self, model: Model, settings: StreamSettings) -> None:
        self._decision = _frontend.Decision(**vars(decision_rule(model, settings)))
        self._labels = model.labels or tuple(str(i) for i in range(model.output_shape[2]))
        self._hop = settings.every * HOP

    @property
    def leader(self) -> tuple[str, float] | None:
        index = self._decision.leader
        return None if index < 0 else (self._labels[index], self._decision.average / LOGIT_ONE)

    def take(self, potentials: npt.NDArray[np.int32], first: int) -> list[Detection]:
        """The words of inferences that began with number `first` of the stream."""
        found: list[Detection] = []
        for number, row in enumerate(potentials, first + 1):
            index = self._decision.step(row)
            if index >= 0:
                sample = number * self._hop
                score = self._decision.average / LOGIT_ONE
                found.append(Detection(sample / RATE, self._labels[index], index, score, sample))
        return found


def _potentials(runtime: Runtime, maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    return np.asarray(runtime.forward(maps), np.int32).reshape(len(maps), -1)


def stream_potentials(
    runtime: Runtime, samples: npt.ArrayLike, hop_ms: int = StreamSettings.hop_ms
) -> npt.NDArray[np.int32]:
    """What a `Stream` decides upon, for trying many settings on one recording.

    Args:
        runtime: runs the network.
        samples: as for `Stream.push`.
        hop_ms: between two inferences.

    Returns:
        int32 (inferences, classes).
    """
    pcm, frames = to_pcm(samples), _frontend.Features()
    every = hop_ms // FRAME_MS
    parts = [np.empty((0, runtime.model.output_shape[2]), np.int32)]
    for start in range(0, len(pcm), PIECE):
        maps = frames.push(pcm[start : start + PIECE], every)
        if len(maps):
            parts.append(_potentials(runtime, maps))
    return np.concatenate(parts)


def detections(
    model: Model, settings: StreamSettings, potentials: npt.NDArray[np.int32]
) -> list[Detection]:
    """The words that a `Stream` of these settings detects.

    Args:
        model: the network.
        settings: with the hop that the potentials were computed with.
        potentials: int32 (inferences, classes), as of `stream_potentials`.
    """
    return _Words(model, settings).take(potentials, 0)
