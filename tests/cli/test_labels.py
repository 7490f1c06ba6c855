"""Class names from the files that training tools write."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import akrt
from akrt.cli.commands import app
from akrt.cli.labels import with_labels
from akrt.errors import InputError
from akrt.model import InputData, Model

MODEL = Model((InputData("in", (2, 2, 2), 4),), name="two")


@pytest.mark.parametrize(
    "content",
    [
        b"Up\nDown\n",
        b"\xef\xbb\xbfUp\r\nDown\r\n",
        b'["Up", "Down"]',
        b'\xef\xbb\xbf["Up", "Down"]',
        b'{"Down": 1, "Up": 0}',
        b'{"1": "Down", "0": "Up"}',
    ],
)
def test_every_form(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels").write_bytes(content)
    assert with_labels(MODEL, tmp_path / "labels").labels == ("Up", "Down")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Up\n", "holds 1 class names, but 'two' has 2 outputs"),
        (b'{"Up": 0, "Down": 2}', "indices must be 0..1, each once"),
        (b'{"0": "Up", "2": "Down"}', "indices must be 0..1"),
        (b'{"Up": true, "Down": 0}', "indices must be 0..1"),
        (b"[1, 2]", "holds no class names: expected a JSON list"),
        (b"[" * 100_000, "outputs|no class names"),
        (b"", "holds no class names"),
        (b"\xff\xfeU\0p\0", "not UTF-8"),
        (None, "No such file"),
    ],
)
def test_files_that_hold_none(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "labels").write_bytes(content)
    with pytest.raises(InputError, match=message):
        with_labels(MODEL, tmp_path / "labels")


def test_the_verb(tmp_path: Path) -> None:
    MODEL.save(tmp_path / "in.akrt")
    labels = tmp_path / "labels.json"
    labels.write_bytes(b'{"0": "Up", "1": "Down"}')
    done = CliRunner().invoke(
        app,
        [
            "convert",
            f"{tmp_path}/in.akrt",
            f"{tmp_path}/out.akrt",
            "--labels",
            f"{tmp_path}/labels.json",
        ],
    )
    assert done.exit_code == 0, done.output
    assert akrt.load(tmp_path / "out.akrt").labels == ("Up", "Down")
    done = CliRunner().invoke(
        app, ["convert", f"{tmp_path}/in.akrt", f"{tmp_path}/o.akrt", "--input-scaling", "five"]
    )
    assert "--input-scaling takes SCALE,SHIFT" in str(done.exception)
