"""What the caller of an export gives and gets: C types, and the check of the input's range."""

from __future__ import annotations

from akrt.lowering.operations import operation
from akrt.lowering.scaled_operations import Quantisation
from akrt.model import Model

__all__ = [
    "input_bytes",
    "input_note",
    "input_type",
    "number_note",
    "output_type",
    "quantisation",
    "range_check",
    "range_kernels",
]

_RANGES = {
    "uint8": "akrt_in_range",
    "int8": "akrt_in_signed_range",
    "int16": "akrt_in_half_range",
}
_INPUTS = {"uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "float32": "float"}


def input_type(model: Model) -> str:
    """C type of an element of the input."""
    return _INPUTS[model.entry.dtype]


def input_bytes(model: Model) -> int:
    """Of an element of the input."""
    return {"float32": 4, "int16": 2}.get(model.entry.dtype, 1)


def output_type(model: Model) -> str:
    """C type of an element of the output."""
    return "float" if model.gives_floats else "int32_t"


def number_note(model: Model) -> str:
    """Where there are floats: nothing else of the arithmetic is."""
    ends = [
        end
        for end, kind in (("input", input_type(model)), ("output", output_type(model)))
        if kind == "float"
    ]
    if not ends:
        return "no floating point"
    return f"no floating point but that of {' and '.join(ends)}"


def input_note(model: Model) -> str:
    """What the header says of an element of the input, and of their order."""
    quantise = quantisation(model)
    order = "(X, Y, C)"
    if quantise is not None and quantise.channels_first:
        order = "(C, X, Y)"
    if model.entry.dtype == "float32":
        return f"floats, {order}, the last axis fastest, which a Quantizer scales"
    sign = "" if model.entry.dtype == "uint8" else "signed "
    what = "16-bit integers" if model.entry.dtype == "int16" else "bytes"
    return f"{what}, {order}, the last axis fastest, {sign}{model.input_bits}-bit values"


def quantisation(model: Model) -> Quantisation | None:
    """What makes integers of the caller's floats; None: the caller gives integers."""
    does = operation(model.nodes[0])
    return does if isinstance(does, Quantisation) else None


def range_kernels(model: Model) -> tuple[str, ...]:
    """Stems of the C that `range_check` calls."""
    if quantisation(model) is not None:
        return ("akrt_quantisable",)
    if model.input_bits in (8, 16):
        return ()
    return (_RANGES[model.entry.dtype],)


def range_check(model: Model, name: str, given: str, count: str, whole: bool = True) -> str:
    """C that returns -2 where the input is out of range; empty: nothing is.

    Args:
        model: the network.
        name: of the export.
        given: C expression of the elements.
        count: the same of how many they are.
        whole: they are all of the input; only then floats are checked.
    """
    if not range_kernels(model):
        return ""
    (kernel,) = range_kernels(model)
    arguments = f"{given}, {count}, {model.input_bits}"
    if quantisation(model) is not None:
        if not whole:
            return ""
        arguments = f"{given}, {quantised_axes(model)}, {name}_l0_scales"
    return f"    if (!{kernel}({arguments})) {{\n        return -2;\n    }}\n"


def quantised_axes(model: Model) -> str:
    """How the channels of floats lie in memory, as akrt_quantise wants it."""
    quantise = quantisation(model)
    assert quantise is not None
    x, y, channels = quantise.node.output_shape
    outer, inner = (1, x * y) if quantise.channels_first else (x * y, 1)
    return f"{outer}, {channels}, {inner}"
