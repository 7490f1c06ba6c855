"""What an export tells of its cost: held to what QEMU counts, and never exceeded by any input."""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from networks import calibrate, placeholder, random_input, random_weights
from thorough import THOROUGH
from typer.testing import CliRunner

import firmware_export
from akrt.cli.commands import app
from akrt.errors import UsageError
from akrt.frontends import sound_front_end_of
from akrt.model import FullyConnected, InputData, Model
from firmware_export.akida2_loops import AKIDA2_KERNELS, AKIDA2_PARTS, is_of_akida2
from firmware_export.budget import budget
from firmware_export.estimate import RATES, cores, estimate, is_measured
from firmware_export.kernel_work import KERNELS, PARTS
from firmware_export.lowered import Lowered, lower
from firmware_export.targets import TARGETS

from .climbing import climbed, dearest, reach, relatives
from .compiled_export import tool
from .row_networks import row_network, saturating_network

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
NETWORKS = BENCH / "firmware" / "networks.json"
"""What was counted of the benchmarks."""
WORD = ROOT / "akrt" / "data" / "clips" / "yes" / "espeak_f5.flac"
WITHIN = 0.1
SMALL, LONG = (24, 6), (10_000, 200)
INPUTS = LONG if "AKRT_BOUND_INPUTS" in os.environ else SMALL
"""Inputs of noise, and made to take long, that a bound is tried with."""
AT_MOST = 10_000_000_000
"""Instructions of the noise of one benchmark, or that of 300 inputs."""


@cache
def bench(name: str) -> ModuleType:
    """A module of bench, which measures."""
    sys.path.insert(0, str(BENCH))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCH))


