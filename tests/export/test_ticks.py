"""NET_TICK: never more than a million instructions between two, and the integers stay."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from networks import calibrate, placeholder, random_weights
from thorough import THOROUGH

import firmware_export
from akrt.model import (
    Add,
    AnyLayer,
    BufferTempConv,
    Conv2D,
    Conv2DTranspose,
    Convolutional,
    DepthwiseBufferTempConv,
    DepthwiseConv2D,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
    SignedInputData,
    StatefulRecurrent,
)
from firmware_export.lowered import lower
from firmware_export.targets import Target
from firmware_export.toolchain import compile_program

from .compiled_export import WARNINGS, tool, with_memory
from .row_networks import saturating_network

BENCH = Path(__file__).resolve().parents[2] / "bench"
MOST = 1_000_000
MEAN, MAX = Pooling("average"), Pooling("max", (2, 2), (2, 2))
WIDE = Pooling("max", (5, 5), (5, 5))
CORES = ("cortex-m0", "m4", "m55", "rv32")
Sample = tuple[Model, np.ndarray]


def general(
    shape: tuple[int, int, int],
    kernel: int,
    filters: int,
    pooling: Pooling | None,
    width: int = 4,
    act_bits: int | None = 4,
) -> Sample:
    rng = np.random.default_rng(1)
    weights = random_weights(rng, width, (kernel, kernel, shape[2], filters))
    layer = Convolutional(
        name="conv",
        weights=weights,
        pooling=pooling,
        padding="valid",
        **bits(width, act_bits, filters),
    )
    return network(rng, [InputData("in", shape, 4), layer])


def border() -> Sample:
    """A first layer, most of whose windows is border."""
    rng = np.random.default_rng(2)
    weights = random_weights(rng, 8, (7, 7, 3, 400))
    layer = InputConvolutional(
        name="first", input_shape=(6, 6, 3), weights=weights, padding_value=9, **bits(8, 4, 400)
    )
    return network(rng, [layer])


def separable(
    shape: tuple[int, int, int], filters: int, width: int, pooling: Pooling | None = None
) -> Sample:
    rng = np.random.default_rng(3)
    layer = SeparableConvolutional(
        name="separable",
        depthwise=random_weights(rng, width, (3, 3, shape[2])),
        pointwise=random_weights(rng, width, (shape[2], filters)),
        pooling=pooling,
        **bits(width, 4, filters),
    )
    return network(rng, [InputData("in", shape, 4), layer])


def dense(inputs: int, filters: int, width: int) -> Sample:
    rng = np.random.default_rng(4)
    weights = random_weights(rng, width, (inputs, filters))
    layer = FullyConnected(name="dense", weights=weights, **bits(width, None, filters))
    return network(rng, [InputData("in", (1, 1, inputs), 4), layer])


def added(shape: tuple[int, int, int]) -> Sample:
    """A tensor and itself."""
    rng = np.random.default_rng(6)
    layers: list[AnyLayer] = [
        InputData("in", shape, 4),
        Add(name="sum", act_bits=2, **placeholder(shape[2])),
    ]
    x = rng.integers(1, 16, (1, *shape)).astype(np.uint8)
    inputs = {"sum": ("in", "in")}
    return Model(tuple(calibrate(layers, rng, x, inputs)), inputs=inputs), x


def branches() -> Sample:
    """Two branches of rows, which are added as bytes."""
    rng = np.random.default_rng(7)

    def layer(name: str) -> SeparableConvolutional:
        return SeparableConvolutional(
            name=name,
            depthwise=random_weights(rng, 4, (3, 3, 64)),
            pointwise=random_weights(rng, 4, (64, 256)),
            **bits(4, 4, 256),
        )

    layers: list[AnyLayer] = [
        InputData("in", (30, 5, 64), 4),
        layer("left"),
        layer("right"),
        Add(name="sum", act_bits=4, **placeholder(256)),
    ]
    x = rng.integers(1, 16, (1, 30, 5, 64)).astype(np.uint8)
    inputs = {"right": ("in",), "sum": ("left", "right")}
    return Model(tuple(calibrate(layers, rng, x, inputs)), inputs=inputs), x


def first_rows() -> Sample:
    rng = np.random.default_rng(5)
    first = InputConvolutional(
        name="first",
        input_shape=(60, 10, 3),
        weights=random_weights(rng, 8, (7, 7, 3, 64)),
        stride=(2, 2),
        **bits(8, 4, 64),
    )
    after = SeparableConvolutional(
        name="after",
        depthwise=random_weights(rng, 4, (3, 3, 64)),
        pointwise=random_weights(rng, 4, (64, 8)),
        **bits(4, 4, 8),
    )
    return network(rng, [first, after])


def idle(elements: int) -> Sample:
    """No layer but the input, whose range is looked through and which becomes int32."""
    model = Model((InputData("in", (1, 1, elements), 4),))
    return model, np.full((1, 1, 1, elements), 7, np.uint8)


def saturating() -> Sample:
    """The global sum that is computed twice, the second time with saturation."""
    model, x = saturating_network(3)
    return model, x[:1]


def akida2() -> Sample:
    """Fast kernels of Akida 2.0, of inputs that are shifted and are not, and general ones."""
    rng = np.random.default_rng(5)
    wide, narrow, shape = 48, 8, (14, 12, 48)

    def settings(filters: int, *kernel: int, shift: int = 0) -> dict[str, object]:
        return {
            "weights": rng.integers(-128, 128, kernel).astype(np.int8),
            "input_shift": np.full(wide, shift, np.uint8),
            "bias": np.zeros(filters, np.int8),
            "bias_shift": np.zeros(filters, np.uint8),
            "output_scales": np.full(filters, 9, np.uint8),
            "output_shift": np.full(filters, -17, np.int8),
        }

    layers = (
        SignedInputData("in", shape),
        Conv2D(name="fast", **settings(wide, 3, 3, wide, wide)),
        Conv2D(name="shifted", **settings(wide, 3, 3, wide, wide, shift=1)),
        DepthwiseConv2D(name="depthwise", **settings(wide, 5, 5, wide)),
        Conv2DTranspose(name="general", **settings(narrow, 4, 4, wide, narrow)),
    )
    x = rng.integers(-128, 128, (1, *shape)).astype(np.int8)
    return Model(layers), x


def buffered() -> Sample:
    """Inputs that are remembered: sums that saturate at every step, and others."""
    rng = np.random.default_rng(6)
    settings = {
        "input_shift": np.full(64, 4, np.uint8),
        "bias": np.zeros(64, np.int8),
        "bias_shift": np.zeros(64, np.uint8),
        "output_scales": np.full(64, 9, np.uint8),
        "output_shift": np.full(64, -17, np.int8),
        "buffer_bits": 20,
    }
    layers = (
        SignedInputData("in", (10, 12, 64)),
        DepthwiseBufferTempConv(
            name="steps", weights=rng.integers(-128, 128, (10, 64)).astype(np.int8), **settings
        ),
        BufferTempConv(
            name="sums",
            weights=rng.integers(-128, 128, (4, 64, 64)).astype(np.int8),
            **{**settings, "input_shift": np.zeros(64, np.uint8)},
        ),
    )
    x = rng.integers(-128, 128, (1, 10, 12, 64)).astype(np.int8)
    return Model(layers), x


def recurrent() -> Sample:
    """Products that need 64 bits, and others."""
    rng, states, filters = np.random.default_rng(7), 128, 24

    def bytes_of(*shape: int) -> np.ndarray:
        return rng.integers(-128, 128, shape).astype(np.int8)

    layer = StatefulRecurrent(
        name="r",
        in_proj=bytes_of(1100, states),
        weights=bytes_of(states, filters),
        input_shift=np.full(1100, 16, np.uint8),
        a_real=np.full(states, 9000, np.int16),
        a_imag=np.full(states, -11000, np.int16),
        new_state_scale=np.full(states, 200, np.uint8),
        new_state_shift=np.full(states, -20, np.int8),
        internal_state_outputs_shift=np.full(states, -14, np.int8),
        bias=np.zeros(filters, np.int8),
        bias_shift=np.zeros(filters, np.uint8),
        output_scales=np.full(filters, 9, np.uint8),
        output_shift=np.full(filters, -17, np.int8),
    )
    model = Model((SignedInputData("in", (1, 4, 1100), 16), layer))
    return model, model.noise(rng, 1)


def network(rng: np.random.Generator, layers: list[AnyLayer]) -> Sample:
    top = 1 << Model(tuple(layers)).input_bits
    x = rng.integers(1, top, (1, *Model(tuple(layers)).input_shape)).astype(np.uint8)
    return Model(tuple(calibrate(layers, rng, x))), x


def bits(weights_bits: int, act_bits: int | None, filters: int) -> dict[str, object]:
    return {"weights_bits": weights_bits, "act_bits": act_bits, **placeholder(filters)}


# long: takes more than a million instructions on every core without a tick inside a layer
LONG: dict[str, tuple[str, Callable[[], Sample]]] = {
    "conv": ("akrt_conv_lines", lambda: general((9, 9, 256), 5, 32, None)),
    "window": ("akrt_conv_lines", lambda: general((9, 9, 1024), 7, 16, None)),
    "many": ("akrt_conv_lines", lambda: general((50, 30, 32), 3, 8, None)),
    "top": ("akrt_max_line", lambda: general((14, 14, 64), 3, 64, MAX)),
    "mean": ("akrt_sums_line", lambda: general((20, 20, 32), 3, 64, MEAN)),
    "bytes": ("akrt_bytes_lines", lambda: general((12, 12, 64), 5, 32, None, 8)),
    "border": ("akrt_bytes_lines", border),
    "wide": (
        "akrt_layer_max",
        lambda: general((12, 12, 32), 3, 16, Pooling("max", (5, 5), (5, 5)), act_bits=None),
    ),
    "sep": ("akrt_layer_plain", lambda: separable((2, 2, 512), 128, 8)),
    "sepmean": ("akrt_layer_sum", lambda: separable((3, 3, 256), 64, 8, MEAN)),
    "separable": ("akrt_separable_lines", lambda: separable((20, 20, 256), 32, 4)),
    "separable_mean": ("akrt_separable_lines", lambda: separable((20, 20, 128), 128, 4, MEAN)),
    "dense": ("akrt_layer_dense", lambda: dense(50_000, 3, 8)),
    "added": ("akrt_add_lines", lambda: added((28, 28, 64))),
    "branches": ("akrt_layer_add", branches),
    "rows": ("akrt_separable_rows", lambda: separable((20, 5, 256), 128, 4)),
    "low": ("akrt_separable_rows_muladd", lambda: separable((20, 5, 256), 128, 2)),
    "rowsum": (
        "akrt_separable_sum_rows",
        lambda: separable((60, 5, 512), 64, 4, Pooling("average")),
    ),
    "first": ("akrt_conv_rows", first_rows),
}
SHORT = {
    "idle": lambda: idle(60_000),
    "saturating": saturating,
    "product": lambda: dense(30_000, 24, 4),
    "akida2": akida2,
    "buffered": buffered,
    "recurrent": recurrent,
}


@cache
def sample(name: str) -> Sample:
    return SHORT[name]() if name in SHORT else LONG[name][1]()


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("plugin") / "tick_gap.so"
    source = str(BENCH / "tick_gap.c")
    subprocess.run([tool("gcc"), "-O2", "-shared", "-fPIC", source, "-o", str(library)], check=True)
    return library


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A sample by its name, exported once for all cores."""
    home = tmp_path_factory.mktemp("ticks")

    @cache
    def export(name: str) -> Path:
        model, x = sample(name)
        firmware_export.export(model, home / name, name=name, vectors=x)
        return home / name

    return export


