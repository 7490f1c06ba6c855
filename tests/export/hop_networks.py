"""Random networks that listen: windows of rows that move on, through kernels on rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from networks import calibrate, placeholder, random_weights

from akrt.model import (
    Add,
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    Model,
    Pooling,
    SeparableConvolutional,
)
from firmware_export import headers
from firmware_export.incremental import HopPlan, plan_hop
from firmware_export.lowered import lower


@dataclass(frozen=True)
class Listening:
    """A network, and windows of streams that it hears one after the other."""

    model: Model
    moved: int
    """Rows from one window to the next."""
    windows: np.ndarray
    """uint8 (N, X, Y, C)."""
    first: tuple[bool, ...]
    """Of every window: it begins a stream."""


def hop_network(seed: int) -> Listening:
    """Any kernel, stride and padding of the first layer, any layers behind it, any hop."""
    rng = np.random.default_rng(seed)
    stride = int(rng.choice([1, 1, 2, 3]))
    stride_y = int(rng.integers(1, 4))
    x = max(8, stride * int(rng.integers(5, 22)) + int(rng.integers(0, stride)))
    y, c = int(rng.integers(3, 5 * stride_y + 1)), int(rng.choice([1, 1, 3]))
    padding = "same" if -(-y // stride_y) <= 5 and rng.integers(4) else "valid"
    kernel = (int(rng.choice([3, 5, 7])), 3)
    channels = int(rng.integers(1, 40))
    layers: list[AnyLayer] = [
        InputConvolutional(
            name="first",
            input_shape=(x, y, c),
            weights=random_weights(rng, 8, (*kernel, c, channels)),
            padding_value=int(rng.choice([0, 17, 255])),
            padding=padding,
            stride=(stride, stride_y),
            **_bits(rng, 8, channels),
        )
    ]
    inputs: dict[str, tuple[str, ...]] = {}
    ending = int(rng.integers(6))
    for i in range(int(rng.integers(1, 4))):
        filters = channels if i and ending == 5 else int(rng.integers(1, 70))
        layers.append(_separable(rng, f"separable_{i}", channels, filters))
        channels = filters
    if ending == 1:
        layers.append(_separable(rng, "pooled", channels, 9, pooling=Pooling("average")))
    elif ending == 2:
        weights = random_weights(rng, 4, (1, 3, channels, 5))
        layers.append(Convolutional(name="general", weights=weights, **_bits(rng, 4, 5)))
    elif ending in (3, 4):
        layers.append(_separable(rng, "pooled", channels, 8, pooling=Pooling("average")))
        weights = random_weights(rng, 4, (8, 6))
        layers.append(FullyConnected(name="dense", weights=weights, **_bits(rng, 4, 6, None)))
    elif ending == 5 and len(layers) > 2:
        inputs["sum"] = (layers[-2].name, layers[-1].name)
        layers.append(Add(name="sum", act_bits=4, **placeholder(channels)))
    factor = stride if rng.integers(5) else 1
    moved = factor * int(rng.choice([1, 1, 2, 3]))
    return _listening(rng, layers, moved, inputs)


def pooled_hop_network(seed: int) -> Listening:
    """Layers of any kind with strides, max pooling and both paddings, branches that meet again, and
    every end: rows, potentials, global sums and dense layers."""
    rng = np.random.default_rng(seed)
    channels, (x, y) = int(rng.choice([1, 3])), map(int, (rng.integers(24, 90), rng.integers(1, 8)))
    layers: list[AnyLayer] = []
    inputs: dict[str, tuple[str, ...]] = {}
    shape, moved = (x, y, channels), 1

    def append(filters: int, **more: Any) -> None:
        nonlocal shape, moved
        name, padding = f"layer_{len(layers)}", str(rng.choice(["same", "same", "valid"]))
        kernel = tuple(int(rng.choice([k for k in (1, 3, 5) if k <= n])) for n in shape[:2])
        more = {"padding": padding, "stride": (1, 1)} | more
        more["stride"] = tuple(min(*pair) for pair in zip(more["stride"], kernel, strict=True))
        bits = 8 if not layers else int(rng.choice([1, 2, 4, 4]))
        common = {**_bits(rng, bits, filters), "name": name} | more
        if not layers:
            weights = random_weights(rng, 8, (*kernel, channels, filters))
            layer: AnyLayer = InputConvolutional(input_shape=shape, weights=weights, **common)
        elif rng.integers(2):
            weights = random_weights(rng, bits, (*kernel, shape[2], filters))
            layer = Convolutional(weights=weights, **common)
        else:
            depthwise = random_weights(rng, bits, (*kernel, shape[2]))
            pointwise = random_weights(rng, bits, (shape[2], filters))
            layer = SeparableConvolutional(depthwise=depthwise, pointwise=pointwise, **common)
        pooling = layer.pooling
        if rng.integers(3) == 0 and pooling is None:
            size = tuple(min(int(rng.integers(1, 4)), n) for n in layer.conv_shape(shape)[:2])
            step = tuple(int(rng.integers(1, k + 1)) for k in size)
            if size != (1, 1):
                pooling = Pooling("max", size, step)
                layer = replace(layer, pooling=pooling)
        moved *= layer.stride[0]
        if pooling is not None and pooling.stride:
            moved *= pooling.stride[0]
        layers.append(layer)
        shape = layer.output_shape(shape)

    for i in range(int(rng.integers(1, 4))):
        append(int(rng.integers(1, 40)), stride=(int(rng.choice([1, 1, 2])), 1 + i % 2))
    if rng.integers(2):
        start, width = layers[-1].name, shape[2]
        for _ in range(int(rng.integers(1, 3))):
            append(width, padding="same", pooling=Pooling("max", (3, 1), (1, 1)))
        inputs["met"] = (start, layers[-1].name) if rng.integers(2) else (layers[-1].name, start)
        layers.append(Add(name="met", act_bits=4, **placeholder(width)))
        if rng.integers(3):
            append(int(rng.integers(1, 20)))
    ending = int(rng.integers(5))
    if ending < 2:
        append(int(rng.integers(1, 12)), pooling=Pooling("average"))
    if ending == 2:
        weights = random_weights(rng, 4, (int(np.prod(shape)), 5))
        layers.append(FullyConnected(name="dense", weights=weights, **_bits(rng, 4, 5, None)))
    elif ending in (1, 3):
        layers[-1] = replace(layers[-1], act_bits=None)
    hop = int(rng.choice([moved, moved, 2 * moved, 1, int(rng.integers(1, x + 9))]))
    return _listening(rng, layers, hop, inputs)


def saturating_listener(seed: int) -> Listening:
    """A global sum that leaves 20 bits on its way in loud windows, and stays within in others."""
    rng = np.random.default_rng(seed)
    x = int(rng.integers(40, 60))
    pointwise = (rng.choice([-7, 7], (32, 1)) * rng.choice([1, 0], (32, 7), p=[0.7, 0.3])).astype(
        np.int8
    )
    first = InputConvolutional(
        name="first",
        input_shape=(x, 5, 1),
        weights=rng.integers(0, 128, (3, 3, 1, 32)).astype(np.int8),
        **_bits(rng, 8, 32, 4),
    )
    last = SeparableConvolutional(
        name="sum",
        depthwise=rng.integers(4, 8, (3, 3, 32)).astype(np.int8),
        pointwise=pointwise,
        pooling=Pooling("average"),
        **_bits(rng, 4, 7, None if seed % 2 else 4),
    )
    return _listening(rng, [first, last], int(rng.integers(1, 4)), {}, burst=True)


def _listening(
    rng: np.random.Generator,
    layers: list[AnyLayer],
    moved: int,
    inputs: dict[str, tuple[str, ...]],
    burst: bool = False,
) -> Listening:
    """`burst`: streams are silent but for a few rows, which come or leave."""
    shape = Model(tuple(layers), inputs=inputs).input_shape
    windows, first = [], []
    for _ in range(3):
        count = int(rng.integers(8, 16) if burst else rng.integers(2, 9))
        rows = shape[0] + moved * (count - 1)
        sound = rng.integers(0, 256, (rows, *shape[1:]))
        loss = np.repeat(rng.integers(0, 9, -(-rows // 6)), 6)[:rows, None, None]
        sound = (sound >> loss).astype(np.uint8)
        if burst:
            at, length = int(rng.choice([0, 1, rows - 16])), int(rng.integers(4, 20))
            sound[:at], sound[at + length :] = 0, 0
        windows += [sound[i * moved : i * moved + shape[0]] for i in range(count)]
        first += [i == 0 for i in range(count)]
    x = np.stack(windows)
    done = tuple(calibrate(layers, rng, x[:4], inputs))
    return Listening(Model(done, inputs=inputs), moved, x, tuple(first))


def write_hops(model: Model, moved: int, folder: Path, name: str) -> HopPlan:
    """The files of a network with ``<name>_run_hop``, where anything is kept."""
    lowered = lower(model, name)
    plan = plan_hop(lowered, moved)
    hop = plan if plan.kept else None
    folder.mkdir(parents=True)
    (folder / f"{name}.h").write_text(headers.api_header(lowered, "0" * 64, "0", hop))
    (folder / f"{name}_weights.h").write_text(headers.weights_header(lowered))
    (folder / f"{name}_kernels.h").write_text(headers.kernels_header(lowered, "0", hop))
    (folder / f"{name}.c").write_text(headers.source_file(lowered))
    return plan


def hop_driver(listeners: Sequence[Listening], folder: Path) -> tuple[Path, list[HopPlan]]:
    """A program that runs every network hop by hop: windows on stdin, each behind a byte that says
    whether it is a first one; int32 outputs on stdout. All memory is allocated to the byte."""
    lines = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>"]
    calls, plans = [], []
    for i, one in enumerate(listeners):
        name = f"net_{i}"
        plans.append(write_hops(one.model, one.moved, folder / name, name))
        upper = name.upper()
        lines += [f"#define {upper}_IMPLEMENTATION", f'#include "{name}/{name}.h"']
        sizes = f"{len(one.windows)}, {upper}_INPUT_BYTES, {upper}_OUTPUTS"
        if plans[-1].kept:
            calls.append(
                f"    run({name}_run_hop, {sizes}, {upper}_KEPT_BYTES, {upper}_HOP_ARENA_BYTES);"
            )
    lines.append(_HOPS.replace("CALLS", "\n".join(calls)))
    path = folder / "driver.c"
    path.write_text("\n".join(lines))
    return path, plans


_HOPS = """\
static void run(int (*f)(const uint8_t *, int32_t, int32_t *, void *, void *), int windows,
                size_t in, size_t out, size_t kept_bytes, size_t arena_bytes) {
    void *kept = malloc(kept_bytes);
    memset(kept, 0xA5, kept_bytes);
    for (int n = 0; n < windows; n++) {
        uint8_t *input = (uint8_t *)malloc(in);
        int32_t *output = (int32_t *)malloc(out * 4);
        void *arena = malloc(arena_bytes);
        const int first = getchar();
        memset(arena, 0xA5, arena_bytes);
        if (fread(input, 1, in, stdin) != in || f(input, first, output, kept, arena) != 0) exit(9);
        fwrite(output, 4, out, stdout);
        free(input); free(output); free(arena);
    }
    free(kept);
}
int main(void) {
CALLS
    return 0;
}
"""


def _separable(
    rng: np.random.Generator, name: str, channels: int, filters: int, **more: Any
) -> SeparableConvolutional:
    bits = int(rng.choice([1, 2, 4, 4]))
    return SeparableConvolutional(
        name=name,
        depthwise=random_weights(rng, bits, (3, 3, channels)),
        pointwise=random_weights(rng, bits, (channels, filters)),
        **_bits(rng, bits, filters),
        **more,
    )


def _bits(
    rng: np.random.Generator, weights_bits: int, filters: int, act_bits: int | None = 0
) -> dict[str, Any]:
    bits = int(rng.choice([1, 2, 4, 4])) if act_bits == 0 else act_bits
    return {"weights_bits": weights_bits, "act_bits": bits, **placeholder(filters)}


def comparing_program(listeners: Sequence[Listening], folder: Path, hops: int = 16) -> Path:
    """A program that makes up windows and compares ``_run_hop`` with ``_run``; status: 1 and the
    number of the network that differs, or 0. For machines without files."""
    lines, calls = ["#include <stdint.h>", "#include <string.h>", f"#define HOPS {hops}"], []
    for i, one in enumerate(listeners):
        name, upper = f"n{i}", f"N{i}"
        assert write_hops(one.model, one.moved, folder / name, name).kept
        lines += [f"#define {upper}_IMPLEMENTATION", f'#include "{name}/{name}.h"']
        lines.append(
            f"typedef struct {name}_places {{ uint8_t window[{upper}_INPUT_BYTES];"
            f" uint32_t arena[{upper}_ARENA_BYTES / 4];"
            f" uint32_t hop_arena[{upper}_HOP_ARENA_BYTES / 4];"
            f" uint32_t kept[{upper}_KEPT_BYTES / 4];"
            f" int32_t wanted[{upper}_OUTPUTS], output[{upper}_OUTPUTS]; }} {name}_places;"
        )
        _, y, c = one.model.input_shape
        calls.append(f"    COMPARE({name}, {upper}_HOP_ROWS * {y * c}, {i + 1})")
    places = " ".join(f"n{i}_places n{i};" for i in range(len(listeners)))
    lines += [f"static union {{ {places} }} at;", _COMPARING.replace("CALLS", "\n".join(calls))]
    path = folder / "main.c"
    path.write_text("\n".join(lines))
    return path


_COMPARING = """\
static uint32_t seed = 1;
/* Random bytes, in blocks of another loudness each. */
static void fill(uint8_t *to, int32_t bytes) {
    for (int32_t i = 0; i < bytes; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (uint8_t)((seed >> 24) >> (seed >> 20 & 1 ? 0 : i / 8 & 7));
    }
}
#define COMPARE(name, moved, status)                                                       \\
    for (int32_t n = 0; n < HOPS; n++) {                                                   \\
        const int32_t first = n % 7 == 0, size = (int32_t)sizeof at.name.window;           \\
        memset(at.name.arena, 0xA5, sizeof at.name.arena);                                 \\
        memset(at.name.hop_arena, 0x5A, sizeof at.name.hop_arena);                         \\
        if (!first) {                                                                      \\
            memmove(at.name.window, at.name.window + (moved), (size_t)(size - (moved)));   \\
        }                                                                                  \\
        fill(at.name.window + (first ? 0 : size - (moved)), first ? size : (moved));       \\
        if (name##_run(at.name.window, at.name.wanted, at.name.arena) != 0 ||              \\
            name##_run_hop(at.name.window, first, at.name.output, at.name.kept,            \\
                           at.name.hop_arena) != 0 ||                                      \\
            memcmp(at.name.wanted, at.name.output, sizeof at.name.output) != 0) {          \\
            return status;                                                                 \\
        }                                                                                  \\
    }
int main(void) {
CALLS
    return 0;
}
"""
