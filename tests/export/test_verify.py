"""akrt export and akrt verify as a user meets them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process import run_akrt

import firmware_export
from akrt.decision import StreamSettings
from akrt.errors import MismatchError, ModelFileError, ToolError, UsageError
from akrt.runtime import bundled_model
from firmware_export import toolchain
from firmware_export.targets import TARGETS
from firmware_export.verify import verify, verify_all

from .chip_programs import chip_program
from .compiled_export import tool
from .row_networks import row_network


def akrt(*arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    done = run_akrt(*arguments, **more)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


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


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keyword spotter with everything that an export can have."""
    tool("gcc")
    folder, model = tmp_path_factory.mktemp("verify") / "out", bundled_model()
    firmware_export.export(
        model,
        folder,
        name="kws",
        stream=StreamSettings(),
        program=chip_program(model),
        packages=["cmake", "arduino"],
    )
    return folder


def altered(export: Path, folder: Path, file: str, old: str, new: str, fixed: bool) -> Path:
    """A copy with `old`, a pattern, replaced in `file`, and the manifest made to agree."""
    copy = folder / "copy"
    shutil.copytree(export, copy)
    text = (copy / file).read_text()
    changed = re.sub(old, new, text, count=1)
    assert changed != text
    (copy / file).write_text(changed)
    if fixed:
        manifest = json.loads((copy / "manifest.json").read_text())
        digest = hashlib.sha256(changed.encode()).hexdigest()
        manifest["exports"]["kws"]["files"][file] = digest
        (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


@pytest.mark.parametrize("name", ["host", "cortex-m0", "m4", "m55", "rv32", "big-endian"])
def test_everything_runs_on_every_target(listener: Path, name: str, tmp_path: Path) -> None:
    tool(*TARGETS[name].compiler)
    if TARGETS[name].runner:
        tool(TARGETS[name].runner[0])
    if name == "cortex-m0":
        with pytest.raises(UsageError, match=r"RAM, 16,384 are there.*--whole takes less RAM"):
            verify(listener, name)
        listener = shutil.copytree(listener, tmp_path / "whole")
        program = chip_program(bundled_model())
        firmware_export.export(bundled_model(), listener, "kws", program=program, incremental=False)
    assert verify(listener, name).parts == ("network", "labels", "chip", "stream")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("*stream*.h", r"0, 2, 6, 14, 25, 39,", "0, 2, 6, 14, 25, 38,", "a table of the listener"),
        ("*stream*.h", r"value \+ \(1 << 14\)", "value", "the listener's features"),
        ("*stream*.h", r"best = c;", "best = 0;", "words"),
        ("kws_stream.c", r"STREAM_EVERY, samples", "STREAM_EVERY + 1, samples", "listener"),
        ("kws_stream.c", r"(rule_factor\[\d+\] = \{\s*\d+)\d", r"\g<1>", "a table"),
        ("kws_weights.h", r"(labels\[\] = \{\s*)\d+", r"\g<1>65", "a label differs"),
        ("kws_chip.h", r"return KWS_FROM_CHIP", "return KWS_COMPUTED_HERE", "answer"),
        ("kws_chip.h", r"== 0\) \{", "!= 99) {", "does not answer"),
        ("kws_program.*", r"0x07, 0x08", "0x07, 0x09", "not the one that the manifest names"),
        ("kws_program.h", r'(MODEL_SHA256 ")\w', r"\g<1>x", "another network"),
        ("kws_program.h", r"MODEL_ID 0x\w", "MODEL_ID 0xf", "another network"),
    ],
)
def test_what_is_broken_is_found_though_the_manifest_agrees(
    listener: Path, tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    (path,) = [p for p in listener.glob(file) if re.search(old, p.read_text())]
    copy = altered(listener, tmp_path, path.name, old, new, fixed=True)
    with pytest.raises((MismatchError, ToolError), match=message):
        verify(copy)


@pytest.mark.parametrize("file", ["CMakeLists.txt", "src/kws.h", "kws_memory.json", "kws.c"])
def test_what_was_changed_is_named(listener: Path, tmp_path: Path, file: str) -> None:
    copy = altered(listener, tmp_path, file, r"\Z", "\n", fixed=False)
    with pytest.raises(MismatchError, match=f"changed since the export: {re.escape(file)}"):
        verify(copy)
    (copy / file).unlink()
    done = akrt("verify", copy)
    assert done.returncode == 5
    assert f"{file} (missing)" in done.stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("files", {"../secret": "0" * 64}),
        ("files", {"/etc/passwd": "0" * 64}),
        ("files", {"a/../../secret": "0" * 64}),
        ("files", {"a\0b": "0" * 64}),
        ("files", {"a\\b": "0" * 64}),
        ("files", {"manifest.json": "0" * 64}),
        ("files", {"kws.h": 5}),
        ("files", ["kws.h"]),
        ("vectors", 10**30),
        ("vectors", True),
        ("vectors", -1),
        ("layers", [["a", "b"]]),
        ("layers", 7),
        ("labels", ["\ud800"]),
        ("labels", "yes"),
        ("stream", {"hop_ms": 1e308}),
        ("stream", {"every": 1}),
        ("program", {"sha256": 1}),
        ("model_sha256", '"); system("'),
        ("packages", {"cmake": 1}),
    ],
)
def test_hostile_manifests(listener: Path, tmp_path: Path, key: str, value: object) -> None:
    (tmp_path / "secret").write_text("dear")
    manifest = json.loads((listener / "manifest.json").read_text())
    manifest["exports"]["kws"][key] = value
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFileError, match="damaged, or no manifest of akrt"):
        verify(tmp_path / "out")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"format_version": 3, "exports": {"../a": {}}}',
        '{"format_version": 3, "exports": {"a": 1, "a": 2}}',
        '{"format_version": NaN}',
        '{"format_version": ' + "9" * 5000 + "}",
        '{"format_version": "3"}',
        "null",
        "\xff",
        "",
    ],
)
def test_manifests_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(ModelFileError, match="damaged, or no manifest of akrt"):
        verify(tmp_path)


