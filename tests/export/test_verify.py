"""akrt export and akrt verify as a user meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from akrt.errors import MismatchError, ModelFileError, UsageError
from firmware_export.verify import verify

from .compiled_export import tool
from .row_networks import row_network


def akrt(*arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "akrt", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **more)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    tool("gcc")
    model, x = row_network(2)
    model.save(tmp_path / "model.akrt")
    np.save(tmp_path / "x.npy", x)
    done = akrt(
        *("export", tmp_path / "model.akrt", "-o", tmp_path / "out", "--name", "net"),
        *("--vectors", tmp_path / "x.npy", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["memory"]["name"] == "net"
    return tmp_path / "out"


def test_export_of_a_stream(tmp_path: Path) -> None:
    done = akrt("export", "-o", tmp_path / "out", "--stream", "--hop-ms", "160")
    assert done.returncode == 0, done.stderr
    memory = json.loads((tmp_path / "out" / "ds_cnn_kws_memory.json").read_text())
    assert f"spotter   {memory['stream']['ram_bytes']:,} bytes of RAM" in done.stdout
    assert "STREAM_EVERY 8 " in (tmp_path / "out" / "ds_cnn_kws_stream.h").read_text()
    done = akrt("export", "-o", tmp_path / "out", "--hop-ms", "160")
    assert done.returncode == 2
    assert "without --stream" in done.stderr


def test_verify_passes(exported: Path) -> None:
    done = akrt("verify", exported, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["vectors"] == 3


def test_a_changed_weight_names_the_layer_and_exits_5(exported: Path) -> None:
    weights = exported / "net_weights.h"
    text = weights.read_text()
    at = text.index("net_l1_weights[")
    at = text.index("0x", at)
    old = text[at : at + 10]
    new = f"0x{int(old, 16) ^ 0xFFFFFFFF:08x}"
    weights.write_text(text[:at] + new + text[at + 10 :])
    model, _ = row_network(2)
    done = akrt("verify", exported)
    assert done.returncode == 5
    assert f"'{model.layers[1].name}'" in done.stderr
    assert "first that differs" in done.stderr
    assert "net_weights.h" in done.stderr
    assert "Traceback" not in done.stderr
    with pytest.raises(MismatchError):
        verify(exported)


def test_a_wrong_expectation_is_found(exported: Path) -> None:
    vectors = exported / "net_vectors.h"
    text = vectors.read_text()
    at = text.index("{", text.index("net_vector_outputs[")) + 1
    vectors.write_text(text[:at] + " 123456789 +" + text[at:])
    assert akrt("verify", exported).returncode == 5


def test_no_compiler_names_the_package(exported: Path) -> None:
    for target, package in (("host", "gcc"), ("m4", "gcc-arm-none-eabi"), ("rv32", "picolibc")):
        done = akrt("verify", exported, "--target", target, env={"PATH": "", "PYTHONPATH": paths()})
        assert done.returncode == 2
        assert package in done.stderr


def test_bad_arguments(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown target"):
        verify(exported, "z80")
    with pytest.raises(ModelFileError, match="holds no export"):
        verify(tmp_path)
    (exported / "manifest.json").write_text("{")
    with pytest.raises(ModelFileError, match="damaged"):
        verify(exported)
    model = tmp_path / "model.akrt"
    assert akrt("export", model).returncode == 2
    assert akrt("export", model, "-o", tmp_path / "n", "--name", "int").returncode == 2
    assert akrt("export", model, "-o", tmp_path / "n", "--pkg", "conan").returncode == 2
    assert akrt("export", model, "-o", tmp_path / "n", "--vectors", model).returncode == 3
    assert akrt("export", model, "-o", tmp_path / "n", "--program", "none").returncode == 3
    assert not (tmp_path / "n").exists()


def paths() -> str:
    return ":".join(p for p in sys.path if p)
