"""What the input of a model means: parameters of what turns sound into it."""

from __future__ import annotations

from dataclasses import dataclass

from akrt.errors import ModelError
from akrt.model.value import Shape

__all__ = ["Mfcc"]


@dataclass(frozen=True)
class Mfcc:
    """What a sound model's input means: MFCC features as TensorFlow computes them, to uint8.

    ``u8 = clip(round(scale * mfcc) + offset, 0, 255)``; lengths are in samples, frequencies
    in Hz.
    """

    sample_rate: int = 16000
    clip: int = 16000
    window: int = 640
    stride: int = 320
    fft: int = 1024
    mel_bins: int = 40
    low_hz: float = 20.0
    high_hz: float = 4000.0
    coefficients: int = 10
    scale: float = 4.0
    offset: int = 128

    def __post_init__(self) -> None:
        whole = ("sample_rate", "clip", "window", "stride", "fft", "mel_bins", "coefficients")
        for name in whole:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 1 << 24:
                raise ModelError(f"preprocessing: {name} must be a positive integer, got {value!r}")
        for name in ("low_hz", "high_hz", "scale"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ModelError(f"preprocessing: {name} must be a number, got {value!r}")
            if not 0 <= value < 1e9:
                raise ModelError(f"preprocessing: {name} is out of range: {value!r}")
        if type(self.offset) is not int or not 0 <= self.offset <= 255:
            raise ModelError(f"preprocessing: offset must be 0..255, got {self.offset!r}")
        if not self.window <= self.fft <= 1 << 16 or self.fft & (self.fft - 1):
            raise ModelError(f"preprocessing: fft {self.fft} must be a power of two >= the window")
        if self.window > self.clip:
            raise ModelError(f"preprocessing: window {self.window} exceeds the clip {self.clip}")
        if not self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise ModelError("preprocessing: needs low_hz < high_hz <= sample_rate / 2")
        if self.coefficients > self.mel_bins or self.mel_bins > 1024:
            raise ModelError("preprocessing: needs coefficients <= mel_bins <= 1024")

    @property
    def frames(self) -> int:
        """Number of frames in a clip."""
        return (self.clip - self.window) // self.stride + 1

    @property
    def shape(self) -> Shape:
        """Shape of the features of one clip: (frames, coefficients, 1)."""
        return (self.frames, self.coefficients, 1)
