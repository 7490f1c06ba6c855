"""A network of Akida 2.0 as steps: whole tensors, one kernel for each kind of layer.

Tensors between layers are ``bytes`` (X, Y, C), or ``words`` where a value needs more than 8 bits,
which only the last layer with weights may give.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Operation, Pass, operation
from akrt.lowering.over_time import as_spatial, saturates_by_step
from akrt.lowering.scaled_operations import (
    Comparison,
    Concatenation,
    Dequantisation,
    Quantisation,
    Scaled,
    ScaledConvolution,
    ScaledDense,
    ScaledDepthwise,
    ScaledRecurrent,
    ScaledSpatial,
    ScaledTemporal,
    ScaledTransposed,
    ShiftedAddition,
)
from akrt.model import Model, Node
from firmware_export.akida2_certified import fast_path, general_because, packs_weights, tap_bytes
from firmware_export.akida2_constants import (
    addition_constants,
    element_bytes,
    general_weights,
    product_weights,
    scaled_constants,
    sign_of,
)
from firmware_export.c_text import array
from firmware_export.interface import quantised_axes
from firmware_export.layer_constants import constant
from firmware_export.remembered import state_places
from firmware_export.sizes import (
    AKIDA2_ADDITION,
    AKIDA2_LAYER,
    Size,
    akida2_dwlines_scratch,
    akida2_products_scratch,
    akida2_scratch,
)
from firmware_export.step import INPUT, OUTPUT, Constant, Step, Tensor
from firmware_export.temporal_steps import Call, comparison_call, recall_call, recurrent_call, seen

__all__ = ["akida2_steps", "quantise_step"]

_GENERAL = {None: "akrt_akida2_plain", "max": "akrt_akida2_max", "sum": "akrt_akida2_total"}
_PRODUCTS = {
    None: "akrt_akida2_products",
    "max": "akrt_akida2_products_max",
    "sum": "akrt_akida2_products_total",
}
"""Drivers by pooling."""
_TAPS = {
    (1, False): ("akrt_akida2_window", "akrt_akida2_dots"),
    (1, True): ("akrt_akida2_window", "akrt_akida2_dots_nibbles"),
    (2, False): ("akrt_akida2_window_halves", "akrt_akida2_dots_halves"),
    (2, True): ("akrt_akida2_window_halves", "akrt_akida2_dots_halves_nibbles"),
}
"""What gathers inputs and what multiplies them, by bytes of an input and whether a byte has two
weights."""


def akida2_steps(model: Model, prefix: str) -> tuple[Step, ...]:
    """The steps of a network of Akida 2.0.

    Args:
        model: the network.
        prefix: of every C name.

    Raises:
        UnsupportedLayerError: a layer of it has no kernel.
    """
    made: dict[str, Tensor] = {}
    steps: list[Step] = []
    places = state_places(model)
    for index, node in enumerate(model.nodes):
        does = operation(node)
        sources = tuple(made[name] for name in node.sources)
        if not sources:
            sources = (Tensor(INPUT, node.input_shape, _layout(node.inputs[0].dtype), True),)
        if isinstance(does, Pass) and node.output.dtype == "int16":
            target = _target(index, node, index == len(model.nodes) - 1)
            steps.append(_widened_input(index, node, target))
            made[node.layer.name] = steps[-1].target
            continue
        if isinstance(does, Pass):
            made[node.layer.name] = sources[0]
            continue
        last = index == len(model.nodes) - 1
        target = _target(index, node, last)
        if isinstance(does, ScaledTemporal):
            held = seen(does, places[node.layer.name])
            recall = _call(index, *_ordered(recall_call(does), sources, held))
            steps.append(replace(recall, ends_layer=False))
            step = _over_time(f"{prefix}_l{index}", index, does, held, target)
        elif isinstance(does, ScaledRecurrent):
            call = recurrent_call(f"{prefix}_l{index}", does, places[node.layer.name])
            step = _call(index, *_ordered(call, sources, target))
        elif isinstance(does, Comparison):
            compared = (sources[does.prediction], sources[1 - does.prediction])
            call = comparison_call(f"{prefix}_l{index}", does)
            step = _call(index, *_ordered(call, compared, target))
        else:
            step = _step(f"{prefix}_l{index}", index, model, does, sources, target)
        steps.append(step)
        made[node.layer.name] = step.target
    given = made[model.nodes[-1].layer.name]
    if given.layout == "bytes":
        signed = bool(sign_of(model.nodes[-1].output))
        steps.append(_widened(len(model.nodes) - 1, given, signed))
    return tuple(steps)


def _layout(dtype: str) -> str:
    return {"uint8": "bytes", "int8": "bytes", "float32": "floats"}.get(dtype, "words")


def _target(index: int, node: Node, last: bool) -> Tensor:
    layout = _layout(node.output.dtype)
    if last and layout != "bytes":
        return Tensor(OUTPUT, node.output_shape, layout, external=True)
    return Tensor(f"tensor_{index}", node.output_shape, layout)


def quantise_step(prefix: str, model: Model, does: Quantisation, target: Tensor) -> Step:
    """The entrance of floats, which networks of both versions have: the first layer."""
    source = Tensor(INPUT, does.node.input_shape, "floats", external=True)
    scales = _floats(f"{prefix}_scales", does.scales)
    zeros = constant(f"{prefix}_zeros", "uint8_t", does.zero_points, "by channel")
    made = does.node.output
    tail = f"{scales.name}, {zeros.name}, {made.low}, {made.high}"
    text = f"akrt_quantise({{}}, {quantised_axes(model)}, {tail}, {{}});"
    return _call(0, "akrt_quantise", (source,), target, text, (scales, zeros))


def _step(
    prefix: str,
    index: int,
    model: Model,
    does: Operation,
    sources: tuple[Tensor, ...],
    target: Tensor,
) -> Step:
    node = does.node
    x, y, channels = node.output_shape
    if isinstance(does, Quantisation):
        return quantise_step(prefix, model, does, target)
    if isinstance(does, Dequantisation):
        scales = _floats(f"{prefix}_scales", does.scales)
        given = node.inputs[0]
        head = f"{element_bytes(given)}, {sign_of(given)}, {x * y}, {channels}, {scales.name}"
        text = f"akrt_dequantise({{}}, {head}, {{}});"
        return _call(index, "akrt_dequantise", sources, target, text, (scales,))
    if isinstance(does, Concatenation):
        first, second = (value.shape[2] for value in node.inputs)
        text = f"akrt_concatenate({{}}, {{}}, {x * y}, {first}, {second}, {{}});"
        return _call(index, "akrt_concatenate", sources, target, text)
    if isinstance(does, ShiftedAddition):
        text = f"akrt_akida2_add(&{prefix}, {{}}, {{}}, {{}});"
        found, sizes = addition_constants(prefix, does), {"layer": AKIDA2_ADDITION}
        return _call(index, "akrt_akida2_add", sources, target, text, found, sizes)
    assert isinstance(does, Scaled)
    alone = bool(node.sources) and len(model.takers(node.sources[0])) == 1
    return _scaled_step(prefix, index, does, sources, target, alone)


def _ordered(
    call: Call, sources: tuple[Tensor, ...], target: Tensor
) -> tuple[str, tuple[Tensor, ...], Tensor, str, tuple[Constant, ...], dict[str, Size]]:
    """As `_call` takes it."""
    kernel, text, constants, sizes = call
    return kernel, sources, target, text, constants, sizes


def _over_time(prefix: str, index: int, does: ScaledTemporal, held: Tensor, target: Tensor) -> Step:
    """The convolution of inputs that are remembered."""
    spatial = as_spatial(does)
    if not saturates_by_step(does):
        return _scaled_step(prefix, index, spatial, (held,), target, alone=False)
    text = f"akrt_akida2_plain(&{prefix}, akrt_akida2_steps, {{}}, {{}}, {{}});"
    scratch = akida2_scratch("akrt_akida2_plain", does.layer.filters)
    sizes = {"layer": AKIDA2_LAYER, "scratch": scratch}
    found = scaled_constants(prefix, spatial)
    kernel = "akrt_akida2_plain/akrt_akida2_steps"
    step = _call(index, kernel, (held,), target, text, found, sizes)
    return replace(step, general_because=("its sums may saturate at every step",))


def _scaled_step(
    prefix: str,
    index: int,
    does: Scaled,
    sources: tuple[Tensor, ...],
    target: Tensor,
    alone: bool,
) -> Step:
    if fast_path(does):
        return _fast_step(prefix, index, does, sources, target, alone)
    found = scaled_constants(prefix, does)
    sizes = {"layer": AKIDA2_LAYER}
    if isinstance(does, ScaledDense):
        text = f"akrt_akida2_dense(&{prefix}, {{}}, {{}});"
        step = _call(index, "akrt_akida2_dense", sources, target, text, found, sizes)
        return replace(step, general_because=(general_because(does),))
    if isinstance(does, ScaledConvolution):
        sums = "akrt_akida2_conv"
    elif isinstance(does, ScaledDepthwise):
        sums = "akrt_akida2_depthwise"
    else:
        assert isinstance(does, ScaledTransposed)
        sums = "akrt_akida2_dwtransposed" if does.depthwise else "akrt_akida2_transposed"
    pool = does.pool if isinstance(does, ScaledSpatial) else None
    driver = _GENERAL[pool]
    sizes["scratch"] = akida2_scratch(driver, does.layer.filters)
    text = f"{driver}(&{prefix}, {sums}, {{}}, {{}}, {{}});"
    because = (general_because(does),)
    step = _call(index, f"{driver}/{sums}", sources, target, text, found, sizes)
    return replace(step, general_because=because)


def _fast_step(
    prefix: str,
    index: int,
    does: Scaled,
    sources: tuple[Tensor, ...],
    target: Tensor,
    alone: bool,
) -> Step:
    """With a kernel of signed bytes; `alone`: no other layer takes the source."""
    filters, (source,) = does.layer.filters, sources
    parts: tuple[str, ...] = ()
    alone = alone and not source.external and target.layout == "bytes"
    if isinstance(does, ScaledDepthwise):
        moved = does.window
        found = scaled_constants(prefix, does, general_weights(prefix, does))
        over = alone and moved.source == moved.target and moved.stride == (1, 1)
        kept, line = (moved.before[0] + 1 if over else 0), moved.source[1] * moved.source[2]
        scratch = akida2_dwlines_scratch(filters, kept, line)
        driver = "akrt_akida2_dwlines"
    else:
        found = scaled_constants(prefix, does, product_weights(prefix, does))
        pool = does.pool if isinstance(does, ScaledSpatial) else None
        driver = _PRODUCTS[pool]
        taps = tap_bytes(does)
        scratch = akida2_products_scratch(driver, does.weights.shape[0], filters, taps)
        parts = _TAPS[taps, packs_weights(does)]
        over = alone and pool is None and _may_write_over(does)
    text = f"{driver}({', '.join((f'&{prefix}', *parts))}, {{}}, {{}}, {{}});"
    sizes = {"layer": AKIDA2_LAYER, "scratch": scratch}
    step = _call(index, "/".join((driver, *parts)), sources, target, text, found, sizes)
    return replace(step, in_place=over)


def _may_write_over(does: Scaled) -> bool:
    """Whether a convolution reads what its outputs lie on before they are written."""
    if not isinstance(does, ScaledConvolution):
        return False
    window = does.window
    one = window.size == window.stride == (1, 1) and window.before == (0, 0)
    return one and does.layer.filters <= window.source[2]


def _call(
    index: int,
    kernel: str,
    sources: tuple[Tensor, ...],
    target: Tensor,
    text: str,
    constants: tuple[Constant, ...] = (),
    sizes: dict[str, Size] | None = None,
) -> Step:
    """A step; `text` has a place for every source, for the target and, with it, for the scratch."""
    found = sizes or {}

    casts = ["(const uint8_t *)" if s.external and s.layout == "bytes" else "" for s in sources]

    def call(*memory: str) -> str:
        given = (f"{cast}{place}" for cast, place in zip(casts, memory, strict=False))
        return text.format(*given, *memory[len(casts) :])

    return Step(
        layer=index,
        kernel=kernel,
        sources=sources,
        target=target,
        call=call,
        kernels=tuple(kernel.split("/")),
        constants=constants,
        scratch_bytes=found["scratch"].bytes if "scratch" in found else 0,
        sizes=found,
    )


def _floats(name: str, values: npt.NDArray[np.float32]) -> Constant:
    return Constant(name, array(name, "float", values, "by channel"), 4 * len(values))


def _widened(index: int, source: Tensor, signed: bool) -> Step:
    """The bytes of the last layer to the caller's int32."""
    kernel = "akrt_widen_signed" if signed else "akrt_widen"
    target = Tensor(OUTPUT, source.shape, "words", external=True)
    text = f"{kernel}({{}}, {source.elements}, {{}});"
    return replace(_call(index, kernel, (source,), target, text), ends_layer=False)


def _widened_input(index: int, node: Node, target: Tensor) -> Step:
    """The caller's integers of 16 bits as words."""
    source = Tensor(INPUT, node.input_shape, "halves", external=True)
    text = f"akrt_widen_halves({{}}, {source.elements}, (int32_t *)(void *)({{}}));"
    step = _call(index, "akrt_widen_halves", (source,), target, text)
    return replace(step, ends_layer=False)
