"""Folders compiled whole, and several exports in one folder, one program, one source file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import firmware_export
from akrt.decision import StreamSettings
from akrt.runtime import bundled_model
from firmware_export import kernel_sources
from firmware_export.packages import PACKAGES
from firmware_export.targets import TARGETS
from firmware_export.toolchain import compile_program, run_program

from .chip_programs import chip_program
from .compiled_export import WARNINGS, tool
from .row_networks import row_network

MAIN = """\
#include "kws_chip.h"
#include "kws_stream.h"
static kws_stream stream;
static uint32_t arena[KWS_STREAM_ARENA_BYTES / 4];
static const int16_t sound[320] = {0};
int main(void) {
    kws_detection found;
    const kws_chip none = {NULL, NULL};
    if (((uintptr_t)kws_program & 7u) != 0 || kws_program[0] != 97) {
        return 1;
    }
    kws_stream_start(&stream);
    if (kws_stream_feed(&stream, sound, 320, arena, &found) != 320 || found.word != -1) {
        return 2;
    }
    return kws_infer(&none, stream.features.frames, stream.output, arena) != KWS_COMPUTED_HERE;
}
"""
LANGUAGES = {
    "gcc": ["-std=c99"],
    "clang": ["-std=c99"],
    "g++": ["-std=c++11", "-x", "c++"],
    "clang++": ["-std=c++17", "-x", "c++"],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with everything that can be asked for."""
    folder = tmp_path_factory.mktemp("whole") / "kws"
    firmware_export.export(
        bundled_model(),
        folder,
        name="kws",
        program=chip_program(bundled_model(), b"akida"),
        packages=[*PACKAGES],
        stream=StreamSettings(),
    )
    return folder


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.c"))


