"""What is given counts: empty values, repeated options, defaults that were written out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import need

from akrt.runtime import bundled_model


def command(*arguments: object, code: int = 0, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "akrt", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["export", "-o", ""], "-o has an empty value"),
        (["export", "-o", " "], "-o has an empty value"),
        (["run", ""], "an argument is empty"),
        (["run", "x.wav", "--model="], "--model has an empty value"),
        (["convert", "", "out.akrt"], "an argument is empty"),
        (["kws", "prepare", "x", "-o", ""], "-o has an empty value"),
    ],
)
def test_an_empty_value_is_not_the_current_folder(
    arguments: list[str], told: str, tmp_path: Path
) -> None:
    assert told in command(*arguments, code=2, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_repeated_packages_add_up(tmp_path: Path) -> None:
    command("export", "-o", tmp_path, "--name", "net", "--pkg", "arduino", "--pkg", "cmake,zephyr")
    there = {p.name for p in tmp_path.iterdir()}
    assert {"library.properties", "CMakeLists.txt", "zephyr"} <= there
    facts = json.loads((tmp_path / "manifest.json").read_text())
    assert set(facts["exports"]["net"]["packages"]) == {"arduino", "cmake", "zephyr"}


def test_a_default_that_is_written_out_is_given(tmp_path: Path) -> None:
    command("export", "-o", tmp_path, "--name", "net", "--stream", "--hop-ms", 100)
    before = (tmp_path / "manifest.json").read_bytes()
    told = command("export", "-o", tmp_path, "--name", "net", "--hop-ms", 80, code=2)
    assert "without --stream" in told
    assert (tmp_path / "manifest.json").read_bytes() == before
    command("export", "-o", tmp_path, "--name", "net", "--stream", "--hop-ms", 80)
    assert (tmp_path / "manifest.json").read_bytes() != before


def test_what_an_export_kept_can_be_dropped(tmp_path: Path) -> None:
    out, deaf = tmp_path / "out", tmp_path / "deaf.akrt"
    bundled_model().replace(preprocessing=None).save(deaf)
    command("export", "-o", out, "--name", "net", "--stream", "--pkg", "cmake")
    told = command("export", deaf, "-o", out, "--name", "net", code=2)
    assert "which is kept" in told
    assert "--anew" in told
    assert (out / "net_stream.h").is_file()
    command("export", deaf, "-o", out, "--name", "net", "--anew")
    assert not (out / "net_stream.h").exists()
    assert not (out / "CMakeLists.txt").exists()
    facts = json.loads((out / "manifest.json").read_text())["exports"]["net"]
    assert facts["packages"] == []


@pytest.mark.parametrize("place", [".", "/"])
def test_a_program_is_no_folder(place: str, tmp_path: Path) -> None:
    need("akida")
    told = command("program", "-o", place, "--device", "virtual:akd1000", code=3, cwd=tmp_path)
    assert "it is a folder" in told


def test_a_folder_where_a_file_goes_is_to_be_moved(tmp_path: Path) -> None:
    (tmp_path / "net.h").mkdir()
    told = " ".join(command("export", "-o", tmp_path, "--name", "net", code=2).split())
    assert "holds folders where files of the export go: net.h; move them away" in told
    assert "--force" not in told


def test_classes_are_one_line(tmp_path: Path) -> None:
    model = bundled_model()
    assert model.labels is not None
    labels = ("a\nb", *model.labels[1:])
    model.replace(labels=labels).save(tmp_path / "m.akrt")
    told = command("summary", tmp_path / "m.akrt")
    assert "classes  a\\x0ab, " in told or "classes  a\\nb, " in told


def test_an_akida_file_by_another_name(cases: Path, tmp_path: Path) -> None:
    need("akida")
    whole = (cases / "models" / "speech_commands_qat.fbz").read_bytes()
    (tmp_path / "m.akrt").write_bytes(whole)
    assert "InputConvolutional" in command("summary", tmp_path / "m.akrt")
    (tmp_path / "m.akrt").write_bytes(whole[: len(whole) // 2])
    assert "not an .akrt file" in command("summary", tmp_path / "m.akrt", code=3)
