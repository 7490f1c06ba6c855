"""Options that several verbs take."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["BackendOption", "DeviceOption", "FallbackOption", "JsonOption", "ModelOption"]

ModelOption = Annotated[
    str | None,
    typer.Option("--model", "-m", help="An .akrt, .h5 or .fbz file; default: the bundled one."),
]
BackendOption = Annotated[
    str, typer.Option("--backend", "-b", help="auto, nsoc, native, simulator or reference.")
]
DeviceOption = Annotated[
    str | None,
    typer.Option(help="Akida: index, PCI address, all, virtual:akd1000 or virtual:akd1500."),
]
FallbackOption = Annotated[
    str | None, typer.Option(help="Akida: the backend that goes on when the chip cannot.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
