"""Exports for speed and for RAM."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import firmware_export
from akrt.cli.commands import app
from akrt.errors import ModelFileError, UsageError
from akrt.runtime import bundled_model
from firmware_export.lowered import lower
from firmware_export.manifest import MANIFEST, read_manifest

from .row_networks import row_network


@pytest.mark.parametrize("seed", range(8))
def test_ram_takes_no_more_than_speed(seed: int) -> None:
    model, _ = row_network(seed)
    assert lower(model, "net", "ram").arena.bytes <= lower(model, "net").arena.bytes


def test_the_keyword_spotter_takes_half(tmp_path: Path) -> None:
    model = bundled_model()
    fast = firmware_export.export(model, tmp_path / "fast", "net")
    small = firmware_export.export(model, tmp_path / "small", "net", optimise="ram")
    assert small.arena_bytes < 0.6 * fast.arena_bytes
    rows = "static void akrt_separable_rows_muladd("
    assert rows in (tmp_path / "fast" / "net_kernels.h").read_text()
    assert rows not in (tmp_path / "small" / "net_kernels.h").read_text()


def test_it_is_kept_by_a_later_export(tmp_path: Path) -> None:
    model = bundled_model()
    first = firmware_export.export(model, tmp_path, "net", optimise="ram")
    again = firmware_export.export(model, tmp_path, "net")
    assert (again.arena_bytes, again.kept) == (first.arena_bytes, ("--optimise ram",))
    anew = firmware_export.export(model, tmp_path, "net", optimise="speed")
    assert anew.arena_bytes > first.arena_bytes
    assert not anew.kept


def test_what_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="optimise must be speed or ram, not 'rom'"):
        firmware_export.export(bundled_model(), tmp_path, "net", optimise="rom")  # type: ignore[arg-type]
    result = CliRunner().invoke(app, ["export", "-o", str(tmp_path), "--optimise", "rom"])
    assert result.exit_code != 0
    assert "--optimise must be speed or ram, got 'rom'" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_manifests_without_it_are_for_speed(tmp_path: Path) -> None:
    firmware_export.export(bundled_model(), tmp_path, "net")
    path = tmp_path / MANIFEST
    facts = json.loads(path.read_text())
    del facts["exports"]["net"]["optimise"]
    path.write_text(json.dumps(facts))
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert manifest.exports["net"].optimise == "speed"
    facts["exports"]["net"]["optimise"] = "rom"
    path.write_text(json.dumps(facts))
    with pytest.raises(ModelFileError, match="optimised for what is not known"):
        read_manifest(tmp_path)
