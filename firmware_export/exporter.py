"""From a model to a directory of C."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from akrt import __version__
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.model import Model
from akrt.model.encoding import content_hash
from firmware_export import headers
from firmware_export.chip import ChipProgram, chip_files, read_chip_program
from firmware_export.earlier import Earlier
from firmware_export.folder import Contents, write_export
from firmware_export.identifiers import check_name, mend_name
from firmware_export.incremental import HopPlan
from firmware_export.lowered import OPTIMISE, Lowered, Optimise, check_exportable, lower
from firmware_export.manifest import MANIFEST, Entry
from firmware_export.packages import package_files
from firmware_export.report import memory_markdown, memory_report, stream_stack_bytes
from firmware_export.stream import check_spotter, hop_plan, stream_files, stream_memory
from firmware_export.stream_selftest import stream_selftest_files
from firmware_export.vectors import default_inputs, selftest_source, vectors_header

__all__ = ["ExportReport", "export"]


@dataclass(frozen=True)
class ExportReport:
    """What was written, and what it needs."""

    name: str
    directory: Path
    files: tuple[str, ...]
    """All of the export, those that were there already included."""
    memory: dict[str, Any]
    """Flash and RAM by layer, and the arena plan: what <name>_memory.json holds."""

    kept: tuple[str, ...] = ()
    """Options that were not given, and are those of the export that was there."""
    removed: tuple[str, ...] = ()
    """Files of the export that was there which this one does not have."""

    @property
    def arena_bytes(self) -> int:
        """RAM that the caller of ``<name>_run`` gives."""
        return int(self.memory["arena_bytes"])

    @property
    def constant_bytes(self) -> int:
        """Flash of all constants."""
        return int(self.memory["constant_bytes"])


def export(
    model: Model,
    directory: str | os.PathLike[str],
    name: str | None = None,
    vectors: npt.ArrayLike | None = None,
    program: str | os.PathLike[str] | ChipProgram | None = None,
    packages: Sequence[str] = (),
    stream: StreamSettings | None = None,
    optimise: Optimise | None = None,
    keep: bool = True,
    force: bool = False,
    incremental: bool | None = None,
) -> ExportReport:
    """Write `model` as portable C99.

    An export of the same name that is in `directory` is replaced. What it had and is not asked for
    now, a stream, packages, the chip's program, test vectors of the user's, is made again, or kept
    where model and version of akrt are the same. Other files are left alone.

    Args:
        model: any model; every layer type and shape exports.
        directory: is created where there is none.
        name: prefix of every C symbol and file; default: made from the model's name.
        vectors: (N, X, Y, C) of the input's type, uint8 in networks of Akida 1.0: inputs for the
            test vectors; default: noise and extremes.
        program: of an Akida chip, for this model: the file that ``akrt program`` wrote, its
            manifest beside it. It is embedded, and ``<name>_infer`` asks the board's driver hook
            first.
        packages: of `PACKAGES`: cmake, esp-idf, arduino, platformio, zephyr.
        stream: also write ``<name>_stream.h``: sound in, detected words out, decided by these
            settings.
        optimise: ``speed`` or ``ram``; default: that of the export that is there, else ``speed``.
        keep: what an export of this name that is in `directory` has and is not asked for now.
        force: overwrite files that akrt did not write or that were changed since, and drop the
            program and the test vectors of an earlier model.
        incremental: of a stream: keep the rows that consecutive windows share, where that pays,
            instead of computing every window whole. The words are the same; it takes fewer
            instructions and more RAM, which the memory report tells. Default: as the export that is
            replaced, or true.

    Raises:
        UsageError: a name that C cannot carry, an unknown package or `optimise`, a stream of a
            model that hears no sound, or files in the way that akrt did not write, or that were
            changed since.
        InputError: vectors of the wrong shape, dtype or range; a program that cannot be read, was
            altered, or is of another model.
        OutputError: the directory cannot be written.
    """
    chosen = mend_name(model.name) if name is None else check_name(name)
    inputs = None if vectors is None else model.check_input(vectors)
    if inputs is not None and not len(inputs):
        raise UsageError("an export needs at least one test vector")
    if stream is not None:
        check_spotter(model, stream)
    if program is not None and model.version == 2:
        raise UsageError(
            "a chip's program goes with networks of Akida 1.0 alone: export this one of Akida 2.0 "
            "without --program"
        )
    chip = None if program is None else read_chip_program(program, model)
    if optimise is not None and optimise not in OPTIMISE:
        raise UsageError(f"optimise must be {' or '.join(OPTIMISE)}, not '{optimise}'")
    model_sha256 = content_hash(model)
    check_exportable(model)

    def compose(before: Entry | None) -> _Composed:
        earlier = Earlier(Path(directory), chosen, before if keep else None, model_sha256, force)
        lowered = lower(model, chosen, earlier.optimise(optimise))
        return _compose(lowered, earlier, inputs, chip, packages, stream, incremental)

    written, removed = write_export(Path(directory), chosen, compose, force)
    return ExportReport(
        name=chosen,
        directory=Path(directory),
        files=(*written.files, MANIFEST),
        memory=written.memory,
        kept=written.kept,
        removed=removed,
    )


@dataclass(frozen=True)
class _Composed(Contents):
    memory: dict[str, Any]
    kept: tuple[str, ...]


def _compose(
    lowered: Lowered,
    earlier: Earlier,
    inputs: npt.NDArray[Any] | None,
    chip: ChipProgram | None,
    packages: Sequence[str],
    stream: StreamSettings | None,
    incremental: bool | None,
) -> _Composed:
    """All files, of what is asked for and what the earlier export had."""
    model = lowered.model
    settings = earlier.stream(stream, model)
    memory, hop = memory_report(lowered), None
    by_hops = settings is not None and earlier.incremental(incremental)
    if settings is not None:
        plan = hop_plan(lowered, settings)
        hop = plan if by_hops and plan.kept else None
        memory["stream"] = stream_memory(lowered, settings, by_hops)
        memory["stream"]["stack_bytes"] = stream_stack_bytes(lowered)
    kept_vectors = earlier.vectors() if inputs is None else None
    used = default_inputs(model) if inputs is None else inputs
    files = _texts(lowered, used, memory, hop) | (kept_vectors[0] if kept_vectors else {})
    facts = None
    if chip is not None:
        files |= chip_files(lowered, chip)
        facts = chip.facts
    elif (kept_program := earlier.program()) is not None:
        files |= kept_program[0]
        facts = kept_program[1]
    if settings is not None:
        files |= stream_files(lowered, settings, __version__, hop)
        files |= stream_selftest_files(lowered, settings)
    kinds = earlier.packages(packages)
    files |= package_files(lowered, kinds, tuple(files), __version__)
    entry = Entry(
        akrt_version=__version__,
        model_sha256=content_hash(model),
        layers=tuple((layer.name, layer.kind) for layer in model.layers),
        labels=model.labels,
        vectors=kept_vectors[1] if kept_vectors else len(used),
        given_vectors=inputs is not None or kept_vectors is not None,
        packages=kinds,
        stream=settings,
        optimise=lowered.optimise,
        incremental=by_hops,
        program=facts,
        files={},
    )
    return _Composed(files, entry, memory, tuple(earlier.kept))


def _texts(
    program: Lowered,
    inputs: npt.NDArray[Any],
    memory: dict[str, Any],
    hop: HopPlan | None,
) -> dict[str, str]:
    name, digest = program.name, content_hash(program.model)
    return {
        f"{name}.h": headers.api_header(program, digest, __version__, hop),
        f"{name}_weights.h": headers.weights_header(program),
        f"{name}_kernels.h": headers.kernels_header(program, __version__, hop),
        f"{name}.c": headers.source_file(program),
        f"{name}_vectors.h": vectors_header(program, inputs),
        f"{name}_selftest.c": selftest_source(program),
        f"{name}_memory.json": json.dumps(memory, indent=2) + "\n",
        f"{name}_memory.md": memory_markdown(memory),
    }
