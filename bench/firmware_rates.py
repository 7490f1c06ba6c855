"""Rates of the kernels of exports, measured under QEMU: makes firmware_export/kernel_rates.json.

    python bench/firmware_rates.py [--cores m4,m55] [--held 5] [--jobs 2] [--out FILE]

Hundreds of networks of one layer (bench/rate_networks.py) are exported, many to a program, and the
instructions of every inference counted by function (bench/instruction_counter.c). What a kernel
took is fitted by its loops (firmware_export/kernel_work.py) with rates that are not negative, so
that relative errors are least. Every fifth network (--held) is kept out of a first fit, whose
errors for them are printed; the rates that are written are of all. Cores that are not measured keep
the rates that they have in FILE or, if that is new, those that ship. Instructions are not cycles.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from firmware_size import CORES, build_counter
from nonnegative import nonnegative
from rate_code import code_bytes, code_of, code_rates, code_samples
from rate_networks import MIXED
from rate_programs import FLAGS, Case, cases, machine, measure_core, write_net
from rate_samples import Sample, parts, samples

from firmware_export.akida2_loops import is_of_akida2
from firmware_export.estimate import RATES
from firmware_export.kernel_work import emission
from firmware_export.loop_counts import Work
from firmware_export.lowered import Lowered


def fit(found: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Rates by kernel or part, and loop."""
    columns = sorted({(k, loop) for s in found for k, work in s.loops.items() for loop in work})
    places = {column: i for i, column in enumerate(columns)}
    rates: dict[str, dict[str, float]] = {}
    for together in _separate(found):
        chosen = [s for s in found if s.kernel in together]
        used = sorted({places[k, loop] for s in chosen for k, w in s.loops.items() for loop in w})
        at = {place: i for i, place in enumerate(used)}
        matrix = np.zeros((len(chosen), len(used)))
        for row, sample in enumerate(chosen):
            for kernel, work in sample.loops.items():
                for loop, n in work.items():
                    matrix[row, at[places[kernel, loop]]] += n / sample.scale
        wanted = np.array([sample.counted / sample.scale for sample in chosen])
        for place, rate in zip(used, nonnegative(matrix, wanted), strict=True):
            kernel, loop = columns[place]
            rates.setdefault(kernel, {})
            if rate > 0:
                rates[kernel][loop] = float(rate)
    return rates


def _separate(found: Sequence[Sample]) -> list[set[str]]:
    """Kernels that are fitted together, as samples have loops of several of them."""
    groups: list[tuple[set[str], set[str]]] = []  # (samples' kernels, loops' kernels)
    for sample in found:
        mine, loops = {sample.kernel}, set(sample.loops)
        others = []
        for kernels, names in groups:
            if names & loops:
                mine, loops = mine | kernels, loops | names
            else:
                others.append((kernels, names))
        groups = [*others, (mine, loops)]
    return [kernels for kernels, _ in groups]


def predicted(rates: dict[str, dict[str, float]], sample: Sample) -> float:
    """By the rates."""
    return sum(
        rates.get(kernel, {}).get(loop, 0) * n
        for kernel, work in sample.loops.items()
        for loop, n in work.items()
    )


def errors(rates: dict[str, dict[str, float]], found: Sequence[Sample]) -> dict[str, list[float]]:
    """Relative errors by kernel, in percent."""
    told: dict[str, list[float]] = defaultdict(list)
    for sample in found:
        told[sample.kernel].append(100 * (predicted(rates, sample) - sample.counted) / sample.scale)
    return told


_BY_INPUT = ("akrt_dense_line", "akrt_separable_lines")
"""Kernels whose instructions depend on more than the levels of their outputs."""


def levels(
    found: Sequence[Case], runs: Sequence[Sequence[dict[str, int]]], core: str
) -> dict[str, Work]:
    """By part and form, what the dearest level of an output takes more than the usual one."""
    told: dict[str, Work] = {"emission": {}, "general": {}}
    for case, of_case in zip(found, runs, strict=True):
        works = [w for s in case.net.steps for w in s.works]
        emitting = [(w, emission(case.net, w, core)) for w in works]
        work, emits = next(((w, e) for w, e in emitting if e), (None, {}))
        if work is None or work.kernel in _BY_INPUT or len(emits) > 1:
            continue
        ((part, forms),) = emits.items()
        form, outputs = next(iter(forms.items()))
        counts = [parts(case.net, run)["rest"] for run in of_case]
        if part == "general":  # all of their inputs are alike, and none of them zero
            counts = counts[2:] if case.levels else [0]
            counts = [min(counts), *counts]
        more = (max(counts) - counts[0]) / outputs
        if "saturated" in forms:
            form, more = "saturated", more - told[part].get(form, 0)
        told[part][form] = max(told[part].get(form, 0), more)
    return told


def margins(
    rates: dict[str, dict[str, float]],
    dearest: dict[str, Work],
    found: Sequence[Case],
    runs: Sequence[Sequence[dict[str, int]]],
    core: str,
) -> dict[str, float]:
    """By kernel, how much more it ever took than rates say that it takes at most."""
    told: dict[str, float] = {}
    bounding = {part: dict(loops) for part, loops in rates.items()}
    for part, forms in dearest.items():
        for form, more in forms.items():
            bounding.setdefault(part, {})
            bounding[part][form] = bounding[part].get(form, 0) + more
    for number, case in enumerate(found):
        if case.levels:
            continue
        counts = [parts(case.net, run) for run in runs[number]]
        for sample in samples(number, case, runs[number], core, at_most=True):
            most = max(sum(count[what] for what in sample.what) for count in counts)
            bound = predicted(bounding, sample)
            ratio = 1 + (most - bound) / max(bound, sample.scale)
            told[sample.kernel] = max(told.get(sample.kernel, 1.0), ratio)
    return told


