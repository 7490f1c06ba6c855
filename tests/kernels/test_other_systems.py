"""The C sources and exports for other systems: compiled without a warning, there to be linked.

The compiler is zig's clang with the headers of every system (the package ziglang). MSVC is not
among them: what its macros choose is compiled by clang, and searched for what only others know.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import need
from export.row_networks import row_network, saturating_network
from export.test_warnings import random_models
from thorough import THOROUGH

import firmware_export
from akrt.decision import StreamSettings
from akrt.runtime import bundled_model
from kernels.compiled import SOURCE, WARNINGS

SYSTEMS = (
    "x86_64-windows-gnu",
    "aarch64-windows-gnu",
    "x86_64-macos",
    "aarch64-macos",
    "x86_64-linux-musl",
    "aarch64-linux-musl",
    "arm-linux-musleabihf",
)
MSVC = "x86_64-windows-msvc"
"""Clang with the macros of MSVC, and without those of GCC."""
HOST_C = sorted(SOURCE.glob("*/*.c"))

Compile = Callable[..., str]


@pytest.fixture(scope="module")
def compile_c(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compiles a file for a system; returns what the compiler says. Skips without ziglang."""
    need("ziglang")
    spec = find_spec("ziglang")
    assert spec is not None
    assert spec.origin is not None
    # clang with MSVC's macros reads the headers of mingw: there are no others
    package = Path(spec.origin).parent
    zig, headers = package / "zig", package / "lib/libc/include/any-windows-any"
    cache = str(tmp_path_factory.mktemp("zig"))
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    environment.pop("LD_PRELOAD", None)

    def run(source: Path, system: str, target: Path, *flags: str, step: str = "-c") -> str:
        command = [str(zig), "cc", "-target", system, "-std=c99", "-O2"]
        if system == MSVC:
            command += ["-isystem", str(headers)]
        command += [*WARNINGS, "-Wvla", f"-I{SOURCE / 'include'}", f"-I{SOURCE}", *flags]
        done = subprocess.run(
            [*command, step, str(source), "-o", str(target)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        return f"{source.name} for {system}: {done.stderr[:800]}" if done.returncode else ""

    return run


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """C files of exports that between them have most kernels of src_c/mcu."""
    home = tmp_path_factory.mktemp("exports")
    stream = StreamSettings()
    firmware_export.export(bundled_model(), home / "kws", name="kws", stream=stream)
    models = [row_network(1)[0], saturating_network(1)[0], *random_models(3)]
    for i, model in enumerate(models):
        firmware_export.export(model, home / f"net_{i}", name=f"net_{i}")
    found = sorted(home.glob("*/*.c"))
    assert len(found) > len(models)
    return found


def refusals(compile_c: Compile, sources: list[Path], system: str, folder: Path) -> str:
    def one(i: int) -> str:
        # what clang warns of it finds before it optimises; zig adds a sanitizer where nothing is
        unoptimised = () if THOROUGH else ("-O0", "-fno-sanitize=undefined")
        flags = (f"-I{sources[i].parent}", *unoptimised)
        return compile_c(sources[i], system, folder / f"{i}.o", *flags)

    with ThreadPoolExecutor(2) as pool:
        return "\n".join(filter(None, pool.map(one, range(len(sources)))))


@pytest.mark.parametrize("system", [*SYSTEMS, MSVC])
def test_the_host_s_c_compiles_without_a_warning(
    compile_c: Compile, system: str, tmp_path: Path
) -> None:
    assert {p.parent.name for p in HOST_C} == {"core", "ref", "x86", "arm"}
    assert not refusals(compile_c, HOST_C, system, tmp_path)


@pytest.mark.parametrize("system", [*SYSTEMS, MSVC])
def test_exports_compile_without_a_warning(
    compile_c: Compile, exports: list[Path], system: str, tmp_path: Path
) -> None:
    assert not refusals(compile_c, exports, system, tmp_path)


@pytest.mark.parametrize(
    ("system", "flags", "asked"),
    [
        ("aarch64-macos", ["-mcpu=apple_a10"], b"_sysctlbyname"),
        ("aarch64-windows-gnu", [], b"IsProcessorFeaturePresent"),
        ("aarch64-linux-musl", [], b"getauxval"),
    ],
)
def test_the_system_is_asked_for_dot_products(
    compile_c: Compile, system: str, flags: list[str], asked: bytes, tmp_path: Path
) -> None:
    target = tmp_path / "arch.o"
    assert compile_c(SOURCE / "core/akrt_arch.c", system, target, *flags) == ""
    data = target.read_bytes()
    assert asked in data
    assert b"akrt_kernels__dotprod" in data


def test_a_mac_that_always_has_dot_products_is_not_asked(
    compile_c: Compile, tmp_path: Path
) -> None:
    target = tmp_path / "arch.o"
    assert compile_c(SOURCE / "core/akrt_arch.c", "aarch64-macos", target) == ""
    assert b"_sysctlbyname" not in target.read_bytes()


@pytest.mark.parametrize(
    ("system", "sets"),
    [
        ("x86_64-windows-gnu", ["avx512", "avxvnni", "avx2"]),
        ("x86_64-macos", ["avx512", "avxvnni", "avx2"]),
        ("aarch64-macos", ["dotprod", "neon"]),
        ("aarch64-windows-gnu", ["dotprod", "neon"]),
        ("arm-linux-musleabihf", []),
        (MSVC, []),
    ],
)
def test_which_kernels_there_are(
    compile_c: Compile, system: str, sets: list[str], tmp_path: Path
) -> None:
    target = tmp_path / "arch.o"
    assert compile_c(SOURCE / "core/akrt_arch.c", system, target) == ""
    found = set(re.findall(rb"akrt_kernels__(\w+)", target.read_bytes()))
    assert found == {name.encode() for name in [*sets, "ref"]}


def test_what_msvc_reads_is_c_that_it_knows(
    compile_c: Compile, exports: list[Path], tmp_path: Path
) -> None:
    """After the preprocessor with MSVC's macros: no `restrict`, nothing of GCC's or clang's.

    `offsetof` is the headers'.
    """
    foreign = re.compile(
        r"\b(restrict|asm|__asm__|__attribute__|__builtin_(?!offsetof)\w+|__extension__|__int128|__?typeof\w*)\b"
        r"|#pragma (GCC|clang|unroll)"
    )
    own = 0
    for source in [*HOST_C, *exports]:
        target = tmp_path / "preprocessed.c"
        assert compile_c(source, MSVC, target, f"-I{source.parent}", step="-E") == ""
        ours = False
        for line in target.read_text().splitlines():
            if marker := re.match(r'# \d+ "(.*)"( \d)*$', line):
                ours = marker[1].startswith((str(SOURCE), str(source.parent)))
            elif ours:
                own += 1
                assert not foreign.search(line), f"{source.name}: {line}"
    assert own > 1000
