"""Runs the latency suites and saves one result: JSON for bench/compare.py, Markdown for people.

    python bench/run.py [--out bench/results] [--seconds 2] [--quick]        (extra: bench)

The bundled network, the architectures of BrainChip's zoo that the tests build (with the extra
train), every layer type on every kernel set, and bench/test_latency_*.py. akida's software is
never part of a saved result.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_cases import LAYERS, case

import akrt
from akrt import benchmark
from akrt.backends.native import usable_archs
from akrt.benchmark import Comparison, with_arch
from akrt.lowering.arithmetic import run_node
from akrt.lowering.operations import Neural, operation
from akrt.model import Model
from akrt.runtime import bundled_model
from akrt.timing import one_core, ratio, take_turns

HERE = Path(__file__).resolve().parent
ARCHITECTURES = ("mobilenet_imagenet", "akidanet_imagenet", "vgg_utk_face")
BATCHES = {"ds_cnn_kws": 256}
"""Other networks are timed on single samples only."""


def zoo() -> tuple[list[Model], str | None]:
    """Untrained networks of the zoo with the activations of trained ones, or why there are none."""
    import architectures

    models = []
    for name in ARCHITECTURES:
        try:
            model = akrt.load(architectures.files(name)[0])
        except pytest.skip.Exception as absent:
            return [], str(absent)
        rng = np.random.default_rng(5)
        shape = (4, *model.input_shape)
        x = rng.integers(0, 1 << model.input_bits, shape).astype(np.uint8)
        models.append(half_zeros(model, x).replace(name=name))
    return models, None


def half_zeros(model: Model, x: np.ndarray) -> Model:
    """The same network with thresholds and steps that leave half of the activations for `x` zero.

    A ReLU after batch normalisation does so. It matters a little: akrt's time depends on how many
    depthwise results fit a byte.
    """
    done: list[Any] = []
    value: Any = x
    for node in model.nodes:
        layer = node.layer
        if isinstance(operation(node), Neural):
            bare = Model((*done, replace(layer, act_bits=None)))
            potentials = run_node(bare.nodes[-1], value)
            flat = potentials.reshape(-1, potentials.shape[-1]).astype(np.float64)
            middle, high = np.quantile(flat, [0.5, 0.995], axis=0)
            step = np.maximum((high - middle) / 15, 1 / 16).astype(np.float32)
            layer = replace(layer, threshold=np.floor(middle).astype(np.int32), act_step=step)
        done.append(layer)
        value = run_node(Model(tuple(done)).nodes[-1], value)
    return model.replace(layers=tuple(done))


def layers(seconds: float) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Median microseconds of one sample by layer and kernel set, and ratios to the best set."""
    archs = usable_archs()
    medians: dict[str, dict[str, float]] = {}
    ratios: dict[str, float] = {}
    for name in LAYERS:
        model, x = case(name)
        calls = {}
        for arch in archs:
            with with_arch(arch):
                runtime = akrt.Runtime(model, backend="native", threads=1)
            calls[arch] = partial(runtime.forward, x)
        with one_core():
            found = take_turns(calls, seconds)
        medians[name] = {arch: round(t.median, 2) for arch, t in found.items()}
        for arch in archs[1:]:
            ratios[f"{name}: akrt {arch} / akrt {archs[0]}"] = ratio(found[arch], found[archs[0]])
    return medians, ratios


def wrapper(seconds: float) -> float:
    """Microseconds that `Runtime.forward` adds to the compiled network's own call, one sample."""
    runtime = akrt.Runtime(backend="native", threads=1)
    x = benchmark.samples(runtime.model, 1)
    compiled: Any = runtime._backend
    with one_core():
        found = take_turns(
            {
                "forward": partial(runtime.forward, x),
                "compiled": partial(compiled._network.run, x),
            },
            seconds,
        )
    added = np.asarray(found["forward"].turns) - np.asarray(found["compiled"].turns)
    return float(np.median(added))