def compiled(compiler: str, program: Path, *arguments: object) -> None:
    command = [tool(compiler), *LANGUAGES[compiler], "-O1", *WARNINGS, *map(str, arguments)]
    done = subprocess.run([*command, "-o", str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]


@pytest.mark.parametrize("compiler", LANGUAGES)
def test_every_source_of_an_export_beside_a_main_of_the_users(
    compiler: str, whole: Path, tmp_path: Path
) -> None:
    """As STM32CubeIDE and Keil do: every .c below the folder, those of packages too."""
    main = tmp_path / "main.c"
    main.write_text(MAIN)
    compiled(compiler, tmp_path / "program", main, *sources(whole), f"-I{whole}")
    assert subprocess.run([str(tmp_path / "program")]).returncode == 0


@pytest.mark.parametrize("name", ["m4", "cortex-m0"])
def test_every_source_on_a_microcontroller(name: str, whole: Path, tmp_path: Path) -> None:
    target = TARGETS[name]
    tool(*target.compiler)
    tool(target.runner[0])
    if name == "cortex-m0":  # 16 KiB of RAM
        chip = chip_program(bundled_model(), b"akida")
        whole = shutil.copytree(whole, tmp_path / "smaller")
        firmware_export.export(bundled_model(), whole, name="kws", program=chip, incremental=False)
    main = tmp_path / "main.c"
    main.write_text(MAIN)
    program = tmp_path / "program.elf"
    compile_program(target, [main, *sources(whole)], program, ("-Os", f"-I{whole}"))
    assert run_program(target, program) == 0


@pytest.fixture
def together(whole: Path, tmp_path: Path) -> Path:
    """Exports of three networks copied into one folder."""
    folder = tmp_path / "together"
    shutil.copytree(whole, folder)
    for name, seed in (("net", 6), ("other", 8)):
        firmware_export.export(row_network(seed)[0], tmp_path / name, name=name)
        for path in (tmp_path / name).iterdir():
            if path.name != "manifest.json":
                assert not (folder / path.name).exists(), path.name
                shutil.copy(path, folder)
    return folder


@pytest.mark.parametrize("compiler", LANGUAGES)
def test_several_exports_in_one_folder(compiler: str, together: Path, tmp_path: Path) -> None:
    """Compiled whole, the self-tests called: no file replaced another, no symbol clashes."""
    names = ("kws", "net", "other")
    main = tmp_path / "main.c"
    lines = ["#ifdef __cplusplus", 'extern "C" {', "#endif"]
    lines += [f"int {name}_selftest(void);" for name in names]
    lines += ["#ifdef __cplusplus", "}", "#endif"]
    calls = " + ".join(f"{name}_selftest()" for name in names)
    main.write_text("\n".join([*lines, f"int main(void) {{ return {calls}; }}", ""]))
    defines = [f"-D{name.upper()}_SELFTEST" for name in names]
    program = tmp_path / "program"
    compiled(compiler, program, main, *sources(together), f"-I{together}", *defines)
    assert subprocess.run([str(program)]).returncode == 0


@pytest.mark.parametrize("compiler", LANGUAGES)
def test_several_exports_in_one_source_file(compiler: str, together: Path, tmp_path: Path) -> None:
    """Every .c of the folder included by one, in either order, as a unity build does."""
    units = [path for path in sources(together) if path.parent == together]
    for n, order in enumerate((units, units[::-1])):
        main = tmp_path / f"unity_{n}.c"
        main.write_text("".join(f'#include "{path.name}"\n' for path in order) + MAIN)
        program = tmp_path / f"unity_{n}"
        compiled(compiler, program, main, f"-I{together}")
        assert subprocess.run([str(program)]).returncode == 0


def test_the_selftest_names_what_differs_and_is_empty_by_default(
    whole: Path, tmp_path: Path
) -> None:
    selftest, target = whole / "kws_selftest.c", tmp_path / "selftest.o"
    subprocess.run([tool("gcc"), "-c", str(selftest), "-o", str(target)], check=True)
    names = subprocess.run([tool("nm"), str(target)], capture_output=True, text=True, check=True)
    assert names.stdout == ""
    copied = tmp_path / "copy"
    shutil.copytree(whole, copied)
    vectors = copied / "kws_vectors.h"
    vectors.write_text(
        vectors.read_text().replace(
            "kws_vector_outputs[132] = {\n    ", "kws_vector_outputs[132] = {\n    77 + "
        )
    )
    for folder, wanted in ((whole, 0), (copied, 251)):
        program = tmp_path / f"program_{wanted}"
        compiled("gcc", program, folder / "kws_selftest.c", "-DKWS_SELFTEST_MAIN")
        assert subprocess.run([str(program)]).returncode == wanted


@pytest.fixture
def two_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Exports a and b; b of an akrt with other kernels and another state of the stream."""
    folder, sources = tmp_path / "versions", tmp_path / "src_c"
    settings = StreamSettings()
    firmware_export.export(bundled_model(), folder / "a", name="a", stream=settings)
    shutil.copytree(kernel_sources._folder(), sources)
    types = sources / "frontend" / "akrt_features_types.h"
    text, frames = types.read_text(), "    uint8_t frames["
    moved = text.replace("int32_t filled;", "").replace(frames, f"    int32_t filled;\n{frames}")
    assert moved != text
    types.write_text(moved)  # of the same size, which the export asserts
    monkeypatch.setattr(kernel_sources, "_folder", lambda: sources)
    firmware_export.export(bundled_model(), folder / "b", name="b", stream=settings)
    return folder


def test_two_versions_of_akrt_in_one_program(two_versions: Path, tmp_path: Path) -> None:
    """In files of their own they link and run; in one file the compiler says what to do."""
    a, b = two_versions / "a", two_versions / "b"
    flags = [f"-I{a}", f"-I{b}", "-DA_SELFTEST", "-DB_SELFTEST"]
    main = tmp_path / "main.c"
    main.write_text(
        "int a_selftest(void);\nint b_selftest(void);\n"
        "int main(void) { return a_selftest() + b_selftest(); }\n"
    )
    compiled("gcc", tmp_path / "program", main, *sources(two_versions), *flags)
    assert subprocess.run([str(tmp_path / "program")]).returncode == 0
    for first, second, wanted in (
        ("a.c", "b.c", "compile b.c by itself"),
        ("a_stream.h", "b_stream.h", "compile what uses b_stream.h by itself"),
    ):
        main.write_text(f'#include "{first}"\n#include "{second}"\n')
        command = [tool("gcc"), "-fsyntax-only", f"-I{a}", f"-I{b}", str(main)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode != 0
        assert "two versions of akrt" in done.stderr
        assert wanted in done.stderr
