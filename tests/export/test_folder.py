"""Exports into folders that hold something: nothing of the user's is lost."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import firmware_export
from akrt import files as akrt_files
from akrt.decision import StreamSettings
from akrt.errors import InputError, ModelFileError, OutputError, UsageError
from akrt.model import Model
from akrt.runtime import bundled_model
from firmware_export import folder as export_folder
from firmware_export.manifest import Entry, read_manifest
from firmware_export.verify import verify, verify_all

from .chip_programs import chip_program
from .compiled_export import tool
from .row_networks import row_network


@pytest.fixture
def model() -> Model:
    return row_network(3)[0]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def write(folder: Path, name: str, force: bool = False, **files: str) -> tuple[str, ...]:
    """An export of made-up files; `a__b` stands for ``a/b``."""
    named = {file.replace("__", "/"): text for file, text in files.items()}
    entry = Entry("1", "0" * 64, (), None, 1, False, (), None, "speed", None, {})
    new = export_folder.Contents(named, entry)
    return export_folder.write_export(folder, name, lambda before: new, force)[1]


def test_what_akrt_did_not_write_stays(model: Model, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref")
    (tmp_path / "main.c").write_text("int main(void);")
    for _ in range(2):
        firmware_export.export(model, tmp_path, name="net", packages=["cmake"])
    there = contents(tmp_path)
    assert there[".git/HEAD"] == b"ref"
    assert there["main.c"] == b"int main(void);"
    assert "net.h" in there


def test_a_file_in_the_way_is_named_and_kept(model: Model, tmp_path: Path) -> None:
    (tmp_path / "net.h").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"did not write.*: net\.h; .*--force"):
        firmware_export.export(model, tmp_path, name="net")
    assert contents(tmp_path) == before
    firmware_export.export(model, tmp_path, name="net", force=True)
    assert contents(tmp_path)["net.h"] != b"mine"


def test_a_changed_file_is_named_and_kept(model: Model, tmp_path: Path) -> None:
    firmware_export.export(model, tmp_path, name="net", packages=["cmake"])
    (tmp_path / "CMakeLists.txt").write_text("# mine")
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"changed since: CMakeLists\.txt"):
        firmware_export.export(row_network(4)[0], tmp_path, name="net")
    assert contents(tmp_path) == before


def test_another_ones_manifest_is_kept(model: Model, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "a web page"}')
    with pytest.raises(UsageError, match=r"no manifest of akrt.*--force"):
        firmware_export.export(model, tmp_path)
    assert contents(tmp_path) == {"manifest.json": b'{"name": "a web page"}'}
    firmware_export.export(model, tmp_path, force=True)


def test_options_of_the_export_that_was_there_are_kept(tmp_path: Path) -> None:
    settings = StreamSettings(hop_ms=160)
    model = bundled_model()
    firmware_export.export(model, tmp_path, name="kws", stream=settings, packages=["cmake"])
    first = contents(tmp_path)
    again = firmware_export.export(model, tmp_path, name="kws")
    assert contents(tmp_path) == first
    assert again.kept == ("--stream", "--pkg cmake")
    assert "stream" in again.memory
    changed = firmware_export.export(model.replace(notes={"a": "b"}), tmp_path, name="kws")
    assert changed.kept == again.kept
    assert b"STREAM_EVERY 8 " in contents(tmp_path)["kws_stream.h"]


def test_what_was_given_for_another_model_must_be_given_again(model: Model, tmp_path: Path) -> None:
    x = row_network(3)[1]
    firmware_export.export(model, tmp_path, name="net", vectors=x, program=chip_program(model))
    first = contents(tmp_path)
    assert firmware_export.export(model, tmp_path, name="net").kept == ("--vectors", "--program")
    assert contents(tmp_path) == first
    other = row_network(4)[0]
    with pytest.raises(UsageError, match=r"net_vectors\.h.*give --vectors again"):
        firmware_export.export(other, tmp_path, name="net")
    with pytest.raises(UsageError, match=r"net_program\.h.*give --program again"):
        firmware_export.export(other, tmp_path, name="net", vectors=row_network(4)[1])
    assert contents(tmp_path) == first
    report = firmware_export.export(other, tmp_path, name="net", force=True)
    assert set(report.removed) == {f for f in first if "_chip." in f or "_program." in f}


def test_two_exports_in_one_folder(tmp_path: Path) -> None:
    write(tmp_path, "one", same="s", src__a="1")
    write(tmp_path, "two", same="s", src__b="2")
    assert {"same", "src/a", "src/b"} < set(contents(tmp_path))
    with pytest.raises(UsageError, match="holds the export 'one', which has other contents in src"):
        write(tmp_path, "two", src__a="3")
    assert write(tmp_path, "one", c="4") == ("src/a",)
    assert set(contents(tmp_path)) == {"same", "src/b", "c", "manifest.json"}
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert set(manifest.exports) == {"one", "two"}


@pytest.mark.parametrize("stop", range(4))
def test_an_interrupted_export_is_mended_by_the_next(
    tmp_path: Path, stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the n-th renaming; 0 is that of the manifest which announces the files."""
    write(tmp_path, "net", a="1", b="1", gone="1")
    count, replace = 0, os.replace

    def failing(source: object, target: object) -> None:
        nonlocal count
        if count == stop:
            raise KeyboardInterrupt
        count += 1
        replace(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(akrt_files.os, "replace", failing)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, "net", a="2", b="2")
    monkeypatch.undo()
    if stop:
        with pytest.raises(ModelFileError, match="interrupted: export again"):
            verify_all(tmp_path)
    else:
        assert contents(tmp_path)["a"] == b"1"
    write(tmp_path, "net", a="3", b="3")
    assert {f: d for f, d in contents(tmp_path).items() if f != "manifest.json"} == {
        "a": b"3",
        "b": b"3",
    }


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "net", a="1", b="1")
    before = contents(tmp_path)
    calls = 0

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(akrt_files.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write(tmp_path, "net", a="2", b="2", deep__er__c="2")
    assert contents(tmp_path) == before
    assert not (tmp_path / "deep").exists()


def test_odd_places(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    firmware_export.export(model, tmp_path / "link", name="net")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "net.h").is_file()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    firmware_export.export(model, ".", name="net")
    assert (tmp_path / "here" / "net.h").is_file()
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="cannot write"):
            firmware_export.export(model, place, name="net")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "here", "link", "real"]


