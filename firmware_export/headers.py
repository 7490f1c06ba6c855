"""The C text of an export: API header, constants, kernels, implementation."""

from __future__ import annotations

import math

from akrt.model import Model
from firmware_export.assertions import network_assertions
from firmware_export.c_text import comment, string
from firmware_export.class_output import output_in_c
from firmware_export.incremental import HopPlan, hop_function, hop_interface
from firmware_export.interface import (
    input_bytes,
    input_note,
    input_type,
    number_note,
    output_type,
    range_check,
    range_kernels,
)
from firmware_export.kernel_sources import amalgamate, same_version
from firmware_export.line_feed import (
    line_feed,
    line_feed_declarations,
    line_feed_functions,
)
from firmware_export.lowered import Lowered
from firmware_export.pipeline_text import pipeline_functions
from firmware_export.remembered import state_argument, state_bytes, state_parameter
from firmware_export.sections import in_sections, section_macros
from firmware_export.step import Step, padded_channels

__all__ = ["FORMAT_VERSION", "api_header", "kernels_header", "source_file", "weights_header"]

FORMAT_VERSION = 3
_HASHED = {"bytes": "bytes", "floats": "floats", "lines": "line", "rows": "rows", "words": "words"}
"""Kernels that tell the hash of a tensor, by its layout."""
_INT16_MAX = (1 << 15) - 1

_HOW_TO = """\
 * How to use it: in one C or C++ source file of your project
 *
 *     #define {upper}_IMPLEMENTATION
 *     #include "{name}.h"
 *
 * (or compile {name}.c, which does just that), and wherever you need it
 *
 *     #include "{name}.h"
 *     static uint32_t arena[{upper}_ARENA_BYTES / 4];
 *     {output_type} output[{upper}_OUTPUTS];
{state_use} *     if ({name}_run(input, output, {state_given}arena) == 0) {{ ... }}
 *
 * Input: {input_note}
 * Output: {output_note}
 *
 * {state_note} No heap,
 * {number_note}, nothing of libc but <stdint.h> and <string.h>.
 * Define before the implementation, or for all files
 *   {upper}_TICK(layer)  to be called after every layer and, with -1, inside long ones, at least
 *                   once in a million instructions
 *   {upper}_CONST, AKRT_CONST, AKRT_CODE  attributes of sections: for the constants of this
 *                   network, of all networks, and for functions
 *   AKRT_PORTABLE   for C alone, with the same results: on Arm some kernels are assembly, which
 *                   Thumb before ARMv6 cannot assemble, and which overwrites a register from r8 to
 *                   r11 that a whole build reserves (-ffixed-r9, -msingle-pic-base).
 * The stack that it needs is in {name}_memory.md."""

_STATE_USE = """\
 *     static uint32_t state[{upper}_STATE_BYTES / 4];
 *     {name}_reset(state);
"""
_NO_STATE = "There is no state but the arena: calls with different arenas may run at the same time."
_STATE_NOTE = """\
The network remembers: calls with one state are steps in time, in order. A state is plain memory
 * of one build: it may be copied, and set back by {name}_reset. A network may have many, one for
 * each time of its own; a call that is refused leaves it as it was. There is nothing else but the
 * arena: calls with different states and arenas may run at the same time."""


def api_header(lowered: Lowered, model_hash: str, version: str, hop: HopPlan | None = None) -> str:
    """``<name>.h``: how-to, sizes, declarations, and the implementation behind a macro.

    Args:
        lowered: the network.
        model_hash: of its model.
        version: of akrt.
        hop: how ``<name>_run_hop`` computes; None: there is none.
    """
    model, name = lowered.model, lowered.name
    upper = name.upper()
    x, y, c = model.output_shape
    output, state = output_in_c(lowered), state_parameter(model)
    how_to = _HOW_TO.format(
        name=name,
        upper=upper,
        input_note=_input_note(model),
        output_note=output.note,
        output_type=output_type(model),
        number_note=number_note(model),
        state_use=_STATE_USE.format(name=name, upper=upper) if model.stateful else "",
        state_given=state_argument(model),
        state_note=_STATE_NOTE.format(name=name) if model.stateful else _NO_STATE,
    )
    sizes = {
        "FORMAT_VERSION": str(FORMAT_VERSION),
        "INPUT_BYTES": str(input_bytes(model) * math.prod(model.input_shape)),
        "OUTPUTS": str(x * y * c),
        "CLASSES": str(c),
        "LAYERS": str(len(model.layers)),
        "MODEL_ID": f"0x{model_hash[:8]}u",
        "ARENA_BYTES": str(max(lowered.arena.bytes, 8)),
        **({"STATE_BYTES": str(state_bytes(model))} if model.stateful else {}),
        "LINES": str(model.input_shape[0]),
        "LINE_BYTES": str(input_bytes(model) * math.prod(model.input_shape[1:])),
        "LINES_ARENA_BYTES": str(line_feed(lowered).bytes),
    }
    defines = "".join(f"#define {upper}_{key} {value}\n" for key, value in sizes.items())
    return f"""\
/* {name}: a quantised network exported by akrt {version}.
 *
{how_to}
 */
#ifndef {upper}_H
#define {upper}_H

#include <stdint.h>

#define {upper}_AKRT_VERSION {string(version)}
#define {upper}_MODEL_SHA256 {string(model_hash)}
{defines}
{_size_check(lowered, hop)}#ifdef __cplusplus
extern "C" {{
#endif

/* One inference. input: {upper}_INPUT_BYTES; output: {upper}_OUTPUTS {output.elements}; arena:
 * {upper}_ARENA_BYTES, aligned as words are, contents irrelevant before and after.
 * Returns 0, -1 for a null or misaligned pointer, -2 for input values out of range. */
int {name}_run(const {input_type(model)} *input, {output_type(model)} *output, {state}void *arena);
{_state_interface(lowered)}{hop_interface(hop)}
{line_feed_declarations(lowered)}{output.declarations}
#ifdef {upper}_LAYER_HASHES
/* Yours to define: gets the FNV-1a hash of every layer's output, for tests. */
void {name}_on_layer(int32_t layer, uint32_t hash);
#endif

#ifdef __cplusplus
}}
#endif
#endif

{_implementation(lowered, hop)}"""


