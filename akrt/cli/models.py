"""``akrt summary`` and ``akrt convert``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from akrt.backends.native import choose_arch, usable_archs
from akrt.cli.labels import FORMS, with_labels
from akrt.cli.meanings import advice, picture, task
from akrt.cli.options import ForceOption, JsonOption, MapMode, ModelArgument, given
from akrt.cli.output import print_json, print_line
from akrt.errors import AkrtError, UsageError
from akrt.files import check_replaceable, write_file
from akrt.loading import load
from akrt.model import ClassTask, Mfcc, Model, encoding
from akrt.model import file as modelfile
from akrt.runtime import bundled_model

__all__ = ["convert", "summary"]


def summary(
    context: typer.Context,
    model: ModelArgument = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="Show the place on a chip: virtual:akd1000 or another, an index, a PCI address."
        ),
    ] = None,
    map_mode: MapMode = "all_nps",
    hybrid: Annotated[
        bool, typer.Option(help="With --device: layers may stay in akida's software.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="With --device: a picture of the mesh (.png, .svg, .pdf).")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a model's layers, shapes, bits, and what its input and outputs mean."""
    if device is None and (plot or hybrid or given(context, "map_mode")):
        raise UsageError(
            "--plot, --hybrid and --map-mode need --device, such as --device virtual:akd1000"
        )
    loaded = bundled_model() if model is None else load(model)
    mapping = None
    if device is not None:
        from akrt.cli.chips import print_mapping
        from akrt.driver.mapping import map_model
        from akrt.driver.mesh_picture import draw
        from akrt.driver.target import mapping_target

        mapping = map_model(loaded, *mapping_target(device), map_mode, hybrid)
        if plot is not None:
            draw(mapping, plot, force)
    if as_json:
        placed = {} if mapping is None else {"mapping": mapping.as_dict()}
        print_json({**_facts(loaded), **placed, "kernels": _kernels()})
        return
    print_line(loaded.layer_text(), lines=True)
    shape = "x".join(map(str, loaded.input_shape))
    print_line(f"SHA-256  {encoding.content_hash(loaded)}")
    print_line(f"input    {shape}, {loaded.entry.text}: {_meaning(loaded)}")
    if loaded.task != ClassTask():
        print_line(f"outputs  {loaded.task.text}")
    print_line(f"classes  {', '.join(loaded.labels or ['no labels'])}")
    for line in advice(loaded):
        print_line(line)
    for key, value in loaded.notes.items():
        print_line(f"{key:<8} {value}")
    kernels = _kernels()
    print_line(
        f"kernels  {kernels['chosen']} of {', '.join(kernels['usable'])} (AKRT_ARCH chooses)"
    )
    if mapping is not None:
        print_mapping(mapping)


