"""Where every tensor and scratch lies in the arena."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_export.step import Step

__all__ = ["ALIGNMENT", "Block", "Plan", "plan"]

ALIGNMENT = 8


@dataclass(frozen=True)
class Block:
    """Memory that is in use from step `first` to step `last`, both included."""

    names: tuple[str, ...]
    bytes: int
    first: int
    last: int
    offset: int = 0

    def meets(self, other: Block) -> bool:
        """Whether both are in use at some time."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Plan:
    """Blocks with their offsets."""

    blocks: tuple[Block, ...]
    bytes: int

    def offset(self, name: str) -> int:
        """Of the tensor or scratch called `name`."""
        for block in self.blocks:
            if name in block.names:
                return block.offset
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(name in block.names for block in self.blocks)


def plan(steps: Sequence[Step]) -> Plan:
    """Lifetimes to offsets: the largest block first, each at the lowest place that is free."""
    blocks = _lifetimes(steps)
    placed: list[Block] = []
    for block in sorted(blocks, key=lambda b: (-b.bytes, b.first, b.names)):
        placed.append(_placed(block, placed))
    end = max((b.offset + _aligned(b.bytes) for b in placed), default=0)
    return Plan(tuple(sorted(placed, key=lambda b: (b.first, b.offset))), end)


def scratch_name(index: int) -> str:
    """Name of the scratch of step `index`."""
    return f"scratch_{index}"


def _lifetimes(steps: Sequence[Step]) -> list[Block]:
    chains: list[tuple[list[str], list[int]]] = []  # names, [bytes, first, last]
    home: dict[str, tuple[list[str], list[int]]] = {}
    for i, step in enumerate(steps):
        if not step.source.external:
            home[step.source.name][1][2] = i
        if not step.target.external:
            if step.in_place and not step.source.external:
                names, extent = home[step.source.name]
                names.append(step.target.name)
                extent[0] = max(extent[0], step.target.bytes)
                home[step.target.name] = (names, extent)
            else:
                home[step.target.name] = ([step.target.name], [step.target.bytes, i, i])
                chains.append(home[step.target.name])
        if step.scratch_bytes:
            chains.append(([scratch_name(i)], [step.scratch_bytes, i, i]))
    return [Block(tuple(names), size, first, last) for names, (size, first, last) in chains]


def _placed(block: Block, placed: Sequence[Block]) -> Block:
    offset = 0
    for other in sorted((o for o in placed if o.meets(block)), key=lambda o: o.offset):
        if offset + block.bytes <= other.offset:
            break
        offset = max(offset, other.offset + _aligned(other.bytes))
    return Block(block.names, block.bytes, block.first, block.last, offset)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
