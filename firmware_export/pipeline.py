"""Stages to pipelines: which lines of a tensor must be held, and where tensors exist as a whole.

A pipeline makes one line at a time, the furthest from its source that can be made, so that of the
tensors between its stages only the lines that are still needed are held. Where that takes less
memory, a tensor is made as a whole: it ends one pipeline and begins the next.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from akrt.lowering.liveness import aligned
from firmware_export.sizes import LINE_TENSOR, PIPELINE, STAGE
from firmware_export.step import ALIGNMENT, Constant, Stage, Step, Tensor

__all__ = [
    "STAGES_MOST",
    "Memory",
    "held_lines",
    "memory_of",
    "part_step",
    "segments",
]

STAGES_MOST = 48
"""Of a pipeline: every line looks at all of them."""
_SMALL = 512
"""Bytes that are not worth a pipeline of their own."""


@dataclass(frozen=True)
class Memory:
    """Where the parts of a pipeline's memory lie, in bytes."""

    offsets: tuple[int, ...]
    """Of the tensors between its stages, by stage."""
    scratch: int
    bytes: int


def held_lines(stages: Sequence[Stage]) -> dict[str, int]:
    """How many lines of every tensor are needed at a time, by its name.

    Lines of the tensors that no stage makes come one by one.
    """
    readers: dict[str, list[int]] = {}
    for number, stage in enumerate(stages):
        for source in stage.sources:
            readers.setdefault(source.name, []).append(number)
    made_here = {stage.target.name for stage in stages}
    lines = {s.name: stage.lines.source for stage in stages for s in stage.sources}
    outside = [name for name in readers if name not in made_here]
    made = dict.fromkeys([*lines, *made_here], 0)
    done = [0] * len(stages)
    held = dict.fromkeys(made, 1)

    def note(name: str) -> None:
        """A line of `name` was made: what is needed now has to be there with it."""
        made[name] += 1
        first = made[name] - 1
        for number in readers.get(name, ()):
            moved = stages[number].lines
            if done[number] < moved.target:
                first = min(first, moved.start(done[number]))
        held[name] = max(held[name], made[name] - first)

    def ready(number: int) -> bool:
        stage = stages[number]
        x = done[number]
        if x == stage.lines.target:
            return False
        return all(made[s.name] >= stage.lines.end(x) for s in stage.sources)

    while True:
        number = next((n for n in reversed(range(len(stages))) if ready(n)), -1)
        if number >= 0:
            done[number] += 1
            note(stages[number].target.name)
            continue
        waiting = [name for name in outside if made[name] < lines[name]]
        if not waiting:
            return held
        note(min(waiting, key=lambda name: made[name] / lines[name]))


def segments(
    stages: Sequence[Stage], kept: Collection[str], held: dict[str, int]
) -> list[tuple[Stage, ...]] | None:
    """The pipelines that take the least memory; None: the stages cannot be cut into such.

    Args:
        stages: in the order of their work.
        kept: names of tensors that later steps read.
        held: of `held_lines`.
    """
    last = {s.name: number for number, stage in enumerate(stages) for s in stage.sources}
    last.update(dict.fromkeys(kept, len(stages)))
    costs: dict[tuple[int, int], int] = {}
    for end in range(1, len(stages) + 1):
        alive = {s.target.name for s in stages[:end] if last.get(s.target.name, -1) >= end}
        target = stages[end - 1].target
        if alive - {target.name} or target.layout == "sums":
            continue
        for start in range(max(0, end - STAGES_MOST), end):
            part = stages[start:end]
            sources = _outside(part)
            if len(sources) != 1 or any(s.target.name in kept for s in part[:-1]):
                continue
            if len(part) > 1 and any(stage.alone for stage in part):
                continue  # a call does it, without a pipeline
            whole = sum(t.bytes for t in (*sources, target) if not t.external)
            single = len(part) == 1 and part[0].alone
            work = part[0].scratch_bytes if single else memory_of(part, held).bytes
            costs[start, end] = work + whole
    least = _cut(len(stages), costs, 0)
    if least is None:
        return None
    peak = max(max(costs[part] for part in least), _SMALL)
    fewest = _cut(len(stages), costs, peak)
    assert fewest is not None
    return [tuple(stages[start:end]) for start, end in fewest]


def _outside(stages: Sequence[Stage]) -> tuple[Tensor, ...]:
    """Tensors that stages read and do not make."""
    inner = {stage.target.name for stage in stages}
    found = {s.name: s for stage in stages for s in stage.sources if s.name not in inner}
    return tuple(found.values())


