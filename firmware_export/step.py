"""One step of an exported program: a kernel call with its constants, tensors and scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from akrt.lowering.liveness import Job
from akrt.model import Shape
from firmware_export.sizes import Size, padded_channels, rows_tensor

__all__ = ["INPUT", "OUTPUT", "Constant", "Step", "Tensor", "padded_channels"]


@dataclass(frozen=True)
class Tensor:
    """An activation tensor between two steps.

    ``layout`` is ``bytes`` (X, Y, C), ``words`` (the same as int32) or ``rows`` (nibbles, see
    OUTPUT_FORMAT.md). ``external`` tensors are the caller's and take no room in the arena.
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
        if self.layout == "rows":
            return rows_tensor(self.shape[0], self.shape[2]).bytes
        return self.elements * (4 if self.layout == "words" else 1)


INPUT = "input"
OUTPUT = "output"


@dataclass(frozen=True)
class Constant:
    """A constant array as C text, and its bytes in flash."""

    name: str
    text: str
    bytes: int


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
