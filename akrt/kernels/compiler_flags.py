"""How the extensions are compiled, by the kind of compiler: setup.py asks when it knows which."""

from __future__ import annotations

__all__ = ["compiler_flags"]


def compiler_flags(compiler_type: str, sanitizers: str = "") -> tuple[list[str], list[str]]:
    """Flags for compiling and for linking.

    Args:
        compiler_type: as setuptools names it: ``msvc``; ``unix``, ``mingw32`` and others take the
            flags of GCC.
        sanitizers: as GCC's ``-fsanitize=`` takes them; none where it is empty.

    Raises:
        ValueError: sanitizers that this compiler does not have.
    """
    if compiler_type == "msvc":
        if sanitizers not in ("", "address"):
            raise ValueError(f"MSVC has no sanitizers '{sanitizers}': 'address' is its only one")
        made = ["/Zi", "/O1", "/fsanitize=address"] if sanitizers else ["/O2"]
        return ["/std:c11", *made], []
    if sanitizers:
        flags = [f"-fsanitize={sanitizers}", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]
        return ["-std=c99", "-g", "-O1", *flags], flags
    return ["-std=c99", "-O3"], []
