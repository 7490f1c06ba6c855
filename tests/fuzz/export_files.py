"""Folders of exports with hostile manifests, and programs of chips."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

from export.chip_programs import chip_program
from mutations import HOSTILE, edit, mutate

import firmware_export
from akrt.decision import StreamSettings
from akrt.errors import AkrtError
from akrt.model import Model
from akrt.runtime import bundled_model
from firmware_export import verify
from firmware_export.chip import read_chip_program
from firmware_export.manifest import MANIFEST

from .models import case
from .target import Fault, Target, refusal_names

_VALUES = [
    *HOSTILE, "0" * 64, "manifest.json", "net.h", "/dev/zero", "../out.h", ".", "..", "a/../b",
    "net", {"net.h": "0" * 64}, {"../x": "0" * 64}, {"manifest.json": "0" * 64}, ["cmake"],
    ["nothing"],
]  # fmt: skip


def _small() -> Model:
    return case(3)[0]


@lru_cache
def _whole(hears: bool) -> dict[str, bytes]:
    """An export with all that can be asked for, by the paths of its files."""
    model = bundled_model() if hears else _small()
    with tempfile.TemporaryDirectory() as folder:
        firmware_export.export(
            model,
            folder,
            name="net",
            program=chip_program(model),
            packages=["cmake", "arduino"],
            stream=StreamSettings() if hears else None,
        )
        return {str(p.relative_to(folder)): p.read_bytes() for p in _files(Path(folder))}


def _files(folder: Path) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink())


def _make_folder(seed: int, folder: Path) -> tuple[Path, Model]:
    r, out = random.Random(seed), folder / "out"
    hears = r.random() < 0.05
    whole = dict(_whole(hears))
    manifest = json.loads(whole[MANIFEST])
    if r.random() < 0.2:
        manifest["writing"] = {"net.h": "0" * 64, "net_old.h": "1" * 64}
    if r.random() < 0.8:
        data = json.dumps(edit(manifest, seed, _VALUES)).encode()
    else:
        data = mutate(whole[MANIFEST], seed)
    whole[MANIFEST] = data
    for file in whole:
        if file != MANIFEST and r.random() < 0.02:
            whole[file] = mutate(whole[file], seed)
    for file, content in whole.items():
        path = out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if r.random() < 0.2:
        victim = out / r.choice(sorted(whole))
        victim.unlink()
        if r.random() < 0.6:
            victim.symlink_to(r.choice(["/dev/zero", "../outside", "net.c", "loop", victim.name]))
        elif r.random() < 0.5:
            os.mkfifo(victim)
    (folder / "outside").write_text("mine")
    return out, bundled_model() if hears else _small()


def _check_folder(made: tuple[Path, Model]) -> str:
    """`verify` without its compiler, then an export into the folder, then `verify` again."""
    out, model = made
    answers = [_verified(out)]
    try:
        firmware_export.export(model, out, name="net")
        answers.append("exported")
    except AkrtError:
        answers.append("kept")
    if (out.parent / "outside").read_text() != "mine":
        raise Fault("a file outside the folder was written")
    if sorted(p.name for p in out.parent.iterdir()) != ["out", "outside"]:
        raise Fault(f"there is more beside the folder: {sorted(out.parent.iterdir())}")
    if answers[-1] == "exported" and _verified(out, "net") != "verified":
        raise Fault("what was exported does not verify")
    return ", ".join(answers)


def _verified(out: Path, name: str | None = None) -> str:
    places: list[Path] = []

    def run_parts(place: Path, *_: Any) -> tuple[str, ...]:
        places.append(place)
        return ("network",)

    with mock.patch.object(verify, "_run_parts", run_parts):
        try:
            with refusal_names(out):
                if name is None:
                    verify.verify_all(out)
                else:
                    verify.verify(out, name=name)
        except AkrtError as error:
            return type(error).__name__
    return "verified"


def _make_program(seed: int, folder: Path) -> Path:
    r, path = random.Random(seed), folder / "net.bin"
    whole = chip_program(_small(), b"akida" * 20)
    path.write_bytes(whole.data if r.random() < 0.9 else mutate(whole.data, seed))
    text = json.dumps(edit(whole.manifest, seed, _VALUES)).encode()
    if r.random() < 0.2:
        text = mutate(json.dumps(whole.manifest).encode(), seed)
    beside = path.with_name(r.choice(["net.bin.json", "net.bin.json", "net.json"]))
    beside.write_bytes(text)
    return path


def _check_program(path: Path) -> str:
    with refusal_names(path.with_name("net")):
        program = read_chip_program(path, _small())
    firmware_export.export(_small(), path.with_name("out"), name="net", program=path)
    if _verified(path.with_name("out")) != "verified" or not program.data:
        raise Fault("what was exported does not verify")
    return "program"


TARGETS = (
    Target("folders of exports", _make_folder, _check_folder, 60),
    Target("programs of chips", _make_program, _check_program, 100),
)
