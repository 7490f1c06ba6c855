"""The chip first, the exported network as its fallback."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from akrt.errors import InputError
from akrt.files import read_bytes
from akrt.model import Model
from akrt.model.encoding import content_hash
from firmware_export.c_text import array, string
from firmware_export.lowered import Lowered
from firmware_export.manifest import ChipFacts, chip_facts, digest, parse_json
from firmware_export.sections import section_macros

__all__ = ["ALIGNMENT", "ChipProgram", "chip_files", "read_chip_program"]

ALIGNMENT = 8
"""Of the program in memory, bytes: the widest integer's, so that it can be read in place."""

_MOST_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True)
class ChipProgram:
    """The program of a model for a chip: its bytes, and what ``akrt program`` wrote of them."""

    data: bytes
    manifest: dict[str, Any]

    @property
    def facts(self) -> ChipFacts:
        """What an export records."""
        return chip_facts(self.manifest)


def read_chip_program(program: str | os.PathLike[str] | ChipProgram, model: Model) -> ChipProgram:
    """The program in a file that ``akrt program`` wrote, its manifest beside it.

    Args:
        program: the file, or its bytes and manifest.
        model: that it must be made for.

    Raises:
        InputError: the file or its manifest cannot be read, they do not belong together, or the
            program is another model's.
    """
    if isinstance(program, ChipProgram):
        where, read = "the program", program
    else:
        where = f"'{os.fspath(program)}'"
        data = read_bytes(program)
        read = ChipProgram(data, _read_manifest(Path(program)))
    _check(read, where, model)
    return read


def _read_manifest(program: Path) -> Any:
    # akrt wrote X.json for X.bin before it wrote X.bin.json
    places = [program.with_name(f"{program.name}.json"), program.with_suffix(".json")]
    for path in places:
        if os.path.lexists(path):
            try:
                return parse_json(read_bytes(path, _MOST_MANIFEST_BYTES))
            except ValueError as error:
                raise InputError(f"'{path}' is no manifest of a program: {error}") from None
    raise InputError(
        f"'{program}' has no manifest '{places[0].name}' beside it, which says what network it is "
        f"of: write both with akrt program MODEL -o {program}"
    )


def _check(program: ChipProgram, where: str, model: Model) -> None:
    try:
        facts = program.facts
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"the manifest of {where} is none that akrt program wrote: write both again"
        ) from None
    if not program.data or len(program.data) != facts.bytes:
        raise InputError(
            f"{where} has {len(program.data):,} bytes, its manifest says {facts.bytes:,}: write "
            f"both again with akrt program"
        )
    if digest(program.data) != facts.sha256:
        raise InputError(
            f"{where} does not match the SHA-256 in its manifest: write both again with akrt "
            f"program"
        )
    wanted = content_hash(model)
    if facts.model_sha256 != wanted:
        other = f"'{program.manifest.get('model')}' (SHA-256 {facts.model_sha256[:16]})"
        raise InputError(
            f"{where} is the program of another network, {other}, not of '{model.name}' "
            f"({wanted[:16]}): write one with akrt program"
        )


def chip_files(program: Lowered, chip: ChipProgram) -> dict[str, str]:
    """``<name>_chip.h`` and ``<name>_program.h``."""
    name, upper = program.name, program.name.upper()
    return {
        f"{name}_program.h": _program_header(name, chip),
        f"{name}_program.c": _program_source(name, np.frombuffer(chip.data, np.uint8)),
        f"{name}_chip.h": _chip(name, upper),
    }


def _program_header(name: str, chip: ChipProgram) -> str:
    upper, facts = name.upper(), chip.facts
    return f"""\
/* The Akida program of {name}, as the chip takes it: compile {name}_program.c. */
#ifndef {upper}_PROGRAM_H
#define {upper}_PROGRAM_H

#include <stdint.h>

{section_macros(upper)}
#define {upper}_PROGRAM_BYTES {len(chip.data)}
#define {upper}_PROGRAM_MODEL_SHA256 {string(facts.model_sha256)}
#define {upper}_PROGRAM_MODEL_ID 0x{facts.model_sha256[:8]}u /* {upper}_MODEL_ID */
#define {upper}_PROGRAM_DEVICE {string(facts.device)}
#define {upper}_PROGRAM_HW_VERSION {string(facts.hw_version)}

#ifdef __cplusplus
extern "C" {{
#endif
/* aligned to {ALIGNMENT} */
{upper}_CONST extern const uint8_t {name}_program[{upper}_PROGRAM_BYTES];
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

{upper}_PROGRAM_ALIGNED {upper}_CONST {text}"""


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

#if {upper}_PROGRAM_MODEL_ID != {upper}_MODEL_ID
#error "{name}_program.h is the program of another network than {name}.h."
#endif

#define {upper}_COMPUTED_HERE 0
#define {upper}_FROM_CHIP 1

typedef struct {name}_chip {{
    int (*run)(void *board, const uint8_t *program, size_t program_bytes, const uint8_t *input,
               int32_t *output);
    void *board; /* handed to run() as it is */
}} {name}_chip;

/* chip may be NULL. Returns {upper}_FROM_CHIP or {upper}_COMPUTED_HERE, or a negative number as
 * {name}_run does; the arguments are {name}_run's. */
AKRT_CODE
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
