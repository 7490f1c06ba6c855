"""What an export consists of: files, names, determinism, warnings, refusals."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import firmware_export
from akrt.errors import InputError, UsageError
from akrt.model import FullyConnected, InputData, Model
from akrt.runtime import Runtime
from firmware_export.identifiers import MAX_LENGTH, RESERVED, check_name, mend_name
from firmware_export.lowered import lower

from .chip_programs import chip_program
from .compiled_export import WARNINGS, build, driver, outputs, tool
from .row_networks import row_network


@pytest.fixture
def model() -> Model:
    return row_network(3)[0].replace(name="Net (v2)")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_files_and_manifest(model: Model, tmp_path: Path) -> None:
    report = firmware_export.export(model, tmp_path / "out")
    assert report.name == "net_v2"
    names = {"net_v2.h", "net_v2.c", "net_v2_weights.h", "net_v2_vectors.h", "net_v2_selftest.c"}
    names |= {"net_v2_kernels.h", "manifest.json", "net_v2_memory.json", "net_v2_memory.md"}
    assert set(contents(tmp_path / "out")) == names == set(report.files)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    entry = manifest["exports"]["net_v2"]
    for file, digest in entry["files"].items():
        assert hashlib.sha256((tmp_path / "out" / file).read_bytes()).hexdigest() == digest
    assert set(entry["files"]) == names - {"manifest.json"}
    assert manifest["format_version"] == 3


def test_the_same_model_gives_the_same_bytes(model: Model, tmp_path: Path) -> None:
    for place in ("a", "deep/er/b"):
        firmware_export.export(
            model,
            tmp_path / place,
            program=chip_program(model, b"\1\2"),
            packages=["cmake", "zephyr"],
        )
    assert contents(tmp_path / "a") == contents(tmp_path / "deep/er/b")
    everything = b"".join(contents(tmp_path / "a").values())
    assert str(tmp_path).encode() not in everything
    assert os.uname().nodename.encode() not in everything or len(os.uname().nodename) < 4


@pytest.mark.parametrize(
    "name",
    [
        "int",
        "class",
        "main",
        "3d",
        "",
        "a b",
        "Ünet",
        "a__b",
        "net_",
        "akrt_x",
        "_x",
        "UP",
        "x" * 99,
    ],
)
def test_names_that_c_cannot_carry(name: str, model: Model, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        firmware_export.export(model, tmp_path / "out", name=name)
    assert not (tmp_path / "out").exists()
    assert check_name(mend_name(name))


def test_every_reserved_word_is_mended() -> None:
    for word in [*RESERVED, "DS-CNN/KWS", "...", "0", "a" * 200, "_".join("a" * 60), "akrt"]:
        assert len(check_name(mend_name(word))) <= MAX_LENGTH


def test_vectors_are_checked(model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        firmware_export.export(model, tmp_path / "out", vectors=np.zeros((1, 2, 3), np.uint8))
    with pytest.raises(UsageError, match="at least one"):
        firmware_export.export(
            model, tmp_path / "out", vectors=np.zeros((0, *model.input_shape), np.uint8)
        )


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("gcc", ["-std=c99", "-O2"]),
        ("clang", ["-std=c99", "-O2"]),
        ("g++", ["-std=c++17", "-x", "c++", "-O2"]),
        ("clang++", ["-std=c++17", "-x", "c++", "-O2"]),
    ],
)
def test_two_exports_in_one_program_without_warnings(
    compiler: str, flags: list[str], tmp_path: Path
) -> None:
    """As separate files, and both in one source file."""
    tool(compiler)
    samples = [row_network(5), row_network(8)]
    models, inputs = [m for m, _ in samples], [x for _, x in samples]
    source = driver(models, tmp_path, inputs)
    build(source, tmp_path / "one", *flags, compiler=compiler)
    split = tmp_path / "split.c"
    split.write_text(
        source.read_text()
        .replace("#define NET_0_IMPLEMENTATION\n", "")
        .replace("#define NET_1_IMPLEMENTATION\n", "")
    )
    units = [str(tmp_path / f"net_{i}" / f"net_{i}.c") for i in (0, 1)]
    build(split, tmp_path / "two", *flags, *units, compiler=compiler)
    one = outputs([str(tmp_path / "one")], models, inputs)
    two = outputs([str(tmp_path / "two")], models, inputs)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_only_the_kernels_that_are_called(tmp_path: Path) -> None:
    weights = np.ones((4, 2), np.int8)
    layer = FullyConnected(
        name="out",
        weights=weights,
        weights_bits=4,
        act_bits=None,
        threshold=np.zeros(2, np.int32),
        act_step=np.ones(2, np.float32),
    )
    firmware_export.export(Model((InputData("in", (1, 1, 4), 4), layer)), tmp_path / "out")
    kernels = next((tmp_path / "out").glob("*_kernels.h")).read_text()
    assert "akrt_dense_line" in kernels
    for absent in ("akrt_conv", "akrt_separable", "akrt_depthwise", "akrt_layer_max"):
        assert not re.search(rf"\b{absent}\w*\(", kernels), absent


def test_bad_calls_are_refused_by_the_c_code(tmp_path: Path) -> None:
    layers = (InputData("in", (1, 1, 4), 3), *row_network(0)[0].layers[:0])
    library = shared_library(Model(layers), tmp_path)
    x, y = (ctypes.c_uint8 * 4)(0, 7, 1, 2), (ctypes.c_int32 * 4)()
    arena = (ctypes.c_uint32 * 64)()
    assert library.net_run(x, y, arena) == 0
    assert list(y) == [0, 7, 1, 2]
    assert library.net_run(None, y, arena) == library.net_run(x, None, arena) == -1
    assert library.net_run(x, y, None) == -1
    assert library.net_run(x, y, ctypes.byref(arena, 2)) == -1
    x[2] = 8
    assert library.net_run(x, y, arena) == -2


def test_classes_and_labels_equal_the_runtime(tmp_path: Path) -> None:
    """Also where quotients round to the same single-precision number."""
    rng = np.random.default_rng(4)
    steps = rng.uniform(1 / 16, 3000, 7).astype(np.float32)
    steps[3] = steps[2]
    steps[5] = np.nextafter(steps[4], np.float32(9e9))
    layer = FullyConnected(
        name="out",
        weights=rng.integers(-128, 128, (9, 7)).astype(np.int8),
        weights_bits=8,
        act_bits=None,
        threshold=rng.integers(-3000, 3000, 7).astype(np.int32),
        act_step=steps,
    )
    labels = ("yes", 'quo"te', "päper", "no", "back\\slash", "*/", "??/")
    model = Model((InputData("in", (1, 1, 9), 4), layer), labels=labels)
    library = shared_library(model, tmp_path)
    library.net_label.restype = ctypes.c_char_p
    assert [library.net_label(i).decode() for i in range(7)] == list(labels)
    assert library.net_label(7) == library.net_label(-1) == b""
    potentials = rng.integers(-40000, 40000, (4000, 7)).astype(np.int32)
    potentials[::3] //= 300
    logits = (potentials - layer.threshold).astype(np.float32) / layer.act_step
    for row, wanted in zip(potentials, logits.argmax(1), strict=True):
        assert library.net_predict_class((ctypes.c_int32 * 7)(*row.tolist())) == wanted
    x = rng.integers(0, 16, (50, 1, 1, 9)).astype(np.uint8)
    out, arena = (ctypes.c_int32 * 7)(), (ctypes.c_uint32 * 64)()
    classes = Runtime(model, backend="reference").predict_classes(x)
    for sample, wanted in zip(x, classes, strict=True):
        data = (ctypes.c_uint8 * 9)(*sample.reshape(-1).tolist())
        assert library.net_run(data, out, arena) == 0
        assert library.net_predict_class(out) == wanted


def test_memory_report_adds_up(model: Model, tmp_path: Path) -> None:
    report = firmware_export.export(model, tmp_path / "out")
    text = (tmp_path / "out" / "net_v2.h").read_text()
    assert f"#define NET_V2_ARENA_BYTES {report.arena_bytes}\n" in text
    ends = [row["offset"] + row["bytes"] for row in report.memory["arena"]]
    assert max(ends) <= report.arena_bytes <= max(ends) + 8
    assert lower(model, "net_v2").arena.bytes == report.arena_bytes


def shared_library(model: Model, folder: Path) -> ctypes.CDLL:
    firmware_export.export(model, folder / "net", name="net")
    library = folder / "net.so"
    command = [tool("gcc"), "-std=c99", *WARNINGS, "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([*command, str(folder / "net" / "net.c")], check=True)
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize("seed", range(12))
def test_no_kernel_is_unused(seed: int, tmp_path: Path) -> None:
    """Every network's own selection compiles alone, without an unused function."""
    firmware_export.export(row_network(seed)[0], tmp_path / "net", name="net")
    build(tmp_path / "net" / "net.c", tmp_path / "net.o", "-std=c99", "-O0", "-c")