def convert(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="IN", help="An .h5, .fbz or .akrt file.")],
    target: Annotated[str, typer.Argument(metavar="OUT", help="An .akrt or .fbz file.")],
    labels: Annotated[
        Path | None,
        typer.Option(help=f"Class names: {FORMS}."),
    ] = None,
    mfcc: Annotated[
        bool,
        typer.Option("--mfcc", help="The input is MFCC features of one second of sound."),
    ] = False,
    scale: Annotated[float, typer.Option(help="With --mfcc: features are multiplied by it.")] = 4.0,
    offset: Annotated[int, typer.Option(help="With --mfcc: and moved by it to uint8.")] = 128,
    image: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT", help="The input is a picture: its size is the network's."
        ),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(help="With --image: crop (the default), border or squash another shape."),
    ] = None,
    resampling: Annotated[
        str | None, typer.Option(help="With --image: area (the default) or bilinear.")
    ] = None,
    border: Annotated[
        int | None, typer.Option(help="With --image --fit border: its value, 0 to 255.")
    ] = None,
    task_kind: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="What the outputs mean: classes, fomo (cells, the background first), yolo "
            "(boxes), regression (quantities) or raw.",
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="With --task fomo or yolo: the least score; 0.5.")
    ] = None,
    overlap: Annotated[
        float | None,
        typer.Option(help="With --task yolo: from which the lesser of two boxes goes; 0.5."),
    ] = None,
    anchors: Annotated[
        str | None,
        typer.Option(metavar="W,H:W,H...", help="With --task yolo: in cells, as it was trained."),
    ] = None,
    output_scale: Annotated[
        float | None, typer.Option(help="With --task regression: outputs are multiplied by it.")
    ] = None,
    output_offset: Annotated[
        float | None, typer.Option(help="With --task regression: and moved by it.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="With --task regression: such as years.")] = None,
    input_scaling: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCALE,SHIFT",
            help="As of cnn2snn.convert, for an .h5 file of cnn2snn without a Rescaling layer: the "
            "integers that come in are SCALE * x + SHIFT.",
        ),
    ] = None,
    akida_version: Annotated[
        int | None,
        typer.Option(
            metavar="1|2",
            help="For an .h5 file of QuantizeML, which does not say it: the Akida it was quantised "
            "for. Left out: 1 where all of it fits.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name.")] = None,
    note: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=TEXT", help="What summary shows besides; a licence, say."),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Convert a quantised model; labels and the meaning of the input travel with it."""
    if not mfcc and given(context, "scale", "offset"):
        raise UsageError("--scale and --offset need --mfcc")
    if mfcc and image is not None:
        raise UsageError("the input is either --mfcc or --image")
    sight = {"fit": fit, "resampling": resampling, "border": border}
    if image is None and any(value is not None for value in sight.values()):
        raise UsageError("--fit, --resampling and --border need --image")
    if border is not None and fit != "border":
        raise UsageError("--border needs --fit border")
    meaning = task(
        task_kind,
        {
            "threshold": threshold,
            "overlap": overlap,
            "anchors": anchors,
            "scale": output_scale,
            "offset": output_offset,
            "unit": unit,
        },
    )
    suffix = Path(target).suffix.lower()
    if suffix not in (".akrt", ".fbz"):
        raise UsageError(f"OUT must end in .akrt or .fbz, got '{target}'")
    if suffix == ".fbz" and (labels or mfcc or image or task_kind or name or note):
        raise UsageError(
            "an .fbz file has no place for labels, --mfcc, --image, --task, a name or notes"
        )
    notes = [part.partition("=") for part in note or ()]
    if not all(key and equals for key, equals, _ in notes):
        raise UsageError(f"--note takes KEY=TEXT, got {', '.join(map(repr, note or ()))}")
    _check_target(source, target, force)
    model = load(source, _numbers(input_scaling), akida_version)
    if task_kind is not None:
        model = model.replace(task=meaning, labels=None if labels else model.labels)
    if labels is not None:
        model = with_labels(model, labels)
    if mfcc:
        model = model.replace(preprocessing=Mfcc(scale=scale, offset=offset))
    if image is not None:
        model = model.replace(preprocessing=picture(model, image, sight))
    if name is not None:
        model = model.replace(name=name)
    if notes:
        model = model.replace(notes={**model.notes, **{key: text for key, _, text in notes}})
    if suffix == ".fbz":
        _save_fbz(model, target)
    else:
        model.save(target)
    print_line(
        f"{target}: Akida {model.version}.0, {len(model.layers)} layers, "
        f"{model.weights:,} weights, SHA-256 {encoding.content_hash(model)[:16]}"
    )
    for line in advice(model) if suffix == ".akrt" and task_kind is None else ():
        print_line(line)
    if "assumed" in model.notes.get("input_scaling", ""):
        print_line(
            f"input scaling {model.notes['input_scaling']}; if the network was converted with "
            f"another, give --input-scaling SCALE,SHIFT"
        )


def _numbers(values: list[str] | None) -> tuple[float, float] | None:
    if values is None:
        return None
    value = ",".join(values)
    try:
        scale, shift = map(float, value.split(","))
    except ValueError:
        raise UsageError(
            f"--input-scaling takes SCALE,SHIFT such as 127.5,127, got '{value}'"
        ) from None
    return scale, shift


def _check_target(source: str, target: str, force: bool) -> None:
    """Only an unaltered .akrt file can be told to be akrt's; its own source it may replace."""
    both_akrt = Path(source).suffix.lower() == Path(target).suffix.lower() == ".akrt"
    if not both_akrt and os.path.realpath(source) == os.path.realpath(target):
        raise UsageError(f"IN and OUT are the same file, '{target}': choose another name for OUT")

    def unaltered(data: bytes) -> bool:
        try:
            modelfile.load(target)  # compares the hash
        except AkrtError:
            return False
        return True

    check_replaceable(target, unaltered if target.lower().endswith(".akrt") else None, force)


def _save_fbz(model: Model, target: str) -> None:
    from akrt.importers import to_akida

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.fbz")
        to_akida(model).save(str(path))
        write_file(target, path.read_bytes())


def _facts(model: Model) -> dict[str, object]:
    described = encoding.describe(model)
    return {
        "name": model.name,
        "akida_version": model.version,
        "stateful": model.stateful,
        "sha256": encoding.content_hash(model),
        "input_shape": list(model.input_shape),
        "input_bits": model.input_bits,
        "input_type": model.entry.dtype,
        "preprocessing": described["preprocessing"],
        "labels": described["labels"],
        "task": described.get("task", {"kind": "classes"}),
        "weights": model.weights,
        "macs": model.macs,
        "layers": model.layer_table(),
        "notes": described["notes"],
    }


def _kernels() -> dict[str, Any]:
    """What the native backend would use here, and what this CPU could run."""
    return {
        "chosen": choose_arch(os.environ.get("AKRT_ARCH", "")).name,
        "usable": usable_archs(),
    }


def _meaning(model: Model) -> str:
    if model.preprocessing is None:
        return "meaning not recorded"
    return model.preprocessing.text
