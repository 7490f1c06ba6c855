"""The user's files: how they are read, and how one is written so that none is lost.

A name that is not a regular file (a pipe, a device, a folder) is refused before it is read: it
could block for ever, or never end. What a header promises is compared with what is there before
memory is taken for it.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tokenize
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as numpy_format

from akrt.errors import InputError, OutputError, UsageError
from akrt.system import HAS_LOCKS, lock

if TYPE_CHECKING:
    from zipfile import ZipFile

__all__ = [
    "check_replaceable",
    "make_folder",
    "move_file",
    "open_regular",
    "path_text",
    "read_array",
    "read_arrays",
    "read_bytes",
    "remove_left_over",
    "write_file",
    "write_files",
]

StrPath = str | os.PathLike[str]
MOST_BYTES = 1 << 31
"""Largest file, array or archive that is read into memory."""

_FOR_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_npy: Any = numpy_format  # NumPy does not type it
_TEMPORARY = ".akrt-tmp"
_being_written: set[str] = set()
"""Names of this process's temporary files: no left-overs, where locks do not say so too."""
_SPLIT = 1 << 20
_NPY_DAMAGE = (
    OSError, ValueError, EOFError, SyntaxError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError, RecursionError, MemoryError, tokenize.TokenError,
)  # fmt: skip
"""What NumPy's reader of headers raises when they are damaged."""
_ZIP_START = b"PK\x03\x04"


def path_text(path: object) -> str:
    """A path as text.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise UsageError(f"a path must be text or an os.PathLike, got {path!r:.80}")
    return os.fsdecode(path)


def open_regular(path: StrPath) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        OSError: it cannot be opened.
        InputError: it is a folder, a pipe, a device or a socket.
        UsageError: `path` is no path.
    """
    try:
        handle = os.open(path_text(path), _FOR_READING)
    except ValueError as error:  # a zero byte in the name
        raise InputError(f"cannot read '{os.fspath(path)}': {error}") from None
    kind = os.fstat(handle).st_mode
    if not stat.S_ISREG(kind):
        os.close(handle)
        raise InputError(f"cannot read '{os.fspath(path)}': it is {_kind(kind)}, not a file")
    return os.fdopen(handle, "rb")


def read_bytes(path: StrPath, most: int = MOST_BYTES) -> bytes:
    """A whole regular file.

    Raises:
        InputError: it cannot be read, is no regular file, or is larger than `most`.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(size + 1) if size <= most else b""  # and not a byte more memory
    except OSError as error:
        raise InputError(f"cannot read '{os.fspath(path)}': {error.strerror or error}") from None
    if size > most:
        raise InputError(
            f"cannot read '{os.fspath(path)}': it has {size:,} bytes, at most {most:,} are read"
        )
    if len(data) != size:
        raise InputError(f"cannot read '{os.fspath(path)}': it is being written")
    return data


def read_array(path: StrPath, most: int = MOST_BYTES) -> npt.NDArray[Any]:
    """The array of a ``.npy`` file; nothing is unpickled.

    Raises:
        InputError: it cannot be read, is damaged, holds objects, or has more than `most` bytes.
    """
    with _opened(path) as file:
        try:
            if file.read(len(_ZIP_START)) == _ZIP_START:
                raise ValueError(
                    "it is a ZIP archive, such as an .npz of several arrays: save the one that is "
                    "meant with numpy.save, as .npy"
                )
            file.seek(0)
            return _read_npy(file, os.fstat(file.fileno()).st_size, most)
        except _NPY_DAMAGE as error:
            raise _unreadable(path, error) from None


def read_arrays(path: StrPath, most: int = MOST_BYTES) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an ``.npz`` archive by name; nothing is unpickled.

    Raises:
        InputError: it cannot be read, is damaged, holds objects, or has more than `most` bytes
            unpacked.
    """
    import zipfile

    damage = (*_NPY_DAMAGE, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
    arrays = {}
    with _opened(path) as file:
        try:
            with _archive(file) as archive:
                total = sum(member.file_size for member in archive.infolist())
                if total > most:
                    raise ValueError(f"it unpacks to {total:,} bytes, at most {most:,} are read")
                for member in archive.infolist():
                    with archive.open(member) as entry:
                        name = member.filename.removesuffix(".npy")
                        arrays[name] = _read_npy(entry, member.file_size, most)
                        entry.read(1)  # the check sum is looked at when the end is reached
        except damage as error:
            raise _unreadable(path, error) from None
    return arrays


def write_file(path: StrPath, data: bytes) -> None:
    """Write `data` under a temporary name in the same folder, then rename it to `path`.

    The file is on the disk before it gets its name, obeys the umask, or has the permissions of
    the one that it replaces. A symbolic link stays; what it points at is replaced. Temporary files
    of writers that were killed are removed.

    Raises:
        OutputError: it cannot be written; what was there is untouched, nothing is left behind.
        UsageError: `path` is no path.
    """
    named = path_text(path)
    try:
        target = Path(os.path.realpath(named))
        before = _status(target)
        if before is not None and not stat.S_ISREG(before.st_mode):
            raise OutputError(f"cannot write '{named}': it is {_kind(before.st_mode)}, not a file")
        remove_left_over(target)
        with _temporary(target) as (file, name):
            file.write(data)
            file.flush()
            if before is not None:
                os.chmod(name, stat.S_IMODE(before.st_mode))
            os.fsync(file.fileno())
            if not HAS_LOCKS:
                file.close()
            os.replace(name, target)
        _sync_folder(target.parent)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"cannot write '{named}': {reason}") from None


