"""``akrt run`` of networks that see."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from vision.colour_networks import BLUE, RED, classes, fomo, regression, scene, yolo
from vision.picture_files import Image, saved

import akrt
from akrt.cli.commands import app
from akrt.errors import AkrtError, PictureError, UsageError
from akrt.frontends import picture_front_end_of
from akrt.model import FomoTask, Model, Picture, RawTask

FACES = Path(os.environ.get("AKRT_TEST_CASES", "nowhere"), "../models/real/faces.fbz")


def invoke(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def told(model: Model, tmp_path: Path, *arguments: object) -> dict:
    model.save(tmp_path / "m.akrt")
    command = ("run", *arguments, "-m", tmp_path / "m.akrt", "-b", "native", "--json")
    return json.loads(invoke(*command))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """120 x 80 pixels: two red cells side by side, and a blue one."""
    cells = {(2, 3): RED, (2, 4): RED, (6, 10): BLUE}
    return saved(tmp_path / "scene.png", scene(8, 12, cells))


def test_points(picture: Path, tmp_path: Path) -> None:
    found = told(fomo(), tmp_path, picture)
    assert found["task"] == "fomo"
    (seen,) = found["results"]
    assert (seen["width"], seen["height"]) == (120, 80)
    red, blue = sorted(seen["objects"], key=lambda o: o["x"])
    assert (red["label"], red["x"], red["y"], red["cells"]) == ("red", 40, 25, 2)
    assert (red["left"], red["top"], red["right"], red["bottom"]) == (30, 20, 50, 30)
    assert (blue["label"], blue["x"], blue["y"]) == ("blue", 105, 65)
    assert red["score"] > 0.99
    table = invoke("run", picture, "-m", tmp_path / "m.akrt")
    assert "red" in table
    assert "colours, a network of Akida 1.0: computed by native" in table


def test_places_are_those_of_the_whole_picture(tmp_path: Path) -> None:
    """What is cut off, or has a border around, is counted from the picture's corner."""
    wide = np.pad(scene(8, 12, {(2, 3): RED}), ((0, 0), (50, 50), (0, 0)), constant_values=90)
    path = saved(tmp_path / "wide.png", wide)
    (red,) = told(fomo(fit="crop"), tmp_path, path)["results"][0]["objects"]
    assert (red["x"], red["y"]) == (85, 25)
    wide[20:50, 80:110] = RED
    (red,) = told(fomo(fit="border"), tmp_path, saved(path, wide))["results"][0]["objects"]
    assert abs(red["x"] - 95) < 10
    assert abs(red["y"] - 35) < 10


def test_boxes(picture: Path, tmp_path: Path) -> None:
    (seen,) = told(yolo(), tmp_path, picture)["results"]
    boxes = sorted(
        (o["label"], o["left"], o["top"], o["right"], o["bottom"]) for o in seen["objects"]
    )
    assert boxes == [("blue", 95, 60, 115, 70), ("red", 25, 20, 45, 30), ("red", 35, 20, 55, 30)]


def test_classes_and_quantities_and_raw(tmp_path: Path) -> None:
    for name in ("red", "blue"):
        (tmp_path / name).mkdir()
        colour = {"red": RED, "blue": BLUE}[name]
        saved(tmp_path / name / "a.png", np.full((9, 9, 3), colour, np.uint8))
    (tmp_path / "blue" / "notes.txt").write_text("not looked at")
    both = tmp_path / "red", tmp_path / "blue"
    found = told(classes(), tmp_path, *both)
    assert [r["word"] for r in found["results"]] == ["red", "blue"]
    assert (found["labelled"], found["right"]) == (2, 2)
    table = invoke("run", *both, "-m", tmp_path / "m.akrt", "--top", 2)
    assert "2 of 2 pictures in folders named after a class were named right" in table
    found = told(regression(), tmp_path, *both)
    red, blue = (r["values"]["redness"] for r in found["results"])
    assert red == pytest.approx(10 * (9 * 510 - 2000) / 250 + 80)
    assert blue < red
    assert found["results"][0]["unit"] == "%"
    raw = classes().replace(task=RawTask())
    assert told(raw, tmp_path, both[0])["results"][0]["outputs"] == [[[0, 4590, -2295]]]