def _cut(
    count: int, costs: dict[tuple[int, int], int], allowed: int
) -> list[tuple[int, int]] | None:
    """The parts with the lowest highest cost, where what is `allowed` counts as nothing, and of
    these cuts one with the fewest parts."""
    best: list[tuple[int, int, int] | None] = [(allowed, 0, 0)] + [None] * count
    for (start, end), cost in sorted(costs.items(), key=lambda item: item[0][1]):
        before, chosen = best[start], best[end]
        if before is not None:
            found = (max(before[0], cost), before[1] + 1, start)
            if chosen is None or found[:2] < chosen[:2]:
                best[end] = found
    parts: list[tuple[int, int]] = []
    while count:
        chosen = best[count]
        if chosen is None:
            return None
        parts.append((chosen[2], count))
        count = chosen[2]
    return parts[::-1]


def memory_of(stages: Sequence[Stage], held: dict[str, int]) -> Memory:
    """The numbers of lines made, the lines held between stages, and scratch that all share."""
    at = aligned(4 * (len(stages) + 1), ALIGNMENT)
    offsets = []
    for stage in stages[:-1]:
        offsets.append(at)
        at = aligned(at + _height(stage, held) * stage.target.line_bytes, ALIGNMENT)
    scratch = max(stage.scratch_bytes for stage in stages)
    return Memory((*offsets, 0), at, at + scratch)


def part_step(prefix: str, stages: tuple[Stage, ...], held: dict[str, int]) -> Step:
    """Stages as one step: a pipeline, or the call of a kernel that makes the only line.

    Args:
        prefix: the C name of a pipeline.
        stages: one of `segments`.
        held: of `held_lines`.
    """
    if len(stages) > 1 or not stages[0].alone:
        return _pipeline_step(prefix, stages, held)
    (stage,) = stages
    return Step(
        layer=stage.layer,
        kernel=stage.kernel,
        sources=stage.sources,
        target=stage.target,
        call=lambda read, write, scratch: (
            f"akrt_one_line({stage.kernel}, &{stage.structure}, {read}, {write}, {scratch});"
        ),
        kernels=(*stage.kernels, "akrt_one_line"),
        constants=stage.constants,
        scratch_bytes=stage.scratch_bytes,
        sizes=stage.sizes,
        notes=stage.notes,
        ends_layer=stage.ends_layer,
    )


def _pipeline_step(prefix: str, stages: tuple[Stage, ...], held: dict[str, int]) -> Step:
    memory = memory_of(stages, held)
    (source,) = _outside(stages)
    target = stages[-1].target
    lines = next(stage.lines.source for stage in stages if source in stage.sources)
    numbers = {source.name: 0} | {st.target.name: n + 1 for n, st in enumerate(stages)}
    tensors = [(0, source.line_bytes, lines)]
    for stage, offset in zip(stages, memory.offsets, strict=True):
        height = stage.lines.target if stage is stages[-1] else _height(stage, held)
        tensors.append((offset, stage.target.line_bytes, height))
    sizes = {f"stage_{n}_{w}": s for n, st in enumerate(stages) for w, s in st.sizes.items()}
    sizes |= {"stage": STAGE, "tensor": LINE_TENSOR, "pipeline": PIPELINE}
    rows = [_stage_fields(stage, numbers) for stage in stages]
    text = (
        f"static const akrt_stage {prefix}_stages[{len(rows)}] = {{\n    "
        + ",\n    ".join(rows)
        + f",\n}};\nstatic const akrt_line_tensor {prefix}_tensors[{len(tensors)}] = {{\n    "
        + ",\n    ".join("{" + ", ".join(map(str, t)) + "}" for t in tensors)
        + f",\n}};\nstatic const akrt_pipeline {prefix} = {{\n    {prefix}_stages, "
        f"{prefix}_tensors, {len(stages)}, {memory.scratch},\n}};\n"
    )
    size = len(rows) * STAGE.bytes + len(tensors) * LINE_TENSOR.bytes + PIPELINE.bytes
    constants = (*(c for stage in stages for c in stage.constants), Constant(prefix, text, size))
    return Step(
        layer=stages[-1].layer,
        kernel="akrt_next_line",
        sources=(source,),
        target=target,
        call=lambda read, write, scratch: f"{prefix}_run({read}, {write}, {scratch});",
        kernels=(*(k for stage in stages for k in stage.kernels), "akrt_pipeline"),
        constants=constants,
        scratch_bytes=memory.bytes,
        sizes=sizes,
        pipeline=prefix,
        stages=stages,
        ends_layer=False,
    )


def _height(stage: Stage, held: dict[str, int]) -> int:
    """Lines of a tensor between stages that memory holds; sums are one."""
    return 1 if stage.target.layout == "sums" else held[stage.target.name]


def _stage_fields(stage: Stage, numbers: dict[str, int]) -> str:
    moved = stage.lines
    first, second = numbers[stage.sources[0].name], -1
    if len(stage.sources) > 1:
        second = numbers[stage.sources[1].name]
    reach = moved.taps if moved.reach is None else moved.reach
    fields = (
        first, second, moved.source, moved.target, moved.taps, reach, moved.stride, moved.before,
    )  # fmt: skip
    return f"{{{stage.kernel}, &{stage.structure}, {', '.join(map(str, fields))}}}"
