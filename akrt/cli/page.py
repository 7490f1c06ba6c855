"""``akrt page``: a keyword spotter as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from akrt.cli.options import (
    STREAM_DEFAULTS,
    ForceOption,
    JsonOption,
    ModelArgument,
    output_option,
    stream_options,
)
from akrt.cli.output import print_json, print_line
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.loading import load
from akrt.runtime import bundled_model

__all__ = ["page"]


@stream_options("threshold")
def page(
    model: ModelArgument = None,
    output: Annotated[Path | None, output_option("The file to write.", "HTML")] = None,
    settings: StreamSettings = STREAM_DEFAULTS,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a web page that names words of a recording or a microphone, in the browser.

    The exported C is compiled to WebAssembly (clang and lld); the page needs no server.
    """
    from firmware_export import write_page

    if output is None:
        raise UsageError("name the file to write with -o FILE.html")
    network = bundled_model() if model is None else load(model)
    size = write_page(network, output, settings, force)
    if as_json:
        print_json({"file": str(output), "bytes": size})
        return
    print_line(f"{output}: {size:,} bytes; open it in a browser")