def test_arrays(picture: Path, tmp_path: Path) -> None:
    x = picture_front_end_of(fomo()).from_file(picture)
    np.save(tmp_path / "x.npy", np.stack([x, x]))
    found = told(fomo(), tmp_path, tmp_path / "x.npy")["results"]
    assert [r["position"] for r in found] == [0, 1]
    assert found[0]["objects"] == found[1]["objects"]
    red = min(found[0]["objects"], key=lambda o: o["x"])
    assert (red["x"], red["y"]) == (12, 7.5)  # in pixels of the input
    np.save(tmp_path / "wrong.npy", x[:5])
    with pytest.raises(PictureError, match=r"wrong\.npy': expected an array of shape"):
        invoke("run", tmp_path / "wrong.npy", "-m", tmp_path / "m.akrt")


def test_drawings(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    same_name = saved(tmp_path / "other" / "scene.jpg", scene(8, 12, {}))
    found = told(fomo(), tmp_path, picture, same_name, "--draw", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == ["scene-2.png", "scene.png"]
    assert found["drawings"][str(picture)] == str(tmp_path / "out" / "scene.png")
    image = np.asarray(Image.open(tmp_path / "out" / "scene.png").convert("RGB"))
    assert image.shape == (480, 720, 3)
    again = ("run", picture, "-m", tmp_path / "m.akrt", "--draw")
    assert "1 drawings in" in invoke(*again, tmp_path / "out")  # its own it may replace
    theirs = saved(tmp_path / "out" / "scene.png", scene(8, 12, {}))
    with pytest.raises(UsageError, match=r"scene\.png' exists and is not what akrt wrote"):
        invoke(*again, tmp_path / "out")
    before = theirs.read_bytes()
    assert theirs.read_bytes() == before
    invoke(*again, tmp_path / "out", "--force")
    assert theirs.read_bytes() != before
    with pytest.raises(UsageError, match="would overwrite a picture"):
        invoke(*again, tmp_path, "--force")


def test_files_that_cannot_be_read_are_named(picture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "good.png").write_bytes(picture.read_bytes())
    (folder / "cut.png").write_bytes(picture.read_bytes()[:80])
    (folder / "text.jpg").write_text("no picture")
    (folder / "phone.heic").write_bytes(b"x")
    found = told(fomo(), tmp_path, folder)
    assert [Path(r["file"]).name for r in found["results"]] == ["good.png"]
    assert [Path(f["file"]).name for f in found["failed"]] == ["cut.png", "text.jpg"]
    assert [Path(s["file"]).name for s in found["skipped"]] == ["phone.heic"]
    (folder / "good.png").unlink()
    with pytest.raises(PictureError, match="nothing was left to look at"):
        invoke("run", folder, "-m", tmp_path / "m.akrt")
    with pytest.raises(PictureError, match=r"text\.jpg' is no picture"):
        invoke("run", folder / "text.jpg", "-m", tmp_path / "m.akrt")


def test_a_network_that_does_not_say_what_it_takes(picture: Path, tmp_path: Path) -> None:
    fomo().replace(preprocessing=None).save(tmp_path / "m.akrt")
    with pytest.raises(UsageError, match="convert it with 'akrt convert IN OUT --image 36x24'"):
        invoke("run", picture, "-m", tmp_path / "m.akrt")
    with pytest.raises(AkrtError, match="takes sound, no pictures|is no picture|not a sound|sound"):
        invoke("run", picture)  # the network that hears
    with pytest.raises(UsageError, match="--draw is for networks that see"):
        invoke("run", picture, "--draw", tmp_path / "out")


def test_the_face_in_a_photograph(tmp_path: Path) -> None:
    """A stranger's network: its integers are akida's, and it finds the face."""
    pytest.importorskip("akida", reason="akida is not installed")
    photographs = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    if not FACES.is_file():
        pytest.skip("models/real/faces.fbz is not beside AKRT_TEST_CASES")
    model = akrt.load(FACES).replace(
        task=FomoTask(), labels=("background", "face"), preprocessing=Picture(160, 160)
    )
    path = saved(tmp_path / "astronaut.png", photographs.astronaut())
    (seen,) = told(model, tmp_path, path)["results"]
    (face,) = seen["objects"]
    assert face["label"] == "face"
    assert 170 < face["x"] < 280  # as the photograph shows
    assert 60 < face["y"] < 190
    front_end = picture_front_end_of(model)
    pictures = [photographs.astronaut(), photographs.coffee(), photographs.camera()]
    x = np.stack([front_end.pixels(p) for p in pictures])
    ours = akrt.Runtime(model, backend="native").forward(x)
    np.testing.assert_array_equal(ours, akrt.Runtime(model, backend="simulator").forward(x))
