"""From a model to a directory of C."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt import __version__
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.model import Model
from akrt.modelfile import content_hash
from firmware_export import headers
from firmware_export.chip import chip_files
from firmware_export.identifiers import check_name, mend_name
from firmware_export.packages import package_files
from firmware_export.program import Program, lower
from firmware_export.report import memory_markdown, memory_report
from firmware_export.stream import stream_files, stream_memory
from firmware_export.vectors import default_inputs, selftest_source, vectors_header

__all__ = ["ExportReport", "export", "write_directory"]

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ExportReport:
    """What was written, and what it needs."""

    name: str
    directory: Path
    files: tuple[str, ...]
    memory: dict[str, Any]
    """Flash and RAM by layer, and the arena plan: what <name>_memory.json holds."""

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
    program: bytes | None = None,
    packages: Sequence[str] = (),
    stream: StreamSettings | None = None,
) -> ExportReport:
    """Write `model` as portable C99.

    Args:
        model: any model; every layer type and shape exports.
        directory: is created; an earlier export there is replaced, anything else is refused.
        name: prefix of every C symbol and file; default: made from the model's name.
        vectors: uint8 (N, X, Y, C) inputs for the test vectors; default: noise and extremes.
        program: of an Akida chip, for this model; it is embedded, and ``<name>_infer`` asks the
            board's driver hook first.
        packages: of `PACKAGES`: cmake, esp-idf, arduino, platformio, zephyr.
        stream: also write ``<name>_stream.h``: sound in, detected words out, decided by these
            settings.

    Raises:
        UsageError: a name that C cannot carry, an unknown package, an empty program, a stream of
            a model that hears no sound, or a directory that holds something else.
        InputError: vectors of the wrong shape, dtype or range.
    """
    chosen = mend_name(model.name) if name is None else check_name(name)
    inputs = default_inputs(model) if vectors is None else model.check_input(vectors)
    if not len(inputs):
        raise UsageError("an export needs at least one test vector")
    lowered = lower(model, chosen)
    memory = memory_report(lowered)
    if stream is not None:
        memory["stream"] = stream_memory(lowered, stream)
    files = _texts(lowered, inputs, memory)
    if program is not None:
        files |= chip_files(lowered, program)
    if stream is not None:
        files |= stream_files(lowered, stream, __version__)
    files |= package_files(lowered, packages, tuple(files), __version__)
    files[MANIFEST] = _manifest(lowered, len(inputs), files)
    write_directory(Path(directory), files)
    return ExportReport(chosen, Path(directory), tuple(files), memory)


def _texts(
    program: Program, inputs: npt.NDArray[np.uint8], memory: dict[str, Any]
) -> dict[str, str]:
    name, digest = program.name, content_hash(program.model)
    return {
        f"{name}.h": headers.api_header(program, digest, __version__),
        f"{name}_weights.h": headers.weights_header(program),
        f"{name}_kernels.h": headers.kernels_header(program, __version__),
        f"{name}.c": headers.source_file(program),
        f"{name}_vectors.h": vectors_header(program, inputs),
        f"{name}_selftest.c": selftest_source(program),
        f"{name}_memory.json": json.dumps(memory, indent=2) + "\n",
        f"{name}_memory.md": memory_markdown(memory),
    }


def _manifest(program: Program, vectors: int, files: Mapping[str, str]) -> str:
    manifest = {
        "format_version": headers.FORMAT_VERSION,
        "akrt_version": __version__,
        "name": program.name,
        "model_sha256": content_hash(program.model),
        "layers": [{"name": layer.name, "type": layer.kind} for layer in program.model.layers],
        "vectors": vectors,
        "files": {
            file: hashlib.sha256(text.encode()).hexdigest() for file, text in sorted(files.items())
        },
    }
    return json.dumps(manifest, indent=2) + "\n"


def write_directory(directory: Path, files: Mapping[str, str]) -> None:
    """Write `files` to a new directory, then rename it into place.

    Raises:
        UsageError: `directory` exists and is no earlier export, or cannot be written.
    """
    if directory.exists() and not _replaceable(directory):
        raise UsageError(
            f"'{directory}' exists and is not an export of akrt: choose another directory"
        )
    target = Path(os.path.abspath(directory))
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:64]}."))
        for file, text in files.items():
            path = temporary / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        _swap(temporary, target)
    except OSError as error:
        raise UsageError(f"cannot write '{directory}': {error.strerror or error}") from None
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary)


def _swap(new: Path, target: Path) -> None:
    """`new` takes the place of `target`; what was there is deleted afterwards."""
    if not target.exists():
        new.rename(target)
        return
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:64]}."))
    target.rename(old / "old")
    new.rename(target)
    shutil.rmtree(old)


def _replaceable(directory: Path) -> bool:
    if not directory.is_dir():
        return False
    return not any(directory.iterdir()) or (directory / MANIFEST).is_file()
