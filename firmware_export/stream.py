"""Sound in, words out, on the microcontroller: ``<name>_stream.h`` and its implementation.

The C code of the front end, of the loop over hops and of the decision is that of the host: both
detect the same words at the same time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from akrt.decision import FRAME_MS, DecisionRule, StreamSettings, decision_rule
from akrt.errors import UsageError
from akrt.frontends import CFrontEnd, sound_front_end_of
from akrt.lowering.hops import input_rows
from akrt.model import Model
from firmware_export.assertions import stream_assertions
from firmware_export.c_text import array
from firmware_export.incremental import HopPlan, plan_hop
from firmware_export.kernel_sources import amalgamate, same_version
from firmware_export.lowered import Lowered
from firmware_export.sections import in_sections, section_macros
from firmware_export.sizes import DECISION_RULE, stream_state

__all__ = ["c_front_end", "check_spotter", "hop_plan", "stream_files", "stream_memory"]


def c_front_end(model: Model) -> CFrontEnd:
    """The front end of `model` in C.

    Raises:
        UsageError: there is none.
    """
    front_end = sound_front_end_of(model)
    try:
        return front_end.in_c()
    except UsageError as error:
        raise UsageError(f"'{model.name}' cannot be exported with its front end: {error}") from None


def hop_plan(lowered: Lowered, settings: StreamSettings) -> HopPlan:
    """What can be kept from one window to the next."""
    new = settings.every * c_front_end(lowered.model).newest
    return plan_hop(lowered, input_rows(lowered.model.input_shape, new).moved)


def arena_bytes(lowered: Lowered, hop: HopPlan | None = None) -> int:
    """The network's arena, or the scratch of its front end where that is more. With a hop too:
    whoever listens may run a window with the same memory."""
    by_hops = 0 if hop is None else hop.arena_bytes
    return max(lowered.arena.bytes, by_hops, c_front_end(lowered.model).scratch_bytes)


def stream_memory(
    lowered: Lowered, settings: StreamSettings, incremental: bool = False
) -> dict[str, Any]:
    """RAM and constants of the whole spotter, pointers being of 4 bytes, and what a hop costs.

    Args:
        lowered: the network.
        settings: of the stream.
        incremental: what the window before had is not computed again, where that pays.
    """
    classes = lowered.model.output_shape[2]
    front_end, plan = c_front_end(lowered.model), hop_plan(lowered, settings)

    def state(hop: HopPlan | None) -> int:
        kept = 0 if hop is None else hop.kept_bytes
        return stream_state(lowered.name, front_end, classes, settings.window, kept).bytes

    hop = plan if incremental and plan.kept else None
    by_class = 4 + 4 + 1  # threshold, factor, whether it is a word
    return {
        "state_bytes": state(hop),
        "arena_bytes": arena_bytes(lowered, hop),
        "ram_bytes": state(hop) + arena_bytes(lowered, hop),
        "hop": {
            "incremental": hop is not None,
            "whole_ram_bytes": state(None) + arena_bytes(lowered),
            "incremental_ram_bytes": state(plan) + arena_bytes(lowered, plan),
            **plan.facts(),
        },
        "constant_bytes": front_end.constant_bytes + DECISION_RULE.bytes + by_class * classes,
        "hop_ms": settings.hop_ms,
        "window_ms": settings.window_ms,
        "min_count": settings.min_count,
        "threshold": settings.threshold,
        "refractory_ms": settings.refractory_ms,
    }


def stream_files(
    lowered: Lowered, settings: StreamSettings, version: str, hop: HopPlan | None = None
) -> dict[str, str]:
    """``<name>_stream.h``, ``<name>_stream.c`` and ``<name>_stream_kernels.h``.

    Args:
        lowered: the network.
        settings: of the stream.
        version: of akrt.
        hop: how it computes the window of a hop; None: with ``<name>_run``.

    Raises:
        UsageError: as `check_spotter`.
    """
    name = lowered.name
    rule = check_spotter(lowered.model, settings)
    return {
        f"{name}_stream.h": _header(lowered, settings, version, hop),
        f"{name}_stream.c": _source(lowered, settings, rule, hop),
        f"{name}_stream_kernels.h": _kernels(lowered, version),
    }


def check_spotter(model: Model, settings: StreamSettings) -> DecisionRule:
    """The rule by which `model` detects words.

    Raises:
        UsageError: its front end has no C, or it has no logits.
    """
    if model.version == 2:
        raise UsageError(
            f"'{model.name}' is a network of Akida 2.0: a stream is exported with networks of "
            f"Akida 1.0 alone; export this one without --stream, and call <name>_run with windows"
        )
    c_front_end(model)
    return decision_rule(model, settings)


def _kernels(lowered: Lowered, version: str) -> str:
    name, front_end = lowered.name, c_front_end(lowered.model)
    stems = ["akrt_static_assert", "akrt_misaligned"]
    stems += [*front_end.sources, "akrt_listen", "akrt_decision"]
    return f"""\
