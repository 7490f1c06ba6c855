"""The tutorial's pickles are read; pickles that ask for more are refused by name."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from akrt.cli.commands import app
from akrt.errors import DatasetError
from akrt.kws.featureset import FeatureSet
from akrt.kws.pickles import load_pickle

WORDS = {"_silence_": 0, "yes": 1, "no": 2}


def tutorial(dtype: str = "uint8", **changes: Any) -> list[Any]:
    """What the tutorial's file holds, small."""
    rng = np.random.default_rng(0)
    items = {
        "x_train": rng.integers(0, 256, (9, 49, 10, 1)).astype(dtype),
        "y_train": rng.integers(0, 3, 9),
        "x_val": rng.integers(0, 256, (5, 49, 10, 1)).astype(dtype),
        "y_val": rng.integers(0, 3, 5),
        "x_test": rng.integers(0, 256, (4, 49, 10, 1)).astype(dtype),
        "y_test": rng.integers(0, 3, 4),
        "word_to_index": WORDS,
        "data_transform": np.array([4.0, 128.0]),
    }
    return list({**items, **changes}.values())


def write(path: Path, content: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["uint8", "float32", ">i4"])
def test_reads_every_protocol(protocol: int, dtype: str, tmp_path: Path) -> None:
    items = tutorial(dtype)
    data = load_pickle(write(tmp_path / "kws.pkl", items, protocol))
    assert data.words == ("_silence_", "yes", "no")
    for i, split in enumerate(("training", "validation", "testing")):
        rows = data.select(split)
        np.testing.assert_array_equal(data.x[rows], items[2 * i].astype(np.uint8))
        np.testing.assert_array_equal(data.y[rows], items[2 * i + 1])
    assert data.settings["data_transform"] == [4.0, 128.0]


def test_fortran_order_and_numpy_numbers(tmp_path: Path) -> None:
    items = tutorial(
        word_to_index={word: np.int64(i) for word, i in WORDS.items()},
        data_transform={"scale": 4.0, "offset": np.float32(128)},
    )
    items[0] = np.asfortranarray(items[0])
    data = load_pickle(write(tmp_path / "kws.pkl", items))
    np.testing.assert_array_equal(data.x[data.select("training")], items[0])
    assert data.settings["data_transform"] == {"scale": 4.0, "offset": 128.0}


def test_without_test_data(tmp_path: Path) -> None:
    data = load_pickle(write(tmp_path / "kws.pkl", tutorial(x_test=None, y_test=None)))
    assert len(data.x) == 14
    data.save(tmp_path / "kws.npz")
    assert len(FeatureSet.load(tmp_path / "kws.npz").x) == 14


def test_prepare_takes_the_pickle(tmp_path: Path) -> None:
    path = write(tmp_path / "kws_preprocessed_all.pkl", tutorial())
    done = CliRunner().invoke(
        app, ["kws", "prepare", str(path), "-o", str(tmp_path / "features.npz")]
    )
    assert done.exit_code == 0, done.output
    data = FeatureSet.load(tmp_path / "features.npz")
    assert len(data.x) == 18
    assert "18 rows" in done.output


class Evil:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (os.system, ("touch {}",), "posix.system"),
        (eval, ("open('{}', 'w')",), "builtins.eval"),
        (subprocess.Popen, (["touch", "{}"],), "subprocess.Popen"),
        (getattr, (os, "system"), "builtins.getattr"),
        (np.load, ("{}",), "numpy"),
    ],
)
def test_code_is_refused_by_name(
    function: Any, arguments: tuple[Any, ...], named: str, tmp_path: Path
) -> None:
    trace = tmp_path / "executed"
    text = repr(arguments)
    if "{}" in text:
        arguments = eval(text.replace("{}", str(trace)))
    if function is getattr:
        path = tmp_path / "kws.pkl"
        path.write_bytes(b"cbuiltins\ngetattr\n(cos\nsystem\nS'x'\ntR.")
    else:
        path = write(tmp_path / "kws.pkl", tutorial(data_transform=Evil(function, *arguments)))
    with pytest.raises(DatasetError, match=f"refused: the pickle asks for '{named}"):
        load_pickle(path)
    assert not trace.exists()


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    items = tutorial(data_transform=np.array([1, "a", None], object))
    with pytest.raises(DatasetError, match="refused: the pickle asks for an array of type 'O8'"):
        load_pickle(write(tmp_path / "kws.pkl", items))


