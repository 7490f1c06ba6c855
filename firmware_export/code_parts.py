"""What the code of an export is made of: parts whose sizes were measured."""

from __future__ import annotations

from firmware_export.loop_counts import Work
from firmware_export.lowered import Lowered

__all__ = ["code_parts"]


def code_parts(lowered: Lowered) -> Work:
    """How often each part is there: kernels and what they share once, drivers of pipelines often.

    What functions of a kernel are put into those that call them depends on how many do so.
    """
    works = [work for step in lowered.steps for work in step.works]
    kernels = {stem for work in works for stem in work.kernels}
    lines = {k for k in kernels if k.endswith(("_line", "_lines"))}
    emitting = lines & _EMITTING
    told: Work = dict.fromkeys(sorted(kernels), 1)
    told |= {
        "call": 1,
        "checked": 1 if lowered.model.input_bits < 8 else 0,
        "emission": min(len(emitting), 1),
        "emission shared": 1 if len(emitting) > 1 else 0,
        "general": 1 if any(k.startswith("akrt_layer") for k in kernels) else 0,
        "runs": 1 if kernels & _RUNS else 0,
        "rows": 1 if any("separable" in k and "rows" in k for k in kernels) else 0,
        "calls": sum(not step.stages for step in lowered.steps),
        "pipelines": sum(bool(step.stages) for step in lowered.steps),
        "stages": sum(len(step.stages) for step in lowered.steps),
        "stages that end": sum(s.ends_layer for step in lowered.steps for s in step.stages),
    }
    told["drive"] = min(told["pipelines"], 1)
    return {part: n for part, n in told.items() if n}


_RUNS = {"akrt_bytes_lines", "akrt_conv_lines", "akrt_separable_lines", "akrt_wide_lines"}
_EMITTING = {*_RUNS, "akrt_add_lines", "akrt_dense_line", "akrt_sums_line"}
