"""What memory is planned with is what the C takes: an export of other kernels does not compile."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from networks import networks, residual_networks

import firmware_export
from akrt.decision import StreamSettings
from akrt.model import Model
from akrt.runtime import bundled_model
from firmware_export import kernel_sources
from firmware_export.lowered import lower
from firmware_export.packing import pack_bits, pack_words
from firmware_export.requantisation import Form
from firmware_export.stream import hop_plan
from firmware_export.targets import TARGETS
from firmware_export.toolchain import WARNINGS, compile_program, run_program

from .compiled_export import tool
from .row_networks import row_network, saturating_network
from .test_line_feed import mobilenet, pictures

STANDARDS = ["-std=c99", "-std=c11"]
ARM = ["arm-none-eabi-gcc", "-mcpu=cortex-m3"]
"""A core whose pointers have 4 bytes."""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the kernels, which exports are then made of."""
    copy = tmp_path / "src_c"
    shutil.copytree(kernel_sources._folder(), copy)
    monkeypatch.setattr(kernel_sources, "_folder", lambda: copy)
    return copy


def words(source: Path, command: list[str], *flags: str) -> str:
    """What a compiler says of a file; empty where it has nothing to say."""
    full = [tool(command[0]), *command[1:], *WARNINGS, *flags, "-fsyntax-only", str(source)]
    done = subprocess.run(full, capture_output=True, text=True)
    assert (done.returncode != 0) == bool(done.stderr)
    return done.stderr


@pytest.mark.parametrize(
    ("file", "before", "after", "wanted"),
    [
        ("akrt_mid_rows", "(3 * AKRT_LOADED_WORDS", "(4 * AKRT_LOADED_WORDS", "step_1_scratch"),
        ("akrt_dwconv_rows", "(AKRT_ROW_WIDTH * (int", "(6 * (int", "step_1_scratch"),
        ("akrt_separable_rows_dsp", "(4 * AKRT_PAIR", "(9 * AKRT_PAIR", "step_1_scratch"),
        ("akrt_separable_rows_muladd", "+ 2 * AKRT_SUMS", "+ 4 * AKRT_SUMS", "step_1_scratch"),
        (
            "akrt_separable_sum_rows",
            "AKRT_SUM_CHANNELS 16",
            "AKRT_SUM_CHANNELS 96",
            "step_4_scratch",
        ),
        (
            "akrt_conv_taps",
            "LARGER(AKRT_ROW_WIDTH *",
            "LARGER(8 * AKRT_ROW_WIDTH *",
            "step_0_scratch",
        ),
        (
            "akrt_dense_line_long",
            "SCRATCH_WORDS 8",
            "SCRATCH_WORDS 800",
            "step_6_scratch",
        ),
        ("akrt_rows", "AKRT_PAIR_BYTES 5", "AKRT_PAIR_BYTES 6", "step_0_target"),
        ("akrt_rows", "(channels) + 3) >> 2 << 2", "(channels) + 7) >> 3 << 4", "step_0_target"),
        ("akrt_rows", "((int32_t)(filters) + 7) / 8 * 8", "128", "step_1_requant"),
        ("akrt_rows", "int16_t addend;", "int32_t addend;", "step_1_requant"),
        ("akrt_rows", "int32_t addend_unit;", "int32_t more, addend_unit;", "step_1_layer"),
        ("akrt_mcu_layer", "int32_t border;", "int32_t border, more;", "step_5_layer"),
        (
            "akrt_conv_rows",
            "int32_t border, pairs;",
            "int32_t border, pairs, more;",
            "step_0_layer",
        ),
        ("akrt_features_types", "WORDS 1024", "WORDS 1032", "front_end"),
        ("akrt_features_types", "int32_t filled;", "int32_t filled, more;", "state"),
        ("akrt_decision_types", "int32_t classes, shift;", "int32_t classes, shift, more;", "rule"),
        ("akrt_mfcc_tables", "(sizeof akrt_mfcc_window", "(2 * sizeof akrt_mfcc_window", "tables"),
    ],
)
def test_a_kernel_that_was_changed_stops_the_compilation(
    sources: Path, tmp_path: Path, file: str, before: str, after: str, wanted: str
) -> None:
    (path,) = sources.rglob(f"{file}.h")
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    firmware_export.export(bundled_model(), tmp_path, "net", stream=StreamSettings())
    for standard in STANDARDS:
        # initialisers are of the struct as it was
        flags = standard, "-Wno-missing-field-initializers", "-Wno-missing-braces"
        said = words(tmp_path / "net.c", ARM, *flags)
        said += words(tmp_path / "net_stream.c", ARM, *flags)
        assert re.search(rf"net_\w*{wanted}_\w+", said), said


