"""An export as a package of CMake, Arduino, PlatformIO or Zephyr."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from akrt.errors import UsageError
from firmware_export.program import Program

__all__ = ["PACKAGES", "package_files"]

_URL = "https://example.com"
"""A library.properties needs one; the user puts in their own."""


def package_files(
    program: Program, kinds: Sequence[str], files: Sequence[str], version: str
) -> dict[str, str]:
    """Files of the packages `kinds` around the `files` of an export.

    Raises:
        UsageError: a kind that is not in `PACKAGES`.
    """
    written: dict[str, str] = {}
    for kind in kinds:
        if kind not in PACKAGES:
            raise UsageError(f"unknown package '{kind}': choose from {', '.join(PACKAGES)}")
        written |= PACKAGES[kind](program, files, version)
    return written


def _sources(files: Sequence[str]) -> list[str]:
    """What the library is compiled from."""
    return sorted(f for f in files if f.endswith(".c") and not f.endswith("_selftest.c"))


def _cmake(program: Program, files: Sequence[str], version: str) -> dict[str, str]:
    name = program.name
    headers = " ".join(sorted(f for f in files if f.endswith(".h") and "vectors" not in f))
    text = f"""\
# {name}: a static library, and its self-test as a test of CTest.
cmake_minimum_required(VERSION 3.13)
project({name} VERSION {version} LANGUAGES C)
include(GNUInstallDirs)

add_library({name} STATIC {" ".join(_sources(files))})
target_compile_features({name} PUBLIC c_std_99)
target_include_directories({name} PUBLIC
    $<BUILD_INTERFACE:${{CMAKE_CURRENT_SOURCE_DIR}}>
    $<INSTALL_INTERFACE:${{CMAKE_INSTALL_INCLUDEDIR}}>)
install(TARGETS {name} ARCHIVE DESTINATION ${{CMAKE_INSTALL_LIBDIR}})
install(FILES {headers}
    DESTINATION ${{CMAKE_INSTALL_INCLUDEDIR}})

if(NOT CMAKE_CROSSCOMPILING)
    include(CTest)
    if(BUILD_TESTING)
        add_executable({name}_selftest {name}_selftest.c)
        add_test(NAME {name}_selftest COMMAND {name}_selftest)
    endif()
endif()
"""
    return {"CMakeLists.txt": text}


def _arduino(program: Program, files: Sequence[str], version: str) -> dict[str, str]:
    name, upper = program.name, program.name.upper()
    properties = {
        "name": name,
        "version": version,
        "author": "akrt",
        "maintainer": "akrt",
        "sentence": f"The quantised network {name} in integer C.",
        "paragraph": "Exported by akrt. No heap, no floating point, one function call.",
        "category": "Data Processing",
        "url": _URL,
        "architectures": "*",
        "includes": f"{name}.h",
    }
    sketch = f"""\
/* Runs {name} on an input of zeros and prints its outputs. */
#include <{name}.h>

static uint8_t input[{upper}_INPUT_BYTES];
static int32_t output[{upper}_OUTPUTS];
static uint32_t arena[{upper}_ARENA_BYTES / 4];

void setup() {{ Serial.begin(115200); }}

void loop() {{
    if ({name}_run(input, output, arena) == 0) {{
        for (int i = 0; i < {upper}_OUTPUTS; i++) {{
            Serial.println(output[i]);
        }}
    }}
    delay(1000);
}}
"""
    # Arduino compiles what lies in src/ and nothing else: the library is forwarded from there.
    return {
        "library.properties": "".join(f"{key}={value}\n" for key, value in properties.items()),
        f"examples/{name}_zeros/{name}_zeros.ino": sketch,
        f"src/{name}.h": f'#include "../{name}.h"\n',
        **{f"src/{file}": f'#include "../{file}"\n' for file in _sources(files)},
    }


def _platformio(program: Program, files: Sequence[str], version: str) -> dict[str, str]:
    name = program.name
    compiled = [f"+<{file}>" for file in _sources(files)]
    library = {
        "name": name,
        "version": version,
        "description": f"The quantised network {name} in integer C, exported by akrt.",
        "keywords": "neural network, quantized, inference",
        "headers": f"{name}.h",
        "frameworks": "*",
        "platforms": "*",
        "build": {
            "srcDir": ".",
            "srcFilter": ["-<*>", *compiled],
        },
    }
    return {"library.json": json.dumps(library, indent=2) + "\n"}


def _zephyr(program: Program, files: Sequence[str], version: str) -> dict[str, str]:
    name = program.name
    module = f"name: {name}\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n"
    kconfig = (
        f"config {name.upper()}\n"
        f'\tbool "The quantised network {name}"\n'
        "\tdefault y\n"
        "\thelp\n"
        "\t  Integer C code exported by akrt: no heap, no floating point.\n"
    )
    sources = " ".join(f"${{CMAKE_CURRENT_LIST_DIR}}/../{file}" for file in _sources(files))
    cmake = f"""\
if(CONFIG_{name.upper()})
  zephyr_library_named({name})
  zephyr_library_sources({sources})
  zephyr_include_directories(${{CMAKE_CURRENT_LIST_DIR}}/..)
endif()
"""
    return {
        "zephyr/module.yml": module,
        "zephyr/Kconfig": kconfig,
        "zephyr/CMakeLists.txt": cmake,
    }


PACKAGES: dict[str, Callable[[Program, Sequence[str], str], dict[str, str]]] = {
    "cmake": _cmake,
    "arduino": _arduino,
    "platformio": _platformio,
    "zephyr": _zephyr,
}
