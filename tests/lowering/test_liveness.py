"""The arena plan: what lives at the same time never overlaps, and memory is used again."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from akrt.lowering.liveness import Arena, Job, jobs_beside, plan_arena, scratch_name

ALIGNMENT = 8


@st.composite
def programs(draw: st.DrawFn) -> list[Job]:
    """Steps that read any tensors made before, more than one step the same."""
    jobs: list[Job] = []
    for i in range(draw(st.integers(1, 9))):
        made = [f"t{n}" for n in range(i)]
        reads = draw(st.lists(st.sampled_from(made), max_size=2)) if made else []
        size, scratch = draw(st.integers(1, 999)), draw(st.integers(0, 99))
        jobs.append(Job(tuple(reads), f"t{i}", size, scratch, draw(st.booleans())))
    return jobs


def check(jobs: list[Job], arena: Arena, alignment: int = ALIGNMENT) -> None:
    for block in arena.blocks:
        assert block.offset % alignment == 0
        assert block.offset + block.bytes <= arena.bytes
    for a, b in combinations(arena.blocks, 2):
        if a.meets(b):
            assert a.offset + a.bytes <= b.offset or b.offset + b.bytes <= a.offset
    run(jobs, arena)


def run(jobs: list[Job], arena: Arena) -> None:
    """Every byte belongs to who wrote it last: what a step reads is what was written for it."""
    memory: list[str | None] = [None] * arena.bytes
    size = {job.writes: job.bytes for job in jobs}
    for i, job in enumerate(jobs):
        for name in job.reads:
            at = arena.offset(name)
            assert set(memory[at : at + size[name]]) == {name}
        if job.scratch_bytes:
            at = arena.offset(scratch_name(i))
            memory[at : at + job.scratch_bytes] = [scratch_name(i)] * job.scratch_bytes
            for name in job.reads:
                assert set(memory[arena.offset(name) :][: size[name]]) == {name}
        if job.writes is not None:
            at = arena.offset(job.writes)
            memory[at : at + job.bytes] = [job.writes] * job.bytes
            kept = [n for n in job.reads if not (job.in_place and n == job.reads[0])]
            for name in kept:  # what is written goes nowhere over what is read meanwhile
                assert set(memory[arena.offset(name) :][: size[name]]) == {name}


@given(programs(), st.sets(st.integers(0, 8)))
def test_what_lies_elsewhere_is_neither_in_the_arena_nor_written_over(
    jobs: list[Job], chosen: set[int]
) -> None:
    kept = {job.writes for i, job in enumerate(jobs) if i in chosen}
    beside = jobs_beside(jobs, kept)
    arena = plan_arena(beside, ALIGNMENT)
    check(beside, arena)
    for job, other in zip(jobs, beside, strict=True):
        assert (job.writes in arena) == (job.writes not in kept)
        assert set(other.reads) == set(job.reads) - kept
        if job.in_place and not other.in_place:  # its first tensor is to be left as it is
            assert not job.reads or job.reads[0] in kept
        elif other.in_place:
            assert job.reads[0] == other.reads[0]


@given(programs(), st.sampled_from([1, 8, 64]))
def test_nothing_that_lives_together_overlaps(jobs: list[Job], alignment: int) -> None:
    check(jobs, plan_arena(jobs, alignment), alignment)


def chain(sizes: list[int], in_place: bool) -> list[Job]:
    return [
        Job((f"t{i - 1}",) if i else (), f"t{i}", size, 0, in_place) for i, size in enumerate(sizes)
    ]


def test_a_chain_of_two_reuses_memory() -> None:
    assert plan_arena(chain([100, 200, 100, 200], False), ALIGNMENT).bytes <= 312


def test_a_chain_in_place_takes_the_largest() -> None:
    arena = plan_arena(chain([100, 200, 96, 200], True), ALIGNMENT)
    assert arena.bytes == 200
    assert {arena.offset(f"t{i}") for i in range(4)} == {0}


def test_what_is_read_later_is_not_written_over() -> None:
    jobs = [
        Job((), "a", 64),
        Job(("a",), "b", 64, in_place=True),
        Job(("b", "a"), "c", 64, in_place=True),
    ]
    arena = plan_arena(jobs, ALIGNMENT)
    assert arena.offset("a") != arena.offset("b") == arena.offset("c")
    assert arena.bytes == 128
