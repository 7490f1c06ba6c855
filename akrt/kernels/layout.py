"""C structures as bytes, from objects with attributes of the same names.

A structure that has a ``kind`` and a union ``of`` is written from one object: the object's ``kind``
names the enumerator and the member of the union, whose fields are the object's other attributes.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Field", "Image", "Layout", "Struct"]

Array = npt.NDArray[Any]


class Field:
    """A member of a structure, and where it lies."""

    def __init__(self, member: tuple[str, str, bool, int], offset: int) -> None:
        self.name, self.kind, self.pointer, self.length = member
        self.offset = offset


class Struct:
    """A structure or union."""

    def __init__(self, size: int, fields: tuple[Field, ...]) -> None:
        self.size = size
        self.fields = {field.name: field for field in fields}


class Layout(NamedTuple):
    """What the C compiler made of all structures."""

    structs: dict[str, Struct]
    enums: dict[str, dict[str, int]]
    sizes: dict[str, int]
    """Bytes of every scalar type; of a pointer under ``*``."""

    def image(self, struct: str, value: Any) -> Image:
        """`value` as the C structure `struct`.

        What is None stays 0. `value` has an attribute for every member.

        Raises:
            ValueError: an array is not of the type that C reads, or a number does not fit.
        """
        image = Image(bytearray(self.structs[struct].size), {})
        self._write(struct, value, image, 0)
        return image

    def numbers(self, struct: str, data: bytes) -> dict[str, int]:
        """What the integers of a C structure, given by its bytes, are; pointers are left out."""
        found = {}
        for field in self.structs[struct].fields.values():
            if not field.pointer and field.kind in self.sizes:
                end = field.offset + self.sizes[field.kind]
                signed = field.kind.startswith("int")
                found[field.name] = int.from_bytes(
                    data[field.offset : end], sys.byteorder, signed=signed
                )
        return found

    def _write(self, struct: str, value: Any, image: Image, at: int) -> None:
        fields = self.structs[struct].fields
        if fields.keys() == {"kind", "of"}:
            kind = "none" if value is None else value.kind
            self._put(fields["kind"], self.enums[fields["kind"].kind][kind], image, at)
            member = self.structs[fields["of"].kind].fields.get(kind)
            if member is not None:
                self._write(member.kind, value, image, at + fields["of"].offset)
            return
        for field in fields.values():
            given = getattr(value, field.name)
            if given is None:
                continue
            if not field.pointer and field.kind in self.structs:
                self._write(field.kind, given, image, at + field.offset)
            else:
                self._put(field, given, image, at)

    def _put(self, field: Field, value: Any, image: Image, at: int) -> None:
        at += field.offset
        if isinstance(value, np.ndarray):
            wanted = field.kind.removesuffix("_t")
            if not field.pointer or value.dtype != wanted or not value.flags.c_contiguous:
                raise ValueError(f"{field.name}: expected {wanted}, got an array of {value.dtype}")
            image.arrays[at] = value
            return
        size = self.sizes["*" if field.pointer else field.kind]
        for i, number in enumerate(value if field.length > 1 else (value,)):
            try:
                data = int(number).to_bytes(
                    size, sys.byteorder, signed=field.kind.startswith("int") and not field.pointer
                )
            except OverflowError:
                raise ValueError(f"{field.name}: {number} is no {field.kind}") from None
            image.data[at + i * size : at + (i + 1) * size] = data


class Image(NamedTuple):
    """Bytes of a structure, and by offset the arrays that its pointers are to point to."""

    data: bytearray
    arrays: dict[int, Array]
