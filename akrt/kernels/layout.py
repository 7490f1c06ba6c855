"""C structures as bytes, from objects with attributes of the same names.

A structure that has a ``kind`` and a union ``of`` is written from one object: the object's ``kind``
names the enumerator and the member of the union, whose fields are the object's other attributes. An
object with an `Image` of itself as its attribute ``image`` is not written again.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Field", "Image", "Layout", "Struct"]

Array = npt.NDArray[Any]

_CODES = {
    "int8_t": "b",
    "uint8_t": "B",
    "int16_t": "h",
    "uint16_t": "H",
    "int32_t": "i",
    "uint32_t": "I",
    "size_t": "N",
}
"""Of the module struct."""


class Field:
    """A member of a structure, and where it lies."""

    def __init__(self, member: tuple[str, str, bool, int], offset: int) -> None:
        self.name, self.kind, self.pointer, self.length = member
        self.offset = offset
        self.code = "P" if self.pointer else _CODES.get(self.kind)
        """Of the module struct; None for a structure or an enumeration."""


class Struct:
    """A structure or union."""

    def __init__(self, size: int, fields: tuple[Field, ...]) -> None:
        self.size = size
        self.fields = {field.name: field for field in fields}
        self.tagged = self.fields.keys() == {"kind", "of"}


class Layout(NamedTuple):
    """What the C compiler made of all structures."""

    structs: dict[str, Struct]
    enums: dict[str, dict[str, int]]

    def image(self, name: str, value: Any) -> Image:
        """`value` as the C structure `name`.

        What is None stays 0. `value` has an attribute for every member.

        Raises:
            ValueError: an array is not of the type that C reads, or a number does not fit.
        """
        image = Image(bytearray(self.structs[name].size), {})
        self._write(name, value, image, 0)
        return image

    def numbers(self, name: str, data: bytes) -> dict[str, int]:
        """What the integers of a C structure, given by its bytes, are; pointers are left out."""
        return {
            field.name: struct.unpack_from(field.code, data, field.offset)[0]
            for field in self.structs[name].fields.values()
            if field.code is not None and not field.pointer
        }

    def _write(self, name: str, value: Any, image: Image, at: int) -> None:
        declared = self.structs[name]
        if declared.tagged:
            self._write_tagged(declared, value, image, at)
            return
        for field in declared.fields.values():
            given = getattr(value, field.name)
            if given is None:
                continue
            place = at + field.offset
            if isinstance(given, np.ndarray):
                image.arrays[place] = _checked(field, given)
            elif field.code is None:
                made = getattr(given, "image", None)
                if isinstance(made, Image):
                    image.paste(made, place)
                else:
                    self._write(field.kind, given, image, place)
            else:
                _put(field, field.code, given, image, place)

    def _write_tagged(self, declared: Struct, value: Any, image: Image, at: int) -> None:
        tag, union = declared.fields["kind"], declared.fields["of"]
        struct.pack_into("i", image.data, at + tag.offset, self.enums[tag.kind][value.kind])
        member = self.structs[union.kind].fields.get(value.kind)
        if member is not None:
            self._write(member.kind, value, image, at + union.offset)


def _checked(field: Field, array: Array) -> Array:
    wanted = "float32" if field.kind == "float" else field.kind.removesuffix("_t")
    if not field.pointer or array.dtype != wanted or not array.flags.c_contiguous:
        raise ValueError(f"{field.name}: expected {wanted}, got an array of {array.dtype}")
    return array


def _put(field: Field, code: str, value: Any, image: Image, at: int) -> None:
    try:
        if field.length == 1:
            struct.pack_into(code, image.data, at, value)
        else:
            struct.pack_into(f"{field.length}{code}", image.data, at, *value)
    except struct.error:
        raise ValueError(f"{field.name}: {value} is no {field.kind}") from None


class Image(NamedTuple):
    """Bytes of a structure, and by offset the arrays that its pointers are to point to."""

    data: bytearray
    arrays: dict[int, Array]

    def paste(self, part: Image, at: int) -> None:
        """Writes over a part."""
        self.data[at : at + len(part.data)] = part.data
        self.arrays.update({at + offset: array for offset, array in part.arrays.items()})
