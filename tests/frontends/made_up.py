"""A second front end, to see what one has to bring: loudness, a byte for every 5 ms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from akrt.errors import ModelError
from akrt.frontends import CFrontEnd, SoundFrontEnd
from akrt.model import FullyConnected, InputData, Model, Preprocessing

STEP = 80
HOP = 320


@dataclass(frozen=True)
class Raw(Preprocessing):
    """Every 80th sample's magnitude in 4 bits."""

    kind: ClassVar[str] = "raw"

    bytes: int = 40

    def __post_init__(self) -> None:
        if type(self.bytes) is not int or not 4 <= self.bytes <= 200 or self.bytes % 4:
            raise ModelError(f"preprocessing: bytes must be 4..200, fours, got {self.bytes!r}")

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.bytes, 1, 1)

    @property
    def text(self) -> str:
        return f"{self.bytes} magnitudes"


class RawFrontEnd(SoundFrontEnd[Raw]):
    """Of recordings alone."""

    settings_type = Raw

    @property
    def sample_rate(self) -> int:
        return 16000

    @property
    def clip(self) -> int:
        return STEP * self.settings.bytes

    @property
    def hop(self) -> int:
        return HOP

    def features(self, signal: np.ndarray) -> np.ndarray:
        padded = np.zeros((*signal.shape[:-1], self.clip))
        length = min(self.clip, signal.shape[-1])
        padded[..., :length] = signal[..., :length]
        levels = np.minimum(np.abs(padded[..., ::STEP]) * 16, 15).astype(np.uint8)
        return levels[..., None, None]


class ListeningRaw(RawFrontEnd):
    """Of streams too, in Python and in C."""

    def listener(self, every: int) -> RawListener:
        return RawListener(self, every)

    def in_c(self) -> CFrontEnd:
        return CFrontEnd(
            state="akrt_raw",
            input="levels",
            types="akrt_raw_types",
            sources=("akrt_raw",),
            tables=None,
            newest=HOP // STEP,
            state_bytes=4 + self.settings.bytes + HOP // STEP,
            scratch_bytes=0,
            scratch_in_c="0",
            constant_bytes=0,
            constants_in_c="0",
        )


class RawListener:
    """Keeps all that it hears: a test is short."""

    def __init__(self, front_end: RawFrontEnd, every: int) -> None:
        self.front_end, self.every, self.hops = front_end, every, 0
        self.heard = np.zeros(front_end.clip, np.int16)

    def push(self, samples: np.ndarray) -> np.ndarray:
        self.heard = np.concatenate([self.heard, samples])
        complete = (len(self.heard) - self.front_end.clip) // HOP
        due = [n for n in range(self.hops + 1, complete + 1) if n % self.every == 0]
        self.hops = complete
        maps = [self.front_end.features(self.heard[n * HOP :] / 32768) for n in due]
        return np.array(maps, np.uint8).reshape(-1, *self.front_end.settings.shape)


TYPES = """\
#ifndef AKRT_RAW_TYPES_H
#define AKRT_RAW_TYPES_H
#include <stdint.h>
typedef struct akrt_raw {
    int32_t filled;
    uint8_t levels[40], next[4];
} akrt_raw;
#endif
"""
FUNCTIONS = """\
#ifndef AKRT_RAW_H
#define AKRT_RAW_H
#include <string.h>
#include "akrt_raw_types.h"
static void akrt_raw_start(akrt_raw *raw) { memset(raw, 0, sizeof *raw); }
static int32_t akrt_raw_push(void *state, const int16_t *samples, int32_t count,
                             int32_t *scratch) {
    akrt_raw *raw = (akrt_raw *)state;
    int32_t taken = 0;
    (void)scratch;
    while (taken < count && taken + raw->filled < 320) {
        if ((raw->filled + taken) % 80 == 0) {
            const int32_t size = samples[taken] < 0 ? -samples[taken] : samples[taken];
            raw->next[(raw->filled + taken) / 80] = (uint8_t)(size >> 11 > 15 ? 15 : size >> 11);
        }
        taken++;
    }
    raw->filled += taken;
    if (raw->filled == 320) {
        memmove(raw->levels, raw->levels + 4, 36);
        memcpy(raw->levels + 36, raw->next, 4);
        raw->filled = 0;
    }
    return taken;
}
#endif
"""


def add_c(sources: Path) -> None:
    """The front end's C to a copy of src_c."""
    (sources / "frontend" / "akrt_raw_types.h").write_text(TYPES)
    (sources / "frontend" / "akrt_raw.h").write_text(FUNCTIONS)


def loudness() -> Model:
    """A network of two classes that hears through it: loud where half of full scale is passed."""
    weights = np.ones((40, 2), np.int8) * np.array([-1, 1], np.int8)
    last = FullyConnected(
        name="decide",
        weights=weights,
        weights_bits=2,
        act_bits=None,
        threshold=np.array([-100, 100], np.int32),
        act_step=np.full(2, 16, np.float32),
    )
    layers = (InputData("in", (40, 1, 1), 4), last)
    return Model(layers, name="loudness", labels=("_quiet_", "loud"), preprocessing=Raw())
