"""The exported keyword spotter detects what `akrt.Stream` detects, at the same sample.

AKRT_STREAM_SECONDS: how long the recording is (default 15; 600 for the long run).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

import akrt
import firmware_export
from akrt.audio import load_audio
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.kws.splice import splice
from akrt.model import Mfcc, Model
from akrt.runtime import bundled_model
from firmware_export import toolchain
from firmware_export.targets import TARGETS

from .compiled_export import SANITIZERS, build, tool
from .stream_program import detections_on, hosted, hosted_detections

RATE = 16000
SECONDS = float(os.environ.get("AKRT_STREAM_SECONDS", "15"))
SETTINGS = StreamSettings(threshold=0.5)


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    """The clips that ship over hiss, again and again."""
    with as_file(files("akrt") / "data" / "clips") as folder:
        paths = sorted(p for p in Path(folder).rglob("*.flac") if p.parent.name != "_silence_")
        clips = [(path.parent.name, load_audio(path)) for path in paths]
    hiss = np.random.default_rng(0).normal(0, 0.01, 5 * RATE).astype(np.float32)
    parts, length, seed = [], 0, 0
    while length < SECONDS * RATE:
        parts.append(splice(clips, [hiss], (20.0, 5.0, float("inf"))[seed % 3], seed).samples)
        length += len(parts[-1])
        seed += 1
    return np.concatenate(parts)[: int(SECONDS * RATE)]


@pytest.fixture(scope="module")
def wanted(pcm: np.ndarray) -> list[tuple[int, int, int]]:
    with akrt.Runtime(backend="native") as runtime:
        stream = akrt.Stream(runtime, akrt.StreamSettings(threshold=SETTINGS.threshold))
        found = [(d.index, round(d.score * 256), d.sample) for d in stream.push(pcm)]
    assert len(found) > SECONDS / 10
    assert len({index for index, _, _ in found}) > 2
    return found


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stream") / "export"
    firmware_export.export(bundled_model(), folder, name="kws", stream=SETTINGS)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, every window computed whole: what needs less RAM."""
    folder = tmp_path_factory.mktemp("whole") / "export"
    firmware_export.export(bundled_model(), folder, name="kws", stream=SETTINGS, incremental=False)
    return folder