/* akrt {version}: front end, loop and decision of {name}_stream, the same integers as on the host.
 * Licence: Apache-2.0. Every part has its own guard. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

{same_version(f"{name}_stream.c")}
{section_macros(name.upper())}
{in_sections(amalgamate(stems))}"""


def _header(lowered: Lowered, settings: StreamSettings, version: str, hop: HopPlan | None) -> str:
    name, upper = lowered.name, lowered.name.upper()
    pad = " " * (len(name) + 21)
    front_end = c_front_end(lowered.model)
    alone = f"what uses {name}_stream.h"
    shared = ["akrt_decision_types", "akrt_stream_types"]
    kept = ""
    if hop is not None:
        kept = f"    uint32_t kept[{upper}_KEPT_BYTES / 4]; /* of the last inference */\n"
    return f"""\
/* {name}_stream: 16 kHz sound in, detected words out; exported by akrt {version}.
 *
 *     #include "{name}_stream.h"
 *     static {name}_stream stream;
 *     static uint32_t arena[{upper}_STREAM_ARENA_BYTES / 4];
 *     {name}_stream_start(&stream);
 *     for (;;) {{
 *         ... wait for `count` samples ...
 *         while (count > 0) {{
 *             {name}_detection found;
 *             int32_t taken = {name}_stream_feed(&stream, samples, count, arena, &found);
 *             if (found.word >= 0) {{ ... {name}_label(found.word) ... }}
 *             samples += taken;
 *             count -= taken;
 *         }}
 *     }}
 *
 * Compile {name}.c and {name}_stream.c. How the sound is cut into calls changes nothing. Every
 * {FRAME_MS} ms of sound cost one frame of features; every {settings.hop_ms} ms end with an
 * inference, so let sound collect in the meantime. The sound before the start counts as digital
 * silence. There is no state but `stream`, which must stay where it was started, and `arena`,
 * whose contents between calls do not matter. No heap, no floating point. */
#ifndef {upper}_STREAM_H
#define {upper}_STREAM_H

#include <stdint.h>

#include "{name}.h"

{same_version(alone, shared, "STREAM_TYPES")}
{same_version(alone, [front_end.types], front_end.types.removeprefix("akrt_").upper())}
{amalgamate([front_end.types, *shared])}
#define {upper}_STREAM_SAMPLE_RATE 16000
#define {upper}_STREAM_EVERY {settings.every} /* frames of {FRAME_MS} ms from one inference on */
#define {upper}_STREAM_WINDOW {settings.window} /* inferences that are averaged */
#define {upper}_STREAM_ARENA_BYTES {arena_bytes(lowered, hop)}

#ifdef __cplusplus
extern "C" {{
#endif

typedef struct {name}_stream {{
    {front_end.state} features;
    akrt_decision decision;
    int32_t output[{upper}_OUTPUTS]; /* of the last inference */
    int32_t sums[{upper}_CLASSES];
    int16_t margins[{upper}_STREAM_WINDOW * {upper}_CLASSES];
    akrt_hops hops;
{kept}}} {name}_stream;

typedef struct {name}_detection {{
    int32_t word;    /* its class, or -1: none */
    int32_t score;   /* lead over the next best class on average, in 1/256 logits */
    uint32_t frames; /* of {FRAME_MS} ms from the start of the stream to the decision */
}} {name}_detection;

/* Makes a stream ready; again, to begin anew. */
void {name}_stream_start({name}_stream *stream);

/* Takes samples until a word is detected or `count` are taken. samples: mono, {upper}_STREAM_\
SAMPLE_RATE;
 * arena: {upper}_STREAM_ARENA_BYTES, aligned as words. Returns how many were taken, or -1 for a
 * null or misaligned pointer or a negative count. */
int32_t {name}_stream_feed({name}_stream *stream, const int16_t *samples, int32_t count,
{pad}     void *arena, {name}_detection *found);

#ifdef __cplusplus
}}
#endif
#endif
"""


