"""What the code of an export is made of: parts whose sizes were measured."""

from __future__ import annotations

from collections import Counter

from akrt.lowering.operations import operation
from akrt.lowering.scaled_operations import Scaled
from firmware_export.akida2_loops import akida2_part
from firmware_export.interface import range_kernels
from firmware_export.loop_counts import Work
from firmware_export.lowered import Lowered

__all__ = ["akida2_code_parts", "code_parts", "kernel_parts", "own_parts"]


def code_parts(lowered: Lowered) -> Work:
    """How often each part is there: kernels and what they share once, drivers of pipelines often.

    What functions of a kernel are put into those that call them depends on how many do so.
    """
    return own_parts(lowered) | kernel_parts(lowered)


def own_parts(lowered: Lowered) -> Work:
    """Of the functions of the network itself."""
    steps = lowered.steps
    told: Work = {
        "call": 1,
        "checked": 1 if lowered.model.input_bits < 8 else 0,
        "calls": sum(not step.stages for step in steps),
        "pipelines": sum(bool(step.stages) for step in steps),
        "ends": sum(any(s.ends_layer for s in step.stages) for step in steps),
    }
    return {part: n for part, n in told.items() if n}


def kernel_parts(lowered: Lowered) -> Work:
    """Of the kernels. One that is called once, and by no pipeline, is smaller: the compiler knows
    its layer."""
    calls = Counter(stem for s in lowered.steps if not s.stages for stem in s.kernels)
    driven = {stem for s in lowered.steps if s.stages for stem in s.kernels}
    kernels = driven | set(calls)
    known = {stem for stem in kernels - driven if calls[stem] == 1}
    emitting = kernels & _EMITTING
    of_rows = sum(calls[stem] for stem in _SEPARABLE_ROWS)
    told: Work = {f"{stem} once" if stem in known else stem: 1 for stem in sorted(kernels)}
    told |= {
        "emission": 1 if emitting - known else 0,
        "emission shared": 1 if len(emitting) > 1 else 0,
        "emission once": 1 if emitting and not emitting - known else 0,
        "general": 1 if any(k.startswith("akrt_layer") for k in kernels) else 0,
        "separable rows": 1 if of_rows > 1 else 0,
        "separable rows once": 1 if of_rows == 1 else 0,
        "runs": 1 if kernels & _RUNS else 0,
        "rows": 1 if any("separable" in k and "rows" in k for k in kernels) else 0,
        "pipeline": 1 if driven else 0,
    }
    return {part: n for part, n in told.items() if n}


_SEPARABLE_ROWS = ("akrt_separable_rows", "akrt_separable_rows_muladd")
"""One kernel on some cores."""
_RUNS = {"akrt_bytes_lines", "akrt_conv_lines", "akrt_separable_lines", "akrt_wide_lines"}
_EMITTING = {*_RUNS, "akrt_add_lines", "akrt_dense_line", "akrt_sums_line"}


def akida2_code_parts(lowered: Lowered) -> Work:
    """The same of a network of Akida 2.0: compilers make a driver anew for what it drives."""
    calls = Counter(step.kernel for step in lowered.steps)
    stems = {stem for kernel in calls for stem in kernel.split("/")}
    stems |= set(range_kernels(lowered.model))
    told: Work = {"akida2 call": 1, "akida2 calls": len(lowered.steps)}
    told |= {f"akida2 {kernel}": 1 for kernel in calls if "/" in kernel}
    told |= {akida2_part(stem): 1 for stem in sorted(stems)}
    once = [kernel.split("/")[0] for kernel, n in calls.items() if n == 1]
    told |= {f"{akida2_part(driver)} once": 1 for driver in once}
    done = [operation(node) for node in lowered.model.nodes]
    activations = {does.layer.activation for does in done if isinstance(does, Scaled)}
    told["akida2 table"] = 1 if "lut" in activations else 0
    return {part: n for part, n in told.items() if n}