def move_file(source: StrPath, path: StrPath) -> None:
    """Give a finished file of the same disk the name `path`, as `write_file` does.

    Raises:
        OSError: it cannot be moved; what was there is untouched.
    """
    target = Path(os.path.realpath(path))
    with _temporary(target) as (file, _):  # its mode is what the umask leaves
        like = _status(target) or os.fstat(file.fileno())
    os.chmod(source, stat.S_IMODE(like.st_mode))
    with open(source, "rb+") as whole:
        os.fsync(whole.fileno())
    os.replace(source, target)
    _sync_folder(target.parent)


def write_files(contents: Mapping[Path, bytes], ready: Callable[[], None] = lambda: None) -> None:
    """Write several files: all of them under temporary names first, then each is renamed.

    Args:
        contents: by path, in the order of the renaming; their folders are there. A symbolic link
            is replaced, not followed; a folder, a pipe, a device or a socket is not.
        ready: called when everything is on the disk and nothing renamed yet.

    Raises:
        OutputError: a file cannot be written; nothing was renamed unless `ready` was called.
    """
    path = None
    try:
        with contextlib.ExitStack() as stack:
            staged = []
            for path, data in contents.items():
                if os.path.lexists(path):
                    kind = os.lstat(path).st_mode
                    if not stat.S_ISREG(kind) and not stat.S_ISLNK(kind):
                        raise OutputError(f"cannot write '{path}': it is {_kind(kind)}, not a file")
                remove_left_over(path)
                file, name = stack.enter_context(_temporary(path))
                file.write(data)
                file.flush()
                if (before := _status(path)) is not None and stat.S_ISREG(before.st_mode):
                    os.chmod(name, stat.S_IMODE(before.st_mode))
                os.fsync(file.fileno())
                staged.append((file, name, path))
            ready()
            for file, name, path in staged:
                if not HAS_LOCKS:
                    file.close()
                os.replace(name, path)
        for folder in {path.parent for path in contents}:
            _sync_folder(folder)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"cannot write '{path}': {reason}") from None


def make_folder(path: StrPath) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder '{os.fspath(path)}': {error.strerror or error}"
        ) from None


def remove_left_over(path: StrPath) -> None:
    """Remove temporary files of `path` whose writers are gone: nobody holds their locks."""
    target = Path(path)
    start = f".{target.name[:64]}."
    with contextlib.suppress(OSError):
        for entry in os.scandir(target.parent):
            if entry.name in _being_written:
                continue
            if entry.name.startswith(start) and entry.name.endswith(_TEMPORARY):
                with contextlib.suppress(OSError, InputError), open_regular(entry.path) as file:
                    if HAS_LOCKS:  # elsewhere an open file cannot be deleted
                        lock(file.fileno())
                    os.unlink(entry.path)


