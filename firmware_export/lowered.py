"""A model as the steps of a C program, with its arena planned."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from akrt.errors import UnsupportedLayerError, UsageError
from akrt.lowering.liveness import Arena, plan_arena, scratch_name
from akrt.lowering.operations import (
    Akida1Operation,
    Dense,
    NeuralOperation,
    Pass,
    Separable,
    akida_1_operation,
)
from akrt.lowering.scaled_operations import Quantisation
from akrt.model import Model, Node
from firmware_export.akida2_steps import akida2_steps, quantise_step
from firmware_export.general_steps import general_step
from firmware_export.interface import quantisation
from firmware_export.line_stages import (
    changed_layout,
    line_obstacles,
    line_stages,
    reads_bytes,
)
from firmware_export.pipeline import held_lines, part_step, segments
from firmware_export.row_steps import (
    conv_rows_step,
    pack_step,
    separable_rows_step,
    takes_rows,
    unpack_step,
)
from firmware_export.step import ALIGNMENT, INPUT, OUTPUT, Constant, Stage, Step, Tensor

__all__ = ["OPTIMISE", "Lowered", "Optimise", "lower"]

Optimise = Literal["speed", "ram"]
OPTIMISE: tuple[Optimise, ...] = get_args(Optimise)
"""What an export can be made for."""


ROWS_ARENA = 1 << 13
"""Bytes of an arena up to which kernels of rows are taken behind layers of lines."""
MAX_ELEMENTS = 1 << 22
"""Of a tensor of an export: more than the memory of any microcontroller."""


@dataclass(frozen=True)
class Lowered:
    """What the C text is printed from."""

    name: str
    model: Model
    optimise: Optimise
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


def lower(model: Model, name: str, optimise: Optimise = "speed") -> Lowered:
    """The steps of `model`.

    Args:
        model: any model.
        name: prefixes every C symbol.
        optimise: what for. Layers with at most five columns have kernels of their own, which are
            the fastest and need whole tensors. For ``ram`` they are taken only where that is less;
            for ``speed``, behind layers of lines, where it is less or at most `ROWS_ARENA`.

    Raises:
        UnsupportedLayerError: a tensor is larger than a microcontroller's memory.
        UsageError: a name or label holds what UTF-8 cannot carry.
    """
    check_exportable(model)
    if model.version == 2:
        return _planned(model, name, optimise, akida2_steps(model, name))
    anywhere = _layers_of_rows(model, anywhere=True)
    first = _layers_of_rows(model, anywhere=False)
    tried = [_lowered(model, name, optimise, anywhere)]
    if first != anywhere and (optimise == "ram" or tried[0].arena.bytes > ROWS_ARENA):
        tried.append(_lowered(model, name, optimise, first))
    if optimise == "ram" and first:
        tried.append(_lowered(model, name, optimise, frozenset()))
    return min(tried, key=lambda one: one.arena.bytes)


def check_exportable(model: Model) -> None:
    """That C can carry `model`.

    Raises:
        UnsupportedLayerError, UsageError: as `lower`.
    """
    _check_texts(model)
    for node in model.nodes:
        shapes = (*(value.shape for value in node.inputs), node.conv_shape, node.output_shape)
        kept = (held.shape for held in node.memory.values())
        elements = max(map(math.prod, (*shapes, *kept)))
        if elements > MAX_ELEMENTS:
            raise UnsupportedLayerError(
                node.layer.name,
                node.layer.kind,
                f"a tensor of {elements:,} elements: those of an export have at most "
                f"{MAX_ELEMENTS:,}",
            )


def _entrance(model: Model) -> tuple[str, ...]:
    """The Quantizer that makes the network's bytes of the caller's floats, where there is one."""
    does = quantisation(model)
    return () if does is None else (does.node.layer.name,)


def _layers_of_rows(model: Model, anywhere: bool) -> frozenset[str]:
    """Names of the layers that have kernels of rows: from the first layer on, or `anywhere`."""
    found: set[str] = set()
    entrance = _entrance(model)
    inner = {n.layer.name for n in model.nodes if n.sources not in ((), entrance)}
    for node in model.nodes[len(entrance) :]:
        begins = anywhere or inner.isdisjoint(node.sources) or found.issuperset(node.sources)
        if begins and takes_rows(akida_1_operation(node)):
            found.add(node.layer.name)
    return frozenset(found)


def _lowered(model: Model, name: str, optimise: Optimise, rows: frozenset[str]) -> Lowered:
    return _planned(model, name, optimise, tuple(_Steps(model, name, rows).all()))


def _planned(model: Model, name: str, optimise: Optimise, steps: tuple[Step, ...]) -> Lowered:
    arena = plan_arena([step.job for step in steps], ALIGNMENT)
    return Lowered(name, model, optimise, steps, arena)


class _Steps:
    """Makes the steps of a model, and between them those that change a tensor's layout."""

    def __init__(self, model: Model, name: str, by_rows: frozenset[str]) -> None:
        self._nodes = model.nodes
        self._model = model
        self._prefix = name
        self._does: dict[str, Akida1Operation | Quantisation] = {}
        self._entrance = _entrance(model)
        entrance = quantisation(model)
        if entrance is not None:
            self._does[entrance.node.layer.name] = entrance
        for node in model.nodes[len(self._entrance) :]:
            self._does[node.layer.name] = akida_1_operation(node)
        self._takers = {n.layer.name: model.takers(n.layer.name) for n in model.nodes}
        self._by_rows = by_rows
        """Names of the layers that take rows."""
        self._made: dict[str, dict[str, Tensor]] = {}
        """Of every layer: its output, by layout."""
        self._steps: list[Step] = []
        self._pipelines = 0

    def all(self) -> list[Step]:
        index = 0
        while index < len(self._nodes):
            node = self._nodes[index]
            does = self._does[node.layer.name]
            end = self._end_of_lines(index)
            while end > index and not self._add_pipelines(index, end):
                end -= 1  # branches that no pipeline can take in
            if end > index:
                index = end
                continue
            if isinstance(does, Pass):
                self._made[node.layer.name] = {"bytes": self._input(node)}
            elif isinstance(does, Quantisation):
                step = quantise_step(f"{self._prefix}_l0", self._model, does, _target(0, node))
                self._steps.append(step)
                self._made[node.layer.name] = {"bytes": step.target}
            else:
                step = self._step(index, does)
                self._steps.append(step)
                self._made[node.layer.name] = {step.target.layout: step.target}
            index += 1
        last = len(self._nodes) - 1
        name = self._nodes[last].layer.name
        if "words" not in self._made[name]:
            self._steps.append(_widen(last, self._output(name, "bytes", last, "unpacked")))
        return self._steps

    def _is_first(self, node: Node) -> bool:
        """Whether a layer takes the bytes of the network's input."""
        return node.sources in ((), self._entrance)

    def _input(self, node: Node) -> Tensor:
        """What a first layer takes."""
        if node.sources:
            return self._made[node.sources[0]]["bytes"]
        return Tensor(INPUT, node.input_shape, "bytes", external=True)

    def _end_of_lines(self, index: int) -> int:
        """The first layer from `index` on that does not work on lines."""
        while index < len(self._nodes):
            name = self._nodes[index].layer.name
            does = self._does[name]
            if isinstance(does, Pass | Quantisation) or name in self._by_rows:
                break
            if line_obstacles(does):
                break
            if self._feeds_rows(index) and self._first_of_rows(index, does) is not None:
                break
            index += 1
        return index

    def _feeds_rows(self, index: int) -> bool:
        """Whether all that takes a layer's output takes rows."""
        takers = self._takers[self._nodes[index].layer.name]
        return bool(takers) and all(taker.layer.name in self._by_rows for taker in takers)

    def _first_of_rows(self, index: int, does: NeuralOperation) -> Step | None:
        """The step of a first layer that makes rows."""
        node = self._nodes[index]
        if not self._is_first(node):
            return None
        given = self._input(node)
        target = replace(_target(index, node), layout="rows")
        return conv_rows_step(f"{self._prefix}_l{index}", index, does, given, target)

    def _step(self, index: int, does: NeuralOperation) -> Step:
        node, prefix = does.node, f"{self._prefix}_l{index}"
        target = _target(index, node)
        if isinstance(does, Separable) and node.layer.name in self._by_rows:
            (source,) = self._inputs(index, node, "rows")
            goal = replace(target, layout="rows") if does.pool is None else target
            return separable_rows_step(prefix, index, does, source, goal)
        if self._feeds_rows(index):
            first = self._first_of_rows(index, does)
            if first is not None:
                return first
        sources = self._inputs(index, node, "bytes")
        reasons = line_obstacles(does) or ("branches that meet outside of a pipeline",)
        return general_step(prefix, index, does, sources, target, reasons)

    def _add_pipelines(self, first: int, end: int) -> bool:
        """The layers `first` to `end` as pipelines; False: they cannot be cut into such."""
        made: dict[str, Tensor] = {}
        """Of a layer: its output as lines."""
        stages: list[Stage] = []
        for index in range(first, end):
            node = self._nodes[index]
            does = self._does[node.layer.name]
            assert not isinstance(does, Pass | Quantisation)
            sources = []
            for number, name in enumerate(node.sources or ("",)):
                if name not in made:
                    wanted = "bytes" if reads_bytes(does) else "lines"
                    source, change = self._given(index, number, name, wanted)
                    stages += change
                    if source.layout == "bytes" or isinstance(does, Dense):  # for it alone
                        sources.append(source)
                        continue
                    made[name] = source
                sources.append(made[name])
            target = _target(index, node)
            if target.layout == "bytes":
                target = replace(target, layout="lines")
            made[node.layer.name] = target
            prefix = f"{self._prefix}_l{index}"
            stages += line_stages(prefix, index, does, tuple(sources), target)
        last = self._nodes[end - 1]
        if end == len(self._nodes) and last.output_max is not None:
            target = Tensor(OUTPUT, last.output_shape, "words", external=True)
            source = made[last.layer.name]
            prefix = f"{self._prefix}_l{end - 1}_out"
            stages.append(changed_layout(prefix, end - 1, source, target))
            made[last.layer.name] = target
        elif self._feeds_rows(end - 1):
            target = Tensor(f"packed_{end}", last.output_shape, "rows")
            prefix = f"{self._prefix}_l{end - 1}_rows"
            stages.append(changed_layout(prefix, end - 1, made[last.layer.name], target))
            made[last.layer.name] = target
        outside = self._nodes[end:]
        kept = {
            made[name].name
            for name in (node.layer.name for node in self._nodes[first:end])
            if any(name in node.sources for node in outside)
        }
        held = held_lines(stages)
        parts = segments(stages, kept, held)
        if parts is None:
            return False
        for part in parts:
            prefix = f"{self._prefix}_p{self._pipelines}"
            self._steps.append(part_step(prefix, part, held))
            self._pipelines += 1
        for node in self._nodes[first:end]:
            tensor = made[node.layer.name]
            self._made[node.layer.name] = {tensor.layout: tensor}
        return True

    def _given(self, index: int, number: int, name: str, wanted: str) -> tuple[Tensor, list[Stage]]:
        """What was made before a pipeline of the layer `index`, and the stage that changes it."""
        if not name:
            given = self._input(self._nodes[index])
        else:
            layouts = self._made[name]
            if "lines" in layouts:
                return layouts["lines"], []
            given = self._output(name, "bytes", index, f"unpacked_{index}_{number}")
        if wanted == "bytes":
            return given, []
        if isinstance(self._does[self._nodes[index].layer.name], Dense):  # as few words as can be
            x, y, channels = given.shape
            given = replace(given, shape=(x, 1, y * channels))
        packed = Tensor(f"packed_{index}_{number}", given.shape, "lines")
        prefix = f"{self._prefix}_l{index}_in{number}"
        return packed, [changed_layout(prefix, index, given, packed)]

    def _inputs(self, index: int, node: Node, layout: str) -> tuple[Tensor, ...]:
        """What a layer takes, each in `layout`."""
        if not node.sources:
            return (self._input(node),)
        prefix = "packed" if layout == "rows" else "unpacked"
        names = [f"{prefix}_{index}", f"{prefix}_{index}_1"]
        return tuple(
            self._output(source, layout, index, name)
            for source, name in zip(node.sources, names, strict=False)
        )

    def _output(self, layer: str, layout: str, index: int, name: str) -> Tensor:
        """The output of `layer` in `layout`, made before the step `index` as `name` if need be."""
        made = self._made[layer]
        if layout in made:
            return made[layout]
        given = made["bytes"] if "bytes" in made else next(iter(made.values()))
        made[layout] = Tensor(name, given.shape, layout)
        if given.layout == "lines":
            prefix = f"{self._prefix}_p{self._pipelines}"
            self._pipelines += 1
            stage = changed_layout(f"{prefix}_out", index, given, made[layout])
            self._steps.append(part_step(prefix, (stage,), {}))
        else:
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
