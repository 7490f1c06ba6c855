"""``akrt devices`` and ``akrt doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from akrt.cli.options import JsonOption
from akrt.cli.output import print_json, print_line, print_table
from akrt.driver import discovery
from akrt.driver.discovery import DeviceInfo
from akrt.driver.doctor import diagnose
from akrt.driver.link import MOST_SECONDS
from akrt.errors import DeviceError

__all__ = ["devices", "doctor"]

Timeout = Annotated[
    float,
    typer.Option(min=0.1, max=MOST_SECONDS, help="Seconds that the chips may take to answer."),
]


def devices(timeout: Timeout = discovery.PROBE_SECONDS, as_json: JsonOption = False) -> None:
    """Show the Akida chips of this machine."""
    found = discovery.devices(seconds=timeout)
    if as_json:
        print_json({"devices": [info.as_dict() for info in found]})
        return
    if not found:
        print_line(f"no Akida devices; looked for {discovery.looked_for()}")
        print_line("'akrt doctor' says why; --device virtual:akd1000 simulates one")
        return
    columns = ["", "model", "address", "node", "driver", "version", "IP", "memory", "clock"]
    rows = [[*_row(info), info.problem or "usable"] for info in found]
    print_table([*columns, "program", "state"], rows)


def doctor(timeout: Timeout = discovery.PROBE_SECONDS, as_json: JsonOption = False) -> None:
    """Find out why no Akida chip can be used, and say what to do. Exit status 0 or 4."""
    diagnosis = diagnose(seconds=timeout)
    if as_json:
        print_json(diagnosis.as_dict())
    else:
        for info in diagnosis.devices:
            if info.usable:
                print_line(f"{info.model} at {info.name}: usable")
        for fact in diagnosis.in_order:
            print_line(f"in order: {fact}")
        for finding in diagnosis.findings:
            print_line(f"{finding.cause} ({finding.where}): {finding.problem}")
            print_line(f"    fix: {finding.fix}")
        if diagnosis.usable and not diagnosis.findings:
            print_line("nothing is wrong")
    if not diagnosis.usable:
        raise typer.Exit(DeviceError.exit_code)


def _row(info: DeviceInfo) -> list[str]:
    memory = "-" if info.memory is None else " / ".join(f"{n:,} B" for n in info.memory)
    program = "-"
    if info.program_bytes is not None:
        program = f"{info.program_bytes:,} B" if info.program_bytes else "none"
    if info.program_sha256:
        program += f" {info.program_sha256[:8]}"
    facts = [info.address, info.node, info.driver, info.hw_version, info.ip_version]
    clock = info.clock_mode or "-"
    return [str(info.index), info.model, *(f or "-" for f in facts), memory, clock, program]
