"""Packages of an export, and the chip that it stands in for."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

import firmware_export
from akrt.errors import InputError, UsageError
from firmware_export.packages import PACKAGES

from .chip_programs import chip_program
from .compiled_export import WARNINGS, tool
from .row_networks import row_network

CHIP_TEST = """\
#define NET_IMPLEMENTATION
#include "net.h"
#include "net_chip.h"
#include "net_vectors.h"
static uint32_t arena[NET_ARENA_BYTES / 4];
static int32_t output[NET_OUTPUTS];
static int calls;
static int answers(void *board, const uint8_t *program, size_t bytes, const uint8_t *input,
                   int32_t *out) {
    (void)input;
    calls += board == (void *)&calls && bytes == 3 && program[0] == 7 && program[2] == 9;
    out[0] = 4242;
    return 0;
}
static int fails(void *board, const uint8_t *program, size_t bytes, const uint8_t *input,
                 int32_t *out) {
    (void)board; (void)program; (void)bytes; (void)input;
    out[0] = 4242;
    return 1;
}
int main(void) {
    const net_chip good = {answers, &calls}, bad = {fails, NULL}, none = {NULL, NULL};
    const net_chip *const without[3] = {NULL, &bad, &none};
    if (net_infer(&good, net_vector_inputs, output, arena) != NET_FROM_CHIP) return 1;
    if (calls != 1 || output[0] != 4242) return 2;
    for (int i = 0; i < 3; i++) {
        if (net_infer(without[i], net_vector_inputs, output, arena) != NET_COMPUTED_HERE) return 3;
        if (output[0] != net_vector_outputs[0]) return 4;
    }
    return net_infer(&good, NULL, output, arena) == -1 && calls == 1 ? 0 : 5;
}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    model, x = row_network(6)
    firmware_export.export(
        model,
        tmp_path / "net",
        name="net",
        vectors=x,
        program=chip_program(model),
        packages=[*PACKAGES],
    )
    return tmp_path / "net"


def test_the_chip_is_asked_first(package: Path, tmp_path: Path) -> None:
    source = tmp_path / "chip.c"
    source.write_text(CHIP_TEST)
    command = [tool("gcc"), "-std=c99", *WARNINGS, f"-I{package}", str(source)]
    subprocess.run([*command, "-o", str(tmp_path / "chip")], check=True)
    assert subprocess.run([str(tmp_path / "chip")]).returncode == 0


def test_cmake_builds_tests_and_installs(package: Path, tmp_path: Path) -> None:
    cmake = tool("cmake")
    build = tmp_path / "build"
    for command in (
        [cmake, "-S", str(package), "-B", str(build), "-DCMAKE_C_FLAGS=" + " ".join(WARNINGS)],
        [cmake, "--build", str(build)],
        ["ctest", "--test-dir", str(build), "--no-tests=error"],
        [cmake, "--install", str(build), "--prefix", str(tmp_path / "prefix")],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "prefix" / "include" / "net.h").is_file()


def test_arduino_library(package: Path) -> None:
    """https://arduino.github.io/arduino-cli/latest/library-specification/"""
    lines = (package / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph"}
    assert set(fields) >= required | {"category", "url", "architectures"}
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.\-]{0,62}", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] in {"Data Processing", "Other"}
    assert (package / "src" / fields["includes"]).is_file()
    sketches = list((package / "examples").rglob("*.ino"))
    assert sketches
    assert all(s.stem == s.parent.name for s in sketches)
    done = subprocess.run(
        [
            tool("gcc"),
            "-std=c99",
            *WARNINGS,
            "-c",
            str(package / "src" / "net.c"),
            "-o",
            "/dev/null",
        ]
    )
    assert done.returncode == 0


def test_platformio_library(package: Path) -> None:
    """https://docs.platformio.org/en/latest/manifests/library-json/"""
    manifest = json.loads((package / "library.json").read_text())
    assert re.fullmatch(r"[a-z0-9_\-]+", manifest["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert manifest["headers"] == "net.h"
    assert set(manifest["build"]) <= {"flags", "srcDir", "srcFilter", "includeDir", "libArchive"}
    assert manifest["build"]["srcFilter"] == ["-<*>", "+<net.c>"]


def test_zephyr_module(package: Path) -> None:
    """https://docs.zephyrproject.org/latest/develop/modules.html"""
    text = (package / "zephyr" / "module.yml").read_text()
    assert text == "name: net\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n"
    assert "config NET\n" in (package / "zephyr" / "Kconfig").read_text()
    cmake = (package / "zephyr" / "CMakeLists.txt").read_text()
    assert "if(CONFIG_NET)" in cmake
    assert (package / "zephyr" / ".." / "net.c").resolve().is_file()


def test_unknown_package_and_empty_program(tmp_path: Path) -> None:
    model, _ = row_network(6)
    with pytest.raises(UsageError, match="unknown package"):
        firmware_export.export(model, tmp_path / "x", packages=["conan"])
    with pytest.raises(InputError, match="none that akrt program wrote"):
        firmware_export.export(model, tmp_path / "x", program=chip_program(model, b""))
    assert not (tmp_path / "x").exists()
