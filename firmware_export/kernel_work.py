"""What a kernel does for a layer, in counts of its loops: what measured rates are multiplied by.

Kernels of lines are counted by the family of a core, as they differ with how a core multiplies
(`long_loops`, `halves_loops`, `vector_loops`). Within a family the counts are no model of any one
core: a kernel has those that one of its forms might have, and a rate of zero says that a core has
no such loop.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from akrt.lowering.operations import NeuralOperation, Pass, akida_1_operation
from firmware_export.general_loops import GENERAL_LOOPS
from firmware_export.line_loops import LINE_LOOPS
from firmware_export.loop_counts import FAMILIES, RUN, Task, Work, form_of, run_lengths
from firmware_export.lowered import Lowered
from firmware_export.row_loops import ROW_LOOPS
from firmware_export.step import Stage, Step

__all__ = ["KERNELS", "PARTS", "call_work", "emission", "kernel_work", "pipeline_work"]

PARTS = ("call", "emission", "general", "pipeline", "rows")
"""Rates that are of no one kernel: of a call of ``<name>_run``, of what becomes of potentials of
lines and of general kernels, of driving stages, and of what kernels of rows may share."""


def kernel_work(
    lowered: Lowered,
    work: Step | Stage,
    core: str,
    nonzero: float = 1.0,
    exact: bool = False,
) -> dict[str, Work]:
    """The loops of one kernel by its parts, which are files of src_c/mcu, without what becomes of
    potentials.

    Args:
        lowered: the network.
        work: a step without stages, or a stage.
        core: of `firmware_export.targets`.
        nonzero: the share of inputs that are not zero; only general kernels ask.
        exact: what large values take is done: sums of a global average are computed once more,
            position by position, and depthwise results in two parts.

    Raises:
        KeyError: a kernel that is not in `KERNELS`.
    """
    task = Task(work, _does(lowered, work), nonzero, core, exact)
    told = {part: KERNELS[part](task) for part in work.kernel.split("/")}
    if work.kernel in _ROWS:  # one kernel on some cores, two on others
        told["rows"] = told[work.kernel]
    return told


def emission(lowered: Lowered, work: Step | Stage, core: str) -> dict[str, Work]:
    """What becomes of the potentials of a kernel of lines, or of a general one: by part, forms
    with the number of outputs first.

    Args:
        lowered: the network.
        work: a step without stages, or a stage.
        core: of `firmware_export.targets`.
    """
    does = _does(lowered, work)
    if does is None or work.kernel.split("/")[0] not in _EMITTING:
        return {}
    text = work.constants[-1].text
    form = form_of(text, core)
    general = work.kernel.startswith("akrt_layer")
    if "AKRT_EMITS_SUMS" in text:
        form = "SUMS"
    if FAMILIES.get(core) == "vector" and work.kernel in _BY_WORDS:
        form += " by words"
    x, y, filters = work.target.shape
    if work.target.layout == "sums":
        x, y, filters = does.node.conv_shape
    outputs, words = x * y * filters, x * y * -(-filters // 8)
    if general:
        return {"general": {form: outputs, f"{form} positions": x * y}}
    told: Work = {form: outputs, f"{form} words": words}
    runs = x * len(run_lengths(y, RUN))
    told[f"{form} runs of filters"] = runs * filters
    told[f"{form} runs of words"] = runs * -(-filters // 8)
    told[f"{form} full words"] = x * y * (filters // 8)
    told[f"{form} full runs"] = runs * (filters // 8)
    told[f"{form} left"] = x * y * (filters % 8)
    told[f"{form} fours"] = x * -(-y // 2) * -(-filters // 4)
    if "AKRT_EMITS_SATURATED" in text:
        told["saturated"] = outputs
    return {"emission": told}


def pipeline_work(step: Step) -> list[Work]:
    """What driving the stages of a pipeline takes, by stage; what no stage is found for is the
    first one's."""
    stages = step.stages
    made = {s.name: 0 for stage in stages for s in (*stage.sources, stage.target)}
    outside = step.sources[0].name
    told: list[Work] = [
        {
            "stages": 1,
            "lines": stage.lines.target,
            "taps": stage.lines.target * stage.lines.taps,
            "taps within": _within(stage),
            "checks": 0,
            "calls": 0,
        }
        for stage in stages
    ]
    told[0]["pipelines"] = 1
    done = [0] * len(stages)
    while True:
        for number in range(len(stages) - 1, -1, -1):
            lines = stages[number].lines
            x = done[number]
            if x < lines.target and all(
                made[s.name] >= lines.end(x) for s in stages[number].sources
            ):
                told[number]["checks"] += len(stages) - number
                told[number]["calls"] += 1
                done[number] += 1
                made[stages[number].target.name] += 1
                break
        else:
            told[0]["checks"] += len(stages)
            told[0]["calls"] += 1
            whole = next(s.lines.source for s in stages if s.sources[0].name == outside)
            if made[outside] == whole:
                return told
            made[outside] += 1


def call_work(lowered: Lowered) -> Work:
    """What a call of ``<name>_run`` takes besides its steps."""
    checked = lowered.model.input_bits < 8
    return {
        "once": 1,
        "steps": len(lowered.steps),
        "checked bytes": int(np.prod(lowered.model.input_shape)) if checked else 0,
    }


def _does(lowered: Lowered, work: Step | Stage) -> NeuralOperation | None:
    does = akida_1_operation(lowered.model.nodes[work.layer])
    return None if isinstance(does, Pass) or work.kernel in _LAYOUTS else does


def _within(stage: Stage) -> int:
    """Lines of the source that all lines of the target cover."""
    lines = stage.lines
    starts = (x * lines.stride - lines.before for x in range(lines.target))
    return sum(min(s + lines.taps, lines.source) - max(s, 0) for s in starts)


_BY_WORDS = ("akrt_add_lines", "akrt_sums_line")
"""Whose outputs are made one by one on cores with vectors, too."""
_ROWS = ("akrt_separable_rows", "akrt_separable_rows_muladd")
_LAYOUTS = (
    "akrt_pack_line",
    "akrt_pack_rows",
    "akrt_row_line",
    "akrt_unpack_line",
    "akrt_unpack_rows",
    "akrt_widen",
    "akrt_widen_line",
)
_EMITTING = (
    "akrt_add_lines",
    "akrt_bytes_lines",
    "akrt_conv_lines",
    "akrt_dense_line",
    "akrt_separable_lines",
    "akrt_sums_line",
    "akrt_wide_lines",
    "akrt_layer_add",
    "akrt_layer_dense",
    "akrt_layer_max",
    "akrt_layer_plain",
    "akrt_layer_sum",
)

KERNELS: dict[str, Callable[[Task], Work]] = {**LINE_LOOPS, **ROW_LOOPS, **GENERAL_LOOPS}
"""What counts the loops of each part of a kernel."""
