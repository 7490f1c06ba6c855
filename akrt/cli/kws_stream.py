"""``akrt kws eval-stream``: hits and false alarms in long recordings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from akrt.cli import recordings
from akrt.cli.kws_told import tell
from akrt.cli.options import (
    STREAM_DEFAULTS,
    BackendOption,
    DeviceOption,
    FallbackOption,
    ForceOption,
    JsonOption,
    ModelOption,
    output_option,
    stream_options,
)
from akrt.cli.output import print_json, print_line, print_table
from akrt.decision import StreamSettings
from akrt.errors import AkrtError, DatasetError, UsageError

if TYPE_CHECKING:
    from akrt.kws.eval_stream import Condition, Point

__all__ = ["eval_stream"]

SPLITS = ("all", "training", "validation", "testing")


@stream_options()
def eval_stream(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Recordings: <word>/<speaker>_nohash_<n>.wav|flac; words that the network does "
            "not know may be among them."
        ),
    ],
    noise: Annotated[
        Path | None,
        typer.Option(help="Folder that holds _background_noise_; default: the same."),
    ] = None,
    snr: Annotated[
        list[str] | None,
        typer.Option(
            help="Speech levels over the background in dB, or clean, with commas; default: "
            "clean,20,10,5,0."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help=f"Whose recordings: {', '.join(SPLITS)}.")] = "all",
    training_speakers: Annotated[
        bool,
        typer.Option(
            "--training-speakers", help="FOLDER holds no test speakers: as in akrt kws prepare."
        ),
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="At most so many recordings; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Order, gaps and backgrounds come from it.")] = 1,
    model: ModelOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    fallback: FallbackOption = None,
    settings: StreamSettings = STREAM_DEFAULTS,
    output: Annotated[Path | None, output_option("Folder for report.json and det.png.")] = None,
    figure: Annotated[bool, typer.Option(help="Draw the DET curve into the folder too.")] = True,
    as_json: JsonOption = False,
    force: ForceOption = False,
) -> None:
    """Splice recordings into background noise; count hits, misses and false alarms."""
    from akrt.kws.dataset import load_noises
    from akrt.kws.eval_stream import draw, evaluate_stream, load_clips
    from akrt.kws.reports import check_report, write_report

    if split not in SPLITS:
        raise UsageError(f"--split must be one of {', '.join(SPLITS)}, got '{split}'")
    ratios = _ratios(",".join(snr or ["clean,20,10,5,0"]))
    if output is not None:
        check_report(output, ["det.png"] if figure else [], force)
    failed: list[str] = []
    notes: list[str] = []
    with recordings.open_runtime(model, backend, device, fallback) as runtime:
        if runtime.model.labels is None:
            raise DatasetError(
                f"the model '{runtime.model.name}' has no class names: add them with "
                f"'akrt convert IN OUT --labels FILE'"
            )
        try:
            clips = load_clips(
                *(folder, runtime.model.labels, split, training_speakers, limit, failed, notes)
            )
            quiet = all(ratio == float("inf") for ratio in ratios)
            noises = [] if quiet else load_noises(noise or folder, 16000, failed=failed)
        except AkrtError:
            tell(failed, notes)
            raise
        conditions = _with_bar(
            lambda progress: evaluate_stream(
                runtime, clips, noises, ratios, settings, seed, progress=progress
            )
        )
        computed_by = recordings.computed_by(runtime)
        facts = {
            "model": runtime.model.name,
            "backend": runtime.backend,
            "computed_by": computed_by,
            "data": folder.name,
            "split": split,
            "clips": len(clips),
            "seed": seed,
            "settings": vars(settings),
            "conditions": [condition.as_dict() for condition in conditions],
            "failed": failed,
            "notes": notes,
        }
        drawn = draw(conditions, runtime.model.name) if output is not None and figure else None
    if output is not None:
        write_report(output, facts, {} if drawn is None else {"det.png": drawn}, force)
    if as_json:
        print_json(facts)
    else:
        _print(conditions)
        print_line(f"computed by {computed_by['text']}")
        if output is not None:
            print_line(f"report{' and DET curve' if drawn else ''} are in '{output}'")
    tell(failed, notes)


def _ratios(text: str) -> list[float]:
    ratios = []
    for part in text.split(","):
        try:
            ratios.append(float("inf") if part.strip() == "clean" else float(part))
        except ValueError:
            ratios.append(float("nan"))
    if not all(-100 <= ratio <= 100 or ratio == float("inf") for ratio in ratios):
        raise UsageError(f"--snr takes clean or -100 to 100 dB, and commas; got '{text}'")
    return ratios


def _with_bar(work: Any) -> list[Condition]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("listening")
        conditions: list[Condition] = work(
            lambda ratio, done, total: bar.update(
                task, description=f"listening at {ratio:g} dB", completed=done, total=total
            )
        )
        return conditions


def _row(point: Point) -> list[str]:
    return [
        f"{point.hit_rate:.1%}",
        f"{1 - point.hit_rate:.1%}",
        f"{point.wrong_rate:.1%}",
        f"{point.false_alarms_per_hour:.1f}",
    ]


def _print(conditions: Sequence[Condition]) -> None:
    columns = ["hits", "misses", "wrong words", "false alarms/h"]
    for condition in conditions:
        print_line(f"{condition.name}, {condition.seconds / 3600:.2f} h, by threshold")
        rows = [[f"{p.threshold:.2f}", *_row(p)] for p in condition.points]
        print_table(["threshold", *columns], rows, numeric=range(5))
        print_line("")
    print_line(f"{conditions[0].at.words:,} words at threshold {conditions[0].at.threshold:g}")
    rows = [[c.name, *_row(c.at), f"{c.real_time_factor:.5f}"] for c in conditions]
    print_table(["background", *columns, "real-time factor"], rows, numeric=range(1, 6))
