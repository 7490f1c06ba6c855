"""``akrt kws``: from recordings to a trained, quantised network."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from akrt.cli import kws_eval, kws_stream
from akrt.cli.kws_told import tell
from akrt.cli.options import ForceOption, output_option
from akrt.cli.output import print_line, print_table
from akrt.cpus import usable_cpus
from akrt.errors import AkrtError, UsageError

if TYPE_CHECKING:
    from akrt.kws.featureset import FeatureSet

__all__ = ["app"]

RESERVED = ("real", "synthetic", "noise")
EPISODES = 6
"""Of training (`akrt.kws.network.EPISODES`)."""

app = typer.Typer(no_args_is_help=True, help="Keyword spotting: prepare, train, evaluate.")
app.command("eval")(kws_eval.evaluate)
app.command("eval-stream")(kws_stream.eval_stream)
app.command("fetch")(kws_eval.fetch)


def _extra(value: str) -> tuple[str, Path]:
    name, equals, path = value.partition("=")
    if not equals or not name or not path.strip() or name in RESERVED:
        raise UsageError(
            f"--extra takes NAME=FOLDER, NAME not real, synthetic or noise; got '{value}'"
        )
    return name, Path(path)


@app.command()
def prepare(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Recordings: <word>/<speaker>_nohash_<n>.wav|flac; or the tutorial's "
            "kws_preprocessed_*.pkl, which is taken as it is."
        ),
    ],
    output: Annotated[Path, output_option("The .npz file to write.")],
    words: Annotated[
        list[str] | None,
        typer.Option(
            help="tutorial (33 classes, the default), standard (12), or a list such as "
            "yes,no,_unknown_"
        ),
    ] = None,
    extra: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FOLDER of more training recordings, counted apart."),
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="Folder of test recordings; never trained on.")
    ] = None,
    noise: Annotated[
        Path | None,
        typer.Option(help="Folder that holds _background_noise_; default: FOLDER."),
    ] = None,
    training_speakers: Annotated[
        bool,
        typer.Option(
            "--training-speakers",
            help="FOLDER holds no test speakers: those that the official hash would call "
            "testing are divided between training and validation too.",
        ),
    ] = False,
    speaker_pattern: Annotated[
        str,
        typer.Option(
            help="Regular expression with one group, the speaker, found in <word>/<file>: for "
            "files that are not called <speaker>_nohash_<n>."
        ),
    ] = "",
    speaker_list: Annotated[
        Path | None, typer.Option(help="Table file,speaker (CSV) for such files.")
    ] = None,
    synthesise: Annotated[
        bool,
        typer.Option("--synthesise", help="Add speech of espeak-ng, flite and festival."),
    ] = False,
    per_class: Annotated[
        int, typer.Option(min=1, help="Training rows per class, copies and synthetic speech too.")
    ] = 8000,
    shift_ms: Annotated[float, typer.Option(min=0, max=1000, help="Largest time shift.")] = 100,
    noise_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of copies with background.")
    ] = 0.8,
    noise_volume: Annotated[float, typer.Option(min=0, max=1, help="Loudest background.")] = 0.1,
    volume_db: Annotated[
        float, typer.Option(min=0, max=60, help="Largest change of volume.")
    ] = 9.0,
    speed: Annotated[
        float, typer.Option(min=0, max=0.5, help="Largest change of speed and pitch.")
    ] = 0.12,
    seed: Annotated[int, typer.Option(min=0, help="Every chance comes from it.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one per CPU.")] = 0,
    force: ForceOption = False,
) -> None:
    """Turn folders of recordings into features: split, augmented, in one .npz file.

    What cannot be read is left out and told at the end.
    """
    from akrt.kws.augment import Augmentation
    from akrt.kws.featureset import FeatureSet
    from akrt.kws.prepare import PrepareSettings
    from akrt.kws.prepare import prepare as run
    from akrt.kws.reports import check_file
    from akrt.kws.speakers import SpeakerNames, read_list
    from akrt.kws.words import word_list

    numbers = {"--shift-ms": shift_ms, "--noise-share": noise_share, "--speed": speed}
    numbers |= {"--noise-volume": noise_volume, "--volume-db": volume_db}
    for option, value in numbers.items():
        if not math.isfinite(value):
            raise UsageError(f"{option} takes a number, got {value}")
    settings = PrepareSettings(
        words=word_list(",".join(words or ["tutorial"])),
        speakers="training" if training_speakers else "official",
        per_class=per_class,
        synthesise=synthesise,
        seed=seed,
        augmentation=Augmentation(
            shift=shift_ms / 1000,
            noise_share=noise_share,
            noise_volume=noise_volume,
            volume=volume_db,
            speed=speed,
        ),
    )
    extras = [_extra(value) for value in extra or []]
    names = None
    if speaker_pattern or speaker_list is not None:
        listed = {} if speaker_list is None else read_list(speaker_list)
        names = SpeakerNames(speaker_pattern, listed)
    check_file(output, FeatureSet.wrote, force)
    if folder.suffix in (".pkl", ".pickle") and not folder.is_dir():
        from akrt.kws.pickles import load_pickle

        converted = load_pickle(folder)
        converted.save(output)
        _print_counts(converted, output)
        return
    workers = workers or usable_cpus()
    from rich.console import Console
    from rich.progress import Progress

    failed: list[str] = []
    notes: list[str] = []
    try:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("features", total=None)
            data = run(
                folder,
                settings,
                extra=extras,
                test=test,
                noise=noise,
                names=names,
                workers=workers,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
                failed=failed,
                notes=notes,
            )
    except AkrtError:
        tell(failed, notes)
        raise
    data.save(output)
    _print_counts(data, output)
    tell(failed, notes)


def _print_counts(data: FeatureSet, output: Path) -> None:
    counts = data.counts()
    columns = [
        (split, source)
        for split in counts
        for source in data.sources
        if any(source in by_source for by_source in counts[split].values())
    ]
    short = {"training": "train", "validation": "valid", "testing": "test"}
    print_line(f"Distinct clips in {output.name}")
    print_table(
        ["word", *(f"{short[split]} {source}" for split, source in columns)],
        [
            [word, *(str(counts[split].get(word, {}).get(source, 0)) for split, source in columns)]
            for word in data.words
        ],
        numeric=range(1, len(columns) + 1),
    )
    print_line(f"{len(data.y):,} rows, augmented copies included")


def _epochs(value: str) -> tuple[int, ...]:
    try:
        epochs = tuple(int(number) for number in value.split(","))
    except ValueError:
        epochs = ()
    if len(epochs) != EPISODES or min(epochs) < 1:
        raise UsageError(
            f"--epochs takes {EPISODES} whole numbers above 0 and commas, got '{value}'"
        )
    return epochs


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="What 'akrt kws prepare' wrote.")],
    output: Annotated[Path, output_option("Folder for networks and tables.")],
    epochs: Annotated[
        list[str] | None,
        typer.Option(
            help="Of the float network and of the five quantisation episodes; default: "
            "12,2,20,1,4,52."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Rows per step.")] = 256,
    distil: Annotated[
        bool, typer.Option(help="Let a float network teach the quantised ones.")
    ] = True,
    teacher_filters: Annotated[
        int,
        typer.Option(min=0, help="Filters of a wider network that teaches; 0: the float one does."),
    ] = 128,
    teacher_epochs: Annotated[int, typer.Option(min=1, help="Of the wider network.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Every chance comes from it.")] = 1,
    threads: Annotated[int, typer.Option(min=0, help="TensorFlow's threads; 0: its choice.")] = 0,
    force: ForceOption = False,
) -> None:
    """Train the float network, then quantise it step by step; a second call goes on."""
    from akrt.kws.featureset import FeatureSet
    from akrt.kws.train import TrainSettings, markdown_table
    from akrt.kws.train import train as run

    settings = TrainSettings(
        epochs=TrainSettings.epochs if epochs is None else _epochs(",".join(epochs)),
        batch=batch,
        distil=TrainSettings.distil if distil else 0.0,
        teacher_filters=teacher_filters,
        teacher_epochs=teacher_epochs,
        seed=seed,
        threads=threads,
    )
    from rich.console import Console
    from rich.progress import Progress

    rows = FeatureSet.load(data)
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("training")

        def report(
            episode: str, epoch: int, epochs: int, step: int, steps: int, loss: float
        ) -> None:
            text = f"{episode}: epoch {epoch} of {epochs}, loss {loss:.3f}"
            bar.update(
                task, description=text, completed=(epoch - 1) * steps + step, total=epochs * steps
            )

        results = run(rows, output, settings, report, force)
    print_line(markdown_table(results).removesuffix("\n"), lines=True)
    tell([], rows.notes)
