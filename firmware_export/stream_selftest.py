"""The self-test of an exported listener: ``<name>_stream_selftest.c`` and its expectations.

The sound is noise that both sides make from the same integers, so that the export stays small. The
features are the host's, the network's outputs and the decisions are computed here once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from akrt.decision import DecisionRule, StreamSettings, decision_rule
from akrt.frontends import CFrontEnd, sound_front_end_of
from akrt.model import Model
from akrt.outputs.fixed import LOGIT_ONE
from firmware_export.c_text import array
from firmware_export.expected import FNV_OFFSET, FNV_PRIME, layer_outputs
from firmware_export.kernel_sources import read_kernel
from firmware_export.lowered import Lowered
from firmware_export.stream import c_front_end

__all__ = ["STREAM_MESSAGES", "stream_selftest_files"]

STREAM_MESSAGES = {
    1: "a table of the listener differs",
    2: "the listener refused the sound",
    3: "the listener's features differ",
    4: "the network's outputs differ in the listener",
    5: "the listener heard other words",
    6: "other words are decided upon",
}
_HOP = 320
_SEED = 2463534242
_TABLE = re.compile(r"static const u?int\d+_t (akrt_\w+)\[\d+\] = \{([^}]*)\}")
_MARGIN_MAX = 8 * LOGIT_ONE


def stream_selftest_files(lowered: Lowered, settings: StreamSettings) -> dict[str, str]:
    """``<name>_stream_vectors.h`` and ``<name>_stream_selftest.c``."""
    name = lowered.name
    rule = decision_rule(lowered.model, settings)
    hops = max(60, 2 * settings.every + 3)
    steps = 200 + 4 * settings.window
    front_end = c_front_end(lowered.model)
    tables = _tables(front_end.tables)
    potentials, heard = _outputs(lowered.model, front_end.newest, settings.every, hops)
    boost = _boost(lowered.model)
    constants = [*tables.values()]
    constants += [rule.threshold.tolist(), rule.factor.tolist(), rule.is_word.tolist()]
    hashes = {
        "TABLES": _hash(value for values in constants for value in values),
        "FEATURES": _hash(heard, 1),
        "OUTPUTS": _hash(v for row in potentials for v in row),
        "WORDS": _hash(v for row in _decisions(rule, potentials) for v in row),
        "DECISIONS": _hash(v for row in _decisions(rule, _drawn(rule, boost, steps)) for v in row),
    }
    return {
        f"{name}_stream_vectors.h": _vectors(name, hops, steps, boost, hashes),
        f"{name}_stream_selftest.c": _source(name, front_end, list(tables)),
    }


def _tables(stem: str | None) -> dict[str, list[int]]:
    """The constants of the front end, from their header."""
    if stem is None:
        return {}
    return {
        table: [_number(text) for text in body.split(",") if text.strip()]
        for table, body in _TABLE.findall(read_kernel(stem))
    }


def _number(text: str) -> int:
    """``-2147483647 - 1``, as C has to write it, is one number."""
    return sum(int(part) for part in re.findall(r"-?\d+", text.replace(" ", "")))


def _hash(values: Iterable[int], size: int = 4) -> int:
    """32-bit FNV-1a over words, or bytes, the lowest byte first."""
    value = FNV_OFFSET
    for number in values:
        for byte in (number & 0xFFFFFFFF).to_bytes(4, "little")[:size]:
            value = ((value ^ byte) * FNV_PRIME) & 0xFFFFFFFF
    return value


def _numbers() -> Iterator[int]:
    """16 bits, again and again; what ``<name>_stream_number`` gives."""
    seed = _SEED
    while True:
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        yield seed >> 16


def _sound(samples: int) -> npt.NDArray[np.int16]:
    """Noise, white to dull, full scale to silence."""
    sound, smooth, numbers = np.zeros(samples, np.int16), 0, _numbers()
    for i in range(samples):
        block = i // 1600
        smooth += (next(numbers) - 32768 - smooth) >> (block & 3)
        loss = block * 7 & 15
        sound[i] = 0 if loss == 15 else smooth >> loss
    return sound


def _outputs(model: Model, newest: int, every: int, hops: int) -> tuple[list[list[int]], list[int]]:
    """Potentials of every inference, and what every hop adds to its input, one after the other."""
    inputs = sound_front_end_of(model).listener(every=1).push(_sound(hops * _HOP))
    potentials = []
    for features in inputs[every - 1 :: every]:
        potentials.append([int(v) for v in layer_outputs(model, features)[-1].reshape(-1)])
    return potentials, [int(v) for v in inputs.reshape(len(inputs), -1)[:, -newest:].reshape(-1)]


def _boost(model: Model) -> npt.NDArray[np.int32]:
    """What lifts a class ten logits above the others."""
    final = model.final_step
    assert final is not None  # decision_rule has refused it otherwise
    lift: npt.NDArray[np.int32] = np.ceil(
        np.minimum(10 * final[1].astype(np.float64), 1 << 30)
    ).astype(np.int32)
    return lift


def _drawn(rule: DecisionRule, boost: npt.NDArray[np.int32], steps: int) -> list[list[int]]:
    """Potentials that make a class lead for nine inferences, or none."""
    numbers, rows = _numbers(), []
    classes = len(boost)
    for step in range(steps):
        turn = step // 9
        row = []
        for c in range(classes):
            above = (int(boost[c]) * (next(numbers) >> 8)) >> 10
            if turn % 3 != 2 and turn * 5 % classes == c:
                above += int(boost[c])
            row.append(max(-(1 << 31), min((1 << 31) - 1, int(rule.threshold[c]) + above)))
        rows.append(row)
    return rows


def _decisions(rule: DecisionRule, potentials: Iterable[list[int]]) -> Iterator[tuple[int, ...]]:
    """Word or -1, leader and its average of one inference after the other: the rule that stands at
    the top of ``akrt_decision.h``."""
    rows: list[list[int]] = []
    held, wait = -1, 0
    for values in potentials:
        rows = [*rows, _margins(rule, values)][-rule.window :]
        sums = [sum(column) for column in zip(*rows, strict=True)]
        leader = max(range(len(sums)), key=sums.__getitem__)
        total, count = sums[leader], len(rows)
        led = rule.is_word[leader] and count >= rule.least and total >= rule.score * count
        wait = max(wait - 1, 0)
        if held != leader or not led:
            held = -1
        word = leader if led and held != leader and wait == 0 else -1
        if word >= 0:
            held, wait = leader, rule.refractory
        yield word, leader, abs(total) // count * (1 if total >= 0 else -1)


def _margins(rule: DecisionRule, potentials: list[int]) -> list[int]:
    logits = []
    for c, value in enumerate(potentials):
        logit = ((value - int(rule.threshold[c])) * int(rule.factor[c])) >> rule.shift
        logits.append(max(-65535, min(65535, logit)))
    *_, second, first = sorted([-65536, *logits])
    margins = []
    for logit in logits:
        best = second if logit == first else first  # of the other classes
        margins.append(max(-_MARGIN_MAX, min(_MARGIN_MAX, logit - best)))
    return margins


def _vectors(
    name: str, hops: int, steps: int, boost: npt.NDArray[np.int32], hashes: dict[str, int]
) -> str:
    upper = name.upper()
    defines = "".join(
        f"#define {upper}_STREAM_{key}_HASH 0x{value:08x}u\n" for key, value in hashes.items()
    )
    return f"""\