def check_replaceable(
    path: StrPath, ours: Callable[[bytes], bool] | None = None, force: bool = False
) -> None:
    """Refuse to overwrite a file that akrt did not write, and what is no file.

    Args:
        path: what is about to be written.
        ours: whether the content of a file was written by akrt and is unaltered; None: no content
            can tell.
        force: overwrite whatever file is there.

    Raises:
        OutputError: there is a folder, a pipe, a device or a socket.
        UsageError: there is another file.
    """
    if not os.path.lexists(path):
        return
    with contextlib.suppress(OSError, ValueError):  # a link that leads nowhere
        kind = os.stat(path).st_mode
        if not stat.S_ISREG(kind):
            raise OutputError(
                f"cannot write '{os.fspath(path)}': it is {_kind(kind)}, give the name of a file"
            )
    if force:
        return
    try:
        if ours is not None and ours(read_bytes(path)):
            return
    except InputError:
        pass
    raise UsageError(
        f"'{os.fspath(path)}' exists and is not what akrt wrote there: choose another name, or "
        f"overwrite it with --force"
    )


def _opened(path: StrPath) -> BinaryIO:
    try:
        return open_regular(path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _archive(file: BinaryIO) -> ZipFile:
    import zipfile

    if zipfile.is_zipfile(file):
        return zipfile.ZipFile(file)
    file.seek(0)
    begun = file.read(len(_ZIP_START)) == _ZIP_START
    raise ValueError("it is damaged or truncated" if begun else "it is not an .npz archive")


def _read_npy(file: Any, size: int, most: int) -> npt.NDArray[Any]:
    shape, fortran, dtype = _read_npy_header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not loaded")
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ValueError(f"its shape is {shape}")
    wanted = dtype.itemsize
    if wanted < 1:  # NumPy would make room for them, or wrap around
        raise ValueError(f"elements of type {dtype.str} have {wanted} bytes")
    for n in shape:
        wanted *= n
    there = max(size - file.tell(), 0)
    if wanted > there:
        raise ValueError(f"it is truncated: {wanted:,} bytes are promised, {there:,} are there")
    if wanted > most:
        raise ValueError(f"it has {wanted:,} bytes, at most {most:,} are read")
    data = bytearray()
    while len(data) < wanted and (piece := file.read(min(_SPLIT, wanted - len(data)))):
        data += piece
    if len(data) < wanted:
        raise ValueError(f"it is truncated: {wanted:,} bytes are promised, {len(data):,} came")
    flat = np.frombuffer(data, dtype) if data else np.zeros(shape, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _read_npy_header(file: Any) -> Any:
    try:
        version = _npy.read_magic(file)
        if version in ((1, 0), (2, 0)):
            with warnings.catch_warnings():  # of numbers as Python 2 wrote them, of odd escapes
                warnings.simplefilter("ignore")
                return getattr(_npy, f"read_array_header_{version[0]}_0")(file)
    except OSError:
        raise
    except _NPY_DAMAGE as error:
        if isinstance(error.__cause__, TypeError):  # NumPy has no such type; older releases had
            raise ValueError(f"elements of type unknown to NumPy: {error}") from None
        raise ValueError("it is not a .npy file, or its header is damaged") from None
    raise ValueError(f"version {version[0]}.{version[1]} of the format is not known")


def _unreadable(path: StrPath, error: BaseException) -> InputError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return InputError(f"cannot read the arrays of '{os.fspath(path)}': {reason:.300}")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device or a socket"


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[tuple[io.BufferedWriter, Path]]:
    """A new file beside `target`, locked while it is open and gone afterwards."""
    while True:
        name = target.with_name(f".{target.name[:64]}.{os.urandom(8).hex()}{_TEMPORARY}")
        # the mode is what the umask leaves of it
        file = os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")
        try:
            _being_written.add(name.name)
            if HAS_LOCKS:
                with contextlib.suppress(OSError):  # a file system without locks
                    lock(file.fileno(), wait=True)
                if not os.fstat(file.fileno()).st_nlink:
                    continue  # another writer took it for a left-over
            yield file, name
            return
        finally:
            if not HAS_LOCKS:
                file.close()
            with contextlib.suppress(FileNotFoundError):
                name.unlink()
            file.close()
            _being_written.discard(name.name)


def _sync_folder(folder: Path) -> None:
    """The new name, too, is on the disk; where folders can be synchronised."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
