"""``akrt run``: what the network says to recordings, pictures or arrays."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import typer

from akrt.cli import recordings
from akrt.cli.options import (
    BackendOption,
    DeviceOption,
    FallbackOption,
    ForceOption,
    JsonOption,
    ModelOption,
)
from akrt.cli.output import print_json, print_line, print_table, progress
from akrt.cli.recordings import Heard
from akrt.errors import AudioError, DeviceError, InputError, UsageError
from akrt.files import read_array
from akrt.outputs import classes_of
from akrt.runtime import Runtime

__all__ = ["run"]


def run(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="Sound files, or pictures for a network that sees, folders of them, or .npy "
            "arrays. Of a recording longer than "
            "the network's clip the clip with the highest score counts, and is told. "
            "Of a network with memory the samples of an array are steps in time. Files that "
            "cannot be read are named at the end: exit status 3 only where nothing was read.",
        ),
    ] = None,
    model: ModelOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    fallback: FallbackOption = None,
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="Run the clips that ship.")] = False,
    draw: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Pictures: write them there with what was found."),
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Name the word in every recording, or what is in every picture, and how long it took."""
    if demo == bool(paths):
        raise UsageError("name the files to run, or use --demo for the clips that ship")
    with recordings.open_runtime(model, backend, device, fallback) as runtime:
        if demo:
            with as_file(files("akrt") / "data" / "clips") as folder:
                _run(runtime, [Path(folder)], top, as_json, relative_to=Path(folder))
        elif _sees(runtime, paths or []):
            from akrt.cli.pictures import run_pictures

            run_pictures(runtime, paths or [], top, as_json, draw, force)
        elif draw is not None:
            raise UsageError("--draw is for networks that see: this one takes no pictures")
        else:
            _run(runtime, paths or [], top, as_json)


def _sees(runtime: Runtime, paths: list[Path]) -> bool:
    """Whether the network sees; one that hears loads nothing of it."""
    if runtime.model.preprocessing is not None and runtime.model.preprocessing.kind == "mfcc":
        return False
    from akrt.cli.pictures import sees

    return sees(runtime, paths)


def _run(
    runtime: Runtime,
    paths: list[Path],
    top: int,
    as_json: bool,
    relative_to: Path | None = None,
) -> None:
    found = recordings.expand(paths)
    heard: list[Heard] = []
    arrays: list[dict[str, Any]] = []
    lost: DeviceError | None = None
    for path in progress(found.usable, "listening"):
        try:
            if path.suffix.lower() in (".npy", ".npz"):
                arrays += _run_array(runtime, path, top)
            else:
                heard.append(recordings.hear(runtime, path, top))
        except (AudioError, _ArrayError) as error:
            found.failed.append((path, str(error)))
        except DeviceError as error:  # what was heard before is not lost
            lost = error
            break
    if not heard and not arrays:
        raise lost or found.nothing("nothing was run")
    labels = set(runtime.model.labels or ())
    known = [h for h in heard if Path(h.file).parent.name in labels]
    right = sum(h.word == Path(h.file).parent.name for h in known)
    if as_json:
        print_json(
            {
                "model": runtime.model.name,
                "akida_version": runtime.model.version,
                "backend": runtime.backend,
                "computed_by": recordings.computed_by(runtime),
                "results": [*(h.as_dict() for h in heard), *arrays],
                **found.as_dict(),
                "labelled": len(known),
                "right": right,
            }
        )
    else:
        if heard:
            _print_heard(heard, top, relative_to)
        if arrays:
            _print_arrays(arrays)
        network = f"{runtime.model.name}, a network of Akida {runtime.model.version}.0"
        print_line(f"{network}: computed by {runtime.computed_by}")
        if known:
            print_line(
                f"{right} of {len(known)} clips in folders named after a word were named right"
            )
    found.tell()
    if lost is not None:
        raise lost


class _ArrayError(InputError):
    """One array of several cannot be run."""


def _print_heard(heard: list[Heard], top: int, relative_to: Path | None) -> None:
    any_long = any(h.where for h in heard)
    rows = []
    for h in heard:
        name = Path(h.file)
        shown = name.relative_to(relative_to) if relative_to else name
        others = ", ".join(f"{g.word} {g.score:.3f}" for g in h.top[1:])
        rows.append(
            [
                str(shown),
                h.word,
                f"{h.top[0].score:.3f}",
                f"{h.features_ms:.2f}",
                f"{h.inference_ms:.3f}",
                *([h.where] if any_long else []),
                *([others] if top > 1 else []),
            ]
        )
    columns = ["file", "word", "score", "features ms", "inference ms"]
    columns += (["heard in"] if any_long else []) + (["then"] if top > 1 else [])
    print_table(columns, rows, numeric=(2, 3, 4))
    if any_long:
        print_line(
            "Of a recording longer than the network's clip this is the clip with the highest "
            "score; 'akrt stream FILE' names every word in it."
        )


def _run_array(runtime: Runtime, path: Path, top: int) -> list[dict[str, Any]]:
    try:
        x = read_array(path)
    except InputError as error:
        raise _ArrayError(str(error)) from None
    try:
        logits = runtime.predict(x[None] if x.ndim == 3 else x)
    except InputError as error:
        raise _ArrayError(f"'{path}': {error}") from None
    classes = classes_of(runtime.model)
    results = []
    for i, row in enumerate(logits.reshape(-1, logits.shape[-1])):
        guesses = classes.best(row, top)
        results.append(
            {
                "file": str(path),
                "position": i,
                "word": guesses[0].word,
                "score": guesses[0].score,
                "top": [{"word": g.word, "score": g.score} for g in guesses],
            }
        )
    return results


def _print_arrays(results: list[dict[str, Any]]) -> None:
    rows = [
        [
            r["file"],
            str(r["position"]),
            r["word"],
            f"{r['score']:.3f}",
            ", ".join(f"{g['word']} {g['score']:.3f}" for g in r["top"][1:]),
        ]
        for r in results
    ]
    print_table(["file", "position", "class", "score", "then"], rows, numeric=(1, 3))
