"""Networks of Akida 2.0 beside LiteRT int8 of the same Keras networks, on one core, in turns.

    python bench/akida2_latency.py [NAME...] [--seconds 2]  (extras: bench, train)

`akida2_twins.py` builds and quantises them. They are kept in the temporary directory under a hash
of what made them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from run import HERE, network_tables

import akrt
from akrt import benchmark

TWINS = HERE / "akida2_twins.py"
NETWORKS = ("ds_cnn_kws", "mobilenet_96", "akidanet_96", "mobilenet_224", "akidanet_224")
PACKAGES = ("akida_models", "quantizeml", "tf_keras", "tensorflow")
LITERT = "LiteRT int8"


def files(name: str) -> tuple[Path, Path]:
    """(.h5, .tflite) of a network, built on first use."""
    made_of = TWINS.read_text() + "".join(version(p.replace("_", "-")) for p in PACKAGES)
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    home = Path(tempfile.gettempdir()) / f"akrt-bench-{os.getuid()}-akida2-{digest}"
    home.mkdir(mode=0o700, exist_ok=True)
    found = home / f"{name}.h5", home / f"{name}.tflite"
    if not all(path.exists() for path in found):
        with tempfile.TemporaryDirectory(dir=home) as building:
            subprocess.run(
                [sys.executable, str(TWINS), building, name],
                check=True,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"},
            )
            for path in found:
                Path(building, path.name).rename(path)
    return found


def litert(path: Path, x: np.ndarray) -> Callable[[], np.ndarray]:
    """A call that gives LiteRT one sample, runs it on one thread, and fetches its output."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    signed = (x.astype(np.int16) - 128).astype(np.int8)

    def run() -> np.ndarray:
        interpreter.set_tensor(source, signed)
        interpreter.invoke()
        output: np.ndarray = interpreter.get_tensor(target)
        return output

    return run


def agreement(model: akrt.Model, path: Path) -> float:
    """The correlation of both outputs: those of one network that was quantised twice."""
    x = benchmark.samples(model, 4)
    ours = akrt.Runtime(model, backend="native").forward(x)
    theirs = np.stack([litert(path, sample[None])() for sample in x])
    return float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])


def result(names: list[str], seconds: float) -> dict[str, Any]:
    """Everything, as it is saved."""
    networks = []
    for name in names:
        quantised, twin = files(name)
        model = akrt.load(quantised).replace(name=name)
        rival = {LITERT: litert(twin, benchmark.samples(model, 1))}
        found = benchmark.compare(model, against=(), batch=1, seconds=seconds, others=rival)
        found.agreement[LITERT] = agreement(model, twin)
        networks.append(found)
    command = ["python bench/akida2_latency.py", *(names if tuple(names) != NETWORKS else ())]
    ratios = {name: value for each in networks for name, value in each.ratios.items()}
    return {
        **benchmark.facts(),
        "command": f"{' '.join(command)} --seconds {seconds:g}",
        "ratios": {name: round(value, 4) for name, value in ratios.items()},
        "networks": [each.as_dict() for each in networks],
    }


def markdown(run: dict[str, Any]) -> str:
    """The result as tables."""
    archs = [row["name"] for row in run["networks"][0]["rows"] if row["name"] != LITERT]
    lines = [
        "# Latency of networks of Akida 2.0",
        "",
        f"{run['cpu']}, {run['system']}, Python {run['python']}; akrt {run['versions']['akrt']}, "
        f"ai-edge-litert {run['versions']['ai-edge-litert']}. Made by `{run['command']}`; "
        "`bench/README.md` says how to read it.",
        "",
        f"## Time by the time of {LITERT}, one sample",
        "",
        "| network | MACs | " + " | ".join(archs) + " | agreement |",
        "|---|" + "---:|" * (len(archs) + 2),
    ]
    for network in run["networks"]:
        where = f"{network['model']}, batch 1: "
        cells = [f"{run['ratios'][f'{where}{arch} / {LITERT}']:.2f}" for arch in archs]
        cells.append(f"{network['agreement'][LITERT]:.3f}")
        lines.append(f"| {network['model']} | {network['macs']:,} | " + " | ".join(cells) + " |")
    for network in run["networks"]:
        lines += ["", *network_tables(network)]
    return "\n".join(lines).rstrip("\n") + "\n"


def main() -> None:
    """Run and save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--name", default="akida2_latency", help="of the two files")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each configuration")
    options = parser.parse_args()
    unknown = sorted(set(options.networks) - set(NETWORKS))
    if unknown:
        parser.error(f"no network is called '{unknown[0]}': {', '.join(NETWORKS)}")
    run = result(options.networks or list(NETWORKS), options.seconds)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{options.name}.json").write_text(json.dumps(run, indent=2) + "\n")
    (options.out / f"{options.name}.md").write_text(markdown(run))
    print(markdown(run))


if __name__ == "__main__":
    main()
