"""``akrt export`` and ``akrt verify``: networks as C for microcontrollers, proven."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from akrt.cli.output import print_json, print_line
from akrt.errors import InputError, UsageError
from akrt.loading import load
from akrt.runtime import bundled_model

__all__ = ["export", "verify"]


def export(
    model: Annotated[
        str | None, typer.Argument(help="An .akrt, .h5 or .fbz file; default: the bundled one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="The folder to write.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Prefix of every C symbol; default: the model's name.")
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option(help="uint8 .npy (N, X, Y, C): inputs of the test vectors.")
    ] = None,
    program: Annotated[
        Path | None,
        typer.Option(help="An Akida program to embed; <name>_infer then asks a chip first."),
    ] = None,
    pkg: Annotated[
        str, typer.Option(help="Also write packages: cmake, arduino, platformio, zephyr.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a network as portable C99 with packed weights, test vectors and a memory report."""
    from firmware_export import export as write

    if out is None:
        raise UsageError("name the folder to write with -o DIR")
    report = write(
        bundled_model() if model is None else load(model),
        out,
        name=name,
        vectors=None if vectors is None else _array(vectors),
        program=None if program is None else _bytes(program),
        packages=[kind.strip() for kind in pkg.split(",") if kind.strip()],
    )
    if as_json:
        print_json({"directory": str(out), "files": list(report.files), "memory": report.memory})
        return
    print_line(f"{out}: {len(report.files)} files, symbols start with {report.name}_")
    print_line(f"constants {report.constant_bytes:,} bytes of flash")
    print_line(f"arena     {report.arena_bytes:,} bytes of RAM")
    print_line(f"next      akrt verify {out}")


def verify(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What akrt export wrote.")],
    target: Annotated[
        str,
        typer.Option(help="host, cortex-m0, m3, m4, m7, m33, m55, rv32, host-32 or big-endian."),
    ] = "host",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compile an export, run its test vectors, under QEMU where needed, and compare every layer."""
    from firmware_export.verify import verify as check

    passed = check(directory, target)
    facts = {
        "name": passed.name,
        "target": passed.target,
        "vectors": passed.vectors,
        "layers": passed.layers,
    }
    if as_json:
        print_json(facts)
        return
    print_line(
        f"{passed.name} on {passed.target}: {passed.vectors} vectors, every layer as expected"
    )


def _array(path: Path) -> npt.NDArray[np.uint8]:
    try:
        array: npt.NDArray[np.uint8] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"cannot read the array '{path}': {error}") from None
    return array


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from None
