"""A layer in its place in a network: what it takes and gives, and the integers it can meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from akrt.errors import ModelError, UnsupportedLayerError
from akrt.model.families import Extent, Layer
from akrt.model.value import MAX_TENSOR_ELEMENTS, POTENTIAL_MAX, Shape, Value

__all__ = ["Node", "connect"]

INT32_MAX = (1 << 31) - 1


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """A layer in its place in a network."""

    layer: Layer
    sources: tuple[str, ...]
    """Names of the layers whose outputs it takes; none: it takes what the caller gives."""
    inputs: tuple[Value, ...]
    """What it takes: of each source, or of the caller."""
    output: Value
    extent: Extent

    @property
    def input_shape(self) -> Shape:
        """(X, Y, C) of the first input."""
        return self.inputs[0].shape

    @property
    def input_max(self) -> int:
        """Largest value of any input; the smallest is 0."""
        return max(value.high for value in self.inputs)

    @property
    def output_shape(self) -> Shape:
        """(X, Y, C)."""
        return self.output.shape

    @property
    def output_max(self) -> int | None:
        """Largest activation; None where the output is a potential."""
        return None if self.output.is_potential else self.output.high

    @property
    def conv_shape(self) -> Shape:
        """Shape of the potentials before pooling."""
        return self.extent.conv_shape

    @property
    def max_potential(self) -> int:
        """Bound of the magnitude of every potential and of every partial sum of one."""
        return self.extent.max_potential

    @property
    def max_depthwise(self) -> int:
        """The same of what is between depthwise and pointwise; 0 where there is no depthwise."""
        return self.extent.max_depthwise

    @property
    def max_activated(self) -> int:
        """Bound of the magnitude of every potential that meets the activation."""
        return self.layer.max_activated(self.extent)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return self.extent.macs

    @property
    def beyond_20_bits(self) -> bool:
        """Whether potentials that do not saturate can leave the chip's range.

        In akida's software backend they do, which is then no reference for the chip.
        """
        return not self.layer.saturates and self.max_potential > POTENTIAL_MAX


def connect(layers: Sequence[Layer], sources: Mapping[str, tuple[str, ...]]) -> Iterator[Node]:
    """The nodes of a network, in the order of its layers.

    Args:
        layers: each after those whose outputs it takes.
        sources: names of the layers whose outputs a layer takes, by its own name.

    Raises:
        ModelError: they do not fit together.
        UnsupportedLayerError: a layer whose tensors or potentials would be too large.
    """
    made: dict[str, Node] = {}
    for layer in layers:
        named = sources[layer.name]
        if layer.arity == 0 and made:
            raise ModelError(f"layer '{layer.name}' ({layer.kind}) must be the first")
        if len(named) != layer.arity:
            raise ModelError(
                f"layer '{layer.name}' ({layer.kind}) takes {layer.arity} inputs, "
                f"{len(named)} are named: Model(..., inputs={{'{layer.name}': (...)}})"
            )
        for name in named:
            if name not in made:
                raise ModelError(
                    f"layer '{layer.name}' takes the output of '{name}', "
                    f"which is no layer before it"
                )
            if made[name].output.is_potential:
                raise ModelError(
                    f"layer '{name}' has no activation but is followed by "
                    f"'{layer.name}': only the last layer may output potentials"
                )
        inputs = tuple(made[name].output for name in named)
        made[layer.name] = _node(layer, named, inputs if layer.entry is None else (layer.entry,))
        yield made[layer.name]


def _node(layer: Layer, sources: tuple[str, ...], inputs: tuple[Value, ...]) -> Node:
    reach = max(value.high for value in inputs)
    if reach > layer.input_high:
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"takes values of at most {layer.input_high.bit_length()} bits, "
            f"but its input reaches {reach}",
        )
    extent = layer.extent(inputs)
    largest = max(extent.max_potential, extent.max_depthwise)
    if largest > INT32_MAX - (1 << 20):
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"potentials can reach {largest:,}, beyond 32 bits: use fewer inputs or narrower "
            f"weights",
        )
    for shape in (*(value.shape for value in inputs), extent.conv_shape, extent.output_shape):
        if shape[0] * shape[1] * shape[2] > MAX_TENSOR_ELEMENTS:
            raise UnsupportedLayerError(
                layer.name,
                layer.kind,
                f"a tensor of shape {shape} has more than {MAX_TENSOR_ELEMENTS:,} elements",
            )
    return Node(layer, sources, inputs, layer.output(extent), extent)
