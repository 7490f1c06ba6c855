"""Instructions, flash and RAM of an exported keyword spotter that listens, under QEMU.

    python bench/stream_cost.py [MODEL] [--out DIR]

Counted per address by a QEMU plugin, as in bench/firmware_size.py: programs that do one thing more
than another, on noise. A frame of features is due every 20 ms; inference and decision every hop.
Both ways are measured: windows computed whole, and rows kept from one window to the next.
Instructions are not cycles.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from firmware_size import build_counter, counts, symbols

import akrt
import firmware_export
from akrt.decision import FRAME_MS, StreamSettings
from akrt.runtime import bundled_model
from firmware_export.targets import TARGETS, Target
from firmware_export.toolchain import compile_program, run_program

CORES = ("m4", "cortex-m0", "m3", "m33", "m55", "rv32")

METHOD = """\
# A keyword spotter that listens

Instructions (not cycles) on noise, counted per address by a QEMU plugin as differences between
programs: one frame of features (every 20 ms of sound), one inference and one decision (every
{hop} ms); MIPS is what they come to in a second of sound. An inference computes its window whole
(`akrt export --stream --whole`), or keeps the rows that it shares with the window before
(`--incremental`, the default). Code is every function that the spotter needs, `net_run` left out
where nothing calls it; constants are the export's arrays; RAM is state, arena and the stack that
was overwritten.
`python bench/stream_cost.py`

"""

PROGRAM = """\
#include "net.c"
#include "net_stream.c"
static net_stream stream;
static uint32_t arena[NET_STREAM_ARENA_BYTES / 4];
static const int16_t sound[640] = {{{sound}}};
int main(void) {{
    net_detection found;
    net_stream_start(&stream);
    for (int32_t i = 0; i < {frames}; i++) {{
        (void)net_stream_feed(&stream, sound + (i & 1) * 320, 320, arena, &found);
    }}
    for (int32_t i = 0; i < {decisions}; i++) {{
        (void)akrt_decide(&net_rule, &stream.decision, stream.output);
    }}
    return 0;
}}
"""

STACK_PROGRAM = """\
#include "net.c"
#include "net_stream.c"
static net_stream stream;
static uint32_t arena[NET_STREAM_ARENA_BYTES / 4];
static const int16_t sound[640] = {{{sound}}};
int main(void) {{
    int32_t (*volatile feed)(net_stream *, const int16_t *, int32_t, void *, net_detection *) =
        net_stream_feed;
    net_detection found;
    volatile uint32_t here = 0;
    volatile uint32_t *low = (volatile uint32_t *)((uintptr_t)&here & ~(uintptr_t)3) - 520;
    int32_t used = 512;
    for (int32_t i = 0; i < 512; i++) {{
        low[i] = 0xDEADBEEFu;
    }}
    net_stream_start(&stream);
    for (int32_t i = 0; i < {hops}; i++) {{
        (void)feed(&stream, sound + (i & 1) * 320, 320, arena, &found);
    }}
    while (used > 0 && low[512 - used] == 0xDEADBEEFu) {{
        used--;
    }}
    return (int)((used + 8 + 1) / 2);
}}
"""


def measure(target: Target, export: Path, every: int, folder: Path, plugin: Path) -> dict[str, Any]:
    """Figures of one core."""
    noise = np.random.default_rng(1).normal(0, 3000, 640).round().astype(int)
    sound = ", ".join(map(str, noise))
    options = ("-O2", f"-I{export}", "-ffunction-sections", "-fdata-sections")

    def total(frames: int, decisions: int) -> tuple[int, Path]:
        source, program = folder / "cost.c", folder / "cost.elf"
        source.write_text(PROGRAM.format(sound=sound, frames=frames, decisions=decisions))
        compile_program(target, [source], program, options)
        return sum(counts(target, program, plugin).values()), program

    base, program = total(2 * every, 1)
    decision = total(2 * every, 2)[0] - base
    features = total(2 * every + 1, 1)[0] - base if every > 1 else 0
    inference = total(3 * every, 1)[0] - base - every * features - decision
    skipped = ("main", "akrt_reset", "akrt_start", "fault", "leave")
    code = sum(size for _, size, name in symbols(target, program) if name not in skipped)
    source, stack = folder / "stack.c", folder / "stack.elf"
    source.write_text(STACK_PROGRAM.format(sound=sound, hops="NET_STREAM_EVERY"))
    compile_program(target, [source], stack, options)
    return {
        "features": features,
        "inference": inference,
        "decision": decision,
        "mips": (features + (inference + decision) / every) * (1000 / FRAME_MS) / 1e6,
        "code": code,
        "stack": run_program(target, stack) * 8,
    }


def with_memory(name: str) -> Target:
    """The target, on a board that holds both ways: that of the M0 has 16 KiB of RAM."""
    target = TARGETS[name]
    if name != "cortex-m0":
        return target
    board = TARGETS["m3"]
    return replace(target, runner=board.runner, rom=board.rom, ram=board.ram)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--out", type=Path, help="folder for stream.json and stream.md")
    parser.add_argument("--cores", default=",".join(CORES))
    arguments = parser.parse_args()
    model = bundled_model() if arguments.model is None else akrt.load(arguments.model)
    settings = StreamSettings()
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plugin = build_counter(folder)
        for way in ("whole", "incremental"):
            export = folder / way
            report = firmware_export.export(
                model, export, name="net", stream=settings, incremental=way == "incremental"
            )
            facts = report.memory["stream"]
            for core in arguments.cores.split(","):
                row = measure(with_memory(core), export, settings.every, folder, plugin)
                constants = report.constant_bytes + facts["constant_bytes"]
                ram = facts["ram_bytes"] + row["stack"]
                more = {"constants": constants, "ram": ram}
                rows.setdefault(core, {})[way] = row | more
    table = [
        "| core | way | features | inference | decision | MIPS | code | constants | stack | RAM |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for core, way, row in ((c, w, r) for c, ways in rows.items() for w, r in ways.items()):
        table.append(
            f"| {core} | {way} | {row['features']:,} | {row['inference']:,} | "
            f"{row['decision']:,} | {row['mips']:.1f} | {row['code']:,} | "
            f"{row['constants']:,} | {row['stack']:,} | {row['ram']:,} |"
        )
    print("\n".join(table))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        text = METHOD.format(hop=settings.hop_ms) + "\n".join(table) + "\n"
        (arguments.out / "stream.md").write_text(text)
        (arguments.out / "stream.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
