"""Networks of Akida 2.0, exported and compiled, equal the reference."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from akida2_architectures import akida2_file
from akida2_networks import akida2_network

import akrt
import firmware_export
from akrt.backends.reference import ReferenceBackend
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.model import (
    Concatenate,
    Conv2D,
    Dense1D,
    DepthwiseConv2D,
    Dequantizer,
    Model,
    Pooling,
    Quantizer,
    ShiftedAdd,
    SignedInputData,
)
from firmware_export import estimate, stack_figures
from firmware_export.budget import budget
from firmware_export.lowered import lower
from firmware_export.targets import TARGETS, Target
from firmware_export.toolchain import WARNINGS, compile_program, run_program
from firmware_export.verify import verify

from .compiled_export import SANITIZERS, build, driver, outputs, tool

NETWORKS = int(os.environ.get("AKRT_TEST_AKIDA2_EXPORTS", "40"))
"""The long form: 200 and more."""
AT_ONCE = 40
SMALL_ARENAS = 6 << 10
"""Bytes of a core of little RAM that the networks take together."""
KERNELS = {
    *("akrt_akida2_add", "akrt_akida2_conv", "akrt_akida2_dense", "akrt_akida2_depthwise"),
    *("akrt_akida2_dots", "akrt_akida2_dots_halves", "akrt_akida2_dots_nibbles"),
    "akrt_akida2_dots_halves_nibbles",
    *("akrt_akida2_dwlines", "akrt_akida2_dwtransposed", "akrt_akida2_max", "akrt_akida2_plain"),
    *("akrt_akida2_products", "akrt_akida2_products_max", "akrt_akida2_products_total"),
    *("akrt_akida2_total", "akrt_akida2_transposed", "akrt_concatenate", "akrt_dequantise"),
    *("akrt_quantise", "akrt_widen", "akrt_widen_signed"),
}
FAMILIES = ("cortex-m0", "m4", "m55", "rv32")
"""A core of each kind of kernels, with and without a long multiplication."""
CORES = ("cortex-m0", "m3", "m4", "m7", "m33", "m55", "rv32", "big-endian")
Sample = tuple[Model, np.ndarray]


def found(name: str) -> Target:
    """A target; skips the test where its compiler or emulator is not installed."""
    target = TARGETS[name]
    tool(*target.compiler)
    tool(*target.runner[:1])
    return target


def sample(number: int) -> Sample:
    """Of two networks one as files may have it, and one as conversion makes them."""
    return akida2_network(number, usual=number % 2 == 1)


def constants(filters: int, bias_shift: int = 3, shift: int = -9) -> dict[str, Any]:
    """Of a layer with weights."""
    rng = np.random.default_rng(filters)
    return {
        "bias": rng.integers(-99, 99, filters).astype(np.int8),
        "bias_shift": np.full(filters, bias_shift, np.uint8),
        "output_scales": rng.integers(1, 255, filters).astype(np.uint8),
        "output_shift": np.full(filters, shift, np.int8),
    }


def narrow(seed: int) -> Sample:
    """Weights of 4 bits, two to a byte: both kinds of inputs, odd filters, ends of the range."""
    rng = np.random.default_rng(seed)
    ends = np.array([-8, -1, 7, 3])

    def conv(name: str, kernel: int, channels: int, filters: int, shift: int) -> Conv2D:
        return Conv2D(
            name=name,
            weights=rng.choice(ends, (kernel, kernel, channels, filters)).astype(np.int8),
            weights_bits=4,
            input_shift=rng.integers(0, shift + 1, channels).astype(np.uint8),
            **constants(filters),
        )

    layers = (
        SignedInputData("in", (5, 4, 21), 8),
        conv("a", 1, 21, 20, 0),
        conv("b", 1, 20, 17, 2),
        conv("c", 3, 17, 9, 0),
        conv("d", 3, 9, 3, 1),
    )
    return Model(layers), rng.integers(-128, 128, (2, 5, 4, 21)).astype(np.int8)


def residual(seed: int, bits: int = 8) -> Sample:
    """Two ways that meet in a sum and, with the entrance's, in a concatenation."""
    rng = np.random.default_rng(seed)
    x, y, c = 7, 6, 12

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-8, 8, shape).astype(np.int8)

    none = np.zeros(c, np.uint8)
    layers = (
        SignedInputData("in", (x, y, c), bits),
        Conv2D(name="a", weights=weights(1, 1, c, c), input_shift=none, **constants(c)),
        DepthwiseConv2D(name="b", weights=weights(3, 3, c), input_shift=none, **constants(c)),
        DepthwiseConv2D(name="c", weights=weights(5, 5, c), input_shift=none, **constants(c)),
        Conv2D(name="d", weights=weights(1, 1, c, c), input_shift=none, **constants(c)),
        ShiftedAdd(
            name="sum",
            a_shift=none,
            b_shift=none + 1,
            output_shift=np.full(c, -1, np.int8),
        ),
        Concatenate("both"),
        Conv2D(
            name="max",
            weights=weights(3, 3, 2 * c, 9),
            input_shift=np.zeros(2 * c, np.uint8),
            pooling=Pooling("max", (2, 2), (2, 2)),
            **constants(9, shift=-11),
        ),
        Dense1D(
            name="dense",
            weights=weights(4 * 3 * 9, 5),
            input_shift=np.zeros(4 * 3 * 9, np.uint8),
            output_bits=28,
            **constants(5, shift=0),
        ),
        Dequantizer(name="out", scales=np.array([0.5, -0.1, 3e-4, 1, 7], np.float32)),
    )
    inputs = {"sum": ("a", "d"), "b": ("a",), "both": ("in", "sum"), "max": ("both",)}
    model = Model(layers, inputs=inputs)
    half = 1 << (bits - 1)
    return model, rng.integers(-half, half, (2, x, y, c)).astype(np.int8)


