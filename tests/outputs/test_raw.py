"""Outputs that mean nothing, and the tasks that travel in a model's file."""

from __future__ import annotations

from pathlib import Path

import pytest
from outputs.grids import grid_model

import akrt
from akrt.errors import ModelError, ModelFileError, UsageError
from akrt.model import (
    TASKS,
    ClassTask,
    FomoTask,
    RawTask,
    RegressionTask,
    Task,
    YoloTask,
    encoding,
)
from akrt.model.file import from_bytes
from akrt.outputs import OUTPUTS, Raw, classes_of, output_of

GIVEN = (
    RawTask(),
    FomoTask(0.25),
    YoloTask(((0.5, 1), (2, 3.25)), 0.3, 0.4),
    RegressionTask(2, 0.5, "mm"),
)


def test_raw_outputs_may_have_an_activation() -> None:
    model = grid_model(2, 2, RawTask(), 3, act_bits=4)
    assert isinstance(output_of(model), Raw)


def test_every_task_is_read() -> None:
    assert OUTPUTS.keys() == TASKS.keys()
    for kind, task in TASKS.items():
        assert task.kind == kind
        assert task().text.isascii()


@pytest.mark.parametrize("task", GIVEN, ids=lambda task: task.kind)
def test_a_task_travels(task: Task, tmp_path: Path) -> None:
    model = grid_model(2, 2, task, 12)
    model.save(tmp_path / "m.akrt")
    found = akrt.load(tmp_path / "m.akrt")
    assert found.task == task
    assert encoding.describe(found)["format"] == 3
    assert encoding.to_bytes(found) == (tmp_path / "m.akrt").read_bytes()
    assert encoding.content_hash(found) == encoding.content_hash(model)
    other = grid_model(2, 2, ClassTask(), 12)
    assert encoding.content_hash(other) != encoding.content_hash(model)
    with pytest.raises(UsageError, match="outputs of 'grid' are no classes"):
        classes_of(found)


def test_classes_are_written_as_before() -> None:
    """Older readers read all that they can; a task that they do not know they refuse by format."""
    described = encoding.describe(grid_model(2, 2, ClassTask(), 4))
    assert described["format"] == 1
    assert "task" not in described


def altered(**changes: object) -> bytes:
    from safetensors.numpy import save

    model = grid_model(2, 2, YoloTask(((1, 1),)), 6)
    head, arrays = encoding.describe(model), encoding.tensors(model)
    head.update(changes)
    head["sha256"] = encoding.digest(head, arrays)
    return save(arrays, {encoding.METADATA_KEY: encoding.canonical(head)})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": {"kind": "segments"}}, "unknown task 'segments': upgrade akrt"),
        ({"task": {"kind": ["yolo"]}}, "unknown task"),
        ({"task": None}, "malformed"),
        ({"task": {"kind": "yolo", "anchors": 5}}, "anchors must be pairs"),
        ({"task": {"kind": "yolo", "anchors": [[1, 1], [2, 2]]}}, "6 outputs .* no 2 anchors"),
        ({"task": {"kind": "yolo", "anchors": [[1, 1]], "colour": 1}}, "malformed"),
        ({"task": {"kind": "fomo", "threshold": "much"}}, "threshold must be"),
        ({"labels": ["a", "b"]}, "2 labels for 1 classes of task yolo"),
    ],
)
def test_damaged_tasks_are_refused(changes: dict[str, object], words: str) -> None:
    assert from_bytes(altered()).task == YoloTask(((1, 1),))
    with pytest.raises((ModelFileError, ModelError), match=words):
        from_bytes(altered(**changes))


def test_what_is_no_task() -> None:
    with pytest.raises(ModelError, match="task must be what outputs mean"):
        grid_model(2, 2, "fomo", 4)
