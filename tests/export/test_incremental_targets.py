"""Rows that are kept on every core: hop by hop the integers of the whole inference."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from networks import calibrate, placeholder, random_weights

import firmware_export
from akrt.decision import StreamSettings
from akrt.model import InputConvolutional, Mfcc, Model, Pooling, SeparableConvolutional
from akrt.runtime import bundled_model
from firmware_export.incremental import plan_hop
from firmware_export.lowered import lower
from firmware_export.targets import TARGETS, Target
from firmware_export.toolchain import compile_program, run_program
from firmware_export.verify import verify

from .compiled_export import tool, with_memory
from .hop_networks import Listening, comparing_program, hop_network, saturating_listener
from .test_ticks import MOST, gaps_of, takes_plugins

CORES = [name for name in TARGETS if name not in ("host", "avr")]
SEEDS = range(200, 210)


def machine(name: str) -> Target:
    """The target, on a board with memory for this: that of the M0 has 16 KiB."""
    target = with_memory(name)
    tool(*target.compiler)
    if target.runner:
        tool(target.runner[0])
    return target


@cache
def keeping() -> list[Listening]:
    some = [hop_network(seed) for seed in SEEDS]
    some = [one for one in some if plan_hop(lower(one.model, "net"), one.moved).kept]
    assert len(some) > len(SEEDS) // 2
    shipped = Listening(bundled_model(), 4, np.zeros((0, 49, 10, 1), np.uint8), ())
    return [*some, *(saturating_listener(seed) for seed in range(3)), shipped]


@pytest.fixture(scope="module")
def comparing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the program that runs on every core."""
    return comparing_program(keeping(), tmp_path_factory.mktemp("comparing"))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, ("-O2",)) for name in CORES),
        *((name, ("-Os", "-DAKRT_PORTABLE")) for name in ("cortex-m0", "m4")),
    ],
)
def test_hops_on_every_core(
    name: str, options: tuple[str, ...], comparing: Path, tmp_path: Path
) -> None:
    target = machine(name)
    program = tmp_path / "main.elf"
    compile_program(target, [comparing], program, (*options, f"-I{comparing.parent}"))
    status = run_program(target, program)
    assert status == 0, f"network {status - 1}"


@pytest.mark.parametrize("seed", [0, 1])
def test_where_int_has_16_bits(seed: int, tmp_path: Path) -> None:
    target = machine("avr")
    model = small(seed)
    plan = plan_hop(lower(model, "net"), 4)
    assert {0, 1, 2} <= set(plan.kept)
    listener = Listening(model, 4, np.zeros((0, 49, 10, 1), np.uint8), ())
    main = comparing_program([listener], tmp_path / "hops", hops=8)
    compile_program(target, [main], tmp_path / "main.elf", ("-O2",))
    assert run_program(target, tmp_path / "main.elf") == 0
    report = firmware_export.export(
        model, tmp_path / "net", name="net", stream=StreamSettings(hop_ms=80)
    )
    assert report.memory["stream"]["hop"]["incremental"]
    program = tmp_path / "net_stream_selftest.elf"
    source = tmp_path / "net" / "net_stream_selftest.c"
    compile_program(target, [source], program, ("-O2", "-DNET_STREAM_SELFTEST_MAIN"))
    assert run_program(target, program) == 0


def small(seed: int) -> Model:
    """A listener of which 16 KiB hold everything, constants too."""
    rng = np.random.default_rng(seed)
    first = InputConvolutional(
        name="first",
        input_shape=(49, 10, 1),
        weights=random_weights(rng, 8, (3, 3, 1, 4)),
        stride=(2, 2),
        weights_bits=8,
        act_bits=4,
        **placeholder(4),
    )
    middle = SeparableConvolutional(
        name="middle",
        depthwise=random_weights(rng, 4, (3, 3, 4)),
        pointwise=random_weights(rng, 4, (4, 4)),
        weights_bits=4,
        act_bits=4,
        **placeholder(4),
    )
    last = SeparableConvolutional(
        name="last",
        depthwise=random_weights(rng, 4, (3, 3, 4)),
        pointwise=random_weights(rng, 4, (4, 3)),
        weights_bits=4,
        act_bits=None,
        pooling=Pooling("average"),
        **placeholder(3),
    )
    x = rng.integers(0, 256, (2, 49, 10, 1)).astype(np.uint8)
    layers = tuple(calibrate([first, middle, last], rng, x))
    return Model(layers, labels=("silence", "yes", "no"), preprocessing=Mfcc())


@pytest.mark.parametrize("name", CORES)
def test_the_shipped_listener_passes_its_self_test(name: str, tmp_path: Path) -> None:
    """Which hashes every inference's outputs; the board of the M0 has memory for whole windows."""
    tool(*TARGETS[name].compiler)
    by_hops = name != "cortex-m0"
    firmware_export.export(
        bundled_model(), tmp_path, "kws", stream=StreamSettings(), incremental=by_hops
    )
    if TARGETS[name].runner:
        tool(TARGETS[name].runner[0])
    assert "stream" in verify(tmp_path, name).parts


@pytest.mark.parametrize("core", ["cortex-m0", "m4", "m55", "rv32"])
def test_a_tick_in_any_million_instructions(core: str, tmp_path: Path) -> None:
    target = machine(core)
    if not takes_plugins(tool(target.runner[0])):
        pytest.skip(f"{target.runner[0]} takes no plugins")
    plugin = tmp_path / "tick_gap.so"
    source = str(Path(__file__).resolve().parents[2] / "bench" / "tick_gap.c")
    subprocess.run([tool("gcc"), "-O2", "-shared", "-fPIC", source, "-o", str(plugin)], check=True)
    main = comparing_program([long()], tmp_path / "hops", hops=3)
    text = re.sub(r"name##_run\(.*\n", "", main.read_text(), count=1)
    assert "name##_run(" not in text
    text = re.sub(r"\|\|\s*\\\s*memcmp\(.*\) \{", ") {", text)
    ticks, most, total = gaps_of(target, main, text, "n0", ("-O2",), plugin)
    assert total > 3 * MOST
    assert ticks > total // MOST
    assert most < MOST


def long() -> Listening:
    """Every kind of kept rows, each of which takes more than a million instructions."""
    rng = np.random.default_rng(0)
    bits = {"weights_bits": 4, "act_bits": 4}
    layers = [
        InputConvolutional(
            name="first",
            input_shape=(160, 5, 3),
            weights=random_weights(rng, 8, (7, 3, 3, 128)),
            weights_bits=8,
            act_bits=4,
            **placeholder(128),
        ),
        SeparableConvolutional(
            name="middle",
            depthwise=random_weights(rng, 4, (3, 3, 128)),
            pointwise=random_weights(rng, 4, (128, 256)),
            **bits,
            **placeholder(256),
        ),
        SeparableConvolutional(
            name="last",
            depthwise=random_weights(rng, 4, (3, 3, 256)),
            pointwise=random_weights(rng, 4, (256, 64)),
            pooling=Pooling("average"),
            **bits,
            **placeholder(64),
        ),
    ]
    x = rng.integers(0, 256, (1, 160, 5, 3)).astype(np.uint8)
    return Listening(Model(tuple(calibrate(layers, rng, x))), 40, x, (True,))
