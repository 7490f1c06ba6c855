"""Instructions, flash and RAM of other networks than the shipped keyword spotter, on every core.

    python bench/firmware_networks.py [--networks A,B] [--akida2 C,D] [--cores m4,m55]
        [--out bench/firmware]

Counted as in bench/firmware_size.py, under QEMU, for noise; networks are those of
bench/firmware_cases.py and, of Akida 2.0, bench/akida2_cases.py. One that does not fit the machine
that stands for a core has no figure. What is not measured stays in the files of --out as it is.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from akida2_cases import AKIDA2_NETWORKS, akida2_network
from firmware_cases import CHANGES, NETWORKS, network
from firmware_size import CORES, NAME, build_counter, measure
from rate_programs import machine

import firmware_export
from akrt.errors import UsageError
from akrt.model import Model
from firmware_export.line_feed import line_feed
from firmware_export.lowered import lower
from firmware_export.targets import TARGETS

__all__ = ["main"]

HERE = Path(__file__).resolve().parent
METHOD = """\
# One inference of other networks

Instructions (not cycles) of one inference of noise, in millions, counted as those of the keyword
spotter (`firmware.md`), compiled with -O2; in brackets those of CMSIS-NN where they are known, from
`peers.json`, which says how they were counted. Flash is code and constants, RAM the arena and the
stack on a Cortex-M4, in bytes: beside the whole input, and with the input given line by line, of
which the arena holds what it needs. Weights are random. Empty: the network does not fit the machine
that stands for the core. `python bench/firmware_networks.py` makes this page again.

"""
AKIDA2 = """
## Networks of Akida 2.0

Weights and activations of 8 bits, or of 4 where it says so, which lie in bytes; in brackets
CMSIS-NN with 8 bits on a network of the same shape. Tensors are whole: lines are put together
first. The Cortex-M0 has the memory of another machine here.

"""
CHANGED = """
## The keyword spotter with one change

Instructions of a product (MAC) on a Cortex-M4, and how often those of the unchanged network.

"""


def row(
    name: str, model: Model, cores: tuple[str, ...], folder: Path, plugin: Path
) -> dict[str, Any]:
    """Figures of one network."""
    place = folder / name.replace(" ", "_")
    report = firmware_export.export(model, place, name=NAME)
    lines = line_feed(lower(model, NAME)).bytes
    found: dict[str, Any] = {"macs": model.macs, "arena": report.arena_bytes, "by_lines": lines}
    found["cores"] = {}
    for core in cores:
        try:
            target = machine(core) if model.version == 2 else TARGETS[core]
            figures = measure(target, place, ("-O2",), folder, plugin)
        except UsageError as error:
            print(f"{name}, {core}: {str(error).splitlines()[0]:.120}")
            continue
        del figures["functions"]
        found["cores"][core] = figures
    return found


def table(
    rows: dict[str, dict[str, Any]], cores: tuple[str, ...], peers: dict[str, dict[str, float]]
) -> str:
    """Markdown."""
    lines = [
        f"| network | MMAC | {' | '.join(cores)} | flash | RAM | RAM by lines |",
        f"|---|---:|{'---:|' * (len(cores) + 3)}",
    ]
    for name, facts in rows.items():
        counted, theirs = facts["cores"], peers.get(name, {})
        millions = [
            f"{counted[core]['instructions'] / 1e6:.2f}" if core in counted else ""
            for core in cores
        ]
        cells = [
            f"{ours} ({theirs[core]:g})" if core in theirs and ours else ours
            for core, ours in zip(cores, millions, strict=True)
        ]
        one = counted.get("m4") or next(iter(counted.values()))
        flash, stack = one["code"] + one["constants"], one["stack"]
        lines.append(
            f"| {name} | {facts['macs'] / 1e6:.2f} | {' | '.join(cells)} | {flash:,} | "
            f"{facts['arena'] + stack:,} | {facts['by_lines'] + stack:,} |"
        )
    return "\n".join(lines) + "\n"


def changes(rows: dict[str, dict[str, Any]]) -> str:
    """Markdown: instructions of a product, and their ratio to those where nothing is changed."""
    lines = ["| change | MMAC | instructions, millions | of a product | ratio |"]
    lines.append("|---|---:|---:|---:|---:|")
    each = {n: r["cores"]["m4"]["instructions"] / r["macs"] for n, r in rows.items()}
    for name, facts in rows.items():
        millions = facts["cores"]["m4"]["instructions"] / 1e6
        lines.append(
            f"| {name} | {facts['macs'] / 1e6:.2f} | {millions:.2f} | {each[name]:.2f} | "
            f"{each[name] / each['nothing']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--akida2", default=",".join(AKIDA2_NETWORKS), help="those of Akida 2.0")
    parser.add_argument("--cores", default=",".join(CORES))
    parser.add_argument("--changes", action="store_true", help="of the keyword spotter, on m4")
    parser.add_argument("--out", type=Path, help="folder for networks.json and networks.md")
    arguments = parser.parse_args()
    cores = tuple(arguments.cores.split(","))
    peers = json.loads((HERE / "firmware" / "peers.json").read_text())["networks"]
    found: dict[str, dict[str, Any]] = {"networks": {}, "akida2": {}, "changes": {}}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plugin = build_counter(folder)
        for name in filter(None, arguments.networks.split(",")):
            found["networks"][name] = row(name, network(name), cores, folder, plugin)
        for name in filter(None, arguments.akida2.split(",")):
            found["akida2"][name] = row(name, akida2_network(name), cores, folder, plugin)
        if arguments.changes or (arguments.out and arguments.networks):
            for name in CHANGES:
                found["changes"][name] = row(name, network(name), ("m4",), folder, plugin)
    print(page(found, cores, peers))
    if arguments.out:
        facts = arguments.out / "networks.json"
        if facts.exists():
            found = _joined(json.loads(facts.read_text()), found)
        facts.write_text(json.dumps(found, indent=2) + "\n")
        (arguments.out / "networks.md").write_text(METHOD + page(found, CORES, peers))


def page(
    found: dict[str, dict[str, Any]], cores: tuple[str, ...], peers: dict[str, dict[str, float]]
) -> str:
    """Markdown of all that was found."""
    text = table(found["networks"], cores, peers) if found["networks"] else ""
    if found["akida2"]:
        same_shape = {name: peers.get(name.removesuffix("_4_bits"), {}) for name in found["akida2"]}
        text += AKIDA2 + table(found["akida2"], cores, same_shape)
    if found["changes"]:
        text += CHANGED + changes(found["changes"])
    return text


def _joined(before: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What was found, beside what was before of other networks and cores."""
    told: dict[str, Any] = {}
    for kind, rows in found.items():
        told[kind] = before.get(kind, {})
        for name, facts in rows.items():
            cores = told[kind].get(name, {}).get("cores", {}) | facts["cores"]
            told[kind][name] = facts | {
                "cores": {core: cores[core] for core in CORES if core in cores}
            }
    return told


if __name__ == "__main__":
    main()