@pytest.mark.parametrize(
    ("name", "way", "kilobytes"),
    [("m4", "export", 30), ("m4", "whole", 24), ("cortex-m0", "whole", 16)],
)
def test_on_a_microcontroller(
    request: pytest.FixtureRequest,
    pcm: np.ndarray,
    wanted: list[object],
    tmp_path: Path,
    name: str,
    way: str,
    kilobytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cortex-M4, and Cortex-M0 (no long multiply) with 16 KiB of RAM for everything."""
    export: Path = request.getfixturevalue(way)
    tool(*TARGETS[name].compiler)
    tool(TARGETS[name].runner[0])
    monkeypatch.setattr(toolchain, "_TIMEOUT", 120 + SECONDS)
    found, program = detections_on(TARGETS[name], export, pcm, tmp_path)
    assert found == wanted
    size = subprocess.run(
        [tool("arm-none-eabi-size"), str(program)], capture_output=True, text=True, check=True
    )
    data, bss = (int(n) for n in size.stdout.splitlines()[1].split()[1:3])
    stack, samples = 1024, 800
    assert data + bss + stack < kilobytes << 10
    stream = json.loads((export / "kws_memory.json").read_text())["stream"]
    assert data + bss - samples == pytest.approx(stream["ram_bytes"], abs=16)


def test_chunks_do_not_matter(
    export: Path, pcm: np.ndarray, wanted: list[object], tmp_path: Path
) -> None:
    program = tmp_path / "hosted"
    build(hosted(tmp_path), program, "-std=c99", "-O1", f"-I{export}", *SANITIZERS)
    short = pcm[: 15 * RATE]
    for chunk in (1, 77, 320, 100_000):
        found = hosted_detections([str(program), str(chunk)], short)
        assert found == [row for row in wanted if row[2] <= len(short)]


@pytest.mark.parametrize(
    "compiler", [("clang", "-std=c99", "-Os"), ("g++", "-x", "c++", "-std=c++17", "-O2")]
)
def test_compilers_do_not_matter(
    export: Path, pcm: np.ndarray, wanted: list[object], tmp_path: Path, compiler: tuple[str, ...]
) -> None:
    program = tmp_path / "hosted"
    build(hosted(tmp_path), program, *compiler[1:], f"-I{export}", compiler=compiler[0])
    short = pcm[: 15 * RATE]
    assert hosted_detections([str(program)], short) == [r for r in wanted if r[2] <= len(short)]


def test_on_a_big_endian_machine(
    export: Path, pcm: np.ndarray, wanted: list[object], tmp_path: Path
) -> None:
    target = TARGETS["big-endian"]
    compiler, emulator = tool(*target.compiler), tool(target.runner[0])
    program = tmp_path / "hosted"
    command = [compiler, "-std=c99", "-O2", *target.flags, f"-I{export}", str(hosted(tmp_path))]
    subprocess.run([*command, "-o", str(program)], check=True)
    short = pcm[: 15 * RATE]
    found = hosted_detections([emulator, str(program)], short, order=">")
    assert found == [row for row in wanted if row[2] <= len(short)]


def test_no_float_no_heap_no_state(export: Path, tmp_path: Path) -> None:
    target = tmp_path / "kws_stream.o"
    compiler = tool("arm-none-eabi-gcc")
    command = [compiler, "-mcpu=cortex-m0", "-mthumb", "-O2", "-std=c99", "-fstack-usage", "-c"]
    subprocess.run([*command, str(export / "kws_stream.c"), "-o", str(target)], check=True)
    names = subprocess.run(
        [tool("arm-none-eabi-nm"), str(target)], capture_output=True, text=True, check=True
    ).stdout
    assert "kws_stream_feed" in names
    assert not re.search(r"__aeabi_[fd]|__(add|sub|mul|div)[sd]f3", names)
    assert not re.search(r"\b(malloc|free|calloc|printf)\b", names)
    assert not re.search(r"^\S+ [bBdD] ", names, re.MULTILINE)
    rows = [line.split("\t") for line in target.with_suffix(".su").read_text().splitlines()]
    assert all(kind == "static" for _, _, kind in rows), "unbounded stack"
    assert sum(int(size) for _, size, _ in rows) < 768
    sections = subprocess.run(
        [tool("arm-none-eabi-size"), "-A", str(target)], capture_output=True, text=True, check=True
    ).stdout
    constants = int(re.findall(r"^\.rodata\S*\s+(\d+)", sections, re.MULTILINE)[0])
    reported = json.loads((export / "kws_memory.json").read_text())["stream"]["constant_bytes"]
    assert constants == pytest.approx(reported, abs=64)


def test_bad_calls_are_refused(export: Path, tmp_path: Path) -> None:
    source = tmp_path / "refuse.c"
    source.write_text("""\
#include "kws.c"
#include "kws_stream.c"
static kws_stream s;
static uint32_t arena[KWS_STREAM_ARENA_BYTES / 4];
static int16_t pcm[4];
int main(void) {
    kws_detection d;
    kws_stream_start(&s);
    return !(kws_stream_feed(NULL, pcm, 4, arena, &d) == -1 &&
             kws_stream_feed(&s, NULL, 4, arena, &d) == -1 &&
             kws_stream_feed(&s, pcm, 4, NULL, &d) == -1 &&
             kws_stream_feed(&s, pcm, 4, arena, NULL) == -1 &&
             kws_stream_feed(&s, pcm, -1, arena, &d) == -1 &&
             kws_stream_feed(&s, pcm, 4, (uint8_t *)arena + 2, &d) == -1 &&
             kws_stream_feed(&s, pcm, 0, arena, &d) == 0 && d.word == -1 &&
             kws_stream_feed(&s, pcm, 4, arena, &d) == 4 && d.word == -1);
}
""")
    build(source, tmp_path / "refuse", "-std=c99", f"-I{export}")
    assert subprocess.run([str(tmp_path / "refuse")]).returncode == 0


def test_files_packages_and_report(tmp_path: Path) -> None:
    report = firmware_export.export(
        bundled_model(),
        tmp_path / "out",
        name="kws",
        stream=StreamSettings(hop_ms=40, window_ms=400, refractory_ms=500),
        packages=["cmake", "arduino", "platformio", "zephyr"],
    )
    added = {"kws_stream.h", "kws_stream.c", "kws_stream_kernels.h"}
    assert added <= set(report.files)
    text = (tmp_path / "out" / "kws_stream.h").read_text()
    assert "#define KWS_STREAM_EVERY 2 " in text
    assert "#define KWS_STREAM_WINDOW 10 " in text
    for file in ("CMakeLists.txt", "library.json", "zephyr/CMakeLists.txt"):
        assert "kws_stream.c" in (tmp_path / "out" / file).read_text()
    assert (tmp_path / "out" / "src" / "kws_stream.c").is_file()
    assert "Whole spotter" in (tmp_path / "out" / "kws_memory.md").read_text()
    assert report.memory["stream"]["hop_ms"] == 40
    plain = firmware_export.export(bundled_model(), tmp_path / "plain", name="kws")
    assert not added & set(plain.files)
    assert "stream" not in plain.memory


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (None, "does not say how sound becomes its input"),
        (Mfcc(offset=100), "cannot be exported with its front end"),
    ],
)
def test_models_that_hear_otherwise_are_refused(
    tmp_path: Path, settings: Mfcc | None, message: str
) -> None:
    model: Model = bundled_model().replace(preprocessing=settings)
    with pytest.raises(UsageError, match=message):
        firmware_export.export(model, tmp_path / "out", stream=StreamSettings())
    assert not (tmp_path / "out").exists()
