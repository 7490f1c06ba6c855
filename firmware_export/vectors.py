"""Test vectors, and the self-test program that runs them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.lowering.arithmetic import blank_memory
from akrt.lowering.operations import Pass, operation
from akrt.model import Model
from firmware_export.c_text import array
from firmware_export.expected import class_of, layer_outputs, tensor_hash
from firmware_export.interface import input_bytes, input_type, output_type
from firmware_export.lowered import Lowered
from firmware_export.remembered import state_argument, state_parameter

__all__ = ["default_inputs", "selftest_source", "vectors_header"]

DEFAULT_VECTORS = 4
_SEED = 20
_SEQUENCE_BYTES = 1 << 16


def default_inputs(model: Model) -> npt.NDArray[Any]:
    """Noise over the whole input range, all zeros, all at the top, and a ramp.

    The ramp of signed values begins with their least. Of floats there is noise over the range of
    their integers, zeros, noise far beyond it, and a little noise. Of a network with memory, whose
    samples are steps in time, as many steps of noise follow as it remembers, where they have no
    more than 64 KiB; the last is the first of them again.
    """
    rng = np.random.default_rng(_SEED)
    if model.stateful:
        return np.concatenate([_extremes(model, rng), *_steps(model, rng)])
    return _extremes(model, rng)


def _steps(model: Model, rng: np.random.Generator) -> list[npt.NDArray[Any]]:
    """What follows where time counts."""
    remembered = sum(
        node.memory["fifo"].shape[0] if "fifo" in node.memory else 1
        for node in model.nodes
        if node.memory
    )
    room = _SEQUENCE_BYTES // (input_bytes(model) * math.prod(model.input_shape))
    count = max(min(remembered, room - DEFAULT_VECTORS), 2)
    noise = model.noise(rng, count)
    noise[-1] = noise[0]
    return [noise]


def _extremes(model: Model, rng: np.random.Generator) -> npt.NDArray[Any]:
    if model.entry.dtype == "float32":
        first, far, near = model.noise(rng, 3)
        floats: npt.NDArray[Any] = np.stack([first, 0 * first, 1000 * far, near / 8])
        return floats.astype(np.float32)
    if model.entry.dtype in ("int8", "int16"):
        low, high = model.entry.low, model.entry.high
        found = np.zeros((DEFAULT_VECTORS, *model.input_shape), model.entry.dtype)
        found[0] = rng.integers(low, high + 1, model.input_shape)
        found[2] = high
        found[3] = low + np.arange(found[3].size).reshape(found[3].shape) % (high - low + 1)
        return found
    top = (1 << model.input_bits) - 1
    shape = model.input_shape
    inputs = np.zeros((DEFAULT_VECTORS, *shape), np.uint8)
    inputs[0] = rng.integers(0, top + 1, shape)
    inputs[2] = top
    inputs[3] = (np.arange(math.prod(shape)) % (top + 1)).reshape(shape)
    return inputs


def vectors_header(lowered: Lowered, inputs: npt.NDArray[Any]) -> str:
    """``<name>_vectors.h``: inputs, expected outputs, classes, and every layer's hash."""
    model, name = lowered.model, lowered.name
    outputs, hashes, classes = [], [], []
    memory = blank_memory(model.nodes)
    for sample in inputs:
        tensors = layer_outputs(model, sample, memory)
        outputs.append(tensors[-1].reshape(-1))
        hashes.append(
            [
                tensor_hash(tensor, node.output.is_potential)
                for tensor, node in zip(tensors, model.nodes, strict=True)
            ]
        )
        chosen = class_of(model, tensors[-1])
        classes.append(-1 if chosen is None else chosen)
    upper = name.upper()
    none = "-1: there is none" if model.version == 2 else "-1: the output is activated"
    given, made = input_type(model), output_type(model)
    flat = np.asarray(inputs).reshape(len(inputs), -1)
    return f"""\
/* Test vectors of {name}: inputs, and what every conforming implementation gives for them. */
#ifndef {upper}_VECTORS_H
#define {upper}_VECTORS_H

#include <stdint.h>

#define {upper}_VECTORS {len(inputs)}

{array(f"{name}_vector_inputs", given, flat, "one after the other")}
{array(f"{name}_vector_outputs", made, np.asarray(outputs), "one after the other")}
{array(f"{name}_vector_classes", "int32_t", np.asarray(classes), none)}
{array(f"{name}_vector_hashes", "uint32_t", np.asarray(hashes), "FNV-1a of every layer's output")}
#endif
"""


