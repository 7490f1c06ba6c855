"""Where the windows of a layer lie."""

from __future__ import annotations

from dataclasses import dataclass

from akrt.model import Padding, Pair, Shape

__all__ = ["Window", "window"]


@dataclass(frozen=True)
class Window:
    """A window that moves over a tensor (X, Y, C); what it overlaps beyond the edges is border."""

    source: Shape
    target: Shape
    size: Pair
    stride: Pair
    before: Pair
    """Border before the first element of each axis."""
    after: Pair

    @property
    def taps(self) -> int:
        """Positions that it covers."""
        return self.size[0] * self.size[1]

    @property
    def positions(self) -> int:
        """Positions that it takes."""
        return self.target[0] * self.target[1]


def window(
    source: Shape,
    target: Shape,
    size: Pair = (1, 1),
    stride: Pair = (1, 1),
    padding: Padding = "valid",
) -> Window:
    """The window that makes `target` of `source`.

    'valid' does not pad, 'same' has the smaller half of the border in front, and 'same_upper' half
    of the window.
    """
    before, after = [0, 0], [0, 0]
    for axis in (0, 1):
        covered = (target[axis] - 1) * stride[axis] + size[axis]
        if padding == "same":
            total = max(covered - source[axis], 0)
            before[axis], after[axis] = total // 2, total - total // 2
        elif padding == "same_upper":
            before[axis] = size[axis] // 2
            after[axis] = max(covered - source[axis] - before[axis], 0)
    return Window(source, target, size, stride, (before[0], before[1]), (after[0], after[1]))