def learn(
    core: str, found: Sequence[Case], runs: Sequence[Sequence[dict[str, int]]], every: int
) -> dict[str, Any]:
    """The rates of one core, with the errors printed that they have."""
    told = [s for i, case in enumerate(found) for s in samples(i, case, runs[i], core)]
    held = [s for s in told if s.case % every == every - 1]
    first = fit([s for s in told if s.case % every != every - 1])
    unseen, rates = errors(first, held), fit(told)
    dearest = levels(found, runs, core)
    most = margins(rates, dearest, found, runs, core)
    for kernel, of_kernel in sorted(errors(rates, told).items()):
        outside = unseen.get(kernel, [0.0])
        print(
            f"{core:10} {kernel:42} {len(of_kernel):4} samples, error {min(of_kernel):+6.1f} to "
            f"{max(of_kernel):+6.1f} %, mean {np.mean(np.abs(of_kernel)):4.1f} %; unseen "
            f"{min(outside):+6.1f} to {max(outside):+6.1f} %, mean {np.mean(np.abs(outside)):4.1f} "
            f"%; at most {most.get(kernel, 1):.3f}"
        )
    rounded = {
        kernel: {loop: float(f"{rate:.5g}") for loop, rate in sorted(of_kernel.items())}
        for kernel, of_kernel in sorted(rates.items())
    }
    return {
        "rates": rounded,
        "most": {kernel: float(f"{m:.4g}") for kernel, m in sorted(most.items())},
        "dearest_level": {
            part: {form: round(n, 3) for form, n in sorted(forms.items())}
            for part, forms in dearest.items()
        },
    }


def learn_code(
    core: str, nets: Sequence[Lowered], sizes: Sequence[tuple[int, int]]
) -> dict[str, float]:
    """Bytes by part of the code, with their errors printed."""
    rates = code_rates(nets, sizes)
    pairs = list(zip(nets, sizes, strict=True))
    told = [100 * (code_bytes(rates, net) / sum(size) - 1) for net, size in pairs]
    some = [i for i, net in enumerate(nets) if net.model.name != MIXED]
    without = code_rates([nets[i] for i in some], [sizes[i] for i in some])
    mixed = [
        100 * (code_bytes(without, net) / sum(size) - 1)
        for net, size in pairs
        if net.model.name == MIXED
    ]
    print(
        f"{core:10} {'code':42} {len(nets):4} networks, error {min(told):+6.1f} to "
        f"{max(told):+6.1f} %, mean {np.mean(np.abs(told)):4.1f} %; those of several layers unseen "
        f"{min(mixed):+6.1f} to {max(mixed):+6.1f} %"
    )
    return {part: round(size, 1) for part, size in rates.items()}


def measure(
    cores: Sequence[str], found: Sequence[Case], nets: Sequence[Lowered], jobs: int
) -> dict[str, Any]:
    """Of every core: instructions by function of all runs of all cases, and sizes of code."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        texts = folder / "nets"
        texts.mkdir()
        for case in found:
            write_net(case.net, texts)
        plugin = build_counter(folder)

        def of_core(core: str) -> dict[str, Any]:
            runs = measure_core(core, found, texts, folder, plugin)
            own = folder / core
            sizes = [code_of(net, machine(core), texts, own, FLAGS) for net in nets]
            return {"runs": runs, "code": sizes}

        with ThreadPoolExecutor(jobs) as pool:
            return dict(zip(cores, pool.map(of_core, cores), strict=True))


def written(out: Path, measured: Mapping[str, Any]) -> None:
    """Write what was measured of some cores; of others stays what is in the file, or, if there is
    none, what ships; so do rates of Akida 2.0, which bench/akida2_rates.py measures."""
    facts = json.loads((out if out.exists() else RATES).read_text())
    of_cores = facts["cores"] | {
        core: _with_akida2(facts["cores"][core], told) for core, told in measured.items()
    }
    facts["cores"] = {core: of_cores[core] for core in CORES if core in of_cores}
    out.write_text(json.dumps(facts, indent=1) + "\n")


def _with_akida2(before: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any]:
    """What was measured of a core, and what bench/akida2_rates.py did."""
    return {
        what: {part: n for part, n in before[what].items() if is_of_akida2(part)} | found
        for what, found in measured.items()
    }


def main() -> None:
    """Measure and write the rates."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cores", default=",".join(CORES))
    parser.add_argument("--held", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RATES)
    parser.add_argument("--keep", type=Path, help="JSON of what was counted, to be fitted again")
    arguments = parser.parse_args()
    begun = time.time()
    cores = arguments.cores.split(",")
    found = cases()
    nets = code_samples([case.net for case in found])
    if arguments.keep is not None and arguments.keep.exists():
        counted = json.loads(arguments.keep.read_text())
    else:
        counted = measure(cores, found, nets, arguments.jobs)
        if arguments.keep is not None:
            arguments.keep.write_text(json.dumps(counted))
    learned = {}
    for core in cores:
        learned[core] = learn(core, found, counted[core]["runs"], arguments.held)
        learned[core]["code"] = learn_code(core, nets, counted[core]["code"])
    written(arguments.out, learned)
    print(f"{len(found)} networks, {len(cores)} cores: {time.time() - begun:.0f} s")


if __name__ == "__main__":
    main()