@pytest.mark.parametrize("first", range(0, NETWORKS, AT_ONCE))
def test_random_networks_equal_the_reference(first: int, tmp_path: Path) -> None:
    numbers = range(first, min(first + AT_ONCE, NETWORKS))
    samples = [sample(number) for number in numbers]
    models, inputs = [m for m, _ in samples], [x for _, x in samples]
    if first == 0:
        assert {stem for model in models for stem in lower(model, "net").kernels} >= KERNELS
        assert all(map(estimate.is_measured, KERNELS))
    source = driver(models, tmp_path, inputs)
    build(source, tmp_path / "driver", "-std=c99", "-O1", "-g0", *SANITIZERS)
    results = outputs([str(tmp_path / "driver")], models, inputs)
    for number, model, x, result in zip(numbers, models, inputs, results, strict=True):
        wanted = ReferenceBackend(model).run(x)
        np.testing.assert_array_equal(result, wanted, f"network {number}: {model.layers}")


def test_weights_of_4_bits_are_packed(tmp_path: Path) -> None:
    model, x = narrow(1)
    packed = lower(model, "net")
    assert {"akrt_akida2_dots_nibbles", "akrt_akida2_dots_halves_nibbles"} <= {*packed.kernels}
    wide = Model(tuple(replace(layer, **eight(layer)) for layer in model.layers))
    halves = [
        sum(c.bytes for c in net.constants if c.name.endswith("_weights"))
        for net in (packed, lower(wide, "net"))
    ]
    assert 2 * halves[0] == halves[1]
    source = driver([model, wide], tmp_path, [x, x])
    build(source, tmp_path / "driver", "-std=c99", "-O1", *SANITIZERS)
    results = outputs([str(tmp_path / "driver")], [model, wide], [x, x])
    for result in results:
        np.testing.assert_array_equal(result, ReferenceBackend(model).run(x))


def eight(layer: Any) -> dict[str, int]:
    """What makes its weights those of 8 bits."""
    return {"weights_bits": 8} if isinstance(layer, Conv2D) else {}


def test_layers_that_write_over_their_input(tmp_path: Path) -> None:
    model, x = residual(1)
    arena = lower(model, "net").arena
    assert any(len(block.names) > 1 for block in arena.blocks)
    source = driver([model], tmp_path, [x])
    build(source, tmp_path / "driver", "-std=c99", "-O1", *SANITIZERS)
    (result,) = outputs([str(tmp_path / "driver")], [model], [x])
    np.testing.assert_array_equal(result, ReferenceBackend(model).run(x))


@pytest.mark.parametrize("name", FAMILIES if NETWORKS <= AT_ONCE else CORES)
def test_networks_on_every_core(name: str, tmp_path: Path) -> None:
    """Every layer's hash: a residual network and random ones, one program."""
    target = found(name)
    lines, calls, taken = [], [], 0
    for i, (model, x) in enumerate([residual(1), narrow(1), *map(sample, range(6))]):
        taken += lower(model, "net").arena.bytes + x[:1].nbytes
        if taken > SMALL_ARENAS and 0 < target.ram[1] < 64 << 10:
            break
        firmware_export.export(model, tmp_path / f"n{i}", name=f"n{i}", vectors=x[:1])
        lines += [f"#define N{i}_SELFTEST", f'#include "n{i}/n{i}_selftest.c"']
        calls.append(f"    if ((status = n{i}_selftest()) != 0) return {i} * 16 + status % 16;")
    main = tmp_path / "main.c"
    body = ["int main(void) {", "    int status;", *calls, "    return 0;", "}", ""]
    main.write_text("\n".join([*lines, *body]))
    compile_program(target, [main], main.with_suffix(".elf"), ("-O2", f"-I{tmp_path}"))
    assert run_program(target, main.with_suffix(".elf")) == 0


