"""The C of what a network's outputs mean: classes, their names and which one wins."""

from __future__ import annotations

import numpy as np

from akrt.outputs import OUTPUTS, output_of
from firmware_export.c_text import comment
from firmware_export.identifiers import constant_names
from firmware_export.layer_constants import constant
from firmware_export.lowered import Lowered
from firmware_export.step import Constant

__all__ = ["IN_C", "ClassOutput", "output_in_c"]


class ClassOutput:
    """``<name>_predict_class``, ``<name>_label`` and ``<NAME>_CLASS_<LABEL>``."""

    def __init__(self, lowered: Lowered) -> None:
        self._name = lowered.name
        self._model = lowered.model

    @property
    def elements(self) -> str:
        """What the outputs are."""
        return "floats" if self._model.gives_floats else "integers"

    @property
    def note(self) -> str:
        """What the header says of the outputs."""
        x, y, c = self._model.output_shape
        shape = f"{c} {self.elements}" if x == y == 1 else f"{x} x {y} x {c} {self.elements}"
        if self._model.task.kind != "classes":
            return f"{shape}: {self._model.task.text}."
        if self._model.gives_floats:
            return f"{shape}, logits: the largest of classes is the answer."
        if self._model.version == 2:
            return f"{shape}, as the last layer gives them."
        if self._model.final_step is None:
            return f"{shape}, activations."
        return f"{shape}, potentials; the largest is not the class, ask {self._name}_predict_class."

    @property
    def kernels(self) -> tuple[str, ...]:
        """Stems of the C that its functions call."""
        return () if self._model.final_step is None else ("akrt_argmax",)

    @property
    def declarations(self) -> str:
        """For ``<name>.h``."""
        name, labels = self._name, self._model.labels
        text = ""
        if self._model.final_step is not None:
            text += (
                "\n/* Index of the largest (potential - threshold) / act_step among the first\n"
                f" * {name.upper()}_CLASSES outputs, the first of equals. */\n"
                f"int32_t {name}_predict_class(const int32_t *output);\n"
            )
        if labels is not None:
            text += (
                f"\n/* Name of class `index`, UTF-8; an empty text outside "
                f"0..{len(labels) - 1}. */\n"
                f"const char *{name}_label(int32_t index);\n"
            )
            for i, label in enumerate(constant_names(labels)):
                text += f"#define {name.upper()}_CLASS_{label} {i}\n"
        return text

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Thresholds, steps and label texts, for ``<name>_weights.h``."""
        name, labels, final = self._name, self._model.labels, self._model.final_step
        constants: list[Constant] = []
        if final is not None:
            threshold, act_step = final
            mantissa, exponent = np.frexp(act_step)
            constants += [
                constant(f"{name}_final_threshold", "int32_t", threshold, "of the classes"),
                constant(
                    f"{name}_final_step",
                    "uint32_t",
                    (mantissa.astype(np.float64) * (1 << 24)).astype(np.int64)
                    + ((exponent.astype(np.int64) + 40) << 24),
                    "act_step = low 24 bits * 2^(high 8 bits - 64)",
                ),
            ]
        if labels is not None:
            rows = "".join(f"    {_bytes(label)} /* {comment(label)} */\n" for label in labels)
            text = f"static const uint8_t {name}_labels[] = {{\n{rows}}};\n"
            constants.append(Constant(f"{name}_labels", text, sum(map(len, map(_utf8, labels)))))
        return tuple(constants)

    @property
    def constant_bytes(self) -> int:
        """Flash of the constants."""
        return sum(c.bytes for c in self.constants)

    @property
    def functions(self) -> str:
        """The implementation."""
        name, labels = self._name, self._model.labels
        text = ""
        if self._model.final_step is not None:
            text += f"""
AKRT_CODE int32_t {name}_predict_class(const int32_t *output) {{
    return akrt_argmax(output, {name}_final_threshold, {name}_final_step, {name.upper()}_CLASSES);
}}
"""
        if labels is not None:
            text += f"""
AKRT_CODE const char *{name}_label(int32_t index) {{
    const char *label = (const char *){name}_labels;
    if (index < 0 || index >= {len(labels)}) {{
        return label + sizeof {name}_labels - 1;
    }}
    while (index > 0) {{
        if (*label++ == 0) {{
            index--;
        }}
    }}
    return label;
}}
"""
        return text


def _utf8(label: str) -> bytes:
    """UTF-8 and the end; a C string cannot hold a zero."""
    return label.replace("\0", "").encode() + b"\0"


def _bytes(label: str) -> str:
    return " ".join(f"{b}," for b in _utf8(label))


IN_C = dict.fromkeys(OUTPUTS, ClassOutput)
"""By the kind of the output, as in `akrt.outputs`."""


def output_in_c(lowered: Lowered) -> ClassOutput:
    """The C of what the outputs of a program's model mean."""
    return IN_C[output_of(lowered.model).kind](lowered)
