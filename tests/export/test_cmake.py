"""An export in other people's CMake projects, with the real CMake, and in ESP-IDF's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import firmware_export
from akrt.decision import StreamSettings
from akrt.runtime import bundled_model

from .chip_programs import chip_program
from .compiled_export import WARNINGS, tool
from .row_networks import row_network

# The user's program: every part of an export, from C++.
MAIN = """\
#include "kws_chip.h"
#include "kws_stream.h"
static kws_stream stream;
static uint32_t arena[KWS_STREAM_ARENA_BYTES / 4];
static const int16_t sound[320] = {0};
int main() {
    kws_detection found;
    const kws_chip none = {NULL, NULL};
    kws_stream_start(&stream);
    return !(kws_stream_feed(&stream, sound, 320, arena, &found) == 320 && kws_program[1] == 'k' &&
             kws_infer(&none, stream.features.frames, stream.output, arena) == KWS_COMPUTED_HERE);
}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tool("cmake")
    folder = tmp_path_factory.mktemp("cmake") / "kws"
    firmware_export.export(
        bundled_model(),
        folder,
        name="kws",
        program=chip_program(bundled_model(), b"ak"),
        packages=["cmake", "esp-idf"],
        stream=StreamSettings(),
    )
    return folder


def run(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def project(folder: Path, language: str, body: str) -> Path:
    """A project of the user's, built; returns its build folder."""
    folder.mkdir()
    suffix = {"C": "c", "CXX": "cpp"}[language]
    text = MAIN if language == "CXX" else MAIN.replace("main()", "main(void)")
    (folder / f"main.{suffix}").write_text(text)
    (folder / "CMakeLists.txt").write_text(f"""\
cmake_minimum_required(VERSION 3.14)
project(application LANGUAGES {language})
add_executable(application main.{suffix})
{body}""")
    build = folder / "build"
    flags = " ".join(WARNINGS)
    run("cmake", "-S", folder, "-B", build, f"-DCMAKE_{language}_FLAGS={flags}", "-Werror=dev")
    run("cmake", "--build", build)
    run(build / "application")
    return build


def test_alone_it_builds_tests_and_installs(package: Path, tmp_path: Path) -> None:
    build, prefix = tmp_path / "build", tmp_path / "prefix"
    run("cmake", "-S", package, "-B", build, f"-DCMAKE_C_FLAGS={' '.join(WARNINGS)}")
    run("cmake", "--build", build)
    assert "kws_selftest" in run("ctest", "--test-dir", build, "--no-tests=error")
    run("cmake", "--install", build, "--prefix", prefix)
    for language in ("C", "CXX"):
        body = "find_package(kws 0.1 REQUIRED)\ntarget_link_libraries(application kws::kws)\n"
        body = f'list(APPEND CMAKE_PREFIX_PATH "{prefix}")\n' + body
        project(tmp_path / language, language, body)


@pytest.mark.parametrize("language", ["C", "CXX"])
def test_inside_another_project_it_adds_its_library_alone(
    language: str, package: Path, tmp_path: Path
) -> None:
    """By add_subdirectory: no test, no option and no target of CTest's in the project around it."""
    body = f"""\
add_subdirectory({package} kws)
target_link_libraries(application PRIVATE kws::kws)
"""
    build = project(tmp_path / "user", language, body)
    assert "BUILD_TESTING" not in (build / "CMakeCache.txt").read_text()
    listed = run("cmake", "--build", build, "--target", "help")
    assert "kws" in listed
    assert "selftest" not in listed
    assert "Experimental" not in listed


def test_a_project_with_tests_runs_its_own_alone(package: Path, tmp_path: Path) -> None:
    body = f"""\
include(CTest)
add_test(NAME mine COMMAND application)
add_subdirectory({package} kws)
target_link_libraries(application PRIVATE kws::kws)
"""
    build = project(tmp_path / "user", "C", body)
    listed = run("ctest", "--test-dir", build, "-N")
    assert "mine" in listed
    assert "Total Tests: 1" in listed


def test_fetched_and_installed_with_the_project_around_it(package: Path, tmp_path: Path) -> None:
    body = f"""\
include(FetchContent)
FetchContent_Declare(kws SOURCE_DIR {package})
FetchContent_MakeAvailable(kws)
target_link_libraries(application PRIVATE kws::kws)
add_library(wrapper STATIC main.cpp)
target_link_libraries(wrapper PRIVATE kws)
install(TARGETS wrapper EXPORT wrapper ARCHIVE DESTINATION lib)
install(EXPORT wrapper DESTINATION lib/cmake/wrapper FILE wrapper-config.cmake)
"""
    build = project(tmp_path / "user", "CXX", body)
    run("cmake", "--install", build, "--prefix", tmp_path / "prefix")
    assert (tmp_path / "prefix" / "include" / "kws_stream_kernels.h").is_file()


def test_two_networks_in_one_project(package: Path, tmp_path: Path) -> None:
    firmware_export.export(row_network(6)[0], tmp_path / "net", name="net", packages=["cmake"])
    body = f"""\
add_subdirectory({package} kws)
add_subdirectory({tmp_path / "net"} net)
target_link_libraries(application PRIVATE kws::kws net::net)
"""
    project(tmp_path / "user", "C", body)


def test_a_component_of_esp_idf(package: Path, tmp_path: Path) -> None:
    """idf_component_register stubbed: in a script, as IDF asks for requirements, and in a build."""
    stub = """\
macro(idf_component_register)
    cmake_parse_arguments(_ "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
    if(CMAKE_SCRIPT_MODE_FILE)
        message(STATUS "sources ${__SRCS}")
    else()
        add_library(kws_component STATIC ${__SRCS})
        target_include_directories(kws_component PUBLIC ${__INCLUDE_DIRS})
    endif()
endmacro()
set(ESP_PLATFORM 1)
"""
    script = tmp_path / "requirements.cmake"
    script.write_text(f"{stub}include({package / 'CMakeLists.txt'})\n")
    assert "sources kws.c;kws_program.c;kws_stream.c" in run("cmake", "-P", script)
    link = f"""\
add_subdirectory({package} kws)
target_link_libraries(application PRIVATE kws_component)
"""
    project(tmp_path / "user", "C", stub + link)
    component = (package / "idf_component.yml").read_text()
    assert component.startswith('version: "0.1.0"\n')
    assert (package / "CMakeLists.txt").read_text().index("ESP_PLATFORM") < 400


@pytest.mark.parametrize("model_name", ["test", "all", "install", "help", "edit_cache", "m"])
def test_a_model_with_the_name_of_a_target(model_name: str, tmp_path: Path) -> None:
    """CMake refuses these as targets; libm.a would be taken for the C library's."""
    tool("cmake")
    model = row_network(6)[0].replace(name=model_name)
    report = firmware_export.export(model, tmp_path / "net", packages=["cmake"])
    assert report.name == f"model_{model_name}"
    run("cmake", "-S", tmp_path / "net", "-B", tmp_path / "build", "-Werror=dev")
    listed = run("cmake", "--build", tmp_path / "build", "--target", "help")
    assert f"... {report.name}\n" in listed