/* What every conforming listener gives for the sound of {name}_stream_selftest.c: FNV-1a. */
#ifndef {upper}_STREAM_VECTORS_H
#define {upper}_STREAM_VECTORS_H

#include <stdint.h>

#define {upper}_STREAM_HOPS {hops} /* of {_HOP} samples */
#define {upper}_STREAM_STEPS {steps} /* inferences that are made up */
{defines}
{array(f"{name}_stream_boost", "int32_t", boost, "ten logits of each class")}
#endif
"""


def _source(name: str, front_end: CFrontEnd, tables: list[str]) -> str:
    upper = name.upper()
    rules = [f"{name}_rule_{part}" for part in ("threshold", "factor", "is_word")]
    hashed = "".join(f"    {upper}_HASH_TABLE({table});\n" for table in (*tables, *rules))
    meanings = "".join(f" *   {status}   {text}\n" for status, text in STREAM_MESSAGES.items())
    return f"""\
/* Tests the listener {name}_stream on noise that it makes itself. Empty, so that a folder may be
 * compiled whole, unless one of these is defined:
 *     {upper}_STREAM_SELFTEST_MAIN   main() returns what {name}_stream_selftest() does
 *     {upper}_STREAM_SELFTEST        int {name}_stream_selftest(void), for a program of yours
 * The file holds copies of network and listener of its own. Returned is 0 where all is as expected:
{meanings} */
#if defined({upper}_STREAM_SELFTEST) || defined({upper}_STREAM_SELFTEST_MAIN)
#define {name}_run {name}_stream_selftest_run
#define {name}_run_hop {name}_stream_selftest_run_hop
#define {name}_predict_class {name}_stream_selftest_predict_class
#define {name}_label {name}_stream_selftest_label
#define {name}_stream_start {name}_stream_selftest_start
#define {name}_stream_feed {name}_stream_selftest_feed
#define {upper}_IMPLEMENTATION
#include "{name}.h"
#include "{name}_stream.c"
#include "{name}_stream_vectors.h"

static {name}_stream {name}_listener;
static uint32_t {name}_listener_arena[{upper}_STREAM_ARENA_BYTES / 4];
static int16_t {name}_sound[{_HOP}];
static uint32_t {name}_seed, {name}_made;
static int32_t {name}_smooth;

static uint32_t {name}_hash_byte(uint32_t hash, uint32_t byte) {{
    return (hash ^ byte) * 0x{FNV_PRIME:08x}u;
}}

static uint32_t {name}_hash_word(uint32_t hash, uint32_t word) {{
    for (int32_t i = 0; i < 4; i++) {{
        hash = {name}_hash_byte(hash, word & 0xffu);
        word >>= 8;
    }}
    return hash;
}}

static int32_t {name}_number(void) {{
    {name}_seed = {name}_seed * 1664525u + 1013904223u;
    return (int32_t)({name}_seed >> 16);
}}

