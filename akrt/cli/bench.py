"""``akrt bench``: how fast a network runs here, and beside other runtimes."""

from __future__ import annotations

from typing import Annotated

import typer

from akrt.cli.options import JsonOption, ModelArgument
from akrt.cli.output import print_json, print_line, print_table
from akrt.errors import UsageError

__all__ = ["bench"]

QUIET = 0.95
"""Below this share of a core the figures say as much about other programs."""
AKIDA = ("simulator", "nsoc", "auto")


def bench(
    model: ModelArgument = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples of a batch; 1: no batches.")] = 256,
    seconds: Annotated[
        float, typer.Option(min=0.01, help="For each configuration and batch size.")
    ] = 1.0,
    arch: Annotated[
        list[str] | None, typer.Option(help="Kernel sets to time; default: all that run here.")
    ] = None,
    peers: Annotated[
        bool, typer.Option(help="Compare with the int8 runtimes of the extra 'bench'.")
    ] = True,
    also: Annotated[
        list[str] | None,
        typer.Option(help="Time another backend for one sample: reference, simulator, nsoc."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Time a network here: every kernel set, and other runtimes on the same network, in turns."""
    from akrt import benchmark
    from akrt.backends.native import choose_arch
    from akrt.loading import load
    from akrt.peers import PEERS
    from akrt.runtime import bundled_model

    others = also or []
    if as_json and set(others) & set(AKIDA):
        raise UsageError(
            "akida's licence keeps its figures from being published, so they are not written as "
            "JSON: leave out --json, or --also simulator and nsoc"
        )
    for name in arch or []:
        choose_arch(name)
    loaded = bundled_model() if model is None else load(model)
    found = benchmark.compare(
        loaded,
        archs=arch,
        against=tuple(PEERS) if peers else (),
        also=others,
        batch=batch,
        seconds=seconds,
    )
    about = benchmark.facts()
    if as_json:
        print_json({**about, "akida_version": loaded.version, **found.as_dict()})
        return
    first = {row.batch: row for row in reversed(found.rows) if row.threads == 1}
    rows = []
    for row in found.rows:
        beside = row.timing.median / first[row.batch].timing.median
        rows.append(
            [
                row.name,
                str(row.batch),
                str(row.threads),
                f"{row.timing.median:,.1f}",
                f"{row.timing.p90:,.1f}",
                f"{row.samples_per_s:,.0f}",
                f"{beside:.2f}",
            ]
        )
    columns = ["what", "batch", "threads", "median us", "p90 us", "samples/s", "x the first's time"]
    network = f"{found.model}, a network of Akida {loaded.version}.0"
    print_line(f"{network}: {found.macs:,} MACs a sample, on {about['cpu']}")
    print_table(columns, rows, numeric=(1, 2, 3, 4, 5, 6))
    for row in found.rows:
        if row.name in others:
            print_line(f"{row.name}: computed by {row.computed_by}")
    if found.cpu_share < QUIET:
        print_line(
            f"this process had its core for {found.cpu_share:.0%} of the time only: stop what else "
            "runs and time again"
        )
    for name, why in found.absent.items():
        print_line(f"{name}: {why}")
    if set(others) & set(AKIDA):
        print_line("akida's licence: its figures are for you and not for publication")
