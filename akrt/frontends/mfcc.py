"""MFCC of speech: `akrt.audio` computes them, in floats of recordings, in integers of streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from akrt.audio import clips, features, quantise
from akrt.audio.clips import HOP_FRAMES
from akrt.audio.integer import check_settings
from akrt.errors import UsageError
from akrt.frontends.base import CFrontEnd, Listener, SoundFrontEnd
from akrt.kernels import _frontend
from akrt.model import Mfcc, Preprocessing

__all__ = ["MfccFrontEnd"]

_TABLE_BYTES = 2 * 321 + 4 * 257 + 2 * 97 + 2 * 65 + 2 * 42 + 2 * 255 + 2 * 200


class MfccFrontEnd(SoundFrontEnd[Mfcc]):
    """The front end of `akrt.Mfcc`."""

    settings_type: ClassVar[type[Preprocessing]] = Mfcc

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.settings.sample_rate

    @property
    def clip(self) -> int:
        """Samples that make one input."""
        return self.settings.clip

    @property
    def hop(self) -> int:
        """Samples from one clip of a longer recording to the next."""
        return HOP_FRAMES * self.settings.stride

    def features(self, signal: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
        """As TensorFlow computes them."""
        return quantise(features(signal, self.settings), self.settings)

    def clips(
        self, samples: npt.NDArray[np.floating[Any]]
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]]:
        """As `SoundFrontEnd.clips`; a frame that several clips share is computed once."""
        return clips(samples, self.settings)

    def listener(self, every: int) -> Listener:
        """In fixed point, with the C code of exports; for the standard parameters alone."""
        check_settings(self.settings)
        return _frontend.Features(every)

    def in_c(self) -> CFrontEnd:
        """The same code, for the standard parameters alone."""
        if self.settings != Mfcc():
            raise UsageError(
                f"its front end in C computes {Mfcc()}, and the model takes {self.settings}"
            )
        return CFrontEnd(
            state="akrt_features",
            input="frames",
            types="akrt_features_types",
            sources=("akrt_features",),
            tables="akrt_mfcc_tables",
            newest=Mfcc.coefficients,
            state_bytes=4 + 2 * 640 + 490 + 2,
            scratch_bytes=4096,
            scratch_in_c="4 * (int32_t)AKRT_MFCC_SCRATCH_WORDS",
            constant_bytes=_TABLE_BYTES,
            constants_in_c="AKRT_MFCC_TABLES_BYTES",
        )