@pytest.mark.parametrize(
    ("file", "before", "after", "wanted"),
    [
        ("akrt_pipeline", "int32_t taps, reach,", "int32_t taps, more, reach,", "stage"),
        ("akrt_pipeline", "int32_t held;  ", "int32_t held, more;  ", "tensor"),
        ("akrt_pipeline", "int32_t scratch;  ", "int32_t scratch, more;  ", "pipeline"),
        ("akrt_runs", "AKRT_RUN 6", "AKRT_RUN 12", "stage_0_scratch"),
        ("akrt_runs", "(filters) + 1) & ~1)", "(filters) + 99))", "stage_0_scratch"),
    ],
)
def test_a_pipeline_that_was_changed_stops_the_compilation(
    sources: Path, tmp_path: Path, file: str, before: str, after: str, wanted: str
) -> None:
    path = sources / "mcu" / f"{file}.h"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    firmware_export.export(mobilenet(), tmp_path, "net", vectors=pictures()[:1])
    for standard in STANDARDS:
        flags = standard, "-Wno-missing-field-initializers", "-Wno-missing-braces"
        assert re.search(rf"net_step_0_{wanted}_\w+", words(tmp_path / "net.c", ARM, *flags))


def test_an_arena_that_is_too_small_stops_the_compilation(tmp_path: Path) -> None:
    report = firmware_export.export(bundled_model(), tmp_path, "net", stream=StreamSettings())
    define = f"#define NET_ARENA_BYTES {report.arena_bytes}"
    header = tmp_path / "net.h"
    text = header.read_text()
    header.write_text(text.replace(define, f"#define NET_ARENA_BYTES {report.arena_bytes - 8}"))
    assert "net_arena_holds" in words(tmp_path / "net.c", ["gcc"], "-std=c99")
    header.write_text(text.replace(define, f"#define NET_ARENA_BYTES {report.arena_bytes + 8}"))
    said = words(tmp_path / "net_stream.c", ["gcc"], "-std=c99")
    assert "net_arena_holds_the_network" in said


def test_memory_of_hops_that_is_too_small_stops_the_compilation(tmp_path: Path) -> None:
    lowered = lower(bundled_model(), "net")
    plan = hop_plan(lowered, StreamSettings())
    firmware_export.export(bundled_model(), tmp_path, "net", stream=StreamSettings())
    header = tmp_path / "net.h"
    text = header.read_text()
    for what, size in (("HOP_ARENA", plan.arena_bytes), ("KEPT", plan.kept_bytes)):
        define = f"#define NET_{what}_BYTES {size}"
        assert define in text
        header.write_text(text.replace(define, f"#define NET_{what}_BYTES {size - 8}"))
        assert f"net_{what.lower()}" in words(tmp_path / "net.c", ["gcc"], "-std=c99")
    define = f"#define NET_HOP_ARENA_BYTES {plan.arena_bytes}"
    header.write_text(text.replace(define, f"{define}0"))
    assert "net_arena_holds_a_hop" in words(tmp_path / "net_stream.c", ["gcc"], "-std=c99")


