"""A model as the steps of a C program, with its arena planned."""

from __future__ import annotations

from dataclasses import dataclass, replace

from akrt.model import InputData, Model, Stage
from firmware_export.general_steps import general_step
from firmware_export.planner import Plan, plan, scratch_name
from firmware_export.step import INPUT, OUTPUT, Constant, Step, Tensor

__all__ = ["Program", "lower"]


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


def lower(model: Model, name: str) -> Program:
    """The steps of `model`; `name` prefixes every C symbol."""
    stages = model.stages
    source = Tensor(INPUT, _elements(stages[0].input_shape), "bytes", external=True)
    steps: list[Step] = []
    for index, stage in enumerate(stages):
        if isinstance(stage.layer, InputData):
            continue
        target = _target(index, stage)
        steps.append(general_step(f"{name}_l{index}", index, stage, source, target))
        source = target
    if source.layout == "bytes":
        steps.append(_widen(len(stages) - 1, source))
    return Program(name, model, tuple(steps), plan(steps))


def _target(index: int, stage: Stage) -> Tensor:
    count = _elements(stage.output_shape)
    if stage.output_max is None:
        return Tensor(OUTPUT, 4 * count, "words", external=True)
    return Tensor(f"tensor_{index}", count, "bytes")


def _widen(layer: int, source: Tensor) -> Step:
    """The activations of the last layer to the caller's int32."""
    target = replace(source, name=OUTPUT, bytes=4 * source.bytes, layout="words", external=True)
    return Step(
        layer=layer,
        kernel="akrt_widen",
        source=source,
        target=target,
        call=lambda read, write, scratch: f"akrt_widen({read}, {source.bytes}, {write});",
        kernels=("akrt_widen",),
        ends_layer=False,
    )


def _elements(shape: tuple[int, int, int]) -> int:
    return shape[0] * shape[1] * shape[2]
