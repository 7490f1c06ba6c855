"""The .akrt file: round trips, determinism, and damage of every kind."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from networks import networks
from safetensors.numpy import save as save_tensors

import akrt
from akrt import modelfile
from akrt.errors import AkrtError, ModelFileError, OutputError
from akrt.model import InputData, Mfcc, Model

MUTATIONS = 4000


@settings(max_examples=100)
@given(networks())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, case: tuple) -> None:
    model, x = case
    path = tmp_path_factory.mktemp("m") / "model.akrt"
    model = model.replace(
        name="näme",
        labels=tuple(f"w{i}" for i in range(model.output_shape[2])),
        notes={"licence": "CC0"},
    )
    model.save(path)
    loaded = akrt.load(path)
    assert modelfile.to_bytes(loaded) == path.read_bytes()
    assert modelfile.content_hash(loaded) == modelfile.content_hash(model)
    assert (loaded.name, loaded.labels, loaded.notes) == (model.name, model.labels, model.notes)
    np.testing.assert_array_equal(
        akrt.Runtime(loaded, backend="reference").forward(x),
        akrt.Runtime(model, backend="reference").forward(x),
    )


def small_model() -> Model:
    data = InputData("in", (49, 10, 1), 4)
    return Model((data,), labels=("only",), preprocessing=Mfcc(scale=3.5), notes={"a": "b"})


def test_preprocessing_travels(tmp_path: Path) -> None:
    small_model().save(tmp_path / "m.akrt")
    assert akrt.load(tmp_path / "m.akrt").preprocessing == Mfcc(scale=3.5)


@pytest.mark.parametrize("change", [{"name": "x"}, {"labels": ("other",)}, {"notes": {}}])
def test_the_hash_covers_everything(change: dict) -> None:
    changed = small_model().replace(**change)
    assert modelfile.content_hash(changed) != modelfile.content_hash(small_model())


def rewritten(**changes: object) -> bytes:
    """The file of a small model with header entries changed, and a hash that fits again."""
    model = small_model()
    head = {**modelfile.describe(model), **changes}
    head["sha256"] = modelfile._digest(head, {})
    return save_tensors({}, {"akrt": json.dumps(head)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, r"format version 2 is newer than this akrt reads \(1\): upgrade"),
        ({"format": None}, "no format version"),
        ({"layers": []}, "at least one layer"),
        ({"layers": [{"kind": "Recurrent"}]}, "unknown layer type 'Recurrent': upgrade akrt"),
        ({"layers": [{"kind": "InputData", "name": "in"}]}, "malformed"),
        (
            {"layers": [{"kind": "InputData", "name": "in", "input_shape": [1, 2]}]},
            "three positive",
        ),
        ({"layers": 5}, "malformed"),
        ({"labels": [1]}, "labels must be text"),
        ({"labels": ["a", "b"]}, "2 labels for 1 outputs"),
        ({"preprocessing": {"kind": "wavelet"}}, "unknown kind of preprocessing"),
        ({"preprocessing": {"kind": "mfcc", "fft": 3}}, "fft 3"),
        ({"preprocessing": {"kind": "mfcc", "color": 3}}, "malformed"),
        ({"notes": [1]}, "malformed"),
    ],
)
def test_a_well_formed_file_of_nonsense_is_refused(
    tmp_path: Path, changes: dict, message: str
) -> None:
    path = tmp_path / "m.akrt"
    path.write_bytes(rewritten(**changes))
    with pytest.raises(ModelFileError, match=message) as caught:
        akrt.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"RIFF", "not an .akrt file"),
        (b"\0" * 100, "not an .akrt file"),
        (b"\xff" * 100, "not an .akrt file, or truncated"),
        (save_tensors({"a": np.zeros(3)}), "it has no akrt header"),
        (save_tensors({}, {"akrt": "{"}), "the header is not JSON"),
        (save_tensors({}, {"akrt": "[1]"}), "the header is not a JSON object"),
        (save_tensors({}, {"akrt": "[" * 100_000}), "the header is not JSON"),
    ],
)
def test_other_files_are_told_apart(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "m.akrt"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=message):
        akrt.load(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="No such file"):
        akrt.load(tmp_path / "none.akrt")
    with pytest.raises(ModelFileError, match="it is a folder"):
        akrt.load(tmp_path)


def test_damage_is_always_noticed(tmp_path: Path) -> None:
    """Truncated, extended, bit-flipped or shuffled: an error, or the model unchanged."""
    rng = np.random.default_rng(1)
    cases: list[tuple] = []

    @settings(max_examples=8, database=None, derandomize=True)
    @given(networks())
    def collect(case: tuple) -> None:
        cases.append(case)

    collect()
    path = tmp_path / "m.akrt"
    refused = 0
    for i in range(MUTATIONS):
        whole = modelfile.to_bytes(cases[i % len(cases)][0])
        path.write_bytes(mutate(rng, whole))
        try:
            loaded = akrt.load(path)
        except AkrtError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert modelfile.to_bytes(loaded) == whole
    assert refused > 0.95 * MUTATIONS


def mutate(rng: np.random.Generator, whole: bytes) -> bytes:
    data = bytearray(whole)
    kind = rng.integers(5)
    if kind == 0:
        return bytes(data[: rng.integers(len(data))])
    if kind == 1:
        return bytes(data) + rng.bytes(int(rng.integers(1, 64)))
    if kind == 2:
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        return bytes(data)
    a, b = sorted(rng.integers(0, len(data), 2))
    if kind == 3:
        data[a:b] = rng.bytes(int(b - a))
        return bytes(data)
    del data[a : b + 1]
    return bytes(data)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.akrt"
    small_model().save(path)
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="cannot write .*No space left"):
        small_model().replace(name="new").save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_writing_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        small_model().save(tmp_path / "none" / "m.akrt")
    assert not (tmp_path / "none").exists()
