"""Networks that see colours, for tests: every block of 3 x 3 pixels is a cell."""

from __future__ import annotations

import numpy as np

from akrt.model import (
    ClassTask,
    FomoTask,
    InputConvolutional,
    Model,
    Picture,
    RegressionTask,
    Task,
    YoloTask,
)

RED, BLUE, GREY = (255, 0, 0), (0, 0, 255), (90, 90, 90)


def network(task: Task, weights: list[tuple[int, int, int]], shape: tuple[int, int]) -> Model:
    """An output for each weight of red, green and blue; logits of pure colours are about 10."""
    kernel = np.tile(np.array(weights, np.int8).T, (3, 3, 1, 1))
    plain = np.array([not any(row) for row in weights])
    layer = InputConvolutional(
        name="colours",
        input_shape=(*shape, 3),
        weights=kernel,
        weights_bits=8,
        act_bits=None,
        padding="valid",
        stride=(3, 3),
        threshold=np.where(plain, 0, 2000).astype(np.int32),
        act_step=np.full(len(weights), 250, np.float32),
    )
    return Model((layer,), name="colours", task=task, preprocessing=Picture(*shape))


NOTHING, REDDISH, BLUISH = (0, 0, 0), (2, -1, -1), (-1, -1, 2)


def fomo(rows: int = 8, columns: int = 12, fit: str = "squash") -> Model:
    """Finds red and blue cells."""
    model = network(FomoTask(), [NOTHING, REDDISH, BLUISH], (3 * rows, 3 * columns))
    picture = Picture(3 * rows, 3 * columns, fit=fit)
    return model.replace(labels=("nothing", "red", "blue"), preprocessing=picture)


def yolo(rows: int = 8, columns: int = 12) -> Model:
    """Finds red and blue boxes of 2 x 1 cells around every cell that is red or blue."""
    weights = [NOTHING] * 4 + [(2, -4, 2), REDDISH, BLUISH]
    shape = (3 * rows, 3 * columns)
    model = network(YoloTask(((2.0, 1.0),)), weights, shape)
    return model.replace(labels=("red", "blue"))


def classes() -> Model:
    """Names the colour of a picture."""
    model = network(ClassTask(), [NOTHING, REDDISH, BLUISH], (3, 3))
    return model.replace(labels=("nothing", "red", "blue"))


def regression() -> Model:
    """How red a picture is: 0 to 100."""
    model = network(RegressionTask(10, 80, "%"), [REDDISH], (3, 3))
    return model.replace(labels=("redness",))


def scene(
    rows: int, columns: int, cells: dict[tuple[int, int], tuple[int, ...]], size: int = 10
) -> np.ndarray:
    """A grey picture of so many cells, `size` pixels each, some of which have a colour."""
    pixels = np.full((rows * size, columns * size, 3), GREY, np.uint8)
    for (row, column), colour in cells.items():
        pixels[row * size : (row + 1) * size, column * size : (column + 1) * size] = colour
    return pixels
