"""The C kernels of src_c/mcu, and the one header that holds those a network needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from akrt.errors import ModelFileError

__all__ = ["amalgamate", "read_kernel"]

_INCLUDE = re.compile(r'^#include "(akrt_[a-z0-9_]+)\.h"\n', re.MULTILINE)


def read_kernel(stem: str) -> str:
    """Source of ``src_c/mcu/<stem>.h``: installed as akrt/src_c, or beside akrt in a checkout.

    Raises:
        ModelFileError: the installation lacks it.
    """
    package = files("akrt")
    inside = package.joinpath("src_c", "mcu", f"{stem}.h")
    if inside.is_file():
        return inside.read_text(encoding="ascii")
    beside = Path(str(package)).parent / "src_c" / "mcu" / f"{stem}.h"
    try:
        return beside.read_text(encoding="ascii")
    except OSError:
        raise ModelFileError(
            f"the C source '{stem}.h' is not installed with akrt: install akrt again"
        ) from None


def amalgamate(stems: Iterable[str]) -> str:
    """The kernels `stems` and all they include, each once, in the order C needs.

    Every kernel keeps its own guard, so that headers of two exports can meet in one source file.
    """
    done: dict[str, str] = {}
    for stem in stems:
        _add(stem, done)
    return "\n".join(done.values())


def _add(stem: str, done: dict[str, str]) -> None:
    if stem in done:
        return
    source = read_kernel(stem)
    for needed in _INCLUDE.findall(source):
        _add(needed, done)
    done[stem] = _INCLUDE.sub("", source)
