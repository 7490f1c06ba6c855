"""The .akrt file: round trips, determinism, and damage of every kind."""

from __future__ import annotations

import errno
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks, residual_networks
from safetensors.numpy import save as save_tensors

import akrt
import firmware_export
from akrt.backends.native import backend
from akrt.errors import (
    AkrtError,
    BackendUnavailableError,
    ModelFileError,
    OutputError,
    UnsupportedLayerError,
)
from akrt.model import Convolutional, FullyConnected, InputData, Mfcc, Model, Pooling, encoding
from akrt.runtime import bundled_model

MUTATIONS = 4000


@settings(max_examples=100)
@given(st.one_of(networks(), residual_networks()))
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
    assert encoding.to_bytes(loaded) == path.read_bytes()
    assert encoding.content_hash(loaded) == encoding.content_hash(model)
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


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"name": "x"}, True),
        ({"notes": {}}, True),
        ({"labels": ("other",)}, False),
        ({"preprocessing": Mfcc(scale=3.0)}, False),
        ({"layers": (InputData("in", (49, 10, 1), 3),)}, False),
    ],
)
def test_the_hash_is_that_of_the_network_whatever_its_name(change: dict, same: bool) -> None:
    changed = small_model().replace(**change)
    assert (encoding.content_hash(changed) == encoding.content_hash(small_model())) is same


@pytest.mark.parametrize("change", [{"name": "x"}, {"notes": {}}])
def test_a_name_or_note_that_was_altered_in_the_file_is_noticed(
    tmp_path: Path, change: dict
) -> None:
    head = {**encoding.describe(small_model()), **change}
    head["sha256"] = encoding.digest(encoding.describe(small_model()), {})
    (tmp_path / "m.akrt").write_bytes(save_tensors({}, {"akrt": json.dumps(head)}))
    with pytest.raises(ModelFileError, match="was altered"):
        akrt.load(tmp_path / "m.akrt")


def rewritten(**changes: object) -> bytes:
    """The file of a small model with header entries changed, and a hash that fits again."""
    model = small_model()
    head = {**encoding.describe(model), **changes}
    head["sha256"] = encoding.digest(head, {})
    return save_tensors({}, {"akrt": json.dumps(head)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 4}, r"format version 4 is newer than this akrt reads \(3\): upgrade"),
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
        ({"notes": [1]}, "notes must be texts"),
        ({"notes": {"a": 1}}, "notes must be texts"),
        ({"name": 5}, "name must be text, got 5"),
        ({"labels": {"only": 0}}, "labels must be a list"),
        ({"preprocessing": {"kind": "mfcc", "offset": True}}, "offset must be 0..255, got True"),
        *(
            ({"layers": [{"kind": "InputData", **entry}]}, message)
            for entry, message in (
                ({"name": 5, "input_shape": [1, 1, 1]}, "name must be a text"),
                ({"name": "a", "input_shape": [1, 1, 1], "input_bits": 4.0}, "got 4.0"),
                ({"name": "a", "input_shape": [1, 1, 1], "input_bits": True}, "got True"),
                ({"name": "a", "input_shape": [1.0, 1, 1]}, "three positive"),
                ({"name": "a", "input_shape": [65536, 65536, 1]}, "more than 67,108,864"),
            )
        ),
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
        (b"RIFF", "a sound file"),
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights_bits": 4.0}, "weights_bits must be .* got 4.0"),
        ({"weights_bits": True}, "weights_bits must be .* got True"),
        ({"act_bits": 4.0}, "must have 1, 2 or 4 bits, got 4.0"),
        ({"act_bits": "4"}, "must have 1, 2 or 4 bits, got '4'"),
        ({"name": ["x"]}, "name must be a text"),
        ({"padding": ["same"]}, "padding must be"),
        ({"padding_value": 0.0}, "padding_value must be"),
        ({"stride": [1, 1.0]}, "stride must be"),
        ({"stride": "11"}, "stride must be"),
        ({"pooling": {"kind": "max", "size": [2, 2], "stride": [2.0, 2]}}, "pooling stride must"),
        ({"pooling": {"kind": ["max"]}}, "pooling must be"),
        ({"pooling": []}, "malformed|pooling"),
        ({"input_shape": [49, 10, True]}, "three positive integers"),
    ],
)
def test_a_layer_of_wrong_types_is_refused_when_loaded(
    tmp_path: Path, changes: dict, message: str
) -> None:
    model = bundled_model()
    head = encoding.describe(model)
    head["layers"][0].update(changes)
    tensors = encoding.tensors(model)
    head["sha256"] = encoding.digest(head, tensors)
    (tmp_path / "m.akrt").write_bytes(save_tensors(tensors, {"akrt": json.dumps(head)}))
    with pytest.raises(ModelFileError, match=message):
        akrt.load(tmp_path / "m.akrt")


