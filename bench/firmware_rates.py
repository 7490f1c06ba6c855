"""Rates of the kernels of exports, measured under QEMU: makes firmware_export/kernel_rates.json.

    python bench/firmware_rates.py [--cores m4,m55] [--held 5] [--jobs 2] [--out FILE]

Hundreds of networks of one layer (bench/rate_networks.py) are exported, many to a program, and the
instructions of every inference counted by function (bench/instruction_counter.c). What a kernel
took is fitted by its loops (firmware_export/kernel_work.py) with rates that are not negative, so
that relative errors are least. Every fifth network (--held) is kept out of a first fit, whose
errors for them are printed; the rates that are written are of all. Cores that are not measured keep
the rates that they have. Instructions are not cycles.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from firmware_size import CORES, build_counter, symbols
from nonnegative import nonnegative
from rate_networks import SATURATES, general_networks, level_networks, rate_networks

from akrt.model import Model
from firmware_export import headers, lowered
from firmware_export.estimate import RATES
from firmware_export.kernel_work import Work, call_work, emission, kernel_work, pipeline_work
from firmware_export.lowered import Lowered
from firmware_export.targets import TARGETS, Target
from firmware_export.toolchain import compile_program

FLAGS = ("-O2", "-ffunction-sections", "-fdata-sections")
_PROGRAM_BYTES = 300_000
"""Of constants: a program of these fits every machine."""
_MOST, _RANDOM, _SPARSE, _NONE = range(4)
_LEVELS = 16
_NOTABLE = 0.03
_EXACT = 1.2
"""Times what zeros take: the sums of a global average were computed exactly."""

PROGRAM = """\
static uint32_t arena[{arena} / 4 + 2];
static int32_t output[{outputs}];
static uint8_t input[{inputs}];
__attribute__((noinline)) static void mark(void) {{ __asm__ volatile(""); }}
__attribute__((noinline)) static void fill(int32_t kind, int32_t count, int32_t bits) {{
    uint32_t seed = 1;
    for (int32_t i = 0; i < count; i++) {{
        uint32_t value = (1u << bits) - 1;
        seed = seed * 1664525u + 1013904223u;
        if (kind == 1 || kind == 2) {{
            value &= seed >> 16;
        }}
        if (kind == 3 || (kind == 2 && (seed >> 31) != 0)) {{
            value = 0;
        }}
        input[i] = (uint8_t)(kind < 4 ? value : (uint32_t)kind - 4);
    }}
}}
int main(void) {{
{calls}    return 0;
}}
"""


@dataclass(frozen=True)
class Case:
    """A network, and the inputs that it is run on."""

    net: Lowered
    kinds: tuple[int, ...]
    levels: bool = False


@dataclass(frozen=True)
class Sample:
    """Instructions of one inference, by who took them, and the loops that they are put down to."""

    case: int
    kernel: str
    what: tuple[str, ...]
    """Of the `parts` that were counted."""
    loops: dict[str, Work]
    """By kernel, or part: `emission`, `pipeline`, `call`."""
    counted: float
    scale: float
    """What an error is relative to: what was counted, or a small part of all of the network."""


def cases() -> list[Case]:
    """All networks, lowered."""
    found: list[Case] = []
    usual = [(model, False) for model in rate_networks()]
    forced = [(model, True) for model in general_networks()]
    for model, general in usual + forced:
        net = _lowered(model, f"n{len(found)}", general)
        typical = _RANDOM if model.input_bits == 8 else _SPARSE
        found.append(Case(net, (typical, _MOST, _NONE, _RANDOM)))
    for model, general in [(m, g) for m in level_networks() for g in (False, True)]:
        net = _lowered(model, f"n{len(found)}", general)
        found.append(Case(net, (_SPARSE, *range(4, 4 + _LEVELS)), levels=True))
    return found


def _lowered(model: Model, name: str, general: bool) -> Lowered:
    """A network; `general`: with the general kernels, wanted or not."""
    if not general:
        return lowered.lower(model, name)
    with patch.object(lowered, "line_obstacles", lambda does: ("measured",)):
        return lowered.lower(model, name)


def machine(core: str) -> Target:
    """Where the programs of a core run: those of a Cortex-M0 on a machine with more memory."""
    target = TARGETS[core]
    if core == "cortex-m0":
        larger = TARGETS["m3"]
        return replace(target, runner=larger.runner, rom=larger.rom, ram=larger.ram)
    return target


def programs(found: Sequence[Case]) -> list[list[int]]:
    """Numbers of the cases of every program: all kernels are in each."""
    total = sum(c.bytes for case in found for c in case.net.constants)
    count = -(-total // _PROGRAM_BYTES)
    return [list(range(start, len(found), count)) for start in range(count)]


def write_nets(found: Sequence[Case], folder: Path) -> None:
    """The C of every network."""
    for case in found:
        name = case.net.name
        texts = {
            f"{name}.h": headers.api_header(case.net, "0" * 64, "rates"),
            f"{name}_weights.h": headers.weights_header(case.net),
            f"{name}_kernels.h": headers.kernels_header(case.net, "rates"),
        }
        for path, text in texts.items():
            (folder / path).write_text(text)


def write_program(found: Sequence[Case], path: Path) -> None:
    """C that runs every case on its inputs, with a mark before and after."""
    text, calls = "", ""
    sizes = {"arena": 8, "outputs": 1, "inputs": 1}
    for case in found:
        name, model = case.net.name, case.net.model
        text += f'#define {name.upper()}_IMPLEMENTATION\n#include "{name}.h"\n'
        inputs = int(np.prod(model.input_shape))
        for kind in case.kinds:
            calls += (
                f"    fill({kind}, {inputs}, {model.input_bits});\n    mark();\n"
                f"    if ({name}_run(input, output, arena) != 0) {{\n        return 1;\n    }}\n"
                f"    mark();\n"
            )
        sizes["arena"] = max(sizes["arena"], case.net.arena.bytes)
        sizes["outputs"] = max(sizes["outputs"], int(np.prod(model.output_shape)))
        sizes["inputs"] = max(sizes["inputs"], inputs)
    path.write_text(text + PROGRAM.format(calls=calls, **sizes))


def run_program(
    target: Target, source: Path, nets: Path, folder: Path, plugin: Path
) -> list[dict[str, int]]:
    """Instructions by function, of every inference of a program."""
    program = folder / f"{source.stem}.elf"
    compile_program(target, [source], program, (*FLAGS, f"-I{nets}", "-Wno-unused-function"))
    functions = symbols(target, program)
    (mark,) = (address for address, _, name in functions if name == "mark")
    end = max(address + size for address, size, _ in functions)
    out = folder / f"{source.stem}.counts"
    options = f"{plugin},base={target.rom[0]},size={end - target.rom[0]},mark={mark},out={out}"
    command = [target.runner[0], "-plugin", options, *target.runner[1:], str(program)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    table = np.fromstring(out.read_text(), np.int64, sep=" ").reshape(-1, 2)
    marks = np.flatnonzero(table[:, 1] == 0)
    starts = np.array([address for address, _, _ in functions])
    names = [name for _, _, name in functions]
    counted = []
    for first, last in zip(marks[::2], marks[1::2], strict=True):
        part = table[first + 1 : last]
        which = np.searchsorted(starts, part[:, 0], "right") - 1
        sums = np.bincount(which, part[:, 1], len(names))
        counted.append({names[i]: int(sums[i]) for i in np.flatnonzero(sums)})
        counted[-1].pop("mark", None)
    return counted


_DRIVE = ("akrt_next_line", "akrt_line_of", "akrt_stage_ready", "akrt_pipeline_begin")
_AFTER = ("akrt_sums_line", "akrt_max_line")
_CALL = ("main", "akrt_in_range", "akrt_misaligned")
_APART = (
    "akrt_pack_line",
    "akrt_unpack_line",
    "akrt_widen_line",
    "akrt_max_line",
    "akrt_pack_rows",
    "akrt_unpack_rows",
    "akrt_widen",
)
"""Kernels that call no others, and whose instructions are those of their function."""


def parts(net: Lowered, counted: dict[str, int]) -> dict[str, int]:
    """Instructions of a network by `pipeline`, `call`, kernels apart, and `rest`."""
    apart = {w.kernel for s in net.steps for w in s.works} & set(_APART)
    told = dict.fromkeys(("pipeline", "call", "rest", *apart), 0)
    for function, n in counted.items():
        plain = function.split(".")[0]
        own = plain.startswith(f"{net.name}_")
        if plain in _DRIVE or (own and plain.startswith(f"{net.name}_p")):
            told["pipeline"] += n
        elif own or plain in _CALL:
            told["call"] += n
        else:
            told[plain if plain in apart else "rest"] += n
    return told


def added(*works: dict[str, Work]) -> dict[str, Work]:
    """The sum of loops by part."""
    told: dict[str, Work] = {}
    for work in works:
        for part, loops in work.items():
            sums = told.setdefault(part, defaultdict(float))
            for loop, n in loops.items():
                sums[loop] += n
    return told


def samples(
    number: int,
    case: Case,
    runs: Sequence[dict[str, int]],
    core: str,
    at_most: bool = False,
) -> list[Sample]:
    """What is learned from one network; `at_most`: with the loops of the longest way only."""
    net, found = case.net, []
    counts = [parts(net, run) for run in runs]
    works = [work for step in net.steps for work in step.works]
    own = {work.kernel for work in works if counts[0].get(work.kernel)}
    in_call = [work for work in works if work.kernel in _APART and work.kernel not in own]
    rest = [work for work in works if work.kernel not in own and work not in in_call]
    driven = added(*({"pipeline": w} for s in net.steps if s.stages for w in pipeline_work(s)))

    def learn(kernel: str, what: tuple[str, ...], loops: dict[str, Work], run: int = 0) -> None:
        n = sum(counts[run][one] for one in what)
        scale = max(n, _NOTABLE * sum(counts[run].values()))
        found.append(Sample(number, kernel, what, loops, n, scale))

    long = core != "cortex-m0"
    called = added({"call": call_work(net)}, *(kernel_work(net, work, long) for work in in_call))
    inside = any(work.kernel.startswith("akrt_layer") for work in rest)
    if not inside:
        learn("call", ("call",), called)
    if driven:
        learn("pipeline", ("pipeline",), driven)
    for kernel in own:
        alike = [kernel_work(net, work, long) for work in works if work.kernel == kernel]
        learn(kernel, (kernel,), added(*alike))
    if not rest:
        return found
    main = next((work for work in rest if work.kernel not in _AFTER), rest[0])
    what = ("rest", "call") if inside else ("rest",)  # a compiler may put one into the other
    for run, kind in enumerate(case.kinds):
        longest, exact = at_most or kind == _MOST, None
        if main.kernel == "akrt_separable_sum_rows" and not at_most:
            zero = counts[case.kinds.index(_NONE)]["rest"]
            exact = counts[run]["rest"] > _EXACT * zero
            if exact and net.model.name != SATURATES:
                continue
        elif run > 0 and not (longest and _by_input(main.kernel)):
            continue
        if at_most and run > 0:
            continue
        share = 1.0 if longest or net.model.input_bits == 8 else 0.5
        loops = (kernel_work(net, work, long, longest, share, exact) for work in rest)
        emits = (emission(net, work, long) for work in rest)
        learn(main.kernel, what, added(*loops, *emits, called if inside else {}), run)
    return found


def _by_input(kernel: str) -> bool:
    """Whether instructions depend on how many inputs are zero."""
    return kernel.startswith("akrt_layer") and kernel != "akrt_layer_add"


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


def errors(
    rates: dict[str, dict[str, float]], found: Sequence[Sample]
) -> dict[str, list[float]]:
    """Relative errors by kernel, in percent."""
    told: dict[str, list[float]] = defaultdict(list)
    for sample in found:
        told[sample.kernel].append(100 * (predicted(rates, sample) - sample.counted) / sample.scale)
    return told


def levels(
    found: Sequence[Case], runs: Sequence[Sequence[dict[str, int]]], core: str
) -> dict[str, Work]:
    """By part and form, what the dearest level of an output takes more than the usual one."""
    told: dict[str, Work] = {"emission": {}, "general": {}}
    for case, of_case in zip(found, runs, strict=True):
        works = [w for s in case.net.steps for w in s.works]
        emitting = [(w, emission(case.net, w, core != "cortex-m0")) for w in works]
        work, emits = next(((w, e) for w, e in emitting if e), (None, {}))
        if work is None or work.kernel == "akrt_dense_line" or len(emits) > 1:
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


def measure_core(
    core: str, found: Sequence[Case], nets: Path, folder: Path, plugin: Path
) -> list[list[dict[str, int]]]:
    """Instructions by function of every run of every case."""
    target = machine(core)
    by_case: dict[int, list[dict[str, int]]] = {}
    own = folder / core
    own.mkdir()
    for number, chosen in enumerate(programs(found)):
        source = own / f"rates_{number}.c"
        write_program([found[i] for i in chosen], source)
        counted = run_program(target, source, nets, own, plugin)
        at = 0
        for i in chosen:
            by_case[i] = counted[at : at + len(found[i].kinds)]
            at += len(found[i].kinds)
    return [by_case[i] for i in range(len(found))]


def learn(
    core: str, found: Sequence[Case], runs: Sequence[Sequence[dict[str, int]]], every: int
) -> dict[str, object]:
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
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        nets = folder / "nets"
        nets.mkdir()
        write_nets(found, nets)
        plugin = build_counter(folder)
        if arguments.keep is not None and arguments.keep.exists():
            counted = json.loads(arguments.keep.read_text())
        else:
            with ThreadPoolExecutor(arguments.jobs) as pool:
                runs = pool.map(lambda c: measure_core(c, found, nets, folder, plugin), cores)
                counted = dict(zip(cores, runs, strict=True))
            if arguments.keep is not None:
                arguments.keep.write_text(json.dumps(counted))
    facts = json.loads(arguments.out.read_text()) if arguments.out.exists() else {"cores": {}}
    for core in cores:
        facts["cores"][core] = learn(core, found, counted[core], arguments.held)
    facts["cores"] = {core: facts["cores"][core] for core in CORES if core in facts["cores"]}
    arguments.out.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{len(found)} networks, {len(cores)} cores: {time.time() - begun:.0f} s")


if __name__ == "__main__":
    main()
