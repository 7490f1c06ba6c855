"""Networks of Akida 2.0 with random weights, calibrated layer by layer on noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from akrt.lowering.arithmetic import run_node
from akrt.model import (
    AnyLayer,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense1D,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    Dequantizer,
    InputConv2D,
    InputData,
    Model,
    Node,
    Pooling,
    Quantizer,
    Shape,
    ShiftedAdd,
    SignedInputData,
)
from akrt.model.node import connect

__all__ = ["AVERAGE", "HALVED", "Akida2Builder"]

AVERAGE = Pooling("average")
HALVED = Pooling("max", (2, 2), (2, 2))


class Akida2Builder:
    """Adds layers to a graph, each behind the last one unless it is told another.

    Args:
        seed: of weights and of the noise.
        bits: of weights and outputs, as networks are quantised: 8 or 4. First layers have weights
            of 8 bits.
    """

    def __init__(self, seed: int, bits: int = 8) -> None:
        self._rng = np.random.default_rng(seed)
        self._bits = bits
        self._layers: list[AnyLayer] = []
        self._inputs: dict[str, tuple[str, ...]] = {}
        self._made: dict[str, np.ndarray] = {}
        self._nodes: dict[str, Node] = {}
        self.last = ""

    @property
    def shape(self) -> Shape:
        """Of the last layer's output."""
        return self._nodes[self.last].output_shape

    def model(self, name: str) -> Model:
        """The network."""
        return Model(tuple(self._layers), inputs=self._inputs, name=name)

    def image(self, shape: Shape, filters: int, stride: int = 1, **settings: Any) -> str:
        """An InputConv2D."""
        kernel = settings.pop("kernel", 3)
        layer = InputConv2D(
            name=self._name(),
            input_shape=shape,
            stride=stride,
            padding_value=np.full(shape[2], settings.pop("border", 0), np.uint8),
            **self._scaled((kernel, kernel, shape[2], filters), {"weights_bits": 8} | settings),
        )
        return self._calibrated(layer, self._noise(shape, "uint8"))

    def data(self, shape: Shape, bits: int = 8) -> str:
        """The entrance of a network without images."""
        signed = bits > 4
        kind = SignedInputData if signed else InputData
        half = 1 << (bits - 1)
        given = self._rng.integers(-half, half, (1, *shape))
        values = given.astype(np.int8) if signed else (given + half).astype(np.uint8)
        return self._add(kind(self._name(), shape, bits), values)

    def floats(self, shape: Shape, first: bool = False) -> str:
        """A Quantizer; `first`: channels come first."""
        given = (shape[2], *shape[:2]) if first else shape
        layer = Quantizer(
            name=self._name(),
            input_shape=given,
            scales=self._rng.uniform(20, 60, shape[2]).astype(np.float32),
            zero_points=np.zeros(shape[2], np.uint8),
            output_signed=True,
            channels_first=first,
        )
        noise = self._rng.normal(0, 1, (1, *given)).astype(np.float32)
        self._add(layer, noise, run=True)
        return self._join(SignedInputData(self._name(), shape, 8), self.last)

    def conv(
        self, filters: int, kernel: int = 3, stride: int = 1, shift: int = 0, **settings: Any
    ) -> str:
        """A Conv2D; `shift`: the greatest of its inputs."""
        channels = self.shape[2]
        layer = Conv2D(
            name=self._name(),
            stride=stride,
            input_shift=self._rng.integers(0, shift + 1, channels).astype(np.uint8),
            **self._scaled((kernel, kernel, channels, filters), settings),
        )
        return self._calibrated(layer)

    def depthwise(self, kernel: int = 3, stride: int = 1, shift: int = 0, **settings: Any) -> str:
        """A DepthwiseConv2D, without an activation as conversion makes it of separable layers."""
        channels = self.shape[2]
        layer = DepthwiseConv2D(
            name=self._name(),
            stride=stride,
            input_shift=self._rng.integers(0, shift + 1, channels).astype(np.uint8),
            **self._scaled((kernel, kernel, channels), {"activation": None} | settings),
        )
        return self._calibrated(layer)

    def separable(self, filters: int, stride: int = 1, **settings: Any) -> str:
        """A depthwise and a 1x1 convolution."""
        self.depthwise(stride=stride)
        return self.conv(filters, 1, **settings)

    def transposed(self, filters: int | None = None, kernel: int = 3, shift: int = 0) -> str:
        """A transposed convolution; without filters one of each channel."""
        channels = self.shape[2]
        shifts = self._rng.integers(0, shift + 1, channels).astype(np.uint8)
        if filters is None:
            settings = self._scaled((kernel, kernel, channels), {})
            return self._calibrated(
                DepthwiseConv2DTranspose(name=self._name(), input_shift=shifts, **settings)
            )
        settings = self._scaled((kernel, kernel, channels, filters), {})
        return self._calibrated(Conv2DTranspose(name=self._name(), input_shift=shifts, **settings))

    def dense(self, units: int, output_bits: int | None = None, **settings: Any) -> str:
        """A Dense1D; with more than 8 bits of output: the last, without an activation."""
        inputs = self._nodes[self.last].output.elements
        if output_bits is not None:
            settings |= {"output_bits": output_bits, "activation": None}
        layer = Dense1D(
            name=self._name(),
            input_shift=np.zeros(inputs, np.uint8),
            **self._scaled((inputs, units), settings),
        )
        return self._calibrated(layer)

    def sum(self, first: str, second: str) -> str:
        """A ShiftedAdd."""
        channels = self._nodes[first].output_shape[2]
        layer = ShiftedAdd(
            name=self._name(),
            a_shift=self._rng.integers(0, 2, channels).astype(np.uint8),
            b_shift=self._rng.integers(0, 2, channels).astype(np.uint8),
            output_shift=np.full(channels, -1, np.int8),
        )
        return self._join(layer, first, second)

    def both(self, first: str, second: str) -> str:
        """A Concatenate."""
        return self._join(Concatenate(self._name()), first, second)

    def scores(self) -> str:
        """A Dequantizer."""
        scales = self._rng.uniform(1e-3, 1e-2, self.shape[2]).astype(np.float32)
        return self._join(Dequantizer(name=self._name(), scales=scales), self.last)

    def _name(self) -> str:
        return f"layer_{len(self._layers)}"

    def _noise(self, shape: Shape, dtype: str) -> np.ndarray:
        return self._rng.integers(0, 256, (1, *shape)).astype(dtype)

    def _scaled(self, shape: tuple[int, ...], settings: dict[str, Any]) -> dict[str, Any]:
        """Constants of a layer that is not calibrated yet; `settings` win."""
        bits, filters = settings.get("weights_bits", self._bits), shape[-1]
        half = 1 << (bits - 1)
        spread = np.clip(self._rng.normal(0, half / 3, shape).round(), -half, half - 1)
        kind = settings.get("activation", "relu")
        of_activation: dict[str, Any] = {}
        if kind == "relu":  # without a bound
            of_activation = {
                "max_value": np.full(filters, 127, np.uint8),
                "max_value_shift": np.full(filters, 31, np.uint8),
            }
        elif kind == "lut":
            of_activation = {
                "activation_scales": self._rng.integers(128, 256, filters).astype(np.uint8),
                "activation_shift": np.full(filters, -10, np.int8),
                "lut_values": self._rng.integers(-4000, 4000, 2048).astype(np.int32),
            }
        return {
            "weights": spread.astype(np.int8),
            "weights_bits": bits,
            "bias": self._rng.integers(-64, 64, filters).astype(np.int8),
            "bias_shift": np.zeros(filters, np.uint8),
            "activation": kind,
            "output_scales": self._rng.integers(128, 256, filters).astype(np.uint8),
            "output_shift": np.zeros(filters, np.int8),
            "output_bits": self._bits,
            "buffer_bits": 28,
            **of_activation,
            **settings,
        }

    def _add(self, layer: AnyLayer, given: np.ndarray, run: bool = False) -> str:
        """An entrance."""
        self._inputs[layer.name] = ()
        self._layers.append(layer)
        *_, node = connect(self._layers, self._inputs)
        self._made[layer.name] = run_node(node, given) if run else given
        self._nodes[layer.name] = node
        self.last = layer.name
        return layer.name

    def _join(self, layer: AnyLayer, *sources: str) -> str:
        self._inputs[layer.name] = sources
        self._layers.append(layer)
        *_, node = connect(self._layers, self._inputs)
        self._made[layer.name] = run_node(node, *(self._made[name] for name in sources))
        self._nodes[layer.name] = node
        self.last = layer.name
        return layer.name

    def _calibrated(self, layer: Any, given: np.ndarray | None = None) -> str:
        """Biases and scales that suit what comes in."""
        reach = self._reach(replace(layer, bias=np.zeros_like(layer.bias)), given)
        shift = np.clip(np.log2(max(reach, 1) / 256), 0, 12).astype(np.uint8)
        layer = replace(layer, bias_shift=np.full(layer.filters, shift))
        if layer.output_bits <= 8:
            goal = (1 << layer.output_bits) - 1 if layer.output_bits <= 4 else 127
            wanted = goal / (max(self._reach(layer, given), 1) * layer.output_scales)
            moved = np.clip(np.ceil(np.log2(wanted)), -31, 0)
            layer = replace(layer, output_shift=moved.astype(np.int8))
        if given is not None:
            return self._add(layer, given, run=True)
        return self._join(layer, self.last)

    def _reach(self, layer: Any, given: np.ndarray | None) -> float:
        """What nearly all of its outputs stay below, unscaled."""
        ones, zeros = np.ones(layer.filters, np.uint8), np.zeros(layer.filters, np.int8)
        bare = replace(layer, output_bits=32, output_scales=ones, output_shift=zeros)
        sources = () if given is not None else (self.last,)
        *_, node = connect([*self._layers, bare], {**self._inputs, layer.name: sources})
        made = run_node(node, self._made[self.last] if given is None else given)
        return float(np.quantile(np.abs(made.astype(np.float64)), 0.999))
