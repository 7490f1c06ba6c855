"""Downloads the tutorial's models and Speech Commands: checked by SHA-256, whole or not at all.

Addresses and hashes of the models are those of akida_models (Apache-2.0), of the recordings those
that TensorFlow Datasets and torchaudio publish.
"""

from __future__ import annotations

import errno
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akrt.errors import DownloadError, MissingExtraError, OutputError, UsageError
from akrt.files import check_replaceable, move_file

__all__ = ["RESOURCES", "Resource", "check_new", "extract", "fetch"]

TIMEOUT_SECONDS = 30
"""Of silence from the server."""


@dataclass(frozen=True)
class Resource:
    """Something to download."""

    file: str
    base_url: str
    """Address of the directory that holds the file."""
    sha256: str
    about: str
    bytes: int | None = None
    """Size, where known."""


_MODELS = "https://data.brainchip.com/models/AkidaV1/ds_cnn"

RESOURCES = {
    "quantised-model": Resource(
        "ds_cnn_kws_iq8_wq4_aq4_laq1.h5",
        _MODELS,
        "2ba6220bb9545857c99a327ec14d2d777420c7848cb6a9b17d87e5a01951fe6f",
        "the tutorial's quantised network, by BrainChip",
    ),
    "float-model": Resource(
        "ds_cnn_kws.h5",
        _MODELS,
        "95a51677b340ee2420015a8576a8aaf41e84138ac0334cd42080b60499b4f146",
        "the tutorial's float network, by BrainChip",
    ),
    "speech-commands": Resource(
        "speech_commands_v0.02.tar.gz",
        "https://storage.googleapis.com/download.tensorflow.org/data",
        "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        "Speech Commands v0.02: 105,829 recordings, CC BY 4.0, by Google",
        2_428_923_189,
    ),
}


class _Bar:
    """What pooch expects of a progress bar, telling a callback."""

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self.total = 0
        self._done = 0
        self._report = report

    def update(self, count: int) -> None:
        self._done += count
        self._report(self._done, int(self.total or 0))

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing to do."""


def fetch(
    resource: Resource,
    folder: str | os.PathLike[str],
    base_url: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    force: bool = False,
) -> Path:
    """Download one file into a folder, or find it there already, and check it.

    The file appears under its name only when it is whole and has the right hash. A download that
    ends early, for whatever reason, leaves nothing behind.

    Args:
        resource: what to download.
        folder: where to; it is made if need be.
        base_url: another address of the directory that holds the file (a mirror).
        progress: called with the bytes so far, and in all (0 if the server does not say).
        force: replace a file of that name that is not the one to download.

    Raises:
        DownloadError: no network, an answer that is not the file, a wrong hash.
        OutputError: the folder cannot be written to, or the disk is full.
        MissingExtraError: pooch is not installed.
        UsageError: `base_url` is not an http or https address, or there is another file of that
            name.
    """
    base = (base_url or resource.base_url).rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise UsageError(f"'{base}' is not an http:// or https:// address")
    try:
        import pooch
        import requests
    except ImportError as error:
        raise MissingExtraError(error.name or "pooch", "fetch", "downloading") from None
    target = Path(folder)
    _make(target, resource)
    url = f"{base}/{resource.file}"
    pooch.get_logger().setLevel("ERROR")
    bar: Any = _Bar(progress) if progress else False
    by_hand = f"or get the file by hand and put it at '{target / resource.file}'"
    try:
        with tempfile.TemporaryDirectory(dir=target, prefix=".download-") as workshop:
            final = target / resource.file
            if final.is_file() and pooch.file_hash(str(final), alg="sha256") == resource.sha256:
                return final
            downloaded = pooch.retrieve(
                url,
                known_hash=f"sha256:{resource.sha256}",
                fname=resource.file,
                path=workshop,
                downloader=pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT_SECONDS),
            )
            if not (final.is_file() and _begins(final, Path(downloaded))):
                check_replaceable(final, force=force)
            move_file(downloaded, final)
            return final
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise DownloadError(
            f"{url}: the server answered {status}; the file may have moved: give another address "
            f"with --base-url, {by_hand}"
        ) from None
    except (requests.ConnectionError, requests.Timeout) as error:
        raise DownloadError(
            f"{url}: cannot be reached, or the connection broke ({_short(error)}); nothing was "
            f"kept: check the network and try again, {by_hand}"
        ) from None
    except requests.RequestException as error:
        raise DownloadError(
            f"{url}: the download broke off ({_short(error)}); nothing was kept: try again"
        ) from None
    except ValueError:
        raise DownloadError(
            f"{url}: what arrived does not have the SHA-256 {resource.sha256[:16]}...: the "
            f"connection was cut, or the file on the server is another one; nothing was kept: "
            f"try again, {by_hand}"
        ) from None
    except OSError as error:
        raise _disk_error(error, target, resource) from None


def extract(archive: Path, folder: Path) -> Path:
    """Unpack a fetched .tar.gz into a new folder, whole or not at all; returns the folder.

    Raises:
        DownloadError: the folder exists, the archive is damaged or unsafe, or the disk is full.
    """
    check_new(folder)
    if not hasattr(tarfile, "data_filter"):
        raise DownloadError("unpacking safely needs Python 3.10.12, 3.11.4, 3.12 or newer")
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".extract-"))
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(temporary, filter="data")
        temporary.chmod(0o755)
        temporary.rename(folder)
        temporary = None
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise DownloadError(
            f"'{archive}' cannot be unpacked into '{folder}': {_short(error)}; nothing was kept"
        ) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def check_new(folder: Path) -> None:
    """Refuse a folder that is there already, or anything else of its name.

    Raises:
        DownloadError: it exists.
    """
    if os.path.lexists(folder):
        raise DownloadError(f"'{folder}' exists already: remove it, or use it as it is")


def _begins(part: Path, whole: Path) -> bool:
    """Whether a file is the beginning of another: a download by hand that broke off."""
    if part.stat().st_size > whole.stat().st_size:
        return False
    with part.open("rb") as one, whole.open("rb") as other:
        while piece := one.read(1 << 20):
            if piece != other.read(len(piece)):
                return False
    return True


def _make(target: Path, resource: Resource) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(target).free
    except OSError as error:
        raise OutputError(f"'{target}' cannot be used: {error.strerror or error}") from None
    if resource.bytes and not (target / resource.file).exists() and free < resource.bytes:
        raise OutputError(
            f"'{target}' has {free / 1e9:.2f} GB free, '{resource.file}' needs "
            f"{resource.bytes / 1e9:.2f} GB"
        )


def _disk_error(error: OSError, target: Path, resource: Resource) -> OutputError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "free some space, or give another folder" if full else "give another folder"
    reason = error.strerror or _short(error)
    return OutputError(
        f"'{resource.file}' cannot be written to '{target}': {reason}; nothing was kept: {remedy}"
    )


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
