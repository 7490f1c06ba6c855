"""The verbs of the ``akrt`` command; the module of a verb is loaded when that is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from akrt import __version__
from akrt.cli.option_names import tell_options

__all__ = ["app"]

VERBS = {
    "run": (
        "run:run",
        "Name the word in every recording, or what is in every picture, and how long it took.",
    ),
    "eval": (
        "evaluate:evaluate",
        "Accuracy and accuracy by class on a labelled folder; of detectors precision and recall.",
    ),
    "stream": (
        "stream:stream",
        "Name the words in a stream of sound, each with its time and score, until it ends.",
    ),
    "summary": (
        "models:summary",
        "Show a model's layers, shapes, bits, and what its input and outputs mean.",
    ),
    "convert": (
        "models:convert",
        "Convert a quantised model; labels and the meaning of the input travel with it.",
    ),
    "export": (
        "firmware:export",
        "Write a network as portable C99 with packed weights, test vectors and a memory report.",
    ),
    "verify": (
        "firmware:verify",
        "Compile an export, run everything in it, under QEMU where needed, and compare every "
        "layer.",
    ),
    "page": (
        "page:page",
        "Write a web page that names words of a recording or a microphone, in the browser.",
    ),
    "check": (
        "chips:check",
        "Say whether a model fits a chip: all violations at once, or a map as proof. Exit 0 or 3.",
    ),
    "program": (
        "chips:program",
        "Write the program that configures a chip for a model, for firmware that owns the chip.",
    ),
    "devices": (
        "devices:devices",
        "Show the Akida chips of this machine.",
    ),
    "doctor": (
        "devices:doctor",
        "Find out why no Akida chip can be used, and say what to do. Exit status 0 or 4.",
    ),
    "bench": (
        "bench:bench",
        "Time a network here: every kernel set, and other runtimes on the same network, in turns.",
    ),
    "kws": (
        "kws:app",
        "Keyword spotting: prepare, train, evaluate.",
    ),
}
"""Module in this package with the function or group of verbs in it, and its first sentence, so that
a list of the verbs loads none of them."""


class _Verbs(TyperGroup):
    def format_help(self, ctx: Any, formatter: Any) -> None:
        told = [TyperCommand(name, help=text) for name, (_, text) in VERBS.items()]
        listed = TyperGroup(
            name=self.name,
            commands={command.name or "": command for command in told},
            params=self.params,
            help=self.help,
            context_settings=self.context_settings,
            rich_markup_mode=self.rich_markup_mode,
        )
        listed.format_help(ctx, formatter)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name][0].partition(":")
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
