"""Random networks of Akida 2.0 with memory: those that buffer inputs, with layers of every kind
around them, and recurrent ones.

The input is of steps in time; its first sample is an end of the range throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from akida2_networks import LARGEST, _Draw
from hypothesis import strategies as st

from akrt.lowering.arithmetic import run_node
from akrt.model import (
    BufferTempConv,
    DepthwiseBufferTempConv,
    Dequantizer,
    Model,
    PicoPostProcessing,
    Quantizer,
    ScaledLayer,
    SignedInputData,
    StatefulRecurrent,
)

STEPS = 16
"""Samples that calibrate a network."""


def temporal_network(seed: int) -> tuple[Model, np.ndarray]:
    """A network that buffers inputs, and an input for it."""
    while True:  # layers that may be drawn need not be
        model, x = _Buffering(np.random.default_rng(seed)).network()
        if model.stateful:
            return model, x
        seed += 1 << 40


def recurrent_network(seed: int, compares: bool | None = None) -> tuple[Model, np.ndarray]:
    """A recurrent network, and an input for it.

    Args:
        seed: its number.
        compares: whether it ends in a comparison with its input; None: every fourth does.
    """
    rng = np.random.default_rng(seed)
    return _Recurring(rng, seed % 4 == 1 if compares is None else compares).network()


def networks_with_memory() -> st.SearchStrategy[tuple[Model, np.ndarray]]:
    """Of every kind."""
    seeds = st.integers(0, 2**32 - 1)
    compared = seeds.map(lambda seed: recurrent_network(seed, compares=True))
    return st.one_of(seeds.map(temporal_network), seeds.map(recurrent_network), compared)


def pieces(x: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The samples of `x` in order, in calls of 1 to 70."""
    start = 0
    while start < len(x):
        count = int(rng.integers(1, 71))
        yield x[start : start + count]
        start += count


class _Buffering(_Draw):
    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, usual=False)

    def _samples(self) -> int:
        return STEPS

    def _next(self, at: str) -> str:
        x, y, channels = self._shape(at)
        if x * y * channels * 10 > LARGEST * 4 or self._chance(0.4):
            return super()._next(at)
        return self._buffered(at)

    def _buffered(self, at: str) -> str:
        channels = self._shape(at)[2]
        steps, shift = int(self.rng.integers(2, 11)), self._shifts(channels)
        layer: ScaledLayer
        if self._chance(0.5):
            filters = self._pick(1, 2, 4, 8, 17)
            settings = self._of_8_bits((steps, channels, filters), filters)
            layer = BufferTempConv(name=self._name(), input_shift=shift, **settings)
        else:
            settings = self._of_8_bits((steps, channels), channels)
            layer = DepthwiseBufferTempConv(name=self._name(), input_shift=shift, **settings)
        return self._calibrated(layer, (at,))

    def _of_8_bits(self, shape: tuple[int, ...], filters: int) -> dict[str, Any]:
        return {**self._scaled(shape, filters), "weights_bits": 8}


