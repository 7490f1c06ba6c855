"""``akrt kws eval`` and ``akrt kws fetch``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from akrt.cli.kws_told import tell
from akrt.cli.options import ForceOption, JsonOption, ModelOption, output_option
from akrt.cli.output import print_json, print_line, print_table
from akrt.errors import AkrtError, BackendUnavailableError, UsageError

if TYPE_CHECKING:
    from akrt.kws.evaluate import Clips, Form
    from akrt.kws.fetch import Resource
    from akrt.kws.scores import Scores
    from akrt.model import Model

__all__ = ["evaluate", "fetch"]

BACKENDS = ("native", "simulator")
SPLITS = "training, validation, testing"


def evaluate(
    data: Annotated[
        Path,
        typer.Argument(
            help="Features of 'akrt kws prepare' (.npz), the tutorial's pickle (.pkl), or a "
            "folder with one folder of recordings for each class."
        ),
    ],
    model: ModelOption = None,
    float_h5: Annotated[
        Path | None, typer.Option("--float", help="The float Keras network (.h5).")
    ] = None,
    quantised_h5: Annotated[
        Path | None,
        typer.Option(
            "--quantised",
            help="The quantised Keras network (.h5); without --model the backends run it too.",
        ),
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend", "-b", help="native, simulator, reference...; default: the first two."
        ),
    ] = None,
    program: Annotated[
        Path | None,
        typer.Option(
            help="Exported C as a program: raw feature maps on stdin, int32 potentials on stdout."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help=f"Of an .npz or .pkl file: {SPLITS}.")] = "testing",
    limit: Annotated[
        int, typer.Option(min=0, help="At most so many clips of each origin; 0: all.")
    ] = 0,
    output: Annotated[
        Path | None, output_option("Folder for report.json and confusion matrices.")
    ] = None,
    figure: Annotated[bool, typer.Option(help="Draw the matrices into the folder too.")] = True,
    as_json: JsonOption = False,
    force: ForceOption = False,
) -> None:
    """Accuracy of every form of a network, side by side on the same clips."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from akrt.kws.evaluate import evaluate as run
    from akrt.kws.evaluate import load_clips, program_form
    from akrt.kws.reports import check_report

    if split not in SPLITS.split(", "):
        raise UsageError(f"--split must be one of {SPLITS}, got '{split}'")
    network = _model(model, quantised_h5)
    failed: list[str] = []
    notes: list[str] = []
    try:
        found = load_clips(data, network.labels, split, network.preprocessing, failed, notes)
    except AkrtError:
        tell(failed, notes)
        raise
    if network.labels is not None:
        found = [clips.relabelled(network.labels) for clips in found]
    forms, absent = _forms(network, float_h5, quantised_h5, backend)
    if program is not None:
        forms.append(program_form("exported C", program, network))
    if output is not None:
        names = [
            f"{_stem(i, clips, form.name)}{suffix}"
            for i, clips in enumerate(found)
            for form in forms
            for suffix in (".txt", ".csv", *([".png"] if figure else []))
        ]
        check_report(output, names, force)
    sections = []
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("evaluating", total=None)
        for clips in found:
            clips = clips.first(limit)
            results = run(
                forms,
                clips,
                lambda form, done, total: bar.update(
                    task, description=escape(form), completed=done, total=total
                ),
            )
            sections.append((clips, results))
    facts = {
        "model": network.name,
        "data": str(data),
        "split": split,
        "not_evaluated": absent,
        "failed": failed,
        "notes": notes,
        "origins": [_section_facts(clips, forms, results) for clips, results in sections],
    }
    if output is not None:
        _write(output, facts, sections, figure, force)
    if as_json:
        print_json(facts)
    else:
        for clips, results in sections:
            _print_section(clips, forms, results)
        for form in forms:
            if form.runtime is not None:
                print_line(f"{form.name}: computed by {form.computed_by}")
        for reason in absent:
            print_line(f"not evaluated: {reason}")
        if output is not None:
            print_line(f"report and confusion matrices are in '{output}'")
    tell(failed, notes)


def _model(path: str | None, quantised_h5: Path | None) -> Model:
    from akrt.loading import load
    from akrt.runtime import bundled_model

    if path is None and quantised_h5 is None:
        return bundled_model()
    return load(path if path is not None else str(quantised_h5))


def _forms(
    network: Model, float_h5: Path | None, quantised_h5: Path | None, backends: list[str] | None
) -> tuple[list[Form], list[str]]:
    """The forms asked for, and why a default one is absent."""
    from akrt.kws.evaluate import backend_form, keras_form

    forms, absent = [], []
    if float_h5 is not None:
        forms.append(keras_form("float Keras", float_h5))
    if quantised_h5 is not None:
        forms.append(keras_form("quantised Keras", quantised_h5))
    for name in backends or BACKENDS:
        try:
            forms.append(backend_form(network, name))
        except BackendUnavailableError as error:
            if backends:
                raise
            absent.append(f"{name}: {error}")
    return forms, absent


