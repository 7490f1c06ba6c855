"""The program of a network for a chip, as a file for firmware that owns the chip.

The bytes are those of the mapped sequence, as `akida.HardwareDevice.program` takes them. A manifest
of the same name, with ``.json`` appended, says which device they are for and what goes in and out.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from akrt.driver.mapping import Mapping, map_model
from akrt.errors import BackendUnavailableError, InputError
from akrt.files import check_replaceable, read_bytes, write_files
from akrt.model import Model, encoding

__all__ = ["Manifest", "write_program"]

_MOST_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a firmware must know of a program."""

    format: int
    program: str
    """Name of the file with the bytes, beside the manifest."""
    bytes: int
    sha256: str
    device: str
    """The device it was mapped on."""
    hw_version: str
    map_mode: str
    processors: dict[str, int]
    passes: int
    model: str
    model_sha256: str
    """Content hash of the model, as `akrt summary` shows it."""
    input_shape: list[int]
    """(X, Y, C)."""
    input_bits: int
    output_shape: list[int]
    output_dtype: str
    """``int32`` potentials, or ``uint8`` activations."""
    labels: list[str] | None
    memory: dict[str, int]
    """Bytes that the host needs for inputs, outputs and the program, as akida tells them."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return asdict(self)


def write_program(
    model: Model,
    device: Any,
    name: str,
    path: Path,
    mode: str = "minimal",
    force: bool = False,
) -> tuple[Manifest, Path]:
    """Map a network in hardware and write its program and manifest.

    Args:
        model: the network.
        device: the `akida.Device` to map on.
        name: what to call it.
        path: the file of the bytes; the manifest of ``X.bin`` is ``X.bin.json``.
        mode: one of `akrt.driver.mapping.MAP_MODES`; the default takes least room.
        force: overwrite files that akrt did not write.

    Returns:
        The manifest and its path.

    Raises:
        UnsupportedLayerError, BackendUnavailableError: the network does not map in one sequence.
        UsageError: there are files of these names that akrt did not write, or that were changed.
        OutputError: a file cannot be written, or is a folder, a pipe or a device.
    """
    check_replaceable(path, lambda data: _is_program(data, path), force)
    beside = path.with_name(f"{path.name}.json")
    check_replaceable(beside, _is_manifest, force)
    mapping: Mapping = map_model(model, device, name, mode)
    if not mapping.in_hardware or len(mapping.programs) != 1:
        raise BackendUnavailableError(
            f"{name} would need {len(mapping.sequences)} sequences for '{model.name}': firmware "
            f"runs one"
        )
    program = mapping.programs[0]
    memory = importlib.import_module("akida").get_program_memory_infos(program)
    manifest = Manifest(
        format=1,
        program=path.name,
        bytes=len(program),
        sha256=hashlib.sha256(program).hexdigest(),
        device=name,
        hw_version=str(device.version),
        map_mode=mode,
        processors=mapping.counts,
        passes=mapping.sequences[0].passes,
        model=model.name,
        model_sha256=encoding.content_hash(model),
        input_shape=list(model.input_shape),
        input_bits=model.input_bits,
        output_shape=list(model.output_shape),
        output_dtype=np.dtype(model.output_dtype).name,
        labels=None if model.labels is None else list(model.labels),
        memory={
            field: int(getattr(memory, f"{field}_memory"))
            for field in (
                "input",
                "input_descriptor",
                "output",
                "program",
                "extra_program",
                "program_descriptors",
            )
        },
    )
    text = json.dumps(manifest.as_dict(), indent=2) + "\n"
    places = [Path(os.path.realpath(place)) for place in (path, beside)]
    write_files(dict(zip(places, (program, text.encode()), strict=True)))
    return manifest, beside


def _is_program(data: bytes, path: Path) -> bool:
    """Whether a manifest beside `path` names these bytes, by today's name or the one before."""
    digest = hashlib.sha256(data).hexdigest()
    for beside in (path.with_name(f"{path.name}.json"), path.with_suffix(".json")):
        with contextlib.suppress(InputError):
            facts = _facts(read_bytes(beside, _MOST_MANIFEST_BYTES))
            if facts.get("sha256") == digest:
                return True
    return False


def _is_manifest(data: bytes) -> bool:
    facts = _facts(data)
    return set(facts) == {field.name for field in fields(Manifest)} and facts["format"] == 1


def _facts(data: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
