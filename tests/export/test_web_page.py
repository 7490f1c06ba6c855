"""The page that hears words in a browser gives the host's integers on the clips that ship.

Headless Chromium drops files on the page as a user does and listens to a microphone that plays a
file; the page is asked what it shows.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

import akrt
from akrt.audio import load_audio
from akrt.stream import stream_potentials
from firmware_export.expected import tensor_hash

from .compiled_export import tool

RATE = 16000
BUILD = Path(__file__).parents[2] / "examples" / "web_page" / "build.py"
SECONDS = 120

DRIVER = """\
<script>
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const shown = () => ({
  status: element("status").textContent,
  error: element("error").textContent,
  rows: Array.from(element("words").rows, (row) => Array.from(row.cells, (c) => c.textContent)),
});
async function until(condition) {
  for (let i = 0; i < 400 && !condition(); i++) await pause(50);
}
async function drop(name) {
  const blob = await (await fetch(`/files/${name}`)).blob();
  const transfer = new DataTransfer();
  transfer.items.add(new File([blob], name));
  element("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer }));
  return { ...(await window.heard), ...shown() };
}
async function drive() {
  await until(() => element("status").textContent === "ready");
  const results = { known: element("known").textContent, files: {} };
  for (const name of await (await fetch("/list")).json()) results.files[name] = await drop(name);
  element("microphone").click();
  await until(() => element("error").textContent ||
    (element("status").textContent.startsWith("listening for") && element("words").rows.length));
  results.microphone = shown();
  if (microphone !== null) {
    microphone.stream.getTracks()[0].dispatchEvent(new Event("ended"));
    results.unplugged = shown();
  }
  await fetch("/results", { method: "POST", body: JSON.stringify(results) });
}
drive().catch((error) => fetch("/results", { method: "POST", body: JSON.stringify(`${error}`) }));
</script>
"""


class Served(ThreadingHTTPServer):
    """The page, sound files, and a place for what the page shows."""

    def __init__(self, page: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.page, self.folder = page, folder
        self.results: Any = None
        self.done = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Served

    def do_GET(self) -> None:
        kind, data = "application/octet-stream", b""
        if self.path == "/":
            kind, data = "text/html", self.server.page.encode()
        elif self.path == "/list":
            data = json.dumps(sorted(p.name for p in self.server.folder.iterdir())).encode()
        elif self.path.startswith("/files/"):
            data = (self.server.folder / Path(self.path).name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.server.results = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        self.server.done.set()

    def log_message(self, *arguments: object) -> None:
        pass


def browse(page: str, folder: Path, profile: Path, *flags: str) -> Any:
    """What the page POSTs, driven by Chromium."""
    browser = tool("chromium", "chromium-browser", "google-chrome")
    server = Served(page, folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-dev-shm-usage", f"--user-data-dir={profile}", *flags]
    command += ["--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required"]
    with (profile.parent / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"http://127.0.0.1:{server.server_port}/"],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            assert server.done.wait(SECONDS), (profile.parent / "browser.log").read_text()[-3000:]
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            server.shutdown()
            server.server_close()
    assert not isinstance(server.results, str), server.results
    return server.results


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    tool("clang")
    tool("wasm-ld")
    tool("chromium", "chromium-browser", "google-chrome")
    target = tmp_path_factory.mktemp("page") / "index.html"
    subprocess.run([sys.executable, str(BUILD), str(target)], check=True, capture_output=True)
    text = target.read_text()
    assert "http" not in text.replace("https, or a local page", "").split("<style>")[1]
    return text.replace("</html>", DRIVER + "</html>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every third shipped clip, and files that are not as they should be."""
    home = tmp_path_factory.mktemp("sounds")
    with as_file(files("akrt") / "data" / "clips") as clips:
        for path in sorted(Path(clips).rglob("*.flac"))[::3]:
            shutil.copy(path, home / f"clip_{path.parent.name}_{path.name}")
        words = np.concatenate(
            [
                np.concatenate([np.zeros(RATE // 2, np.float32), load_audio(Path(clips) / name)])
                for name in ("yes/espeak_f5.flac", "happy/flite_awb.flac", "zero/flite_awb.flac")
            ]
        )
    soundfile.write(home / "words.wav", words, RATE)
    soundfile.write(home / "stereo.wav", np.stack([words, words], 1), RATE)
    soundfile.write(home / "8khz.wav", soxr.resample(words, RATE, 8000), 8000)
    soundfile.write(home / "silence.wav", np.zeros(RATE), RATE)
    soundfile.write(home / "clipped.wav", np.clip(words * 100, -1, 1), RATE)
    (home / "truncated.wav").write_bytes((home / "words.wav").read_bytes()[:9000])
    (home / "text.wav").write_text("no sound")
    (home / "empty.wav").touch()
    return home


@pytest.fixture(scope="module")
def results(page: str, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    profile = tmp_path_factory.mktemp("browser") / "profile"
    fake = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={folder}")
    return browse(page, folder, profile, fake[0], f"{fake[1]}/words.wav")


def test_integers_are_the_hosts(results: Any, folder: Path) -> None:
    names = [*sorted(p.name for p in folder.glob("clip_*")), "words.wav", "stereo.wav"]
    assert len(names) > 30
    detected = 0
    with akrt.Runtime(backend="native") as runtime:
        for name in [*names, "silence.wav", "clipped.wav"]:
            samples, heard = load_audio(folder / name), results["files"][name]
            potentials = stream_potentials(runtime, samples)
            assert heard["hash"] == tensor_hash(potentials, potentials=True), name
            stream = akrt.Stream(runtime)
            found = stream.push(samples) + stream.finish()
            wanted = [
                {"sample": d.sample, "word": d.word, "score": round(d.score * 256)} for d in found
            ]
            assert heard["words"] == wanted, name
            for row, d in zip(heard["rows"], found, strict=True):
                assert row[:2] == [f"{d.time:.2f} s", d.word]
                assert float(row[2]) == pytest.approx(d.score, abs=0.006)
            assert heard["status"].startswith(f"{len(found)} words in {len(samples) / RATE:.1f} s")
            detected += len(found)
    assert detected > len(names) / 2
    assert "yes" in results["known"].split(", ")
    assert "_silence_" not in results["known"]


def test_other_rates_are_converted(results: Any) -> None:
    assert [row[1] for row in results["files"]["8khz.wav"]["rows"]] == ["yes", "happy", "zero"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("truncated.wav", "truncated.wav is truncated"),
        ("text.wav", "text.wav is not a sound file"),
        ("empty.wav", "empty.wav is empty"),
    ],
)
def test_bad_files(results: Any, name: str, message: str) -> None:
    heard = results["files"][name]
    assert message in heard["error"]
    assert heard["status"] == ""
    assert not heard["rows"]


def test_microphone(results: Any) -> None:
    """It plays the three words in turn; they pass through the browser's own processing."""
    heard = results["microphone"]
    assert heard["error"] == ""
    assert heard["status"].startswith("listening for")
    assert {row[1] for row in heard["rows"]} & {"yes", "happy", "zero"}
    assert results["unplugged"]["error"] == "the microphone was unplugged"


def test_without_a_microphone(page: str, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    results = browse(page, tmp_path / "none", tmp_path / "profile")
    assert "there is no microphone" in results["microphone"]["error"]
    assert "unplugged" not in results
