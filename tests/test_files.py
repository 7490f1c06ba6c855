"""Files of the user: read whole or refused, written whole or not at all."""

from __future__ import annotations

import ast
import io
import os
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

import akrt
from akrt.errors import AkrtError, InputError, OutputError, UsageError
from akrt.files import (
    check_replaceable,
    read_array,
    read_arrays,
    read_bytes,
    write_file,
    write_files,
)
from akrt.loading import load
from akrt.printable import printable


def npy(array: object) -> bytes:
    data = io.BytesIO()
    np.save(data, array)  # type: ignore[arg-type]
    return data.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.zeros((0, 5), np.int32),
        np.array(7),
        np.array(["yes", "no"]),
    ],
)
def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "a.npy"
    np.save(path, array)
    read = read_array(path)
    assert read.dtype == array.dtype
    assert read.shape == array.shape
    assert np.array_equal(read, array)
    np.savez_compressed(tmp_path / "a.npz", one=array, two=array)
    both = read_arrays(tmp_path / "a.npz")
    assert list(both) == ["one", "two"]
    assert np.array_equal(both["two"], array)


def test_damaged_arrays_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    whole = npy(rng.integers(0, 255, (4, 6), np.uint8))
    path = tmp_path / "a.npy"
    refused = 0
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        del data[rng.integers(len(data), 2 * len(data)) :]
        if rng.random() < 0.5:
            del data[rng.integers(len(data)) :]
        path.write_bytes(data)
        try:
            read_array(path)
        except InputError as error:
            assert "a.npy" in str(error)
            refused += 1
    assert refused > 1000


def headed(header: bytes, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def test_headers_that_numpy_warns_of_are_read_without_a_warning(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (3L,)}\n"
    (tmp_path / "a.npy").write_bytes(headed(header, b"\1\2\3"))  # as Python 2 wrote them
    (tmp_path / "b.npy").write_bytes(headed(header.replace(b"|", b"\\H")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_array(tmp_path / "a.npy").tolist() == [1, 2, 3]
        with pytest.raises(InputError, match="b.npy"):
            read_array(tmp_path / "b.npy")


@pytest.mark.parametrize("kind", [b"<U2147483647", b"|S0", b"<U0", b"|V0"])
def test_elements_without_a_size_are_refused(tmp_path: Path, kind: bytes) -> None:
    """NumPy would make a byte of each, or count backwards."""
    header = b"{'descr': '%s', 'fortran_order': False, 'shape': (9000000000,)}\n" % kind
    (tmp_path / "a.npy").write_bytes(headed(header))
    # newer releases of NumPy refuse the first one themselves
    with pytest.raises(InputError, match=r"elements of type|a\.npy.*U2147483647"):
        read_array(tmp_path / "a.npy")


def test_a_damaged_name_of_a_member_does_not_fill_the_screen(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x" * 5000, npy(np.zeros(3)))
    data = (tmp_path / "a.npz").read_bytes().replace(b"xxxx", b"yyyy", 1)
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InputError, match="a.npz") as caught:
        read_arrays(tmp_path / "a.npz")
    assert len(str(caught.value)) < 1000


def test_a_header_that_promises_too_much_asks_for_no_memory(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (500000000000000,)}\n"
    claim = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    (tmp_path / "a.npy").write_bytes(claim)
    with pytest.raises(InputError, match="truncated: 500,000,000,000,000 bytes are promised"):
        read_array(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy(np.zeros(3_000_000, np.uint8)))
    with pytest.raises(InputError, match="unpacks to 3,000,128 bytes, at most 1,000,000"):
        read_arrays(tmp_path / "a.npz", most=1_000_000)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(InputError, match="Python objects"):
        read_array(tmp_path / "a.npy")


@pytest.mark.parametrize("read", [read_bytes, read_array, read_arrays])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, read: object) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), ("/dev/zero", "a device"), (tmp_path, "a f")):
        with pytest.raises(InputError, match=f"it is {kind}"):
            read(path)  # type: ignore[operator]
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none")  # type: ignore[operator]
    with pytest.raises(InputError, match="null"):
        read("a\0b")  # type: ignore[operator]


