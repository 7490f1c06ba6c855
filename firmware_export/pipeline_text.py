"""The C text of pipelines: what runs them, and tells of layers that are done."""

from __future__ import annotations

from firmware_export.lowered import Lowered
from firmware_export.step import Step

__all__ = ["pipeline_functions"]


def pipeline_functions(lowered: Lowered) -> str:
    """Two functions for every pipeline: one makes all lines that can be made, one all of a whole
    source."""
    return "".join(_functions(lowered, s) for s in lowered.steps if s.stages)


def _functions(lowered: Lowered, step: Step) -> str:
    upper, prefix = lowered.name.upper(), step.pipeline
    ends = [(n, stage) for n, stage in enumerate(step.stages) if stage.ends_layer]
    ticks = "".join(
        f"            case {n}:\n"
        f"                {upper}_TICK({stage.layer});\n"
        f"                break;\n"
        for n, stage in ends
    )
    after = ""
    if ends:
        after = f"""\
        const int32_t made = akrt_lines_made(m)[stage + 1];
        const int32_t ends = made == {prefix}_stages[stage].out_lines;
{_hashes(lowered, step)}        if (ends) {{
            switch (stage) {{
{ticks}            default:
                break;
            }}
        }}
"""
    lines = next(s.lines.source for s in step.stages if step.sources[0] in s.sources)
    return f"""\
AKRT_CODE static void {prefix}_go(const akrt_pipeline_memory *m) {{
    int32_t stage;
    while ((stage = akrt_next_line(&{prefix}, m)) >= 0) {{
{after}    }}
}}

AKRT_CODE static void {prefix}_run(const uint8_t *source, void *target, void *memory) {{
    akrt_pipeline_memory m;
    m.source = (uint8_t *)(uintptr_t)source;
    m.held = {lines};
    m.target = (uint8_t *)target;
    m.memory = (uint8_t *)memory;
    akrt_pipeline_begin(&{prefix}, &m);
    while (akrt_lines_made(&m)[0] < {lines}) {{ /* one by one: branches keep pace */
        akrt_lines_made(&m)[0]++;
        {prefix}_go(&m);
    }}
}}

"""


def _hashes(lowered: Lowered, step: Step) -> str:
    name, prefix = lowered.name, step.pipeline
    told = ""
    for n, stage in enumerate(step.stages):
        if not stage.ends_layer:
            continue
        _, y, c = stage.target.shape
        words = int(stage.target.layout == "words")
        told += f"""\
        if (stage == {n}) {{
            hash[{n}] = akrt_hash_line(hash[{n}], line, {y}, {c}, {words});
            if (ends) {{
                {name}_on_layer({stage.layer}, hash[{n}]);
            }}
        }}
"""
    return f"""\
#ifdef {name.upper()}_LAYER_HASHES
        static uint32_t hash[{len(step.stages)}];
        const void *line = akrt_line_of(&{prefix}, m, stage + 1, made - 1);
        if (made == 1) {{
            hash[stage] = AKRT_HASH_START;
        }}
{told}#endif
"""
