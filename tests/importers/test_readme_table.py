"""The README's table of what can be read: every line is tried, and the table is what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from conftest import need
from importers import keras_file, quantizeml_file

import akrt
import firmware_export
from akrt.errors import AkrtError
from akrt.importers import to_akida
from akrt.model import encoding

README = Path(__file__).parents[2] / "README.md"
HEAD = "| file | of | runs on |\n|---|---|---|\n"
BACKENDS = ("native", "reference", "simulator")
FBZ = "`.fbz`, with `akrt[akida]`"


def files(folder: Path, cases: Path) -> list[tuple[str, str, Path]]:
    """A file of each line: how it is called, of what it is, and where."""
    import akida

    keras_file.write(folder / "small.h5")
    quantizeml_file.write(folder / "small2.h5")
    first = cases / "models" / "qml_v1_norescale_float.h5"
    to_akida(akrt.load(first)).save(str(folder / "one.fbz"))
    to_akida(akrt.load(folder / "small2.h5")).save(str(folder / "two.fbz"))
    for name, entrance, layer in (
        ("temporal", ((4, 4, 2), 8), akida.BufferTempConv(filters=3, fifo_size=2, name="x")),
        ("recurrent", ((1, 4, 2), 16),
         akida.StatefulRecurrent(stateful_channels=4, output_channels=2, name="x")),
    ):  # fmt: skip
        twin: Any = akida.Model()
        twin.add(akida.InputData(entrance[0], input_bits=entrance[1], name="in"))
        twin.add(layer)
        twin.save(str(folder / f"{name}.fbz"))
    (folder / "m.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(64))
    (folder / "m.onnx").write_bytes(b"\x08\x08\x12\x07pytorch:" + bytes(40))
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").touch()
    return [
        ("`.h5`", "cnn2snn", folder / "small.h5"),
        ("`.h5`", "QuantizeML for Akida 1.0", first),
        ("`.h5`", "QuantizeML for Akida 2.0", folder / "small2.h5"),
        (FBZ, "conversion for Akida 1.0", folder / "one.fbz"),
        (FBZ, "conversion for Akida 2.0, ONNX models too", folder / "two.fbz"),
        (FBZ, "the same with temporal convolutions", folder / "temporal.fbz"),
        (FBZ, "the same with recurrent layers", folder / "recurrent.fbz"),
        ("`.onnx`", "any tool", folder / "m.onnx"),
        ("`.tflite`", "TensorFlow Lite", folder / "m.tflite"),
        ("SavedModel", "TensorFlow", folder / "saved"),
    ]


def answer(path: Path, folder: Path) -> str:
    """What a file's network runs on."""
    try:
        model = akrt.load(path)
    except AkrtError:
        return "nothing: the message says what to do"
    x = model.noise(np.random.default_rng(0), 1)
    runs = []
    for backend in BACKENDS:
        try:
            with akrt.Runtime(model, backend=backend) as runtime:
                runtime.forward(x)
        except AkrtError:
            continue
        runs.append(f"`{backend}`")
    told = ["every backend"] if len(runs) == len(BACKENDS) else runs
    try:
        firmware_export.export(model, folder / f"export_{path.name}", name="net")
        told.append("exports")
    except AkrtError:
        pass
    model.save(folder / "again.akrt")
    again = akrt.load(folder / "again.akrt")
    assert encoding.content_hash(again) == encoding.content_hash(model)
    return ", ".join(told)


def test_what_can_be_read(tmp_path: Path, cases: Path) -> None:
    need("akida")
    lines = [
        f"| {name} | {of} | {answer(path, tmp_path)} |" for name, of, path in files(tmp_path, cases)
    ]
    lines.append("| `.akrt` | akrt | as what it was made of |")
    table = HEAD + "\n".join(lines) + "\n"
    assert f"\n\n{table}\n" in README.read_text(), f"the README's table should be\n\n{table}"
