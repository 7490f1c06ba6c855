"""setup.py gives each kind of compiler flags that it knows."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
build_ext = pytest.importorskip("setuptools.command.build_ext", reason="setuptools is absent")


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py hands to setuptools."""
    import setuptools

    given: dict[str, Any] = {}
    cython = ModuleType("Cython.Build")
    cython.cythonize = lambda extensions, **_: extensions  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "Cython", ModuleType("Cython"))
    monkeypatch.setitem(sys.modules, "Cython.Build", cython)
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / "setup.py"))
    return given


@pytest.mark.parametrize(
    ("kind", "sanitizers", "compiled", "linked"),
    [
        ("unix", "", ["-std=c99", "-O3"], []),
        ("mingw32", "", ["-std=c99", "-O3"], []),
        ("msvc", "", ["/std:c11", "/O2"], []),
        ("msvc", "address", ["/std:c11", "/fsanitize=address"], []),
        (
            "unix",
            "address,undefined",
            ["-std=c99", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
            ["-fsanitize=address,undefined"],
        ),
    ],
)
def test_flags_are_those_of_the_compiler(
    set_up: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    sanitizers: str,
    compiled: list[str],
    linked: list[str],
) -> None:
    monkeypatch.setenv("AKRT_SANITIZE", sanitizers)
    built: list[Any] = []
    monkeypatch.setattr(
        build_ext.build_ext, "build_extensions", lambda command: built.extend(command.extensions)
    )
    cls = set_up["cmdclass"]["build_ext"]
    command = cls.__new__(cls)
    command.compiler = SimpleNamespace(compiler_type=kind)
    command.extensions = set_up["ext_modules"]
    command.build_extensions()
    assert [extension.name for extension in built] == [
        "akrt.kernels._kernels",
        "akrt.kernels._frontend",
    ]
    for extension in built:
        assert set(compiled) <= set(extension.extra_compile_args)
        assert set(linked) <= set(extension.extra_link_args)
        foreign = "-" if kind == "msvc" else "/"
        assert not any(flag.startswith(foreign) for flag in extension.extra_compile_args)
        assert sanitizers or not extension.extra_link_args


def test_msvc_has_one_sanitizer(set_up: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AKRT_SANITIZE", "address,undefined")
    cls = set_up["cmdclass"]["build_ext"]
    command = cls.__new__(cls)
    command.compiler = SimpleNamespace(compiler_type="msvc")
    command.extensions = set_up["ext_modules"]
    with pytest.raises(ValueError, match="MSVC has no sanitizers"):
        command.build_extensions()
