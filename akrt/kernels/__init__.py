"""The C kernels, compiled: `_kernels.Network` runs a planned network.

In a checkout, which Python prefers to an installed akrt when it runs there, the extensions may not
be compiled. Those of the installed akrt serve then, if they were made from the same sources.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from pathlib import Path

_HERE = Path(__file__).parent


def _compiled_in(folder: Path) -> bool:
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    return any((folder / f"_kernels{suffix}").is_file() for suffix in suffixes)


def _borrow() -> None:
    from akrt.errors import AkrtError
    from akrt.kernels.sources import digest

    for entry in sys.path:
        installed = Path(entry or ".", "akrt", "kernels").absolute()
        if installed != _HERE.absolute() and _compiled_in(installed):
            __path__.append(str(installed))
            try:
                made_of = importlib.import_module("akrt.kernels._kernels").SOURCES
            except (ImportError, AttributeError):
                made_of = ""
            if made_of == digest(_HERE.parent.parent):
                return
            __path__.remove(str(installed))
            sys.modules.pop("akrt.kernels._kernels", None)
            problem = f"the akrt installed in {installed.parent.parent} was made from other sources"
            break
    else:
        problem = "no akrt is installed whose kernels could serve"
    raise AkrtError(
        f"akrt is imported from its source tree {_HERE.parent.parent}, where the C kernels are not "
        f"compiled, and {problem}: run from another folder, install this tree with pip install ., "
        f"or compile it in place with python setup.py build_ext --inplace"
    )


if not _compiled_in(_HERE):
    _borrow()
