"""A model as the steps of a C program, with its arena planned."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from akrt.errors import UnsupportedLayerError, UsageError
from akrt.lowering.liveness import Arena, plan_arena, scratch_name
from akrt.lowering.operations import (
    Addition,
    NeuralOperation,
    Pass,
    Separable,
    akida_1_operation,
)
from akrt.model import Model, Node
from firmware_export.general_steps import general_step
from firmware_export.product_steps import product_obstacles, product_step
from firmware_export.row_steps import (
    conv_rows_step,
    pack_step,
    separable_rows_step,
    takes_rows,
    unpack_step,
)
from firmware_export.step import INPUT, OUTPUT, Constant, Step, Tensor

__all__ = ["ALIGNMENT", "Lowered", "lower"]


ALIGNMENT = 8
"""Of everything in the arena, in bytes."""
MAX_ELEMENTS = 1 << 22
"""Of a tensor of an export: more than the memory of any microcontroller."""


@dataclass(frozen=True)
class Lowered:
    """What the C text is printed from."""

    name: str
    model: Model
    steps: tuple[Step, ...]
    arena: Arena

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
        return f"arena_bytes + {self.arena.offset(tensor.name)}"

    def scratch(self, index: int) -> str:
        """C expression for the scratch of step `index`."""
        name = scratch_name(index)
        return f"arena_words + {self.arena.offset(name) // 4}" if name in self.arena else "NULL"


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


def lower(model: Model, name: str) -> Lowered:
    """The steps of `model`; `name` prefixes every C symbol.

    Raises:
        UnsupportedLayerError: a tensor is larger than a microcontroller's memory.
        UsageError: a name or label holds what UTF-8 cannot carry.
    """
    _check_texts(model)
    for node in model.nodes:
        shapes = (*(value.shape for value in node.inputs), node.conv_shape, node.output_shape)
        elements = max(map(math.prod, shapes))
        if elements > MAX_ELEMENTS:
            raise UnsupportedLayerError(
                node.layer.name,
                node.layer.kind,
                f"a tensor of {elements:,} elements: those of an export have at most "
                f"{MAX_ELEMENTS:,}",
            )
    steps = tuple(_Steps(model, name).all())
    return Lowered(name, model, steps, plan_arena([step.job for step in steps], ALIGNMENT))


class _Steps:
    """Makes the steps of a model, and between them those that change a tensor's layout."""

    def __init__(self, model: Model, name: str) -> None:
        self._nodes = model.nodes
        self._prefix = name
        self._does = {node.layer.name: akida_1_operation(node) for node in model.nodes}
        self._takers = {n.layer.name: model.takers(n.layer.name) for n in model.nodes}
        self._by_rows = {name: takes_rows(does) for name, does in self._does.items()}
        self._made: dict[str, dict[str, Tensor]] = {}
        """Of every layer: its output, by layout."""
        self._steps: list[Step] = []

    def all(self) -> list[Step]:
        for index, node in enumerate(self._nodes):
            does = self._does[node.layer.name]
            if isinstance(does, Pass):
                given = Tensor(INPUT, node.input_shape, "bytes", external=True)
                self._made[node.layer.name] = {"bytes": given}
                continue
            step = self._step(index, does)
            self._steps.append(step)
            self._made[node.layer.name] = {step.target.layout: step.target}
        last = len(self._nodes) - 1
        name = self._nodes[last].layer.name
        if "words" not in self._made[name]:
            self._steps.append(_widen(last, self._output(name, "bytes", last, "unpacked")))
        return self._steps

    def _step(self, index: int, does: NeuralOperation) -> Step:
        node, prefix = does.node, f"{self._prefix}_l{index}"
        target = _target(index, node)
        as_rows = replace(target, layout="rows")
        if isinstance(does, Separable) and self._by_rows[node.layer.name]:
            (source,) = self._inputs(index, node, "rows")
            goal = as_rows if does.pool is None else target
            return separable_rows_step(prefix, index, does, source, goal)
        sources = self._inputs(index, node, "bytes")
        takers = self._takers[node.layer.name]
        if takers and all(self._by_rows[taker.layer.name] for taker in takers):
            first = conv_rows_step(prefix, index, does, sources[0], as_rows)
            if first is not None:
                return first
        obstacles = product_obstacles(does)
        if isinstance(does, Addition) or obstacles:
            return general_step(prefix, index, does, sources, target, obstacles)
        return product_step(prefix, index, does, sources[0], target)

    def _inputs(self, index: int, node: Node, layout: str) -> tuple[Tensor, ...]:
        """What a layer takes, each in `layout`."""
        if not node.sources:
            return (Tensor(INPUT, node.input_shape, "bytes", external=True),)
        prefix = "packed" if layout == "rows" else "unpacked"
        names = [f"{prefix}_{index}", f"{prefix}_{index}_1"]
        return tuple(
            self._output(source, layout, index, name)
            for source, name in zip(node.sources, names, strict=False)
        )

    def _output(self, layer: str, layout: str, index: int, name: str) -> Tensor:
        """The output of `layer` in `layout`, made before the step `index` as `name` if need be."""
        made = self._made[layer]
        if layout not in made:
            (given,) = made.values()
            made[layout] = Tensor(name, given.shape, layout)
            change = pack_step if layout == "rows" else unpack_step
            self._steps.append(change(index, given, made[layout]))
        return made[layout]


def _target(index: int, node: Node) -> Tensor:
    if node.output_max is None:
        return Tensor(OUTPUT, node.output_shape, "words", external=True)
    return Tensor(f"tensor_{index}", node.output_shape, "bytes")


def _widen(layer: int, source: Tensor) -> Step:
    """The activations of the last layer to the caller's int32."""
    return Step(
        layer=layer,
        kernel="akrt_widen",
        sources=(source,),
        target=Tensor(OUTPUT, source.shape, "words", external=True),
        call=lambda read, write, scratch: f"akrt_widen({read}, {source.elements}, {write});",
        kernels=("akrt_widen",),
        ends_layer=False,
    )