def test_a_layer_whose_inputs_a_compiler_knows(tmp_path: Path) -> None:
    """It may see that some loop is never taken, and warned of it."""
    target, rng = found("m55"), np.random.default_rng(1)
    layer = Conv2D(
        name="conv",
        weights=rng.integers(-99, 99, (3, 3, 8, 12)).astype(np.int8),
        input_shift=np.ones(8, np.uint8),
        **constants(12),
    )
    model = Model((SignedInputData("in", (5, 4, 8), 8), layer))
    x = rng.integers(-128, 128, (1, 5, 4, 8)).astype(np.int8)
    firmware_export.export(model, tmp_path / "net", name="net", vectors=x)
    main = tmp_path / "main.c"
    main.write_text(
        '#define NET_SELFTEST\n#include "net/net_selftest.c"\n'
        "int main(void) {\n    return net_selftest();\n}\n"
    )
    compile_program(target, [main], main.with_suffix(".elf"), ("-O2", f"-I{tmp_path}"))
    assert run_program(target, main.with_suffix(".elf")) == 0


@pytest.mark.parametrize("name", CORES)
def test_keywords_on_every_core(name: str, tmp_path: Path) -> None:
    found(name)
    model = akrt.load(akida2_file("ds_cnn_kws"))
    firmware_export.export(model, tmp_path, name="kws")
    assert verify(tmp_path, name).layers == len(model.layers)


def test_no_compiler_finds_anything_to_say(tmp_path: Path) -> None:
    """Each network alone, where a function that nobody calls is found; all of them elsewhere."""
    lines = []
    for i in range(10):
        folder = tmp_path / f"n{i}"
        firmware_export.export(sample(i)[0], folder, name=f"n{i}")
        alone = [tool("gcc"), "-std=c99", *WARNINGS, "-O0", "-S", "-o", os.devnull]
        done = subprocess.run([*alone, folder / f"n{i}.c"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:2000]
        lines += [f"#define N{i}_IMPLEMENTATION", f'#include "n{i}/n{i}.h"']
    source = tmp_path / "all.c"
    source.write_text("\n".join([*lines, ""]))
    compilers = [["clang", "-std=c99", "-Wno-unused-function"], ["g++", "-x", "c++"]]
    compilers += [[t.compiler[0], "-std=c99", *t.flags] for t in TARGETS.values()]
    for compiler in compilers:
        command = [*compiler, *WARNINGS, "-fsyntax-only", str(source)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            continue
        assert done.returncode == 0, f"{compiler}: {done.stderr[:2000]}"


def test_inputs_out_of_range_are_refused(tmp_path: Path) -> None:
    """The driver ends with 9 where an inference refuses its input."""
    entrance = Quantizer(
        name="quantizer",
        input_shape=(2, 2, 3),
        scales=np.array([1, 2, 4], np.float32),
        zero_points=np.zeros(3, np.uint8),
        output_signed=True,
    )
    data = SignedInputData("data", (2, 2, 3))
    conv = Conv2D(
        name="conv",
        weights=np.ones((1, 1, 3, 2), np.int8),
        input_shift=np.zeros(3, np.uint8),
        **constants(2),
    )
    floats = Model((entrance, data, conv))
    signed, five_bits = residual(2, bits=5)
    given = [np.zeros((1, 2, 2, 3), np.float32), five_bits[:1]]
    build(driver([floats, signed], tmp_path, given), tmp_path / "driver", *SANITIZERS)
    program = str(tmp_path / "driver")
    outputs([program], [floats, signed], given)
    for which, value in ((0, np.nan), (0, np.inf), (0, -3e9), (1, 16), (1, -17)):
        bad = [array.copy() for array in given]
        bad[which].reshape(-1)[1] = value
        done = subprocess.run([program], input=b"".join(x.tobytes() for x in bad))
        assert done.returncode == 9


def test_the_cost_is_told(tmp_path: Path) -> None:
    model, _ = residual(3)
    report = firmware_export.export(model, tmp_path / "net", name="net")
    told = budget(model)
    assert (
        set(report.memory["instructions"]) == set(told.cores) == set(report.memory["stack_bytes"])
    )
    for core, facts in told.cores.items():
        assert facts.instructions.typical <= facts.instructions.worst
        assert report.memory["code_bytes"][core] == facts.code_bytes
        assert facts.flash_bytes == facts.code_bytes + report.constant_bytes
        assert facts.stack_bytes > 100
    general = [layer for layer in told.layers if layer.path == "general"]
    assert all(layer.instructions["m4"].typical > 0 for layer in general)
    assert budget(model).fits
    assert not budget(model, flash=told.cores["m4"].flash_bytes - 1).fits


def test_kernels_that_were_not_measured_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = residual(3)
    monkeypatch.setattr(estimate, "is_measured", lambda kernel: kernel != "akrt_concatenate")
    monkeypatch.delitem(stack_figures.KERNELS, "akrt_concatenate")
    report = firmware_export.export(model, tmp_path / "net", name="net")
    assert report.memory["instructions"] == report.memory["stack_bytes"] == {}
    assert "not estimated" in (tmp_path / "net" / "net_memory.md").read_text()
    assert budget(model).cores == {}
    assert not budget(model, flash=report.constant_bytes - 1).fits


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    model, _ = residual(3)
    with pytest.raises(UsageError, match=r"Akida 2\.0.*without --stream"):
        firmware_export.export(model, tmp_path / "net", stream=StreamSettings())
    with pytest.raises(UsageError, match=r"Akida 2\.0 without --program"):
        firmware_export.export(model, tmp_path / "net", program=tmp_path / "none.bin")
