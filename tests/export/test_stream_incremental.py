"""A listener that keeps rows hears what one does that computes every window whole.

AKRT_STREAM_SECONDS: how long the recording is (default 15; 600 for the long run).
"""

from __future__ import annotations

import json
import os
import subprocess
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import firmware_export
from akrt.audio import load_audio
from akrt.cli.commands import app
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.kws.splice import splice
from akrt.runtime import bundled_model
from firmware_export.report import memory_markdown

from .compiled_export import SANITIZERS, build

RATE = 16000
SECONDS = float(os.environ.get("AKRT_STREAM_SECONDS", "15"))

# Both listeners in one program. The sound comes in pieces of any size, none longer than a hop;
# after each all outputs and detections are compared. Now and then the stream begins anew.
_BOTH = """\
#include <stdio.h>
#include <stdlib.h>
#include "whole/whole.c"
#include "whole/whole_stream.c"
#include "kept/kept.c"
#include "kept/kept_stream.c"

static whole_stream one;
static kept_stream other;
static uint32_t arena[WHOLE_STREAM_ARENA_BYTES / 4], another[KEPT_STREAM_ARENA_BYTES / 4];
static int16_t samples[4000];

int main(int argc, char **argv) {
    uint32_t seed = argc > 1 ? (uint32_t)atol(argv[1]) : 1;
    long hops = 0, words = 0, starts = 1;
    whole_stream_start(&one);
    kept_stream_start(&other);
    for (;;) {
        const int16_t *at = samples;
        int32_t count;
        seed = seed * 1664525u + 1013904223u;
        count = seed >> 8 & 3 ? (int32_t)(seed >> 16 & 511) : (int32_t)(seed >> 20 & 3);
        count = (int32_t)fread(samples, 2, (size_t)count, stdin);
        if (count == 0 && feof(stdin)) {
            break;
        }
        if (seed % 300 == 0) {
            whole_stream_start(&one);
            kept_stream_start(&other);
            starts++;
        }
        while (count > 0) {
            whole_detection found;
            kept_detection also;
            const uint32_t before = one.hops.frames / WHOLE_STREAM_EVERY;
            const int32_t taken = whole_stream_feed(&one, at, count, arena, &found);
            memset(another, 0x5A, sizeof another);
            if (kept_stream_feed(&other, at, count, another, &also) != taken || taken < 0 ||
                found.word != also.word || one.hops.frames != other.hops.frames ||
                (one.hops.frames >= WHOLE_STREAM_EVERY &&
                 memcmp(one.output, other.output, sizeof one.output) != 0)) {
                return 1;
            }
            hops += (long)(one.hops.frames / WHOLE_STREAM_EVERY - before);
            words += found.word >= 0;
            at += taken;
            count -= taken;
        }
    }
    printf("%ld %ld %ld\\n", hops, words, starts);
    return 0;
}
"""


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    """The clips that ship over hiss, again and again."""
    with as_file(files("akrt") / "data" / "clips") as folder:
        paths = sorted(p for p in Path(folder).rglob("*.flac") if p.parent.name != "_silence_")
        clips = [(path.parent.name, load_audio(path)) for path in paths]
    hiss = np.random.default_rng(7).normal(0, 0.01, 5 * RATE).astype(np.float32)
    parts, seed = [], 0
    while sum(map(len, parts)) < SECONDS * RATE:
        parts.append(splice(clips, [hiss], (20.0, 5.0, float("inf"))[seed % 3], seed).samples)
        seed += 1
    return np.concatenate(parts)[: int(SECONDS * RATE)]