def test_a_header_as_deep_as_json_allows_is_refused(tmp_path: Path) -> None:
    deep = "[" * 900 + "]" * 900
    text = json.dumps({**encoding.describe(small_model()), "notes": {"a": "DEEP"}})
    head = json.loads(text.replace('"DEEP"', deep))
    head["sha256"] = encoding.digest(head, {})
    (tmp_path / "m.akrt").write_bytes(save_tensors({}, {"akrt": json.dumps(head)}))
    with pytest.raises(ModelFileError, match="notes must be texts|malformed"):
        akrt.load(tmp_path / "m.akrt")


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
        whole = encoding.to_bytes(cases[i % len(cases)][0])
        path.write_bytes(mutate(rng, whole))
        try:
            loaded = akrt.load(path)
        except AkrtError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert encoding.to_bytes(loaded) == whole
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


def huge_model() -> Model:
    """Small in a file, gigabytes where it is computed."""
    data = InputData("in", (4096, 4096, 4), 4)
    layer = Convolutional(
        name="c",
        weights=np.ones((7, 7, 4, 1), np.int8),
        weights_bits=1,
        act_bits=1,
        threshold=np.zeros(1, np.int32),
        act_step=np.ones(1, np.float32),
    )
    return Model((data, layer))


def test_a_small_file_does_not_get_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "m.akrt"
    huge_model().save(path)
    assert path.stat().st_size < 2000
    tracemalloc.start()
    try:
        with pytest.raises(BackendUnavailableError, match="bytes of memory for one sample"):
            akrt.Runtime(path, backend="reference")
        with pytest.raises(UnsupportedLayerError, match="of an export have at most 4,194,304"):
            firmware_export.export(huge_model(), tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert tracemalloc.get_traced_memory()[1] < 1 << 29
    finally:
        tracemalloc.stop()


def test_an_arena_of_gigabytes_is_refused(tmp_path: Path) -> None:
    layer = FullyConnected(
        name="f",
        weights=np.ones((1, 1), np.int8),
        weights_bits=1,
        act_bits=1,
        threshold=np.zeros(1, np.int32),
        act_step=np.ones(1, np.float32),
    )
    wide = Convolutional(
        name="c",
        weights=np.ones((1, 1, 1, 4096), np.int8),
        weights_bits=1,
        act_bits=1,
        pooling=Pooling("max", (128, 128), (128, 128)),
        threshold=np.zeros(4096, np.int32),
        act_step=np.ones(4096, np.float32),
    )
    model = Model((InputData("in", (128, 128, 1), 1), wide))
    assert akrt.Runtime(model, backend="native").forward(np.ones((1, 128, 128, 1), np.uint8)).all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "MAX_ARENA_BYTES", 1 << 16)
        with pytest.raises(BackendUnavailableError, match="takes at most 65,536"):
            akrt.Runtime(model, backend="native")
    assert akrt.Runtime(Model((InputData("in", (1, 1, 1), 1), layer)), backend="native")
