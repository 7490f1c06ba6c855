"""Rates of the kernels of Akida 2.0, measured under QEMU: in firmware_export/kernel_rates.json.

    python bench/akida2_rates.py [--cores m4,m55] [--jobs 2] [--out FILE] [--keep FILE]

As bench/firmware_rates.py for those of Akida 1.0, whose rates stay as they are: small networks of
several layers (bench/akida2_rate_networks.py) are exported, each to a program of its own, as
compilers put kernels together by what calls them, and the instructions of every layer counted.
They are fitted by the loops of its kernels (firmware_export/akida2_loops.py). A bound is what the
longest way takes, times the most that a kernel ever took of that: of noise, of all the least and
all the greatest inputs, and of networks whose outputs are all clipped at one end.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from akida2_rate_networks import pushed, rate_networks
from firmware_rates import errors, fit, predicted
from firmware_size import CORES, START_UP, build_counter, symbols
from nonnegative import nonnegative
from rate_programs import between_marks, compiled, machine, write_net
from rate_samples import Sample, added

from akrt.lowering.arithmetic import run_nodes
from akrt.model import Model
from firmware_export.akida2_loops import (
    AKIDA2_KERNELS,
    AKIDA2_PARTS,
    akida2_call,
    akida2_emission,
    akida2_work,
    is_of_akida2,
)
from firmware_export.code_parts import akida2_code_parts
from firmware_export.estimate import RATES
from firmware_export.interface import input_type, output_type
from firmware_export.lowered import Lowered, lower

_PUSHED = 5
"""Of so many networks one is measured with all outputs clipped, too."""
_MARK = 4
"""Bytes of a call of mark."""
PROGRAM = """\
#include <stdint.h>
__attribute__((noinline)) static void mark(void) {{ __asm__ volatile(""); }}
#define NET_IMPLEMENTATION
#include "net.h"
static const uint8_t data[] __attribute__((aligned(8))) = {{{data}}};
static uint32_t arena[NET_ARENA_BYTES / 4 + 2];
static {made} output[NET_OUTPUTS];
int main(void) {{
    int (*volatile run)(const {given} *, {made} *, void *) = net_run;
    for (int32_t i = 0; i < {inputs}; i++) {{
        int status;
        mark();
        status = run((const {given} *)(const void *)(data + i * {bytes}), output, arena);
        mark();
        if (status != 0) {{
            return 1;
        }}
    }}
    return 0;
}}
"""


@dataclass(frozen=True)
class Case:
    """A network, and its inputs: noise, all the least, all the greatest."""

    net: Lowered
    inputs: np.ndarray
    nonzero: tuple[float, ...]
    """By step, of noise: the share of what it reads that is not zero."""
    usual: bool
    """Its outputs are not all clipped: rates are learned from it."""


def cases() -> list[Case]:
    """All networks, lowered."""
    models = rate_networks()
    found = [_case(model, True) for model in models]
    ends = [pushed(model, bias) for model in models[::_PUSHED] for bias in (-128, 127)]
    return found + [_case(model, False) for model in ends]


def _case(model: Model, usual: bool) -> Case:
    noise = model.noise(np.random.default_rng(1), 1)
    entry = model.entry
    ends = [np.full_like(noise, end) for end in (entry.low, entry.high)]
    if noise.dtype == np.float32:
        ends = [np.full_like(noise, end) for end in (0, 9)]
    made = dict(zip(model.nodes, run_nodes(model.nodes, noise), strict=True))
    of_layer = {node.layer.name: float((made[node] != 0).mean()) for node in model.nodes}
    net, given = lower(model, "net"), float((noise != 0).mean())
    shares = tuple(
        of_layer[source[0]] if (source := model.nodes[step.layer].sources) else given
        for step in net.steps
    )
    return Case(net, np.concatenate([noise, *ends]), shares, usual)


def measure_core(
    core: str, found: Sequence[Case], folder: Path, plugin: Path
) -> list[dict[str, Any]]:
    """Of every case: instructions of every layer for every input, and bytes of code."""
    target, told = machine(core), []
    for number, case in enumerate(found):
        place = folder / f"{core}_{number}"
        place.mkdir()
        write_net(case.net, place)
        header = place / "net.h"
        tick = "#define NET_TICK(layer) AKRT_TICK()"
        text = header.read_text()
        assert tick in text
        header.write_text(text.replace(tick, "#define NET_TICK(layer) mark()"))
        raw, source = case.inputs.tobytes(), place / "rates.c"
        source.write_text(
            PROGRAM.format(
                data=", ".join(map(str, raw)),
                given=input_type(case.net.model),
                made=output_type(case.net.model),
                inputs=len(case.inputs),
                bytes=len(raw) // len(case.inputs),
            )
        )
        program = compiled(target, source, place, place)
        layers = sum(step.ends_layer for step in case.net.steps)
        counts = _by_layer(between_marks(target, program, plugin), layers, len(case.inputs))
        apart = {*START_UP, "mark"}
        sizes = sum(size for _, size, name in symbols(target, program) if name not in apart)
        told.append({"layers": counts, "code": sizes - _MARK * layers})
    return told


def _by_layer(parts: list[np.ndarray], layers: int, inputs: int) -> list[list[int]]:
    """Instructions by input and layer; what follows the last layer is its, too."""
    sums = [int(part[:, 1].sum()) for part in parts]
    found = []
    for i in range(inputs):
        first = i * (layers + 2)
        mine = sums[first : first + layers + 1]
        found.append([*mine[: layers - 1], sum(mine[layers - 1 :])])
    return found


def loops(case: Case, longest: bool) -> list[tuple[str, dict[str, Any]]]:
    """Of every layer: its kernel, and the loops that its instructions are put down to."""
    found: list[tuple[str, dict[str, Any]]] = []
    for step, share in zip(case.net.steps, case.nonzero, strict=True):
        mine = added(
            akida2_work(case.net, step, 1.0 if longest else share), akida2_emission(case.net, step)
        )
        if step.ends_layer:
            found.append((step.kernel, mine))
        else:  # bytes to words, behind the last layer
            kernel, before = found.pop()
            found.append((kernel, added(before, mine)))
    kernel, first = found[0]
    found[0] = (kernel, added(first, {"akida2 call": akida2_call(case.net)}))
    return found


def learn(found: Sequence[Case], measured: Sequence[dict[str, Any]], core: str) -> dict[str, Any]:
    """The rates of one core, with the errors printed that they have."""
    told = []
    for number, (case, counted) in enumerate(zip(found, measured, strict=True)):
        if case.usual:
            told += _samples(number, case, counted["layers"][0], longest=False)
    held = [s for s in told if s.case % 5 == 4]
    first = fit([s for s in told if s.case % 5 != 4])
    unseen, rates = errors(first, held), fit(told)
    most: dict[str, float] = {}
    for number, (case, counted) in enumerate(zip(found, measured, strict=True)):
        for run in counted["layers"]:
            for sample in _samples(number, case, run, longest=True):
                bound = max(predicted(rates, sample), 1)
                ratio = 1 + (sample.counted - bound) / max(bound, sample.scale)
                most[sample.kernel] = max(most.get(sample.kernel, 1.0), ratio)
    for kernel, of_kernel in sorted(errors(rates, told).items()):
        outside = unseen.get(kernel, [0.0])
        print(
            f"{core:10} {kernel:68} {len(of_kernel):4} samples, error {min(of_kernel):+6.1f} to "
            f"{max(of_kernel):+6.1f} %, mean {np.mean(np.abs(of_kernel)):4.1f} %; unseen "
            f"{min(outside):+6.1f} to {max(outside):+6.1f} %; at most {most.get(kernel, 1):.3f}"
        )
    usual = [(case.net, m["code"]) for case, m in zip(found, measured, strict=True) if case.usual]
    code = _code(usual)
    off = [
        100 * (sum(code.get(p, 0) * n for p, n in akida2_code_parts(net).items()) / size - 1)
        for net, size in usual
    ]
    mean = np.mean(np.abs(off))
    print(f"{core:10} code: error {min(off):+.1f} to {max(off):+.1f} %, mean {mean:.1f} %")
    return {
        "rates": {
            kernel: {
                loop: float(f"{rate:.5g}") for loop, rate in sorted(rates.get(kernel, {}).items())
            }
            for kernel in sorted((*AKIDA2_KERNELS, *AKIDA2_PARTS))
        },
        "most": {k: float(f"{m:.4g}") for k, m in sorted(most.items()) if is_of_akida2(k)},
        "code": {part: round(size, 1) for part, size in code.items()},
    }


def _samples(number: int, case: Case, counted: Sequence[int], longest: bool) -> list[Sample]:
    least = 0.03 * sum(counted)
    return [
        Sample(number, kernel, (), mine, n, max(n, least))
        for (kernel, mine), n in zip(loops(case, longest), counted, strict=True)
    ]


def _code(usual: Sequence[tuple[Lowered, int]]) -> dict[str, float]:
    """Bytes by part of the code."""
    parts = sorted({part for net, _ in usual for part in akida2_code_parts(net)})
    rows = [[akida2_code_parts(net).get(part, 0) / size for part in parts] for net, size in usual]
    sizes = nonnegative(np.array(rows), np.ones(len(usual)))
    return {part: float(size) for part, size in zip(parts, sizes, strict=True) if size > 0}


def written(out: Path, learned: dict[str, dict[str, Any]]) -> None:
    """Write what was learned beside the rates that are there."""
    facts = json.loads((out if out.exists() else RATES).read_text())
    for core, told in learned.items():
        for what, found in told.items():
            facts["cores"][core][what] |= found
    out.write_text(json.dumps(facts, indent=1) + "\n")


def main() -> None:
    """Measure and write the rates."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cores", default=",".join(CORES))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RATES)
    parser.add_argument("--keep", type=Path, help="JSON of what was counted, to be fitted again")
    arguments = parser.parse_args()
    begun, cores, found = time.time(), arguments.cores.split(","), cases()
    if arguments.keep is not None and arguments.keep.exists():
        measured = json.loads(arguments.keep.read_text())
    else:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            plugin = build_counter(folder)
            with ThreadPoolExecutor(arguments.jobs) as pool:
                of_cores = pool.map(lambda core: measure_core(core, found, folder, plugin), cores)
                measured = dict(zip(cores, of_cores, strict=True))
        if arguments.keep is not None:
            arguments.keep.write_text(json.dumps(measured))
    written(arguments.out, {core: learn(found, measured[core], core) for core in cores})
    print(f"{len(found)} networks, {len(cores)} cores: {time.time() - begun:.0f} s")


if __name__ == "__main__":
    main()