class _Sequence:
    """What a self-test has besides where the vectors are steps in time: two states, one for whole
    inputs and one for lines; at the end the first vector again, behind a reset."""

    def __init__(self, lowered: Lowered) -> None:
        name, upper, model = lowered.name, lowered.name.upper(), lowered.model
        self.parameter, self.argument = state_parameter(model), state_argument(model)
        self.runs, self.vector = f"2 * {upper}_VECTORS", "run / 2"
        self.memory = self.guards = self.begin = self.again = self.state = ""
        if not model.stateful:
            return
        self.runs, self.vector = f"2 * {upper}_VECTORS + 1", f"run / 2 % {upper}_VECTORS"
        words = f"{upper}_STATE_WORDS"
        self.memory = f"""\
#define {words} ({upper}_STATE_BYTES / 4)
/* a guard before, between and behind both */
static uint32_t {name}_states[2 * {words} + 3 * {upper}_GUARD_WORDS];
"""
        self.guards = f"""\
    for (int32_t i = 0; i < {upper}_GUARD_WORDS; i++) {{
        for (int32_t state = 0; state < 3; state++) {{
            if ({name}_states[state * ({words} + {upper}_GUARD_WORDS) + i] != 0xA5A5A5A5u) {{
                return 0;
            }}
        }}
    }}
"""
        place = f"{name}_states + {upper}_GUARD_WORDS"
        other = f"({words} + {upper}_GUARD_WORDS)"
        self.begin = f"""\
    for (int32_t i = 0; i < 2 * {words} + 3 * {upper}_GUARD_WORDS; i++) {{
        {name}_states[i] = 0xA5A5A5A5u;
        AKRT_TICK_AT(i);
    }}
    if ({name}_reset({place}) != 0 || {name}_reset({place} + {other}) != 0) {{
        return 253;
    }}
"""
        self.again = f"""\
        if (run == 2 * {upper}_VECTORS && {name}_reset({place}) != 0) {{
            return 253;
        }}
"""
        self.state = f"\n                {place} + run % 2 * {other},"


