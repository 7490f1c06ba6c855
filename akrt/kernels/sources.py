"""What the extensions are compiled from, as one digest: setup.py puts it into them."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["digest"]


def digest(checkout: Path) -> str:
    """SHA-256, in hex, of the C and Cython sources of a checkout, and of what reads the headers."""
    found = hashlib.sha256()
    c_sources = (p for p in (checkout / "src_c").rglob("*") if p.suffix in (".c", ".h", ".inc"))
    kernels = checkout / "akrt" / "kernels"
    for path in sorted([*c_sources, *kernels.glob("*.pyx"), kernels / "headers.py"]):
        found.update(f"{path.relative_to(checkout).as_posix()}\0".encode())
        found.update(path.read_bytes() + b"\0")
    return found.hexdigest()