/* White noise to dull, full scale to silence, in blocks of 0.1 s. */
static int16_t {name}_sample(void) {{
    const uint32_t block = {name}_made / 1600u, loss = block * 7u & 15u;
    {name}_smooth += ({name}_number() - 32768 - {name}_smooth) >> (block & 3u);
    {name}_made++;
    return (int16_t)(loss == 15u ? 0 : {name}_smooth >> loss);
}}

#define {upper}_HASH_TABLE(table)                                                    \\
    for (int32_t i = 0; i < (int32_t)(sizeof(table) / sizeof((table)[0])); i++) {{    \\
        hash = {name}_hash_word(hash, (uint32_t)(int32_t)(table)[i]);                 \\
    }}

static uint32_t {name}_hash_tables(void) {{
    uint32_t hash = 0x{FNV_OFFSET:08x}u;
{hashed}    return hash;
}}

static uint32_t {name}_hash_decision(uint32_t hash, int32_t word, const akrt_decision *state) {{
    hash = {name}_hash_word(hash, (uint32_t)word);
    hash = {name}_hash_word(hash, (uint32_t)state->leader);
    return {name}_hash_word(hash, (uint32_t)state->average);
}}

/* Noise in pieces of all sizes, through features, network and decision. */
static int {name}_listen(void) {{
    uint32_t features = 0x{FNV_OFFSET:08x}u, outputs = features, words = features;
    int32_t left = (int32_t){upper}_STREAM_HOPS * {_HOP}, size = 1;
    {name}_seed = {_SEED}u;
    {name}_made = 0;
    {name}_smooth = 0;
    {name}_stream_start(&{name}_listener);
    while (left > 0) {{
        const int16_t *at = {name}_sound;
        int32_t count = size < left ? size : left;
        for (int32_t i = 0; i < count; i++) {{
            {name}_sound[i] = {name}_sample();
        }}
        left -= count;
        size = size * 7 % 317 + 1;
        while (count > 0) {{
            const uint32_t frames = {name}_listener.hops.frames;
            const uint8_t *newest =
                {name}_listener.features.{front_end.input} + {upper}_INPUT_BYTES;
            {name}_detection found;
            const int32_t taken =
                {name}_stream_feed(&{name}_listener, at, count, {name}_listener_arena, &found);
            if (taken <= 0) {{
                return 2;
            }}
            at += taken;
            count -= taken;
            if ({name}_listener.hops.frames == frames) {{
                continue;
            }}
            for (int32_t i = -{front_end.newest}; i < 0; i++) {{
                features = {name}_hash_byte(features, newest[i]);
            }}
            if ({name}_listener.hops.frames % {upper}_STREAM_EVERY == 0) {{
                for (int32_t i = 0; i < {upper}_OUTPUTS; i++) {{
                    outputs = {name}_hash_word(outputs, (uint32_t){name}_listener.output[i]);
                }}
                words = {name}_hash_decision(words, found.word, &{name}_listener.decision);
            }}
        }}
    }}
    return features != {upper}_STREAM_FEATURES_HASH  ? 3
           : outputs != {upper}_STREAM_OUTPUTS_HASH ? 4
           : words != {upper}_STREAM_WORDS_HASH     ? 5
                                                    : 0;
}}

/* Potentials that make one class after the other lead. */
static int {name}_decide(void) {{
    uint32_t decisions = 0x{FNV_OFFSET:08x}u;
    {name}_seed = {_SEED}u;
    {name}_stream_start(&{name}_listener);
    for (int32_t step = 0; step < {upper}_STREAM_STEPS; step++) {{
        const int32_t turn = step / 9;
        for (int32_t c = 0; c < {upper}_CLASSES; c++) {{
            const int64_t boost = {name}_stream_boost[c];
            int64_t value = (boost * ({name}_number() >> 8)) >> 10;
            if (turn % 3 != 2 && turn * 5 % {upper}_CLASSES == c) {{
                value += boost;
            }}
            value += {name}_rule_threshold[c];
            value = value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : value;
            {name}_listener.output[c] = (int32_t)value;
        }}
        decisions = {name}_hash_decision(
            decisions,
            akrt_decide(&{name}_rule, &{name}_listener.decision, {name}_listener.output),
            &{name}_listener.decision);
    }}
    return decisions != {upper}_STREAM_DECISIONS_HASH ? 6 : 0;
}}

#ifdef __cplusplus
extern "C" {{
#endif
int {name}_stream_selftest(void);
#ifdef __cplusplus
}}
#endif

int {name}_stream_selftest(void) {{
    int status = {name}_hash_tables() == {upper}_STREAM_TABLES_HASH ? 0 : 1;
    if (status == 0) {{
        status = {name}_listen();
    }}
    return status == 0 ? {name}_decide() : status;
}}

#ifdef {upper}_STREAM_SELFTEST_MAIN
int main(void) {{ return {name}_stream_selftest(); }}
#endif
#else
#include <stdint.h>
typedef int32_t {name}_stream_selftest_is_empty; /* ISO C forbids a source file of nothing */
#endif
"""
