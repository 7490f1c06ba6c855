"""Compiles an export, runs its vectors, and names the first layer that differs."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akrt.errors import MismatchError, ModelFileError
from firmware_export.exporter import MANIFEST
from firmware_export.targets import find_target
from firmware_export.toolchain import compile_program, run_program

__all__ = ["Verification", "verify"]

_MESSAGES = {
    251: "an output differs although every layer agreed",
    252: "the class differs although every output agreed",
    253: "the program refused a vector",
    254: "memory outside the arena was written",
    255: "the processor faulted",
}


@dataclass(frozen=True)
class Verification:
    """A passed verification."""

    name: str
    target: str
    vectors: int
    layers: int


def verify(directory: str | os.PathLike[str], target: str = "host") -> Verification:
    """Compile the export in `directory` for `target` and run its self-test there.

    Raises:
        MismatchError: a result differs; the message names the first layer.
        ModelFileError: `directory` holds no whole export.
        UsageError: unknown target, or the compiler or emulator is not installed.
    """
    machine = find_target(target)
    folder = Path(directory)
    manifest = read_manifest(folder)
    name = manifest["name"]
    with tempfile.TemporaryDirectory() as temporary:
        program = Path(temporary) / "selftest.elf"
        options = ("-O2", f"-D{name.upper()}_SELFTEST_MAIN")
        compile_program(machine, [folder / f"{name}_selftest.c"], program, options)
        status = run_program(machine, program)
    if status:
        raise MismatchError(f"'{folder}' on {machine.name}: {_meaning(status, manifest)}")
    return Verification(name, machine.name, manifest["vectors"], len(manifest["layers"]))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an export whose files are all there and unaltered.

    Raises:
        ModelFileError: they are not.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        hashes = dict(manifest["files"])
        _ = manifest["name"], manifest["vectors"], manifest["layers"]
    except OSError:
        raise ModelFileError(
            f"'{folder}' holds no export: it has no {MANIFEST}; make one with akrt export"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ModelFileError(f"'{folder / MANIFEST}' is damaged: export again") from None
    for file, digest in hashes.items():
        try:
            data = (folder / file).read_bytes()
        except OSError as error:
            raise ModelFileError(
                f"cannot read '{folder / file}': {error.strerror or error}; export again"
            ) from None
        if hashlib.sha256(data).hexdigest() != digest and not file.endswith("_selftest.c"):
            manifest.setdefault("altered", []).append(file)
    return manifest


def _meaning(status: int, manifest: dict[str, Any]) -> str:
    layers = manifest["layers"]
    text = _MESSAGES.get(status, f"the program ended with status {status}")
    if 1 <= status <= len(layers):
        layer = layers[status - 1]
        text = f"layer {status - 1}, '{layer['name']}' ({layer['type']}), is the first that differs"
    altered = manifest.get("altered")
    if altered:
        text += f"; altered since the export: {', '.join(altered)}"
    return text
