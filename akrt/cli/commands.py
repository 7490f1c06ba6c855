"""The verbs of the ``akrt`` command; the module of a verb is loaded when that is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from akrt import __version__
from akrt.cli.option_names import tell_options

__all__ = ["app"]

VERBS = {
    "run": "run:run",
    "eval": "evaluate:evaluate",
    "stream": "stream:stream",
    "summary": "models:summary",
    "convert": "models:convert",
    "export": "firmware:export",
    "verify": "firmware:verify",
    "page": "page:page",
    "check": "chips:check",
    "program": "chips:program",
    "devices": "devices:devices",
    "doctor": "devices:doctor",
    "bench": "bench:bench",
    "kws": "kws:app",
}
"""Module in this package, and the function or group of verbs in it."""


class _Verbs(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name].partition(":")
        verb = getattr(import_module(f"akrt.cli.{module}"), name)
        if isinstance(verb, typer.Typer):
            command: Any = typer.main.get_group(verb)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command()(verb)
            command = typer.main.get_command(alone)
        command.name = cmd_name
        return tell_options(command)


app = typer.Typer(
    name="akrt",
    cls=_Verbs,
    help="Run quantised convolutional networks with the same integers everywhere.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        typer.echo(f"akrt {__version__}")
        raise typer.Exit
