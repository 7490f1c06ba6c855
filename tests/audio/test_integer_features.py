"""The fixed-point front end against the floating-point one, and against itself in pieces."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from akrt.audio import (
    features,
    fit_length,
    integer_features,
    integer_frames,
    load_audio,
    quantise,
    to_pcm,
)
from akrt.audio.fixed_tables import header
from akrt.errors import InputError, UsageError
from akrt.kernels._frontend import Features
from akrt.model import Mfcc
from akrt.runtime import Runtime

KWS = Mfcc()
SOURCE = Path(__file__).parents[2] / "src_c"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SANITIZERS = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]

PROGRAM = """\
#include "frontend/akrt_features.h"
int32_t transform(int32_t *z);
int32_t frames(const int16_t *pcm, int32_t count, int32_t chunk, uint8_t *out);
int32_t high_word(int32_t a, int32_t w);
int32_t scaled(int32_t a, int32_t w);
int32_t zeros(uint32_t value);
int32_t high_word(int32_t a, int32_t w) { return akrt_high_word(a, w); }
int32_t scaled(int32_t a, int32_t w) { return akrt_scaled(a, w); }
int32_t zeros(uint32_t value) { return akrt_leading_zeros(value); }
int32_t transform(int32_t *z) {
    akrt_fft512(z);
    return 0;
}
/* Every hop's newest frame. */
int32_t frames(const int16_t *pcm, int32_t count, int32_t chunk, uint8_t *out) {
    static akrt_features features;
    int32_t scratch[AKRT_MFCC_SCRATCH_WORDS], hops = 0;
    akrt_features_start(&features);
    while (count > 0) {
        const int32_t taken =
            akrt_features_push(&features, pcm, count < chunk ? count : chunk, scratch);
        pcm += taken;
        count -= taken;
        if (features.filled == 0) {
            memcpy(out + 10 * hops++, features.frames + 480, 10);
        }
    }
    return hops;
}
"""


def library(folder: Path, *flags: str) -> ctypes.CDLL:
    cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if cc is None:
        pytest.skip("no C compiler is installed")
    (folder / "frontend.c").write_text(PROGRAM)
    target = folder / f"frontend{len(list(folder.iterdir()))}.so"
    command = [cc, "-std=c99", "-O2", *WARNINGS, *flags, "-shared", "-fPIC", f"-I{SOURCE}"]
    done = subprocess.run(
        [*command, str(folder / "frontend.c"), "-o", str(target)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(target))


@pytest.fixture(
    scope="module", params=[(), ("-DAKRT_SHORT_MULTIPLY",)], ids=["long", "short multiply"]
)
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """The front end, undefined behaviour being an error, as cores with and without SMULL see it."""
    return library(tmp_path_factory.mktemp("frontend"), *SANITIZERS, *request.param)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def compiled_frames(compiled: ctypes.CDLL, pcm: np.ndarray, chunk: int = 320) -> np.ndarray:
    out = np.zeros((len(pcm) // 320, 10), np.uint8)
    hops = compiled.frames(pointer(np.ascontiguousarray(pcm)), len(pcm), chunk, pointer(out))
    assert hops == len(out)
    return out


def float_levels(pcm: np.ndarray) -> np.ndarray:
    return quantise(features(pcm.astype(np.float32) / np.float32(32768), KWS), KWS)


def signals() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    t = np.arange(16000)
    sweep = np.sin(2 * np.pi * (50 * t / 16000 + 1950 * (t / 16000) ** 2))
    hiss = rng.normal(0, 8, 16000)
    square = np.where(t // 37 % 2 == 0, 32767, -32768)
    found = {
        "full noise": rng.integers(-32768, 32768, 16000),
        "quiet noise": rng.integers(-2, 3, 16000),
        "least noise": rng.integers(0, 2, 16000),
        "sine": 32000 * np.sin(2 * np.pi * 1000 * t / 16000) + hiss,
        "sweep": 20000 * sweep + hiss,
        "full square": square,
        "most negative": np.full(16000, -32768),
        "clipped": np.clip(rng.normal(0, 60000, 16000), -32768, 32767),
        "loud, then nothing": np.where(t < 7000, rng.normal(0, 8000, 16000), 0),
        "nothing, then quiet": np.where(t < 7000, 0, rng.normal(0, 3, 16000)),
        "digital silence": np.zeros(16000),
        "above 4 kHz": 9000 * np.sin(2 * np.pi * 6000 * t / 16000) + hiss,
        "click": np.where(t == 8000, 32767, 0),
    }
    return {name: np.rint(values).astype(np.int16) for name, values in found.items()}


@pytest.mark.parametrize("name", signals())
def test_equals_the_floating_point_front_end(name: str) -> None:
    pcm = signals()[name]
    off = np.abs(integer_features(pcm).astype(int) - float_levels(pcm))
    # a constant leaves nothing in the other bins but what 16 bits of window leak, -100 dB
    assert off.max() <= (8 if name == "most negative" else 1)


def test_digital_silence_is_the_floor() -> None:
    silent = integer_features(np.zeros(16000, np.int16))
    assert (silent == float_levels(np.zeros(16000, np.int16))).all()
    assert (silent[:, 0] == 0).all()
    assert (silent[:, 1:] == 128).all()


def test_recordings_and_the_words_in_them(recordings: Path) -> None:
    """Every second test recording; on all 1,598 the same word on 99.94 %."""
    pcm = [
        to_pcm(fit_length(load_audio(path), KWS.clip))
        for path in sorted((recordings / "test").rglob("*.flac"))[::2]
    ]
    assert len(pcm) > 500
    ours = np.stack([integer_features(clip) for clip in pcm])
    reference = np.stack([float_levels(clip) for clip in pcm])
    off = np.abs(ours.astype(int) - reference)
    assert (off == 0).mean() >= 0.999
    assert (off <= 1).mean() >= 0.995
    with Runtime(backend="native") as runtime:
        same = runtime.predict_classes(ours) == runtime.predict_classes(reference)
    assert same.mean() >= 0.995


@given(st.integers(0, 2**32 - 1), st.integers(0, 15), st.floats(0.01, 1))
@settings(max_examples=60)
def test_any_noise_at_any_volume(seed: int, bits: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    pcm = np.zeros(16000, np.int64)
    used = max(1, int(16000 * share))
    start = int(rng.integers(0, 16001 - used))
    pcm[start : start + used] = rng.integers(-(2**bits), 2**bits, used)
    pcm = np.clip(pcm, -32768, 32767).astype(np.int16)
    off = np.abs(integer_features(pcm).astype(int) - float_levels(pcm))
    # a frame that only its window's last samples reach is another matter: 16 bits of window
    assert (off <= 1).all(1).sum() >= 49 - 2


def test_constants_are_those_that_the_script_writes() -> None:
    assert (SOURCE / "frontend" / "akrt_mfcc_tables.h").read_text() == header()


@pytest.mark.parametrize("kind", ["noise", "extremes", "tone", "one"])
def test_transform(compiled: ctypes.CDLL, kind: str) -> None:
    """NumPy's transform, to a part in 2^28 of the largest input; nothing overflows."""
    rng = np.random.default_rng(3)
    top = (1 << 28) - 1
    z = np.zeros((512, 2), np.int64)
    if kind == "noise":
        z = rng.integers(-top, top + 1, (512, 2))
    elif kind == "extremes":
        z = rng.choice([-top, top], (512, 2))
    elif kind == "tone":
        turn = 2 * np.pi * 5 * np.arange(512) / 512
        z = np.rint(top * np.stack([np.cos(turn), np.sin(turn)], 1)).astype(np.int64)
    else:
        z[:] = -top
    order = [int(f"{i:09b}"[::-1], 2) for i in range(512)]
    work = np.ascontiguousarray(z[order].astype(np.int32))
    compiled.transform(pointer(work))
    expected = np.fft.fft(z[:, 0] + 1j * z[:, 1]) / 128
    np.testing.assert_allclose(work[:, 0], expected.real, atol=24)
    np.testing.assert_allclose(work[:, 1], expected.imag, atol=24)


