"""Options that several verbs take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field, fields
from functools import wraps
from operator import getitem
from typing import Annotated, Any

import typer

from akrt.decision import StreamSettings

__all__ = [
    "STREAM_DEFAULTS",
    "BackendOption",
    "DeviceOption",
    "FallbackOption",
    "ForceOption",
    "JsonOption",
    "MapMode",
    "ModelArgument",
    "ModelOption",
    "given",
    "output_option",
    "stream_options",
]

Verb = Callable[..., None]

STREAM_DEFAULTS = StreamSettings()


def given(context: typer.Context, *names: str) -> bool:
    """Whether the user gave any of these options, be it with the value of its default."""
    sources = (context.get_parameter_source(name) for name in names)
    return any(source is not None and source.name == "COMMANDLINE" for source in sources)


def output_option(what: str, metavar: str | None = None) -> Any:
    """``--output`` and ``-o``; `what` a verb writes there, for its help."""
    return typer.Option("--output", "-o", help=what, metavar=metavar)


_MODEL_HELP = "An .akrt, .h5 or .fbz file; default: the bundled one."
ModelOption = Annotated[str | None, typer.Option("--model", "-m", help=_MODEL_HELP)]
ModelArgument = Annotated[str | None, typer.Argument(help=_MODEL_HELP)]
BackendOption = Annotated[
    str, typer.Option("--backend", "-b", help="auto, nsoc, native, simulator or reference.")
]
DeviceOption = Annotated[
    str | None,
    typer.Option(help="Akida: index, PCI address, all, virtual:akd1000, virtual:sixnodesipv2, ..."),
]
FallbackOption = Annotated[
    str | None, typer.Option(help="Akida: the backend that goes on when the chip cannot.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MapMode = Annotated[str, typer.Option("--map-mode", help="all_nps, hw_pr or minimal.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite what akrt did not write.")]

_STREAM_HELP = {
    "hop_ms": "Stream: between two inferences; a multiple of 20.",
    "window_ms": "Stream: time over which scores are averaged.",
    "min_count": "Stream: inferences before the first detection.",
    "threshold": "Stream: lead over the next best class that a word needs, in logits.",
    "refractory_ms": "Stream: pause after a detection.",
}


def stream_options(*names: str) -> Callable[[Verb], Verb]:
    """For a verb with a parameter ``settings``, a `StreamSettings`: fields of it become options.

    Args:
        names: of the fields; none: all. The defaults are those of `StreamSettings`.
    """

    def changed(verb: Verb) -> Verb:
        ours = [f for f in fields(StreamSettings) if not names or f.name in names]

        @wraps(verb)
        def run(**values: Any) -> None:
            settings = StreamSettings(**{field.name: values.pop(field.name) for field in ours})
            verb(**values, settings=settings)

        parameters: list[inspect.Parameter] = []
        # not get_type_hints: Python 3.10 hides Annotated in an Optional where the default is None
        for parameter in inspect.signature(verb, eval_str=True).parameters.values():
            if parameter.name == "settings":
                parameters += map(_stream_option, ours)
            else:
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return changed


def _stream_option(field: Field[Any]) -> inspect.Parameter:
    option = typer.Option(f"--{field.name.replace('_', '-')}", help=_STREAM_HELP[field.name])
    hint = getitem(Annotated, (type(field.default), option))
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(field.name, kind, default=field.default, annotation=hint)