def need_core(core: str) -> None:
    target = TARGETS[core]
    tool(*target.compiler)
    tool(target.runner[0])


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The counter of instructions."""
    tool("gcc", "cc")
    return Path(bench("firmware_size").build_counter(tmp_path_factory.mktemp("plugin")))


def test_estimates_of_the_benchmarks_are_within_ten_percent_of_what_was_counted() -> None:
    """If this fails: python bench/firmware_networks.py counts again, bench/firmware_rates.py and
    bench/akida2_rates.py measure rates."""
    network, akida2 = bench("firmware_cases").network, bench("akida2_cases").akida2_network
    counted = json.loads(NETWORKS.read_text())
    wrong = []
    rows = [
        (name, facts, network)
        for kind in ("networks", "changes")
        for name, facts in counted[kind].items()
    ]
    rows += [(name, facts, akida2) for name, facts in counted["akida2"].items()]
    for name, facts, made in rows:
        told = estimate(lower(made(name), "net"))
        for core, figures in facts["cores"].items():
            error = told.total(core).typical / figures["instructions"] - 1
            code = told.code[core] / figures["code"] - 1
            if abs(error) > WITHIN or told.total(core).worst < figures["instructions"]:
                wrong.append(f"{name}, {core}: instructions {error:+.1%}")
            if abs(code) > WITHIN:
                wrong.append(f"{name}, {core}: code {code:+.1%}")
    assert not wrong, wrong


@cache
def several() -> list[tuple[Lowered, np.ndarray]]:
    """Small networks of several layers, each with an input."""
    rng, found = np.random.default_rng(4), []
    for i, model in enumerate(bench("rate_mixtures").mixed_networks()[:9]):
        x = rng.integers(0, 1 << model.input_bits, (1, *model.input_shape)).astype(np.uint8)
        found.append((lower(model, f"n{i}"), x))
    return found


@pytest.mark.parametrize("core", cores())
def test_estimates_of_small_networks_are_close(core: str, plugin: Path, tmp_path: Path) -> None:
    need_core(core)
    counts = bench("rate_programs").inference_counts(core, several(), tmp_path, plugin)
    for (net, _), (counted,) in zip(several(), counts, strict=True):
        told = estimate(net).total(core)
        assert told.typical == pytest.approx(counted, rel=2 * WITHIN), net.name
        assert told.worst >= counted, net.name


@cache
def akida2(bits: int) -> Model:
    """Convolutions whose inputs are shifted, pooling of both kinds, separable layers and, of 8
    bits, a sum of two ways."""
    builder = bench("akida2_builder")
    b = builder.Akida2Builder(7, bits)
    b.image((20, 14, 3), 12, 2)
    way = b.conv(12, 3, shift=1, activation=None)
    b.separable(18)
    if bits == 8:
        b.sum(b.conv(12, 1, activation=None), way)
    b.conv(30, 3, 2, pooling=builder.HALVED)
    b.separable(20, pooling=builder.AVERAGE)
    b.dense(11, 28)
    b.scores()
    made: Model = b.model("net")
    return made


@pytest.mark.parametrize("core", cores() if THOROUGH else ["m4", "m55", "rv32"])
def test_estimates_of_networks_of_akida_2(core: str, plugin: Path, tmp_path: Path) -> None:
    need_core(core)
    for bits in (8, 4):
        export = tmp_path / f"bits_{bits}"
        report = firmware_export.export(akida2(bits), export, name="net")
        counted = bench("firmware_size").measure(TARGETS[core], export, ("-O2",), tmp_path, plugin)
        told = report.memory["instructions"][core]
        assert told["typical"] == pytest.approx(counted["instructions"], rel=WITHIN), bits
        assert told["worst"] >= counted["instructions"]
        assert report.memory["code_bytes"][core] == pytest.approx(counted["code"], rel=WITHIN)
        assert report.memory["stack_bytes"][core] >= counted["stack"]


@pytest.mark.parametrize("core", cores() if THOROUGH else ["m4", "cortex-m0"])
def test_no_input_of_networks_of_akida_2_exceeds_the_bound(
    core: str, plugin: Path, tmp_path: Path
) -> None:
    need_core(core)
    rates, found = bench("akida2_rates"), []
    for bits in (8, 4):
        inputs = tried(akida2(bits), min(INPUTS[0], 300))
        found.append(rates.Case(lower(akida2(bits), "net"), inputs, (), True))
    for case, measured in zip(
        found, rates.measure_core(core, found, tmp_path, plugin), strict=True
    ):
        counted = [sum(layers) for layers in measured["layers"]]
        assert len(counted) == len(case.inputs)
        worst = estimate(case.net).total(core).worst
        print(f"{core}: at most {max(counted)}, {max(counted) / worst:.3f} of the bound")
        assert max(counted) <= worst


@pytest.mark.parametrize("core", cores())
def test_no_input_of_the_shipped_network_exceeds_the_bound(
    core: str, plugin: Path, kws_model: Model, tmp_path: Path
) -> None:
    need_core(core)
    noise, made = INPUTS
    inputs = np.concatenate([tried(kws_model, noise), saturating(kws_model, made)])
    net, word = lower(kws_model, "net"), sound_front_end_of(kws_model).from_file(WORD)
    rates = bench("rate_programs")
    ((of_word, *counted),) = rates.inference_counts(
        core, [(net, np.concatenate([word[None], inputs]))], tmp_path, plugin
    )
    told = estimate(net)
    code = sum(
        bench("rate_code").code_of(net, rates.machine(core), tmp_path, tmp_path, rates.FLAGS)
    )
    assert told.code[core] == pytest.approx(code, rel=WITHIN)
    assert told.total(core).typical == pytest.approx(of_word, rel=WITHIN)
    worst = told.total(core).worst
    print(f"{core}: at most {max(counted)}, {max(counted) / worst:.3f} of the bound")
    assert max(counted) <= worst
    assert max(counted[noise:]) > 1.15 * told.total(core).typical  # they take the longest way
    assert worst < 1.12 * max(counted)  # and the bound is close to it


def tried(model: Model, count: int) -> np.ndarray:
    """Noise, half of the elements of some of it zero, and both ends."""
    rng = np.random.default_rng(7)
    top = (1 << model.input_bits) - 1
    found = rng.integers(0, top + 1, (count, *model.input_shape)).astype(np.uint8)
    found[: count // 4] *= rng.integers(0, 2, found[: count // 4].shape, dtype=np.uint8)
    found[0], found[1] = 0, top
    return found


def saturating(model: Model, count: int) -> np.ndarray:
    """Inputs for which sums of the shipped network saturate."""
    peak = peaks()
    each = -(-count // len(peak))
    found = np.concatenate([relatives(model, x, each, seed) for seed, x in enumerate(peak)])
    assert (reach(model, found) > 1).all()
    return found[:count]


LARGE = json.loads(NETWORKS.read_text())["networks"]


# with few inputs the table of counts says as much
@pytest.mark.parametrize("core", ["m4"] if INPUTS == SMALL else ["m4", "cortex-m0", "m55"])
@pytest.mark.parametrize("name", ["anomaly_detection"] if INPUTS == SMALL else LARGE)
def test_no_input_of_the_benchmarks_exceeds_the_bound(
    name: str, core: str, plugin: Path, tmp_path: Path
) -> None:
    need_core(core)
    model, (noise, made) = bench("firmware_cases").network(name), INPUTS
    net, rates = lower(model, "net"), bench("rate_programs")
    told = estimate(net).total(core)

    def counts(inputs: np.ndarray) -> list[int]:
        return list(rates.inference_counts(core, [(net, inputs)], tmp_path, plugin)[0])

    try:
        inputs = tried(model, min(noise, max(300, AT_MOST // told.typical)))
        counted = counts(inputs)
    except UsageError as error:
        pytest.skip(str(error))
    counted += dearest(model, inputs[int(np.argmax(counted))], counts, made)
    print(f"{name}, {core}: {max(counted)}, {max(counted) / told.worst:.3f} of the bound")
    assert max(counted) <= told.worst


@cache
def peaks() -> list[np.ndarray]:
    """Inputs that make the shipped network's sums saturate."""
    from akrt.runtime import bundled_model

    model = bundled_model()
    return [climbed(model, seed) for seed in ((0, 1) if INPUTS == SMALL else range(10))]


