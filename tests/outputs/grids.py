"""Networks that answer at every cell of a grid, for tests of what outputs mean."""

from __future__ import annotations

import numpy as np

from akrt.model import Convolutional, InputData, Model, Task


def grid_model(
    rows: int,
    columns: int,
    task: Task,
    channels: int,
    labels: tuple[str, ...] | None = None,
    threshold: np.ndarray | None = None,
    act_step: np.ndarray | None = None,
    act_bits: int | None = None,
) -> Model:
    """The input is the output, less a threshold and divided by an act_step."""
    layer = Convolutional(
        name="last",
        weights=np.eye(channels, dtype=np.int8)[None, None],
        weights_bits=2,
        act_bits=act_bits,
        threshold=np.zeros(channels, np.int32) if threshold is None else threshold,
        act_step=np.full(channels, 16, np.float32) if act_step is None else act_step,
    )
    data = InputData("in", (rows, columns, channels), 4)
    return Model((data, layer), name="grid", labels=labels, task=task)
