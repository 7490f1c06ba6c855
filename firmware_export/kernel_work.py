"""What a kernel does for a layer, in counts of its loops: what measured rates are multiplied by.

The counts are no model of any one core: every kernel has those that one of its forms might have,
runs of six positions and of four, pairs of filters and groups of eight, and a rate of zero says
that a core has no such loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import Window
from akrt.lowering.operations import (
    Convolution,
    Dense,
    NeuralOperation,
    Pass,
    Separable,
    operation,
)
from akrt.model import POTENTIAL_MAX
from firmware_export.lowered import Lowered
from firmware_export.row_steps import pointwise_group
from firmware_export.sizes import ROW_WIDTH, padded_channels
from firmware_export.step import INPUT, Stage, Step

__all__ = ["KERNELS", "PARTS", "Work", "call_work", "emission", "kernel_work", "pipeline_work"]

Work = dict[str, float]
"""Counts by name."""

PARTS = ("call", "emission", "general", "pipeline")
"""Rates that are of no one kernel: a call of ``<name>_run``, what becomes of the potentials of lines
and of general kernels, and the drive of stages."""

_RUN, _SHORT_RUN, _PATCH, _SHORT_PATCH = 6, 4, 72, 288
_GROUP = re.compile(r"\}, \d+, \d+, (\d+), AKRT_EMITS")
_FORM = re.compile(r"(?:AKRT_LONG_MULTIPLY \? AKRT_FORM_(\w+) : )?AKRT_FORM_(\w+), *\d+, *(\d+)")


@dataclass(frozen=True)
class Task:
    """A kernel's work on a layer."""

    work: Step | Stage
    does: NeuralOperation | None
    """None: only the layout is changed."""
    nonzero: float
    """The share of its inputs that are not zero."""
    worst: bool
    """Whether it takes the longest way that there is for any input."""
    long_multiply: bool
    exact: bool | None

    @property
    def lines(self) -> int:
        return self.work.lines.target if isinstance(self.work, Stage) else 1


def kernel_work(
    lowered: Lowered,
    work: Step | Stage,
    long_multiply: bool,
    worst: bool = False,
    nonzero: float | None = None,
    exact: bool | None = None,
) -> dict[str, Work]:
    """The loops of one kernel by its parts, which are files of src_c/mcu, without what becomes of
    potentials.

    Args:
        lowered: the network.
        work: a step without stages, or a stage.
        long_multiply: the core has a long multiplication: some forms are others without.
        worst: for the input that takes longest.
        nonzero: the share of inputs that are not zero; default: as in most networks, half of the
            activations and nearly all of a network's input.
        exact: sums of a global average are computed once more, position by position; default: where
            that may be, for the worst input, or is to be expected.

    Raises:
        KeyError: a kernel that is not in `KERNELS`.
    """
    does = _does(lowered, work)
    if nonzero is None:
        outside = work.sources[0].name == INPUT
        nonzero = 1.0 if worst else 1 - 1 / (1 << lowered.model.input_bits) if outside else 0.5
    task = Task(work, does, nonzero, worst, long_multiply, exact)
    return {part: KERNELS[part](task) for part in work.kernel.split("/")}


