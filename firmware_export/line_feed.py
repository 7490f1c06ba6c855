"""The C of a network that is fed line by line, as a camera gives a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

from akrt.lowering.liveness import aligned
from firmware_export.interface import input_bytes, input_type, output_type, range_check
from firmware_export.lowered import Lowered
from firmware_export.pipeline import held_lines
from firmware_export.remembered import state_argument, state_parameter
from firmware_export.step import ALIGNMENT, INPUT, OUTPUT, Step

__all__ = ["LineFeed", "line_feed", "line_feed_declarations", "line_feed_functions"]


@dataclass(frozen=True)
class LineFeed:
    """Where lines lie that are not in the arena of a whole inference. Bytes from the arena on."""

    first: Step | None
    """The pipeline that takes lines as they come; None: the input is put together first."""
    held: int
    """Lines of the input that there is room for."""
    input: int
    output: int
    """What the pipeline writes, if that is the network's output, until it is asked for."""
    count: int
    """Of lines that came, where no pipeline counts them."""
    bytes: int
    """All of the arena."""


def line_feed(lowered: Lowered) -> LineFeed:
    """How a network takes its input line by line."""
    x, y, channels = lowered.model.input_shape
    steps = lowered.steps
    first = steps[0] if steps and steps[0].stages else None
    if first is not None and first.sources[0].name != INPUT:
        first = None
    if any(source.name == INPUT for step in steps[1:] for source in step.sources):
        first = None
    if lowered.model.stateful:
        first = None
    channels *= input_bytes(lowered.model)
    held = x if first is None else held_lines(first.stages)[INPUT]
    at = aligned(max(lowered.arena.bytes, ALIGNMENT), ALIGNMENT)
    output = aligned(at + held * y * channels, ALIGNMENT)
    end = output
    if first is not None and first.target.name == OUTPUT:
        end += aligned(4 * math.prod(lowered.model.output_shape), ALIGNMENT)
    count = end
    if first is None:
        end += ALIGNMENT
    return LineFeed(first, held, at, output, count, end)


def line_feed_declarations(lowered: Lowered) -> str:
    """Of the functions, with their sizes."""
    name, upper, state = lowered.name, lowered.name.upper(), state_parameter(lowered.model)
    return f"""\
/* The same with the input line by line, {upper}_LINES of {upper}_LINE_BYTES from the first position
 * of X on: {name}_begin, {name}_line for each, {name}_finish. arena: {upper}_LINES_ARENA_BYTES,
 * aligned as words are, left alone from {name}_begin to {name}_finish. Returned is 0, -1 and -2 as
 * above, or -3 for a line more than there are, or fewer at the end. */
int {name}_begin(void *arena);
int {name}_line(void *arena, const {input_type(lowered.model)} *line);
int {name}_finish(void *arena, {state}{output_type(lowered.model)} *output);
"""


def line_feed_functions(lowered: Lowered) -> str:
    """Their definitions; they follow `net_run`."""
    name, upper = lowered.name, lowered.name.upper()
    feed = line_feed(lowered)
    lines = lowered.model.input_shape[0]
    given = input_type(lowered.model)
    check = range_check(lowered.model, name, "line", f"{upper}_LINE_BYTES", whole=False)
    if feed.first is None:
        begin = f"    *(int32_t *)(void *)((uint8_t *)arena + {feed.count}) = 0;\n"
        take = f"""\
    uint8_t *const bytes = (uint8_t *)arena;
    int32_t *count = NULL;
    if (arena == NULL || line == NULL || akrt_misaligned((uintptr_t)arena)) {{
        return -1;
    }}
    count = (int32_t *)(void *)(bytes + {feed.count});
    if (*count >= {lines}) {{
        return -3;
    }}
{check}    memcpy(bytes + {feed.input} + *count * {upper}_LINE_BYTES, line, {upper}_LINE_BYTES);
    ++*count;
    return 0;
"""
        taken = f"(const uint8_t *)arena + {feed.input}"
        if given != "uint8_t":
            taken = f"(const {given} *)(const void *)({taken})"
        finish = f"""\
    if (*(const int32_t *)(const void *)((const uint8_t *)arena + {feed.count}) != {lines}) {{
        return -3;
    }}
    return {name}_run({taken}, output, {state_argument(lowered.model)}arena);
"""
        return _three(lowered, begin, take, finish, "")
    pipeline = feed.first.pipeline
    target, copy = lowered.place(feed.first.target), ""
    if feed.first.target.name == OUTPUT:
        target = f"arena_bytes + {feed.output}"
        copy = (
            f"    memcpy(output, (const uint8_t *)arena + {feed.output}, "
            f"{upper}_OUTPUTS * sizeof(int32_t));\n"
        )
    scratch = lowered.scratch(0).replace("arena_words", "(int32_t *)arena")
    memory = f"""\
/* Where lines go that come one by one. */
AKRT_CODE static void {name}_feed(void *arena, akrt_pipeline_memory *m) {{
    uint8_t *const arena_bytes = (uint8_t *)arena;
    m->source = arena_bytes + {feed.input};
    m->held = {feed.held};
    m->target = {target};
    m->memory = (uint8_t *)({scratch});
}}

"""
    begin = f"""\
    {name}_feed(arena, &m);
    akrt_pipeline_begin(&{pipeline}, &m);
"""
    take = f"""\
    akrt_pipeline_memory m;
    int32_t *made;
    if (arena == NULL || line == NULL || akrt_misaligned((uintptr_t)arena)) {{
        return -1;
    }}
    {name}_feed(arena, &m);
    made = akrt_lines_made(&m);
    if (*made >= {lines}) {{
        return -3;
    }}
{check}    memcpy(m.source + *made % {feed.held} * {upper}_LINE_BYTES, line, {upper}_LINE_BYTES);
    ++*made;
    {pipeline}_go(&m);
    return 0;
"""
    finish = f"""\
    {name}_feed(arena, &m);
    if (*akrt_lines_made(&m) != {lines}) {{
        return -3;
    }}
{copy}    {name}_after_lines(output, arena);
    return 0;
"""
    return memory + _three(lowered, begin, take, finish, "    akrt_pipeline_memory m;\n")


def _three(lowered: Lowered, begin: str, take: str, finish: str, declared: str) -> str:
    name, state = lowered.name, state_parameter(lowered.model)
    return f"""\
AKRT_CODE int {name}_begin(void *arena) {{
{declared}    if (arena == NULL || akrt_misaligned((uintptr_t)arena)) {{
        return -1;
    }}
{begin}    return 0;
}}

AKRT_CODE int {name}_line(void *arena, const {input_type(lowered.model)} *line) {{
{take}}}

AKRT_CODE int {name}_finish(void *arena, {state}{output_type(lowered.model)} *output) {{
{declared}    if (arena == NULL || output == NULL ||
        akrt_misaligned((uintptr_t)arena | (uintptr_t)output)) {{
        return -1;
    }}
{finish}}}
"""
