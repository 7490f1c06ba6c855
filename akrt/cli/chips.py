"""``akrt check`` and ``akrt program``: a network and a chip, without the chip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from akrt.cli.options import ForceOption, JsonOption, MapMode, ModelArgument, given, output_option
from akrt.cli.output import print_json, print_line, print_table
from akrt.driver.check import CheckReport
from akrt.driver.check import check as check_model
from akrt.driver.chips import CHIP_NAMES
from akrt.driver.mapping import VIRTUAL, Mapping
from akrt.driver.program import write_program
from akrt.driver.target import mapping_target
from akrt.errors import UnsupportedLayerError, UsageError
from akrt.loading import load
from akrt.model import Model
from akrt.runtime import bundled_model

if TYPE_CHECKING:
    from firmware_export.budget import BudgetReport
    from firmware_export.estimate import Cost

__all__ = ["check", "print_mapping", "program"]

TARGETS = {name.lower(): name for name in CHIP_NAMES}
MCU = "mcu"


def check(
    context: typer.Context,
    model: ModelArgument = None,
    target: Annotated[str, typer.Option(help=f"{', '.join(TARGETS)} or {MCU}.")] = "akd1000",
    map_mode: MapMode = "all_nps",
    flash: Annotated[
        int | None, typer.Option(help=f"{MCU}: bytes for constants and code.", min=0)
    ] = None,
    ram: Annotated[int | None, typer.Option(help=f"{MCU}: bytes for the arena.", min=0)] = None,
    core: Annotated[str, typer.Option(help=f"{MCU}: whose instructions and code.")] = "m4",
    as_json: JsonOption = False,
) -> None:
    """Say whether a model fits a chip: all violations at once, or a map as proof. Exit 0 or 3."""
    if target.lower() not in (*TARGETS, MCU):
        raise UsageError(f"--target must be {', '.join(TARGETS)} or {MCU}, got '{target}'")
    if target.lower() != MCU and (flash, ram) != (None, None):
        raise UsageError(f"--flash and --ram are budgets of --target {MCU}")
    if target.lower() != MCU and given(context, "core"):
        raise UsageError(f"--core is an option of --target {MCU}")
    if target.lower() == MCU and given(context, "map_mode"):
        raise UsageError(f"--map-mode is how a chip is filled: --target {MCU} has none")
    loaded = bundled_model() if model is None else load(model)
    if target.lower() == MCU:
        _check_firmware(loaded, flash, ram, core, as_json)
        return
    report = check_model(loaded, TARGETS[target.lower()], map_mode)
    if as_json:
        print_json({"model": loaded.name, "akida_version": loaded.version, **report.as_dict()})
    else:
        _print_report(loaded.name, loaded.version, report)
    if not report.fits:
        raise typer.Exit(UnsupportedLayerError.exit_code)


def program(
    model: ModelArgument = None,
    device: Annotated[
        str, typer.Option(help=f"{', '.join(VIRTUAL)}, an index or a PCI address.")
    ] = "virtual:akd1000",
    output: Annotated[Path, output_option("The program; its manifest is NAME.json.")] = Path(
        "program.bin"
    ),
    map_mode: MapMode = "minimal",
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the program that configures a chip for a model, for firmware that owns the chip."""
    if output.suffix == ".json":
        raise UsageError(f"the manifest takes the suffix .json: choose another for '{output}'")
    loaded = bundled_model() if model is None else load(model)
    akida_device, name = mapping_target(device)
    manifest, beside = write_program(loaded, akida_device, name, output, map_mode, force)
    if as_json:
        print_json(manifest.as_dict())
        return
    print_line(f"{output}: {manifest.bytes:,} bytes for {manifest.device} ({manifest.hw_version})")
    print_line(f"{beside}: SHA-256 {manifest.sha256}")


def print_mapping(mapping: Mapping) -> None:
    """A mapping as tables."""
    where = "in hardware" if mapping.in_hardware else "in hardware and software"
    print_line("")
    print_line(f"{mapping.device}, map mode {mapping.mode}: {where}")
    rows = []
    for layer in mapping.layers:
        processors = " + ".join(f"{n} {kind}" for kind, n in layer.counts.items())
        external = f"{layer.external_bytes:,} B" if layer.external_bytes else "-"
        place = [str(layer.sequence), str(layer.run)]
        rows.append([layer.name, layer.kind, *place, processors or "-", external])
    columns = ["layer", "type", "sequence", "pass", "processors", "external memory"]
    print_table(columns, rows, numeric=(2, 3))
    for i, s in enumerate(mapping.sequences):
        size = f", program {s.program_bytes:,} bytes" if s.program_bytes else ""
        print_line(f"sequence {i}  {s.name} ({s.backend}), passes {s.passes}{size}")
    total = ", ".join(f"{n} {kind}" for kind, n in mapping.counts.items()) or "none"
    print_line(f"processors  {total}; external memory {mapping.external_bytes:,} bytes")


