"""The page in a browser: its integers are the host's, and bad input gets a message."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import need

import akrt
from akrt.audio import integer_features, load_audio
from akrt.errors import ToolError, UsageError
from akrt.runtime import bundled_model
from firmware_export import write_page

CLIPS = sorted((Path(akrt.__file__).parent / "data" / "clips").glob("*/*.flac"))

CLASSIFY = """async clips => {
    const spotter = await ready;
    const results = [];
    for (const clip of clips) {
        const bytes = Uint8Array.from(atob(clip), c => c.charCodeAt(0)).buffer;
        const { features, outputs, word } = spotter.classify(await decode(bytes));
        results.push({ features, outputs, word: MODEL.labels[word] });
    }
    return results;
}"""

DROP = """async ([name, text]) => {
    const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    $("message").textContent = "";
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
    while ($("message").textContent === "") {
        await new Promise(resolve => setTimeout(resolve, 10));
    }
    return { message: $("message").textContent, error: $("message").className === "error",
             word: $("word").textContent, rows: $("scores").rows.length,
             heard: Array.from($("heard").children, item => item.textContent) };
}"""


def clear_clip() -> tuple[Path, str]:
    """The shipped clip that the network is surest of, and its word."""
    runtime = akrt.Runtime(backend="native")
    clips = [path for path in CLIPS if not path.parent.name.startswith("_")]
    logits = runtime.predict(np.stack([integer_features(load_audio(path)) for path in clips]))
    ranked = np.sort(logits.reshape(len(clips), -1), axis=1)
    best = clips[int((ranked[:, -1] - ranked[:, -2]).argmax())]
    return best, best.parent.name


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip("Chromium is not installed")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for program in ("clang", "wasm-ld"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    path = tmp_path_factory.mktemp("page") / "page.html"
    assert write_page(bundled_model(), path) == path.stat().st_size < 200_000
    return path


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    need("playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def page(driver: Any, html: Path) -> Iterator[Any]:
    with opened(driver, html) as page:
        yield page


@contextmanager
def opened(driver: Any, html: Path, *flags: str) -> Iterator[Any]:
    """The page in a browser of its own; it may neither fail nor load anything."""
    browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", *flags])
    page = browser.new_page()
    faults: list[str] = []
    requests: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(html.as_uri())
    yield page
    assert not faults
    assert all(url.startswith(("file:", "blob:", "data:")) for url in requests)
    browser.close()


def drop(page: Any, name: str, content: bytes) -> dict[str, Any]:
    result: dict[str, Any] = page.evaluate(DROP, [name, base64.b64encode(content).decode()])
    return result


def wav(samples: np.ndarray, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def test_integers_of_the_shipped_clips(page: Any) -> None:
    results = page.evaluate(
        CLASSIFY, [base64.b64encode(path.read_bytes()).decode() for path in CLIPS]
    )
    assert len(results) == len(CLIPS) >= 90
    features = np.stack([integer_features(load_audio(path)) for path in CLIPS])
    runtime = akrt.Runtime(backend="native")
    outputs = np.asarray(runtime.forward(features)).reshape(len(CLIPS), -1)
    np.testing.assert_array_equal([r["features"] for r in results], features.reshape(-1, 490))
    np.testing.assert_array_equal([r["outputs"] for r in results], outputs)
    labels = bundled_model().labels
    assert labels is not None
    classes = runtime.predict_classes(features, num_classes=len(labels)).ravel()
    assert [r["word"] for r in results] == [labels[c] for c in classes]


def test_a_dropped_clip(page: Any) -> None:
    clip, word = clear_clip()
    shown = drop(page, clip.name, clip.read_bytes())
    assert (shown["word"], shown["rows"], shown["error"]) == (word, 5, False)
    assert "1.00 s" in shown["message"]


def test_a_long_recording_gives_the_detections_of_the_host(page: Any) -> None:
    rng = np.random.default_rng(2)
    pieces = []
    for path in CLIPS[::9]:
        pieces += [load_audio(path), 1e-3 * rng.normal(size=12_000).astype(np.float32)]
    samples = np.rint(32768 * np.concatenate(pieces)).clip(-32768, 32767).astype(np.int16)
    stream = akrt.Stream(akrt.Runtime(backend="native"))
    expected = [f"{d.time:.2f} s  {d.word}" for d in stream.push(samples) + stream.finish()]
    assert len(expected) >= 3
    shown = drop(page, "long.wav", wav(samples))
    assert [" ".join(line.split(" ")) for line in shown["heard"]] == expected
    assert f"{len(expected)} words" in shown["message"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.wav", b"", "the file is empty"),
        ("text.wav", b"no sound at all\n" * 99, "no sound file"),
        ("head.wav", wav(np.zeros(16000, np.int16))[:20], "truncated"),
        ("cut.wav", wav(np.zeros(16000, np.int16))[:-5000], "truncated"),
    ],
)
def test_no_sound(page: Any, name: str, content: bytes, message: str) -> None:
    shown = drop(page, name, content)
    assert shown["error"]
    assert shown["message"].startswith(f"{name}: ")
    assert message in shown["message"]


def test_unusual_sound(page: Any) -> None:
    clip = load_audio(clear_clip()[0])
    for name, content in {
        "half.wav": wav(clip[::2], 8000),
        "stereo.wav": wav(np.stack([clip, clip], 1)),
        "loud.wav": wav(np.clip(8 * clip, -1, 1)),
    }.items():
        shown = drop(page, name, content)
        assert not shown["error"], shown
        assert shown["word"], shown
    silent = drop(page, "zero.wav", wav(np.zeros(9000, np.int16)))
    assert "all but silent" in silent["message"]
    assert silent["word"] == ""


@pytest.mark.parametrize("seconds", [0.3, 1.0, 1.4, 3.0])
@pytest.mark.parametrize("amplitude", [0.05, 0.5, 1.0])
def test_a_tone_is_no_word(page: Any, seconds: float, amplitude: float) -> None:
    t = np.arange(round(16000 * seconds)) / 16000
    shown = drop(page, "tone.wav", wav(amplitude * np.sin(2 * np.pi * 440 * t)))
    assert (shown["word"], shown["heard"], shown["error"]) == ("", [], False)
    assert "steady tone" in shown["message"] or "0 words" in shown["message"]


def test_noise_without_a_clear_leader_is_no_word(page: Any) -> None:
    runtime = akrt.Runtime(backend="native")
    rng = np.random.default_rng(0)
    for _ in range(200):
        noise = np.rint(3000 * rng.normal(size=16000)).clip(-32768, 32767).astype(np.int16)
        logits = np.sort(runtime.predict(integer_features(noise / 32768.0)[None]).ravel())
        if logits[-1] - logits[-2] < 2:
            break
    shown = drop(page, "noise.wav", wav(noise))
    assert shown["word"] == ""
    assert "no word leads clearly" in shown["message"]
    assert shown["rows"] == 5


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "OPUS"])
def test_truncated_files_are_refused_and_whole_ones_are_not(page: Any, kind: str) -> None:
    clip = load_audio(clear_clip()[0])
    file = io.BytesIO()
    container, subtype = ("OGG", "OPUS") if kind == "OPUS" else (kind, None)
    soundfile.write(file, np.concatenate([clip] * 3), 16000, format=container, subtype=subtype)
    whole = file.getvalue()
    assert not drop(page, f"whole.{kind}", whole)["error"]
    for share in (0.5, 0.8, 0.97):
        shown = drop(page, f"cut.{kind}", whole[: round(share * len(whole))])
        assert shown["error"]
        assert "truncated" in shown["message"] or "damaged" in shown["message"]
        assert shown["word"] == ""
        assert shown["heard"] == []


def test_no_microphone(page: Any) -> None:
    page.click("#listen")
    page.wait_for_function("$('message').className === 'error'", timeout=20_000)
    assert "Microphone: " in page.inner_text("#message")


def test_a_microphone(driver: Any, html: Path, tmp_path: Path) -> None:
    """Chromium plays a file as its microphone, again and again."""
    path, word = clear_clip()
    clip = load_audio(path)
    (tmp_path / "voice.wav").write_bytes(wav(np.concatenate([clip, 0 * clip]), 16000))
    with opened(
        driver,
        html,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={tmp_path / 'voice.wav'}",
    ) as page:
        page.click("#listen")
        page.wait_for_function("$('heard').children.length > 0", timeout=30_000)
        assert word in page.inner_text("#heard")
        page.click("#listen")
        assert page.inner_text("#listen") == "Listen"
        page.click("#listen")
        page.wait_for_function("$('message').textContent === 'Listening.'")
        page.evaluate("microphone.stream.getTracks()[0].dispatchEvent(new Event('ended'))")
        assert "unplugged" in page.inner_text("#message")


def test_only_keyword_spotters(tmp_path: Path) -> None:
    from dataclasses import replace

    other = replace(bundled_model(), preprocessing=None)
    with pytest.raises(UsageError, match="--mfcc"):
        write_page(other, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_only_an_unaltered_page_is_replaced(html: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(html.read_bytes())
    write_page(bundled_model(), path)
    path.write_text(path.read_text().replace("<title>", "<title>mine "))
    with pytest.raises(UsageError, match="not what akrt wrote"):
        write_page(bundled_model(), path)
    write_page(bundled_model(), path, force=True)
    assert path.read_bytes() == html.read_bytes()


def test_without_a_compiler_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match="clang is not installed: apt-get install clang lld"):
        write_page(bundled_model(), tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