def emission(lowered: Lowered, work: Step | Stage, long_multiply: bool) -> dict[str, Work]:
    """What becomes of the potentials of a kernel of lines, or of a general one: by part, forms
    with the number of outputs first.

    Args:
        lowered: the network.
        work: a step without stages, or a stage.
        long_multiply: the core has a long multiplication: some forms are others without.
    """
    does = _does(lowered, work)
    if does is None or work.kernel.split("/")[0] not in _EMITTING:
        return {}
    text = work.constants[-1].text
    form = _form(text, long_multiply)
    general = work.kernel.startswith("akrt_layer")
    if "AKRT_EMITS_SUMS" in text:
        form = "SUMS"
    x, y, filters = work.target.shape
    if work.target.layout == "sums":
        x, y, filters = does.node.conv_shape
    outputs, words = x * y * filters, x * y * -(-filters // 8)
    if general:
        return {"general": {form: outputs, f"{form} positions": x * y}}
    told: Work = {form: outputs, f"{form} words": words}
    runs = x * len(_runs(y, _RUN))
    told[f"{form} runs of filters"] = runs * filters
    told[f"{form} runs of words"] = runs * -(-filters // 8)
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
    does = operation(lowered.model.nodes[work.layer])
    return None if isinstance(does, Pass) or work.kernel in _LAYOUTS else does


def _runs(positions: int, most: int) -> list[int]:
    """Lengths of runs of about one length, as few as there can be."""
    runs = -(-positions // most)
    length = -(-positions // runs)
    return [min(length, positions - start) for start in range(0, positions, length)]


def _within(stage: Stage) -> int:
    """Lines of the source that all lines of the target cover."""
    lines = stage.lines
    starts = (x * lines.stride - lines.before for x in range(lines.target))
    return sum(min(s + lines.taps, lines.source) - max(s, 0) for s in starts)


def _covered(window: Window, axis: int) -> float:
    """Positions of the source that all windows along an axis cover, those beyond the edges aside."""
    return float(_axis(window, axis).sum())


def _positions(y: int) -> Work:
    """How the positions of a line are grouped."""
    runs, short = _runs(y, _RUN), _runs(y, _SHORT_RUN)
    return {
        "position": y,
        "pair": -(-y // 2),
        "four": -(-y // 4),
        "run": len(runs),
        "run pair": sum(-(-count // 2) for count in runs),
        "short run": len(short),
    }


def _times(lines: float, groups: Work, /, **counts: float) -> Work:
    """Every count at every group of positions."""
    return {
        f"{name}, {group}": lines * n * m
        for group, n in groups.items()
        for name, m in counts.items()
    }


def _convolution(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Convolution)
    window, filters = does.window, does.layer.filters
    channels, taps, lines = window.source[2], window.taps, task.lines
    twos, fours, eights = -(-filters // 2), -(-filters // 4), -(-filters // 8)
    if task.work.kernel == "akrt_conv_lines":
        octets = taps * -(-channels // 8)
        quads, vectors, parts = taps * -(-channels // 4), -(-octets // 4), -(-octets // 80)
    else:
        quads = -(-taps * channels // 4)
        octets, vectors, parts = -(-quads // 2), -(-quads // 4), -(-quads // 40)
    chunks, long = -(-quads // (_PATCH // 4)), -(-quads // (_SHORT_PATCH // 4))
    groups = _positions(window.target[1])
    told = _times(
        lines, groups, once=1, taps=taps, octets=octets, quads=quads, filters=filters,
        words=eights, products=quads * twos, chunks=chunks * twos,
    )  # fmt: skip
    within = _covered(window, 0) / (lines * window.size[0])
    for group in ("run", "run pair", "short run"):
        told[f"products within, {group}"] = within * told[f"products, {group}"]
        told[f"octets within, {group}"] = within * told[f"octets, {group}"]
        told[f"fours, {group}"] = lines * groups[group] * quads * fours
        told[f"fours within, {group}"] = within * told[f"fours, {group}"]
        told[f"long chunks, {group}"] = lines * groups[group] * long * twos
        told[f"lines of taps, {group}"] = lines * groups[group] * window.size[0]
    told |= _times(
        lines, {"pair": groups["pair"], "position": groups["position"]}, vectors=vectors,
        parts=parts * fours, groups=fours, steps=vectors * fours, window=window.size[0],
    )  # fmt: skip
    return told | {"lines": lines, "taps": lines * window.size[0]}


def _wide(task: Task) -> Work:
    assert isinstance(task.does, Convolution)
    _, y, channels = task.does.window.source
    unpacked = task.lines * task.does.window.size[0] * y
    return _convolution(task) | {
        "unpacked": unpacked * channels,
        "unpacked words": unpacked * -(-channels // 8),
        "unpacked positions": unpacked,
    }


def _separable(task: Task) -> Work:
    does, lines = task.does, task.lines
    assert isinstance(does, Separable)
    window, filters, channels = does.window, does.layer.filters, does.window.source[2]
    octets, (size_x, size_y) = -(-channels // 8), window.size
    fours, sixteens = -(-filters // 4), -(-channels // 16)
    groups = _positions(window.target[1])
    wide = 1 if does.node.max_depthwise > 127 else 0
    group, twos = _group(task), -(-filters // 2)
    sums = -(-8 * octets // group) if group else 0
    told = _times(
        lines, groups, once=1, octets=octets, taps=octets * window.taps, lines=octets * size_x,
        starts=sums, apart=0 if group else 8 * octets * twos,
        columns=octets * size_x * (size_y + 5 * window.stride[1]),
        short=octets * size_x * (size_y + 3 * window.stride[1]), filters=filters,
        twos=twos, threes=-(-filters // 3), words=-(-filters // 8),
        products=octets * filters, pairs=octets * twos,
        triples=octets * -(-filters // 3), sums=sums * twos,
    )  # fmt: skip
    told |= _times(
        lines, {group: groups[group] for group in ("pair", "position", "four")},
        vectors=sixteens, vector_taps=sixteens * window.taps, groups=fours,
        steps=sixteens * fours, wide=wide * octets, wide_groups=wide * fours,
        wide_steps=wide * sixteens * fours, wide_taps=wide * octets * window.taps,
    )  # fmt: skip
    return told | {"lines": lines, "taps": lines * size_x, "octets": lines * octets}


def _group(task: Task) -> int:
    """Channels whose products with any filter are added up in 16 bits, as the kernel is told; 0:
    they are added up apart."""
    found = _GROUP.search(task.work.constants[-1].text)
    return int(found[1]) if found else 0


def _dense(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Dense)
    x, y, channels = task.work.sources[0].shape
    octets, filters = x * y * -(-channels // 8), does.layer.filters
    vectors = -(-octets // 4)
    told: Work = {"lines": 1, "octets": octets, "filters": filters, "vectors": vectors}
    for group in (2, 4, 8):
        groups = -(-filters // group)
        told[f"groups of {group}"] = groups
        told[f"octets of {group}"] = octets * groups
        told[f"chunks of {group}"] = -(-octets // 36) * groups
        told[f"vectors of {group}"] = vectors * groups
    left = filters % 8
    return told | {"left": -(-left // 2), "octets left": octets * -(-left // 2)}


def _added(task: Task) -> Work:
    x, y, channels = task.work.target.shape
    words = x * y * -(-channels // 8)
    return {"lines": x, "positions": x * y, "words": words, "elements": x * y * channels}


def _maximum(task: Task) -> Work:
    does, work = task.does, task.work
    assert isinstance(does, (Convolution, Separable))
    assert does.pooling is not None
    x, y, filters = work.target.shape
    words, within = -(-filters // 8), _covered(does.pooling, 0)
    return {
        "lines": x,
        "positions": x * y,
        "words": x * y * words,
        "taps": x * y * words * does.pooling.size[0],
        "taps within": within * y * words,
        "elements": within * _covered(does.pooling, 1) * words,
    }


def _sums_line(task: Task) -> Work:
    filters = task.work.target.shape[2]
    return {"once": 1, "filters": filters, "words": -(-filters // 8)}


def _layout(task: Task) -> Work:
    x, y, channels = task.work.sources[0].shape
    elements = x * y * channels
    words = x * y * -(-channels // 8)
    return {"lines": x, "positions": x * y, "elements": elements, "words": words}


def _visited(task: Task) -> tuple[list[npt.NDArray[np.float64]], float]:
    """How often a general kernel computes the potentials at every position, by axis, and in all."""
    does = task.does
    assert isinstance(does, (Convolution, Separable))
    counts = [np.ones(size) for size in does.window.target[:2]]
    if does.pooling is not None:
        counts = [_axis(does.pooling, axis).sum(0) for axis in (0, 1)]
    return counts, float(counts[0].sum() * counts[1].sum())


def _general(task: Task) -> Work:
    does = task.does
    assert isinstance(does, (Convolution, Separable))
    positions = _visited(task)[1]
    x, y, _ = task.work.target.shape
    filters = does.layer.filters
    return {
        "once": 1,
        "positions": positions,
        "outputs": positions * filters,
        "written": x * y,
        "filters": filters,
        "largest": x * y * filters if does.pool == "max" else 0,
    }


def _potentials(task: Task) -> Work:
    does = task.does
    assert isinstance(does, (Convolution, Separable))
    counts, positions = _visited(task)
    window, filters = does.window, does.layer.filters
    bits, channels = does.layer.weights_bits, window.source[2]
    of_axis = [_axis(window, axis).sum(1) for axis in (0, 1)]
    within = float((of_axis[0] @ counts[0]) * (of_axis[1] @ counts[1]))
    taps = positions * window.taps
    if isinstance(does, Separable):
        return {
            "positions": positions,
            "outputs": positions * filters,
            "channels": positions * channels,
            "taps": taps,
            "taps within": within,
            f"depthwise {bits}": within * channels,
            f"products {bits}": positions * channels * filters,
        }
    told: Work = {
        "positions": positions,
        "outputs": positions * filters,
        "taps": taps * filters,
        "taps within": within * filters,
        "columns": positions * window.size[0] * filters,
        f"products {bits}": within * channels * filters,
        f"not zero {bits}": task.nonzero * within * channels * filters,
    }
    if does.border:
        told[f"border {bits}"] = (taps - within) * channels * filters
    return told


def _axis(window: Window, axis: int) -> npt.NDArray[np.float64]:
    """(positions of the target, of the source): whether the window of one covers the other."""
    starts = np.arange(window.target[axis]) * window.stride[axis] - window.before[axis]
    at = np.arange(window.source[axis]) - starts[:, None]
    return ((at >= 0) & (at < window.size[axis])).astype(np.float64)


def _general_dense(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Dense)
    inputs, filters = does.weights.shape
    bits = does.layer.weights_bits
    return {
        "once": 1,
        "filters": filters,
        f"products {bits}": inputs * filters,
        f"not zero {bits}": task.nonzero * inputs * filters,
    }


def _first_rows(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Convolution)
    rows, width, filters = does.window.target
    taps, fours, channels = len(does.weights), -(-filters // 4), does.window.source[2]
    within = _covered(does.window, 0) * _covered(does.window, 1)
    form = _form_of_rows(task)
    return {
        "once": 1,
        "rows": rows,
        "taps": rows * taps,
        "taps within": within * channels,
        "columns": rows * does.window.taps,
        "odd": rows * fours * (taps % 2),
        "fours": rows * fours,
        "products": rows * fours * taps,
        "chunks": rows * fours * -(-taps // 64),
        form: rows * fours * width,
        f"{form} fours": rows * fours,
    }


def _rows(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Separable)
    rows, width = does.window.source[:2]
    channels = padded_channels(does.window.source[2])
    filters = padded_channels(does.layer.filters)
    octets, threes = -(-channels // 8), -(-filters // 3)
    groups = -(-channels // pointwise_group(does))
    form = _form_of_rows(task)
    return {
        "once": 1,
        "channels": channels,
        "rows": rows,
        "columns": rows * channels,
        "octets": rows * octets,
        "pairs": rows * filters,
        "products": rows * filters * channels,
        "groups": rows * filters * groups,
        "starts": rows * groups,
        "threes": rows * threes,
        "triples": rows * threes * octets,
        "eights": rows * -(-filters // 8),
        "eight products": rows * -(-filters // 8) * channels,
        form: rows * width * filters,
        f"{form} pairs": rows * filters,
    }


def _sum_rows(task: Task) -> Work:
    does = task.does
    assert isinstance(does, Separable)
    rows, width = does.window.source[:2]
    channels = padded_channels(does.window.source[2])
    filters = padded_channels(does.layer.filters)
    form = _form_of_rows(task)
    told: Work = {
        "once": 1,
        "channels": channels,
        "rows": rows,
        "columns": rows * channels,
        "parts": rows * -(-channels // 16),
        "elements": rows * width * channels,
        "filters": filters,
        "certificate": filters * channels,
        form: filters,
    }
    if _saturates(does, task.worst) if task.exact is None else task.exact:
        groups = -(-channels // pointwise_group(does))
        told |= {
            "exact": 1,
            "exact rows": rows,
            "exact columns": rows * channels,
            "exact products": rows * filters * channels,
            "exact groups": rows * filters * groups,
            "exact pairs": rows * filters,
            "exact outputs": rows * filters * width,
        }
    return told


_MEAN, _SQUARE = 2.3, 16.6
"""Of usual activations of 4 bits, half of them zero, and of their squares."""


def _saturates(does: Separable, worst: bool) -> bool:
    """Whether there may be an input for which the certificate of the sums fails; or, if not
    `worst`, whether it does so for usual activations."""
    depthwise = does.depthwise.reshape(does.window.taps, -1).astype(np.float64)
    weights = np.abs(does.weights.astype(np.float64))
    most = 2 * POTENTIAL_MAX / does.window.positions
    if worst:
        above, below = np.maximum(depthwise, 0).sum(0), -np.minimum(depthwise, 0).sum(0)
        reach = does.node.input_max * np.maximum(above, below) @ weights
        return bool(2 * reach.max(initial=0) > most)
    scale = does.node.input_max / 15
    mean = scale * _MEAN * depthwise.sum(0)
    spread = scale * np.sqrt((_SQUARE - _MEAN**2) * (depthwise**2).sum(0))
    # the mean size of what is normally distributed, to a few percent
    size = np.maximum(np.abs(mean), np.sqrt(mean**2 + spread**2 * 2 / np.pi))
    reach = size @ weights + np.abs(mean @ does.weights)
    return bool(reach.max(initial=0) > most)


def _form_of_rows(task: Task) -> str:
    return _form("".join(constant.text for constant in task.work.constants), task.long_multiply)


def _form(text: str, long_multiply: bool) -> str:
    """The form of an activation, with its bits where it takes longer for more of them."""
    found = _FORM.search(text)
    if found is None:
        return "POTENTIALS"
    form = (found[1] or found[2]) if long_multiply else found[2]
    return form + (found[3] if form in ("BISECTION", "LEVELS") else "")


_LAYOUTS = (
    "akrt_pack_line",
    "akrt_pack_rows",
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

KERNELS: dict[str, Callable[[Task], Work]] = {
    "akrt_add_lines": _added,
    "akrt_bytes_lines": _convolution,
    "akrt_conv_lines": _convolution,
    "akrt_conv_rows": _first_rows,
    "akrt_dense_line": _dense,
    "akrt_layer_add": _added,
    "akrt_layer_dense": _general_dense,
    "akrt_max_line": _maximum,
    "akrt_separable_lines": _separable,
    "akrt_separable_rows": _rows,
    "akrt_separable_rows_muladd": _rows,
    "akrt_separable_sum_rows": _sum_rows,
    "akrt_sums_line": _sums_line,
    "akrt_wide_lines": _wide,
    **dict.fromkeys(_LAYOUTS, _layout),
    "akrt_conv_potentials": _potentials,
    "akrt_layer_max": _general,
    "akrt_layer_plain": _general,
    "akrt_layer_sum": _general,
    "akrt_separable_potentials": _potentials,
}
"""What counts the loops of each part of a kernel."""