EDGES = [0, 1, -1, 65535, 65536, -65536, 32767, 32768, -32768, 2**31 - 1, -(2**31), 0x7FFF0000]


def test_products(compiled: ctypes.CDLL) -> None:
    rng = np.random.default_rng(5)
    values = EDGES + rng.integers(-(2**31), 2**31, 200).tolist()
    for a in values:
        for w in EDGES + rng.integers(-(2**31), 2**31, 20).tolist():
            assert compiled.high_word(a, w) == a * w >> 32
            narrow = max(-32768, min(w >> 16, 32767))
            assert compiled.scaled(a, narrow) == a * narrow >> 16


def test_leading_zeros(compiled: ctypes.CDLL) -> None:
    for bit in range(32):
        for value in {1 << bit, (2 << bit) - 1, (1 << bit) + (1 << bit >> 1)}:
            assert compiled.zeros(ctypes.c_uint32(value)) == 31 - bit


def test_every_build_gives_the_same(compiled: ctypes.CDLL) -> None:
    for name, pcm in signals().items():
        expected = integer_features(pcm)[..., 0]
        np.testing.assert_array_equal(compiled_frames(compiled, pcm)[1:], expected, name)


def test_big_endian_gives_the_same(tmp_path: Path) -> None:
    compiler, emulator = shutil.which("mips-linux-gnu-gcc"), shutil.which("qemu-mips")
    if compiler is None or emulator is None:
        pytest.skip("mips-linux-gnu-gcc or qemu-mips is not installed")
    main = """\
#include <stdio.h>
int main(void) {
    static int16_t pcm[16000];
    static uint8_t out[500];
    if (fread(pcm, 2, 16000, stdin) != 16000) return 1;
    frames(pcm, 16000, 320, out);
    return fwrite(out, 1, 500, stdout) != 500;
}
"""
    (tmp_path / "main.c").write_text(PROGRAM + main)
    command = [compiler, "-std=c99", "-O2", "-static", f"-I{SOURCE}", str(tmp_path / "main.c")]
    subprocess.run([*command, "-o", str(tmp_path / "main")], check=True)
    for name in ("sweep", "quiet noise", "most negative"):
        pcm = signals()[name]
        done = subprocess.run(
            [emulator, str(tmp_path / "main")],
            input=pcm.astype(">i2").tobytes(),
            capture_output=True,
            check=True,
        )
        got = np.frombuffer(done.stdout, np.uint8).reshape(50, 10)
        np.testing.assert_array_equal(got[1:], integer_features(pcm)[..., 0])


