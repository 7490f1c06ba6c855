"""``akrt convert --image --task``: what travels with a model, what is refused, what is advised."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import akrt
from akrt.cli.commands import app
from akrt.errors import AkrtError, UsageError
from akrt.model import (
    Convolutional,
    FomoTask,
    InputConvolutional,
    Model,
    Picture,
    RegressionTask,
    YoloTask,
)


def sees(channels: int = 3, outputs: int = 3) -> Model:
    """24 x 32 pixels to 12 x 16 cells."""
    first = InputConvolutional(
        name="first",
        input_shape=(24, 32, channels),
        weights=np.ones((3, 3, channels, 4), np.int8),
        weights_bits=8,
        act_bits=4,
        threshold=np.zeros(4, np.int32),
        act_step=np.full(4, 500, np.float32),
        stride=(2, 2),
    )
    last = Convolutional(
        name="last",
        weights=np.ones((1, 1, 4, outputs), np.int8),
        weights_bits=2,
        act_bits=None,
        threshold=np.zeros(outputs, np.int32),
        act_step=np.full(outputs, 8, np.float32),
    )
    return Model((first, last), name="sees")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    sees().save(tmp_path / "in.akrt")
    return tmp_path / "in.akrt"


def convert(source: Path, *options: str) -> tuple[str, Model]:
    target = source.parent / "out.akrt"
    done = CliRunner().invoke(app, ["convert", str(source), str(target), "--force", *options])
    if done.exception is not None:
        raise done.exception
    return done.stdout, akrt.load(target)


def names(source: Path, *labels: str) -> str:
    path = source.parent / "labels.txt"
    path.write_text("\n".join(labels))
    return str(path)


def test_a_detector(source: Path) -> None:
    options = ["--labels", names(source, "nothing", "cat", "dog"), "--image", "32x24"]
    told, model = convert(source, *options, "--task", "fomo", "--threshold", "0.7")
    assert model.preprocessing == Picture(24, 32)
    assert model.task == FomoTask(0.7)
    assert model.labels == ("nothing", "cat", "dog")
    assert "look" not in told
    shown = CliRunner().invoke(app, ["summary", str(source.parent / "out.akrt")]).stdout
    assert "picture of 32x24 (width x height), RGB, fit crop, area resampling" in shown
    assert "outputs  fomo: cells, the background first, objects from a score of 0.7" in shown
    shown = CliRunner().invoke(app, ["summary", "--json", str(source.parent / "out.akrt")]).stdout
    assert json.loads(shown)["task"] == {"kind": "fomo", "threshold": 0.7}


def test_every_option(tmp_path: Path) -> None:
    sees(1, 12).save(tmp_path / "in.akrt")
    fit = ["--image", "32x24", "--fit", "border", "--border", "9", "--resampling", "bilinear"]
    boxes = ["--task", "yolo", "--anchors", "1,2:3.5,4", "--overlap", "0.3"]
    _, model = convert(tmp_path / "in.akrt", *fit, *boxes)
    assert model.preprocessing == Picture(24, 32, 1, "border", "bilinear", 9)
    assert model.task == YoloTask(((1, 2), (3.5, 4)), overlap=0.3)
    scaled = ["--output-scale", "2", "--output-offset", "-1", "--unit", "mm"]
    _, model = convert(tmp_path / "in.akrt", "--task", "regression", *scaled)
    assert model.task == RegressionTask(2, -1, "mm")


def test_shapes_are_advice_and_no_more(source: Path) -> None:
    told, model = convert(source)
    assert model.preprocessing is None
    assert model.task.kind == "classes"
    assert "looks like an RGB picture: if it is one, convert with --image 32x24 --fit crop" in told
    assert "look like a grid of 16x12 cells with 3 values: --task fomo, if they are a" in told
    assert "yolo" not in told
    sees(1, 12).save(source)
    assert "--task yolo --anchors ..., if they are boxes of 1 or 2 anchors" in convert(source)[0]
    done = CliRunner().invoke(app, ["summary"])
    assert "look" not in done.stdout  # the network that hears


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--image", "24x32"], r"takes 32x24 \(width x height\), got 24x32"),
        (["--image", "big"], "--image takes WIDTHxHEIGHT"),
        (["--image", "32x24", "--mfcc"], "either --mfcc or --image"),
        (["--fit", "crop"], "need --image"),
        (["--image", "32x24", "--fit", "stretch"], "fit must be crop, border, squash"),
        (["--image", "32x24", "--border", "3"], "--border needs --fit border"),
        (["--task", "segments"], "--task must be classes, fomo, yolo, regression, raw"),
        (["--task", "yolo"], "needs --anchors"),
        (["--task", "yolo", "--anchors", "1;2"], "--anchors takes W,H:W,H"),
        (["--task", "yolo", "--anchors", "1,2"], "3 outputs at each position are no 1 anchors"),
        (["--task", "fomo", "--overlap", "0.5"], "--task fomo takes no --overlap"),
        (["--task", "fomo", "--threshold", "7"], r"must be 0\.01\.\.0\.99, got 7"),
        (["--threshold", "0.5"], "--threshold needs --task"),
        (["--task", "raw", "--output-scale", "2"], "--task raw takes no --output-scale"),
    ],
)
def test_refusals(source: Path, options: list[str], words: str) -> None:
    with pytest.raises(AkrtError, match=words) as refused:
        convert(source, *options)
    assert refused.value.exit_code in (2, 3)
    assert not (source.parent / "out.akrt").exists()


def test_labels_of_the_wrong_number(source: Path) -> None:
    with pytest.raises(AkrtError, match="2 class names, but 'sees' has 3 outputs, the first of wh"):
        convert(source, "--task", "fomo", "--labels", names(source, "cat", "dog"))
    _, model = convert(source, "--labels", names(source, "a", "b", "c"))
    model.replace(labels=("a", "b", "c")).save(source)
    sees(3, 12).replace(labels=tuple("abcdefghijkl")).save(source)
    with pytest.raises(AkrtError, match="12 labels for 1 classes of task yolo"):
        convert(source, "--task", "yolo", "--anchors", "1,1:2,2")
    boxes = ["--task", "yolo", "--anchors", "1,1:2,2", "--labels", names(source, "cat")]
    assert convert(source, *boxes)[1].labels == ("cat",)


def test_an_fbz_has_no_place(source: Path) -> None:
    for options in (["--image", "32x24"], ["--task", "fomo"]):
        done = CliRunner().invoke(app, ["convert", str(source), "out.fbz", *options])
        assert isinstance(done.exception, UsageError)
        assert "no place for" in str(done.exception)
