"""A model as the steps of a C program, with its arena planned."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from akrt.errors import UnsupportedLayerError, UsageError
from akrt.model import InputConvolutional, InputData, Model, Node, SeparableConvolutional
from firmware_export.general_steps import general_step
from firmware_export.planner import Plan, plan, scratch_name
from firmware_export.row_steps import (
    conv_obstacles,
    conv_rows_step,
    pack_step,
    rows_obstacles,
    separable_rows_step,
    takes_rows,
    unpack_step,
)
from firmware_export.step import INPUT, OUTPUT, Constant, Step, Tensor

__all__ = ["Program", "lower", "slow_because"]


MAX_ELEMENTS = 1 << 22
"""Of a tensor of an export: more than the memory of any microcontroller."""


@dataclass(frozen=True)
class Program:
    """What the C text is printed from."""

    name: str
    model: Model
    steps: tuple[Step, ...]
    plan: Plan

    @property
    def kernels(self) -> tuple[str, ...]:
        """Stems of the kernels that the steps call, each once."""
        return tuple(dict.fromkeys(stem for step in self.steps for stem in step.kernels))

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant, in the order of the layers."""
        return tuple(c for step in self.steps for c in step.constants)

    def place(self, tensor: Tensor) -> str:
        """C expression for the memory of `tensor`."""
        if tensor.external:
            return tensor.name
        return f"arena_bytes + {self.plan.offset(tensor.name)}"

    def scratch(self, index: int) -> str:
        """C expression for the scratch of step `index`."""
        name = scratch_name(index)
        return f"arena_words + {self.plan.offset(name) // 4}" if name in self.plan else "NULL"


def _check_texts(model: Model) -> None:
    """Names and labels go into C files and pages, which are UTF-8."""
    for text in (model.name, *(model.labels or ()), *(layer.name for layer in model.layers)):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"the text '{text}' of the model cannot be written as UTF-8: give it others with "
                f"'akrt convert IN OUT --name NAME --labels FILE'"
            ) from None


def lower(model: Model, name: str) -> Program:
    """The steps of `model`; `name` prefixes every C symbol.

    Raises:
        UnsupportedLayerError: a tensor is larger than a microcontroller's memory.
        UsageError: a name or label holds what UTF-8 cannot carry.
    """
    _check_texts(model)
    nodes = model.nodes
    rows = [takes_rows(node) for node in nodes]
    source = Tensor(INPUT, nodes[0].input_shape, "bytes", external=True)
    for node in nodes:
        elements = max(map(math.prod, (node.input_shape, node.conv_shape, node.output_shape)))
        if elements > MAX_ELEMENTS:
            raise UnsupportedLayerError(
                node.layer.name,
                node.layer.kind,
                f"a tensor of {elements:,} elements: those of an export have at most "
                f"{MAX_ELEMENTS:,}",
            )
    steps: list[Step] = []
    for index, node in enumerate(nodes):
        if isinstance(node.layer, InputData):
            continue
        prefix = f"{name}_l{index}"
        target = _target(index, node)
        as_rows = replace(target, layout="rows")
        if rows[index]:
            if source.layout != "rows":
                packed = Tensor(f"packed_{index}", source.shape, "rows")
                steps.append(pack_step(index, source, packed))
                source = packed
            assert isinstance(node.layer, SeparableConvolutional)
            goal = as_rows if node.layer.pooling is None else target
            steps.append(separable_rows_step(prefix, index, node, source, goal))
        else:
            if source.layout == "rows":
                flat = Tensor(f"unpacked_{index}", source.shape, "bytes")
                steps.append(unpack_step(index, source, flat))
                source = flat
            fast = None
            if index + 1 < len(nodes) and rows[index + 1]:
                fast = conv_rows_step(prefix, index, node, source, as_rows)
            steps.append(fast or general_step(prefix, index, node, source, target))
        source = steps[-1].target
    last = len(nodes) - 1
    if source.layout == "rows":
        flat = Tensor("unpacked", source.shape, "bytes")
        steps.append(unpack_step(last, source, flat))
        source = flat
    if source.layout == "bytes":
        steps.append(_widen(last, source))
    return Program(name, model, tuple(steps), plan(steps))


def slow_because(model: Model, index: int) -> tuple[str, ...]:
    """All that keeps layer `index` from the fast kernels, for people; empty: it takes them."""
    node = model.nodes[index]
    layer = node.layer
    if isinstance(layer, InputData):
        return ()
    if isinstance(layer, SeparableConvolutional):
        return rows_obstacles(node)
    if not isinstance(layer, InputConvolutional):
        return (f"{layer.kind} has no fast kernel",)
    reasons = conv_obstacles(node)
    following = model.nodes[index + 1 : index + 2]
    if not any(takes_rows(node) for node in following):
        reasons += ("no fast layer follows",)
    return reasons


def _target(index: int, node: Node) -> Tensor:
    if node.output_max is None:
        return Tensor(OUTPUT, node.output_shape, "words", external=True)
    return Tensor(f"tensor_{index}", node.output_shape, "bytes")


def _widen(layer: int, source: Tensor) -> Step:
    """The activations of the last layer to the caller's int32."""
    return Step(
        layer=layer,
        kernel="akrt_widen",
        source=source,
        target=Tensor(OUTPUT, source.shape, "words", external=True),
        call=lambda read, write, scratch: f"akrt_widen({read}, {source.elements}, {write});",
        kernels=("akrt_widen",),
        ends_layer=False,
    )
