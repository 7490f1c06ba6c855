"""Networks with memory, exported and compiled, equal the reference over time."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from akida2_temporal_networks import recurrent_network, temporal_network
from test_akida2_memory_model import FRAMES, RECURRENT, TEMPORAL, WAVE
from thorough import THOROUGH, amount

import firmware_export
from akrt.backends.reference import ReferenceBackend
from akrt.model import Dequantizer, Model, Quantizer, SignedInputData
from firmware_export.budget import budget
from firmware_export.lowered import lower
from firmware_export.targets import TARGETS
from firmware_export.toolchain import WARNINGS, compile_program, run_program
from firmware_export.verify import verify

from .compiled_export import SANITIZERS, build, driver, outputs, tool

NETWORKS = amount(12, 200)
STEPS = 40
KERNELS = {
    *("akrt_akida2_recall", "akrt_akida2_steps", "akrt_akida2_recurrent", "akrt_akida2_apart"),
    *("akrt_akida2_plain", "akrt_akida2_conv", "akrt_akida2_products", "akrt_akida2_dwlines"),
    *("akrt_akida2_dots_halves", "akrt_widen_halves"),
}
CORES = ["cortex-m0", "m4", "m55", "big-endian", "avr", *(["m3", "m7", "m33", "rv32"] * THOROUGH)]
Sample = tuple[Model, np.ndarray]


def sample(number: int) -> Sample:
    """A network of either kind, and steps in time."""
    model, first = (temporal_network, recurrent_network)[number % 2](number)
    steps = STEPS // 8 if model.pico else STEPS
    more = model.noise(np.random.default_rng(number), steps - min(len(first), 4))
    return model, model.check_input(np.concatenate([first[:4], more]))


def halves(bits: int) -> Sample:
    """An entrance of 16 bits, which nothing but a way out follows."""
    entrance = SignedInputData("in", (1, 6, 2), bits)
    model = Model((entrance, Dequantizer(name="out", scales=np.array([0.5, -3], np.float32))))
    return model, model.noise(np.random.default_rng(bits), 3)


def test_random_networks_equal_the_reference(tmp_path: Path) -> None:
    samples = [
        *map(sample, range(NETWORKS)),
        halves(12),
        halves(16),
        (Model((WAVE,)), halves(16)[1]),
    ]
    models, inputs = [m for m, _ in samples], [x for _, x in samples]
    assert {stem for model in models for stem in lower(model, "net").kernels} >= KERNELS
    source = driver(models, tmp_path, inputs)
    build(source, tmp_path / "driver", "-std=c99", "-O1", "-g0", *SANITIZERS)
    results = outputs([str(tmp_path / "driver")], models, inputs)
    for number, (model, x, result) in enumerate(zip(models, inputs, results, strict=True)):
        wanted = ReferenceBackend(model).run(x)
        np.testing.assert_array_equal(result, wanted, f"network {number}: {model.layers}")


@pytest.mark.parametrize("name", CORES)
def test_networks_on_every_core(name: str, tmp_path: Path) -> None:
    """Sequences, whole and line by line, and from a reset on: every layer's hash."""
    target = TARGETS[name]
    tool(*target.compiler)
    tool(*target.runner[:1])
    models = [TEMPORAL, RECURRENT]
    if target.ram[1] >= 64 << 10 or not target.ram[1]:
        models += [sample(number)[0] for number in range(amount(2, 12))]
    lines, calls = [], []
    for i, model in enumerate(models):
        firmware_export.export(model, tmp_path / f"n{i}", name=f"n{i}")
        lines += [f"#define N{i}_SELFTEST", f'#include "n{i}/n{i}_selftest.c"']
        calls.append(f"    if ((status = n{i}_selftest()) != 0) return {i} * 16 + status % 16;")
    main = tmp_path / "main.c"
    body = ["int main(void) {", "    int status;", *calls, "    return 0;", "}", ""]
    main.write_text("\n".join([*lines, *body]))
    compile_program(target, [main], main.with_suffix(".elf"), ("-O2", f"-I{tmp_path}"))
    assert run_program(target, main.with_suffix(".elf")) == 0


def test_verify_runs_a_sequence(tmp_path: Path) -> None:
    report = firmware_export.export(TEMPORAL, tmp_path, name="net")
    assert verify(tmp_path).vectors == 4 + 2 + 3  # as many steps more as both layers remember
    # a word of 4 bytes for each of 3 and 4 inputs of now and before
    assert report.memory["state_bytes"] == 3 * 4 * 4 * 2 + 4 * 4 * 4 * 3
    assert (
        "State (likewise): 288 bytes, of layers: t 96, dt 192."
        in (tmp_path / "net_memory.md").read_text()
    )
    given = FRAMES[:3]
    firmware_export.export(TEMPORAL, tmp_path, name="net", vectors=given)
    assert verify(tmp_path).vectors == 3
    header = tmp_path / "net_vectors.h"
    wanted = ReferenceBackend(TEMPORAL).run(given)
    assert f"{wanted[2].reshape(-1)[0]:.9g}" in header.read_text()


