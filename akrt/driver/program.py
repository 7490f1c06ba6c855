"""The program of a network for a chip, as a file for firmware that owns the chip.

The bytes are those of the mapped sequence, as `akida.HardwareDevice.program` takes them. A manifest
of the same name says which device they are for and what goes in and out.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from akrt import modelfile
from akrt.driver.mapping import Mapping, map_model
from akrt.errors import BackendUnavailableError
from akrt.files import write_file
from akrt.model import Model

__all__ = ["Manifest", "write_program"]


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
    model: Model, device: Any, name: str, path: Path, mode: str = "minimal"
) -> tuple[Manifest, Path]:
    """Map a network in hardware and write its program and manifest.

    Args:
        model: the network.
        device: the `akida.Device` to map on.
        name: what to call it.
        path: the file of the bytes; the manifest's suffix is ``.json``.
        mode: one of `akrt.driver.mapping.MAP_MODES`; the default takes least room.

    Returns:
        The manifest and its path.

    Raises:
        UnsupportedLayerError, BackendUnavailableError: the network does not map in one sequence.
        OutputError: a file cannot be written.
    """
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
        model_sha256=modelfile.content_hash(model),
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
    beside = path.with_suffix(".json")
    write_file(path, program)
    write_file(beside, (json.dumps(manifest.as_dict(), indent=2) + "\n").encode())
    return manifest, beside