def _state_interface(lowered: Lowered) -> str:
    if not lowered.model.stateful:
        return ""
    name, upper = lowered.name, lowered.name.upper()
    return f"""\

/* Makes a state of {upper}_STATE_BYTES, aligned as words are, that of a network that remembers
 * nothing: before its first inference, and whenever what comes has nothing to do with what was.
 * Returns 0, or -1 for a null or misaligned pointer. */
int {name}_reset(void *state);
"""


def _size_check(lowered: Lowered, hop: HopPlan | None) -> str:
    """Stops the compilation on a core of 16 bits whose objects cannot be so large."""
    largest = max(_largest_object(lowered), 0 if hop is None else hop.kept_bytes)
    if largest <= _INT16_MAX:
        return ""
    return f"""\
#if defined(PTRDIFF_MAX) && PTRDIFF_MAX < {largest}
#error "{lowered.name} has an array of {largest} bytes, more than this core can address at once."
#endif

"""


def _largest_object(lowered: Lowered) -> int:
    """Bytes of the largest array that a caller gives or the network has."""
    model = lowered.model
    arena, outputs = max(lowered.arena.bytes, 8), 4 * math.prod(model.output_shape)
    constants = (c.bytes for c in lowered.constants)
    inputs = input_bytes(model) * math.prod(model.input_shape)
    return max(arena, outputs, inputs, state_bytes(model), *constants)


def weights_header(lowered: Lowered) -> str:
    """``<name>_weights.h``: every constant array."""
    upper = lowered.name.upper()
    texts = (c.text for c in (*lowered.constants, *output_in_c(lowered).constants))
    body = in_sections("\n".join(texts), f"{upper}_CONST")
    return f"""\
/* Constants of {lowered.name}; how they are packed is in akrt's OUTPUT_FORMAT.md.
 * Included by {lowered.name}.h after {lowered.name}_kernels.h. */
#ifndef {upper}_WEIGHTS_H
#define {upper}_WEIGHTS_H

{body}
#endif
"""


def kernels_header(lowered: Lowered, version: str, hop: HopPlan | None = None) -> str:
    """``<name>_kernels.h``: the kernels that the program calls, and nothing else."""
    stems = ["akrt_static_assert", "akrt_tick", "akrt_misaligned", *lowered.kernels]
    stems += range_kernels(lowered.model)
    stems += [*(() if hop is None else hop.kernels), *output_in_c(lowered).kernels]
    layouts = {step.target.layout for step in lowered.steps if step.ends_layer}
    if any(step.stages for step in lowered.steps):
        layouts.add("lines")
    hashes = amalgamate(f"akrt_hash_{_HASHED[layout]}" for layout in sorted(layouts))
    return f"""\
/* akrt {version}: the integer kernels that {lowered.name} needs.
 * Licence: Apache-2.0. Every kernel has its own guard: those of several exports of the same version
 * of akrt may meet in one source file. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

{same_version(f"{lowered.name}.c")}
{section_macros(lowered.name.upper())}
{in_sections(amalgamate(stems))}
#if defined({lowered.name.upper()}_LAYER_HASHES)
{in_sections(hashes)}#endif
"""


def source_file(lowered: Lowered) -> str:
    """``<name>.c``: the implementation as a translation unit."""
    return (
        f"/* The implementation of {lowered.name}. */\n"
        f"#define {lowered.name.upper()}_IMPLEMENTATION\n"
        f'#include "{lowered.name}.h"\n'
    )


def _input_note(model: Model) -> str:
    x, y, c = model.input_shape
    note = f"{x} x {y} x {c} {input_note(model)}"
    if model.preprocessing is not None:
        note += f":\n * {comment(model.preprocessing.text)}"
    return note + "."


