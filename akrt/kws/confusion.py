"""Confusion matrices as text, CSV and a figure."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import MissingExtraError
from akrt.files import make_folder, write_file
from akrt.kws.scores import Scores

__all__ = ["as_csv", "as_files", "as_text", "draw", "write"]


def as_text(scores: Scores) -> str:
    """Counts: a row for each class, a column for each guess; then the commonest mistakes."""
    table, words = scores.confusion, scores.words
    left = max(len(word) for word in words)
    cell = max(4, len(str(table.max())) + 1)
    head = max(len(word) for word in words)
    lines = [f"{scores.name}: rows are what was said, columns what was heard"]
    for i in range(head):  # column names, read downwards
        letters = [word.rjust(head)[i] for word in words]
        lines.append((" " * left + "".join(letter.rjust(cell) for letter in letters)).rstrip())
    for i, row in enumerate(table):
        counts = (str(n) if n else "." for n in row)
        lines.append(words[i].ljust(left) + "".join(count.rjust(cell) for count in counts))
    mistakes = commonest_mistakes(scores)
    if mistakes:
        lines += ["", "commonest mistakes:"]
        lines += [
            f"  {count:4} of {of} '{said}' heard as '{heard}'"
            for said, heard, count, of in mistakes
        ]
    return "\n".join(lines) + "\n"


def commonest_mistakes(scores: Scores, count: int = 12) -> list[tuple[str, str, int, int]]:
    """(said, heard, clips, clips of that class), the commonest first."""
    wrong = scores.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    found = []
    for said, heard in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if wrong[said, heard]:
            of = int(scores.confusion[said].sum())
            found.append((scores.words[said], scores.words[heard], int(wrong[said, heard]), of))
    return found


def as_csv(scores: Scores) -> str:
    """Counts with a header of guesses and a first column of classes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["said / heard", *scores.words])
    for word, row in zip(scores.words, scores.confusion.tolist(), strict=True):
        writer.writerow([word, *row])
    return text.getvalue()


def draw(scores: Scores, title: str | None = None) -> Any:
    """The matrix as a matplotlib figure: the share of each class's clips, in percent.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "drawing a confusion matrix") from error
    words = scores.words
    classes = len(words)
    share = _percent(scores.confusion)
    side = max(5.0, 0.36 * classes + 2)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, label="% of the clips of the class")
    axes.set_xticks(range(classes), words, rotation=90)
    counts = scores.confusion.sum(axis=1)
    axes.set_yticks(range(classes), [f"{w} ({n})" for w, n in zip(words, counts, strict=True)])
    axes.set_xlabel("predicted")
    axes.set_ylabel("true (clips)")
    top3 = scores.accuracy(3)
    axes.set_title(
        title
        or f"{scores.name}: accuracy {scores.accuracy():.2%}, top-3 {top3:.2%}, "
        f"{len(scores.truth):,} clips"
    )
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.9", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    for i, j in zip(*np.nonzero(share >= 0.5), strict=True):
        axes.text(
            j,
            i,
            f"{share[i, j]:.0f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if share[i, j] > 55 else "0.15",
        )
    return figure


def _percent(table: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    share: npt.NDArray[np.float64] = 100.0 * table / np.maximum(table.sum(1, keepdims=True), 1)
    return share


def as_files(scores: Scores, stem: str, figure: bool = True) -> dict[str, bytes]:
    """The contents of ``stem.txt``, ``stem.csv`` and, if asked for, ``stem.png``.

    Raises:
        MissingExtraError: a figure is asked for and matplotlib is not installed.
    """
    contents: dict[str, bytes] = {
        f"{stem}.txt": as_text(scores).encode(),
        f"{stem}.csv": as_csv(scores).encode(),
    }
    if figure:
        drawn = io.BytesIO()
        draw(scores).savefig(drawn, format="png", dpi=110)
        contents[f"{stem}.png"] = drawn.getvalue()
    return contents


def write(scores: Scores, folder: Path, stem: str, figure: bool = True) -> list[Path]:
    """Those files in a folder, each whole or not; files of these names are replaced.

    Raises:
        OutputError: the folder cannot be written to.
        MissingExtraError: a figure is asked for and matplotlib is not installed.
    """
    contents = as_files(scores, stem, figure)
    make_folder(folder)
    for name, data in contents.items():
        write_file(folder / name, data)
    return [folder / name for name in contents]
