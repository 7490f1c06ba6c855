"""``akrt eval``: accuracy on a folder of labelled recordings or pictures."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from akrt.audio import RECORDINGS
from akrt.cli import recordings
from akrt.cli.options import (
    BackendOption,
    DeviceOption,
    FallbackOption,
    JsonOption,
    ModelOption,
)
from akrt.cli.output import print_json, print_line, print_table, progress
from akrt.errors import AudioError, DatasetError, PictureError, UsageError
from akrt.folders import FileKind
from akrt.outputs import Guess, classes_of
from akrt.runtime import Runtime

__all__ = ["evaluate"]


def evaluate(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Holds one folder of recordings, or of pictures for a network that sees, for each "
            "class; for one that finds objects, pictures. Of a recording longer than the "
            "network's clip the clip with the highest score counts. Files that cannot be read are "
            "named at the end: exit status 3 only where nothing was read."
        ),
    ],
    model: ModelOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    fallback: FallbackOption = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="Of a network that finds objects: where they are, a COCO file (.json) or a folder "
            "of YOLO's text files."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Accuracy and accuracy by class on a labelled folder; of detectors precision and recall."""
    if not os.path.isdir(folder):
        raise DatasetError(f"'{folder}' is not a folder")
    try:
        names = sorted(p.name for p in folder.iterdir() if os.path.isdir(p))
    except OSError as error:
        raise DatasetError(f"cannot read the folder '{folder}': {error.strerror}") from None
    with recordings.open_runtime(model, backend, device, fallback) as runtime:
        if runtime.model.task.kind in ("fomo", "yolo"):
            from akrt.cli.eval_detectors import evaluate_detector

            evaluate_detector(runtime, folder, boxes, as_json)
            return
        if boxes is not None:
            raise UsageError("--boxes is for networks that find objects, this one names classes")
        classes_of(runtime.model)
        _refuse_unsaid(runtime, folder)
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
        sees = runtime.model.preprocessing is not None and (
            runtime.model.preprocessing.kind == "picture"
        )
        unit = "pictures" if sees else "clips"
        found = _find(folder, known, _pictures() if sees else RECORDINGS)
        for clip in progress(found.usable, "looking" if sees else "listening"):
            try:
                top, is_longer = _seen(runtime, clip) if sees else _heard(runtime, clip)
            except (AudioError, PictureError) as error:
                found.failed.append((clip, str(error)))
                continue
            word = _class(folder, clip)
            longer += is_longer
            total[word] += 1
            first[word] += top[0].word == word
            third[word] += word in [guess.word for guess in top]
        clips = total.total()
        if not clips:
            raise found.nothing(f"cannot evaluate on '{folder}'")
        if as_json:
            print_json(
                {
                    "model": runtime.model.name,
                    "backend": runtime.backend,
                    "computed_by": recordings.computed_by(runtime),
                    unit: clips,
                    "accuracy": first.total() / clips,
                    "top3_accuracy": third.total() / clips,
                    "classes": {
                        w: {unit: total[w], "right": first[w], "top3": third[w]} for w in known
                    },
                    **({} if sees else {"longer_than_a_clip": longer}),
                    "folders_without_class": other,
                    **found.as_dict(),
                    "statistics": runtime.statistics.as_dict(),
                }
            )
        else:
            rows = [
                [w, str(total[w]), f"{first[w] / total[w]:.1%}" if total[w] else "-"] for w in known
            ]
            print_table(["class", unit, "accuracy"], rows, numeric=(1, 2))
            print_line(
                f"accuracy {first.total() / clips:.2%}, top-3 {third.total() / clips:.2%} "
                f"on {clips} {unit} of {sum(total[w] > 0 for w in known)} classes"
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


def _refuse_unsaid(runtime: Runtime, folder: Path) -> None:
    """A network that does not say what it takes, on a folder of pictures: what to do."""
    if runtime.model.preprocessing is None and not RECORDINGS.files(folder)[0]:
        from akrt.frontends import picture_front_end_of

        if _pictures().files(folder)[0]:
            picture_front_end_of(runtime.model)


def _heard(runtime: Runtime, path: Path) -> tuple[list[Guess], bool]:
    """The best classes, and whether the recording is longer than a clip."""
    heard = recordings.hear(runtime, path, 3)
    return heard.top, heard.clips > 1


def _seen(runtime: Runtime, path: Path) -> tuple[list[Guess], bool]:
    from akrt.cli.answers import TopClasses
    from akrt.cli.pictures import see

    found = see(runtime, path, 3)[0].answer
    assert isinstance(found, TopClasses)  # its outputs are classes
    return found.guesses, False


def _pictures() -> FileKind:
    from akrt.vision import PICTURES

    return PICTURES


def _find(folder: Path, known: list[str], kind: FileKind) -> recordings.Found:
    """The files of a kind in the folders of the classes; those beside them are skipped."""
    files, skipped = kind.files(folder)
    found = recordings.Found(kind)
    for path in files:
        if path.parent == folder:
            found.skipped.append((path, "it is in no folder named after a class"))
        elif _class(folder, path) in known:
            found.files.append(path)
    found.skipped += [s for s in skipped if s[0].parent == folder or _class(folder, s[0]) in known]
    told = {_class(folder, path) for path in found.files} | {path.name for path, _ in skipped}
    for name in known:
        if name not in told:
            found.skipped.append((folder / name, f"no {kind.file} is in the folder of this class"))
    return found