def _source(
    lowered: Lowered, settings: StreamSettings, rule: DecisionRule, hop: HopPlan | None
) -> str:
    name, upper = lowered.name, lowered.name.upper()
    words = np.asarray(rule.is_word)
    front_end = c_front_end(lowered.model)
    pad = " " * (len(name) + 31)
    window = f"stream->features.{front_end.input}"
    run = f"            (void){name}_run({window}, stream->output, arena);\n"
    if hop is not None:
        inner = " " * (len(name) + 27)
        run = (
            f"            (void){name}_run_hop({window},\n"
            f"{inner}stream->hops.frames == {upper}_STREAM_EVERY,\n"
            f"{inner}stream->output, stream->kept, arena);\n"
        )
    constants = f"""\
{array(f"{name}_rule_threshold", "int32_t", rule.threshold, "of the classes")}
{array(f"{name}_rule_factor", "int32_t", rule.factor, f"256 / act_step * 2^{rule.shift}")}
{array(f"{name}_rule_is_word", "uint8_t", words, "0: never detected")}
/* window, least number of inferences, average margin in 1/256 logits, pause in inferences */
static const akrt_decision_rule {name}_rule = {{
    {name}_rule_threshold, {name}_rule_factor, {name}_rule_is_word, {upper}_CLASSES, {rule.shift},
    {upper}_STREAM_WINDOW, {rule.least}, {rule.score}, {rule.refractory},
}};
"""
    return f"""\
/* The implementation of {name}_stream. */
#include "{name}_stream.h"
#include "{name}_stream_kernels.h"

{in_sections(constants, f"{upper}_CONST")}
{stream_assertions(lowered, c_front_end(lowered.model), settings, hop)}
AKRT_CODE void {name}_stream_start({name}_stream *stream) {{
    {front_end.state}_start(&stream->features);
    akrt_decision_start(&stream->decision, stream->sums, stream->margins);
    akrt_listen_start(&stream->hops, {upper}_STREAM_EVERY);
}}

AKRT_CODE int32_t {name}_stream_feed({name}_stream *stream, const int16_t *samples, int32_t count,
{pad}     void *arena, {name}_detection *found) {{
    int32_t taken = 0;
    if (stream == NULL || samples == NULL || arena == NULL || found == NULL || count < 0 ||
        akrt_misaligned((uintptr_t)arena)) {{
        return -1;
    }}
    found->word = -1;
    while (taken < count && found->word < 0) {{
        taken +=
            akrt_listen({front_end.state}_push, &stream->features, &stream->hops,
                        {upper}_STREAM_EVERY, samples + taken, count - taken, (int32_t *)arena);
        if (stream->hops.wait == 0) {{
{run}            found->word = akrt_decide(&{name}_rule, &stream->decision, stream->output);
            found->score = stream->decision.average;
            found->frames = stream->hops.frames;
        }}
    }}
    return taken;
}}
"""
