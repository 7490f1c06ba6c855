"""Builds the extensions of akrt.kernels from src_c, which is itself installed as akrt/src_c.

Everything else is in pyproject.toml. AKRT_SANITIZE=address,undefined builds with those sanitizers.
"""

import os
import runpy
from glob import glob
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, find_namespace_packages, setup
from setuptools.command.build_ext import build_ext

root = Path(__file__).parent
kernels = root / "akrt" / "kernels"
digest = runpy.run_path(str(kernels / "sources.py"))["digest"](root)
cython_source = runpy.run_path(str(kernels / "headers.py"))["cython_source"]
layout = kernels / "_layout.pxi"
made = cython_source(root / "src_c" / "include")
if not layout.is_file() or layout.read_text() != made:
    layout.write_text(made)
compiler_flags = runpy.run_path(str(kernels / "compiler_flags.py"))["compiler_flags"]


class BuildExtensions(build_ext):
    """Gives every extension the flags of the compiler, which is known now."""

    def build_extensions(self) -> None:
        compiled, linked = compiler_flags(
            self.compiler.compiler_type, os.environ.get("AKRT_SANITIZE", "")
        )
        for extension in self.extensions:
            extension.extra_compile_args = compiled
            extension.extra_link_args = linked
        super().build_extensions()


def extension(name: str, sources: list[str]) -> Extension:
    return Extension(
        f"akrt.kernels.{name}",
        sources=[f"akrt/kernels/{name}.pyx", *sorted(sources)],
        depends=sorted(glob("src_c/**/*.h", recursive=True) + glob("src_c/**/*.inc")),
        include_dirs=["src_c/include", "src_c", numpy.get_include()],
        define_macros=[
            ("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION"),
            ("AKRT_SOURCES", f'"{digest}"'),
        ],
    )


setup(
    cmdclass={"build_ext": BuildExtensions},
    packages=[
        *find_namespace_packages(
            include=["akrt", "akrt.*", "firmware_export", "firmware_export.*"]
        ),
        "akrt.src_c",
        *(f"akrt.src_c.{name}" for name in find_namespace_packages("src_c")),
    ],
    package_dir={"akrt.src_c": "src_c"},
    package_data={
        "": [
            "*.pyi",
            "*.h",
            "*.inc",
            "*.c",
            "*.md",
            "*.html",
            "*.json",
            "*.js",
            "*.flac",
            "*.akrt",
            "py.typed",
        ]
    },
    exclude_package_data={"akrt.kernels": ["*.pyx", "*.pxi", "_kernels.c", "_frontend.c"]},
    ext_modules=cythonize(
        [
            extension("_kernels", glob("src_c/*/*.c")),
            extension("_frontend", []),
        ],
        compiler_directives={"language_level": 3},
    ),
)
