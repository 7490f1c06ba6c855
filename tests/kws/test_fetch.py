"""Downloads are whole and right, or leave nothing behind. The server is a local one."""

from __future__ import annotations

import hashlib
import io
import os
import re
import socket
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from akrt.cli.commands import app
from akrt.errors import DownloadError, MissingExtraError, OutputError, UsageError
from akrt.kws import fetch as fetching
from akrt.kws.fetch import RESOURCES, Resource, extract, fetch

pytest.importorskip("pooch", reason="needs pooch: pip install 'akrt[fetch]'")

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    requests = 0

    def do_GET(self) -> None:
        type(self).requests += 1
        name = self.path.rsplit("/", 1)[-1]
        if name == "missing":
            self.send_error(404)
            return
        body = b"another file" if name == "wrong" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if name == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        elif name == "stalled":
            self.wfile.write(body[:1000])
            self.wfile.flush()
            threading.Event().wait(5)
        else:
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    _Handler.requests = 0
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}/data"
    http.shutdown()
    http.server_close()


def resource(file: str) -> Resource:
    return Resource(file, "http://127.0.0.1:9/nowhere", DIGEST, "a test")


def test_download_is_checked_and_reported(server: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = fetch(resource("whole"), tmp_path / "new", server, lambda *t: told.append(t))
    assert path == tmp_path / "new" / "whole"
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [p.name for p in path.parent.iterdir()] == ["whole"]


def test_a_download_obeys_the_umask(server: str, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = fetch(resource("whole"), tmp_path, server)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_right_file_is_not_downloaded_again(server: str, tmp_path: Path) -> None:
    fetch(resource("whole"), tmp_path, server)
    fetch(resource("whole"), tmp_path, server)
    assert _Handler.requests == 1


def test_a_damaged_file_is_replaced(server: str, tmp_path: Path) -> None:
    (tmp_path / "whole").write_bytes(CONTENT[:-1])
    assert fetch(resource("whole"), tmp_path, server).read_bytes() == CONTENT


def test_another_file_of_that_name_is_kept(server: str, tmp_path: Path) -> None:
    (tmp_path / "whole").write_bytes(b"mine")
    with pytest.raises(UsageError, match="whole' exists and is not what akrt wrote.*--force"):
        fetch(resource("whole"), tmp_path, server)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"whole": b"mine"}
    assert fetch(resource("whole"), tmp_path, server, force=True).read_bytes() == CONTENT


def test_without_pooch_the_small_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It brings no TensorFlow."""
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'akrt\[fetch\]'"):
        fetch(resource("whole"), tmp_path)
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    (line,) = re.findall(r"^fetch = (.*)$", project, re.MULTILINE)
    assert re.findall(r'"([a-z]+)', line) == ["pooch"]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("wrong", "does not have the SHA-256.*nothing was kept.*by hand"),
        ("cut", "nothing was kept: (check the network and )?try again"),
        ("missing", "answered 404.*--base-url.*by hand"),
        ("stalled", "nothing was kept"),
    ],
)
def test_failures_leave_nothing_behind(
    file: str, message: str, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 1)
    with pytest.raises(DownloadError, match=message):
        fetch(resource(file), tmp_path, server)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_what_was_there(server: str, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_bytes(b"mine")
    with pytest.raises(DownloadError):
        fetch(resource("wrong"), tmp_path, server)
    assert (tmp_path / "wrong").read_bytes() == b"mine"


def test_no_network(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(DownloadError, match="cannot be reached.*check the network"):
        fetch(resource("whole"), tmp_path, f"http://127.0.0.1:{port}")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(server: str, tmp_path: Path) -> None:
    """A process that may write 100 kB a file downloads 1 MB."""
    code = (
        "import resource, sys\n"
        "from akrt.errors import OutputError\n"
        "from akrt.kws.fetch import Resource, fetch\n"
        "what = Resource('whole', sys.argv[2], sys.argv[3], '')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: fetch(what, sys.argv[1])\n"
        "except OutputError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), server, DIGEST],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be written" in done.stdout
    assert "free some space" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_too_large_for_the_disk_is_said_before(tmp_path: Path) -> None:
    huge = Resource("huge", "http://127.0.0.1:9", DIGEST, "", 1 << 60)
    with pytest.raises(OutputError, match="GB free, 'huge' needs"):
        fetch(huge, tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be used"):
        fetch(resource("whole"), tmp_path / "file" / "folder", "http://127.0.0.1:9")


def test_only_http(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not an http"):
        fetch(resource("whole"), tmp_path, "file:///etc")


def test_hashes_are_those_of_the_tutorial() -> None:
    """From akida_models and TensorFlow Datasets."""
    assert {name: r.sha256[:12] for name, r in RESOURCES.items()} == {
        "quantised-model": "2ba6220bb954",
        "float-model": "95a51677b340",
        "speech-commands": "af14739ee7dc",
    }
    assert all(len(r.sha256) == 64 and r.base_url.startswith("https") for r in RESOURCES.values())


def test_command(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fetching.RESOURCES, "float-model", resource("whole"))
    arguments = ["kws", "fetch", "float-model", "-o", str(tmp_path / "new")]
    done = CliRunner().invoke(app, [*arguments, "--base-url", server])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(tmp_path / "new" / "whole")
    assert (tmp_path / "new" / "whole").read_bytes() == CONTENT
    monkeypatch.setitem(fetching.RESOURCES, "float-model", resource("wrong"))
    failed = CliRunner().invoke(app, [*arguments, "--base-url", server])
    assert isinstance(failed.exception, DownloadError)


def test_a_folder_that_is_there_is_told_before_the_download(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fetching.RESOURCES, "speech-commands", resource("whole.tar.gz"))
    (tmp_path / "whole").mkdir()
    arguments = ["kws", "fetch", "speech-commands", "--unpack", "-o", str(tmp_path)]
    refused = CliRunner().invoke(app, [*arguments, "--base-url", server])
    assert isinstance(refused.exception, DownloadError)
    assert "exists already" in str(refused.exception)
    assert _Handler.requests == 0


def _archive(path: Path, member: str) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    return path


def test_extract(tmp_path: Path) -> None:
    folder = extract(_archive(tmp_path / "a.tar.gz", "yes/x.wav"), tmp_path / "out")
    assert (folder / "yes" / "x.wav").read_bytes() == b"abc"
    with pytest.raises(DownloadError, match="exists already"):
        extract(tmp_path / "a.tar.gz", folder)


@pytest.mark.parametrize("how", ["outside", "truncated", "not an archive"])
def test_extract_refuses(how: str, tmp_path: Path) -> None:
    path = _archive(tmp_path / "a.tar.gz", "../evil" if how == "outside" else "x")
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:-20])
    if how == "not an archive":
        path.write_bytes(b"x" * 100)
    with pytest.raises(DownloadError, match="nothing was kept"):
        extract(path, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar.gz"]
    assert not (tmp_path.parent / "evil").exists()