def test_links_are_not_written_through(model: Model, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("dear")
    (tmp_path / "outside").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "net.h").symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError, match=r"net\.h"):
        firmware_export.export(model, out, name="net")
    firmware_export.export(model, out, name="net", force=True)
    assert (tmp_path / "secret").read_text() == "dear"
    (out / "src").symlink_to(tmp_path / "outside")
    with pytest.raises(OutputError, match="a link leads elsewhere"):
        firmware_export.export(model, out, name="net", packages=["arduino"], force=True)
    assert not list((tmp_path / "outside").iterdir())


def test_a_folder_that_cannot_be_written(model: Model, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "shut").mkdir(mode=0o500)
    for place in ("shut", "shut/new"):
        with pytest.raises(OutputError, match="Permission denied"):
            firmware_export.export(model, tmp_path / place)
    (tmp_path / "shut").chmod(0o700)
    (tmp_path / "shut" / "open").mkdir()
    (tmp_path / "shut").chmod(0o500)
    firmware_export.export(model, tmp_path / "shut" / "open", name="net")
    (tmp_path / "shut").chmod(0o700)
    assert (tmp_path / "shut" / "open" / "net.h").is_file()


def test_three_exports_at_once(tmp_path: Path) -> None:
    """Of other networks under one name: one of them is there in the end, whole."""
    tool("gcc")
    for seed in (2, 3, 4):
        row_network(seed)[0].save(tmp_path / f"{seed}.akrt")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "akrt", "export", "-o", str(out), "--name", "net"]
    running = [
        subprocess.Popen([*command, str(tmp_path / f"{seed}.akrt")], stderr=subprocess.PIPE)
        for seed in (2, 3, 4)
    ]
    for process in running:
        assert process.communicate()[1] == b""
        assert process.returncode == 0
    verify(out)
    entry = json.loads((out / "manifest.json").read_text())["exports"]["net"]
    assert set(contents(out)) == {*entry["files"], "manifest.json"}


def test_a_program_of_another_network_is_refused(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "p.bin"
    right = chip_program(model)
    path.write_bytes(right.data)
    with pytest.raises(InputError, match=r"no manifest 'p\.bin\.json'.*akrt program MODEL -o"):
        firmware_export.export(model, tmp_path / "out", program=path)
    for place in ("p.json", "p.bin.json"):  # the name of older versions, and today's
        (tmp_path / place).write_text(json.dumps(right.manifest))
        out = tmp_path / f"of {place}"
        firmware_export.export(model, out, name="net", program=path)
        header = (out / "net_program.h").read_text()
        digest = right.manifest["model_sha256"]
        assert f'#define NET_PROGRAM_MODEL_SHA256 "{digest}"\n' in header
        assert '#define NET_PROGRAM_DEVICE "virtual:akd1000"\n' in header
    with pytest.raises(InputError, match="program of another network"):
        firmware_export.export(row_network(4)[0], tmp_path / "out", program=path)
    path.write_bytes(b"fLa")
    with pytest.raises(InputError, match="does not match the SHA-256"):
        firmware_export.export(model, tmp_path / "out", program=path)
    path.write_bytes(b"longer than that")
    with pytest.raises(InputError, match="16 bytes, its manifest says 3"):
        firmware_export.export(model, tmp_path / "out", program=path)
    for damaged in ("{", "[]", '{"format": 1}', '{"sha256": "\\ud800"}', "[" * 100_000):
        (tmp_path / "p.bin.json").write_text(damaged)
        with pytest.raises(InputError, match="manifest"):
            firmware_export.export(model, tmp_path / "out", program=path)
    assert not (tmp_path / "out").exists()
