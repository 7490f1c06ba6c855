"""What a front end is, and one of sound: an entry of the registry in `akrt.frontends`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from akrt.audio import fit_length
from akrt.audio.files import StrPath, clip_from_file
from akrt.errors import UsageError
from akrt.model import Preprocessing

__all__ = ["CFrontEnd", "FrontEnd", "Listener", "SoundFrontEnd"]

AT_ONCE = 128
"""Clips computed together: what bounds memory."""

FloatArray = npt.NDArray[np.floating[Any]]
Settings = TypeVar("Settings", bound=Preprocessing)


class Listener(Protocol):
    """The front end of one stream, which remembers the sound that it has heard."""

    def push(self, samples: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
        """Inputs uint8 (n, X, Y, C): one at every hop at which an inference is due."""


@dataclass(frozen=True)
class CFrontEnd:
    """A front end as C that an export carries.

    The state is a struct that begins with the int32_t ``filled``, 0 where a hop of 20 ms is
    complete. Two functions belong to it, ``<state>_start`` and ``<state>_push``, as in
    ``src_c/frontend/akrt_features.h``; ``src_c/stream/akrt_listen.h`` says what it asks of them.
    """

    state: str
    """C type of the state."""
    input: str
    """The field of the state that is the network's input."""
    types: str
    """Stem of the header of the state: what a program that listens has to know."""
    sources: tuple[str, ...]
    """Stems of the headers of the functions."""
    tables: str | None
    """Stem of the header of its constants, of which the self-test makes sure; None: it has none."""
    newest: int
    """Bytes that a hop adds at the end of the input; the rest moves on by as many, unchanged."""
    state_bytes: int
    scratch_bytes: int
    """Of the arena, while it computes."""
    scratch_in_c: str
    """The C expression of `scratch_bytes`; exports assert that they agree."""
    constant_bytes: int
    constants_in_c: str
    """The C expression of `constant_bytes`."""


class FrontEnd(ABC, Generic[Settings]):
    """Makes the input of a network, by the parameters in the network's file.

    Args:
        settings: the parameters.
    """

    settings_type: ClassVar[type[Preprocessing]]
    """Class of the parameters: it has the kind, and refuses nonsense."""
    takes: ClassVar[str]
    """What it turns into an input: "sound" or "pictures"."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings


class SoundFrontEnd(FrontEnd[Settings]):
    """Turns sound into the input of a network."""

    takes: ClassVar[str] = "sound"

    @property
    @abstractmethod
    def sample_rate(self) -> int:
        """Of the sound that it takes, in Hz."""

    @property
    @abstractmethod
    def clip(self) -> int:
        """Samples that make one input."""

    @property
    @abstractmethod
    def hop(self) -> int:
        """Samples from one clip of a longer recording to the next."""

    @abstractmethod
    def features(self, signal: FloatArray) -> npt.NDArray[np.uint8]:
        """The network's input.

        Args:
            signal: float (..., n), full scale +-1; cut or padded with zeros at the end to `clip`.

        Returns:
            uint8 (..., X, Y, C).

        Raises:
            InputError: wrong dtype or shape, empty, not finite, or far beyond full scale.
        """

    def clips(
        self, samples: FloatArray
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]]:
        """The network's input for all of a recording, in clips that begin every `hop` samples.

        The last is the first that reaches the end of the sound, padded with zeros.

        Args:
            samples: float (n,), full scale +-1, n > 0.

        Yields:
            Batches: int64 (m,), the sample at which every clip begins; uint8 (m, X, Y, C).

        Raises:
            InputError: as `features`.
        """
        count = 1 + max(0, -(-(len(samples) - self.clip) // self.hop))
        for first in range(0, count, AT_ONCE):
            starts = np.arange(first, min(first + AT_ONCE, count), dtype=np.int64) * self.hop
            parts = [fit_length(samples[s : s + self.clip], self.clip) for s in starts]
            yield starts, self.features(np.stack(parts))

    def from_file(
        self, path: StrPath | BinaryIO, start: float | None = None
    ) -> npt.NDArray[np.uint8]:
        """The network's input for one clip of a sound file.

        Args:
            path: a file that `akrt.audio.load_audio` reads.
            start: of the clip, in seconds; None is 0, with a warning where that leaves sound out.

        Returns:
            uint8 (X, Y, C).

        Raises:
            AudioError: as `load_audio`, or the sound ends before `start`.
            UsageError: `start` is no time.
        """
        return self.features(clip_from_file(path, self.sample_rate, self.clip, start))

    def listener(self, every: int) -> Listener:
        """The front end of a new stream of 16 kHz sound; what was before it is digital silence.

        Args:
            every: hops of 20 ms from one inference to the next.

        Raises:
            UsageError: it cannot listen, or not with these parameters.
        """
        raise UsageError(
            f"a stream needs a front end that computes hop by hop, and that of the kind "
            f"'{self.settings.kind}' takes whole clips only: use 'akrt run'"
        )

    def in_c(self) -> CFrontEnd:
        """What an export of a stream carries; the integers are those of `listener`.

        Raises:
            UsageError: there is no C for it, or not for these parameters.
        """
        raise UsageError(
            f"the front end of the kind '{self.settings.kind}' has no C: it cannot be exported; "
            f"export the network without --stream, and compute its input yourself"
        )
