"""Networks of Akida 2.0 that stack is measured with: for bench/firmware_stack.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from akida2_builder import AVERAGE, HALVED, Akida2Builder

from akrt.model import Model

__all__ = ["AKIDA2_LIGHT", "akida2_networks"]

AKIDA2_LIGHT = (
    "akrt_akida2_add",
    "akrt_concatenate",
    "akrt_dequantise",
    "akrt_quantise",
    "akrt_widen",
    "akrt_widen_signed",
)
"""Beside other kernels: they take less."""
_NARROW: dict[str, Any] = {"buffer_bits": 12}
"""Sums may saturate: for general kernels."""
_Adds = Callable[[Akida2Builder], object]


def akida2_networks() -> list[Model]:
    """Each kernel once in a network, where a compiler knows its layer, and several times."""
    ways: tuple[_Adds, ...] = (
        lambda b: b.depthwise(),
        lambda b: b.depthwise(5, activation="lut"),
        lambda b: b.conv(10, 1),
        lambda b: b.conv(12, 3),
        lambda b: b.conv(9, 3, activation="lut"),
        lambda b: b.conv(9, 3, pooling=HALVED),
        lambda b: b.conv(9, 3, pooling=AVERAGE),
        lambda b: b.conv(12, 3, shift=1),
        lambda b: b.conv(9, 3, shift=1, pooling=HALVED),
        lambda b: b.conv(9, 3, shift=1, pooling=AVERAGE),
    )
    found = [_network((way,) * times, 8) for way in ways for times in (1, 3)]
    for adds in (ways[3:4], ways[5:7], ways[7:8], ways[8:]):
        found += [_network(adds * times, 4) for times in (1, 2)]
    general: tuple[_Adds, ...] = (
        lambda b: b.conv(9, 3, shift=13),
        lambda b: b.conv(9, 3, shift=13, pooling=HALVED),
        lambda b: b.conv(9, 3, pooling=AVERAGE, **_NARROW),
        lambda b: b.depthwise(3, **_NARROW),
        lambda b: b.depthwise(3, pooling=HALVED),
        lambda b: b.depthwise(3, pooling=AVERAGE, **_NARROW),
        lambda b: b.depthwise(3, shift=13, activation="lut"),
        lambda b: b.transposed(),
        lambda b: b.transposed(6, 4),
        lambda b: b.dense(9, **_NARROW),
    )
    found += [_network((way,) * times, 8) for way in general for times in (1, 2)]
    mixed = [_mixed(bits, shift, pooled) for bits in (8, 4) for shift, pooled in _MIXTURES]
    return [*found, *_others(), *mixed]


_MIXTURES = ((0, False), (0, True), (1, False), (1, True))


def _mixed(bits: int, shift: int, pooled: bool) -> Model:
    """As people have them: drivers that several layers call, and one that the last of them does."""
    b = Akida2Builder(9, bits)
    way = b.image((20, 10, 1 if pooled else 3), 12, 2, kernel=5)
    if shift:
        b.conv(12, 3, shift=shift)
        way = b.conv(12, 3, shift=shift, activation=None)
    if pooled:
        way = b.sum(b.conv(12, 1, activation=None), way) if bits == 8 else way
        b.conv(16, 3, pooling=HALVED)
    for _ in range(2):
        b.separable(16)
    b.separable(16, pooling=AVERAGE)
    b.dense(9, 28)
    b.scores()
    return b.model("stack")


def _network(adds: tuple[_Adds, ...], bits: int) -> Model:
    b = Akida2Builder(len(adds), bits)
    b.data((5, 4, 8), bits)
    for add in adds:
        add(b)
    return b.model("stack")


def _others() -> list[Model]:
    """Of light kernels alone, and an image."""
    found = []
    for floats in (False, True):
        b = Akida2Builder(1)
        _ = b.floats((5, 6, 8)) if floats else b.data((5, 6, 8))
        b.scores()
        found.append(b.model("stack"))
        for summed in (False, True):
            b = Akida2Builder(2)
            way = b.floats((5, 6, 8)) if floats else b.data((5, 6, 8))
            _ = b.sum(way, way) if summed else b.both(way, way)
            found.append(b.model("stack"))
    b = Akida2Builder(4)
    b.image((12, 10, 3), 9, 2, border=7)
    b.scores()
    found.append(b.model("stack"))
    return found
