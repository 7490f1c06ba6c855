"""The steps of a program: layouts that fit, memory that is planned, branches that meet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import calibrate, networks, placeholder, residual_networks

from akrt.backends.reference import ReferenceBackend
from akrt.model import (
    Add,
    Convolutional,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)
from firmware_export.budget import budget
from firmware_export.lowered import OPTIMISE, Lowered, lower
from firmware_export.step import ALIGNMENT

from .compiled_export import SANITIZERS, build, driver, outputs
from .row_networks import row_network


def check(program: Lowered) -> None:
    """Every step reads what was written before, in a layout that it asked for."""
    written = {"input"}
    for index, step in enumerate(program.steps):
        for source in step.sources:
            assert source.name in written
            assert source.external or program.arena.offset(source.name) % ALIGNMENT == 0
        assert step.target.name not in written or step.target.external
        written.add(step.target.name)
        assert (program.scratch(index) == "NULL") == (step.scratch_bytes == 0)
    assert "output" in written
    assert [step.target.name for step in program.steps].count("output") == 1


@settings(max_examples=60)
@given(st.one_of(networks(), residual_networks()))
def test_programs_of_whole_networks(case: tuple[Model, np.ndarray]) -> None:
    check(lower(case[0], "net"))


def test_rows_are_computed_in_place() -> None:
    for seed in range(20):
        program = lower(row_network(seed)[0], "net")
        check(program)
        for step in program.steps:
            if step.in_place and not step.sources[0].external:
                assert program.place(step.sources[0]) == program.place(step.target)


def behind_lines(channels: int) -> Model:
    """A separable layer with stride 2, then two that have kernels of rows."""
    rng = np.random.default_rng(1)
    more = {"weights_bits": 4, "act_bits": 4, **placeholder(channels)}
    layers = [
        SeparableConvolutional(
            name=f"layer_{number}",
            depthwise=rng.integers(-3, 4, (3, 3, channels)).astype(np.int8),
            pointwise=rng.integers(-3, 4, (channels, channels)).astype(np.int8),
            stride=(stride, stride),
            pooling=Pooling("average") if number == 2 else None,
            **more,
        )
        for number, stride in enumerate((2, 1, 1))
    ]
    x = rng.integers(0, 16, (4, 6, 5, channels)).astype(np.uint8)
    return Model(tuple(calibrate([InputData("in", x.shape[1:], 4), *layers], rng, x)))


def test_rows_behind_lines_where_there_is_memory_for_them() -> None:
    """They are faster and need whole tensors, and more scratch the more channels there are."""
    kernels = {
        (channels, optimise): set(lower(behind_lines(channels), "net", optimise).kernels)
        for channels in (32, 256)
        for optimise in OPTIMISE
    }
    by_rows = {"akrt_row_line", "akrt_separable_sum_rows"}
    assert kernels[32, "speed"] >= by_rows
    for case in ((32, "ram"), (256, "speed"), (256, "ram")):
        assert not kernels[case] & by_rows, case


def fast_residual() -> tuple[Model, np.ndarray]:
    """Two branches of a fast layer's rows, one of them through a fast layer, the other around."""
    rng = np.random.default_rng(7)

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-3, 4, shape).astype(np.int8)

    common = {"weights_bits": 4, "act_bits": 4, **placeholder(8)}
    layers = [
        InputConvolutional(
            name="first",
            input_shape=(9, 10, 1),
            weights=weights(3, 3, 1, 8),
            stride=(2, 2),
            **{**common, "weights_bits": 8},
        ),
        SeparableConvolutional(
            name="left", depthwise=weights(3, 3, 8), pointwise=weights(8, 8), **common
        ),
        SeparableConvolutional(
            name="left_2", depthwise=weights(3, 3, 8), pointwise=weights(8, 8), **common
        ),
        SeparableConvolutional(
            name="right", depthwise=weights(3, 3, 8), pointwise=weights(8, 8), **common
        ),
        Add(name="sum", act_bits=4, **placeholder(8)),
        Convolutional(name="last", weights=weights(1, 1, 8, 8), **{**common, "act_bits": None}),
    ]
    inputs = {"right": ("first",), "sum": ("left_2", "right")}
    x = rng.integers(0, 256, (6, 9, 10, 1)).astype(np.uint8)
    return Model(tuple(calibrate(layers, rng, x, inputs)), inputs=inputs), x


def test_branches_of_fast_layers_meet(tmp_path: Path) -> None:
    model, x = fast_residual()
    program = lower(model, "net")
    check(program)
    kernels = [step.kernel for step in program.steps]
    assert kernels[0] == "akrt_conv_rows"
    assert sum(kernel.startswith("akrt_separable_rows") for kernel in kernels) == 3
    assert "akrt_layer_add" in kernels
    stages = [stage.kernel for step in program.steps for stage in step.stages]
    assert stages == ["akrt_pack_line", "akrt_conv_lines"]
    # the first layer's rows are read by two: only the second may write over them
    left, right = (s for s in program.steps if s.sources[0].name == "tensor_0")
    assert program.place(left.sources[0]) != program.place(left.target)
    assert program.place(right.sources[0]) == program.place(right.target)
    build(driver([model], tmp_path, [x]), tmp_path / "driver", "-std=c99", "-O1", *SANITIZERS)
    (result,) = outputs([str(tmp_path / "driver")], [model], [x])
    np.testing.assert_array_equal(result, ReferenceBackend(model).run(x))
    paths = {layer.name: layer.path for layer in budget(model).layers}
    assert paths == {
        **dict.fromkeys(("first", "left", "left_2", "right", "last"), "fast"),
        "sum": "general",
    }


def test_numbers_of_a_structure_that_are_equal(tmp_path: Path) -> None:
    """One filter of one bit beside a window of ones: no number of it is taken for another's."""
    rng = np.random.default_rng(3)
    layers = [
        InputData("in", (6, 7, 8), 4),
        SeparableConvolutional(
            name="last",
            depthwise=np.ones((3, 1, 8), np.int8),
            pointwise=np.ones((8, 1), np.int8),
            weights_bits=1,
            act_bits=None,
            padding="valid",
            **placeholder(1),
        ),
    ]
    x = rng.integers(0, 16, (4, 6, 7, 8)).astype(np.uint8)
    model = Model(tuple(layers))
    stages = [stage.kernel for step in lower(model, "net").steps for stage in step.stages]
    assert stages == ["akrt_pack_line", "akrt_separable_lines"]
    build(driver([model], tmp_path, [x]), tmp_path / "driver", "-std=c99", "-O1", *SANITIZERS)
    (result,) = outputs([str(tmp_path / "driver")], [model], [x])
    np.testing.assert_array_equal(result, ReferenceBackend(model).run(x))
