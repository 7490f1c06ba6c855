"""Stream: sound in, in pieces of any size; detected words out."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.audio.integer import clipped_pcm
from akrt.decision import FRAME_MS, StreamSettings, decision_rule
from akrt.errors import AudioWarning, InputError, UsageError
from akrt.forking import renew_after_fork
from akrt.frontends import sound_front_end_of
from akrt.kernels import _frontend
from akrt.lowering.hops import input_rows
from akrt.model import Model
from akrt.outputs import classes_of
from akrt.outputs.fixed import LOGIT_ONE
from akrt.provenance import place
from akrt.runtime import Runtime

__all__ = ["Detection", "Stream", "detections", "stream_potentials"]

RATE = 16000
HOP = RATE * FRAME_MS // 1000
PIECE = RATE
"""Samples taken at a time, whatever is pushed: what bounds memory."""
MOST_SILENCE = 3600
"""Seconds."""

Forward = Callable[[npt.ArrayLike], npt.NDArray[Any]]


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
    computed_by: str = field(default="", compare=False)
    """Where the inference that decided ran: ``native``, ``AKD1000 at 0000:01:00.0``,
    ``virtual:akd1000 (simulated)``; empty where it is not known.
    """

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return asdict(self)


class Stream:
    """Listens to 16 kHz mono sound with a keyword-spotting network.

    Features and decisions are integers, computed by the C code that firmware exports carry, so
    every backend and every export detects the same words at the same time, however the sound is
    cut into pieces. Sound before the start counts as digital silence.

    On the native backend rows of the layers that a window shares with the one before it are kept
    and not computed again, where the network and the hop allow it: the integers are the same.

    Thread-safe: of several threads that push, one is served at a time, a push as a whole; `leader`
    and `seconds` can be read meanwhile. Many streams may share one runtime. A stream holds sound
    that was heard and can be neither copied nor sent to another process.

    Args:
        runtime: runs the network, on any backend; stays the caller's to close.
        settings: how to listen; None: the defaults.
        incremental: keep what windows share; False: compute every window whole.

    Raises:
        UsageError: `incremental` is no bool, `runtime` or `settings` is none, or a model that is no
            keyword spotter whose front end can listen, as that of the standard MFCC features can.
    """

    def __init__(
        self,
        runtime: Runtime,
        settings: StreamSettings | None = None,
        incremental: bool = True,
    ) -> None:
        self._front_end = sound_front_end_of(_runtime(runtime).model)
        self._settings = _settings(settings)
        self._runtime = runtime
        if not isinstance(incremental, bool):
            raise UsageError(f"incremental must be True or False, got {incremental!r:.80}")
        self._wanted = incremental
        self._turn = threading.Lock()
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        self._listener = self._front_end.listener(self._settings.every)
        self._words = _Words(self._runtime.model, self._settings)
        self._kept = _kept_forward(self._runtime, self._settings) if self._wanted else None
        self._samples = self._inferences = 0
        self._torn = False
        self._told = False

    def after_fork(self) -> None:
        """In a forked child: the thread that held the lock is not there to finish its push."""
        self._torn = self._torn or self._turn.locked()
        self._turn = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        raise UsageError(
            "a Stream holds the sound that it heard and cannot be copied or sent to another "
            "process: send the Runtime, and make akrt.Stream(runtime) there"
        )

    def __repr__(self) -> str:
        return f"<akrt.Stream of {self._runtime!r}, {self.seconds:.2f} s heard>"

    @property
    def settings(self) -> StreamSettings:
        """How it listens."""
        return self._settings

    @property
    def incremental(self) -> bool:
        """Whether rows are kept from one window to the next; False: all are computed whole."""
        return self._kept is not None

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
            samples: (n,) or (n, 1) at 16 kHz, one channel, int16 or float of full scale +-1; n
                may be 0. An overshoot of floats, up to 8, is clipped to full scale.

        Returns:
            The words that it completes.

        Raises:
            InputError: wrong dtype or shape, not finite, or far beyond full scale; nothing of it
                was taken.
            DeviceLostError: the chip failed and there is no fallback. The sound is taken, up to a
                second of inferences is missing; the stream can go on.

        Warns:
            AudioWarning: more than a thousandth of the samples were clipped; once until `reset`.
        """
        pcm, clipped = _one_channel(samples)
        if clipped and not self._told:
            self._told = True
            warnings.warn(f"the sound {clipped}", AudioWarning, stacklevel=2)
        found: list[Detection] = []
        with self._turn:
            if self._torn:
                raise UsageError(
                    "this process was forked while another thread pushed into this stream: begin "
                    "anew with its reset()"
                )
            for start in range(0, len(pcm), PIECE):
                found += self._push_piece(pcm[start : start + PIECE])
        return found

    def reset(self) -> None:
        """Begin anew, at time 0, as a new `Stream` does."""
        with self._turn:
            self._begin()

    def finish(self, seconds: float = 0.5) -> list[Detection]:
        """Listen to so much digital silence, so that a last word is decided upon.

        Raises:
            UsageError: `seconds` is not 0 up to an hour.
            DeviceLostError: as `push`.
        """
        if not 0 <= seconds <= MOST_SILENCE:
            raise UsageError(f"seconds must be 0..{MOST_SILENCE}, got {seconds!r}")
        return self.push(np.zeros(round(seconds * RATE), np.int16))

    def _push_piece(self, pcm: npt.NDArray[np.int16]) -> list[Detection]:
        first = self._inferences
        maps = self._listener.push(pcm)
        self._samples += len(pcm)
        self._inferences += len(maps)
        if not len(maps):
            return []
        outputs = (self._kept or self._runtime.forward)(maps)
        found = self._words.take(_rows(outputs), first)
        # the inference with number `first` + 1 is the first of this piece
        return [
            replace(d, computed_by=place(outputs, number - first - 1, self._runtime.backend))
            for d, number in found
        ]