def test_a_state_may_be_copied_and_set_back(tmp_path: Path) -> None:
    """A program of steps: what a call refuses, or another state does, changes nothing."""
    entrance = Quantizer(
        name="q",
        input_shape=(4, 4, 2),
        scales=np.ones(2, np.float32),
        zero_points=np.zeros(2, np.uint8),
        output_signed=True,
    )
    model = Model((entrance, *TEMPORAL.layers))
    firmware_export.export(model, tmp_path / "net", name="net", vectors=FRAMES[:6] * np.float32(1))
    main = tmp_path / "main.c"
    main.write_text(
        r"""
#define NET_IMPLEMENTATION
#include "net/net.h"
#include "net/net_vectors.h"
#include <stdlib.h>

static float output[NET_OUTPUTS];
static int run(int v, void *state, void *arena) {
    if (net_run(net_vector_inputs + v * NET_INPUT_BYTES / 4, output, state, arena) != 0) return 9;
    return memcmp(output, net_vector_outputs + v * NET_OUTPUTS, sizeof output) != 0;
}

int main(void) {
    char *state = malloc(NET_STATE_BYTES), *copy = malloc(NET_STATE_BYTES);
    void *arena = malloc(NET_ARENA_BYTES), *lines = malloc(NET_LINES_ARENA_BYTES);
    static float bad[NET_INPUT_BYTES / 4];
    bad[3] = 1e30f;
    if (net_reset(NULL) != -1 || net_reset(state + 1) != -1 || net_reset(state) != 0) return 1;
    for (int v = 0; v < 3; v++) if (run(v, state, arena)) return 2;
    memcpy(copy, state, NET_STATE_BYTES);
    if (net_run(bad, output, state, arena) != -2) return 3;
    if (net_run(bad, output, NULL, arena) != -1 || net_run(bad, output, state + 1, arena) != -1)
        return 4;
    if (net_begin(lines) != 0 || net_finish(lines, state, output) != -3) return 5;
    for (int v = 3; v < 6; v++) if (run(v, state, arena)) return 6;
    for (int v = 3; v < 6; v++) if (run(v, copy, arena)) return 7;
    if (!run(0, copy, arena)) return 8;
    net_reset(copy);
    for (int v = 0; v < 6; v++) if (run(v, copy, arena)) return 10;
    free(state); free(copy); free(arena); free(lines);
    return 0;
}
"""
    )
    build(main, tmp_path / "main", "-std=c99", "-O1", *SANITIZERS)
    assert subprocess.run([tmp_path / "main"]).returncode == 0


def test_no_compiler_finds_anything_to_say(tmp_path: Path) -> None:
    models = [TEMPORAL, RECURRENT, *(sample(i)[0] for i in range(8)), halves(12)[0]]
    for i, model in enumerate(models):
        firmware_export.export(model, tmp_path / f"n{i}", name=f"n{i}")
    source = tmp_path / "all.c"
    names = [f"n{i}" for i in range(len(models))]
    source.write_text(
        "".join(f'#define {n.upper()}_IMPLEMENTATION\n#include "{n}/{n}.h"\n' for n in names)
    )
    compilers = [["gcc", "-std=c99", "-Wno-unused-function"], ["g++", "-x", "c++"]]
    compilers += [["clang", "-std=c99", "-Wno-unused-function"]]
    cores = (TARGETS[name] for name in ("cortex-m0", "m55", "avr"))
    compilers += [[t.compiler[0], "-std=c99", *t.flags] for t in cores]
    for compiler in compilers:
        command = [*compiler, *WARNINGS, "-fsyntax-only", str(source)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            continue
        assert done.returncode == 0, f"{compiler}: {done.stderr[:2000]}"
    alone = [tool("gcc"), "-std=c99", *WARNINGS, "-O0", "-S", "-o", os.devnull]
    done = subprocess.run([*alone, tmp_path / "n1" / "n1.c"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]


def test_a_state_counts_in_a_budget_of_ram() -> None:
    needs = budget(TEMPORAL)
    assert needs.fits
    assert needs.state_bytes == 288
    assert budget(TEMPORAL, ram=needs.arena_bytes + 288).fits
    (found,) = budget(TEMPORAL, ram=needs.arena_bytes + 287).violations
    assert (found.rule, found.value) == ("arena and state", f"{needs.arena_bytes + 288} bytes")


def test_an_arduino_sketch_has_a_state(tmp_path: Path) -> None:
    firmware_export.export(RECURRENT, tmp_path, name="net", packages=["arduino"])
    sketch = (tmp_path / "examples" / "net_zeros" / "net_zeros.ino").read_text()
    for line in (
        "static int16_t input[NET_INPUT_BYTES / sizeof(int16_t)];",
        "static uint32_t state[NET_STATE_BYTES / 4];",
        "    net_reset(state);",
        "net_run(input, output, state, arena);",
    ):
        assert line in sketch
