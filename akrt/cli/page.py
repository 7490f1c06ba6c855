"""``akrt page``: a keyword spotter as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from akrt.cli.options import STREAM_DEFAULTS, ForceOption, JsonOption, stream_options
from akrt.cli.output import print_json, print_line
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.loading import load
from akrt.runtime import bundled_model

__all__ = ["page"]


@stream_options("threshold")
def page(
    model: Annotated[
        str | None, typer.Argument(help="An .akrt, .h5 or .fbz file; default: the bundled one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="HTML", help="The file to write.")
    ] = None,
    settings: StreamSettings = STREAM_DEFAULTS,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a web page that names words of a recording or a microphone, in the browser.

    The exported C is compiled to WebAssembly (clang and lld); the page needs no server.
    """
    from firmware_export import write_page

    if out is None:
        raise UsageError("name the file to write with -o FILE.html")
    network = bundled_model() if model is None else load(model)
    size = write_page(network, out, settings, force)
    if as_json:
        print_json({"file": str(out), "bytes": size})
        return
    print_line(f"{out}: {size:,} bytes; open it in a browser")