def test_permissions_follow_the_umask_or_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        write_file(path, b"1")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        write_file(path, b"2")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert path.read_bytes() == b"2"


def test_links_stay_and_devices_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), ("/dev/null", "a device"), (tmp_path, "a f")):
        with pytest.raises(OutputError, match=f"it is {kind}"):
            write_file(path, b"new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_left_overs_of_killed_writers_are_removed_and_those_of_living_ones_are_not(
    tmp_path: Path,
) -> None:
    fcntl = pytest.importorskip("fcntl")
    dead = tmp_path / ".m.akrt.0123456789abcdef.akrt-tmp"
    living = tmp_path / ".m.akrt.fedcba9876543210.akrt-tmp"
    other = tmp_path / ".m.akrt.mine"
    for path in (dead, living, other):
        path.write_bytes(b"half")
    pipe = tmp_path / ".m.akrt.0000000000000000.akrt-tmp"
    os.mkfifo(pipe)  # whose opening would wait for a writer
    with open(living, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_file(tmp_path / "m.akrt", b"whole")
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
            [pipe.name, living.name, other.name, "m.akrt"]
        )


def test_only_what_akrt_wrote_is_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a"
    check_replaceable(path)
    path.write_bytes(b"akrt")
    check_replaceable(path, lambda data: data == b"akrt")
    check_replaceable(path, force=True)
    path.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists and is not what akrt wrote.*--force"):
        check_replaceable(path, lambda data: data == b"akrt")


@pytest.mark.parametrize("force", [False, True])
def test_only_files_are_replaced(tmp_path: Path, force: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path, kind in (
        (tmp_path / "pipe", "a pipe"),
        (tmp_path / "link", "a pipe"),
        (tmp_path, "a folder"),
        (Path("/"), "a folder"),
        (Path(".."), "a folder"),
    ):
        with pytest.raises(OutputError, match=f"it is {kind}, give the name of a file"):
            check_replaceable(path, lambda _: True, force)
    with pytest.raises(OutputError, match="it is a pipe, not a file"):
        write_files({tmp_path / "other": b"1", tmp_path / "pipe": b"2"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("path", [None, 5, 2.5, [], object()])
def test_what_is_no_path_is_refused(path: object) -> None:
    for call in (read_bytes, read_array, read_arrays, load, lambda p: write_file(p, b"")):
        with pytest.raises(UsageError, match="a path must be text or an os.PathLike, got"):
            call(path)  # type: ignore[operator]


def test_control_characters_are_shown_and_not_obeyed() -> None:
    hostile = b"a\x1b[2J\xff\n".decode("utf-8", "surrogateescape") + "\u202eexe\x9b"
    assert printable(hostile) == r"a\x1b[2J\xff\x0a\u202eexe\x9b"
    assert printable("a\nb", lines=True) == "a\nb"
    assert str(AkrtError(f"'{hostile}'")) == rf"'{printable(hostile)}'"
    assert printable("größe 日本語") == "größe 日本語"


def _called(path: Path) -> set[str]:
    calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    return {ast.unparse(call.func) for call in calls}


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ({"os.replace"}, {"akrt/files.py"}),
        # of what our own reader of untrusted files sent through a pipe
        ({"np.load", "np.fromfile", "np.loadtxt"}, {"akrt/importers/quarantine.py"}),
        ({"np.save", "np.savetxt"}, set()),
        ({"Table"}, {"akrt/cli/output.py"}),
    ],
)
def test_what_has_one_place_is_called_nowhere_else(what: set[str], where: set[str]) -> None:
    root = Path(akrt.__file__).parent.parent
    paths = [p for room in ("akrt", "firmware_export") for p in (root / room).rglob("*.py")]
    assert {p.relative_to(root).as_posix() for p in paths if _called(p) & what} == where
