"""What the input of a model means: the parameters of its front end.

How a front end computes is in `akrt.frontends`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from akrt.errors import ModelError
from akrt.model.value import Shape

__all__ = ["PREPROCESSING", "Mfcc", "Picture", "Preprocessing"]


@dataclass(frozen=True)
class Preprocessing(ABC):
    """Parameters of a front end: a frozen dataclass of numbers and texts, as JSON has them.

    Raises:
        ModelError: parameters that make no sense.
    """

    kind: ClassVar[str]
    """What the file calls it."""
    every_byte: ClassVar[bool] = False
    """Whether it makes all of 0..255 whatever its parameters: the network must take 8 bits."""

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """(X, Y, C) of the input that it makes."""

    @property
    @abstractmethod
    def text(self) -> str:
        """What people are told that the input means: one line of ASCII."""


@dataclass(frozen=True)
class Mfcc(Preprocessing):
    """What a sound model's input means: MFCC features as TensorFlow computes them, to uint8.

    ``u8 = clip(round(scale * mfcc) + offset, 0, 255)``; lengths are in samples, frequencies
    in Hz.
    """

    kind: ClassVar[str] = "mfcc"

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

    @property
    def text(self) -> str:
        """Clip, frames, and how their values become bytes."""
        return (
            f"MFCC of {self.clip / self.sample_rate:g} s at {self.sample_rate} Hz, {self.frames} "
            f"frames of {self.coefficients}, u8 = clip(round({self.scale:g} * mfcc) + "
            f"{self.offset}, 0, 255)"
        )


@dataclass(frozen=True)
class Picture(Preprocessing):
    """What the input of a network that sees means: the pixels of a picture, rows on X.

    `akrt.vision` says how a picture is fitted and resampled, in integers.
    """

    kind: ClassVar[str] = "picture"
    every_byte: ClassVar[bool] = True

    height: int = 96
    """Rows of the input."""
    width: int = 96
    """Columns."""
    channels: int = 3
    """3: red, green, blue; 1: grey."""
    fit: str = "crop"
    """How a picture of another shape is fitted: "crop" takes the largest part of its middle,
    "border" all of it with a border around, "squash" all of it in another shape."""
    resampling: str = "area"
    """"area": an average of what a pixel covers; "bilinear": between the four pixels around its
    centre, which leaves pixels out where the picture is much larger."""
    border: int = 0
    """Of "border": the value of all its channels."""

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= 4096:
                raise ModelError(f"preprocessing: {name} must be 1..4096 pixels, got {value!r:.80}")
        if type(self.channels) is not int or self.channels not in (1, 3):
            raise ModelError(
                f"preprocessing: channels must be 3 (RGB) or 1 (grey), got {self.channels!r:.80}"
            )
        for name, known in (("fit", FITS), ("resampling", RESAMPLINGS)):
            value = getattr(self, name)
            if value not in known:
                raise ModelError(
                    f"preprocessing: {name} must be {', '.join(known)}, got {value!r:.80}"
                )
        if type(self.border) is not int or not 0 <= self.border <= 255:
            raise ModelError(f"preprocessing: border must be 0..255, got {self.border!r:.80}")

    @property
    def shape(self) -> Shape:
        """(height, width, channels)."""
        return (self.height, self.width, self.channels)

    @property
    def text(self) -> str:
        """Size, colours, and how another picture comes to them."""
        colours = "RGB" if self.channels == 3 else "grey"
        fit = f"border of {self.border}" if self.fit == "border" else self.fit
        return (
            f"picture of {self.width}x{self.height} (width x height), {colours}, fit {fit}, "
            f"{self.resampling} resampling"
        )


FITS = ("crop", "border", "squash")
"""How a picture of another shape is fitted."""
RESAMPLINGS = ("area", "bilinear")
"""How it is made smaller or larger."""

PREPROCESSING: dict[str, type[Preprocessing]] = {cls.kind: cls for cls in (Mfcc, Picture)}
"""The parameters that a file may hold, by their kind."""