def selftest_source(lowered: Lowered) -> str:
    """``<name>_selftest.c``: a function, or main(), that tells what went wrong first."""
    model, name = lowered.model, lowered.name
    upper = name.upper()
    predict = ""
    if model.final_step is not None:
        predict = f"""\
        if ({name}_predict_class({name}_output) != {name}_vector_classes[v]) {{
            return 252;
        }}
"""
    first = 1 if isinstance(operation(model.nodes[0]), Pass) else 0
    given, made = input_type(model), output_type(model)
    line, whole = f"{upper}_LINE_BYTES", f"{upper}_INPUT_BYTES"
    if input_bytes(model) > 1:
        line, whole = (f"({size} / (int32_t)sizeof({given}))" for size in (line, whole))
    sequence = _Sequence(lowered)
    return f"""\
/* Runs the test vectors of {name}, each as a whole and line by line. Empty, so that a folder may be
 * compiled whole, unless one of these is defined:
 *     {upper}_SELFTEST_MAIN   main() returns what {name}_selftest() does
 *     {upper}_SELFTEST        int {name}_selftest(void), for a program of yours to call
 * The file holds a copy of the network of its own, which hashes every layer. Returned is
 *   0        every layer, output and class of every vector is as expected
 *   1..250   1 + the first layer that differs (250: or a later one)
 *   251      an output differs although every layer agreed
 *   252      the class differs
 *   253      {name}_run refused the vector, or {name}_begin, _line or _finish did
 *   254      memory outside the arena was written
 * Layers start at {first}. */
#if defined({upper}_SELFTEST) || defined({upper}_SELFTEST_MAIN)
#define {name}_run {name}_selftest_run
#define {name}_begin {name}_selftest_begin
#define {name}_line {name}_selftest_line
#define {name}_finish {name}_selftest_finish
#define {name}_reset {name}_selftest_reset
#define {name}_run_hop {name}_selftest_run_hop
#define {name}_predict_class {name}_selftest_predict_class
#define {name}_label {name}_selftest_label
#define {upper}_LAYER_HASHES
#define {upper}_IMPLEMENTATION
#include "{name}.h"
#include "{name}_vectors.h"

#define {upper}_GUARD_WORDS 16
#define {upper}_ARENA_WORDS ({upper}_LINES_ARENA_BYTES / 4)

static uint32_t {name}_memory[{upper}_GUARD_WORDS + {upper}_ARENA_WORDS + {upper}_GUARD_WORDS];
static {made} {name}_output[{upper}_OUTPUTS];
{sequence.memory}static int32_t {name}_vector, {name}_failed;

void {name}_on_layer(int32_t layer, uint32_t hash) {{
    if ({name}_failed == 0 &&
        hash != {name}_vector_hashes[{name}_vector * {upper}_LAYERS + layer]) {{
        {name}_failed = layer < 249 ? layer + 1 : 250;
    }}
}}

/* Whether nothing was written but `words` of the arena. */
static int {name}_guards_intact(int32_t words) {{
    for (int32_t i = 0; i < {upper}_GUARD_WORDS + {upper}_ARENA_WORDS + {upper}_GUARD_WORDS; i++) {{
        const int32_t at = i - {upper}_GUARD_WORDS;
        if ((at < 0 || at >= words) && {name}_memory[i] != 0xA5A5A5A5u) {{
            return 0;
        }}
        AKRT_TICK_AT(i);
    }}
{sequence.guards}    return 1;
}}

#ifdef __cplusplus
extern "C" {{
#endif
int {name}_selftest(void);
#ifdef __cplusplus
}}
#endif

/* One vector, line by line or as a whole. */
static int {name}_selftest_one(const {given} *input, {sequence.parameter}int32_t *arena,
                               int32_t lines) {{
    if (!lines) {{
        return {name}_run(input, {name}_output, {sequence.argument}arena);
    }}
    if ({name}_begin(arena) != 0) {{
        return 1;
    }}
    for (int32_t x = 0; x < {upper}_LINES; x++) {{
        if ({name}_line(arena, input + x * {line}) != 0) {{
            return 1;
        }}
    }}
    return {name}_finish(arena, {sequence.argument}{name}_output);
}}

int {name}_selftest(void) {{
    const int32_t words = {upper}_GUARD_WORDS + {upper}_ARENA_WORDS + {upper}_GUARD_WORDS;
    {name}_failed = 0;
{sequence.begin}    for (int32_t run = 0; run < {sequence.runs}; run++) {{
        const int32_t v = {sequence.vector};
        {name}_vector = v;
{sequence.again}        for (int32_t i = 0; i < words; i++) {{
            {name}_memory[i] = 0xA5A5A5A5u;
            AKRT_TICK_AT(i);
        }}
        if ({name}_selftest_one({name}_vector_inputs + v * {whole},{sequence.state}
                (int32_t *)(void *)({name}_memory + {upper}_GUARD_WORDS), run % 2) != 0) {{
            return 253;
        }}
        if (!{name}_guards_intact(run % 2 ? {upper}_ARENA_WORDS : {upper}_ARENA_BYTES / 4)) {{
            return 254;
        }}
        if ({name}_failed != 0) {{
            return (int){name}_failed;
        }}
        for (int32_t i = 0; i < {upper}_OUTPUTS; i++) {{
            if ({name}_output[i] != {name}_vector_outputs[v * {upper}_OUTPUTS + i]) {{
                return 251;
            }}
            AKRT_TICK_AT(i);
        }}
{predict}    }}
    return 0;
}}

#ifdef {upper}_SELFTEST_MAIN
int main(void) {{ return {name}_selftest(); }}
#endif
#else
#include <stdint.h>
typedef int32_t {name}_selftest_is_empty; /* ISO C forbids a source file of nothing */
#endif
"""