@pytest.mark.parametrize("core", ["m4", "cortex-m0", "m55", "rv32"])
def test_no_input_of_other_networks_exceeds_the_bound(
    core: str, plugin: Path, tmp_path: Path
) -> None:
    need_core(core)
    drawn = [saturating_network(seed) for seed in (1, 2, 5)] + [
        row_network(seed) for seed in (3, 8)
    ]
    runs = []
    for number, (model, x) in enumerate(drawn):
        top = (1 << model.input_bits) - 1
        ends = np.stack([np.zeros_like(x[0]), np.full_like(x[0], top)])
        runs.append((lower(model, f"n{number}"), np.concatenate([x, ends])))
    chain = bench("rate_mixtures").row_chains()[7]  # other code in a program of its own
    alone = [(lower(chain, "alone"), tried(chain, 4))]
    counting = bench("rate_programs").inference_counts
    counts = counting(core, runs, tmp_path, plugin)
    counts += counting(core, alone, tmp_path, plugin)
    for (net, _), counted in zip(runs + alone, counts, strict=True):
        assert max(counted) <= estimate(net).total(core).worst, net.name


def test_what_noise_seldom_takes_is_not_typical() -> None:
    chain = bench("rate_mixtures").row_chains()[4]  # sums of 4 in 16 inputs of noise saturate
    told = estimate(lower(chain, "net")).total("m4")
    assert told.worst > 1.4 * told.typical


def stems_in_use() -> set[str]:
    """Names of kernels that the exporter's steps and stages call."""
    rooms = ("line_stages", "row_steps", "general_steps", "lowered")
    text = "".join((ROOT / "firmware_export" / f"{room}.py").read_text() for room in rooms)
    kernels = {path.stem for path in (ROOT / "src_c" / "mcu").glob("*.h")}
    found = set(re.findall(r'"(akrt_[a-z0-9_]+)"', text)) & kernels
    return found | {k for k in kernels if re.fullmatch(r"akrt_layer_(plain|max|sum)", k)}


@pytest.mark.parametrize("core", cores())
def test_every_kernel_was_measured(core: str) -> None:
    """If this fails: python bench/firmware_rates.py measures, kernel_work.KERNELS counts loops."""
    facts = json.loads(RATES.read_text())["cores"][core]
    unknown = stems_in_use() - set(KERNELS)
    assert not unknown, f"no loops are counted of {sorted(unknown)}"
    wanted = {*KERNELS, *PARTS, *AKIDA2_KERNELS, *AKIDA2_PARTS}
    missing = wanted - set(facts["rates"])
    assert not missing, f"no rates were measured of {sorted(missing)}"
    assert all(is_measured(kernel) for kernel in KERNELS)
    assert len(stems_in_use()) > 20


def test_a_core_measured_alone_leaves_the_others_their_rates(tmp_path: Path) -> None:
    written = bench("firmware_rates").written
    out = tmp_path / "rates.json"
    shipped = json.loads(RATES.read_text())
    written(out, {"m55": {"rates": {}}})

    def of_akida2(core: str, what: str) -> dict[str, Any]:  # another script's
        found = shipped["cores"][core][what]
        return {part: rate for part, rate in found.items() if is_of_akida2(part)}

    m55 = {"m55": {"rates": of_akida2("m55", "rates")}}
    assert json.loads(out.read_text())["cores"] == shipped["cores"] | m55
    written(out, {"m4": {"most": {}}})
    both = m55 | {"m4": {"most": of_akida2("m4", "most")}}
    assert json.loads(out.read_text()) == {"cores": shipped["cores"] | both}
    assert len(of_akida2("m4", "rates")) > 20


def test_there_are_rates_of_every_core() -> None:
    assert set(cores()) == set(TARGETS) - {"host", "host-32", "big-endian", "avr"}


