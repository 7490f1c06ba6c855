"""What is given counts: empty values, repeated options, defaults that were written out."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import need
from in_process import run_akrt

from akrt.runtime import bundled_model


def command(*arguments: object, code: int = 0, cwd: Path | None = None) -> str:
    done = run_akrt(*arguments, cwd=cwd)
    told = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == code, told
    assert "Traceback" not in told
    return told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["export", "-o", ""], "what follows -o is empty"),
        (["export", "-o", " "], "what follows -o is empty"),
        (["run", ""], "an argument is empty"),
        (["export", "--stream", ""], "what follows --stream is empty"),
        (["run", "x.wav", "--model="], "--model has an empty value"),
        (["convert", "", "out.akrt"], "an argument is empty"),
        (["kws", "prepare", "x", "-o", ""], "what follows -o is empty"),
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


def test_lists_add_up_when_their_option_is_repeated(cases: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = command("export", "-o", out, "--pkg", ",", code=2)
    assert "--pkg names no package: choose from cmake" in told
    assert not out.exists()
    told = command("kws", "eval-stream", tmp_path, "--snr", 20, "--snr", 500, code=2)
    assert "got '20,500'" in told
    told = command("kws", "train", "x.npz", "-o", out, "--epochs", "1,2", "--epochs", "3", code=2)
    assert "got '1,2,3'" in told
    both = ("--words", "yes,no", "--words", "no")
    told = command("kws", "prepare", tmp_path, "-o", tmp_path / "f.npz", *both, code=2)
    assert "a word occurs twice in 'yes,no,no'" in told
    source = cases / "models" / "speech_commands_qat.fbz"
    scaling = ("--input-scaling", "1,2", "--input-scaling", "3")
    assert "got '1,2,3'" in command("convert", source, tmp_path / "m.akrt", *scaling, code=2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["convert", "m.akrt", "n.akrt", "--scale", "4.0"], "--scale and --offset need --mfcc"),
        (["convert", "m.akrt", "n.akrt", "--offset", "128"], "--scale and --offset need --mfcc"),
        (["summary", "--map-mode", "all_nps"], "--map-mode need --device"),
        (["check", "--target", "mcu", "--map-mode", "all_nps"], "--target mcu has none"),
    ],
)
def test_what_would_be_ignored_is_refused(arguments: list[str], told: str) -> None:
    assert told in " ".join(command(*arguments, code=2).split())


def test_a_blank_folder_behind_a_name_is_refused(tmp_path: Path) -> None:
    told = command("kws", "prepare", tmp_path, "-o", "f.npz", "--extra", "more= ", code=2)
    assert "--extra takes NAME=FOLDER" in told


def test_why_a_kept_stream_does_not_fit(tmp_path: Path) -> None:
    model = bundled_model()
    assert model.preprocessing is not None
    command("export", "-o", tmp_path, "--name", "net", "--stream")
    other = tmp_path / "other.akrt"
    model.replace(preprocessing=replace(model.preprocessing, scale=5.0)).save(other)
    told = " ".join(command("export", other, "-o", tmp_path, "--name", "net", code=2).split())
    assert "an export with --stream, which is kept" in told
    assert "cannot be exported with its front end" in told
    assert "--anew" in told


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("verb", ["program", "page"])
def test_pipes_and_folders_are_never_replaced(
    verb: str, force: tuple[str, ...], tmp_path: Path
) -> None:
    if verb == "program":
        need("akida")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, kind in (("pipe", "a pipe"), ("folder", "a folder")):
        told = command(verb, "-o", tmp_path / name, *force, code=3)
        assert f"it is {kind}, give the name of a file" in " ".join(told.split())
        assert "--force" not in told
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "pipe"]


def test_names_and_notes_are_one_line(tmp_path: Path) -> None:
    model = bundled_model().replace(name="a\nname", notes={"k\ney": "no\nte"})
    model.save(tmp_path / "m.akrt")
    told = command("summary", tmp_path / "m.akrt")
    for text in ("a\\x0aname: ", "k\\x0aey", "no\\x0ate"):
        assert text in told


def test_archives_of_arrays_are_called_so(tmp_path: Path) -> None:
    np.savez(tmp_path / "z.npz", a=np.zeros((1, 49, 10, 1), np.uint8))
    whole = (tmp_path / "z.npz").read_bytes()
    told = " ".join(command("run", tmp_path / "z.npz", code=3).split())
    assert "an .npz of several arrays: save the one that is meant with numpy.save" in told
    (tmp_path / "t.npz").write_text("hello")
    told = command("kws", "train", tmp_path / "t.npz", "-o", tmp_path / "out", code=3)
    assert "it is not an .npz archive" in told
    (tmp_path / "t.npz").write_bytes(whole[: len(whole) // 2])
    told = command("kws", "train", tmp_path / "t.npz", "-o", tmp_path / "out", code=3)
    assert "it is damaged or truncated" in told


@pytest.mark.parametrize("seconds", ["inf", "nan", "-1", "0", "1e300"])
@pytest.mark.parametrize(
    ("verb", "option"), [("devices", "--timeout"), ("doctor", "--timeout"), ("bench", "--seconds")]
)
def test_what_is_no_time_is_refused(verb: str, option: str, seconds: str) -> None:
    more = ("--no-peers", "--arch", "generic") if verb == "bench" else ()
    told = command(verb, option, seconds, *more, code=2)
    # older releases of click take nan for a number in any range
    assert option in told or (seconds == "nan" and "a positive number of seconds" in told)
