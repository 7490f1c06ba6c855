"""``akrt eval``: accuracy on a folder of labelled recordings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from akrt.cli import recordings
from akrt.cli.options import (
    BackendOption,
    DeviceOption,
    FallbackOption,
    JsonOption,
    ModelOption,
)
from akrt.cli.output import print_error, print_json, print_line, print_table, progress
from akrt.errors import AkrtError, AudioError, DatasetError

__all__ = ["evaluate"]


def evaluate(
    folder: Annotated[Path, typer.Argument(help="Holds one folder of recordings for each class.")],
    model: ModelOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    fallback: FallbackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accuracy, top-3 accuracy and accuracy by class on a labelled folder."""
    if not folder.is_dir():
        raise DatasetError(f"'{folder}' is not a folder")
    with recordings.open_runtime(model, backend, device, fallback) as runtime:
        labels = runtime.model.labels
        if labels is None:
            raise DatasetError(
                f"the model '{runtime.model.name}' has no class names: add them with "
                f"'akrt convert IN OUT --labels FILE'"
            )
        names = sorted(p.name for p in folder.iterdir() if p.is_dir())
        known = [name for name in names if name in labels]
        if not known:
            raise DatasetError(
                f"no folder in '{folder}' is named after a class of '{runtime.model.name}'"
            )
        skipped = [name for name in names if name not in labels]
        total: Counter[str] = Counter()
        first: Counter[str] = Counter()
        third: Counter[str] = Counter()
        failed: list[str] = []
        for clip in progress(recordings.expand([folder / name for name in known]), "listening"):
            try:
                heard = recordings.hear(runtime, clip, 3)
            except AudioError as error:
                failed.append(str(error))
                continue
            word = clip.relative_to(folder).parts[0]
            total[word] += 1
            first[word] += heard.word == word
            third[word] += word in [guess.word for guess in heard.top]
        clips = total.total()
        if not clips:
            raise DatasetError(f"none of the {len(failed)} files in '{folder}' could be read")
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
                    "folders_without_class": skipped,
                    "failed": failed,
                    "statistics": runtime.statistics.as_dict(),
                }
            )
        else:
            rows = [[w, str(total[w]), f"{first[w] / max(total[w], 1):.1%}"] for w in known]
            print_table(["class", "clips", "accuracy"], rows, numeric=(1, 2))
            print_line(
                f"accuracy {first.total() / clips:.2%}, top-3 {third.total() / clips:.2%} "
                f"on {clips} clips of {len(known)} classes"
            )
            if skipped:
                print_line(f"folders that are no class of the model: {', '.join(skipped)}")
            print_line(f"computed by {runtime.statistics}")
        for failure in failed:
            print_error(failure)
        if failed:
            raise typer.Exit(AkrtError.exit_code)
