"""The chip first, the exported network as its fallback."""

from __future__ import annotations

import numpy as np

from akrt.errors import UsageError
from firmware_export.c_text import array
from firmware_export.program import Program

__all__ = ["ALIGNMENT", "chip_files"]

ALIGNMENT = 8
"""Of the program in memory, bytes: the widest integer's, so that it can be read in place."""


def chip_files(program: Program, chip_program: bytes) -> dict[str, str]:
    """``<name>_chip.h``, ``<name>_program.h`` and ``<name>_program.c``.

    Raises:
        UsageError: the program is empty.
    """
    if not chip_program:
        raise UsageError("the Akida program is empty: write one with model.map(...).program")
    name, upper = program.name, program.name.upper()
    words = np.frombuffer(chip_program, np.uint8)
    return {
        f"{name}_program.h": _program_header(name, words.size),
        f"{name}_program.c": _program_source(name, words),
        f"{name}_chip.h": _chip(name, upper),
    }


def _program_header(name: str, size: int) -> str:
    upper = name.upper()
    return f"""\
/* The Akida program of {name}, as the chip takes it: compile {name}_program.c. */
#ifndef {upper}_PROGRAM_H
#define {upper}_PROGRAM_H

#include <stdint.h>

#define {upper}_PROGRAM_BYTES {size}

#ifdef __cplusplus
extern "C" {{
#endif
extern const uint8_t {name}_program[{upper}_PROGRAM_BYTES]; /* aligned to {ALIGNMENT} */
#ifdef __cplusplus
}}
#endif
#endif
"""


def _program_source(name: str, words: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> str:
    upper = name.upper()
    text = array(f"{name}_program", "uint8_t", words).removeprefix("static ")
    return f"""\
/* The Akida program of {name}, once for the whole firmware. */
#include "{name}_program.h"

#ifndef {upper}_PROGRAM_ALIGNED
#if defined(__GNUC__) || defined(__clang__) || defined(__ICCARM__) || defined(__ARMCC_VERSION)
#define {upper}_PROGRAM_ALIGNED __attribute__((aligned({ALIGNMENT})))
#elif defined(__cplusplus) && __cplusplus >= 201103L
#define {upper}_PROGRAM_ALIGNED alignas({ALIGNMENT})
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define {upper}_PROGRAM_ALIGNED _Alignas({ALIGNMENT})
#elif defined(_MSC_VER)
#define {upper}_PROGRAM_ALIGNED __declspec(align({ALIGNMENT}))
#else
#error "Define {upper}_PROGRAM_ALIGNED: how this compiler aligns a constant to {ALIGNMENT} bytes."
#endif
#endif

{upper}_PROGRAM_ALIGNED {text}"""


def _chip(name: str, upper: str) -> str:
    return f"""\
/* {name}_infer: asks the chip first and computes here when there is none, or when it fails. Both
 * give the same integers.
 *
 *     #include "{name}_chip.h"
 *     static const {name}_chip chip = {{my_run, &my_board}};
 *     if ({name}_infer(&chip, input, output, arena) >= 0) {{ ... }}
 *
 * my_run is the board's: it programs the chip with `program` unless that is done already, sends
 * the input, waits for no longer than the application can bear, and fills `output`. It returns 0
 * for an answer and anything else for none; what it left in `output` is then overwritten.
 * Compile {name}_program.c, which holds the program once for the whole firmware. */
#ifndef {upper}_CHIP_H
#define {upper}_CHIP_H

#include <stddef.h>
#include <stdint.h>

#include "{name}.h"
#include "{name}_program.h"

#define {upper}_COMPUTED_HERE 0
#define {upper}_FROM_CHIP 1

typedef struct {name}_chip {{
    int (*run)(void *board, const uint8_t *program, size_t program_bytes, const uint8_t *input,
               int32_t *output);
    void *board; /* handed to run() as it is */
}} {name}_chip;

/* chip may be NULL. Returns {upper}_FROM_CHIP or {upper}_COMPUTED_HERE, or a negative number as
 * {name}_run does; the arguments are {name}_run's. */
static inline int {name}_infer(const {name}_chip *chip, const uint8_t *input, int32_t *output,
{" " * (len(name) + 25)}void *arena) {{
    if (chip != NULL && chip->run != NULL && input != NULL && output != NULL &&
        chip->run(chip->board, {name}_program, {upper}_PROGRAM_BYTES, input, output) == 0) {{
        return {upper}_FROM_CHIP;
    }}
    return {name}_run(input, output, arena);
}}

#endif
"""