@pytest.mark.parametrize(
    "command",
    [
        ["gcc", "-std=c90", "-Wno-comment", "-Wno-long-long"],
        ["gcc", "-std=c99"],
        ["gcc", "-std=c17"],
        ["clang", "-std=c99"],
        ["clang", "-std=c11"],
        ["clang", "-Weverything", "-std=c99"],
        ["g++", "-x", "c++", "-std=c++98"],
        ["g++", "-x", "c++", "-std=c++20"],
        ["clang++", "-x", "c++", "-std=c++14"],
        ["avr-gcc", "-mmcu=atmega1284p", "-std=c99"],
    ],
    ids=" ".join,
)
def test_assertions_are_quiet_where_they_hold(command: list[str], tmp_path: Path) -> None:
    """Of the macro alone, in every language that it is written for."""
    source = tmp_path / "sizes.c"
    source.write_text(
        f"{kernel_sources.read_kernel('akrt_static_assert')}\n"
        "typedef struct two { const char *at; int more; } two;\n"
        "AKRT_STATIC_ASSERT(sizeof(char) == 1, one_byte);\n"
        "AKRT_STATIC_ASSERT(AKRT_COUNTED(sizeof(two), 8), two_has_8_bytes);\n"
        "int main(void);\nint main(void) { return 0; }\n"
    )
    quiet = ["-Wno-c++98-compat", "-Wno-padded", "-Wno-unused-macros"]
    assert words(source, command, *(quiet if "-Weverything" in command else [])) == ""


GUARDED = """\
#include <stdint.h>
static uint32_t guarded[{most} + 64];
static int32_t taken, beyond;
/* What the step before was given is looked at, and `words` are given. */
static int32_t *exactly(int32_t words, const int32_t *planned) {{
    (void)planned;
    for (int32_t i = taken; taken > 0 && i < {most} + 64; i++) {{
        beyond += guarded[i] != 0xA5A5A5A5u;
    }}
    for (int32_t i = 0; i < {most} + 64; i++) {{
        guarded[i] = 0xA5A5A5A5u;
    }}
    taken = words;
    return (int32_t *)guarded;
}}
"""
ONE = """\
#define {upper}_IMPLEMENTATION
#include "{name}/{name}.h"
#include "{name}/{name}_vectors.h"
static int one_{name}(void) {{
    static uint32_t arena[{upper}_ARENA_BYTES / 4];
    static int32_t output[{upper}_OUTPUTS];
    if ({name}_run({name}_vector_inputs, output, arena) != 0) {{
        return 1;
    }}
    for (int32_t i = 0; i < {upper}_OUTPUTS; i++) {{
        if (output[i] != {name}_vector_outputs[i]) {{
            return 2;
        }}
    }}
    exactly(0, output);
    return beyond == 0 ? 0 : 3;
}}
"""


@pytest.fixture(scope="module")
def guarded_networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Model]]:
    """A program whose status is 4 times the number of the network that went wrong, and why."""
    home = tmp_path_factory.mktemp("guarded")
    used = set()
    samples = [row_network(seed) for seed in range(10)] + [saturating_network(1)]
    samples += random_samples()
    most, texts, main = 0, [], ["int main(void) {", "    int why = 0;"]
    for i, (model, x) in enumerate(samples):
        firmware_export.export(model, home / f"n{i}", f"n{i}", vectors=x[:1])
        kernels, words = guarded(model, home / f"n{i}", f"n{i}")
        used.update(kernels)
        most = max(most, words)
        texts.append(ONE.format(name=f"n{i}", upper=f"N{i}"))
        main.append(f"    if ((why = one_n{i}()) != 0) return {4 * i} + why;")
    source = home / "guarded.c"
    ends = "\n".join([*main, "    return 0;", "}", ""])
    source.write_text(f"{GUARDED.format(most=most)}{''.join(texts)}{ends}")
    rows = {"akrt_conv_rows", "akrt_separable_rows", "akrt_separable_rows_muladd"}
    assert used >= rows | {"akrt_separable_sum_rows"}
    lines = ("add_lines", "bytes_lines", "conv_lines", "dense_line", "separable_lines")
    assert used >= {f"akrt_{kernel}" for kernel in lines}
    return source, [model for model, _ in samples]


