"""AKRT_CONST, AKRT_CODE and NET_CONST: everything of an export lands where the user wants it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from networks import networks
from thorough import THOROUGH

import firmware_export
from akrt.decision import StreamSettings
from akrt.model import Model
from firmware_export.targets import TARGETS

from .chip_programs import chip_program
from .compiled_export import WARNINGS, tool
from .row_networks import row_network, saturating_network

MACROS = {
    "AKRT_CONST": '__attribute__((section(".in_flash")))',
    "AKRT_CODE": '__attribute__((section(".in_itcm")))',
}
KEPT = {".in_flash", ".in_itcm", ".in_qspi"}
COMPILERS = [("gcc", "-std=c99"), ("clang", "-std=c99"), ("g++", "-std=c++17")]
COMPILERS += [("clang++", "-std=c++17")]
CORES = ["cortex-m0", "m4", "m55"]
ARM = ("arm-none-eabi-gcc", "-std=c99")


@pytest.fixture(scope="module")
def spotter(kws_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sections") / "net"
    program = chip_program(kws_model, bytes(range(200)))
    firmware_export.export(kws_model, folder, name="net", program=program, stream=StreamSettings())
    (folder / "infer.c").write_text(
        '#include "net_chip.h"\n'
        "int (*net_here)(const net_chip *, const uint8_t *, int32_t *, void *) = net_infer;\n"
    )
    return folder


def test_whole_spotter_on_m4(spotter: Path) -> None:
    units = [spotter / f"{stem}.c" for stem in ("net", "net_stream", "net_program", "infer")]
    for unit in units:
        sections, symbols = compiled(unit, *ARM, *TARGETS["m4"].flags, **MACROS)
        assert not elsewhere(sections) - {".data"}, unit.name  # a pointer of the test's own
        for name, section in symbols.items():
            if name != "net_here":  # the test's own
                assert section in KEPT, f"{unit.name}: {name} is in {section}"
    _, symbols = compiled(units[0], *ARM, *TARGETS["m4"].flags, **MACROS)
    assert symbols["net_run"] == ".in_itcm"
    assert symbols["net_l1_weights"] == ".in_flash"


@pytest.mark.parametrize("core", CORES)
def test_networks_of_every_kind(core: str, tmp_path: Path) -> None:
    """General and row kernels: one source file each, so that none hides behind another."""
    models = [row_network(seed)[0] for seed in range(6)] + [saturating_network(1)[0]]
    models += drawn(12)
    # each core sees a third of them, unless there is time for all
    first, step = (0, 1) if THOROUGH else (CORES.index(core), len(CORES))
    for i, model in enumerate(models[first::step]):
        inputs = np.zeros((1, *model.input_shape), np.uint8)
        firmware_export.export(model, tmp_path / f"n{i}", name=f"n{i}", vectors=inputs)
        unit = tmp_path / f"n{i}" / f"n{i}.c"
        sections, symbols = compiled(unit, *ARM, *TARGETS[core].flags, **MACROS)
        assert not elsewhere(sections)
        assert f"n{i}_run" in symbols
        assert {section for name, section in symbols.items()} <= KEPT, symbols


def test_weights_of_one_network(tmp_path: Path) -> None:
    """NET_CONST moves what is the network's, AKRT_CONST is for the rest."""
    model = row_network(3)[0]
    firmware_export.export(model, tmp_path, name="net")
    macros = MACROS | {"NET_CONST": '__attribute__((section(".in_qspi")))'}
    _, symbols = compiled(tmp_path / "net.c", *ARM, *TARGETS["m4"].flags, **macros)
    of_network = {s for name, s in symbols.items() if re.match(r"net_l\d", name)}
    assert of_network == {".in_qspi"}


@pytest.mark.parametrize("stem", ["net", "net_stream", "net_program"])
@pytest.mark.parametrize(("compiler", "standard"), COMPILERS)
def test_no_warning(spotter: Path, compiler: str, standard: str, stem: str) -> None:
    tool(compiler)
    language = ["-x", "c++"] if "++" in compiler else []
    compiled(spotter / f"{stem}.c", compiler, standard, "-fno-pie", *language, **MACROS)


def elsewhere(sections: set[str]) -> set[str]:
    """Sections of code and data that the macros did not name."""
    return {s for s in sections if re.match(r"\.(text|rodata|data|bss)", s)}


def drawn(count: int) -> list[Model]:
    """Networks of the whole layer space."""
    found: list[Model] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(networks())
    def collect(sample: tuple[Model, np.ndarray]) -> None:
        found.append(sample[0])

    collect()
    return found


def compiled(unit: Path, compiler: str, *flags: str, **macros: str) -> tuple[set[str], dict]:
    """Sections that are not empty, and the section of every function and array."""
    out = unit.with_suffix(".o")
    defines = [f"-D{name}={value}" for name, value in macros.items()]
    command = [tool(compiler), *flags, "-O2", *WARNINGS, *defines]
    done = subprocess.run(
        [*command, "-c", str(unit), "-o", str(out)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:3000]
    objdump = tool("arm-none-eabi-objdump" if compiler.startswith("arm") else "objdump")
    text = subprocess.run(
        [objdump, "-h", "-t", str(out)], capture_output=True, text=True, check=True
    ).stdout
    rows = re.findall(r"^ +\d+ (\S+) +([0-9a-f]{8}) ", text, re.MULTILINE)
    table = re.findall(r"^[0-9a-f]+ .{5}[FO ][FO ]? +(\S+)\t\w+ +(\S+)$", text, re.MULTILINE)
    symbols = {
        name: section
        for section, name in table
        if section.startswith(".") and name != section and not name.startswith("$")
    }
    return {name for name, size in rows if int(size, 16)}, symbols
