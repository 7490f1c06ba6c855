"""The verbs of the ``akrt`` command."""

from __future__ import annotations

import typer

from akrt.cli import bench, chips, devices, evaluate, firmware, kws, models, page, run, stream

__all__ = ["app"]

app = typer.Typer(
    name="akrt",
    help="Run quantised convolutional networks with the same integers everywhere.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("eval")(evaluate.evaluate)
app.command("stream")(stream.stream)
app.command("summary")(models.summary)
app.command("convert")(models.convert)
app.command("export")(firmware.export)
app.command("verify")(firmware.verify)
app.command("page")(page.page)
app.command("check")(chips.check)
app.command("program")(chips.program)
app.command("devices")(devices.devices)
app.command("doctor")(devices.doctor)
app.command("bench")(bench.bench)
app.add_typer(kws.app, name="kws")


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        from akrt import __version__

        typer.echo(f"akrt {__version__}")
        raise typer.Exit