def suites() -> dict[str, float]:
    """Median microseconds of every test of bench/test_latency_*.py."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "suites.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE)]
        subprocess.run([*command, f"--benchmark-json={result}"], check=True, cwd=HERE.parent)
        found = json.loads(result.read_text())["benchmarks"]
    return {b["fullname"].rpartition("/")[2]: round(b["stats"]["median"] * 1e6, 2) for b in found}


def result(seconds: float, quick: bool) -> dict[str, Any]:
    """Everything, as it is saved."""
    others, why = ([], "left out by --quick") if quick else zoo()
    networks: list[Comparison] = []
    for model in [bundled_model(), *others]:
        batch = BATCHES.get(model.name, 1)
        networks.append(benchmark.compare(model, batch=batch, seconds=seconds))
    by_layer, layer_ratios = layers(seconds / 4)
    ratios = {name: value for each in networks for name, value in each.ratios.items()}
    return {
        **benchmark.facts(),
        "command": f"python bench/run.py --seconds {seconds:g}" + (" --quick" if quick else ""),
        "left_out": {} if why is None else {"architectures": why},
        "ratios": {name: round(value, 4) for name, value in {**ratios, **layer_ratios}.items()},
        "networks": [each.as_dict() for each in networks],
        "wrapper_us": round(wrapper(seconds), 3),
        "layers_us": by_layer,
        "suites_us": {} if quick else suites(),
    }


def network_tables(network: dict[str, Any]) -> list[str]:
    """Lines of what was measured on one network."""
    lines = [f"## {network['model']}, {network['macs']:,} MACs", ""]
    lines += ["| what | batch | threads | median us | samples/s |", "|---|---:|---:|---:|---:|"]
    for row in network["rows"]:
        lines.append(
            f"| {row['name']} | {row['batch']} | {row['threads']} | "
            f"{row['median_us']:,.1f} | {row['samples_per_s']:,.0f} |"
        )
    lines += ["", "| time / time | |", "|---|---:|"]
    lines += [f"| {name} | {value:.3f} |" for name, value in network["ratios"].items()]
    return [*lines, *(f"\n{name}: {why}" for name, why in network["absent"].items())]


def markdown(run: dict[str, Any]) -> str:
    """The result as tables."""
    versions = ", ".join(f"{name} {v}" for name, v in run["versions"].items())
    lines = [
        "# Latency",
        "",
        f"{run['cpu']}, {run['system']}, Python {run['python']}; {versions}. Made by "
        f"`{run['command']}`; `bench/README.md` says how to read it.",
        "",
    ]
    lines += [f"Left out: {what}: {why}." for what, why in run["left_out"].items()]
    for network in run["networks"]:
        lines += [*network_tables(network), ""]
    lines += [f"`Runtime.forward` adds {run['wrapper_us']:.2f} us to the compiled call.", ""]
    archs = list(next(iter(run["layers_us"].values())))
    lines += ["## One layer, one sample, us", "", "| layer | " + " | ".join(archs) + " |"]
    lines.append("|---|" + "---:|" * len(archs))
    for name, row in run["layers_us"].items():
        lines.append(f"| {name} | " + " | ".join(f"{row[arch]:,.1f}" for arch in archs) + " |")
    if run["suites_us"]:
        lines += ["", "## Suites, median us", "", "| test | us |", "|---|---:|"]
        lines += [f"| {name} | {value:,.1f} |" for name, value in run["suites_us"].items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run and save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--name", default="latency", help="of the two files")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each configuration")
    parser.add_argument("--quick", action="store_true", help="without architectures and suites")
    options = parser.parse_args()
    run = result(options.seconds, options.quick)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{options.name}.json").write_text(json.dumps(run, indent=2) + "\n")
    (options.out / f"{options.name}.md").write_text(markdown(run))
    print(markdown(run))


if __name__ == "__main__":
    main()