def test_every_kernel_of_a_layer_is_tried() -> None:
    for name, (kernel, _) in LONG.items():
        assert kernel in lower(sample(name)[0], name).kernels, name
    drivers = {kernel for kernel, _ in LONG.values()} | {"akrt_dense_line"}  # SHORT: "product"
    drivers |= {"akrt_pack_line", "akrt_row_line", "akrt_unpack_line", "akrt_widen_line"}  # short
    drivers |= {
        "akrt_lines",
        "akrt_depthwise_lines",
        "akrt_hash_line",
        "akrt_wide_lines",
        "akrt_one_line",
    }  # parts
    kernels = Path(__file__).resolve().parents[2] / "src_c" / "mcu"
    architectures = ("_dsp", "_mve", "_long", "_halves")
    for path in kernels.glob("akrt_*.h"):
        if re.match(r"akrt_(layer_|conv_rows$|.*_lines?$|separable_.*rows)", path.stem):
            assert path.stem in drivers or path.stem.endswith(architectures), path.stem


@pytest.mark.parametrize(
    ("core", "options"),
    [*((core, ("-O2",)) for core in CORES), ("cortex-m0", ("-Os", "-DAKRT_PORTABLE"))],
)
def test_a_tick_in_any_million_instructions(
    core: str,
    options: tuple[str, ...],
    plugin: Path,
    exported: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """Every layer's hash is as without ticks, too: the programs are the self-tests."""
    target = with_memory(core)
    tool(*target.compiler)
    if not takes_plugins(tool(target.runner[0])):
        pytest.skip(f"{target.runner[0]} takes no plugins")
    # of a core and its neighbour, one or the other sees a network, unless there is time for all
    runs = [*CORES, "portable"]
    turn = runs.index(core if len(options) == 1 else "portable") % 2
    for name in (*LONG, *SHORT) if THOROUGH else (*LONG, *SHORT)[turn::2]:
        model, _ = sample(name)
        here = (*options, f"-I{exported(name)}")
        ticks, most, total = gaps(target, tmp_path / f"{name}.c", name, here, plugin)
        assert most < MOST, f"{name}: {most:,} instructions without a tick"
        if name in LONG:
            assert total > MOST, f"{name} is not long: {total:,}"
            assert ticks > len(model.layers) + total // MOST


def gaps(
    target: Target, main: Path, name: str, options: tuple[str, ...], plugin: Path
) -> tuple[int, int, int]:
    """Ticks of a self-test that passed, the most instructions between two, and between all."""
    text = (
        f"#define {name.upper()}_SELFTEST\n"
        f'#include "{name}_selftest.c"\n'
        f"int main(void) {{ return {name}_selftest(); }}\n"
    )
    return gaps_of(target, main, text, name, options, plugin)


def gaps_of(
    target: Target, main: Path, text: str, name: str, options: tuple[str, ...], plugin: Path
) -> tuple[int, int, int]:
    """The same of a program of this text, which is written to `main`."""
    main.write_text(
        f"#include <stdint.h>\n"
        f"void tick(int32_t layer);\n"
        f"#define {name.upper()}_TICK(layer) tick(layer)\n"
        f"{text}"
        f"static volatile int32_t ticked;\n"
        f"__attribute__((noinline)) void tick(int32_t layer) {{ ticked = layer; }}\n"
    )
    program, out = main.with_suffix(".elf"), main.with_suffix(".gaps")
    compile_program(target, [main], program, options)
    nm = tool(re.sub("gcc$", "nm", target.compiler[0]))
    symbols = subprocess.run([nm, str(program)], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^(\w+) T tick$", symbols, re.MULTILINE)
    assert found is not None
    mark = int(found[1], 16) & ~1
    command = [target.runner[0], "-plugin", f"{plugin},mark={mark:#x},out={out}"]
    done = subprocess.run([*command, *target.runner[1:], str(program)], capture_output=True)
    assert done.returncode == 0, f"{name}: the program returned {done.returncode}"
    ticks, most, total = map(int, out.read_text().split())
    return ticks, most, total


@cache
def takes_plugins(emulator: str) -> bool:
    words = subprocess.run([emulator, "-help"], capture_output=True, text=True).stdout
    return "-plugin " in words


@pytest.mark.parametrize(
    ("macros", "ends", "refused"),
    [
        (["A_TICK(l) tick(l)"], [-1, 1, -1], ""),
        (["B_TICK(l) tick(l)"], None, "AKRT_TICK"),
        (["A_TICK(l) tick(l)", "B_TICK(l) tick(10 + l)"], None, "AKRT_TICK"),
        (["AKRT_TICK() tick(-2)"], [-2, -2, -2], ""),
        (["AKRT_TICK() tick(-2)", "A_TICK(l) tick(l)", "B_TICK(l) tick(10 + l)"], [-2, 1, 11], ""),
    ],
)
def test_two_networks_of_one_source_file(
    macros: list[str], ends: list[int] | None, refused: str, tmp_path: Path
) -> None:
    """What is called inside layers, and after the last layer of either; kernels are shared."""
    lines = ["#include <stdint.h>", "static int32_t earliest, latest;"]
    lines += ["static void tick(int32_t l) { earliest = earliest ? earliest : l; latest = l; }"]
    lines += [f"#define {macro}" for macro in macros]
    for name in "ab":
        firmware_export.export(sample("dense")[0], tmp_path / name, name=name)
        lines += [f"#define {name.upper()}_IMPLEMENTATION", f'#include "{name}/{name}.h"']
    lines += ["static uint8_t x[A_INPUT_BYTES]; static int32_t y[A_OUTPUTS];"]
    lines += ["static uint32_t arena[A_ARENA_BYTES / 4];", "int main(void) {"]
    for name, at in (("a", 1), ("b", 2)):
        lines.append(f"    if ({name}_run(x, y, arena) != 0) return 9;")
        if ends is not None:
            lines.append(f"    if (latest != {ends[at]}) return {at};")
    if ends is not None:
        lines.append(f"    if (earliest != {ends[0]}) return 3;")
    source = tmp_path / "main.c"
    source.write_text("\n".join([*lines, "    return 0;", "}", ""]))
    command = [tool("gcc"), "-std=c99", *WARNINGS, str(source), "-o", str(tmp_path / "main")]
    done = subprocess.run(command, capture_output=True, text=True)
    if refused:
        assert done.returncode != 0
        assert refused in done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert subprocess.run([str(tmp_path / "main")]).returncode == 0
