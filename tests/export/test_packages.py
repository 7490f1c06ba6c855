"""Packages of an export, and the chip that it stands in for."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

import firmware_export
from akrt.backends.reference import ReferenceBackend
from akrt.decision import StreamSettings
from akrt.errors import InputError, UsageError
from akrt.runtime import bundled_model
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
    command.append(str(package / "net_program.c"))
    subprocess.run([*command, "-o", str(tmp_path / "chip")], check=True)
    assert subprocess.run([str(tmp_path / "chip")]).returncode == 0


def test_arduino_library(package: Path) -> None:
    """https://arduino.github.io/arduino-cli/latest/library-specification/"""
    lines = (package / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph"}
    assert set(fields) >= required | {"category", "url", "architectures"}
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.\-]{0,62}", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    page = urlsplit(fields["url"])  # must be one, and is nobody's
    assert page.scheme
    assert not page.netloc
    assert fields["category"] in {"Data Processing", "Other"}
    assert fields["includes"] == "net.h,net_chip.h"
    sketches = list((package / "examples").rglob("*.ino"))
    assert sketches
    assert all(s.stem == s.parent.name for s in sketches)


ARDUINO = """\
#ifndef ARDUINO_STUB
#define ARDUINO_STUB
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __cplusplus
struct Port {
    void begin(long) {}
    void print(const char *text) { fputs(text, stdout); }
    void println(long value) { printf("%ld\\n", value); }
};
extern Port Serial;
void setup();
void loop();
inline void delay(unsigned long) {}
#endif
#endif
"""
SPOTTER = """\
#include <kws.h>
#include <kws_stream.h>
#include <kws_chip.h>
#include <kws_program.h>
static kws_stream stream;
static uint32_t arena[KWS_STREAM_ARENA_BYTES / 4];
static const int16_t sound[320] = {0};
static const kws_chip none = {NULL, NULL};
void setup() { kws_stream_start(&stream); }
void loop() {
    kws_detection found;
    Serial.println(kws_stream_feed(&stream, sound, 320, arena, &found));
    Serial.println(kws_infer(&none, stream.features.frames, stream.output, arena));
    Serial.println(found.word + (int32_t)kws_program[1]);
}
"""


def test_arduino_sketches_find_every_header(tmp_path: Path) -> None:
    """Built as Arduino builds: src/ alone is compiled and searched for headers."""
    package, build = tmp_path / "kws", tmp_path / "build"
    firmware_export.export(
        bundled_model(),
        package,
        name="kws",
        program=chip_program(bundled_model(), b"ak"),
        packages=["arduino"],
        stream=StreamSettings(),
    )
    build.mkdir()
    (build / "Arduino.h").write_text(ARDUINO)
    zeros = next((package / "examples").rglob("*.ino")).read_text()
    flags = [f"-I{build}", f"-I{package / 'src'}", "-DARDUINO=10819", *WARNINGS, "-c"]
    objects = []
    for source in sorted((package / "src").glob("*.c")):
        objects.append(str(build / f"{source.stem}.o"))
        subprocess.run(
            [tool("gcc"), "-std=c11", *flags, str(source), "-o", objects[-1]], check=True
        )
    main = "\nPort Serial;\nint main() { setup(); loop(); return 0; }\n"
    for name, sketch, lines in (("zeros", zeros, 33), ("spotter", SPOTTER, 3)):
        source = build / f"{name}.cpp"
        source.write_text("#include <Arduino.h>\n" + sketch + main)
        object_file = build / f"{name}_sketch.o"
        subprocess.run(
            [tool("g++"), "-std=c++11", *flags, str(source), "-o", str(object_file)], check=True
        )
        program = build / name
        subprocess.run([tool("g++"), str(object_file), *objects, "-o", str(program)], check=True)
        done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
        printed = [int(line) for line in done.stdout.split()]
        assert len(printed) == lines
    assert printed == [320, 0, ord("k") - 1]
    wanted = ReferenceBackend(bundled_model()).run(np.zeros((1, 49, 10, 1), np.uint8))
    done = subprocess.run([str(build / "zeros")], capture_output=True, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == wanted.reshape(-1).tolist()


def test_the_sketch_says_that_the_network_refused(tmp_path: Path) -> None:
    model, _ = row_network(6)
    firmware_export.export(model, tmp_path / "net", name="net", packages=["arduino"])
    (tmp_path / "Arduino.h").write_text(ARDUINO)
    sketch = next((tmp_path / "net" / "examples").rglob("*.ino")).read_text()
    source, program = tmp_path / "sketch.cpp", tmp_path / "sketch"
    source.write_text(f"""\
#include <Arduino.h>
{sketch}
Port Serial;
int net_run(const uint8_t *, int32_t *, void *) {{ return -2; }}
int main() {{ setup(); loop(); return 0; }}
""")
    flags = ["-std=c++11", *WARNINGS, f"-I{tmp_path}", f"-I{tmp_path / 'net' / 'src'}"]
    subprocess.run([tool("g++"), *flags, str(source), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
    assert done.stdout == "net_run refused its arguments: -2\n"


def test_platformio_library(package: Path) -> None:
    """https://docs.platformio.org/en/latest/manifests/library-json/"""
    manifest = json.loads((package / "library.json").read_text())
    assert re.fullmatch(r"[a-z0-9_\-]+", manifest["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert manifest["headers"] == ["net.h", "net_chip.h", "net_program.h"]
    assert set(manifest["build"]) <= {"flags", "srcDir", "srcFilter", "includeDir", "libArchive"}
    assert manifest["build"]["srcFilter"] == ["-<*>", "+<net.c>", "+<net_program.c>"]


def test_zephyr_module(package: Path) -> None:
    """https://docs.zephyrproject.org/latest/develop/modules.html"""
    text = (package / "zephyr" / "module.yml").read_text()
    assert text == 'name: "net"\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n'
    assert "config AKRT_NET\n" in (package / "zephyr" / "Kconfig").read_text()


def test_zephyr_compiles_every_source_under_its_own_names(package: Path, tmp_path: Path) -> None:
    """Zephyr's functions stubbed; a target of the project may have the network's name."""
    (tmp_path / "CMakeLists.txt").write_text(f"""\
cmake_minimum_required(VERSION 3.20)
project(application LANGUAGES C)
add_custom_target(net)
function(zephyr_library_named library)
    add_library(${{library}} STATIC)
    set(ZEPHYR_CURRENT_LIBRARY ${{library}} PARENT_SCOPE)
endfunction()
function(zephyr_library_sources)
    target_sources(${{ZEPHYR_CURRENT_LIBRARY}} PRIVATE ${{ARGV}})
endfunction()
function(zephyr_include_directories)
    include_directories(${{ARGV}})
endfunction()
set(CONFIG_AKRT_NET y)
add_subdirectory({package / "zephyr"} module)
""")
    cmake, build = tool("cmake"), tmp_path / "build"
    for command in ([cmake, "-S", tmp_path, "-B", build], [cmake, "--build", build]):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    names = subprocess.run(
        [tool("nm"), str(next(build.rglob("libakrt_net.a")))], capture_output=True, text=True
    ).stdout
    assert " T net_run" in names
    assert " R net_program" in names


def test_unknown_package_and_empty_program(tmp_path: Path) -> None:
    model, _ = row_network(6)
    with pytest.raises(UsageError, match="unknown package"):
        firmware_export.export(model, tmp_path / "x", packages=["conan"])
    with pytest.raises(InputError, match="none that akrt program wrote"):
        firmware_export.export(model, tmp_path / "x", program=chip_program(model, b""))
    assert not (tmp_path / "x").exists()