def _section_facts(clips: Clips, forms: Sequence[Form], results: Sequence[Scores]) -> Any:
    exact = [scores for form, scores in zip(forms, results, strict=True) if form.exact]
    return {
        "origin": clips.name,
        "forms": [
            {**scores.facts(), "computed_by": form.computed_by}
            for form, scores in zip(forms, results, strict=True)
        ],
        "exact_forms_identical": all(s.identical(exact[0]) for s in exact) if exact else None,
        "same_class_as_first_exact": {
            scores.name: scores.same_class(exact[0]) for scores in results if exact
        },
    }


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _print_section(clips: Clips, forms: Sequence[Form], results: Sequence[Scores]) -> None:
    exact = [scores for form, scores in zip(forms, results, strict=True) if form.exact]
    print_line(f"{len(clips.y):,} clips, {clips.name}")
    rows = [
        [
            scores.name,
            _share(scores.accuracy()),
            _share(scores.accuracy(3)),
            _share(scores.core_accuracy),
            _share(scores.same_class(exact[0])) if exact else "-",
            f"{scores.seconds:.1f} s",
        ]
        for scores in results
    ]
    same = f"same class as {exact[0].name}" if exact else "same class"
    print_table(
        ["form", "top-1", "top-3", "core words", same, "time"], rows, numeric=(1, 2, 3, 4, 5)
    )
    if len(exact) > 1:
        names = ", ".join(scores.name for scores in exact)
        equal = all(scores.identical(exact[0]) for scores in exact)
        print_line(
            f"{names}: outputs are {'identical to the last bit' if equal else 'NOT identical'}"
        )
    print_line("")
    last = exact[0] if exact else results[-1]
    print_table(
        [f"class ({last.name})", "clips", "precision", "recall"],
        [
            [score.word, str(score.clips), _share(score.precision), _share(score.recall)]
            for score in last.by_class
            if score.clips or score.precision is not None
        ],
        numeric=(1, 2, 3),
    )
    print_line("")
    for scores in results:
        for warning in scores.warnings:
            print_line(f"warning: {warning}")


def _stem(number: int, clips: Clips, form: str) -> str:
    """Of the files of a confusion matrix."""
    prefix = "" if number == 0 else clips.name.replace(" ", "") + "_"
    return f"{prefix}confusion_{form.lower().replace(' ', '_')}"


def _write(
    folder: Path,
    facts: Any,
    sections: Sequence[tuple[Clips, Sequence[Scores]]],
    figure: bool,
    force: bool,
) -> None:
    from akrt.kws.confusion import as_files
    from akrt.kws.reports import write_report

    contents: dict[str, bytes] = {}
    for i, (clips, results) in enumerate(sections):
        for scores in results:
            contents |= as_files(scores, _stem(i, clips, scores.name), figure)
    write_report(folder, facts, contents, force)


def fetch(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="quantised-model, float-model, speech-commands; none: list them."),
    ] = None,
    output: Annotated[Path, output_option("Folder.")] = Path(),
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="Another address of the file's directory.")
    ] = None,
    unpack: Annotated[
        bool, typer.Option("--unpack", help="Unpack an archive into a folder of its name.")
    ] = False,
    force: ForceOption = False,
) -> None:
    """Download the tutorial's networks or Speech Commands, checked by SHA-256."""
    from akrt.kws import fetch as fetching

    resources = fetching.RESOURCES
    if not what:
        rows = [[name, r.file, r.about] for name, r in resources.items()]
        print_table(["name", "file", "what it is"], rows)
        return
    for name in what:
        if name not in resources:
            raise UsageError(f"'{name}' is none of {', '.join(resources)}")
    for name in what:
        unpacked = output / resources[name].file.removesuffix(".tar.gz")
        archive = unpack and unpacked.name != resources[name].file
        if archive:
            fetching.check_new(unpacked)
        path = _fetch_with_bar(resources[name], output, base_url, force)
        if archive:
            path = fetching.extract(path, unpacked)
        print_line(str(path))


def _fetch_with_bar(resource: Resource, folder: Path, base_url: str | None, force: bool) -> Path:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from akrt.kws.fetch import fetch as run

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task(resource.file, total=resource.bytes)
        return run(
            resource,
            folder,
            base_url,
            lambda done, total: bar.update(task, completed=done, total=total or None),
            force,
        )
