"""An export as a package of CMake, ESP-IDF, Arduino, PlatformIO or Zephyr."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from akrt.errors import UsageError
from firmware_export.interface import input_bytes, input_type, number_note, output_type
from firmware_export.lowered import Lowered
from firmware_export.remembered import state_argument

__all__ = ["PACKAGES", "package_files"]

_URL = "about:blank"
"""A library.properties must name a page for people to visit; the user puts in their own."""


def package_files(
    lowered: Lowered, kinds: Sequence[str], files: Sequence[str], version: str
) -> dict[str, str]:
    """Files of the packages `kinds` around the `files` of an export.

    Raises:
        UsageError: a kind that is not in `PACKAGES`.
    """
    written: dict[str, str] = {}
    release = re.match(r"\d+\.\d+\.\d+", version)
    for kind in kinds:
        if kind not in PACKAGES:
            raise UsageError(f"unknown package '{kind}': choose from {', '.join(PACKAGES)}")
        written |= PACKAGES[kind](lowered, files, release[0] if release else "0.0.0")
    return written


def _sources(files: Sequence[str]) -> list[str]:
    """What the library is compiled from."""
    return sorted(f for f in files if f.endswith(".c") and not f.endswith("_selftest.c"))


def _headers(files: Sequence[str]) -> list[str]:
    """What the library's sources and users include."""
    return sorted(f for f in files if f.endswith(".h") and not f.endswith("_vectors.h"))


def _interfaces(lowered: Lowered, files: Sequence[str]) -> list[str]:
    """What users include, the network's own header first."""
    name = lowered.name
    ordered = (f"{name}.h", f"{name}_stream.h", f"{name}_chip.h", f"{name}_program.h")
    return [header for header in ordered if header in files]


def _cmake(lowered: Lowered, files: Sequence[str], version: str) -> dict[str, str]:
    name, upper = lowered.name, lowered.name.upper()
    sources, headers = " ".join(_sources(files)), " ".join(_headers(files))
    text = f"""\
# {name}: the library {name}::{name}, and its self-test as a test of CTest. By add_subdirectory,
# FetchContent, or, once installed, find_package({name}). Also a component of ESP-IDF.
if(ESP_PLATFORM)
    idf_component_register(SRCS {sources} INCLUDE_DIRS ".")
    return()
endif()

cmake_minimum_required(VERSION 3.13)
project({name} VERSION {version} LANGUAGES C)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library({name} STATIC {sources})
add_library({name}::{name} ALIAS {name})
target_compile_features({name} PRIVATE c_std_99)
target_include_directories({name} PUBLIC
    $<BUILD_INTERFACE:${{CMAKE_CURRENT_SOURCE_DIR}}>
    $<INSTALL_INTERFACE:${{CMAKE_INSTALL_INCLUDEDIR}}>)

install(TARGETS {name} EXPORT {name}-config ARCHIVE DESTINATION ${{CMAKE_INSTALL_LIBDIR}})
install(FILES {headers}
    DESTINATION ${{CMAKE_INSTALL_INCLUDEDIR}})
install(EXPORT {name}-config NAMESPACE {name}::
    DESTINATION ${{CMAKE_INSTALL_LIBDIR}}/cmake/{name})
write_basic_package_version_file(${{CMAKE_CURRENT_BINARY_DIR}}/{name}-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${{CMAKE_CURRENT_BINARY_DIR}}/{name}-config-version.cmake
    DESTINATION ${{CMAKE_INSTALL_LIBDIR}}/cmake/{name})

# A project around this one has its own tests.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR AND NOT CMAKE_CROSSCOMPILING)
    include(CTest)
    if(BUILD_TESTING)
        add_executable({name}_selftest {name}_selftest.c)
        target_compile_features({name}_selftest PRIVATE c_std_99)
        target_compile_definitions({name}_selftest PRIVATE {upper}_SELFTEST_MAIN)
        add_test(NAME {name}_selftest COMMAND {name}_selftest)
    endif()
endif()
"""
    return {"CMakeLists.txt": text}


def _esp_idf(lowered: Lowered, files: Sequence[str], version: str) -> dict[str, str]:
    """Its CMakeLists.txt is that of CMake, which asks whose build it is in."""
    component = f"""\
version: "{version}"
description: "The quantised network {lowered.name} in integer C, exported by akrt."
dependencies:
  idf: ">=4.4"
"""
    return {**_cmake(lowered, files, version), "idf_component.yml": component}


