"""akrt devices, doctor, check, program and summary --device, as a user types them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import need
from device_double import Bench
from networks import placeholder
from typer.testing import CliRunner, Result

from akrt.cli.commands import app
from akrt.driver.mapping import map_model, virtual_device
from akrt.errors import UnsupportedLayerError, UsageError
from akrt.importers.akida_model import to_akida
from akrt.model import FullyConnected, InputConvolutional, InputData, Model
from akrt.model.encoding import content_hash
from akrt.runtime import bundled_model


def akrt(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def facts(*arguments: object, code: int = 0) -> Any:
    return json.loads(akrt(*arguments, "--json", code=code).stdout)


@pytest.mark.parametrize("verb", ["devices", "doctor"])
@pytest.mark.parametrize("seconds", ["inf", "nan", "-1", "1e300", "1e999"])
def test_a_timeout_that_is_none_is_a_usage_error(verb: str, seconds: str) -> None:
    result = CliRunner().invoke(app, [verb, "--timeout", seconds])
    assert isinstance(result.exception, (SystemExit, UsageError))
    assert getattr(result.exception, "exit_code", result.exit_code) == 2


@pytest.fixture
def misfit(tmp_path: Path) -> Path:
    """A model file with three violations in two layers."""
    path = tmp_path / "misfit.akrt"
    first = InputConvolutional(
        name="first",
        input_shape=(4, 8, 1),
        weights=np.ones((1, 1, 1, 2), np.int8),
        weights_bits=8,
        act_bits=4,
        **placeholder(2),
    )
    out = FullyConnected(
        name="out",
        weights=np.ones((64, 2), np.int8),
        weights_bits=8,
        act_bits=None,
        **placeholder(2),
    )
    Model((first, out), name="misfit").save(path)
    return path


def test_devices_without_a_chip(machine, double) -> None:
    assert "looked for a PCI device 1e7c:bca1" in akrt("devices").stdout
    assert facts("devices") == {"devices": []}


def test_devices_shows_what_is_known_of_a_chip(machine, double) -> None:
    machine.chip()
    Bench().install(double)
    text = akrt("devices").stdout
    for word in ("AKD1000", "0000:01:00.0", "/dev/akida0", "akida-pcie", "BC.00.000.002", "v1"):
        assert word in text
    assert "Performance" in text
    assert "usable" in text
    (info,) = facts("devices")["devices"]
    assert info["usable"] is True
    assert info["program_bytes"] == 0


def test_doctor_exits_with_4_and_the_cause_or_0(machine, double) -> None:
    text = akrt("doctor", code=4).stdout
    assert "no-pci-device" in text
    assert "fix: " in text
    told = facts("doctor", code=4)
    assert told["usable"] is False
    assert [f["cause"] for f in told["findings"]] == ["no-pci-device"]
    machine.chip()
    Bench().install(double)
    assert "nothing is wrong" in akrt("doctor").stdout
    assert facts("doctor")["usable"] is True


def test_check_lists_all_violations(misfit: Path) -> None:
    need("akida")
    text = akrt("check", misfit, code=3).stdout
    assert "3 violations" in text
    told = facts("check", misfit, "--target", "akd1500", code=3)
    assert [(v["layer"], v["rule"], v["value"]) for v in told["violations"]] == [
        ("first", "input X", "4"),
        ("first", "kernel", "1x1"),
        ("out", "weight bits", "8"),
    ]
    assert told["fits"] is False
    assert told["mapping"] is None


@pytest.mark.parametrize("target", ["akd1000", "akd1500"])
def test_the_shipped_model_fits_in_one_hardware_sequence(target: str) -> None:
    need("akida")
    told = facts("check", "--target", target)
    assert told["fits"] is True
    assert told["violations"] == []
    assert told["mapping"]["in_hardware"] is True
    assert [s["passes"] for s in told["mapping"]["sequences"]] == [1]
    assert "proves it" in akrt("check", "--target", target).stdout


@pytest.mark.parametrize("mode", ["all_nps", "hw_pr", "minimal"])
@pytest.mark.parametrize("chip", ["AKD1000", "AKD1500"])
def test_summary_agrees_with_akidas_own(capsys, chip: str, mode: str) -> None:
    need("akida")
    import akida

    told = facts("summary", "--device", f"virtual:{chip.lower()}", "--map-mode", mode)["mapping"]
    names = {"all_nps": "AllNps", "hw_pr": "HwPr", "minimal": "Minimal"}
    twin = to_akida(bundled_model())
    twin.map(virtual_device(chip), hw_only=True, mode=getattr(akida.MapMode, names[mode]))
    capsys.readouterr()
    twin.summary()
    theirs = capsys.readouterr().out
    for kind, count in told["processors"].items():
        assert any(line.split() == [kind, str(count)] for line in theirs.splitlines()), theirs
    components = {t.name: n for t, n in twin.component_count.items()}
    assert told["processors"] == components
    assert f"size: {told['program_bytes']} bytes" in theirs
    assert told["external_bytes"] == twin.external_memory_size
    by_layer = [f"{n} {kind}" for row in told["layers"] for kind, n in row["processors"].items()]
    assert [word for word in by_layer if word not in theirs] == []


def test_summary_draws_the_mesh(tmp_path: Path) -> None:
    need("akida")
    need("matplotlib")
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        path = tmp_path / f"mesh{suffix}"
        akrt("summary", "--device", "virtual:akd1000", "--plot", path)
        assert path.read_bytes().startswith(start)
    text = (tmp_path / "mesh.svg").read_text()
    assert text.count("<path") > 79  # a square for each processor and the HRC
    with pytest.raises(UsageError, match=r"must end in \.png"):
        akrt("summary", "--device", "virtual:akd1000", "--plot", tmp_path / "mesh.doc")
    with pytest.raises(UsageError, match="--plot, --hybrid and --map-mode need --device"):
        akrt("summary", "--plot", tmp_path / "mesh.png")


def test_summary_of_a_chip_that_is_here_maps_on_its_twin(machine, double) -> None:
    need("akida")
    machine.chip()
    Bench().install(double)
    told = facts("summary", "--device", "0")["mapping"]
    virtual = facts("summary", "--device", "virtual:akd1000")["mapping"]
    assert told.pop("device") == "AKD1000 at 0000:01:00.0"
    assert virtual.pop("device") == "virtual:akd1000"
    assert told == virtual


def test_hybrid_mapping_must_be_asked_for(misfit: Path) -> None:
    need("akida")
    with pytest.raises(UnsupportedLayerError, match="'first'.*cannot map on virtual:akd1000"):
        akrt("summary", misfit, "--device", "virtual:akd1000")
    told = facts("summary", misfit, "--device", "virtual:akd1000", "--hybrid")["mapping"]
    assert told["in_hardware"] is False
    assert told["layers"][0]["processors"] == {}


def test_program_writes_the_bytes_and_a_manifest(tmp_path: Path) -> None:
    need("akida")
    import akida

    path = tmp_path / "kws.bin"
    manifest = facts("program", "-o", path)
    assert manifest == json.loads((tmp_path / "kws.bin.json").read_text())
    data = path.read_bytes()
    model = bundled_model()
    twin = to_akida(model)
    twin.map(akida.AKD1000(), hw_only=True, mode=akida.MapMode.Minimal)
    assert data == twin.sequences[0].program
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    assert manifest["bytes"] == len(data)
    assert manifest["program"] == "kws.bin"
    assert manifest["hw_version"] == str(akida.AKD1000().version)
    assert manifest["input_shape"] == list(model.input_shape)
    assert manifest["output_shape"] == list(model.output_shape)
    assert manifest["output_dtype"] == "int32"
    assert manifest["model_sha256"] == content_hash(model)
    akrt("program", "-o", tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == data
    with pytest.raises(UsageError, match="choose another"):
        akrt("program", "-o", tmp_path / "kws.json")


def test_programs_and_pictures_of_others_are_not_overwritten(tmp_path: Path) -> None:
    need("akida")
    need("matplotlib")
    (tmp_path / "kws.json").write_text("mine")
    akrt("program", "-o", tmp_path / "kws.bin")
    akrt("program", "-o", tmp_path / "kws.bin")  # its own, unaltered
    assert (tmp_path / "kws.json").read_text() == "mine"
    for name in ("kws.bin", "kws.bin.json", "mesh.svg"):
        (tmp_path / name).write_text("mine")
        command = ["program", "-o", tmp_path / "kws.bin"]
        if name == "mesh.svg":
            command = ["summary", "--device", "virtual:akd1000", "--plot", tmp_path / name]
        with pytest.raises(UsageError, match="exists and is not what akrt wrote.*--force"):
            akrt(*command)
        assert (tmp_path / name).read_text() == "mine"
        akrt(*command, "--force")
        akrt(*command)


def test_a_program_that_does_not_map_leaves_no_file(misfit: Path, tmp_path: Path) -> None:
    need("akida")
    with pytest.raises(UnsupportedLayerError):
        akrt("program", misfit, "-o", tmp_path / "misfit.bin")
    assert [p.name for p in tmp_path.iterdir()] == ["misfit.akrt"]


def test_mapping_names_the_layer_and_the_mode() -> None:
    need("akida")
    model = Model((InputData("in", (1, 1, 60000), 4), _dense(60000)))
    with pytest.raises(UnsupportedLayerError, match="'wide'.*57334"):
        map_model(model, virtual_device("AKD1000"), "here")
    with pytest.raises(UsageError, match="map_mode must be one of all_nps, hw_pr, minimal"):
        map_model(model, virtual_device("AKD1000"), "here", "some")


def _dense(inputs: int) -> FullyConnected:
    return FullyConnected(
        name="wide",
        weights=np.ones((inputs, 2), np.int8),
        weights_bits=4,
        act_bits=None,
        **placeholder(2),
    )
