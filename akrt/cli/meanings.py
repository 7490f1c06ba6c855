"""What input and outputs of a model mean, from the options of ``akrt convert``."""

from __future__ import annotations

import re
from typing import Any

from akrt.errors import UsageError
from akrt.model import TASKS, ClassTask, Model, Picture, Task, YoloTask

__all__ = ["advice", "picture", "task"]

_LEAST_PICTURE = 16
"""Rows and columns of what looks like a picture, and not like features of sound."""


def picture(model: Model, image: str, options: dict[str, Any]) -> Picture:
    """The front end of ``--image WxH`` for `model`.

    Args:
        model: the network; its channels are those of the front end.
        image: the option's value.
        options: fields of `Picture` that were given; of None the default counts.

    Raises:
        UsageError: it is no size, or not that of the network's input.
        ModelError: a value that makes no sense.
    """
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", image.strip())
    if match is None:
        raise UsageError(f"--image takes WIDTHxHEIGHT such as 160x160, got '{image}'")
    width, height = map(int, match.groups())
    rows, columns, channels = model.input_shape
    if channels not in (1, 3):
        raise UsageError(
            f"--image: the input of '{model.name}' has {channels} channels, a picture 1 or 3"
        )
    if (width, height) != (columns, rows):
        raise UsageError(
            f"--image: '{model.name}' takes {columns}x{rows} (width x height), got {width}x{height}"
        )
    given = {name: value for name, value in options.items() if value is not None}
    return Picture(height=height, width=width, channels=channels, **given)


def task(kind: str | None, options: dict[str, Any]) -> Task:
    """The task of ``--task`` and the options that belong to it.

    Args:
        kind: the option's value.
        options: fields of tasks that were given; those that are None were not.

    Raises:
        UsageError: no such task, or an option of another one.
        ModelError: a value that makes no sense.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if kind is None:
        if given:
            raise UsageError(f"{_option(next(iter(given)))} needs --task")
        return ClassTask()
    if kind not in TASKS:
        raise UsageError(f"--task must be {', '.join(TASKS)}, got '{kind}'")
    wanted = TASKS[kind]
    for name in given:
        if name not in wanted.__dataclass_fields__:
            raise UsageError(f"--task {kind} takes no {_option(name)}")
    if wanted is YoloTask:
        if "anchors" not in given:
            raise UsageError("--task yolo needs --anchors W,H:W,H:... in cells, as it was trained")
        given["anchors"] = _anchors(given["anchors"])
    return wanted(**given)


def _option(name: str) -> str:
    return f"--output-{name}" if name in ("scale", "offset") else f"--{name}"


def _anchors(text: str) -> tuple[tuple[float, ...], ...]:
    try:
        pairs = tuple(tuple(float(value) for value in pair.split(",")) for pair in text.split(":"))
    except ValueError:
        pairs = ()
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise UsageError(
            f"--anchors takes W,H:W,H:... in cells, such as 0.57,0.67:1.87,2.06, got '{text:.80}'"
        )
    return pairs


def advice(model: Model) -> list[str]:
    """What the shapes of a model look like that says nothing of them: lines for people.

    It is never taken by itself: other networks have such shapes too.
    """
    if model.preprocessing is not None or model.task != ClassTask():
        return []
    rows, columns, channels = model.input_shape
    is_bytes = model.entry.dtype == "uint8" and model.input_bits == 8
    if channels not in (1, 3) or min(rows, columns) < _LEAST_PICTURE or not is_bytes:
        return []
    colours = "an RGB" if channels == 3 else "a grey"
    lines = [
        f"the input looks like {colours} picture: if it is one, convert with --image "
        f"{columns}x{rows} --fit crop|border|squash, as it was trained"
    ]
    down, across, outputs = model.output_shape
    if down * across > 1 and outputs > 1:
        text = f"the outputs look like a grid of {across}x{down} cells with {outputs} values: "
        text += f"--task fomo, if they are a background and {outputs - 1} classes"
        counts = [n for n in range(1, 11) if outputs % n == 0 and outputs // n >= 6]
        if counts:
            text += (
                f"; --task yolo --anchors ..., if they are boxes of {' or '.join(map(str, counts))}"
                f" anchors"
            )
        lines.append(text)
    elif outputs == 1:
        lines.append("the only output looks like a quantity: --task regression, if it is one")
    return lines
