"""Activations of a layer as the firmware's kernels compute them: one multiply-add where exact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from akrt.lowering.requantisation import (
    MulAdd,
    NarrowMulAdd,
    bisection,
    solve,
)
from akrt.model import NeuralLayer

__all__ = [
    "Activation",
    "Form",
    "Requantisation",
    "bisect_constants",
    "muladd_constants",
    "narrow_constants",
]

Wide = npt.NDArray[np.int64]


class Form(Enum):
    """How a potential becomes an activation: the enumerators of akrt_activation_form."""

    POTENTIALS = "AKRT_FORM_POTENTIALS"
    THRESHOLD = "AKRT_FORM_THRESHOLD"
    BISECTION = "AKRT_FORM_BISECTION"
    LEVELS = "AKRT_FORM_LEVELS"
    MULADD = "AKRT_FORM_MULADD"
    MULADD16 = "AKRT_FORM_MULADD16"
    HIGH_WORD = "AKRT_FORM_HIGH_WORD"


@dataclass(frozen=True)
class Activation:
    """An akrt_activation; its text is the initialiser."""

    form: Form = Form.POTENTIALS
    shift: int = 0
    bits: int = 0
    without_long: Form | None = None
    """The form on cores without a long multiplication, if it is another one there."""

    def __str__(self) -> str:
        form = self.form.value
        if self.without_long is not None:
            form = f"AKRT_LONG_MULTIPLY ? {form} : {self.without_long.value}"
        return f"{{{form}, {self.shift}, {self.bits}}}"


@dataclass(frozen=True)
class Requantisation:
    """Constants of the activation of a layer."""

    constants: Wide
    form: Form
    shift: int = 0
    addend_bits: int | None = None
    """Zeros below the addends of `Form.MULADD16`."""
    without_long: Wide | None = None
    """Of bisection, for cores without a long multiplication, where `form` asks for one."""

    def activation(self, bits: int | None) -> Activation:
        """What the kernel is told of it."""
        other = None if self.without_long is None else Form.BISECTION
        return Activation(self.form, self.shift, bits or 0, other)

    @property
    def title(self) -> str:
        """What it is, for people."""
        titles = {
            Form.MULADD: "multiply-add",
            Form.MULADD16: "16-bit multiply-add",
            Form.HIGH_WORD: "high word of multiply-add",
        }
        if self.form not in titles:
            return "bisection"
        return f"{titles[self.form]}, shift {self.shift}"


def bisect_constants(layer: NeuralLayer, reach: int) -> Wide | None:
    """(F, 2): threshold and step for bisection; None where 32 bits could overflow."""
    found = bisection(layer, reach)
    return None if found is None else np.stack(found, axis=1)


def muladd_constants(
    layer: NeuralLayer, low: Wide, high: Wide, high_word: bool = False
) -> tuple[Wide, Form, int] | None:
    """((F, 2) of factor and addend, form, shift), exact for every potential in ``low..high``.

    Args:
        layer: with an activation of 4 bits.
        low: smallest potential of every filter, (F,).
        high: largest.
        high_word: only the form with the high word is of use.

    Returns:
        The constants, `Form.MULADD` or `Form.HIGH_WORD`, and the shift; None if none serves all
        filters without leaving 32 bits.
    """
    assert layer.act_bits == 4
    for in_high_word in (True,) if high_word else (False, True):
        found = solve(MulAdd(layer, low, high, in_high_word), layer.firing_levels, low, high)
        if found is not None:
            constants = np.stack([found.factors, found.addend], axis=1)
            return constants, Form.HIGH_WORD if in_high_word else Form.MULADD, found.setting[0]
    return None


def narrow_constants(layer: NeuralLayer, low: Wide, high: Wide) -> tuple[Wide, int, int] | None:
    """`muladd_constants` of 16 bits: ((F, 2) of factor and addend, shift, bits), or None.

    The activation is ``(P * factor + (addend << bits)) >> shift``, clipped.
    """
    assert layer.act_bits == 4
    found = solve(NarrowMulAdd(layer, low, high), layer.firing_levels, low, high)
    if found is None:
        return None
    shift, bits = found.setting
    return np.stack([found.factors, found.addend], axis=1), shift, bits
