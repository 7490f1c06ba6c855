"""Networks that are fed line by line: pictures larger than the memory, and what is refused."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from networks import calibrate, placeholder, random_weights

import firmware_export
from akrt.backends.native import NativeBackend
from akrt.model import (
    AnyLayer,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)
from akrt.runtime import bundled_model
from firmware_export.line_feed import line_feed
from firmware_export.lowered import lower
from firmware_export.targets import TARGETS
from firmware_export.toolchain import compile_program, run_program

from .compiled_export import SANITIZERS, build, tool

PICTURES = 20
SHAPE = (96, 96, 3)


@cache
def mobilenet() -> Model:
    """MobileNet 0.25 on 96x96x3, of two classes: visual wake words."""
    rng = np.random.default_rng(96)
    layers: list[AnyLayer] = [
        InputConvolutional(
            name="first",
            input_shape=SHAPE,
            weights=random_weights(rng, 8, (3, 3, 3, 8)),
            weights_bits=8,
            act_bits=4,
            stride=(2, 2),
            **placeholder(8),
        )
    ]
    channels = 8
    plan = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5]
    for number, (filters, stride) in enumerate([*plan, (256, 2), (256, 1)]):
        layers.append(
            SeparableConvolutional(
                name=f"separable_{number}",
                depthwise=random_weights(rng, 4, (3, 3, channels)),
                pointwise=random_weights(rng, 4, (channels, filters)),
                weights_bits=4,
                act_bits=4,
                stride=(stride, stride),
                pooling=Pooling("average") if filters == 256 and stride == 1 else None,
                **placeholder(filters),
            )
        )
        channels = filters
    dense = random_weights(rng, 4, (channels, 2))
    layers.append(
        FullyConnected(name="dense", weights=dense, weights_bits=4, act_bits=None, **placeholder(2))
    )
    return Model(tuple(calibrate(layers, rng, pictures()[:4])), name="mobilenet")


@cache
def pictures() -> np.ndarray:
    """Noise by the generator of the C below."""
    state, found = 1, np.empty(PICTURES * int(np.prod(SHAPE)), np.uint8)
    for i in range(len(found)):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        found[i] = state >> 24
    return found.reshape(PICTURES, *SHAPE)


CAMERA = """\
#define NET_IMPLEMENTATION
#include "net.h"
static const int32_t expected[{pictures}][NET_OUTPUTS] = {{{expected}}};
static uint32_t arena[NET_LINES_ARENA_BYTES / 4];
int main(void) {{
    static uint8_t line[NET_LINE_BYTES];
    int32_t output[NET_OUTPUTS];
    uint32_t state = 1;
    for (int p = 0; p < {pictures}; p++) {{
        net_begin(arena);
        for (int x = 0; x < NET_LINES; x++) {{
            for (int i = 0; i < NET_LINE_BYTES; i++) {{
                state = state * 1664525u + 1013904223u;
                line[i] = (uint8_t)(state >> 24);
            }}
            if (net_line(arena, line) != 0) {{
                return 1;
            }}
        }}
        if (net_finish(arena, output) != 0) {{
            return 2;
        }}
        for (int i = 0; i < NET_OUTPUTS; i++) {{
            if (output[i] != expected[p][i]) {{
                return 3;
            }}
        }}
    }}
    return 0;
}}
"""


def test_a_picture_larger_than_the_memory_of_a_cortex_m0(tmp_path: Path) -> None:
    """27 KB of input on a machine with 16 KB, line by line; the host says what must come out."""
    target = TARGETS["cortex-m0"]
    tool(*target.compiler)
    tool(target.runner[0])
    model = mobilenet()
    results = NativeBackend(model).run(pictures()).reshape(PICTURES, -1)
    assert len(np.unique(results, axis=0)) == PICTURES
    report = firmware_export.export(model, tmp_path, "net", vectors=pictures()[:1])
    assert np.prod(SHAPE) > target.ram[1]
    stack = report.memory["stack_bytes"]
    for core in ("cortex-m0", "m4"):
        assert line_feed(lower(model, "net")).bytes + stack[core] <= 12 << 10
    rows = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in results.tolist())
    (tmp_path / "camera.c").write_text(CAMERA.format(pictures=PICTURES, expected=rows))
    compile_program(target, [tmp_path / "camera.c"], tmp_path / "camera.elf")
    assert run_program(target, tmp_path / "camera.elf") == 0


REFUSED = """\
#define NET_IMPLEMENTATION
#include "net.h"
static uint32_t arena[NET_LINES_ARENA_BYTES / 4 + 1];
static uint8_t line[NET_LINE_BYTES + 1];
static int32_t output[NET_OUTPUTS], again[NET_OUTPUTS];
static int feed(int lines) {
    for (int i = 0; i < lines; i++) {
        if (net_line(arena, line) != 0) {
            return i + 1;
        }
    }
    return 0;
}
int main(void) {
    void *const odd = (uint8_t *)arena + 1;
    if (net_begin(NULL) != -1 || net_begin(odd) != -1 || net_begin(arena) != 0) return 1;
    if (net_line(NULL, line) != -1 || net_line(arena, NULL) != -1 || net_line(odd, line) != -1)
        return 2;
    if (net_finish(arena, output) != -3) return 3;
    if (feed(NET_LINES - 1) != 0 || net_finish(arena, output) != -3) return 4;
    line[NET_LINE_BYTES - 1] = 255;
    if (net_line(arena, line) != REFUSES) return 5;
    line[NET_LINE_BYTES - 1] = 0;
    if (REFUSES != 0 && feed(1) != 0) return 6;
    if (net_line(arena, line) != -3) return 7;
    if (net_finish(arena, NULL) != -1 || net_finish(NULL, output) != -1) return 8;
    if (net_finish(arena, output) != 0) return 9;
    /* once more in the same memory */
    if (net_begin(arena) != 0 || feed(NET_LINES) != 0 || net_finish(arena, again) != 0) return 10;
    return REFUSES != 0 && memcmp(output, again, sizeof output) != 0 ? 11 : 0;
}
"""


def narrow() -> Model:
    """Lines of four bits, to a pipeline."""
    rng = np.random.default_rng(4)
    layer = SeparableConvolutional(
        name="separable",
        depthwise=random_weights(rng, 4, (5, 5, 8)),
        pointwise=random_weights(rng, 4, (8, 8)),
        weights_bits=4,
        act_bits=None,
        **placeholder(8),
    )
    return Model((InputData("in", (9, 7, 8), 4), layer))


@pytest.mark.parametrize("name", ["pipeline", "four bits", "rows"])
def test_what_is_refused(name: str, tmp_path: Path) -> None:
    """Null and misaligned pointers, values out of range, lines too many and too few."""
    model = {"pipeline": mobilenet, "four bits": narrow, "rows": bundled_model}[name]()
    assert (line_feed(lower(model, "net")).first is None) == (name == "rows")
    firmware_export.export(model, tmp_path, "net")
    (tmp_path / "main.c").write_text(REFUSED)
    refuses = -2 if model.input_bits < 8 else 0
    flags = ("-std=c99", "-O1", f"-DREFUSES=({refuses})", *SANITIZERS)
    build(tmp_path / "main.c", tmp_path / "main", *flags)
    assert subprocess.run([str(tmp_path / "main")]).returncode == 0
