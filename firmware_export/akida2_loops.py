"""Loops of the kernels of Akida 2.0: what measured rates are multiplied by, as in `kernel_work`.

Counts are no model of any one core: a kernel has those that one of its forms might have, and a rate
of zero says that a core has no such loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Operation, operation
from akrt.lowering.scaled_operations import (
    Quantisation,
    Scaled,
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledSpatial,
    ScaledTransposed,
)
from firmware_export.akida2_certified import changes_input, flips, narrow, tap_bytes
from firmware_export.loop_counts import Work, axis_cover
from firmware_export.lowered import Lowered
from firmware_export.step import Step

__all__ = [
    "AKIDA2_KERNELS",
    "AKIDA2_PARTS",
    "akida2_call",
    "akida2_emission",
    "akida2_part",
    "akida2_work",
    "is_of_akida2",
]

AKIDA2_PARTS = ("akida2 call", "akida2 emission")
"""Rates that are of no one kernel: of a call of ``<name>_run``, and of what becomes of sums."""


_SHARED = ("akrt_in_range", "akrt_widen")


@dataclass(frozen=True)
class _Task:
    step: Step
    does: Operation
    nonzero: float
    """The share of inputs that are not zero."""

    @property
    def scaled(self) -> Scaled:
        assert isinstance(self.does, Scaled)
        return self.does


def akida2_work(lowered: Lowered, step: Step, nonzero: float = 1.0) -> dict[str, Work]:
    """The loops of one step by its kernels, without what becomes of sums.

    Args:
        lowered: the network.
        step: of it.
        nonzero: the share of inputs that are not zero; only general kernels ask.

    Raises:
        KeyError: a kernel that is not in `AKIDA2_KERNELS`.
    """
    task = _Task(step, operation(lowered.model.nodes[step.layer]), nonzero)
    return {
        akida2_part(stem): AKIDA2_KERNELS[akida2_part(stem)](task)
        for stem in step.kernel.split("/")
    }


def akida2_part(stem: str) -> str:
    """What rates of a kernel are named: those of one that networks of Akida 1.0 call too have a
    name of their own."""
    return f"akida2 {stem}" if stem in _SHARED else stem


def is_of_akida2(part: str) -> bool:
    """Whether what was measured under this name is of networks of Akida 2.0."""
    stem = part.split("/")[0].split(" ")[0]
    return stem == "akida2" or stem in AKIDA2_KERNELS


def akida2_emission(lowered: Lowered, step: Step) -> dict[str, Work]:
    """What becomes of the sums of a step: forms with the number of outputs first."""
    does = operation(lowered.model.nodes[step.layer])
    if not isinstance(does, Scaled) or not step.kernel.startswith("akrt_akida2_"):
        return {}
    filters, (x, y, _) = does.layer.filters, step.target.shape
    form = form_of_outputs(does, step)
    positions = x * y
    if isinstance(does, ScaledSpatial) and does.pool == "sum":
        added = "general" if form == "general" else "sums"
        counted = does.window.positions
        told: Work = {
            f"{added} {does.layer.activation}": counted * filters,
            f"{added} positions": counted,
            "written": filters,
        }
        return {"akida2 emission": told}
    if form == "general":
        told = {f"general {does.layer.activation}": positions * filters}
        told |= {"written": positions * filters, "general positions": positions}
        return {"akida2 emission": told}
    return {
        "akida2 emission": {
            "bytes": positions * filters,
            "positions": positions,
            "fours": positions * (filters // 4),
            "rests": positions * (filters % 4 > 0),
        }
    }


def form_of_outputs(does: Scaled, step: Step) -> str:
    """``bytes``: one multiplication, addition, shift and clip; ``general``: step by step."""
    fast = "products" in step.kernel or "dwlines" in step.kernel
    return "bytes" if fast and narrow(does) is not None else "general"


def akida2_call(lowered: Lowered) -> Work:
    """What a call of ``<name>_run`` takes besides its steps."""
    model = lowered.model
    elements = int(np.prod(model.input_shape))
    floats = isinstance(operation(model.nodes[0]), Quantisation)
    checked = elements if model.input_bits < 8 and not floats else 0
    return {"once": 1, "checked bytes": checked, "checked floats": elements if floats else 0}


def _visited(does: ScaledSpatial) -> list[npt.NDArray[np.float64]]:
    """How often sums are computed at every position, by axis."""
    if does.pooling is not None:
        return [axis_cover(does.pooling, axis).sum(0) for axis in (0, 1)]
    return [np.ones(size) for size in does.window.target[:2]]


def _positions(does: Scaled) -> float:
    if not isinstance(does, ScaledSpatial):
        return 1.0
    x, y = _visited(does)
    return float(x.sum() * y.sum())


def _pairs(does: Scaled) -> float:
    """Pairs of positions, the last of an odd number being one."""
    if isinstance(does, ScaledSpatial) and does.pooling is not None:
        x, y = (axis_cover(does.pooling, axis).sum(1) for axis in (0, 1))
        return float(np.ceil(np.outer(x, y) / 2).sum())
    return float(np.ceil(_positions(does) / 2))


def _products(task: _Task) -> Work:
    does = task.scaled
    pairs, filters = _pairs(does), does.layer.filters
    told: Work = {"once": 1, "positions": _positions(does), "pairs": pairs}
    if isinstance(does, ScaledSpatial) and does.pooling is not None:
        pool = does.pooling
        told |= {
            "compared": pairs * filters,
            "windows": pool.positions,
            "window rows": pool.positions * pool.size[0],
            "window taps": pool.positions * pool.taps,
        }
    return told


def _gathered(does: Scaled) -> Work:
    """Of what is gathered for all positions: taps inside and beyond, rows with and without any."""
    positions = _positions(does)
    if not isinstance(does, ScaledSpatial):
        return {"taps": 1, "within": 1, "rows": 1, "spans": 1, "beyond": 0}
    window, (at_x, at_y) = does.window, _visited(does)
    in_x, in_y = (axis_cover(window, axis).sum(1) for axis in (0, 1))
    spans = float(((in_x > 0) * in_x) @ at_x) * float((in_y > 0) @ at_y)
    within = float(in_x @ at_x) * float(in_y @ at_y)
    taps = positions * window.taps
    return {
        "taps": taps,
        "within": within,
        "rows": positions * window.size[0],
        "spans": spans,
        "beyond": taps - within,
    }


def _channels(does: Scaled) -> int:
    return does.node.inputs[0].elements if isinstance(does, ScaledDense) else _source(does)[2]


def _source(does: Scaled) -> tuple[int, int, int]:
    return does.node.inputs[0].shape


def _direct(does: Scaled) -> bool:
    """Whether the inputs of a window lie as products want them."""
    window = does.window if isinstance(does, ScaledSpatial) else None
    one = window is None or (window.taps == 1 and window.before == (0, 0))
    return one and _channels(does) % 4 == 0 and not flips(does)


def _window_bytes(task: _Task) -> Work:
    does = task.scaled
    positions = _positions(does)
    if _direct(does):
        return {"direct": positions}
    found, channels = _gathered(does), _channels(does)
    inputs = len(does.weights)
    words = "words" if channels % 4 == 0 else "bytes"
    border = "border" if isinstance(does, ScaledConvolution) and _bordered(does) else "beyond"
    return {
        "gathered": positions,
        "rows": found["rows"],
        "spans": found["spans"],
        words: found["within"] * channels / (4 if words == "words" else 1),
        f"{border} taps": found["beyond"],
        f"{border} {words}": found["beyond"] * channels,
        "filled": positions * (-inputs % 4),
        "flipped": positions * -(-inputs // 4) if flips(does) else 0,
    }


def _bordered(does: ScaledConvolution) -> bool:
    return bool(does.border.any()) or flips(does)


def _window_halves(task: _Task) -> Work:
    does = task.scaled
    found, channels = _gathered(does), _channels(does)
    return {
        "gathered": _positions(does),
        "rows": found["rows"],
        "taps": found["taps"],
        "elements": found["within"] * channels,
        "beyond": found["beyond"] * channels,
        "eights": found["within"] * (channels // 8),
        "left": found["within"] * (channels % 8),
        "filled": _positions(does) * (-len(does.weights) % 4),
    }


def _dots(task: _Task) -> Work:
    does = task.scaled
    inputs, filters = does.weights.shape
    calls = _pairs(does)
    pairs = calls * -(-filters // 2)
    step = 16 if tap_bytes(does) == 1 else 8
    return {
        "calls": calls,
        "pairs": pairs,
        "odd": calls * (filters % 2),
        "fours": pairs * -(-inputs // 4),
        "vectors": pairs * (inputs // step),
        "rests": pairs * (inputs % step > 0),
        "left": pairs * (inputs % step),
    }


def _dwlines(task: _Task) -> Work:
    does = task.scaled
    assert isinstance(does, ScaledDepthwise)
    window, channels = does.window, does.layer.filters
    x, y, _ = window.target
    cover = [axis_cover(window, axis).sum(1) for axis in (0, 1)]
    rows, taps = float(cover[0].sum()) * y, float(cover[0].sum() * cover[1].sum())
    told: Work = {"once": 1, "lines": x, "line taps": x * window.size[0], "positions": x * y}
    if task.step.in_place:
        told["kept"] = x
        line = window.source[1] * channels
        told["kept bytes" if line % 4 else "kept words"] = x * line / (1 if line % 4 else 4)
    for name, groups in (
        ("", channels),
        (", four", channels // 4),
        (", rest of four", channels % 4),
        (", eight", channels // 8),
        (", rest of eight", channels % 8),
    ):
        told[f"groups{name}"] = x * y * groups
        told[f"rows{name}"] = rows * groups
        told[f"products{name}"] = taps * groups
        told[f"beyond{name}"] = (x * y * window.size[0] - rows) * groups
    return told


def _driven(task: _Task) -> Work:
    """A general driver, which calls what computes sums for every position."""
    does = task.scaled
    positions, filters = _positions(does), does.layer.filters
    if isinstance(does, ScaledTransposed):
        x, y, _ = does.node.output_shape
        positions = float(x * y)
    told: Work = {"once": 1, "positions": positions}
    if isinstance(does, ScaledSpatial) and does.pooling is not None:
        pool = does.pooling
        told |= {
            "compared": positions * filters,
            "windows": pool.positions,
            "window rows": pool.positions * pool.size[0],
            "window taps": pool.positions * pool.taps,
        }
    return told


def _shifted(does: Scaled) -> str:
    return "shifted" if changes_input(does) else "plain"


def _conv_sums(task: _Task) -> Work:
    does = task.scaled
    assert isinstance(does, ScaledConvolution)
    found, channels = _gathered(does), _channels(does)
    filters, positions = does.layer.filters, _positions(does)
    bordered = found["beyond"] if does.border.any() else 0.0
    return {
        "positions": positions,
        "cleared": positions * filters,
        "taps": found["taps"],
        f"channels, {_shifted(does)}": found["within"] * channels,
        "channels beyond": found["beyond"] * channels,
        "rows": found["within"] * channels * task.nonzero + bordered * channels,
        "products": (found["within"] * task.nonzero + bordered) * channels * filters,
    }


def _depthwise_sums(task: _Task) -> Work:
    does = task.scaled
    found, channels = _gathered(does), _channels(does)
    return {
        "positions": _positions(does),
        "cleared": _positions(does) * channels,
        "taps": found["taps"],
        "within": found["within"],
        f"products, {_shifted(does)}": found["within"] * channels,
    }


def _painted(task: _Task) -> Work:
    does = task.scaled
    assert isinstance(does, ScaledTransposed)
    (x, y, channels), kernel = _source(does), does.weights.shape[0]
    met = [
        sum(
            0 <= (at + does.crop - tap) // 2 < source
            for at in range(2 * source)
            for tap in range((at + does.crop) % 2, kernel, 2)
        )
        for source in (x, y)
    ]
    taps, filters, positions = met[0] * met[1], does.layer.filters, 4 * x * y
    told: Work = {
        "positions": positions,
        "cleared": positions * filters,
        "rows": met[0] * 2 * y,
        "taps": taps,
        f"channels, {_shifted(does)}": taps * channels,
    }
    if not does.depthwise:
        told["rows of filters"] = taps * channels * task.nonzero
        told["products"] = taps * channels * filters * task.nonzero
    return told


def _general_dense(task: _Task) -> Work:
    does = task.scaled
    inputs, filters = does.weights.shape
    return {"once": 1, "filters": filters, f"products, {_shifted(does)}": inputs * filters}


def _elements(task: _Task) -> Work:
    x, y, channels = task.step.target.shape
    return {"once": 1, "positions": x * y, "elements": x * y * channels}


def _floats(task: _Task) -> Work:
    x, y, channels = task.step.target.shape
    kind = "words" if task.step.sources[0].layout == "words" else "bytes"
    return {"once": 1, "positions": x * y, f"{kind}": x * y * channels}


def _quantised(task: _Task) -> Work:
    does = task.does
    assert isinstance(does, Quantisation)
    x, y, channels = task.step.target.shape
    runs = channels if does.channels_first else x * y * channels
    return {"once": 1, "runs": runs, "elements": x * y * channels}


def _joined(task: _Task) -> Work:
    (x, y, a), (_, _, b) = (source.shape for source in task.step.sources)
    aligned = "words" if a % 4 == b % 4 == 0 else "bytes"
    return {"once": 1, "positions": x * y, aligned: x * y * (a + b)}


AKIDA2_KERNELS: dict[str, Callable[[_Task], Work]] = {
    "akrt_akida2_add": _elements,
    "akrt_akida2_conv": _conv_sums,
    "akrt_akida2_dense": _general_dense,
    "akrt_akida2_depthwise": _depthwise_sums,
    "akrt_akida2_dots": _dots,
    "akrt_akida2_dots_halves": _dots,
    "akrt_akida2_dots_halves_nibbles": _dots,
    "akrt_akida2_dots_nibbles": _dots,
    "akrt_akida2_dwlines": _dwlines,
    "akrt_akida2_dwtransposed": _painted,
    "akrt_akida2_max": _driven,
    "akrt_akida2_plain": _driven,
    "akrt_akida2_products": _products,
    "akrt_akida2_products_max": _products,
    "akrt_akida2_products_total": _products,
    "akrt_akida2_total": _driven,
    "akrt_akida2_transposed": _painted,
    "akrt_akida2_window": _window_bytes,
    "akrt_akida2_window_halves": _window_halves,
    "akrt_concatenate": _joined,
    "akrt_dequantise": _floats,
    "akrt_quantise": _quantised,
    "akida2 akrt_widen": _elements,
    "akrt_widen_signed": _elements,
}
"""What counts the loops of each kernel."""