def _check_firmware(
    model: Model, flash: int | None, ram: int | None, core: str, as_json: bool
) -> None:
    """How a model would be exported for microcontrollers, and what it would cost."""
    from firmware_export.budget import budget

    report = budget(model, flash, ram, core)
    if as_json:
        print_json({"model": model.name, **report.as_dict()})
    else:
        _print_firmware(report)
        if report.violations:
            broken = [[v.layer, v.kind, v.rule, v.limit, v.value] for v in report.violations]
            print_line("")
            print_table(["layer", "type", "property", "must be", "is"], broken)
            print_line(f"{model.name} exceeds the budget: {len(broken)} violations")
        else:
            print_line(f"{model.name} exports")
    if not report.fits:
        raise typer.Exit(UnsupportedLayerError.exit_code)


def _print_firmware(report: BudgetReport) -> None:
    """By layer on one core, and by core."""
    rows = [
        [
            layer.name,
            layer.kind,
            ", ".join(layer.kernels) or "-",
            "; ".join((layer.path, *layer.general_because)),
            f"{layer.flash_bytes:,}",
            f"{layer.ram_bytes:,}",
            *_instructions(layer.instructions.get(report.core)),
        ]
        for layer in report.layers
    ]
    columns = ["layer", "type", "kernels", "path", "flash", "RAM"]
    columns += [f"instructions, {report.core}", "at most"]
    print_table(columns, rows, numeric=(4, 5, 6, 7))
    for layer in report.layers:
        if layer.path != "general" or not layer.instructions:
            continue
        taken = layer.instructions[report.core].typical
        if layer.fast_instructions:
            times = taken / max(layer.fast_instructions[report.core], 1)
            told = f"{times:.1f} times those of a fast kernel for 4 bits"
        else:
            told = "and there is no fast kernel for it"
        print_line(f"{layer.name} takes a general kernel: {taken:,} instructions, {told}")
    print_line("")
    if report.state_bytes:
        print_line(f"state {report.state_bytes:,} bytes of RAM: what it remembers")
    if not report.cores:
        print_line(
            f"constants {report.constant_bytes:,} bytes of flash, arena {report.arena_bytes:,} "
            f"bytes of RAM"
        )
        print_line(
            "instructions, code and stack are not estimated: not all of its kernels were measured"
        )
        return
    of_cores = [
        [
            name,
            f"{cost.instructions.typical:,}",
            f"{cost.instructions.worst:,}",
            f"{cost.code_bytes:,}",
            f"{report.constant_bytes:,}",
            f"{cost.flash_bytes:,}",
            f"{report.arena_bytes:,}",
            f"{cost.stack_bytes:,}",
        ]
        for name, cost in report.cores.items()
    ]
    columns = ["core", "instructions", "at most", "code", "constants", "flash", "arena", "stack"]
    print_table(columns, of_cores, numeric=range(1, 8))
    print_line(
        "instructions of one inference, which are not cycles, and code are estimates from rates "
        "measured kernel by kernel; bytes"
    )


def _instructions(cost: Cost | None) -> tuple[str, str]:
    """Typical and at most; nothing was measured where there is no cost."""
    return ("-", "-") if cost is None else (f"{cost.typical:,}", f"{cost.worst:,}")


def _print_report(name: str, version: int, report: CheckReport) -> None:
    name = f"{name}, a network of Akida {version}.0,"
    chip = f"{'an' if report.chip.startswith('AKD') else 'a'} {report.chip}"
    rows = [[v.layer, v.kind, v.rule, v.limit, v.value] for v in report.violations]
    if rows:
        print_table(["layer", "type", "property", "must be", "is"], rows)
        print_line(f"{name} does not fit {chip}: {len(rows)} violations")
    elif report.mapping is None:
        print_line(f"{name} breaks no limit of {chip}; not proven: {report.unproven}")
    else:
        print_line(f"{name} fits {chip}; akida's mapper proves it:")
        print_mapping(report.mapping)
    if report.beyond_20_bits:
        print_line(
            f"potentials of {', '.join(report.beyond_20_bits)} may leave the chip's 20-bit range, "
            f"where it is not guaranteed to agree with software"
        )