@given(st.lists(st.integers(0, 2000), max_size=30), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_chunks_do_not_matter(sizes: list[int], every: int, seed: int) -> None:
    pcm = np.random.default_rng(seed).integers(-3000, 3000, sum(sizes)).astype(np.int16)
    whole, pieces = Features(every), Features(every)
    expected = whole.push(pcm)
    parts = [pieces.push(part) for part in np.split(pcm, np.cumsum(sizes)[:-1])]
    np.testing.assert_array_equal(np.concatenate([*parts, expected[:0]]), expected)
    assert len(expected) == len(pcm) // 320 // every


def test_after_a_second_the_history_is_the_clip() -> None:
    pcm = signals()["sweep"]
    maps = Features(1).push(pcm)
    np.testing.assert_array_equal(maps[-1], integer_features(pcm))
    assert (maps[0][:-1, 0] == 0).all()
    assert (maps[0][:-1, 1:] == 128).all()


def test_frames_of_a_longer_signal() -> None:
    pcm = np.random.default_rng(2).integers(-9000, 9000, 48000).astype(np.int16)
    frames = integer_frames(pcm)
    assert frames.shape == (149, 10)
    np.testing.assert_array_equal(frames[50:99], integer_features(pcm[16000:])[..., 0])
    batch = np.stack([pcm[:16000], pcm[16000:32000]])
    np.testing.assert_array_equal(integer_features(batch)[1], integer_features(batch[1]))


def test_samples_of_any_kind() -> None:
    pcm = signals()["full noise"]
    floats = pcm.astype(np.float32) / np.float32(32768)
    for other in (floats, floats.astype(np.float64), floats.astype(">f4"), pcm.astype(">i2")):
        np.testing.assert_array_equal(to_pcm(other), pcm)
    np.testing.assert_array_equal(to_pcm([-8.0, -1.0, 1.0, 1.01]), [-32768, -32768, 32767, 32767])
    assert to_pcm(pcm[::2]).flags.c_contiguous


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (np.zeros(16000, np.int32), "int16, or floats"),
        (np.zeros(16000, np.uint8), r"int16, or floats.*astype\('int16'\) - 128\) \* 256"),
        (np.full(16000, 8.5, np.float32), r"up to 8.5, far beyond.*scale its samples to -1\.\.1"),
        (np.float32([0, -32768]), r"up to 32768, far beyond.*x / 32768"),
        (np.array([1e300]), "far beyond"),
        (np.full(16000, np.nan), "not finite"),
        (np.full(16000, -np.inf), "not finite"),
        (np.zeros(0, np.int16), "at least one sample"),
        (np.float32(0), "at least one sample"),
    ],
)
def test_bad_signal(signal: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        integer_features(signal)


def test_other_settings_are_refused() -> None:
    with pytest.raises(UsageError, match=r"another scale, offset: use akrt\.audio\.features"):
        integer_features(np.zeros(16000, np.int16), Mfcc(scale=2.0, offset=100))
    with pytest.raises(InputError, match="at least 640 samples of one channel"):
        integer_frames(np.zeros(639, np.int16))