@pytest.mark.parametrize(
    "changes_what",
    [
        b"cnumpy\ndtype\n}S'_function'\nI1\nsb.",
        b"cnumpy\ndtype\n(N}S'_function'\nI1\nstb.",
        b"\x82\x01.",
        b"Poutside\n.",
    ],
)
def test_tampering_with_the_reader_is_refused(changes_what: bytes, tmp_path: Path) -> None:
    path = tmp_path / "kws.pkl"
    path.write_bytes(changes_what)
    with pytest.raises(DatasetError, match="refused"):
        load_pickle(path)
    assert len(load_pickle(write(path, tutorial())).x) == 18


@pytest.mark.parametrize(
    "claim",
    [b"\x80\x04]r\xff\xff\xff\x7f.", b"\x80\x05\x96\0\0\0\0\2\0\0\0abc."],
    ids=["index of the memo", "bytes of a bytearray"],
)
def test_a_huge_number_takes_no_memory(claim: bytes, tmp_path: Path) -> None:
    """Python's own unpicklers would allocate 32 and 8 GiB for these."""
    path = tmp_path / "kws.pkl"
    path.write_bytes(claim)
    code = (
        "import resource, sys; from akrt.kws.pickles import load_pickle\n"
        "from akrt.errors import DatasetError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "try: load_pickle(sys.argv[1])\n"
        "except DatasetError as error: print('MemoryError' in str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_bytearray_is_read(tmp_path: Path) -> None:
    items = tutorial(data_transform=bytearray(b"abc"))
    assert len(load_pickle(write(tmp_path / "kws.pkl", items, 5)).x) == 18


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "kws.pkl")
    with pytest.raises(DatasetError, match="it is a pipe"):
        load_pickle(tmp_path / "kws.pkl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "expected a pickled list"),
        (tutorial(word_to_index={"a\0": 0, "b": 1, "c": 2}), "a zero byte in the word"),
        ([1, 2, 3], "expected a pickled list"),
        (tutorial(word_to_index=[1]), "expected a dict"),
        (tutorial(word_to_index={"yes": 1}), "number its words from 0"),
        (tutorial(word_to_index={1: "yes"}), "map words to numbers"),
        (tutorial(y_val=np.array([0, 1, 2, 3, 0])), "labels are not classes 0 to 2"),
        (tutorial(y_val=np.array([0, 1])), "5 feature maps but 2 labels"),
        (tutorial(x_val=np.full((5, 49, 10, 1), 0.5)), "not integers of 0 to 255"),
        (tutorial(x_val=np.full((5, 49, 10, 1), np.nan)), "not integers of 0 to 255"),
        (tutorial(x_val=np.zeros((5, 40, 10, 1))), "differ in shape"),
        (tutorial(x_val="x"), "expected features"),
    ],
)
def test_other_contents(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=message):
        load_pickle(write(tmp_path / "kws.pkl", content))


def test_missing_and_empty(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file"):
        load_pickle(tmp_path / "none.pkl")
    (tmp_path / "empty.pkl").write_bytes(b"")
    with pytest.raises(DatasetError, match="not a pickle, or damaged"):
        load_pickle(tmp_path / "empty.pkl")


def test_damaged_pickles(tmp_path: Path) -> None:
    """2,000 mutations: features, or a DatasetError."""
    small = tutorial(x_train=np.zeros((2, 4, 3, 1), np.uint8), y_train=np.array([0, 1]))
    small[2:6] = [np.ones((1, 4, 3, 1), np.uint8), np.array([2]), None, None]
    whole = pickle.dumps(small)
    path = tmp_path / "kws.pkl"
    refused = 0
    for i in range(2000):
        r = random.Random(i)
        data = bytearray(whole)
        if r.random() < 0.1:
            data = data[: r.randrange(len(data))]
        else:
            for _ in range(r.choice([1, 1, 2, 5])):
                data[r.randrange(len(data))] = r.choice([0, 255, r.randrange(256)])
        path.write_bytes(data)
        try:
            load_pickle(path)
        except DatasetError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > 500
