"""Made-up programs of chips."""

from __future__ import annotations

import hashlib

from akrt.model import Model
from akrt.model.encoding import content_hash
from firmware_export import ChipProgram


def chip_program(model: Model, data: bytes = b"\7\10\11") -> ChipProgram:
    """`data` as the program of `model`."""
    manifest = {
        "format": 1,
        "program": "p.bin",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "device": "virtual:akd1000",
        "hw_version": "BC.00.000.002",
        "model": model.name,
        "model_sha256": content_hash(model),
    }
    return ChipProgram(data, manifest)
