"""Options that several verbs take."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "BackendOption",
    "DeviceOption",
    "FallbackOption",
    "ForceOption",
    "HopOption",
    "JsonOption",
    "MapMode",
    "MinCountOption",
    "ModelOption",
    "RefractoryOption",
    "ThresholdOption",
    "WindowOption",
    "given",
]


def given(context: typer.Context, *names: str) -> bool:
    """Whether the user gave any of these options, be it with the value of its default."""
    sources = (context.get_parameter_source(name) for name in names)
    return any(source is not None and source.name == "COMMANDLINE" for source in sources)


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
MapMode = Annotated[str, typer.Option("--map-mode", help="all_nps, hw_pr or minimal.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite what akrt did not write.")]

# of `akrt.decision.StreamSettings`
HopOption = Annotated[
    int, typer.Option("--hop-ms", help="Stream: between two inferences; a multiple of 20.")
]
WindowOption = Annotated[
    int, typer.Option("--window-ms", help="Stream: time over which scores are averaged.")
]
MinCountOption = Annotated[
    int, typer.Option("--min-count", help="Stream: inferences before the first detection.")
]
ThresholdOption = Annotated[
    float,
    typer.Option(
        "--threshold", help="Stream: lead over the next best class that a word needs, in logits."
    ),
]
RefractoryOption = Annotated[
    int, typer.Option("--refractory-ms", help="Stream: pause after a detection.")
]
