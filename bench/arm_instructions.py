"""Instructions of one inference on AArch64, for each kernel set, under QEMU.

    python bench/arm_instructions.py [MODEL] [--json FILE]

A QEMU plugin (bench/instruction_counter.c) counts every instruction of a program that runs the
network twice, and of one that runs it once; the figure is the difference. Instructions are not
cycles. The sample is a clip that ships, or noise for a network without MFCC features.
"""

from __future__ import annotations

import argparse
import bisect
import json
import subprocess
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from firmware_size import build_counter

import akrt
from akrt.frontends import sound_front_end_of
from akrt.model import Model

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from kernels.emulated import CPUS, EMULATOR, Machine, architectures, arguments, build_server

BASE, SIZE = 0x400000, 0x400000  # where a static AArch64 program lies


def sample(model: Model) -> np.ndarray:
    """One sample, uint8 (1, X, Y, C)."""
    if model.preprocessing is None:
        rng = np.random.default_rng(1)
        return rng.integers(0, 1 << model.input_bits, (1, *model.input_shape)).astype(np.uint8)
    with as_file(files("akrt") / "data" / "clips" / "yes" / "espeak_f5.flac") as path:
        return sound_front_end_of(model).from_file(path)[None]


def functions(program: Path) -> list[tuple[int, str]]:
    """(address, name) of every function, ascending."""
    command = ["aarch64-linux-gnu-nm", "-n", str(program)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    fields = [line.split() for line in lines]
    return [(int(f[0], 16), f[2]) for f in fields if len(f) == 3 and f[1] in "tTwW"]


def counts(program: Path, plugin: Path, cpu: str, requests: bytes) -> dict[int, int]:
    """Executions of every address while the server answers `requests`."""
    out = program.with_suffix(".counts")
    options = f"{plugin},base={BASE:#x},size={SIZE:#x},out={out}"
    command = [EMULATOR, "-cpu", cpu, "-plugin", options, str(program)]
    subprocess.run(command, input=requests, check=True, capture_output=True, timeout=600)
    return {int(a): int(n) for a, n in (line.split() for line in out.read_text().splitlines())}


def measure(model: Model, arch: str, program: Path, plugin: Path) -> dict[str, int]:
    """Instructions of one inference, by function."""
    x = sample(model)
    cpu = CPUS[arch]
    machine = Machine(program, cpu)
    call = list(arguments(model, np.concatenate([x, x]), *architectures(machine)[arch]))
    machine.close()
    once_and_twice = []
    for runs in (1, 2):
        call[2] = runs
        requests = machine.request("prepare_and_run", *call)[0]
        once_and_twice.append(counts(program, plugin, cpu, requests))
    table = functions(program)
    starts = [start for start, _ in table]
    found: dict[str, int] = {}
    for place, n in once_and_twice[1].items():
        more = n - once_and_twice[0].get(place, 0)
        name = table[bisect.bisect_right(starts, place) - 1][1]
        found[name] = found.get(name, 0) + more
    # memcpy and memset of the network belong to it; what grows with the request does not
    return {name: n for name, n in sorted(found.items(), key=lambda item: -item[1]) if n > 0}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--json", help="write the figures here")
    arguments = parser.parse_args()
    model = akrt.Runtime(arguments.model, backend="native").model
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        program = build_server(Path(folder), "-O3")
        plugin = build_counter(Path(folder))
        for arch in CPUS:
            by_function = measure(model, arch, program, plugin)
            rows[arch] = {"instructions": sum(by_function.values()), "functions": by_function}
    generic = rows["generic"]["instructions"]
    for arch, row in rows.items():
        print(f"{arch:<8} {row['instructions']:>12,}  {generic / row['instructions']:.2f}x fewer")
        for name, n in list(row["functions"].items())[:6]:
            print(f"           {n:>12,}  {name}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
