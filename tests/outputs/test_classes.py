"""What outputs mean: every kind has its Python, its C and its line; classes win and score so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import akrt
from akrt.cli.commands import app
from akrt.decision import StreamSettings, decision_rule
from akrt.model import Convolutional, InputData, Mfcc, Model
from akrt.outputs import OUTPUTS, output_of
from akrt.runtime import bundled_model
from firmware_export.class_output import IN_C

ROOT = Path(__file__).parents[2]


def test_every_kind_has_c_and_documentation() -> None:
    page = (ROOT / "docs" / "front_ends.md").read_text()
    assert IN_C.keys() == OUTPUTS.keys()
    for kind, entry in OUTPUTS.items():
        assert entry.kind == kind
        assert re.search(rf"^\| `{kind}` \|", page, re.M)
        assert (ROOT / "tests" / "outputs" / f"test_{kind}.py").is_file()


def test_scores_are_shares() -> None:
    classes = output_of(bundled_model())
    scores = classes.scores(np.log(np.float32([[1, 2, 5], [3, 3, 2]])))
    np.testing.assert_allclose(scores, [[1 / 8, 2 / 8, 5 / 8], [3 / 8, 3 / 8, 2 / 8]], rtol=1e-6)
    assert classes.scores(np.float32([1e30, -1e30])).tolist() == [1, 0]


def test_the_best_are_named_first_of_equals_first() -> None:
    model = akrt.Model((InputData("in", (1, 1, 4), 4),), labels=("a", "b", "_c_", "d"))
    classes = output_of(model)
    best = classes.best(np.float32([1, 3, 3, 0]), 3)
    assert [guess.word for guess in best] == ["b", "_c_", "a"]
    assert best[0].score == best[1].score == pytest.approx(np.exp(3) / (1 + np.e + 2 * np.exp(3)))
    assert len(classes.best(np.float32([1, 3, 3, 0]), 9)) == 4
    assert classes.is_word.tolist() == [True, True, False, True]
    nameless = output_of(model.replace(labels=None))
    assert nameless.names == ("0", "1", "2", "3")
    assert nameless.is_word.all()


def test_streams_detect_the_words_alone() -> None:
    model = bundled_model()
    rule = decision_rule(model, StreamSettings())
    assert [name for name, word in zip(model.labels, rule.is_word, strict=True) if not word] == [
        "_silence_"
    ]


@pytest.mark.parametrize("labels", [("_quiet_", "loud"), None])
def test_a_network_that_answers_at_many_positions(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    """A recording's class is that of the position with the highest score."""
    layer = Convolutional(
        name="where",
        weights=np.array([[[[-1, 1]]]], np.int8),
        weights_bits=2,
        act_bits=None,
        threshold=np.array([-8, 8], np.int32),
        act_step=np.full(2, 4, np.float32),
    )
    data = InputData("in", (49, 10, 1), 4)
    mfcc = Mfcc(scale=0.05, offset=8)  # bytes within 4 bits
    model = Model((data, layer), labels=labels, preprocessing=mfcc)
    model.save(tmp_path / "m.akrt")
    loud = np.random.default_rng(0).normal(0, 0.2, 20000).astype(np.float32)
    soundfile.write(tmp_path / "loud.wav", loud, 16000)
    arguments = ["run", str(tmp_path / "loud.wav"), "-m", str(tmp_path / "m.akrt")]
    done = CliRunner().invoke(app, [*arguments, "--backend", "native"], catch_exceptions=False)
    assert re.search(rf"loud\.wav +{'loud' if labels else '[01]'} ", done.stdout), done.stdout