class _Recurring(_Buffering):
    def __init__(self, rng: np.random.Generator, compares: bool) -> None:
        super().__init__(rng)
        self.compares = compares

    def _samples(self) -> int:
        return 4

    def network(self) -> tuple[Model, np.ndarray]:
        at, x = self._entrance()
        count = int(self.rng.integers(1, 4))
        if self.compares:
            return self._compared(at, count), x
        for i in range(count):
            at = self._recurrent(at, last=i == count - 1)
        if self._chance(0.4):
            scales = self.rng.normal(0, 0.1, self._shape(at)[2]).astype(np.float32)
            self._add(Dequantizer(name="out", scales=scales), at)
        return Model(tuple(self.layers), inputs=self.inputs), x

    def _entrance(self) -> tuple[str, np.ndarray]:
        shape = (1, int(self._pick(1, 2, 4, 6, 12)), int(self.rng.integers(1, 9)))
        bits = 16 if self.compares else int(self._pick(5, 8, 8, 11, 16, 16, 16))
        data = SignedInputData("data", shape, bits)
        if bits != 8 or self._chance(0.5):
            x = Model((data,)).noise(self.rng, self._samples())
            entry = data.entry
            x[0] = self._pick(entry.low, entry.high)
            self.made[self._add(data)] = x
            return "data", x
        scales = np.exp2(self.rng.uniform(-3, 8, shape[2])).astype(np.float32)
        zeros = np.zeros(shape[2], np.uint8)
        entrance = Quantizer(
            name="quantizer", input_shape=shape, scales=scales, zero_points=zeros,
            output_signed=True,
        )  # fmt: skip
        x = Model((entrance,)).noise(self.rng, self._samples())
        at = self._add(entrance)
        self.made[at] = run_node(self.nodes[at], x)
        return self._add(data, at), x

    def _compared(self, data: str, count: int) -> Model:
        """A prediction of the input, and whether it is far from it."""
        rng, channels, at = self.rng, self._shape(data)[2], data
        for i in range(count):
            last = i == count - 1
            at = self._recurrent(at, last, as_large=channels if last else 0, apart=True)
        predicted, shift = self.made[at].astype(np.float64), rng.integers(-31, -8, channels)
        reach = np.maximum(np.abs(predicted).max((0, 1, 2)), 1)
        scales = np.clip(rng.uniform(0.3, 1.5) * 2.0 ** (15 - shift) / reach, 0, 65535)
        layer = PicoPostProcessing(
            name="apart",
            input_scales=scales.astype(np.uint16),
            input_shift=shift.astype(np.int8),
            threshold=np.zeros(channels, np.uint16),
            buffer_bits=self._pick(44, 44, 32, 36),
        )
        sources = (at, data) if self._chance(0.5) else (data, at)
        wanted = np.zeros(channels, np.uint16)
        for bit in range(15, -1, -1):  # the median of the distances
            higher = wanted | np.uint16(1 << bit)
            far = self._output(replace(layer, threshold=higher), sources, None)
            wanted = np.where(far.mean((0, 1, 2)) >= 0.5, higher, wanted)
        self._add(replace(layer, threshold=wanted), *sources)
        return Model(tuple(self.layers), inputs=self.inputs)

    def _recurrent(self, at: str, last: bool, as_large: int = 0, apart: bool = False) -> str:
        rng, (_, steps, channels) = self.rng, self._shape(at)
        states, filters = int(rng.integers(1, 9)), as_large or self._pick(1, 2, 4, 8)
        settings = self._of_8_bits((states, filters), filters)
        bits = [20, 28, 32] if as_large else [8, 16, 28, 32, 4] if last else [8, 8, 16, 4, 5]
        settings["output_bits"] = self._pick(*bits)
        settings["buffer_bits"] = self._pick(28, 28, 32, int(rng.integers(8, 33)))
        if settings["post_op_buffer_bits"] < 16:
            settings["post_op_buffer_bits"] = 32
        widths = [n for n in (16, 16, 16, 20, 24, 32) if n <= settings["post_op_buffer_bits"]]
        divisors = [n for n in range(1, steps + 1) if not steps % n]
        # numbers that turn and fade, or that grow until they saturate
        radius = rng.uniform(0.8, 1.0 if self._chance(0.7) else 1.3, states)
        angle = rng.uniform(-np.pi, np.pi, states)
        shift = rng.integers(7, 15, states)
        turned = radius * np.exp(1j * angle) * 2.0**shift
        wide = max(int(np.abs(self.made[at].astype(np.float64)).max()), 1)
        down = int(np.log2(wide * 128 * channels)) - rng.integers(10, 20, states)
        if self._chance(0.1):  # whatever a file may hold
            shift, down = rng.integers(-31, 32, states), rng.integers(-31, 32, states)
        layer = StatefulRecurrent(
            name=self._name(),
            input_shift=self._shifts(channels),
            in_proj=rng.integers(-128, 128, (channels, states)).astype(np.int8),
            a_real=turned.real.clip(-32768, 32767).astype(np.int16),
            a_imag=turned.imag.clip(-32768, 32767).astype(np.int16),
            new_state_scale=rng.integers(0, 256, states).astype(np.uint8),
            new_state_shift=np.clip(shift - down, -31, 31).astype(np.int8),
            internal_state_outputs_shift=(-shift).clip(-31, 31).astype(np.int8),
            subsample=1 if apart else self._pick(1, 1, *divisors),
            internal_state_bits=self._pick(*widths),
            **settings,
        )
        return self._calibrated(layer, (at,))
