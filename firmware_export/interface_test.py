"""A program that calls what the test vectors do not: labels, and the chip's hook."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_export.manifest import Entry

__all__ = ["INTERFACE_MESSAGES", "InterfaceTest", "interface_test"]

INTERFACE_MESSAGES = {
    1: "the header is of another network than the manifest",
    2: "a label differs",
    3: "a label beyond the last is not empty",
    4: "the chip's program differs from the manifest",
    5: "the chip's program is of another network",
    6: "the chip's answer does not come through",
    7: "the chip was not given program, input and board",
    8: "without a chip, or with one that fails, the network does not answer",
    9: "the fallback's outputs differ",
    10: "a null pointer is not refused",
}


@dataclass(frozen=True)
class InterfaceTest:
    """A program that returns 0, or one of `INTERFACE_MESSAGES`."""

    stem: str
    """Of its file; ``<STEM>_MAIN`` need not be defined."""
    source: str
    parts: tuple[str, ...]
    """What it tests: labels, chip."""


def interface_test(name: str, entry: Entry) -> InterfaceTest | None:
    """The test of an export's labels and chip; None: it has neither."""
    parts = []
    declarations, body = "", ""
    if entry.labels is not None:
        parts.append("labels")
        declarations += _label_data(entry.labels)
        body += _label_calls(name, len(entry.labels))
    if entry.program is not None:
        parts.append("chip")
        declarations += _chip_hooks(name)
        body += _chip_calls(name, entry)
    if not parts:
        return None
    upper = name.upper()
    includes = ""
    if entry.program is not None:
        includes = f'#include "{name}_chip.h"\n#include "{name}_vectors.h"\n'
        if f"{name}_program.c" in entry.files:
            includes += f'#include "{name}_program.c"\n'
    return InterfaceTest(
        stem=f"{name}_interface_test",
        source=f"""\
#define {upper}_IMPLEMENTATION
#include "{name}.h"
{includes}#include <string.h>

{declarations}int main(void) {{
    if (strcmp({upper}_MODEL_SHA256, "{entry.model_sha256}") != 0) {{
        return 1;
    }}
{body}    return 0;
}}
""",
        parts=tuple(parts),
    )


def _label_data(labels: tuple[str, ...]) -> str:
    # an export drops zero bytes, which would end a text
    texts = [(*label.replace("\0", "").encode(), 0) for label in labels]
    rows = "".join(f"    {' '.join(f'{byte},' for byte in text)}\n" for text in texts)
    return f"static const uint8_t labels[] = {{\n{rows}}};\n\n"


def _label_calls(name: str, count: int) -> str:
    return f"""\
    {{
        const char *wanted = (const char *)labels;
        for (int32_t i = 0; i < {count}; i++) {{
            if (strcmp({name}_label(i), wanted) != 0) {{
                return 2;
            }}
            wanted += strlen(wanted) + 1;
        }}
        if (*{name}_label(-1) != 0 || *{name}_label({count}) != 0) {{
            return 3;
        }}
    }}
"""


def _chip_hooks(name: str) -> str:
    upper = name.upper()
    arguments = (
        "void *board, const uint8_t *program, size_t bytes, const uint8_t *input, int32_t *to"
    )
    return f"""\
static uint32_t arena[{upper}_ARENA_BYTES / 4];
static int32_t output[{upper}_OUTPUTS];
static int calls, wrong;

static int answers({arguments}) {{
    calls++;
    wrong += board != (void *)&calls || program != {name}_program ||
             bytes != {upper}_PROGRAM_BYTES || input != {name}_vector_inputs || to != output;
    for (int32_t i = 0; i < {upper}_OUTPUTS; i++) {{
        to[i] = {name}_vector_outputs[i] ^ 1;
    }}
    return 0;
}}

static int fails({arguments}) {{
    answers(&calls, program, bytes, input, to);
    return board == NULL;
}}

"""


def _chip_calls(name: str, entry: Entry) -> str:
    upper, facts = name.upper(), entry.program
    assert facts is not None
    return f"""\
    {{
        const {name}_chip good = {{answers, &calls}}, bad = {{fails, NULL}}, none = {{NULL, NULL}};
        const {name}_chip *without[3];
        without[0] = NULL;
        without[1] = &bad;
        without[2] = &none;
        if ({upper}_PROGRAM_BYTES != {facts.bytes}) {{
            return 4;
        }}
        if (strcmp({upper}_PROGRAM_MODEL_SHA256, {upper}_MODEL_SHA256) != 0 ||
            strcmp({upper}_PROGRAM_MODEL_SHA256, "{facts.model_sha256}") != 0) {{
            return 5;
        }}
        if ({name}_infer(&good, {name}_vector_inputs, output, arena) != {upper}_FROM_CHIP) {{
            return 6;
        }}
        for (int32_t i = 0; i < {upper}_OUTPUTS; i++) {{
            if (output[i] != ({name}_vector_outputs[i] ^ 1)) {{
                return 6;
            }}
        }}
        if (calls != 1 || wrong != 0) {{
            return 7;
        }}
        for (int32_t n = 0; n < 3; n++) {{
            if ({name}_infer(without[n], {name}_vector_inputs, output, arena) !=
                {upper}_COMPUTED_HERE) {{
                return 8;
            }}
            for (int32_t i = 0; i < {upper}_OUTPUTS; i++) {{
                if (output[i] != {name}_vector_outputs[i]) {{
                    return 9;
                }}
            }}
        }}
        if ({name}_infer(&good, NULL, output, arena) >= 0 || calls != 2 || wrong != 0) {{
            return 10;
        }}
    }}
"""
