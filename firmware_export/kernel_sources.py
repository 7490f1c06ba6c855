"""The C kernels of src_c/mcu, and the one header that holds those a network needs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from akrt.errors import ModelFileError

__all__ = ["amalgamate", "read_kernel", "same_version"]

_INCLUDE = re.compile(r'^#include "(akrt_[a-z0-9_]+)\.h"\n', re.MULTILINE)


def read_kernel(stem: str) -> str:
    """Source of ``src_c/mcu/<stem>.h``: installed as akrt/src_c, or beside akrt in a checkout.

    Raises:
        ModelFileError: the installation lacks it.
    """
    try:
        return _folder().joinpath(f"{stem}.h").read_text(encoding="ascii")
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


def same_version(alone: str, stems: Iterable[str] = (), subject: str = "KERNELS") -> str:
    """A test of the preprocessor that what shares names in one source file is the same text.

    Args:
        alone: the file that the message says to compile by itself.
        stems: the kernels that are shared; default: all of akrt's.
        subject: tail of the macro that holds their hash.
    """
    chosen = sorted(stems) or sorted(path.stem for path in _folder().glob("*.h"))
    digest = hashlib.sha256("".join(map(read_kernel, chosen)).encode()).hexdigest()[:8]
    macro = f"AKRT_{subject}_ID"
    return f"""\
#if !defined({macro})
#define {macro} 0x{digest}
#elif {macro} != 0x{digest}
#error "Exports of two versions of akrt meet in one source file: compile {alone} by itself."
#endif
"""


def _folder() -> Path:
    package = Path(str(files("akrt")))
    inside = package / "src_c" / "mcu"
    return inside if inside.is_dir() else package.parent / "src_c" / "mcu"


def _add(stem: str, done: dict[str, str]) -> None:
    if stem in done:
        return
    source = read_kernel(stem)
    for needed in _INCLUDE.findall(source):
        _add(needed, done)
    done[stem] = _INCLUDE.sub("", source)
