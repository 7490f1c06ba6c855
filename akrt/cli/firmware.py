"""``akrt export`` and ``akrt verify``: networks as C for microcontrollers, proven."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from akrt.cli.options import (
    STREAM_DEFAULTS,
    ForceOption,
    JsonOption,
    ModelArgument,
    given,
    output_option,
    stream_options,
)
from akrt.cli.output import print_json, print_line
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.files import read_array
from akrt.loading import load
from akrt.runtime import bundled_model

if TYPE_CHECKING:
    from firmware_export.lowered import Optimise

__all__ = ["export", "verify"]


@stream_options()
def export(
    context: typer.Context,
    model: ModelArgument = None,
    output: Annotated[Path | None, output_option("The folder to write.", "DIR")] = None,
    name: Annotated[
        str | None, typer.Option(help="Prefix of every C symbol; default: the model's name.")
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option(help="uint8 .npy (N, X, Y, C): inputs of the test vectors.")
    ] = None,
    program: Annotated[
        Path | None,
        typer.Option(
            help="What akrt program wrote for this network, to embed; <name>_infer then asks a "
            "chip first."
        ),
    ] = None,
    pkg: Annotated[
        list[str] | None,
        typer.Option(help="Also write packages: cmake, esp-idf, arduino, platformio, zephyr."),
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Also write <name>_stream.h: sound in, words out.")
    ] = False,
    settings: StreamSettings = STREAM_DEFAULTS,
    optimise: Annotated[
        str | None,
        typer.Option(help="speed or ram: what matters more where both cannot be had."),
    ] = None,
    incremental: Annotated[
        bool | None,
        typer.Option(
            "--incremental/--whole",
            help="Of a stream: keep rows that consecutive windows share, where that pays, or "
            "compute every window whole: the same words, more instructions, less RAM. Default: "
            "--incremental, or as the export that is replaced.",
        ),
    ] = None,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew", help="Keep no options of an export of this name that is in the folder."
        ),
    ] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a network as portable C99 with packed weights, test vectors and a memory report.

    An export of the same name in DIR is replaced and keeps its stream, packages, program and
    vectors. Other files in DIR stay as they are.
    """
    from firmware_export import export as write
    from firmware_export.hop_report import hop_share
    from firmware_export.packages import PACKAGES

    if output is None:
        raise UsageError("name the folder to write with -o DIR")
    if not stream and given(context, *vars(settings), "incremental"):
        raise UsageError("settings of a stream were given without --stream")
    packages = [kind.strip() for kind in ",".join(pkg or ()).split(",") if kind.strip()]
    if pkg and not packages:
        raise UsageError(f"--pkg names no package: choose from {', '.join(PACKAGES)}")
    report = write(
        bundled_model() if model is None else load(model),
        output,
        name=name,
        vectors=None if vectors is None else read_array(vectors),
        program=program,
        packages=packages,
        stream=settings if stream else None,
        optimise=None if optimise is None else _optimise(optimise),
        keep=not anew,
        force=force,
        incremental=incremental,
    )
    if as_json:
        print_json(
            {
                "directory": str(output),
                "files": list(report.files),
                "kept_options": list(report.kept),
                "removed": list(report.removed),
                "memory": report.memory,
            }
        )
        return
    print_line(f"{output}: {len(report.files)} files, symbols start with {report.name}_")
    print_line(f"constants {report.constant_bytes:,} bytes of flash")
    print_line(f"arena     {report.arena_bytes:,} bytes of RAM")
    if report.memory["state_bytes"]:
        print_line(f"state     {report.memory['state_bytes']:,} bytes of RAM, what it remembers")
    if "stream" in report.memory:
        spotter = report.memory["stream"]
        print_line(f"spotter   {spotter['ram_bytes']:,} bytes of RAM from sound to words, arena")
        print_line(f"          included, and {spotter['constant_bytes']:,} more bytes of flash")
        if spotter["hop"]["incremental"]:
            hop = spotter["hop"]
            print_line(f"a hop     {hop_share(hop)} % of the multiplications of a whole window;")
            print_line(f"          with --whole {hop['whole_ram_bytes']:,} bytes of RAM")
    if report.kept:
        print_line(f"kept      {' '.join(report.kept)}, of the export that was there")
    if report.removed:
        print_line(f"removed   {', '.join(report.removed)}: no part of this export")
    print_line(f"next      akrt verify {output}")


def _optimise(asked: str) -> Optimise:
    from firmware_export.lowered import OPTIMISE

    for known in OPTIMISE:
        if asked == known:
            return known
    raise UsageError(f"--optimise must be {' or '.join(OPTIMISE)}, got '{asked}'")


def verify(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What akrt export wrote.")],
    target: Annotated[
        str,
        typer.Option(
            help="host, cortex-m0, m3, m4, m7, m33, m55, rv32, avr, host-32 or big-endian."
        ),
    ] = "host",
    name: Annotated[
        str | None, typer.Option(help="One export of the folder; default: all that are in it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compile an export, run everything in it, under QEMU where needed, and compare every layer.

    Exit 5 where a result differs, or a file was changed since the export.
    """
    from firmware_export.verify import verify as check
    from firmware_export.verify import verify_all

    passed = verify_all(directory, target) if name is None else (check(directory, target, name),)
    if as_json:
        facts = [asdict(one) for one in passed]
        print_json(facts[0] if len(facts) == 1 else {"exports": facts})
        return
    for one in passed:
        also = ", ".join(part for part in one.parts if part != "network")
        print_line(
            f"{one.name} on {one.target}: {one.vectors} vectors, every layer as expected"
            f"{f'; {also} too' if also else ''}"
        )
