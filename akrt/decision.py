"""When a stream of inferences becomes a detected word: the settings, and their integers.

The rule itself is C that host and firmware share (``src_c/decision/akrt_decision.h``). It follows
published keyword spotters: scores are averaged over a window, the best class must reach a
threshold, and after a detection there is a pause. The score of a class is the margin of its logit
over the best other class, which unlike a softmax needs no exponential and is exact in integers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from akrt.errors import UsageError
from akrt.model import Model
from akrt.outputs import classes_of
from akrt.outputs.fixed import LOGIT_ONE, logit_factors

__all__ = ["FRAME_MS", "DecisionRule", "StreamSettings", "decision_rule"]

FRAME_MS = 20
"""Between two frames of features."""

MAX_THRESHOLD = 8.0
MAX_WINDOW = 1000


@dataclass(frozen=True)
class StreamSettings:
    """How a stream is listened to; times in milliseconds.

    The defaults were chosen on validation speakers: see ``akrt/kws/README.md``.

    Raises:
        UsageError: a value that makes no sense.
    """

    hop_ms: int = 80
    """Between two inferences; a multiple of 20."""
    window_ms: int = 640
    """Over which scores are averaged."""
    min_count: int = 4
    """Inferences before the first detection."""
    threshold: float = 2.25
    """Average margin that a word needs over the next best class, in logits: 0 to 8."""
    refractory_ms: int = 1000
    """After a detection, before the next."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            whole = field.name != "threshold"
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                kind = "an integer" if whole else "a number"
                raise UsageError(f"{field.name} must be {kind}, got {value!r}")
        if not FRAME_MS <= self.hop_ms <= 10_000 or self.hop_ms % FRAME_MS:
            raise UsageError(
                f"hop_ms must be a multiple of {FRAME_MS} up to 10000, got {self.hop_ms}"
            )
        if not self.hop_ms <= self.window_ms <= MAX_WINDOW * self.hop_ms:
            raise UsageError(
                f"window_ms must be {self.hop_ms} (hop_ms) to {MAX_WINDOW * self.hop_ms}, "
                f"got {self.window_ms}"
            )
        if not 1 <= self.min_count <= self.window:
            raise UsageError(
                f"min_count must be 1..{self.window}, the inferences of one window, "
                f"got {self.min_count}"
            )
        if not 0 <= self.threshold <= MAX_THRESHOLD:
            raise UsageError(f"threshold must be 0..{MAX_THRESHOLD:g}, got {self.threshold}")
        if not 0 <= self.refractory_ms <= 3_600_000:
            raise UsageError(f"refractory_ms must be 0..3600000, got {self.refractory_ms}")

    @property
    def every(self) -> int:
        """Frames from one inference to the next."""
        return self.hop_ms // FRAME_MS

    @property
    def window(self) -> int:
        """Inferences in a window."""
        return self.window_ms // self.hop_ms

    @property
    def refractory(self) -> int:
        """Inferences that the pause after a detection lasts."""
        return -(-self.refractory_ms // self.hop_ms)


@dataclass(frozen=True, eq=False)
class DecisionRule:
    """A rule as the C code takes it (``akrt_decision_rule``)."""

    threshold: npt.NDArray[np.int32]
    """int32 (classes,): of the last layer."""
    factor: npt.NDArray[np.int32]
    """int32 (classes,): 256 / act_step, shifted left by `shift`."""
    is_word: npt.NDArray[np.uint8]
    """uint8 (classes,): 0 for classes that are never detected."""
    shift: int
    window: int
    least: int
    score: int
    refractory: int


def decision_rule(model: Model, settings: StreamSettings) -> DecisionRule:
    """The integers of `settings` for `model`.

    Raises:
        UsageError: the model's output is no row of classes with logits.
    """
    final = model.final_step
    if model.version == 2:
        raise UsageError(
            f"'{model.name}' is a network of Akida 2.0: a stream detects words with those of "
            f"Akida 1.0 only; name the words of whole clips with 'akrt run'"
        )
    if final is None or model.output_shape[:2] != (1, 1):
        raise UsageError(
            f"'{model.name}' does not end in one row of logits: its words cannot be detected"
        )
    threshold, act_step = final
    factor, shift = logit_factors(act_step)
    if shift < 0:
        raise UsageError(f"'{model.name}' has an act_step too small for a stream's scores")
    return DecisionRule(
        threshold=np.ascontiguousarray(threshold, np.int32),
        factor=factor,
        is_word=classes_of(model).is_word.astype(np.uint8),
        shift=shift,
        window=settings.window,
        least=settings.min_count,
        score=round(settings.threshold * LOGIT_ONE),
        refractory=settings.refractory,
    )
