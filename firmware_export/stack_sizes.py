"""The stack that the functions of an export take, from figures that were measured."""

from __future__ import annotations

from firmware_export.interface import quantisation
from firmware_export.lowered import Lowered
from firmware_export.stack_figures import FRONT_ENDS, KERNELS, MEASURED_WITH, STREAM
from firmware_export.stream import c_front_end

__all__ = ["stack_bytes", "stream_stack_bytes"]

_STACK_MARGIN = 80
"""For what a compiler keeps otherwise in other networks: 72 in those of the tests."""


def stack_bytes(lowered: Lowered) -> dict[str, int]:
    """Stack of ``<name>_run`` by target, measured kernel by kernel: the most of those it calls.

    Nothing for networks of Akida 2.0, or that take floats, with a kernel that was not measured.
    """
    called = {work.kernel for step in lowered.steps for work in step.works}
    floats = quantisation(lowered.model) is not None
    if (lowered.model.version == 2 or floats) and not called <= set(KERNELS):
        return {}
    return {
        target: max((_measured(kernel, target) for kernel in called), default=0) + _STACK_MARGIN
        for target in MEASURED_WITH
    }


def _measured(kernel: str, target: str) -> int:
    """0 for a kernel that is new, until the figures are made again."""
    return KERNELS.get(kernel, {}).get(target, 0)


def stream_stack_bytes(lowered: Lowered) -> dict[str, int]:
    """Stack of ``<name>_stream_feed`` by target: of the front end, or of the inference if more."""
    alone = FRONT_ENDS.get(c_front_end(lowered.model).state, {})
    return {
        target: max(run + STREAM[target], alone.get(target, 0) + _STACK_MARGIN)
        for target, run in stack_bytes(lowered).items()
    }
