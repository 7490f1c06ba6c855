"""The feature file: what is saved is loaded, what is damaged is refused, nothing is unpickled."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from akrt.errors import DatasetError, OutputError
from akrt.kws.featureset import FeatureSet


def small() -> FeatureSet:
    rng = np.random.default_rng(0)
    return FeatureSet(
        x=rng.integers(0, 256, (6, 49, 10, 1)).astype(np.uint8),
        y=np.array([0, 1, 1, 2, 2, 2]),
        split=np.array([0, 0, 0, 1, 2, 0], np.uint8),
        source=np.array([0, 1, 1, 1, 1, 2], np.uint8),
        speaker=np.array([0, 1, 1, 2, 1, 3], np.int32),
        copy=np.array([0, 0, 1, 0, 0, 0], np.int32),
        clip=np.array([0, 1, 1, 2, 3, 4], np.int32),
        words=("_silence_", "yes", "no"),
        sources=("noise", "real", "synthetic"),
        speakers=("", "a", "b", "espeak:f1"),
        settings={"seed": 3, "words": ["_silence_", "yes", "no"]},
    )


def test_round_trip(tmp_path: Path) -> None:
    before = small()
    before.save(tmp_path / "a.npz")
    after = FeatureSet.load(tmp_path / "a.npz")
    for field in dataclasses.fields(FeatureSet):
        ours, theirs = getattr(before, field.name), getattr(after, field.name)
        if isinstance(ours, np.ndarray):
            assert ours.dtype == theirs.dtype
            assert (ours == theirs).all()
        else:
            assert ours == theirs
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_counts_are_of_clips_and_by_source() -> None:
    assert small().counts() == {
        "training": {
            "_silence_": {"noise": 1},
            "yes": {"real": 1},
            "no": {"synthetic": 1},
        },
        "validation": {"no": {"real": 1}},
        "testing": {"no": {"real": 1}},
    }


def test_select() -> None:
    data = small()
    assert data.select("training").tolist() == [True, True, True, False, False, True]
    assert data.select("training", "real").tolist() == [False, True, True, False, False, False]
    assert np.flatnonzero(data.select("training", "real", clean=True)).tolist() == [1]
    assert not data.select("training", "fsdd").any()


def test_pickles_are_refused(tmp_path: Path) -> None:
    """An array of objects is a pickle inside an .npz."""
    path = tmp_path / "a.npz"
    small().save(path)
    with np.load(path) as file:
        arrays = dict(file)
    arrays["words"] = np.array([{"not": "a word"}], object)
    np.savez(path, **arrays)
    with pytest.raises(DatasetError, match="Python objects|not a feature file, or damaged"):
        FeatureSet.load(path)
    path.write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(DatasetError):
        FeatureSet.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((6, 49, 10), np.uint8)}, "features are"),
        ({"x": np.zeros((6, 49, 10, 1), np.float32)}, "features are"),
        ({"y": np.zeros(5, np.int64)}, "y is"),
        ({"y": np.full(6, 3)}, "y names something"),
        ({"speaker": np.full(6, -1, np.int32)}, "speaker names something"),
        ({"format": np.int64(99)}, "has format 99"),
    ],
)
def test_inconsistent(tmp_path: Path, change: dict[str, np.ndarray], message: str) -> None:
    path = tmp_path / "a.npz"
    small().save(path)
    with np.load(path) as file:
        arrays = {**file, **change}
    np.savez(path, **arrays)
    with pytest.raises(DatasetError, match=message):
        FeatureSet.load(path)


def test_missing_and_foreign(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file"):
        FeatureSet.load(tmp_path / "absent.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(DatasetError, match="was not written by"):
        FeatureSet.load(tmp_path / "other.npz")
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(DatasetError):
        FeatureSet.load(tmp_path / "array.npy")


def test_unwritable(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        small().save(tmp_path / "absent" / "a.npz")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.npz"
    small().save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        loaded = FeatureSet.load(path)
    except DatasetError as error:
        assert "a.npz" in str(error)
    else:
        assert loaded.x.shape == (6, 49, 10, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": np.array([1])}, "a number or a text is expected"),
        ({"x": np.array(7, np.uint8)}, r"features are uint8 \(\)"),
        ({"split": np.zeros(6, "m8[s]")}, r"split is timedelta64\[s\]"),
        ({"words": np.array([[1, 2]])}, "words are int64"),
        ({"words": np.array([True, False, True])}, "words are bool"),
        ({"settings": np.array("[1]")}, "settings are no JSON object"),
        ({"settings": np.array([1.5])}, "a number or a text is expected"),
        ({"settings": np.array('{"unknown_speakers": {"examples": true}}')}, "are no list"),
    ],
)
def test_entries_of_another_type_are_refused(
    tmp_path: Path, changes: dict[str, np.ndarray], message: str
) -> None:
    small().save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        entries = {name: file[name] for name in file.files}
    np.savez(tmp_path / "b.npz", **{**entries, **changes})
    with pytest.raises(DatasetError, match=message) as caught:
        FeatureSet.load(tmp_path / "b.npz")
    assert "b.npz" in str(caught.value)


def test_no_rows_and_no_names_are_saved_and_loaded(tmp_path: Path) -> None:
    before = small()
    columns = ("x", "y", "split", "source", "speaker", "copy", "clip")
    none = {name: getattr(before, name)[:0] for name in columns}
    empty = dataclasses.replace(before, **none, words=(), sources=(), speakers=())
    empty.save(tmp_path / "a.npz")
    after = FeatureSet.load(tmp_path / "a.npz")
    assert (after.words, after.sources, after.speakers, len(after.x)) == ((), (), (), 0)