@pytest.mark.parametrize("core", ["host", "m3", "m4", "m55"])
def test_no_kernel_writes_beyond_its_scratch(
    core: str, guarded_networks: tuple[Path, list[Model]], tmp_path: Path
) -> None:
    """Each is given memory of its own, of the planned size, and what follows stays as it was."""
    target = TARGETS[core]
    tool(*target.compiler)
    if target.runner:
        tool(target.runner[0])
    source, models = guarded_networks
    compile_program(target, [source], tmp_path / "guarded", ("-O1", f"-I{source.parent}"))
    status = run_program(target, tmp_path / "guarded")
    assert status == 0, (status % 4, models[status // 4].layers)


def random_samples() -> list[tuple[Model, np.ndarray]]:
    found: list[tuple[Model, np.ndarray]] = []

    @settings(max_examples=16, derandomize=True, database=None, phases=[Phase.generate])
    @given(st.one_of(networks(), residual_networks()))
    def collect(sample: tuple[Model, np.ndarray]) -> None:
        found.append(sample)

    collect()
    return found


def guarded(model: Model, folder: Path, name: str) -> tuple[list[str], int]:
    """Gives every step of an export memory of its own; the kernels that want some, and the most
    words."""
    program, mark = lower(model, name), f"#ifdef {name.upper()}_LAYER_HASHES"
    head, implementation = (folder / f"{name}.h").read_text().split(mark, 1)
    kernels = []
    for i, step in enumerate(program.steps):
        if step.scratch_bytes:
            planned = program.scratch(i)
            memory = [*map(program.place, step.sources), program.place(step.target)]
            call = step.call(*memory, planned)
            assert implementation.count(call) == 1
            given = step.call(*memory, f"exactly({step.scratch_bytes // 4}, {planned})")
            implementation = implementation.replace(call, given)
            kernels += [work.kernel for work in step.works]
    (folder / f"{name}.h").write_text(f"{head}{mark}{implementation}")
    return kernels, max((step.scratch_bytes // 4 for step in program.steps), default=0)


def test_constants_have_the_bytes_that_are_reported(tmp_path: Path) -> None:
    """Of every array and struct, in an object for a core with pointers of 4 bytes."""
    tool("arm-none-eabi-gcc")
    models = [row_network(seed)[0] for seed in range(8)] + [bundled_model()]
    seen = set()
    for i, model in enumerate(models):
        folder = tmp_path / f"n{i}"
        firmware_export.export(model, folder, "net")
        compiled = [*ARM, "-std=c99", "-O0", "-c", str(folder / "net.c"), "-o", str(folder / "o")]
        subprocess.run(compiled, check=True)
        table = subprocess.check_output(
            ["arm-none-eabi-nm", "-S", str(folder / "o")],
            text=True,
        )
        rows = [line.split() for line in table.splitlines()]
        sizes = {row[3]: int(row[1], 16) for row in rows if len(row) == 4}
        for step in lower(model, "net").steps:
            for constant in step.constants:
                if f"{constant.name}_stages" in sizes:  # of a pipeline
                    parts = (f"{constant.name}{part}" for part in ("", "_stages", "_tensors"))
                    assert sum(sizes[part] for part in parts) == constant.bytes
                elif "#if " in constant.text:
                    assert sizes[constant.name] <= constant.bytes
                else:
                    assert sizes[constant.name] == constant.bytes, constant.name
                seen.add(re.sub("net_l[0-9]+", "", constant.name))
    assert seen >= {"", "_weights", "_requant", "_taps", "_ninth", "_least"}


def test_activations_are_named_in_the_export(tmp_path: Path) -> None:
    """By enumerators that the C has."""
    header = kernel_sources.read_kernel("akrt_activation")
    assert set(re.findall(r"\bAKRT_FORM_\w+", header)) == {form.value for form in Form}
    seen = set()
    samples = [row_network(seed)[0] for seed in range(24)] + [saturating_network(0)[0]]
    for i, model in enumerate(samples):
        firmware_export.export(model, tmp_path / f"n{i}", "net")
        text = (tmp_path / f"n{i}" / "net_weights.h").read_text()
        structs = re.findall(r"const akrt_\w+_layer net_l\d+ = (.*);", text)
        assert structs
        for fields in structs:
            named = re.findall(r"\{[^{}]*?(AKRT_FORM_\w+), \d+, [0124]\}", fields)
            assert len(named) == 1, fields
            seen.update(re.findall(r"AKRT_FORM_\w+", fields))
    assert len(seen) >= 5, seen


def test_nibbles_are_packed_the_low_one_first() -> None:
    assert pack_bits(np.array([1, 2, 3, 4], np.int8), 4).tolist() == [0x21, 0x43]
    nibbles = np.array([[1, 2, 3, 4, 5, 6, 7, -8], [15, 0, 0, 0, 0, 0, 0, 1]])
    assert pack_words(nibbles).tolist() == [0x87654321, 0x1000000F]