def general() -> Model:
    """A dense layer with weights of 8 bits."""
    rng = np.random.default_rng(0)
    layer = FullyConnected(
        name="wide", weights=random_weights(rng, 8, (64, 16)), weights_bits=8, act_bits=4,
        **placeholder(16),
    )  # fmt: skip
    layers = [InputData("in", (1, 1, 64), 4), layer]
    return Model(tuple(calibrate(layers, rng, random_input(rng, Model(tuple(layers))))))


def test_a_general_kernel_says_what_it_costs(tmp_path: Path) -> None:
    path = tmp_path / "m.akrt"
    general().save(path)
    done = CliRunner().invoke(app, ["check", str(path), "--target", "mcu", "--core", "m0"])
    assert done.exit_code == 0, done.output
    told = re.search(
        r"wide takes a general kernel: ([\d,]+) instructions, ([\d.]+) times", done.output
    )
    assert told is not None, done.output
    report = budget(general(), core="cortex-m0")
    layer = report.layers[1]
    taken = layer.instructions["cortex-m0"].typical
    assert int(told[1].replace(",", "")) == taken
    assert float(told[2]) == pytest.approx(taken / layer.fast_instructions["cortex-m0"], abs=0.06)
    wide: Any = general().layers[1]
    narrow = replace(wide, weights_bits=4, weights=np.clip(wide.weights, -7, 7))
    fast = estimate(lower(Model((general().layers[0], narrow)), "net")).layers[1]
    assert layer.fast_instructions["m4"] == pytest.approx(fast["m4"].typical, rel=0.2)


def test_the_sum_of_the_layers_is_the_whole(kws_model: Model) -> None:
    report = budget(kws_model)
    for core, whole in report.cores.items():
        layers = sum(layer.instructions[core].typical for layer in report.layers)
        assert layers <= whole.instructions.typical <= 1.02 * layers
        assert whole.flash_bytes == whole.code_bytes + report.constant_bytes


def test_the_budget_of_flash_is_held_to_constants_and_code() -> None:
    model = general()
    report = budget(model)
    whole = {core: facts.flash_bytes for core, facts in report.cores.items()}
    assert report.core == "m4"
    assert budget(model, flash=whole["m4"]).fits
    assert not budget(model, flash=whole["m4"] - 1).fits
    assert budget(model, flash=whole["rv32"], core="rv32").fits
    assert not budget(model, flash=whole["rv32"] - 1, core="rv32").fits
    with pytest.raises(UsageError, match="nothing was measured on 'avr': choose one of m4, cort"):
        budget(model, core="avr")


def test_the_command_tells_both_tables_and_json(kws_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "kws.akrt"
    kws_model.save(path)
    command = ["check", str(path), "--target", "mcu"]
    text = CliRunner().invoke(app, [*command, "--core", "m55"]).output
    assert "instructions, m55" in text
    assert "not cycles" in text
    for core in cores():
        assert re.search(rf"^{core} .*\d,\d\d\d", text, re.M), core
    facts = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    told = budget(kws_model)
    assert facts["cores"]["m4"]["instructions"] == {
        "typical": told.cores["m4"].instructions.typical,
        "worst": told.cores["m4"].instructions.worst,
    }
    assert set(facts["layers"][1]["instructions"]) == set(cores())
    done = CliRunner().invoke(app, ["check", str(path), "--core", "m4"])
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == "--core is an option of --target mcu"


def test_the_memory_report_tells_the_same(kws_model: Model, tmp_path: Path) -> None:
    firmware_export.export(kws_model, tmp_path, name="net")
    memory = json.loads((tmp_path / "net_memory.json").read_text())
    report = budget(kws_model)
    text = (tmp_path / "net_memory.md").read_text()
    for core, facts in report.cores.items():
        cost = facts.instructions
        assert memory["instructions"][core] == {"typical": cost.typical, "worst": cost.worst}
        assert memory["code_bytes"][core] == facts.code_bytes
        assert f"| {core} | {cost.typical} | {cost.worst} | {facts.code_bytes} |" in text
    by_layer = [row["instructions"]["m4"]["typical"] for row in memory["layers"]]
    assert by_layer == [layer.instructions["m4"].typical for layer in report.layers]
    assert "not cycles" in text


def test_rates_are_installed_with_the_package() -> None:
    patterns = re.search(r"package_data=\{(.*?)\}", (ROOT / "setup.py").read_text(), re.S)
    assert patterns is not None
    assert '"*.json"' in patterns[1]
    assert RATES.parent == Path(firmware_export.__file__).parent