class _Words:
    """Potentials of one inference after the other to words."""

    def __init__(self, model: Model, settings: StreamSettings) -> None:
        self._decision = _frontend.Decision(**vars(decision_rule(model, settings)))
        self._labels = classes_of(model).names
        self._hop = settings.every * HOP

        self.leader: tuple[str, float] | None = None

    def take(self, potentials: npt.NDArray[np.int32], first: int) -> list[tuple[Detection, int]]:
        """The words of inferences after number `first` of the stream, each with its number."""
        found: list[tuple[Detection, int]] = []
        for number, row in enumerate(potentials, first + 1):
            index = self._decision.step(row)
            if index >= 0:
                sample = number * self._hop
                score = self._decision.average / LOGIT_ONE
                word = self._labels[index]
                found.append((Detection(sample / RATE, word, index, score, sample), number))
        if self._decision.leader >= 0:
            leader = self._labels[self._decision.leader]
            self.leader = leader, self._decision.average / LOGIT_ONE
        return found


def _runtime(given: object) -> Runtime:
    if isinstance(given, Runtime):
        if given.model.stateful:
            raise UsageError(
                f"'{given.model.name}' has memory, and the windows of a stream overlap: give it "
                f"each step in time once, with Runtime.forward(x, state=state)"
            )
        return given
    raise UsageError(
        f"a stream needs an akrt.Runtime, got {type(given).__name__}: akrt.Stream(akrt.Runtime()) "
        f"listens with the network that ships, akrt.Stream(akrt.Runtime('my.akrt')) with yours"
    )


def _kept_forward(runtime: Runtime, settings: StreamSettings) -> Forward | None:
    """`forward` of a runtime for a new stream with such hops; None: every window is whole."""
    model = runtime.model
    try:
        new = settings.every * sound_front_end_of(model).in_c().newest
    except UsageError:  # nobody knows by how much its input moves on
        return None
    moved = input_rows(model.input_shape, new).moved
    return runtime.incremental_forward(moved) if moved else None


def _settings(given: object) -> StreamSettings:
    if given is None:
        return StreamSettings()
    if isinstance(given, StreamSettings):
        return given
    raise UsageError(
        f"settings must be an akrt.StreamSettings, such as akrt.StreamSettings(threshold=2.5), got "
        f"{given!r:.80}"
    )


def _one_channel(samples: npt.ArrayLike) -> tuple[npt.NDArray[np.int16], str | None]:
    """`clipped_pcm` of samples (n,) or, as sound cards give them, (n, 1): int16 (n,)."""
    pcm, clipped = clipped_pcm(samples)
    if pcm.ndim == 2 and pcm.shape[1] == 1:
        return np.ascontiguousarray(pcm[:, 0]), clipped
    if pcm.ndim != 1:
        raise InputError(
            f"expected samples of one channel, (n,) or (n, 1), got shape {pcm.shape}: choose one, "
            f"such as x[:, 0], or average the channels first"
        )
    return pcm, clipped


def _rows(outputs: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    return np.asarray(outputs, np.int32).reshape(len(outputs), -1)


def stream_potentials(
    runtime: Runtime,
    samples: npt.ArrayLike,
    settings: StreamSettings | None = None,
    incremental: bool = True,
) -> npt.NDArray[np.int32]:
    """What a `Stream` decides upon, for trying many settings on one recording.

    Args:
        runtime: runs the network.
        samples: as for `Stream.push`.
        settings: its hop counts; None: the defaults.
        incremental: as of a `Stream`; the potentials do not depend on it.

    Returns:
        int32 (inferences, classes).
    """
    settings = _settings(settings)
    listener = sound_front_end_of(_runtime(runtime).model).listener(settings.every)
    kept = _kept_forward(runtime, settings) if incremental else None
    pcm, clipped = _one_channel(samples)
    if clipped:
        warnings.warn(f"the sound {clipped}", AudioWarning, stacklevel=2)
    parts = [np.empty((0, runtime.model.output_shape[2]), np.int32)]
    for start in range(0, len(pcm), PIECE):
        maps = listener.push(pcm[start : start + PIECE])
        if len(maps):
            parts.append(_rows((kept or runtime.forward)(maps)))
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
    return [detection for detection, _ in _Words(model, settings).take(potentials, 0)]
