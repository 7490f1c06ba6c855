"""What C is told about layers with memory, and about what compares with time: the structures of
src_c/include/akrt/temporal.h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from akrt.backends.native.products import Ints, ShortProduct, WindowPlan, deep_enough, need

__all__ = ["ComparePlan", "Recall", "RecurrentPlan"]

_INT_BYTES = 4


@dataclass(eq=False, repr=False)
class Recall:
    """`akrt_recall`: what a spatial operation sees; no steps: its input and nothing more."""

    steps: int = 0
    lines: int = 0
    line_bytes: int = 0

    def __post_init__(self) -> None:
        if self.steps and (self.steps < 2 or min(self.lines, self.line_bytes) < 1):
            raise ValueError(f"{self.steps} steps of {self.lines} lines cannot be recalled")

    def check(self, window: WindowPlan) -> None:
        """Raises ValueError where the window is not over what is recalled."""
        if not self.steps:
            return
        seen = window.in_x, window.in_y * window.channels
        if seen != (self.lines * self.steps, self.line_bytes):
            raise ValueError(f"a window over {seen} of {self.lines} lines in {self.steps} steps")

    @property
    def memory_bytes(self) -> int:
        """Of the inputs before that of now."""
        return max(self.steps - 1, 0) * self.lines * self.line_bytes


@dataclass(eq=False, repr=False)
class RecurrentPlan:
    """`akrt_recurrent`."""

    kind: ClassVar[str] = "recurrent"
    input_shift: Ints
    in_proj: Ints
    a_real: Ints
    a_imag: Ints
    new_scale: Ints
    new_shift: Ints
    state_shift: Ints
    weights: Ints
    taken: ShortProduct | None
    given: ShortProduct | None
    steps: int
    channels: int
    states: int
    subsample: int
    item: int
    has_sign: bool
    buffer_bits: int
    bits: int
    state_bits: int

    def __post_init__(self) -> None:
        if self.steps < 1 or self.steps % self.subsample:
            raise ValueError(f"{self.steps} steps, of {self.subsample} one gives an output")

    def check(self, filters: int) -> None:
        """Raises ValueError where an array is shorter than `filters` ask for."""
        need("shifts of the input", self.input_shift, self.channels)
        need("weights of the input", self.in_proj, self.channels * self.states)
        need("weights", self.weights, self.states * filters)
        for array in (self.a_real, self.a_imag, self.new_scale, self.new_shift, self.state_shift):
            need("constants of states", array, self.states)
        for product, inputs, outputs in (
            (self.taken, self.channels, self.states),
            (self.given, self.states, filters),
        ):
            if product is not None:
                deep_enough(product.depth, inputs)
                if product.filters != outputs:
                    raise ValueError(f"a product of {product.filters} where {outputs} are taken")

    @property
    def inputs(self) -> int:
        """Elements of a sample."""
        return self.steps * self.channels

    @property
    def positions(self) -> int:
        """Steps that give an output."""
        return self.steps // self.subsample

    @property
    def memory_bytes(self) -> int:
        """Of both parts of all states."""
        return 2 * self.states * _INT_BYTES


@dataclass(eq=False, repr=False)
class ComparePlan:
    """`akrt_compare`."""

    kind: ClassVar[str] = "compare"
    positions: ClassVar[int] = 1
    scale: Ints
    shift: Ints
    threshold: Ints
    steps: int
    prediction: int
    item: int
    buffer_bits: int

    def check(self, filters: int) -> None:
        """Raises ValueError where an array is shorter than `filters` ask for."""
        for array in (self.scale, self.shift, self.threshold):
            need("constants of a comparison", array, filters)
