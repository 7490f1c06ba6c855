"""Builds akrt.kernels._kernels from src_c; everything else is in pyproject.toml.

AKRT_SANITIZE=address,undefined builds with those sanitizers.
"""

import os
from glob import glob

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

sanitizers = os.environ.get("AKRT_SANITIZE", "")
compile_args = ["-std=c99", "-O3"]
link_args = []
if sanitizers:
    flags = [f"-fsanitize={sanitizers}", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]
    compile_args += [*flags, "-g", "-O1"]
    link_args += flags

setup(
    ext_modules=cythonize(
        [
            Extension(
                "akrt.kernels._kernels",
                sources=["akrt/kernels/_kernels.pyx", *sorted(glob("src_c/ref/*.c"))],
                depends=sorted(glob("src_c/include/akrt/*.h")),
                include_dirs=["src_c/include", numpy.get_include()],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                extra_compile_args=compile_args,
                extra_link_args=link_args,
            )
        ],
        compiler_directives={"language_level": 3},
    )
)