@pytest.mark.parametrize(
    ("hop_ms", "threshold", "kept"),
    [(40, 0.25, True), (80, 0.5, True), (200, 1.5, True), (320, 0.0, True), (60, 0.5, False)],
)
def test_every_hop_and_detection_is_the_same(
    pcm: np.ndarray, tmp_path: Path, hop_ms: int, threshold: float, kept: bool
) -> None:
    settings = StreamSettings(hop_ms=hop_ms, window_ms=4 * hop_ms, min_count=2, threshold=threshold)
    model = bundled_model()
    firmware_export.export(
        model, tmp_path / "whole", name="whole", stream=settings, incremental=False
    )
    report = firmware_export.export(model, tmp_path / "kept", name="kept", stream=settings)
    assert report.memory["stream"]["hop"]["incremental"] == kept
    assert ("kept_run_hop" in (tmp_path / "kept" / "kept_stream.c").read_text()) == kept
    source = tmp_path / "both.c"
    source.write_text(_BOTH)
    flags = SANITIZERS if SECONDS < 60 else []
    build(source, tmp_path / "both", "-std=c99", "-O1", "-g0", f"-I{tmp_path}", *flags)
    done = subprocess.run(
        [str(tmp_path / "both"), str(hop_ms)],
        input=pcm.astype("<i2").tobytes(),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[:4000]
    hops, words, starts = map(int, done.stdout.split())
    assert hops > SECONDS * 1000 / hop_ms - 2 * starts
    assert words > SECONDS / 20
    assert starts > 1, "no stream began anew"


def test_options_are_kept_and_told(tmp_path: Path) -> None:
    """Default, --whole, what an export that was there had, and the manifest of an older akrt."""

    def export(*arguments: str) -> dict[str, object]:
        command = ["export", "-o", str(tmp_path), "--name", "kws", "--json", *arguments]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        entry = json.loads((tmp_path / "manifest.json").read_text())["exports"]["kws"]
        told = json.loads(done.stdout)
        assert told["memory"]["stream"]["hop"]["incremental"] == entry["incremental"]
        return {"incremental": entry["incremental"], "kept": told["kept_options"]}

    assert export("--stream") == {"incremental": True, "kept": []}
    assert export() == {"incremental": True, "kept": ["--stream"]}
    assert export("--stream", "--whole") == {"incremental": False, "kept": []}
    assert export() == {"incremental": False, "kept": ["--stream", "--whole"]}
    assert export("--stream", "--incremental") == {"incremental": True, "kept": []}
    manifest = tmp_path / "manifest.json"
    parsed = json.loads(manifest.read_text())
    del parsed["exports"]["kws"]["incremental"]
    manifest.write_text(json.dumps(parsed))
    assert export() == {"incremental": False, "kept": ["--stream", "--whole"]}
    assert export("--stream", "--anew") == {"incremental": True, "kept": []}
    refused = CliRunner().invoke(app, ["export", "-o", str(tmp_path), "--whole", "--anew"])
    assert isinstance(refused.exception, UsageError)
    assert "without --stream" in str(refused.exception)


@pytest.mark.parametrize(
    ("hop_ms", "words"),
    [
        (80, ["| conv_0 | 25 | 4 | 200000 | 32000 | 4000 | - |", "(32 %)", "--incremental."]),
        (60, ["| conv_0 | 25 | 25 |", "its stride is 2", "(100 %)", "No rows are worth keeping"]),
    ],
)
def test_the_report_tells_both_ways(hop_ms: int, words: list[str], tmp_path: Path) -> None:
    settings = StreamSettings(hop_ms=hop_ms, window_ms=8 * hop_ms)
    report = firmware_export.export(bundled_model(), tmp_path, name="kws", stream=settings)
    stream = report.memory["stream"]
    text = memory_markdown(report.memory)
    for word in words:
        assert word in text
    hop = stream["hop"]
    assert stream["ram_bytes"] == hop["incremental_ram_bytes"]
    assert f"{hop['whole_ram_bytes']} bytes with `--whole`" in text
    assert (hop["whole_ram_bytes"] < hop["incremental_ram_bytes"]) == (hop_ms == 80)
    whole = firmware_export.export(
        bundled_model(), tmp_path / "whole", name="kws", stream=settings, incremental=False
    ).memory["stream"]
    assert whole["ram_bytes"] == hop["whole_ram_bytes"]
    assert whole["hop"] == {**hop, "incremental": False}
