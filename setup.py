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

root = Path(__file__).parent
digest = runpy.run_path(str(root / "akrt" / "kernels" / "sources.py"))["digest"](root)
sanitizers = os.environ.get("AKRT_SANITIZE", "")
compile_args = ["-std=c99", "-O3"]
link_args = []
if sanitizers:
    flags = [f"-fsanitize={sanitizers}", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]
    compile_args = ["-std=c99", "-g", "-O1", *flags]
    link_args = flags


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
        extra_compile_args=compile_args,
        extra_link_args=link_args,
    )


setup(
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
            "*.js",
            "*.flac",
            "*.akrt",
            "py.typed",
        ]
    },
    exclude_package_data={"akrt.kernels": ["*.pyx", "_kernels.c", "_frontend.c"]},
    ext_modules=cythonize(
        [
            extension("_kernels", glob("src_c/*.c") + glob("src_c/*/*.c")),
            extension("_frontend", []),
        ],
        compiler_directives={"language_level": 3},
    ),
)
