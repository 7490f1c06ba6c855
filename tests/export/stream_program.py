"""A program that feeds a recording to an exported keyword spotter and writes what it detects."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from firmware_export.targets import Target
from firmware_export.toolchain import compile_program, run_program

# Sound comes from the host's file system by semihosting; each call gets another number of samples.
_MAIN = """\
#include "kws.c"
#include "kws_stream.c"

static kws_stream stream;
static uint32_t arena[KWS_STREAM_ARENA_BYTES / 4];
static int16_t samples[400];

static int32_t call(int32_t operation, const void *argument) {
    register int32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static int32_t opened(const char *name, int32_t mode) {
    const uint32_t argument[3] = {(uint32_t)(uintptr_t)name, (uint32_t)mode, strlen(name)};
    return call(1, argument);
}

static int32_t unread(int32_t file, void *to, int32_t bytes) {
    const uint32_t argument[3] = {(uint32_t)file, (uint32_t)(uintptr_t)to, (uint32_t)bytes};
    return call(6, argument);
}

static void write_words(int32_t file, const int32_t *from, int32_t count) {
    const uint32_t argument[3] = {(uint32_t)file, (uint32_t)(uintptr_t)from, 4u * (uint32_t)count};
    (void)call(5, argument);
}

int main(void) {
    const int32_t in = opened(SOUND, 1), out = opened(FOUND, 5);
    int32_t size = 1, bytes;
    if (in < 0 || out < 0) {
        return 1;
    }
    kws_stream_start(&stream);
    do {
        const int16_t *at = samples;
        int32_t count;
        size = size * 7 % 397 + 1;
        bytes = 2 * size - unread(in, samples, 2 * size);
        count = bytes / 2;
        while (count > 0) {
            kws_detection found;
            const int32_t taken = kws_stream_feed(&stream, at, count, arena, &found);
            if (taken < 0) {
                return 2;
            }
            if (found.word >= 0) {
                const int32_t words[3] = {found.word, found.score, (int32_t)found.frames};
                write_words(out, words, 3);
            }
            at += taken;
            count -= taken;
        }
    } while (bytes > 0);
    return 0;
}
"""


def detections_on(
    target: Target, export: Path, pcm: np.ndarray, folder: Path, flags: Sequence[str] = ("-O2",)
) -> tuple[list[tuple[int, int, int]], Path]:
    """(class, score, samples) of every word that `target`, a Cortex-M, detects; the program."""
    source, program = folder / "stream_main.c", folder / "stream.elf"
    source.write_text(_MAIN)
    (folder / "sound.raw").write_bytes(pcm.astype("<i2").tobytes())
    names = [f'-DSOUND="{folder / "sound.raw"}"', f'-DFOUND="{folder / "found.raw"}"']
    compile_program(target, [source], program, [*flags, f"-I{export}", *names])
    assert run_program(target, program) == 0
    return parsed((folder / "found.raw").read_bytes()), program


_HOSTED = """\
#include <stdio.h>
#include <stdlib.h>
#include "kws.c"
#include "kws_stream.c"

int main(int argc, char **argv) {
    const long chunk = argc > 1 ? atol(argv[1]) : 320;
    kws_stream *stream = (kws_stream *)malloc(sizeof *stream);
    void *arena = malloc(KWS_STREAM_ARENA_BYTES);
    int16_t *samples = (int16_t *)malloc((size_t)chunk * sizeof *samples);
    size_t count;
    memset(stream, 0xA5, sizeof *stream);
    memset(arena, 0xA5, KWS_STREAM_ARENA_BYTES);
    kws_stream_start(stream);
    while ((count = fread(samples, 2, (size_t)chunk, stdin)) > 0) {
        int32_t left = (int32_t)count;
        const int16_t *at = samples;
        while (left > 0) {
            kws_detection found;
            const int32_t taken = kws_stream_feed(stream, at, left, arena, &found);
            if (taken < 0) {
                return 2;
            }
            if (found.word >= 0) {
                printf("%ld %ld %ld\\n", (long)found.word, (long)found.score,
                       (long)found.frames * 320);
            }
            at += taken;
            left -= taken;
        }
    }
    free(stream);
    free(arena);
    free(samples);
    return 0;
}
"""


def hosted(folder: Path) -> Path:
    """Source of the same for a machine with a C library: samples on stdin, text on stdout."""
    source = folder / "hosted.c"
    source.write_text(_HOSTED)
    return source


def hosted_detections(
    command: Sequence[str], pcm: np.ndarray, order: str = "<"
) -> list[tuple[int, ...]]:
    done = subprocess.run(command, input=pcm.astype(f"{order}i2").tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[:4000]
    return [tuple(int(n) for n in line.split()) for line in done.stdout.splitlines()]


def parsed(data: bytes) -> list[tuple[int, int, int]]:
    rows = np.frombuffer(data, "<i4").reshape(-1, 3)
    return [(int(word), int(score), int(frames) * 320) for word, score, frames in rows]
