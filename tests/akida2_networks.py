"""Random networks of Akida 2.0: every layer, option and width, calibrated so that most layers use
their range, and driven now and then to where sums wrap around or saturate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

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
    ScaledLayer,
    ScaledSpatialLayer,
    Shape,
    ShiftedAdd,
    SignedInputData,
)
from akrt.model.node import connect

SAMPLES = 3
LARGEST = 1500
"""Elements of an input of a dense layer, and of an output of any."""


def akida2_networks() -> st.SearchStrategy[tuple[Model, np.ndarray]]:
    """A network and an input for it."""
    return st.integers(0, 2**32 - 1).map(akida2_network)


def akida2_network(seed: int, usual: bool = False) -> tuple[Model, np.ndarray]:
    """The network of a number, and an input for it.

    Args:
        seed: the number.
        usual: as conversion makes them: nothing is shifted on its way in, buffers are wide.
    """
    return _Draw(np.random.default_rng(seed), usual).network()


class _Draw:
    def __init__(self, rng: np.random.Generator, usual: bool) -> None:
        self.usual = usual
        self.rng = rng
        self.layers: list[AnyLayer] = []
        self.inputs: dict[str, tuple[str, ...]] = {}
        self.nodes: dict[str, Node] = {}
        self.made: dict[str, np.ndarray] = {}

    def network(self) -> tuple[Model, np.ndarray]:
        at, x = self._entrance()
        for _ in range(self.rng.integers(1, 5)):
            at = self._next(at)
        if self._chance(0.3):
            at = self._dense(at, last=True)
        elif isinstance(self.layers[-1], ScaledLayer | ShiftedAdd) and self._chance(0.4):
            self._widen()
        if self._chance(0.3):
            scales = self.rng.normal(0, 0.1, self._shape(at)[2]).astype(np.float32)
            self._add(Dequantizer(name="out", scales=scales), at)
        return Model(tuple(self.layers), inputs=self.inputs), x

    def _chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def _pick(self, *values: Any) -> Any:
        return values[self.rng.integers(len(values))]

    def _samples(self) -> int:
        """How many calibrate it."""
        return SAMPLES

    def _shape(self, name: str) -> Shape:
        return self.nodes[name].output_shape

    def _add(self, layer: AnyLayer, *sources: str) -> str:
        """The layer at the end of what there is."""
        self.inputs[layer.name] = sources
        self.layers.append(layer)
        *_, node = connect(self.layers, self.inputs)
        self.nodes[layer.name] = node
        if sources:
            self.made[layer.name] = run_node(node, *(self.made[name] for name in sources))
        return layer.name

    def _widen(self) -> None:
        """More bits for the last layer."""
        name = self.layers[-1].name
        narrow = all(self.nodes[source].output.bits <= 4 for source in self.inputs.get(name, ()))
        bits = self._pick(9, 12, 16, 24, 28, 31 if narrow else 32)
        wide = replace(self.layers.pop(), output_bits=bits)  # type: ignore[type-var]
        shift = np.minimum(wide.output_shift.astype(int) + max(bits - 8, 0), 31)
        if self._chance(0.8):
            wide = replace(wide, output_shift=shift.astype(np.int8))
        self._add(wide, *self.inputs[name])

    # entrances

    def _entrance(self) -> tuple[str, np.ndarray]:
        x, y = (int(v) for v in self.rng.integers(1, 13, 2))
        image = self._chance(0.5)
        shape = (x, y, int(self._pick(1, 3) if image else self.rng.integers(1, 9)))
        bits = int(self.rng.integers(1, 9))
        data: AnyLayer = InputData("data", shape, bits)
        if bits > 4:
            data = SignedInputData("data", shape, bits)
        quantized = self._chance(0.4)
        if quantized:
            first = self._pick(False, False, True)
            given = (shape[2], x, y) if first else shape
            signed = not image and bits > 4
            if not image:
                bits = 8 if bits > 4 else 4
                data = replace(data, input_bits=bits)  # type: ignore[type-var]
            scales = np.exp2(self.rng.uniform(-3, 8, shape[2])).astype(np.float32)
            zeros = self.rng.integers(0, self._pick(1, 4, 256), shape[2])
            entrance = Quantizer(
                name="quantizer",
                input_shape=given,
                scales=scales,
                zero_points=zeros.astype(np.uint8),
                output_bits=8 if image else bits,
                output_signed=signed,
                channels_first=first,
            )
            given_values = Model((entrance,)).noise(self.rng, self._samples())
            at = self._add(entrance)
            self.made[at] = run_node(self.nodes[at], given_values)
            sources: tuple[str, ...] = (at,)
        else:
            sources = ()
            probe: AnyLayer = data
            if image:
                probe = InputData("data", shape, 8)
            given_values = probe.noise(self.rng, self._samples())
            ends = probe.entry
            assert ends is not None
            given_values[0] = self._pick(ends.low, ends.high)
        if not image:
            at = self._add(data, *sources)
            self.made[at] = given_values if not quantized else self.made[sources[0]]
            return at, given_values
        seen = given_values if not quantized else self.made[sources[0]]
        layer = self._input_conv(shape)
        self.made["image"] = seen
        return self._calibrated(layer, sources, seen), given_values

    def _input_conv(self, shape: Shape) -> InputConv2D:
        padding = self._padding()
        kernel = self._pick(1, 2, 3, 3, 4, 5, 7, 10)
        if padding == "valid":
            kernel = min(kernel, *shape[:2])
        stride = int(self.rng.integers(1, kernel + 2))
        if padding == "same_upper":
            kernel, stride = self._pick(3, 5, 7), 2
        filters = self._pick(1, 2, 3, 8, 16, 17)
        layer = InputConv2D(
            name="image_conv",
            input_shape=shape,
            padding=padding,
            stride=stride,
            padding_value=self.rng.integers(0, 256, shape[2]).astype(np.uint8),
            **self._scaled((kernel, kernel, shape[2], filters), filters),
        )
        return replace(layer, pooling=self._pooling(layer, shape))

    # layers in between

    def _next(self, at: str) -> str:
        draws = [self._conv, self._conv, self._conv, self._depthwise, self._depthwise]
        x, y, channels = self._shape(at)
        if x * y * channels * 4 <= LARGEST:
            draws += [self._transposed, self._transposed]
        if x * y * channels <= LARGEST:
            draws += [self._dense]
        if len(self.nodes) > 0 and self.made[at].dtype in (np.uint8, np.int8):
            draws += [self._sum, self._joint]
        return str(self._pick(*draws)(at))

    def _name(self) -> str:
        return f"layer_{len(self.layers)}"

    def _conv(self, at: str, same: bool = False) -> str:
        shape = self._shape(at)
        padding = "same" if same else self._padding()
        stride = 1 if same else self._pick(1, 1, 2)
        kernel = self._pick(1, 3) if stride == 2 else self._pick(1, 3, 3, 5, 7, 9)
        if padding == "same_upper":
            kernel, stride = 3, 2
        if padding == "valid" and kernel > min(shape[:2]):
            kernel = 1
        filters = shape[2] if same else self._pick(1, 2, 4, 8, 16, 17)
        layer = Conv2D(
            name=self._name(),
            padding=padding,
            stride=stride,
            input_shift=self._shifts(shape[2]),
            **self._scaled((kernel, kernel, shape[2], filters), filters),
        )
        if not same:
            layer = replace(layer, pooling=self._pooling(layer, shape))
        return self._calibrated(layer, (at,))

    def _depthwise(self, at: str) -> str:
        shape = self._shape(at)
        padding = self._padding()
        stride = self._pick(1, 1, 2)
        kernel = 3 if stride == 2 or padding == "same_upper" else self._pick(1, 3, 5, 7)
        if padding == "same_upper":
            stride = 2
        if padding == "valid" and kernel > min(shape[:2]):
            padding, kernel = "same", 3
        layer = DepthwiseConv2D(
            name=self._name(),
            padding=padding,
            stride=stride,
            input_shift=self._shifts(shape[2]),
            **self._scaled((kernel, kernel, shape[2]), shape[2]),
        )
        layer = replace(layer, pooling=self._pooling(layer, shape))
        return self._calibrated(layer, (at,))

    def _transposed(self, at: str) -> str:
        channels = self._shape(at)[2]
        kernel, shift = self._pick(3, 4), self._shifts(channels)
        layer: ScaledLayer
        if self._chance(0.5):
            filters = self._pick(1, 3, 8)
            settings = self._scaled((kernel, kernel, channels, filters), filters)
            layer = Conv2DTranspose(name=self._name(), input_shift=shift, **settings)
        else:
            settings = self._scaled((kernel, kernel, channels), channels)
            layer = DepthwiseConv2DTranspose(name=self._name(), input_shift=shift, **settings)
        return self._calibrated(layer, (at,))

    def _dense(self, at: str, last: bool = False) -> str:
        x, y, channels = self._shape(at)
        rows, units = x * y * channels, self._pick(1, 2, 5, 10, 16)
        settings = self._scaled((rows, units), units)
        if last:
            settings["output_bits"] = self._pick(8, 16, 28, 32)
        layer = Dense1D(name=self._name(), input_shift=self._shifts(rows), **settings)
        return self._calibrated(layer, (at,))

    def _sum(self, at: str) -> str:
        other = self._conv(at, same=True)
        sources = (at, other) if self._chance(0.5) else (other, at)
        channels = self._shape(at)[2]
        top = 31 if self._chance(0.1) else 4
        layer = ShiftedAdd(
            name=self._name(),
            a_shift=self.rng.integers(0, top + 1, channels).astype(np.uint8),
            b_shift=self.rng.integers(0, top + 1, channels).astype(np.uint8),
            output_shift=self.rng.integers(-top, 2, channels).astype(np.int8),
            output_bits=self._pick(8, 8, 8, 4, 5, 2),
            buffer_bits=self._pick(32, 32, 28, 16, 9, 4),
        )
        return self._add(layer, *sources)

    def _joint(self, at: str) -> str:
        value = self.nodes[at].output
        other = self._conv(at, same=True)
        bits = self._joined_bits(at)
        if bits is None:
            return other
        wide = replace(self.layers.pop(), output_bits=bits)  # type: ignore[type-var]
        self._add(wide, at)
        if self.nodes[other].output.dtype != value.dtype:
            return other
        sources = (at, other) if self._chance(0.5) else (other, at)
        return self._add(Concatenate(self._name()), *sources)

    def _joined_bits(self, at: str) -> int | None:
        """Of a layer that is to be joined with the output of `at`: akida wants them equal."""
        layer = self.nodes[at].layer
        if isinstance(layer, Concatenate):
            return self._joined_bits(self.nodes[at].sources[0])
        if isinstance(layer, ShiftedAdd):
            return layer.output_bits if layer.output_bits > 4 else None
        bits = getattr(layer, "output_bits", None)
        return getattr(layer, "input_bits", None) if bits is None else bits

    # constants

    def _padding(self) -> str:
        return str(self._pick("same", "same", "same", "valid", "same_upper"))

    def _pooling(self, layer: ScaledSpatialLayer, shape: Shape) -> Pooling | None:
        kind = self._pick(None, None, "max", "average")
        conv = layer.conv_shape(shape)
        if kind == "max" and layer.padding != "same_upper":
            size = int(self.rng.integers(1, 5))
            stride = int(self.rng.integers(1, size + 1))
            if layer.padding == "valid" and size > min(conv[:2]):
                return None
            return Pooling("max", (size, size), (stride, stride))
        average = kind == "average" and not isinstance(layer, InputConv2D)
        return Pooling("average") if average else None

    def _shifts(self, channels: int) -> np.ndarray:
        """Mostly small; now and then so large that sums wrap around."""
        top = 0 if self.usual else self._pick(0, 1, 3, 3, 3, 3, 12, 31)
        return self.rng.integers(0, top + 1, channels).astype(np.uint8)

    def _scaled(self, shape: tuple[int, ...], filters: int) -> dict[str, Any]:
        """Weights and constants of a layer that is not calibrated yet."""
        bits = self._pick(4, 8, 8)
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        weights = self.rng.integers(low, high + 1, shape)
        if self._chance(0.2):
            weights = self.rng.choice([low, high], shape)
        wide = self.usual or self._chance(0.75)
        return {
            "weights": weights.astype(np.int8),
            "weights_bits": bits,
            "bias": self.rng.integers(-128, 128, filters).astype(np.int8),
            "bias_shift": np.zeros(filters, np.uint8),
            "output_scales": np.ones(filters, np.uint8),
            "output_shift": np.zeros(filters, np.int8),
            "output_bits": self._pick(8, 8, 8, 4, 4, 5, 2, 1, 7),
            "buffer_bits": self._pick(28, 32) if wide else int(self.rng.integers(1, 33)),
            "post_op_buffer_bits": 32 if wide else int(self.rng.integers(1, 33)),
        }

    def _calibrated(
        self, layer: Any, sources: tuple[str, ...], given: np.ndarray | None = None
    ) -> str:
        """The layer with a bias, an activation and scales that suit what it takes."""
        rng, filters = self.rng, layer.filters
        if self._chance(0.1):  # whatever a file may hold
            layer = replace(
                layer,
                bias_shift=rng.integers(0, 32, filters).astype(np.uint8),
                output_scales=rng.integers(0, 256, filters).astype(np.uint8),
                output_shift=rng.integers(-31, 32, filters).astype(np.int8),
                **self._activation(filters, 2.0 ** rng.integers(0, 31)),
            )
            return self._placed(layer, sources, given)
        reach = self._reach(layer, sources, given)
        shift = np.clip(np.log2(reach / 128) - rng.integers(0, 4), 0, 31).astype(np.uint8)
        layer = replace(layer, bias_shift=np.full(filters, shift))
        layer = replace(layer, **self._activation(filters, self._reach(layer, sources, given)))
        reach = self._reach(layer, sources, given)
        scales = rng.integers(1, 256, filters)
        goal = float(1 << layer.output_bits) * rng.uniform(0.4, 1.5)
        shifts = np.round(np.log2(goal / (reach * scales)))
        layer = replace(
            layer,
            output_scales=scales.astype(np.uint8),
            output_shift=np.clip(shifts, -31, 31).astype(np.int8),
        )
        return self._placed(layer, sources, given)

    def _activation(self, filters: int, reach: float) -> dict[str, Any]:
        kind = self._pick(None, "relu", "relu", "lut")
        if kind == "relu":
            bounded = self._chance(0.6)
            shift = np.clip(np.log2(reach / 128), 0, 31) if bounded else 31
            return {
                "activation": kind,
                "max_value": self.rng.integers(1, 256, filters).astype(np.uint8),
                "max_value_shift": np.full(filters, int(shift), np.uint8),
            }
        if kind == "lut":
            scales = self.rng.integers(1, 256, filters)
            shift = np.clip(np.round(np.log2(1500 / (reach * scales))), -31, 31)
            most = int(self._pick(127, 8191, 8191, 2**31 - 1))
            return {
                "activation": kind,
                "activation_scales": scales.astype(np.uint8),
                "activation_shift": shift.astype(np.int8),
                "lut_values": self.rng.integers(-most - 1, most + 1, 2048).astype(np.int32),
            }
        return {}

    def _reach(self, layer: Any, sources: tuple[str, ...], given: np.ndarray | None) -> float:
        """The greatest magnitude that it gives unscaled."""
        bare = replace(layer, output_bits=32)
        raw = self._output(bare, sources, given)
        return max(float(np.abs(raw.astype(np.float64)).max()), 1.0)

    def _output(self, layer: Any, sources: tuple[str, ...], given: np.ndarray | None) -> np.ndarray:
        *_, node = connect([*self.layers, layer], {**self.inputs, layer.name: sources})
        return run_node(node, *([given] if given is not None else [self.made[s] for s in sources]))

    def _placed(self, layer: AnyLayer, sources: tuple[str, ...], given: np.ndarray | None) -> str:
        output = self._output(layer, sources, given)
        name = self._add(layer, *sources) if sources else self._first(layer)
        self.made[name] = output
        return name

    def _first(self, layer: AnyLayer) -> str:
        self.inputs[layer.name] = ()
        self.layers.append(layer)
        (self.nodes[layer.name],) = connect(self.layers, self.inputs)
        return layer.name


__all__ = ["akida2_network", "akida2_networks"]
