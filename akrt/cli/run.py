"""``akrt run``: what the network says to recordings or arrays."""

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
    JsonOption,
    ModelOption,
)
from akrt.cli.output import print_error, print_json, print_line, print_table, progress
from akrt.errors import AkrtError, InputError, UsageError
from akrt.files import read_array
from akrt.runtime import Runtime

__all__ = ["run"]


def run(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Sound files, folders of them, or uint8 .npy arrays."),
    ] = None,
    model: ModelOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    fallback: FallbackOption = None,
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="Run the clips that ship.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Name the word in every recording, with its score and how long it took."""
    if demo == bool(paths):
        raise UsageError("name the files to run, or use --demo for the clips that ship")
    with recordings.open_runtime(model, backend, device, fallback) as runtime:
        if demo:
            with as_file(files("akrt") / "data" / "clips") as folder:
                _run_sounds(runtime, [Path(folder)], top, as_json, relative_to=Path(folder))
        elif all(path.suffix.lower() == ".npy" for path in paths or []):
            _run_arrays(runtime, paths or [], top, as_json)
        else:
            _run_sounds(runtime, paths or [], top, as_json)


def _run_sounds(
    runtime: Runtime,
    paths: list[Path],
    top: int,
    as_json: bool,
    relative_to: Path | None = None,
) -> None:
    clips = recordings.expand(paths)
    labels = set(runtime.model.labels or ())
    heard, failed = [], []
    for clip in progress(clips, "listening"):
        try:
            heard.append(recordings.hear(runtime, clip, top))
        except InputError:
            raise
        except AkrtError as error:
            if len(clips) == 1 or isinstance(error, UsageError):
                raise
            failed.append({"file": str(clip), "error": str(error)})
    known = [h for h in heard if Path(h.file).parent.name in labels]
    right = sum(h.word == Path(h.file).parent.name for h in known)
    if as_json:
        print_json(
            {
                "model": runtime.model.name,
                "backend": runtime.backend,
                "computed_by": recordings.computed_by(runtime),
                "results": [h.as_dict() for h in heard],
                "failed": failed,
                "labelled": len(known),
                "right": right,
            }
        )
    else:
        _print_heard(heard, top, relative_to)
        print_line(f"computed by {runtime.computed_by}")
        if known:
            print_line(
                f"{right} of {len(known)} clips in folders named after a word were named right"
            )
    for failure in failed:
        print_error(failure["error"])
    if failed:
        print_error(f"{len(failed)} of {len(clips)} files could not be read")
        raise typer.Exit(AkrtError.exit_code)


def _print_heard(heard: list[recordings.Heard], top: int, relative_to: Path | None) -> None:
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
                *([others] if top > 1 else []),
            ]
        )
    columns = ["file", "word", "score", "features ms", "inference ms"]
    print_table(columns + (["then"] if top > 1 else []), rows, numeric=(2, 3, 4))


def _run_arrays(runtime: Runtime, paths: list[Path], top: int, as_json: bool) -> None:
    results: list[dict[str, Any]] = []
    for path in paths:
        x = read_array(path)
        if x.ndim == 3:
            x = x[None]
        try:
            logits = runtime.predict(x)
        except InputError as error:
            raise InputError(f"'{path}': {error}") from None
        for i, row in enumerate(logits.reshape(-1, logits.shape[-1])):
            guesses = recordings.best(runtime.model, row, top)
            results.append(
                {
                    "file": str(path),
                    "position": i,
                    "word": guesses[0].word,
                    "score": guesses[0].score,
                    "top": [{"word": g.word, "score": g.score} for g in guesses],
                }
            )
    if as_json:
        print_json(
            {
                "model": runtime.model.name,
                "backend": runtime.backend,
                "computed_by": recordings.computed_by(runtime),
                "results": results,
            }
        )
        return
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
    print_line(f"computed by {runtime.computed_by}")
