"""What is learned from the instructions of a network: for bench/firmware_rates.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rate_networks import MIXED, SATURATES
from rate_programs import MOST, NONE, Case

from akrt.lowering.operations import Separable, operation
from firmware_export.exact_sums import results_may_be_large, sums_may_saturate
from firmware_export.kernel_work import call_work, emission, kernel_work, pipeline_work
from firmware_export.loop_counts import FAMILIES, Work
from firmware_export.lowered import Lowered
from firmware_export.step import Stage, Step

__all__ = ["Sample", "parts", "samples"]

_NOTABLE = 0.03
"""Of a network's instructions: less is not worth a better fit."""
_EXACT = 1.2
"""Times what zeros take: the sums of a global average were computed exactly."""


@dataclass(frozen=True)
class Sample:
    """Instructions of one inference, by who took them, and the loops that they are put down to."""

    case: int
    kernel: str
    what: tuple[str, ...]
    """Of the `parts` that were counted."""
    loops: dict[str, Work]
    """By kernel, or part: `emission`, `pipeline`, `call`."""
    counted: float
    scale: float
    """What an error is relative to: what was counted, or a small part of all of the network."""


_DRIVE = ("akrt_next_line", "akrt_line_of", "akrt_stage_ready", "akrt_pipeline_begin")
_AFTER = ("akrt_sums_line", "akrt_separable_rows", "akrt_separable_rows_muladd")
"""Where another kernel is in a network, it is that which is measured."""
_CALL = ("main", "akrt_in_range", "akrt_misaligned")
_APART = (
    "akrt_pack_line",
    "akrt_row_line",
    "akrt_unpack_line",
    "akrt_widen_line",
    "akrt_max_line",
    "akrt_pack_rows",
    "akrt_unpack_rows",
    "akrt_widen",
)
"""Kernels that call no others, and whose instructions are those of their function."""


_INLINE = ("akrt_pack_rows", "akrt_unpack_rows", "akrt_widen")
"""Those that a compiler puts into the network's own functions."""


def parts(net: Lowered, counted: dict[str, int]) -> dict[str, int]:
    """Instructions of a network by `pipeline`, `call`, kernels apart, and `rest`."""
    apart = {w.kernel for s in net.steps for w in s.works} & set(_APART)
    if "akrt_wide_lines" in net.kernels:
        apart.discard("akrt_unpack_line")  # it calls that too
    told = dict.fromkeys(("pipeline", "call", "rest", *apart), 0)
    for function, n in counted.items():
        plain = function.split(".")[0]
        own = plain.startswith(f"{net.name}_")
        if plain in _DRIVE or (own and plain.startswith(f"{net.name}_p")):
            told["pipeline"] += n
        elif own or plain in _CALL:
            told["call"] += n
        else:
            told[plain if plain in apart else "rest"] += n
    return told


def added(*works: dict[str, Work]) -> dict[str, Work]:
    """The sum of loops by part."""
    told: dict[str, Work] = {}
    for work in works:
        for part, loops in work.items():
            sums = told.setdefault(part, defaultdict(float))
            for loop, n in loops.items():
                sums[loop] += n
    return told


def samples(
    number: int,
    case: Case,
    runs: Sequence[dict[str, int]],
    core: str,
    at_most: bool = False,
) -> list[Sample]:
    """What is learned from one network; `at_most`: with the loops of the longest way only."""
    net, found = case.net, []
    counts = [parts(net, run) for run in runs]
    works = [work for step in net.steps for work in step.works]
    own = {work.kernel for work in works if counts[0].get(work.kernel)}
    in_call = [work for work in works if work.kernel in _INLINE and work.kernel not in own]
    rest = [work for work in works if work.kernel not in own and work not in in_call]
    driven = added(*({"pipeline": w} for s in net.steps if s.stages for w in pipeline_work(s)))

    def learn(kernel: str, what: tuple[str, ...], loops: dict[str, Work], run: int = 0) -> None:
        n = sum(counts[run][one] for one in what)
        scale = max(n, _NOTABLE * sum(counts[run].values()))
        found.append(Sample(number, kernel, what, loops, n, scale))

    called = added({"call": call_work(net)}, *(kernel_work(net, work, core) for work in in_call))
    inside = any(work.kernel.startswith("akrt_layer") for work in rest)
    if not inside:
        learn("call", ("call",), called)
    if driven:
        learn("pipeline", ("pipeline",), driven)
    for kernel in own:
        alike = [kernel_work(net, work, core) for work in works if work.kernel == kernel]
        learn(kernel, (kernel,), added(*alike))
    if not rest:
        return found
    main = next((work for work in reversed(rest) if work.kernel not in _AFTER), rest[0])
    label = MIXED if net.model.name == MIXED else main.kernel
    what = ("rest", "call") if inside else ("rest",)  # a compiler may put one into the other
    for run, kind in enumerate(case.kinds):
        longest, exact = at_most or kind == MOST, False
        if any(work.kernel == "akrt_separable_sum_rows" for work in rest) and not at_most:
            zero = counts[case.kinds.index(NONE)]["rest"]
            exact = counts[run]["rest"] > _EXACT * zero
            if exact and net.model.name != SATURATES:
                continue
        elif run > 0 and not (longest and _by_input(main.kernel)):
            continue
        if (at_most and run > 0) or (not at_most and _in_parts(case, core, main, counts, run)):
            continue
        share = 1.0 if longest or net.model.input_bits == 8 else 0.5
        loops = (
            kernel_work(net, work, core, share, exact or (at_most and _may_be_large(net, work)))
            for work in rest
        )
        emits = (emission(net, work, core) for work in rest)
        learn(label, what, added(*loops, *emits, called if inside else {}), run)
    return found


def _may_be_large(net: Lowered, work: Step | Stage) -> bool:
    """Whether there is an input whose large values take more work."""
    does = operation(net.model.nodes[work.layer])
    if not isinstance(does, Separable):
        return False
    rows = work.kernel == "akrt_separable_sum_rows"
    return sums_may_saturate(does) if rows else results_may_be_large(does)


def _in_parts(
    case: Case, core: str, main: Step | Stage, counts: Sequence[dict[str, int]], run: int
) -> bool:
    """Whether some depthwise results were taken in two parts: nothing else depends on inputs."""
    if FAMILIES.get(core) != "vector" or main.kernel != "akrt_separable_lines":
        return False
    return counts[run]["rest"] > counts[case.kinds.index(NONE)]["rest"]


def _by_input(kernel: str) -> bool:
    """Whether instructions depend on how many inputs are zero."""
    return kernel.startswith("akrt_layer") and kernel != "akrt_layer_add"