def _implementation(lowered: Lowered, hop: HopPlan | None) -> str:
    name, model = lowered.name, lowered.model
    upper = name.upper()
    texts = [_step_text(lowered, i, step) for i, step in enumerate(lowered.steps)]
    by_lines = line_feed(lowered).first is not None
    body, after = "".join(texts[:1] if by_lines else texts), "".join(texts[1:])
    pipelines = pipeline_functions(lowered)
    if by_lines:
        pipelines += f"""\
/* What follows the first lines. */
AKRT_CODE static void {name}_after_lines(int32_t *output, void *arena) {{
{_named(after)}    (void)output;
    (void)arena;
{after}}}

"""
        body += f"    {name}_after_lines(output, arena);\n"
    by_hops = ""
    if hop is not None:
        by_hops = hop_function(
            hop,
            "".join(
                _step_text(lowered, i, step, hop.call(i), hop.place(i))
                for i, step in enumerate(lowered.steps)
            ),
        )
    checks = range_check(model, name, "input", f"{upper}_INPUT_BYTES")
    given, made = input_type(model), output_type(model)
    state = state_parameter(model)
    pointers, absent = "(uintptr_t)arena | (uintptr_t)output", ""
    if given == "float":
        pointers += " | (uintptr_t)input"
    if model.stateful:
        pointers += " | (uintptr_t)state"
        absent = " state == NULL ||"
    return f"""\
#if defined({upper}_IMPLEMENTATION) && !defined({upper}_IMPLEMENTED)
#define {upper}_IMPLEMENTED

#if defined({upper}_TICK) && defined(AKRT_TICK_IS_TAKEN)
#error "Define AKRT_TICK() too: the kernels of the networks in this source file are shared."
#elif defined({upper}_TICK) && !defined(AKRT_TICK)
#define AKRT_TICK() {upper}_TICK(-1)
#define AKRT_TICK_IS_TAKEN
#endif

#include "{name}_kernels.h"
#include "{name}_weights.h"

{network_assertions(lowered)}
#ifndef {upper}_TICK
#define {upper}_TICK(layer) AKRT_TICK()
#endif

{pipelines}AKRT_CODE int {name}_run(const {given} *input, {made} *output, {state}void *arena) {{
{_named(body)}    if (input == NULL || output == NULL || arena == NULL ||{absent}
        akrt_misaligned({pointers})) {{
        return -1;
    }}
{checks}{body}    return 0;
}}
{_reset(lowered)}
{line_feed_functions(lowered)}{by_hops}{output_in_c(lowered).functions}#endif
"""


def _reset(lowered: Lowered) -> str:
    if not lowered.model.stateful:
        return ""
    name, upper = lowered.name, lowered.name.upper()
    return f"""
AKRT_CODE int {name}_reset(void *state) {{
    uint32_t *const words = (uint32_t *)state;
    if (state == NULL || akrt_misaligned((uintptr_t)state)) {{
        return -1;
    }}
    for (int32_t i = 0; i < {upper}_STATE_BYTES / 4; i++) {{
        words[i] = 0;
        AKRT_TICK_AT(i);
    }}
    return 0;
}}
"""


def _named(body: str) -> str:
    """Declarations of what statements use of the arena and the state."""
    text = "    uint8_t *arena_bytes = (uint8_t *)arena;\n" if "arena_bytes" in body else ""
    if "arena_words" in body:
        text += "    int32_t *arena_words = (int32_t *)arena;\n"
    if "state_bytes" in body:
        text += "    uint8_t *state_bytes = (uint8_t *)state;\n"
    return text


def _step_text(
    lowered: Lowered, index: int, step: Step, calls: str | None = None, value: str | None = None
) -> str:
    """A step as C text; `calls` and `value`, the place of its output: of another plan."""
    upper = lowered.name.upper()
    layer = lowered.model.layers[step.layer]
    value = lowered.place(step.target) if value is None else value
    if calls is None:
        reads = map(lowered.place, step.sources)
        calls = f"    {step.call(*reads, value, lowered.scratch(index))}\n"
    title = comment(f"{step.layer}: {layer.name}, {layer.kind}")
    if step.stages:
        first = step.stages[0].layer
        title = f"{first} to {step.layer}" if first < step.layer else title
    text = f"    /* {title} */\n{calls}"
    if step.ends_layer:
        text += f"#ifdef {upper}_LAYER_HASHES\n"
        text += f"    {lowered.name}_on_layer({step.layer}, {_hash_call(step, value)});\n"
        text += f"#endif\n    {upper}_TICK({step.layer});\n"
    return text


def _hash_call(step: Step, value: str) -> str:
    tensor = step.target
    if tensor.layout == "rows":
        x, y, c = tensor.shape
        return f"akrt_hash_rows({value}, {x}, {y}, {c}, {padded_channels(c)})"
    if tensor.layout == "lines":
        _, y, c = tensor.shape
        return f"akrt_hash_line(AKRT_HASH_START, {value}, {y}, {c}, 0)"
    if tensor.layout == "words" and not tensor.external:
        value = f"(const int32_t *)(const void *)({value})"
    return f"akrt_hash_{tensor.layout}({value}, {tensor.elements})"