def _arduino(lowered: Lowered, files: Sequence[str], version: str) -> dict[str, str]:
    name, upper = lowered.name, lowered.name.upper()
    interfaces = _interfaces(lowered, files)
    given, made = input_type(lowered.model), output_type(lowered.model)
    count = f"{upper}_INPUT_BYTES"
    if input_bytes(lowered.model) > 1:
        count += f" / sizeof({given})"
    properties = {
        "name": name,
        "version": version,
        "author": "akrt",
        "maintainer": "akrt",
        "sentence": f"The quantised network {name} in integer C.",
        "paragraph": f"Exported by akrt. No heap, {number_note(lowered.model)}, one function call.",
        "category": "Data Processing",
        "url": _URL,
        "architectures": "*",
        "includes": ",".join(h for h in interfaces if not h.endswith("_program.h")),
    }
    memory, setup = "", " Serial.begin(115200); "
    if lowered.model.stateful:
        memory = f"static uint32_t state[{upper}_STATE_BYTES / 4];\n"
        setup = f"\n    Serial.begin(115200);\n    {name}_reset(state);\n"
    sketch = f"""\
/* Runs {name} on an input of zeros and prints its outputs. */
#include <{name}.h>

static {given} input[{count}];
static {made} output[{upper}_OUTPUTS];
static uint32_t arena[{upper}_ARENA_BYTES / 4];
{memory}
void setup() {{{setup}}}

void loop() {{
    const int status = {name}_run(input, output, {state_argument(lowered.model)}arena);
    if (status == 0) {{
        for (int32_t i = 0; i < {upper}_OUTPUTS; i++) {{
            Serial.println(output[i]);
        }}
    }} else {{
        Serial.print("{name}_run refused its arguments: ");
        Serial.println(status);
    }}
    delay(1000);
}}
"""
    return {
        "library.properties": "".join(f"{key}={value}\n" for key, value in properties.items()),
        f"examples/{name}_zeros/{name}_zeros.ino": sketch,
        **{f"src/{header}": f'#include "../{header}"\n' for header in interfaces},
        **{f"src/{source}": _forwarded(source) for source in _sources(files)},
    }


def _forwarded(source: str) -> str:
    """Arduino compiles src/ and nothing else; other builds may compile both folders."""
    return f"""\
/* For Arduino, which compiles src/ alone; empty elsewhere, where ../{source} is compiled itself. */
#if defined(ARDUINO)
#include "../{source}"
#elif defined(__has_include)
#if __has_include(<Arduino.h>)
#include "../{source}"
#endif
#endif
typedef int {source.removesuffix(".c")}_is_forwarded; /* ISO C forbids a source file of nothing */
"""


def _platformio(lowered: Lowered, files: Sequence[str], version: str) -> dict[str, str]:
    name = lowered.name
    interfaces = _interfaces(lowered, files)
    compiled = [f"+<{file}>" for file in _sources(files)]
    library: dict[str, Any] = {
        "name": name,
        "version": version,
        "description": f"The quantised network {name} in integer C, exported by akrt.",
        "keywords": "neural network, quantized, inference",
        "headers": interfaces if len(interfaces) > 1 else interfaces[0],
        "frameworks": "*",
        "platforms": "*",
        "build": {
            "srcDir": ".",
            "srcFilter": ["-<*>", *compiled],
        },
    }
    return {"library.json": json.dumps(library, indent=2) + "\n"}


def _zephyr(lowered: Lowered, files: Sequence[str], version: str) -> dict[str, str]:
    """Names of Zephyr's own are many: option and library start with ``AKRT_``, the name quoted."""
    name = lowered.name
    option = f"AKRT_{name.upper()}"
    module = f'name: "{name}"\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n'
    kconfig = (
        f"config {option}\n"
        f'\tbool "The quantised network {name}"\n'
        "\tdefault y\n"
        "\thelp\n"
        f"\t  Integer C code exported by akrt: no heap, {number_note(lowered.model)}.\n"
    )
    sources = "".join(f"\n    ${{CMAKE_CURRENT_LIST_DIR}}/../{file}" for file in _sources(files))
    cmake = f"""\
if(CONFIG_{option})
  zephyr_library_named({option.lower()})
  zephyr_library_sources({sources})
  zephyr_include_directories(${{CMAKE_CURRENT_LIST_DIR}}/..)
endif()
"""
    return {
        "zephyr/module.yml": module,
        "zephyr/Kconfig": kconfig,
        "zephyr/CMakeLists.txt": cmake,
    }


PACKAGES: dict[str, Callable[[Lowered, Sequence[str], str], dict[str, str]]] = {
    "cmake": _cmake,
    "esp-idf": _esp_idf,
    "arduino": _arduino,
    "platformio": _platformio,
    "zephyr": _zephyr,
}
