"""Outputs that mean nothing but themselves."""

from __future__ import annotations

from typing import ClassVar

from akrt.outputs.base import Output

__all__ = ["Raw"]


class Raw(Output):
    """What `Runtime.forward` gives is what is told."""

    kind: ClassVar[str] = "raw"
