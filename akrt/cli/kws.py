"""``akrt kws``: from recordings to a trained, quantised network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from akrt.cli import kws_eval, kws_stream
from akrt.cpus import usable_cpus
from akrt.errors import UsageError

if TYPE_CHECKING:
    from akrt.kws.featureset import FeatureSet

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Keyword spotting: prepare, train, evaluate.")
app.command("eval")(kws_eval.evaluate)
app.command("eval-stream")(kws_stream.eval_stream)
app.command("fetch")(kws_eval.fetch)


def _extra(value: str) -> tuple[str, Path]:
    name, equals, path = value.partition("=")
    if not equals or not name or not path or name in ("real", "synthetic", "noise"):
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
    output: Annotated[Path, typer.Option("-o", "--output", help="The .npz file to write.")],
    words: Annotated[
        str, typer.Option(help="tutorial (33 classes), standard (12), or words: yes,no,_unknown_")
    ] = "tutorial",
    extra: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FOLDER of more training recordings, counted apart."),
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="Folder of test recordings; never trained on.")
    ] = None,
    training_speakers: Annotated[
        bool,
        typer.Option(
            "--training-speakers",
            help="FOLDER holds no test speakers: those that the official hash would call "
            "testing are divided between training and validation too.",
        ),
    ] = False,
    synthesise: Annotated[
        bool,
        typer.Option("--synthesise", help="Add speech of espeak-ng, flite and festival."),
    ] = False,
    per_class: Annotated[int, typer.Option(help="Training rows per class.")] = 8000,
    shift_ms: Annotated[float, typer.Option(help="Largest time shift.")] = 100,
    noise_share: Annotated[float, typer.Option(help="Share of copies with background.")] = 0.8,
    noise_volume: Annotated[float, typer.Option(help="Loudest background.")] = 0.1,
    volume_db: Annotated[float, typer.Option(help="Largest change of volume.")] = 9.0,
    speed: Annotated[float, typer.Option(help="Largest change of speed and pitch.")] = 0.12,
    seed: Annotated[int, typer.Option(help="Every chance comes from it.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes; 0: one per CPU.")] = 0,
) -> None:
    """Turn folders of recordings into features: split, augmented, in one .npz file."""
    from akrt.kws.augment import Augmentation
    from akrt.kws.prepare import PrepareSettings
    from akrt.kws.prepare import prepare as run
    from akrt.kws.words import word_list

    if folder.suffix in (".pkl", ".pickle"):
        from akrt.kws.pickles import load_pickle

        converted = load_pickle(folder)
        converted.save(output)
        _print_counts(converted, output)
        return
    settings = PrepareSettings(
        words=word_list(words),
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
    if not output.parent.is_dir():
        raise UsageError(f"'{output.parent}' is not a folder")
    workers = workers or usable_cpus()
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("features", total=None)
        data = run(
            folder,
            settings,
            extra=extras,
            test=test,
            workers=workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    data.save(output)
    _print_counts(data, output)


def _print_counts(data: FeatureSet, output: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Distinct clips in {output.name}")
    columns = [(split, source) for split in data.counts() for source in data.sources]
    counts = data.counts()
    columns = [
        (split, source)
        for split, source in columns
        if any(source in by_source for by_source in counts[split].values())
    ]
    table.add_column("word")
    short = {"training": "train", "validation": "valid", "testing": "test"}
    for split, source in columns:
        table.add_column(f"{short[split]}\n{source}", justify="right", no_wrap=True)
    for word in data.words:
        row = [counts[split].get(word, {}).get(source, 0) for split, source in columns]
        table.add_row(word, *(str(number) for number in row))
    Console().print(table)
    typer.echo(f"{len(data.y):,} rows, augmented copies included")


def _whole_numbers(value: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in value.split(","))
    except ValueError:
        raise UsageError(f"--epochs takes whole numbers and commas, got '{value}'") from None


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="What 'akrt kws prepare' wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for networks and tables.")],
    epochs: Annotated[
        str, typer.Option(help="Of the float network and of the five quantisation episodes.")
    ] = "12,2,20,1,4,52",
    batch: Annotated[int, typer.Option(help="Rows per step.")] = 256,
    distil: Annotated[
        bool, typer.Option(help="Let a float network teach the quantised ones.")
    ] = True,
    teacher_filters: Annotated[
        int, typer.Option(help="Filters of a wider network that teaches; 0: the float one does.")
    ] = 128,
    teacher_epochs: Annotated[int, typer.Option(help="Of the wider network.")] = 10,
    seed: Annotated[int, typer.Option(help="Every chance comes from it.")] = 1,
    threads: Annotated[int, typer.Option(help="TensorFlow's threads; 0: its choice.")] = 0,
) -> None:
    """Train the float network, then quantise it step by step; a second call goes on."""
    from akrt.kws.featureset import FeatureSet
    from akrt.kws.train import TrainSettings, markdown_table
    from akrt.kws.train import train as run

    settings = TrainSettings(
        epochs=_whole_numbers(epochs),
        batch=batch,
        distil=TrainSettings.distil if distil else 0.0,
        teacher_filters=teacher_filters,
        teacher_epochs=teacher_epochs,
        seed=seed,
        threads=threads,
    )
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("training")

        def report(
            episode: str, epoch: int, epochs: int, step: int, steps: int, loss: float
        ) -> None:
            text = f"{episode}: epoch {epoch} of {epochs}, loss {loss:.3f}"
            bar.update(
                task, description=text, completed=(epoch - 1) * steps + step, total=epochs * steps
            )

        results = run(FeatureSet.load(data), output, settings, report)
    typer.echo(markdown_table(results), nl=False)
