"""One step of an exported program: a kernel call with its constants, tensors and scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from akrt.lowering.liveness import Job
from akrt.model import Shape
from firmware_export.sizes import Size, line_words, padded_channels, rows_tensor

__all__ = [
    "ALIGNMENT",
    "INPUT",
    "OUTPUT",
    "Constant",
    "Lines",
    "Stage",
    "Step",
    "Tensor",
    "padded_channels",
]

ALIGNMENT = 8
"""Of everything in the arena, in bytes."""


@dataclass(frozen=True)
class Tensor:
    """An activation tensor between two steps.

    ``layout`` is ``bytes`` (X, Y, C), ``words`` or ``floats`` (the same as int32 or float),
    ``rows`` or ``lines`` (nibbles, see OUTPUT_FORMAT.md), or ``sums`` (an int32 for each channel).
    ``external`` tensors are the caller's and take no room in the arena.
    """

    name: str
    shape: Shape
    layout: str
    external: bool = False

    @property
    def elements(self) -> int:
        """Number of activations."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def bytes(self) -> int:
        """Size in memory."""
        if self.layout in ("lines", "sums"):
            return self.shape[0] * self.line_bytes
        if self.layout == "rows":
            return rows_tensor(self.shape[0], self.shape[2]).bytes
        return self.elements * (4 if self.layout in ("words", "floats") else 1)

    @property
    def line_bytes(self) -> int:
        """What lies at one position of X; of ``sums``: all there is."""
        _, y, channels = self.shape
        if self.layout == "lines":
            return 4 * y * line_words(channels)
        if self.layout == "sums":
            return 4 * channels
        if self.layout == "rows":
            return rows_tensor(1, channels).bytes
        return y * channels * (4 if self.layout == "words" else 1)


INPUT = "input"
OUTPUT = "output"


@dataclass(frozen=True)
class Constant:
    """A constant array as C text, and its bytes in flash."""

    name: str
    text: str
    bytes: int


@dataclass(frozen=True)
class Lines:
    """Which lines a stage reads: ``taps`` from x * stride - before on make line x of the target."""

    source: int
    """Lines of the source."""
    target: int
    taps: int = 1
    stride: int = 1
    before: int = 0
    reach: int | None = None
    """Lines that must be there, if they are more than the taps."""

    def end(self, x: int) -> int:
        """How many lines of the source must be there before line `x` can be made."""
        reach = self.taps if self.reach is None else self.reach
        return min(x * self.stride - self.before + reach, self.source)

    def start(self, x: int) -> int:
        """The first line of the source that line `x` reads."""
        return max(x * self.stride - self.before, 0)


@dataclass(frozen=True)
class Stage:
    """A part of a pipeline: a kernel that makes lines of its target one after the other."""

    layer: int
    """Index of the layer whose work this is."""
    kernel: str
    structure: str
    """C name of its akrt_mcu_layer."""
    sources: tuple[Tensor, ...]
    target: Tensor
    lines: Lines
    constants: tuple[Constant, ...]
    sizes: dict[str, Size]
    ends_layer: bool
    notes: dict[str, str] = field(default_factory=dict)
    general_because: tuple[str, ...] = ()

    @property
    def alone(self) -> bool:
        """Whether the stage makes the only line of its target of the only one of its source."""
        lines = self.lines
        one = lines.source == lines.target == lines.taps == len(self.sources) == 1
        return one and "sums" not in (self.sources[0].layout, self.target.layout)

    @property
    def kernels(self) -> tuple[str, ...]:
        """Stems of the files in src_c/mcu."""
        return (self.kernel,)

    @property
    def scratch_bytes(self) -> int:
        """Memory that it needs while it makes a line."""
        return self.sizes["scratch"].bytes if "scratch" in self.sizes else 0


@dataclass(frozen=True)
class Step:
    """A kernel call. ``call`` makes C of it, given C for each input, the output and the scratch."""

    layer: int
    """Index of the layer whose work this is."""
    kernel: str
    sources: tuple[Tensor, ...]
    target: Tensor
    call: Callable[..., str]
    kernels: tuple[str, ...]
    """Stems of the files in src_c/mcu."""
    constants: tuple[Constant, ...] = ()
    scratch_bytes: int = 0
    in_place: bool = False
    """The target may take the first source's memory."""
    ends_layer: bool = True
    """The target is the layer's output: hooks and hashes follow."""
    notes: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)
    """What was counted on, by what it is of; the export asserts it."""
    general_because: tuple[str, ...] = ()
    """What keeps the layer from faster kernels, for people."""
    pipeline: str = ""
    """C name of the pipeline that the step is; empty: it is a call of a kernel."""
    stages: tuple[Stage, ...] = ()
    """Of the pipeline."""

    @property
    def works(self) -> tuple[Step | Stage, ...]:
        """What it does, layer by layer."""
        return self.stages or (self,)

    @property
    def job(self) -> Job:
        """What it does to the arena."""
        target = None if self.target.external else self.target.name
        return Job(
            reads=tuple(source.name for source in self.sources if not source.external),
            writes=target,
            bytes=0 if target is None else self.target.bytes,
            scratch_bytes=self.scratch_bytes,
            in_place=self.in_place and not self.sources[0].external,
        )
