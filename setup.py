"""Builds akrt.kernels._kernels from src_c, which is itself installed as akrt/src_c.

Everything else is in pyproject.toml. AKRT_SANITIZE=address,undefined builds with those sanitizers.
"""

import os
from glob import glob

import numpy
from Cython.Build import cythonize
from setuptools import Extension, find_namespace_packages, setup

sanitizers = os.environ.get("AKRT_SANITIZE", "")
compile_args = ["-std=c99", "-O3"]
link_args = []
if sanitizers:
    flags = [f"-fsanitize={sanitizers}", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]
    compile_args = ["-std=c99", "-g", "-O1", *flags]
    link_args = flags

setup(
    packages=[
        *find_namespace_packages(
            include=["akrt", "akrt.*", "firmware_export", "firmware_export.*"]
        ),
        "akrt.src_c",
        *(f"akrt.src_c.{name}" for name in find_namespace_packages("src_c")),
    ],
    package_dir={"akrt.src_c": "src_c"},
    package_data={"": ["*.pyi", "*.h", "*.inc", "*.c", "*.md", "*.flac", "*.akrt", "py.typed"]},
    exclude_package_data={"akrt.kernels": ["*.pyx", "_kernels.c"]},
    ext_modules=cythonize(
        [
            Extension(
                "akrt.kernels._kernels",
                sources=[
                    "akrt/kernels/_kernels.pyx",
                    *sorted(glob("src_c/*.c") + glob("src_c/*/*.c")),
                ],
                depends=sorted(glob("src_c/**/*.h", recursive=True) + glob("src_c/**/*.inc")),
                include_dirs=["src_c/include", "src_c", numpy.get_include()],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                extra_compile_args=compile_args,
                extra_link_args=link_args,
            )
        ],
        compiler_directives={"language_level": 3},
    ),
)
