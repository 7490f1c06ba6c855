"""Which tensors live when, and one arena that holds them: for the host and for firmware."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

__all__ = ["Arena", "Block", "Job", "aligned", "jobs_beside", "plan_arena", "scratch_name"]


_ORDERS = 64
"""In which blocks are placed, at the most."""


@dataclass(eq=False, repr=False)
class Job:
    """What a step of a program does to the arena. What the caller holds is not named."""

    reads: tuple[str, ...]
    writes: str | None
    bytes: int = 0
    """Of what it writes."""
    scratch_bytes: int = 0
    in_place: bool = False
    """It may write over the first tensor that it reads."""


@dataclass(eq=False, repr=False)
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


@dataclass(eq=False, repr=False)
class Arena:
    """Blocks with their offsets, and the memory that they take together."""

    blocks: tuple[Block, ...]
    bytes: int
    _offsets: dict[str, int] = field(repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for block in self.blocks:
            self._offsets.update(dict.fromkeys(block.names, block.offset))

    def offset(self, name: str) -> int:
        """Of the tensor or scratch called `name`."""
        return self._offsets[name]

    def __contains__(self, name: str) -> bool:
        return name in self._offsets


def plan_arena(jobs: Sequence[Job], alignment: int) -> Arena:
    """Lifetimes to offsets: blocks one after the other, each at the lowest place that is free.

    The largest comes first. Where that takes more than the blocks of the busiest step need
    together, the block that ends highest is put first, as long as another order comes of it.

    Args:
        jobs: in the order in which they run.
        alignment: of every offset.
    """
    order = sorted(_lifetimes(jobs), key=lambda b: (-b.bytes, b.first, b.names))
    least, best = _busiest(order, len(jobs), alignment), _stacked(order, alignment)
    seen = {tuple(block.names for block in order)}
    while best.bytes > least and len(seen) <= _ORDERS:
        tried = _stacked(order, alignment)
        best = min(best, tried, key=lambda arena: arena.bytes)
        top = max(tried.blocks, key=lambda b: (b.offset + b.bytes, b.names)).names
        order.sort(key=lambda block: block.names != top)
        key = tuple(block.names for block in order)
        if key in seen:
            break
        seen.add(key)
    return best


def jobs_beside(jobs: Sequence[Job], kept: Collection[str]) -> list[Job]:
    """The same where the tensors `kept` lie elsewhere, and are to be left as they are."""
    beside = []
    for job in jobs:
        writes = None if job.writes in kept else job.writes
        beside.append(
            replace(
                job,
                reads=tuple(name for name in job.reads if name not in kept),
                writes=writes,
                bytes=0 if writes is None else job.bytes,
                in_place=job.in_place and job.reads[:1] != () and job.reads[0] not in kept,
            )
        )
    return beside


def scratch_name(index: int) -> str:
    """Name of the scratch of step `index`."""
    return f"scratch_{index}"


def _lifetimes(jobs: Sequence[Job]) -> list[Block]:
    last = {name: i for i, job in enumerate(jobs) for name in job.reads}
    blocks: list[Block] = []
    home: dict[str, int] = {}  # of a tensor: the block that it lies in
    for i, job in enumerate(jobs):
        if job.writes is not None:
            end = max(last.get(job.writes, i), i)
            over = job.reads[:1] if job.in_place else ()
            if over and last[over[0]] == i and job.reads.count(over[0]) == 1:
                at = home[over[0]]
                whole = blocks[at]
                names, size = (*whole.names, job.writes), max(whole.bytes, job.bytes)
                blocks[at] = Block(names, size, whole.first, end)
            else:
                at = len(blocks)
                blocks.append(Block((job.writes,), job.bytes, i, end))
            home[job.writes] = at
        if job.scratch_bytes:
            blocks.append(Block((scratch_name(i),), job.scratch_bytes, i, i))
    return blocks


def _stacked(order: Sequence[Block], alignment: int) -> Arena:
    placed: list[Block] = []
    for block in order:
        placed.append(_placed(block, placed, alignment))
    end = max((b.offset + aligned(b.bytes, alignment) for b in placed), default=0)
    return Arena(tuple(sorted(placed, key=lambda b: (b.first, b.offset))), end)


def _busiest(blocks: Sequence[Block], jobs: int, alignment: int) -> int:
    """Bytes that are in use at once, at the most."""
    change = [0] * (jobs + 1)
    for block in blocks:
        change[block.first] += aligned(block.bytes, alignment)
        change[block.last + 1] -= aligned(block.bytes, alignment)
    return max(accumulate(change), default=0)


def _placed(block: Block, placed: Sequence[Block], alignment: int) -> Block:
    offset = 0
    for other in sorted((o for o in placed if o.meets(block)), key=lambda o: o.offset):
        if offset + block.bytes <= other.offset:
            break
        offset = max(offset, other.offset + aligned(other.bytes, alignment))
    return replace(block, offset=offset)


def aligned(size: int, alignment: int) -> int:
    """The next multiple of `alignment`."""
    return -(-size // alignment) * alignment
