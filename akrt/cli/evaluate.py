"""``akrt eval``: accuracy on a folder of labelled recordings."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from akrt.audio import recordings_in
from akrt.cli import recordings
from akrt.cli.options import (
    BackendOption,
    DeviceOption,
    FallbackOption,
    JsonOption,
    ModelOption,
)
from akrt.cli.output import print_json, print_line, print_table, progress
from akrt.errors import AudioError, DatasetError

__all__ = ["evaluate"]


def evaluate(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Holds one folder of recordings for each class. Of a recording longer than the "
            "network's clip the clip with the highest score counts. Files that cannot be read are "
            "named at the end: exit status 3 only where nothing was heard."
        ),
    ],
    model: ModelOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    fallback: FallbackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accuracy, top-3 accuracy and accuracy by class on a labelled folder."""
    if not os.path.isdir(folder):
        raise DatasetError(f"'{folder}' is not a folder")
    try:
        names = sorted(p.name for p in folder.iterdir() if os.path.isdir(p))
    except OSError as error:
        raise DatasetError(f"cannot read the folder '{folder}': {error.strerror}") from None
    with recordings.open_runtime(model, backend, device, fallback) as runtime:
        labels = runtime.model.labels
        if labels is None:
            raise DatasetError(
                f"the model '{runtime.model.name}' has no class names: add them with "
                f"'akrt convert IN OUT --labels FILE'"
            )
        known = [name for name in names if name in labels]
        if not known:
            raise DatasetError(
                f"no folder in '{folder}' is named after a class of '{runtime.model.name}'"
            )
        other = [name for name in names if name not in labels]
        total: Counter[str] = Counter()
        first: Counter[str] = Counter()
        third: Counter[str] = Counter()
        longer = 0
        found = _find(folder, known)
        for clip in progress(found.usable, "listening"):
            try:
                heard = recordings.hear(runtime, clip, 3)
            except AudioError as error:
                found.failed.append((clip, str(error)))
                continue
            word = _class(folder, clip)
            longer += heard.clips > 1
            total[word] += 1
            first[word] += heard.word == word
            third[word] += word in [guess.word for guess in heard.top]
        clips = total.total()
        if not clips:
            raise found.nothing(f"cannot evaluate on '{folder}'")
        if as_json:
            print_json(
                {
                    "model": runtime.model.name,
                    "backend": runtime.backend,
                    "computed_by": recordings.computed_by(runtime),
                    "clips": clips,
                    "accuracy": first.total() / clips,
                    "top3_accuracy": third.total() / clips,
                    "classes": {
                        w: {"clips": total[w], "right": first[w], "top3": third[w]} for w in known
                    },
                    "longer_than_a_clip": longer,
                    "folders_without_class": other,
                    **found.as_dict(),
                    "statistics": runtime.statistics.as_dict(),
                }
            )
        else:
            rows = [
                [w, str(total[w]), f"{first[w] / total[w]:.1%}" if total[w] else "-"] for w in known
            ]
            print_table(["class", "clips", "accuracy"], rows, numeric=(1, 2))
            print_line(
                f"accuracy {first.total() / clips:.2%}, top-3 {third.total() / clips:.2%} "
                f"on {clips} clips of {sum(total[w] > 0 for w in known)} classes"
            )
            if longer:
                print_line(
                    f"{longer} recordings are longer than the network's clip: the clip with the "
                    f"highest score counted"
                )
            if other:
                print_line(f"folders that are no class of the model: {', '.join(other)}")
            print_line(f"computed by {runtime.statistics}")
        found.tell()


def _class(folder: Path, path: Path) -> str:
    return path.relative_to(folder).parts[0]


def _find(folder: Path, known: list[str]) -> recordings.Found:
    """The recordings in the folders of the classes; those beside them are skipped."""
    files, skipped = recordings_in(folder)
    found = recordings.Found()
    for path in files:
        if path.parent == folder:
            found.skipped.append((path, "it is in no folder named after a class"))
        elif _class(folder, path) in known:
            found.files.append(path)
    found.skipped += [s for s in skipped if s[0].parent == folder or _class(folder, s[0]) in known]
    told = {_class(folder, path) for path in found.files} | {path.name for path, _ in skipped}
    for name in known:
        if name not in told:
            found.skipped.append((folder / name, "no sound file is in the folder of this class"))
    return found
