"""Everything, besides the recordings, that decides what a feature file holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from akrt.errors import UsageError
from akrt.kws.augment import Augmentation
from akrt.kws.dataset import Speakers
from akrt.kws.words import TUTORIAL
from akrt.model import Mfcc

__all__ = ["PrepareSettings"]


@dataclass(frozen=True)
class PrepareSettings:
    """How recordings become rows."""

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