def test_a_newer_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format_version": 4}')
    with pytest.raises(ModelFileError, match="newer format.*pip install -U akrt"):
        verify(tmp_path)


def test_nothing_outside_the_folder_is_read_or_included(listener: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(listener, copy)
    (tmp_path / "kws.h").write_bytes((copy / "kws.h").read_bytes())
    (copy / "kws.h").unlink()
    (copy / "kws.h").symlink_to(tmp_path / "kws.h")
    with pytest.raises(ModelFileError, match=r"kws\.h'.*is a link"):
        verify(copy)
    other = altered(
        listener, tmp_path / "other", "kws.h", r"\A", '#include "unlisted.h"\n', fixed=True
    )
    (other / "unlisted.h").write_text("")
    with pytest.raises(ToolError) as refused:
        verify(other)
    assert "unlisted.h" in refused.value.detail


def test_an_export_of_format_2_is_verified(exported: Path) -> None:
    path = exported / "manifest.json"
    entry = json.loads(path.read_text())["exports"]["net"]
    keys = ("akrt_version", "model_sha256", "layers", "vectors", "files")
    old = {"format_version": 2, "name": "net", **{key: entry[key] for key in keys}}
    path.write_text(json.dumps(old))
    assert verify(exported).parts == ("network",)


def test_every_export_of_a_folder(tmp_path: Path) -> None:
    tool("gcc")
    model, _ = row_network(2)
    firmware_export.export(model, tmp_path, name="one", force=True)
    firmware_export.export(model, tmp_path, name="two", force=True)
    assert [passed.name for passed in verify_all(tmp_path)] == ["one", "two"]
    assert verify(tmp_path, name="two").name == "two"
    with pytest.raises(UsageError, match="name one of the exports.*one, two"):
        verify(tmp_path)


def test_a_network_too_big_for_a_core_says_so_in_bytes(tmp_path: Path) -> None:
    tool("arm-none-eabi-gcc")
    model, _ = row_network(2)
    firmware_export.export(model, tmp_path, name="net")
    text = (tmp_path / "net.h").read_text()
    needed = 100_000
    grown = re.sub(r"(NET_LINES_ARENA_BYTES) \d+", rf"\1 {needed}", text)
    (tmp_path / "net.h").write_text(grown)
    with pytest.raises(MismatchError) as refused:
        verify(tmp_path, "m0")
    said = re.search(r"needs ([\d,]+) bytes of RAM, 16,384 are there", str(refused.value))
    assert said is not None
    assert needed < int(said[1].replace(",", "")) < needed + 4096
    assert "overflowed" not in str(refused.value)


def test_compilers_that_hang_or_die(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that the compiler started, too, are ended."""
    monkeypatch.setattr(toolchain, "_COMPILE_TIMEOUT", 0.5)
    with pytest.raises(ToolError, match=r"'sh' did not end within 0\.5 s"):
        toolchain.run_compiler(["sh", "-c", "sleep 60 & sleep 60"])
    with pytest.raises(ToolError, match="'sh' was killed by signal 9"):
        toolchain.run_compiler(["sh", "-c", "kill -9 $$"])


def test_no_compiler_names_the_package(exported: Path) -> None:
    for target, package in (("host", "gcc"), ("m4", "gcc-arm-none-eabi"), ("rv32", "picolibc")):
        done = akrt("verify", exported, "--target", target, environment={"PATH": ""})
        assert done.returncode == 6
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
